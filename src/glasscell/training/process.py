"""Starts another Python at the other end of a line. It needs no torch: benchmarks use it too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class Process:
    """A module that runs in a process of its own, and the line to it.

    Args:
        module: Run as ``python -m``; its first argument is the descriptor of its end of the line.
        *arguments: Its other ones.
        environment: Variables beside those of this process.
        output: Where its standard output goes.
        error: Where its standard error goes; None: to that of this process.

    Notes:
        It shares no lock with other processes, and its end of the line is closed when its starter
        is gone, however that ended. It never sees Ctrl-C: its starter decides what that means.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str],
        output: int | IO[bytes],
        error: int | IO[bytes] | None = None,
    ) -> None:
        from multiprocessing import Pipe

        self.line, theirs = Pipe()
        path = os.pathsep.join(str(entry or Path.cwd()) for entry in sys.path)
        with _interrupts_held():
            self.process = subprocess.Popen(
                # -P: the folder in which the user happens to be is no place to import from.
                [sys.executable, "-P", "-m", module, str(theirs.fileno()), *arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=error,
                env=os.environ | environment | {"PYTHONPATH": path},
            )
        theirs.close()

    def how_it_ended(self) -> str:
        """Wait for its end and say how it came."""
        code = self.process.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    def end(self) -> None:
        """End it at once."""
        self.line.close()
        self.process.kill()
        self.process.wait()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Have processes started in the block inherit a mask without Ctrl-C."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
