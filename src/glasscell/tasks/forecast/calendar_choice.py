"""Finds what of the calendar helps: parts of time stamps that make ridge better on validation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.tasks.forecast.ridge import ridge
from glasscell.tasks.forecast.scores import Method, Scoreboard
from glasscell.tasks.forecast.verdict import LEVEL, Blocks, compare
from glasscell.tasks.forecast.windows import TRAIN, VALIDATION, Dataset, Windows

HOUR, DAY, YEAR = pd.Timedelta(hours=1), pd.Timedelta(days=1), pd.Timedelta(days=365.2425)
MOST = 2000
"""Windows of each part that are read, so that the choice takes a second at most."""


def candidates(times: Any, training: int) -> tuple[str, ...]:
    """Name the parts of the calendar that change within the data and come back within training.

    Args:
        times: (n,) times of the longest series.
        training: Rows of its training part.

    >>> candidates(pd.date_range("2020-01-01", periods=2000, freq="h"), 1400)
    ('hour', 'weekday')
    >>> candidates(pd.date_range("2000-01-01", periods=120, freq="MS"), 84)
    ('month',)
    """
    if not isinstance(times, pd.DatetimeIndex) or training < 2:
        return ()
    step, span = (times[-1] - times[0]) / (len(times) - 1), times[training - 1] - times[0]
    named = {
        "hour": HOUR <= step < DAY and span >= 2 * DAY,
        "time-of-day": step < HOUR and span >= 2 * DAY,
        "weekday": step <= 1.5 * DAY and span >= 14 * DAY,
        "year-day": step < 25 * DAY and span >= 2 * YEAR,
        "month": 25 * DAY <= step < 300 * DAY and span >= 2 * YEAR,
    }
    return tuple(name for name, fits in named.items() if fits)


def helpful(dataset: Dataset) -> tuple[str, ...]:
    """Choose from the calendar of a data set what makes ridge clearly better on validation.

    Parts are added one after the other, the best first, as long as the error falls by more than
    1 %, and by more than chance: in a one-sided t test over stretches of time, whose p-value is
    multiplied by the number of parts that are tried (Bonferroni).

    Args:
        dataset: Windows whose layout has all parts that come into question.
    """
    chosen: tuple[str, ...] = ()
    left = list(dataset.layout.calendar)
    held_out = dataset.parts[VALIDATION].thinned(MOST)
    blocks = Blocks.on(Scoreboard(dataset, held_out, 1))
    error = _errors(dataset, chosen)
    while left:
        errors = {name: _errors(dataset, (*chosen, name)) for name in left}
        best = min(left, key=lambda name: float(errors[name].mean()))
        change = compare(_method(errors[best]), _method(error), blocks)
        falls = not change.worse and change.outcome != "same"
        if not (falls and len(left) * change.p / 2 < LEVEL):
            break
        chosen, error = (*chosen, best), errors[best]
        left.remove(best)
    return tuple(name for name in dataset.layout.calendar if name in chosen)


def _errors(dataset: Dataset, calendar: tuple[str, ...]) -> Array:
    """Give the (M,) errors of ridge on validation windows with some parts of the calendar."""
    train, held_out = (_with(dataset, part, calendar) for part in (TRAIN, VALIDATION))
    model = ridge(train, held_out, dataset.level)
    error: Array = np.abs(model.forecast(held_out.inputs()) - held_out.targets()).mean(axis=1)
    return error


def _with(dataset: Dataset, part: str, calendar: tuple[str, ...]) -> Windows:
    """Keep the channels of some parts of the calendar alone."""
    layout, names = replace(dataset.layout, calendar=calendar), dataset.layout.names
    kept = [names.index(name) for name in layout.names]
    windows = dataset.parts[part].thinned(MOST)
    # The rows of these windows alone: there may be a thousand times as many.
    size = windows.lookback + windows.horizon
    rows = windows.origins[:, None] + np.arange(-windows.lookback, windows.horizon)
    origins = windows.lookback + size * np.arange(len(rows))
    values = windows.values[rows.ravel()][:, kept]
    return replace(windows, values=values, origins=origins, ahead=layout.of_network())


def _method(errors: Array) -> Method:
    nothing = math.nan
    return Method(name="", mae=float(errors.mean()), rmse=nothing, mase=nothing, errors=errors)
