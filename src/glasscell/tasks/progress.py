"""Shows how training goes: a bar with the time left on a terminal, else one line per epoch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from glasscell.tasks.training import Epoch

SHORTEST_BAR = 5


class Reporter:
    """Tells on standard error what `fit` does; silent if `quiet`.

    Args:
        quiet: Show nothing at all.
        console: Where to write; None: standard error.
    """

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self.quiet = quiet
        self.console = console or Console(stderr=True, quiet=quiet)
        self._bar: Progress | None = None
        self._task: Any = None
        self._done = 0.0

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

    def start(self, epochs: int) -> None:
        """Begin, with the most epochs that all networks together may take."""
        if self._bar is not None:
            self._task = self._bar.add_task("training", total=epochs)

    def within(self, name: str, epochs_done: float) -> None:
        """Move the bar: so many epochs are done, counting all networks."""
        if self._bar is not None:
            self._bar.update(self._task, completed=epochs_done, description=name)

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
