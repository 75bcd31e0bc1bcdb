"""A process for each engine, and the parent's line to it: `Worker` asks, `Desk` does.

An engine's thread pool, allocator and first calls disturb no other engine. A mistake of the engine
ends the process; the parent reads why from its standard error.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import repeat
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from glasscell.arrays import Array
from glasscell.bench import limit, numbers
from glasscell.bench.cases import Case
from glasscell.bench.engines import CannotRun, Run, create, listing
from glasscell.bench.machine import caches
from glasscell.training.process import Process

__all__ = ["Desk", "Worker", "serve"]

PATIENCE = 300.0
"""Seconds to wait for a reply before an engine counts as hung."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")
CALLS = 3
"""The first call alone would miss what later ones add, before the allocator reuses anything."""


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
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def ask(self, command: str, *arguments: Any) -> Any:
        """Have the engine do something and wait for it.

        Args:
            command: A method of `Desk`.
            *arguments: Its arguments.

        Raises:
            CannotRun: The engine cannot do this case, or failed or hung on it.
        """
        process = self._process or self._start()
        try:
            process.line.send((command, *arguments))
            if not process.line.poll(PATIENCE):
                self.close()
                raise CannotRun(f"no reply to {command} in {PATIENCE:.0f} s")
            outcome, reply = process.line.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise CannotRun(f"failed: {self._last_words(process)}") from None
        if outcome == "cannot":
            raise CannotRun(reply)
        return reply

    def fresh(self) -> Self:
        """Give another process of the same engine, not started."""
        return type(self)(self.name, self._threads, self._cpus)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._log.close()
        self._process = None

    def _start(self) -> Process:
        threads = dict.fromkeys(THREAD_VARIABLES, str(self._threads))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        self._process = Process(
            __name__,
            self.name,
            str(self._threads),
            ",".join(map(str, self._cpus)),
            environment=SETTINGS | threads,
            output=self._log,
            error=self._log,
        )
        return self._process

    def _last_words(self, process: Process) -> str:
        """What a dead process wrote last."""
        ending = process.how_it_ended()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        self.close()
        return lines[-1] if lines else ending


class Desk:
    """What a worker can be asked to do: each public method is a command.

    Args:
        name: The engine.
        threads: How many it may use.
        cpus: The CPUs that this process is pinned to; none where it is not.
    """

    def __init__(self, name: str, threads: int, cpus: Sequence[int] = ()) -> None:
        self._name, self._threads, self._cpus = name, threads, cpus
        self._engine = create(name, threads)
        self._runs: dict[tuple[Case, str], Run] = {}

    def versions(self) -> dict[str, str | None]:
        """Give the versions of the engine's packages."""
        return {package: _version(package) for package in listing(self._name).packages}

    def limits(self) -> limit.Limits:
        """Measure the machine's limits on the CPUs that engines may use."""
        return limit.probe(self._threads, caches(self._cpus, self._threads))

    def prepare(self, case: Case) -> dict[str, dict[str, float]]:
        """Prepare a case: every way's name, and the facts about it."""
        runs = self._engine.prepare(case, numbers.make(case))
        self._runs.update({(case, way): run for way, run in runs.items()})
        return {way: run.facts for way, run in runs.items()}

    def answer(self, case: Case, way: str) -> Array:
        """Compute the answer."""
        run = self._runs[case, way]
        with run.inside():
            return run.answer()

    def seconds(self, case: Case, way: str, calls: int, warm: bool = True) -> float:
        """Time some calls in a row: seconds of one."""
        run = self._runs[case, way]
        with run.inside():
            return _seconds(run.call, calls, warm=warm)

    def new_length(self, case: Case, way: str, steps: int) -> float:
        """Time the first call with so many steps: seconds."""
        run = self._runs[case, way]
        assert run.at is not None
        call = run.at(steps)
        with run.inside():
            return _seconds(call, 1, warm=False)

    def peak(self, case: Case, way: str) -> int:
        """Bytes that calls add at their peak."""
        run = self._runs[case, way]
        with run.inside():
            return _peak(run.call)

    def forget(self) -> None:
        """Let go of every prepared case."""
        self._runs.clear()


def serve(connection: Connection, desk: Desk) -> None:
    """Answer commands until the parent is gone: (name, *arguments) to ("ok" or "cannot", reply)."""
    while True:
        try:
            command, *arguments = connection.recv()
        except EOFError:
            return
        reply: tuple[str, Any]
        try:
            reply = "ok", getattr(desk, command)(*arguments)
        except CannotRun as reason:
            reply = "cannot", str(reason)
        connection.send(reply)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _seconds(call: Callable[[], object], calls: int, *, warm: bool = True) -> float:
    """Time one call, as the mean of some in a row.

    Args:
        call: What to time; its result is dropped.
        calls: How many, at least 1.
        warm: Whether one call that is not timed goes before, to wake threads and fill caches.

    Returns:
        Seconds of one call, with about 15 ns for the loop.
    """
    if warm:
        call()
    was_on = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in repeat(None, calls):
            call()
        return (time.perf_counter() - start) / calls
    finally:
        if was_on:
            gc.enable()


def _peak(call: Callable[[], object]) -> int:
    """Make some calls and give the most resident bytes above those before.

    Raises:
        CannotRun: The system does not tell, or not for one part of a process's life.
    """
    if not REFERENCES.exists():
        raise CannotRun("peak memory needs Linux's /proc")
    ctypes.CDLL(None).malloc_trim(0)  # else calls would live in what preparing left behind
    REFERENCES.write_text("5", encoding="ascii")  # the peak starts anew
    before = _bytes("VmRSS")
    for _ in range(CALLS):
        call()
    return _bytes("VmHWM") - before


def _bytes(field: str) -> int:
    size = re.search(rf"^{field}:\s+(\d+) kB$", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    assert size is not None
    return 1024 * int(size[1])


def main(descriptor: int, name: str, threads: int, cpus: str) -> None:
    """Pin this process, then import the engine: pools size themselves by the CPUs that they see."""
    places = [int(cpu) for cpu in cpus.split(",") if cpu]
    if places:
        os.sched_setaffinity(0, places)
    serve(Connection(descriptor), Desk(name, threads, places))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
