"""What `glasscell inspect` shows: a run on its own windows, or any saved model on given data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from glasscell.data.model_inputs import ModelInputs, read_model_inputs
from glasscell.data.panel import Policy
from glasscell.errors import DataError
from glasscell.inspect.film.reel import Reel
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.inspect.subjects.subject import Subject
from glasscell.report.page import Exploration, Finding
from glasscell.report.page.collect import PageOptions, collect
from glasscell.tasks.forecast.kept_windows import Specimens, of_panel
from glasscell.training import run_folder

__all__ = ["Looking", "look"]

LINEAR = Finding(
    text=(
        "recurrent.l0 adds nothing to the forecast: the network was kept as the linear model that "
        "its training starts from, as no epoch was better on validation. The layer has learnt "
        "nothing, so no gradient reaches it, and its gates and states tell nothing about the data.",
        "recurrent.l0 对预测没有任何贡献：保留下来的网络就是训练起点的线性模型，因为没有哪一轮训练"
        "在验证集上更好。这一层没有学到东西，因此没有梯度到达它，它的门和状态也不反映数据。",
    ),
    advice=(
        "Nothing is broken: forecast with the linear model, or fit again with more data, a longer "
        "--lookback, more --seeds or a lower --learning-rate.",
        "并没有出错：可以直接用线性模型预测，或用更多数据、更长的 --lookback、更多的 --seeds "
        "或更低的 --learning-rate 重新训练。",
    ),
    kind="silent",
    good=False,
    layer=0,
)
"""What is found in a network whose recurrent layer the forecast does not use."""

SHOWN = 4
"""Sequences on a page unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class Looking:
    """What is wanted of a look into a model.

    Args:
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
    """

    inputs: Sequence[str] = ()
    series: Sequence[int] | None = None
    steps: tuple[int, int] | None = None
    lag: int | None = None
    title: str = ""
    nan: bool = False
    gaps: Policy | None = None
    max_gap: str | None = None
    say: Callable[[str], None] | None = None


def look(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    looking: Looking | None = None,
    **more: Any,
) -> Exploration:
    """Measure everything that a page shows of a trained model; needs no torch.

    Args:
        run: A run folder, or any folder that `glasscell.save` wrote. It is read once.
        data: A CSV file, .npy, or .npz with `x`; default the run's own test windows. For a run a
            CSV file is read as `glasscell predict` reads it.
        looking: What is wanted; default `Looking()`.
        **more: Fields of `Looking`, in place of those of `looking`.

    Returns:
        `Exploration`, for `glasscell.report.page.write`.

    Raises:
        FileNotFoundError, WeightFormatError: As `glasscell.load`.
        DataError: The data are missing, damaged, or do not fit the model.
    """
    folder, looking = Path(run), replace(looking or Looking(), **more)
    subject = SavedModel.read(folder)
    of_run = (folder / run_folder.PREPROCESSING).is_file()
    file = None if data is None else Path(data)
    options = PageOptions(title=looking.title or folder.resolve().name, lag=looking.lag)
    if (folder / run_folder.FILM).is_file():
        options = replace(options, film=Reel.load(folder / run_folder.FILM))
    if of_run and (file is None or file.suffix.lower() not in (".npy", ".npz")):
        if looking.inputs or looking.steps:
            raise DataError(
                "--inputs and --steps are for models without a run: a run knows its columns, and "
                "reads windows of one length"
            )
        specimens = _specimens(folder, file, looking)
        return _judged(_windows(folder, subject, specimens, looking.series, options))
    if file is None:
        raise DataError(
            f"{folder} holds a model and no data; give some: glasscell inspect {folder} DATA "
            "(a CSV file, .npy, or .npz with x)"
        )
    given = read_model_inputs(file, subject.model.input_size, looking.inputs, looking.nan)
    given = given if looking.steps is None else given.steps(*looking.steps)
    return _judged(_sequences(folder, subject, given, looking.series, options))


def _judged(shown: Exploration) -> Exploration:
    """Put LINEAR in place of what was found in a Forecaster that is as its training started."""
    head = [weight for name, weight in shown.parameters.items() if name.startswith("head.")]
    # The first step of training moves the head, which starts at zero.
    started = (shown.model or {}).get("type") == "Forecaster" and not any(map(np.any, head))
    return replace(shown, findings=[LINEAR]) if started else shown


def _specimens(folder: Path, file: Path | None, looking: Looking) -> Specimens:
    if file is None:
        if (folder / run_folder.WINDOWS).is_file():
            return Specimens.load(folder / run_folder.WINDOWS)
        raise DataError(
            f"{folder} has no {run_folder.WINDOWS} (an older glasscell wrote it); give the CSV "
            f"file: glasscell inspect {folder} DATA"
        )
    from glasscell.tasks.forecast.predict import read_like

    settings = run_folder.read_preprocessing(folder)
    panel = read_like(file, settings, looking.say, gaps=looking.gaps, max_gap=looking.max_gap)
    return of_panel(panel, settings)


def _rival(folder: Path) -> tuple[str, Path] | None:
    """The plain RNN that a run keeps beside its LSTM."""
    place = folder / run_folder.RIVAL
    return ("RNN", place) if place.is_dir() else None


def _windows(
    folder: Path,
    subject: Subject,
    found: Specimens,
    series: Sequence[int] | None,
    options: PageOptions,
) -> Exploration:
    rows = _chosen(series, len(found.x))
    options = replace(
        options,
        shown=rows,
        names=[str(found.names[row]) for row in rows],
        inputs=[str(name) for name in found.channels],
        labels=[[str(time) for time in found.labels[row]] for row in rows],
    )
    loss = found.loss if found.scored else None
    shown = collect(subject, found.x, loss, options, _rival(folder))
    unit = str(run_folder.read_preprocessing(folder).get("unit") or "")
    return replace(
        shown,
        arrays={**shown.arrays, **{f"{s}/truth": found.y[row][None] for s, row in enumerate(rows)}},
        measures={**shown.measures, "forecast": {"unit": unit, "scales": _scales(found, rows)}},
    )


def _scales(found: Specimens, rows: Sequence[int]) -> list[list[str]]:
    """Give [center, scale] of each shown window's answers, [0, 1] where nothing is known.

    As text, which keeps all digits of a small scale about a large center.
    """
    if found.center is None or found.scale is None:
        return [["0", "1"] for _ in rows]
    return [[repr(float(found.center[row])), repr(float(found.scale[row]))] for row in rows]


def _sequences(
    folder: Path,
    subject: Subject,
    given: ModelInputs,
    series: Sequence[int] | None,
    options: PageOptions,
) -> Exploration:
    rows = _chosen(series, len(given.x))
    options = replace(
        options,
        shown=rows,
        names=[given.names[row] for row in rows] if given.names else (),
        inputs=given.inputs,
        labels=given.labels,
        text=None if given.text is None else [given.text[row] for row in rows],
    )
    return collect(subject, given.x, None, options, _rival(folder))


def _chosen(series: Sequence[int] | None, count: int) -> list[int]:
    rows = list(range(min(count, SHOWN))) if series is None else list(series)
    if not rows or [row for row in rows if not 0 <= row < count]:
        raise DataError(f"--series: expected numbers of 0 … {count - 1}, got {rows or 'none'}")
    return rows
