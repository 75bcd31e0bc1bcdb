"""What a network would have told at every row of a series' past; without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.panel import Panel, Series
from glasscell.model.model import Model
from glasscell.tasks.forecast.intervals import RECENT, Calibration, Tracker, track
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.preprocessing import scaler_of
from glasscell.tasks.forecast.told import told_of_windows
from glasscell.tasks.forecast.windows import Windows, whole_windows

__all__ = ["margins_now", "past"]


def past(
    model: Model, settings: dict[str, Any], series: Series, panel: Panel, first: int = 0
) -> tuple[Array, Array, Array]:
    """Run a network at every row of a series that has a whole lookback before it.

    Args:
        model: The network.
        settings: preprocessing.json of the run.
        series: The series.
        panel: Its panel.
        first: First row that is forecast.

    Returns:
        (m,) rows that are the first targets, the row after the last among them; (m, horizon) or
        (m, horizon, P) told; (m, horizon) true values, NaN where none was measured. All scaled.
    """
    lookback, horizon = settings["lookback"], settings["horizon"]
    layout, scaler = Layout.read(settings), scaler_of(series, settings)
    rows = whole_windows(series, lookback, 0, first)
    values = layout.rows(series, scaler, panel, horizon if layout.known else 0)
    windows = Windows(values, rows, lookback, horizon, layout.of_network())
    told, _ = told_of_windows(model, windows)
    target = np.where(series.measured, (series.target - scaler.mean[0]) / scaler.scale[0], np.nan)
    ahead = np.concatenate([target, np.full(horizon, np.nan)])
    # What is known ahead may be missing where nothing was measured.
    kept = np.isfinite(told).all(axis=tuple(range(1, told.ndim)))
    return rows[kept], told[kept], ahead[rows[kept, None] + np.arange(horizon)]


def margins_now(
    model: Model, settings: dict[str, Any], sure: Calibration, series: Series, panel: Panel
) -> Array:
    """Give (levels, horizon) margins of a forecast from the last row on.

    Args:
        model: The network.
        settings: preprocessing.json of the run.
        sure: What intervals are made of.
        series: The series, whose rows after those that the fit saw are learnt from, the last 1000.
        panel: Its panel.
    """
    name = series.unique_id
    if not sure.adaptive or name not in sure.until:
        return sure.margins(name)
    until = sure.until[name]
    seen = pd.Timestamp(until) if isinstance(series.ds, pd.DatetimeIndex) else int(until)
    new = int(np.count_nonzero(series.ds > seen))
    if not new:
        return sure.margins(name)
    first = len(series.ds) - min(new, RECENT)
    rows, told, truth = past(model, settings, series, panel, first)
    if not len(rows):
        return sure.margins(name)
    margins: Array = track(Tracker(sure, name), rows, told, truth)[-1]
    return margins
