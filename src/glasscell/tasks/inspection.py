"""What `glasscell inspect` shows: a run on its own windows, or any saved model on given data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import glasscell
from glasscell.errors import DataError
from glasscell.inspect.reel import Reel
from glasscell.report.explore import Exploration
from glasscell.report.explore.collect import collect
from glasscell.tasks import runs
from glasscell.tasks.gaps import Policy
from glasscell.tasks.given import Given, read
from glasscell.tasks.specimens import Specimens, of_panel

__all__ = ["look"]

SHOWN = 4
"""Sequences on a page unless others are asked for."""


def look(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    inputs: Sequence[str] = (),
    series: Sequence[int] | None = None,
    steps: tuple[int, int] | None = None,
    lag: int | None = None,
    title: str = "",
    nan: bool = False,
    gaps: Policy | None = None,
    max_gap: str | None = None,
    say: Callable[[str], None] | None = None,
) -> Exploration:
    """Measure everything that a page shows of a trained model; needs no torch.

    Args:
        run: A run folder, or any folder that `glasscell.save` wrote.
        data: A CSV file, .npy, or .npz with `x`; default the run's own test windows. For a run a
            CSV file is read as `glasscell predict` reads it.
        inputs: Columns of a CSV file, in the model's order; default all with numbers. Not for runs.
        series: Which sequences the page shows; default the first four, for a run the liveliest
            windows and the last one.
        steps: First step and the one after the last; default all. Not for a run's windows.
        lag: How many steps back the task needs; default all there are.
        title: The page's heading; default the folder's name.
        nan: Whether NaN and infinities in the data may stay.
        gaps: Gap policy for a run's CSV file; default the run's.
        max_gap: Longest interpolated gap; default the run's.
        say: Called with each sentence on what was done to the data; default silent.

    Returns:
        `Exploration`, for `glasscell.report.explore.write`.

    Raises:
        FileNotFoundError, WeightFormatError: As `glasscell.load`.
        DataError: The data are missing, damaged, or do not fit the model.
    """
    folder = Path(run)
    model = glasscell.load(folder)
    of_run = (folder / runs.PREPROCESSING).is_file()
    file = None if data is None else Path(data)
    options: dict[str, Any] = {"title": title or folder.resolve().name, "lag": lag}
    if (folder / runs.RIVAL).is_dir():
        options["rival"] = "RNN", folder / runs.RIVAL
    if (folder / runs.FILM).is_file():
        options["film"] = Reel.load(folder / runs.FILM)
    if of_run and (file is None or file.suffix.lower() not in (".npy", ".npz")):
        if inputs or steps:
            raise DataError(
                "--inputs and --steps are for models without a run: a run knows its columns, and "
                "reads windows of one length"
            )
        specimens = _specimens(folder, file, say, gaps=gaps, max_gap=max_gap)
        return _windows(folder, specimens, series, options)
    if file is None:
        raise DataError(
            f"{folder} holds a model and no data; give some: glasscell inspect {folder} DATA "
            "(a CSV file, .npy, or .npz with x)"
        )
    given = read(file, model.input_size, inputs, nan)
    return _sequences(folder, given if steps is None else given.steps(*steps), series, options)


def _specimens(
    folder: Path, file: Path | None, say: Callable[[str], None] | None, **given: Any
) -> Specimens:
    if file is None:
        if (folder / runs.WINDOWS).is_file():
            return Specimens.load(folder / runs.WINDOWS)
        raise DataError(
            f"{folder} has no {runs.WINDOWS} (an older glasscell wrote it); give the CSV file: "
            f"glasscell inspect {folder} DATA"
        )
    from glasscell.tasks.prediction import read_like

    settings = runs.read_preprocessing(folder)
    panel = read_like(file, settings, say, **given)
    return of_panel(panel, settings)


def _windows(
    folder: Path, found: Specimens, series: Sequence[int] | None, options: dict[str, Any]
) -> Exploration:
    rows = _chosen(series, len(found.x))
    return collect(
        folder,
        found.x,
        found.loss if found.scored else None,
        shown=rows,
        names=[str(found.names[row]) for row in rows],
        inputs=[str(name) for name in found.channels],
        labels=[[str(time) for time in found.labels[row]] for row in rows],
        **options,
    )


def _sequences(
    folder: Path, given: Given, series: Sequence[int] | None, options: dict[str, Any]
) -> Exploration:
    rows = _chosen(series, len(given.x))
    return collect(
        folder,
        given.x,
        shown=rows,
        names=[given.names[row] for row in rows] if given.names else (),
        inputs=given.inputs,
        labels=given.labels,
        text=None if given.text is None else [given.text[row] for row in rows],
        **options,
    )


def _chosen(series: Sequence[int] | None, count: int) -> list[int]:
    rows = list(range(min(count, SHOWN))) if series is None else list(series)
    if not rows or [row for row in rows if not 0 <= row < count]:
        raise DataError(f"--series: expected numbers of 0 … {count - 1}, got {rows or 'none'}")
    return rows
