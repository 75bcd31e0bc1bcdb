"""Does tasks side by side in processes of their own, or in turn in this one: to the same bits.

A worker is ``python -m glasscell.training.worker``. It imports nothing of the program that started
it, so a script needs no ``if __name__ == "__main__"``, and notebooks and standard input work too.
It shares no lock with other processes and talks over one socket: when its starter is gone, however
that ended, the socket is closed and so is the worker. What all tasks read lies in one nameless file
that every worker maps, so that large arrays are in memory once.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from types import TracebackType
from typing import IO, Any, Protocol

import torch

import glasscell
from glasscell.errors import DataError, GlasscellError
from glasscell.training.process import Process

PATIENCE = 0.1
"""Seconds between two looks at whether to stop, while no worker says anything."""

ALIGNMENT = 64
"""Bytes that a mapped array begins at a multiple of, as fresh ones do."""

LIMITS = ("GLASSCELL", "OMP", "OPENBLAS", "MKL")
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in LIMITS}


class WorkerError(GlasscellError, RuntimeError):
    """A worker process ended before its task: killed, most often for want of memory."""


class Line(Protocol):
    """How a task talks to the process that started it."""

    def tell(self, message: Any) -> None:
        """Pass something on."""

    @property
    def stopped(self) -> bool:
        """Whether the task is to end early, with what it has."""


Function = Callable[[Any, Any, Line], Any]
"""What is done: takes what all tasks share, one task, and the line; a worker imports it by name."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch, glasscell's kernels and every BLAS on one thread for the duration of a block.

    Notes:
        A step of a network of some 32 units takes a few milliseconds. Two threads gain little on it
        if both cores are idle, and wait for each other most of the time if one is busy. The bits of
        the kernels are the same for any number of threads.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # glasscell.nn takes torch's number
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


def count(jobs: int | None, tasks: int) -> int:
    """Decide how many tasks to do side by side.

    Args:
        jobs: What the user wants; None: one a core that this process may use, or one where the
            tasks share a GPU or a launcher such as torchrun already started several processes.
        tasks: How many there are.

    Raises:
        DataError: `jobs` is no positive whole number, or this system cannot.

    >>> count(8, tasks=3)
    3
    """
    if jobs is not None and (not isinstance(jobs, Integral) or isinstance(jobs, bool) or jobs < 1):
        raise DataError(f"--jobs: expected a whole number from 1, got {jobs!r}")
    obstacle = _obstacle()
    if jobs is not None and jobs > 1 and obstacle:
        raise DataError(f"--jobs: expected 1 {obstacle}, got {jobs}")
    if jobs is None:
        alone = obstacle or torch.accelerator.is_available()
        jobs = 1 if alone else glasscell.get_num_threads()
    return max(1, min(int(jobs), tasks))


def _obstacle() -> str:
    if "RANK" in os.environ or "LOCAL_RANK" in os.environ:
        return "under a launcher"
    if os.name != "posix":
        return "on this system"
    if not sys.executable or getattr(sys, "frozen", False):
        return "where Python is part of another program"
    return ""


