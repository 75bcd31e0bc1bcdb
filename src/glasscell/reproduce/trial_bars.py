"""Shows on a terminal how far trials are: a bar for all, and a line for each that runs."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

WIDTH = 12


class TrialBars:
    """Bars while a block runs; nothing where the console is no terminal.

    Args:
        console: Where to show them; None: nowhere.
        done: Trials that were run before.
        planned: All trials.
    """

    def __init__(self, console: Console | None, done: int, planned: int) -> None:
        self._progress: Progress | None = None
        self._running: dict[str, TaskID] = {}
        self._done, self._planned = done, planned
        if console is not None and console.is_terminal and not console.quiet and done < planned:
            # What a trial says ends in dots where the terminal is narrow; the bar stays whole.
            text = Column(ratio=1, no_wrap=True, overflow="ellipsis")
            said = TextColumn("{task.description}", markup=False, table_column=text)
            bar = BarColumn(WIDTH)
            self._progress = Progress(
                bar, said, TimeElapsedColumn(), console=console, transient=True, expand=True
            )
            self._all = self._progress.add_task(self._count(), total=planned, completed=done)

    def __enter__(self) -> TrialBars:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def told(self, name: str, text: str) -> None:
        """Say how far a trial is; its end is not known."""
        if self._progress is None:
            return
        said = f"{text}  {name}"
        if name in self._running:
            self._progress.update(self._running[name], description=said)
        else:
            self._running[name] = self._progress.add_task(said, total=None)

    def finished(self, name: str) -> None:
        """Count a trial, and take its line off."""
        self._done += 1
        if self._progress is None:
            return
        if name in self._running:
            self._progress.remove_task(self._running.pop(name))
        self._progress.update(self._all, completed=self._done, description=self._count())

    def _count(self) -> str:
        return f"{self._done} of {self._planned} trials"
