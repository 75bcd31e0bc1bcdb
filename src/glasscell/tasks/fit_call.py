"""What every task's `fit` does with its arguments, before it looks at the data."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from glasscell.errors import DataError
from glasscell.training import distribution
from glasscell.training.progress import Reporter
from glasscell.training.run_folder import RunFolder
from glasscell.training.workers import Workers, count


class Options(Protocol):
    """The options of a task, a dataclass that checks itself."""

    def record(self) -> dict[str, Any]:
        """Give all options as plain values."""


Chosen = TypeVar("Chosen", bound=Options)


@dataclass(frozen=True)
class FitCall(Generic[Chosen]):
    """The arguments of a `fit`, checked.

    Args:
        options: The options with single changes put in.
        folder: The run folder in the making; None: nothing is written, or by another process.
        reporter: Shows progress.
        jobs: How many networks to train side by side, or who trains.
        started: When the call began, by `time.perf_counter`.
    """

    options: Chosen
    folder: RunFolder | None
    reporter: Reporter
    jobs: int | Workers | None
    started: float

    @property
    def seconds(self) -> float:
        """Time since the call began."""
        return time.perf_counter() - self.started


@contextmanager
def fit_call(
    kind: type[Chosen],
    out: str | os.PathLike[str] | None,
    options: Chosen | None,
    changes: Mapping[str, Any],
    *,
    force: bool,
    resume: bool,
    reporter: Reporter | None,
    jobs: int | Workers | None,
) -> Iterator[FitCall[Chosen]]:
    """Check the arguments of a `fit` and hold its run folder open.

    Args:
        kind: The task's dataclass of options.
        out: The run folder to write; None: nothing is written.
        options: The options; None: the defaults.
        changes: Single options by name.
        force: Replace a run that is there.
        resume: Go on with a run that was stopped or killed.
        reporter: Shows progress; None: silent.
        jobs: How many networks to train side by side, or who trains.

    Raises:
        DataError: One of them cannot be used; nothing is written then.
    """
    started = time.perf_counter()
    if not isinstance(options, kind | None):
        raise DataError(f"options: expected {kind.__name__} or None, got {type(options).__name__}")
    for name, switch in (("force", force), ("resume", resume)):
        if not isinstance(switch, bool):
            raise DataError(f"{name}: expected True or False, got {switch!r}")
    chosen = kind(**{**(options.record() if options else {}), **changes})
    if not isinstance(jobs, Workers):
        count(jobs, 1)
    reporter = reporter or Reporter(quiet=True)
    # Of the processes of a launcher the first writes.
    if out is None or distribution.rank() > 0:
        yield FitCall(chosen, None, reporter, jobs, started)
        return
    with RunFolder(out, force=force, resume=resume) as folder:
        yield FitCall(chosen, folder, reporter, jobs, started)
