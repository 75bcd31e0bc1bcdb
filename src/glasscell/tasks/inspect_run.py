"""What `glasscell inspect` shows: a run on its own windows, or any saved model on given data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import glasscell
from glasscell.data.model_inputs import ModelInputs, read_model_inputs
from glasscell.data.panel import Policy
from glasscell.errors import DataError
from glasscell.inspect.film.reel import Reel
from glasscell.report.page import Exploration, Finding
from glasscell.report.page.collect import collect
from glasscell.tasks.forecast.kept_windows import Specimens, of_panel
from glasscell.tasks.forecast.page import with_results
from glasscell.training import run_folder

__all__ = ["look", "look_at"]

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
        title: The page's heading; default what a run forecasts, else the folder's name.
        nan: Whether NaN and infinities in the data may stay.
        gaps: Gap policy for a run's CSV file; default the run's.
        max_gap: Longest interpolated gap; default the run's.
        say: Called with each sentence on what was done to the data; default silent.

    Returns:
        `Exploration`, for `glasscell.report.page.write`.

    Raises:
        FileNotFoundError, WeightFormatError: As `glasscell.load`.
        DataError: The data are missing, damaged, or do not fit the model.
    """
    folder = Path(run)
    of_run = (folder / run_folder.PREPROCESSING).is_file()
    file = None if data is None else Path(data)
    model = glasscell.load(folder)
    if of_run and (file is None or file.suffix.lower() not in (".npy", ".npz")):
        if inputs or steps:
            raise DataError(
                "--inputs and --steps are for models without a run: a run knows its columns, and "
                "reads windows of one length"
            )
        specimens = _specimens(folder, file, say, gaps=gaps, max_gap=max_gap)
        return look_at(folder, specimens, series, lag=lag, title=title)
    if file is None:
        raise DataError(
            f"{folder} holds a model and no data; give some: glasscell inspect {folder} DATA "
            "(a CSV file, .npy, or .npz with x)"
        )
    given = read_model_inputs(file, model.input_size, inputs, nan)
    given = given if steps is None else given.steps(*steps)
    return _judged(_sequences(folder, given, series, _options(folder, lag, title)))


def look_at(
    run: Path,
    specimens: Specimens,
    series: Sequence[int] | None = None,
    *,
    lag: int | None = None,
    title: str = "",
) -> Exploration:
    """Measure everything that a page shows of a run on windows that are given.

    Args:
        run: The run folder.
        specimens: The windows.
        series: Which of them the page shows; default the first four.
        lag: How many steps back the task needs; default all there are.
        title: The page's heading; default what the run forecasts.
    """
    shown = _judged(_windows(run, specimens, series, _options(run, lag, title)))
    return with_results(shown, run, titled=bool(title))


def _options(folder: Path, lag: int | None, title: str) -> dict[str, Any]:
    options: dict[str, Any] = {"title": title or folder.resolve().name, "lag": lag}
    if (folder / run_folder.RIVAL).is_dir():
        options["rival"] = "RNN", folder / run_folder.RIVAL
    if (folder / run_folder.FILM).is_file():
        options["film"] = Reel.load(folder / run_folder.FILM)
    return options


def _judged(shown: Exploration) -> Exploration:
    """Put LINEAR in place of what was found in a Forecaster that is as its training started."""
    head = [weight for name, weight in shown.parameters.items() if name.startswith("head.")]
    # The first step of training moves the head, which starts at zero.
    started = (shown.model or {}).get("type") == "Forecaster" and not any(map(np.any, head))
    return replace(shown, findings=[LINEAR]) if started else shown


def _specimens(
    folder: Path, file: Path | None, say: Callable[[str], None] | None, **given: Any
) -> Specimens:
    if file is None:
        if (folder / run_folder.WINDOWS).is_file():
            return Specimens.load(folder / run_folder.WINDOWS)
        raise DataError(
            f"{folder} has no {run_folder.WINDOWS} (an older glasscell wrote it); give the CSV "
            f"file: glasscell inspect {folder} DATA"
        )
    from glasscell.tasks.forecast.predict import read_like

    settings = run_folder.read_preprocessing(folder)
    panel = read_like(file, settings, say, **given)
    return of_panel(panel, settings)


def _windows(
    folder: Path, found: Specimens, series: Sequence[int] | None, options: dict[str, Any]
) -> Exploration:
    rows = _chosen(series, len(found.x))
    shown = collect(
        folder,
        found.x,
        found.loss if found.scored else None,
        shown=rows,
        names=[str(found.names[row]) for row in rows],
        inputs=[str(name) for name in found.channels],
        labels=[[str(time) for time in found.labels[row]] for row in rows],
        **options,
    )
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
    folder: Path, given: ModelInputs, series: Sequence[int] | None, options: dict[str, Any]
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
