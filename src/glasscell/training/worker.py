"""The process that `workers` starts: does the tasks that come over its line until the line ends."""

from __future__ import annotations

import mmap
import os
import pickle
import sys
import traceback
from typing import Any


class StarterGoneError(Exception):
    """The process that wanted the result is gone."""


class Line:
    """The worker's end of the line, for the time of one task or between two.

    Args:
        connection: To the process that started this one.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._stopped = False

    def tell(self, message: Any) -> None:
        """Pass something on to the starter."""
        self.send("told", message)

    @property
    def stopped(self) -> bool:
        """Whether the starter wants no more."""
        while not self._stopped and self._connection.poll():
            self._stopped = self.receive()[0] == "stop"
        return self._stopped

    def send(self, kind: str, content: Any) -> None:
        """Send one message."""
        try:
            self._connection.send_bytes(pickle.dumps((kind, content), protocol=5))
        except ConnectionError as error:
            raise StarterGoneError from error

    def receive(self) -> tuple[str, Any]:
        """Wait for one message."""
        try:
            message: tuple[str, Any] = pickle.loads(self._connection.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise StarterGoneError from error
        return message

    def receive_material(self, head: bytes, places: list[tuple[int, int]]) -> Any:
        """Take up what all tasks read: the pickle came in words, the file comes as a handle."""
        from multiprocessing.reduction import recv_handle

        handle = recv_handle(self._connection)
        # A private copy of what is written to, the file's own pages for all else.
        mapped = memoryview(mmap.mmap(handle, 0, access=mmap.ACCESS_COPY))
        os.close(handle)
        return pickle.loads(head, buffers=[mapped[at : at + size] for at, size in places])


def serve(connection: Any) -> None:
    """Do tasks until the starter is gone."""
    function = shared = None
    while True:
        line = Line(connection)
        kind, content = line.receive()  # to stop may come too late for a task; then it is over
        if kind == "material":
            function, shared = line.receive_material(*content)
        elif kind == "task":
            assert function is not None
            line.send(*_answer(function, shared, content, line))


def _answer(function: Any, shared: Any, task: Any, line: Line) -> tuple[str, Any]:
    try:
        return "done", function(shared, task, line)
    except StarterGoneError:
        raise
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return "raised", error


def main() -> None:
    """Serve the line whose number is the first argument."""
    from multiprocessing.connection import Connection

    try:
        serve(Connection(int(sys.argv[1])))
    except StarterGoneError:
        return


if __name__ == "__main__":
    main()
