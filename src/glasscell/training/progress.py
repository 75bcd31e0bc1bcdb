"""Shows how training goes: bars with the time left on a terminal, else one line per epoch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from glasscell.data.wording import count
from glasscell.training import distribution
from glasscell.training.trainer import Epoch

SHORTEST_BAR = 5


class Reporter:
    """Tells on standard error what `fit` does; silent if `quiet`.

    Args:
        quiet: Show nothing at all.
        console: Where to write; None: standard error.
    """

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        # Of the processes of a launcher the first speaks.
        self.quiet = quiet or distribution.rank() > 0
        self.console = console or Console(stderr=True, quiet=self.quiet)
        self._bar: Progress | None = None
        self._epochs = 0
        self._all = TaskID(0)
        self._rows: dict[str, TaskID] = {}
        self._done: dict[str, float] = {}

    def __enter__(self) -> Reporter:
        if self.console.is_terminal and not self.quiet:
            self._bar = Progress(*_columns(self.console.width), console=self.console)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Write one sentence."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def start(self, networks: int, epochs: int) -> None:
        """Begin, with how many networks there are and the most epochs that each may take."""
        self._epochs = epochs
        if self._bar is not None:
            self._all = self._bar.add_task(count(networks, "network"), total=networks * epochs)

    def within(self, name: str, epochs: float) -> None:
        """Move the bar of a network, and the one of all: so many of its epochs are done."""
        if self._bar is None:
            return
        if name not in self._rows:
            self._rows[name] = self._bar.add_task(name, total=self._epochs)
        self._bar.update(self._rows[name], completed=epochs)
        self._done[name] = epochs
        self._bar.update(self._all, completed=sum(self._done.values()))

    def finish(self, name: str) -> None:
        """Take off the bar of a network that is trained, whether it took all epochs or not."""
        if self._bar is None:
            return
        if name in self._rows:
            self._bar.remove_task(self._rows.pop(name))
        self._done[name] = self._epochs
        self._bar.update(self._all, completed=sum(self._done.values()))

    def epoch(self, name: str, epoch: Epoch, epochs: int, best: bool) -> None:
        """Report an epoch that is done."""
        if self._bar is None:
            mark = "  best so far" if best else ""
            self.say(
                f"{name}  epoch {epoch.epoch}/{epochs}  train {epoch.train:.4f}  "
                f"validation {epoch.validation:.4f}  {epoch.seconds:.1f} s{mark}"
            )


def _columns(width: int) -> list[ProgressColumn]:
    """Choose what the bar shows, so that names and numbers are whole at any width."""
    name, percent = TextColumn("{task.description}"), TextColumn("{task.percentage:>3.0f} %")
    times = [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
    left = width - len("plain RNN, seed 999  100 %") - 1
    with_times = left - len(" 0:00:00 left 0:00:00")
    if with_times >= SHORTEST_BAR:
        return [name, BarColumn(min(with_times, 40)), percent, *times]
    return [name, BarColumn(left), percent] if left >= SHORTEST_BAR else [name, percent]


class Stop:
    """Whether Ctrl-C was pressed."""

    pressed = False


@contextmanager
def stop_on_interrupt() -> Iterator[Stop]:
    """Turn the first Ctrl-C into a request to stop after the batch; a second one stops at once."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(signum: int, frame: FrameType | None) -> None:
        if stop.pressed:
            raise KeyboardInterrupt
        stop.pressed = True

    before = signal.signal(signal.SIGINT, request)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