class Workers:
    """Processes that stay for several calls; use as a context manager.

    Args:
        jobs: Tasks at a time; with 1 everything is done in this process.

    Notes:
        Every task runs on one thread, in whichever process.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._free: list[_Worker] = []
        self._busy: dict[_Worker, int] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in (*self._free, *self._busy):
            worker.end()
        self._free, self._busy = [], {}

    def start(self, tasks: int) -> None:
        """Start the processes for so many tasks, so that they import while this one goes on."""
        wanted = min(self.jobs, tasks) if self.jobs > 1 else 0
        while len(self._free) + len(self._busy) < wanted:
            self._free.append(_Worker())

    def call(
        self,
        function: Function,
        shared: Any,
        tasks: Sequence[Any],
        hear: Callable[[int, Any], None],
        stopped: Callable[[], bool] = lambda: False,
        names: Sequence[str] = (),
    ) -> list[Any]:
        """Do all tasks.

        Args:
            function: Of a module, done once for every task.
            shared: Its first argument, the same for all.
            tasks: Its second arguments, begun in this order.
            hear: Called here with a task's number and what it tells.
            stopped: Asked all the time; once True, no task is begun and running ones are told.
            names: What to call the tasks in errors.

        Returns:
            What the function gave, in the order of the tasks; None for those never begun.

        Raises:
            WorkerError: A worker was killed.
            Exception: What a task raised.
        """
        if self.jobs == 1:
            return _in_turn(function, shared, tasks, hear, stopped)
        with _laid_out((function, shared)) as material:
            return self._side_by_side(material, tasks, hear, stopped, names)

    def _side_by_side(
        self,
        material: _Material,
        tasks: Sequence[Any],
        hear: Callable[[int, Any], None],
        stopped: Callable[[], bool],
        names: Sequence[str],
    ) -> list[Any]:
        from multiprocessing.connection import wait

        results: list[Any] = [None] * len(tasks)
        names = names or [f"task {number}" for number in range(len(tasks))]
        waiting = deque(range(len(tasks)))
        self.start(len(tasks))
        for worker in self._free:
            worker.prepare(material)
        stopping = False
        while self._busy or (waiting and not stopping):
            while self._free and waiting and not stopping:
                worker, number = self._free.pop(0), waiting.popleft()
                self._busy[worker] = number
                worker.send("task", tasks[number], names[number])
            for ready in wait([worker.line for worker in self._busy], PATIENCE):
                worker = next(one for one in self._busy if one.line is ready)
                number = self._busy[worker]
                kind, content = worker.receive(names[number])
                if kind == "told":
                    hear(number, content)
                    continue
                self._free.append(worker)
                del self._busy[worker]
                if kind == "raised":
                    raise content
                results[number] = content
            if not stopping and stopped():
                stopping = True
                for worker, number in self._busy.items():
                    worker.send("stop", None, names[number])
        return results


class _Worker(Process):
    """One process and the line to it."""

    def __init__(self) -> None:
        # Its standard output goes to our standard error: ours belongs to results.
        super().__init__("glasscell.training.worker", environment=ONE_THREAD, output=2)

    def prepare(self, material: _Material) -> None:
        from multiprocessing.reduction import send_handle

        with self._heard("tasks to come"):
            self._send("material", (material.head, material.places))
            send_handle(self.line, material.file.fileno(), self.process.pid)

    def send(self, kind: str, content: Any, name: str) -> None:
        with self._heard(name):
            self._send(kind, content)

    def receive(self, name: str) -> tuple[str, Any]:
        with self._heard(name):
            answer: tuple[str, Any] = pickle.loads(self.line.recv_bytes())
        return answer

    def _send(self, kind: str, content: Any) -> None:
        # Not line.send: torch makes it pass tensors through shared memory, which may run out.
        self.line.send_bytes(pickle.dumps((kind, content), protocol=5))

    @contextmanager
    def _heard(self, name: str) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError):
            raise WorkerError(
                f"the process for {name} {self.how_it_ended()} before it was done; if memory ran "
                "out, take fewer --jobs"
            ) from None


class _Material:
    """What all tasks read: a pickle, and the arrays beside it in a file to map."""

    def __init__(self, content: Any, file: IO[bytes]) -> None:
        arrays: list[pickle.PickleBuffer] = []
        self.file = file
        self.head = pickle.dumps(content, protocol=5, buffer_callback=arrays.append)
        self.places: list[tuple[int, int]] = []
        for array in arrays:
            raw = array.raw()
            file.seek(-file.tell() % ALIGNMENT, os.SEEK_CUR)
            self.places.append((file.tell(), raw.nbytes))
            file.write(raw)
        file.write(b"\0")  # a file of no bytes cannot be mapped
        file.flush()


@contextmanager
def _laid_out(content: Any) -> Iterator[_Material]:
    with tempfile.TemporaryFile() as file:
        yield _Material(content, file)


class _Direct:
    """The line of a task that is done in this process."""

    def __init__(self, tell: Callable[[Any], None], stopped: Callable[[], bool]) -> None:
        self.tell, self._stopped = tell, stopped

    @property
    def stopped(self) -> bool:
        return self._stopped()


def _in_turn(
    function: Function,
    shared: Any,
    tasks: Sequence[Any],
    hear: Callable[[int, Any], None],
    stopped: Callable[[], bool],
) -> list[Any]:
    results: list[Any] = [None] * len(tasks)
    with one_thread():
        for number, task in enumerate(tasks):
            if stopped():
                break
            line = _Direct(partial(hear, number), stopped)
            results[number] = function(shared, task, line)
    return results
