"""The parent's end of the engines' processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe
from types import TracebackType
from typing import Any, Self

from glasscell.bench.engines import CannotRun

__all__ = ["Worker"]

PATIENCE = 300.0
"""Seconds to wait for a reply before an engine counts as hung."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class Worker:
    """A process with one engine; starts at the first `ask`, and anew after it has died.

    Args:
        name: The engine.
        threads: How many it may use.
        cpus: The CPUs that it is pinned to; none: not pinned.
    """

    def __init__(self, name: str, threads: int, cpus: Sequence[int]) -> None:
        self.name = name
        self._threads, self._cpus = threads, cpus
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, command: str, *arguments: Any) -> Any:
        """Have the engine do something and wait for it.

        Args:
            command: A method of `worker.Desk`.
            *arguments: Its arguments.

        Raises:
            CannotRun: The engine cannot do this case, or failed or hung on it.
        """
        if self._connection is None:
            self._start()
        assert self._connection is not None
        try:
            self._connection.send((command, *arguments))
            if not self._connection.poll(PATIENCE):
                self.close()
                raise CannotRun(f"no reply to {command} in {PATIENCE:.0f} s")
            outcome, reply = self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise CannotRun(f"failed: {self._last_words()}") from None
        if outcome == "cannot":
            raise CannotRun(reply)
        return reply

    def fresh(self) -> Self:
        """Give another process of the same engine, not started."""
        return type(self)(self.name, self._threads, self._cpus)

    def close(self) -> None:
        """End the process."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._log.close()
        self._process = self._connection = None

    def _start(self) -> None:
        own, other = Pipe()
        threads = dict.fromkeys(THREAD_VARIABLES, str(self._threads))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "glasscell.bench.engine_worker", self.name,
                str(self._threads), str(other.fileno()), ",".join(map(str, self._cpus)),
            ],
            env={**os.environ, **SETTINGS, **threads},
            pass_fds=[other.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is the parent's; it ends this process
        )  # fmt: skip
        other.close()
        self._connection = own

    def _last_words(self) -> str:
        """What a dead process wrote last."""
        assert self._process is not None
        code = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        self.close()
        return lines[-1] if lines else f"exit code {code}"
