"""A process with one engine: prepares cases and measures its own calls, at the parent's word.

An engine's thread pool, allocator and first calls are nobody else's here. A mistake of the engine
ends the process; the parent reads why from its standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from typing import Any

from glasscell.arrays import Array
from glasscell.bench import clock, limit, memory, numbers
from glasscell.bench.caches import caches
from glasscell.bench.cases import Case
from glasscell.bench.engines import CannotRun, Run, create, listing

__all__ = ["Desk", "serve"]


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
            return clock.seconds(run.call, calls, warm=warm)

    def new_length(self, case: Case, way: str, steps: int) -> float:
        """Time the first call with so many steps: seconds."""
        run = self._runs[case, way]
        assert run.at is not None
        call = run.at(steps)
        with run.inside():
            return clock.seconds(call, 1, warm=False)

    def peak(self, case: Case, way: str) -> int:
        """Bytes that calls add at their peak."""
        run = self._runs[case, way]
        with run.inside():
            return memory.peak(run.call)

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


def main(name: str, threads: int, descriptor: int, cpus: str) -> None:
    """Pin this process, then import the engine: pools size themselves by the CPUs that they see."""
    places = [int(cpu) for cpu in cpus.split(",") if cpu]
    if places:
        os.sched_setaffinity(0, places)
    serve(Connection(descriptor), Desk(name, threads, places))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
