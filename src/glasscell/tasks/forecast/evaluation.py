"""Scores a finished run on new series beside the naive forecast; needs no torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from glasscell.data.wording import count, few
from glasscell.errors import DataError
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.predict import Forecaster
from glasscell.tasks.forecast.preprocessing import scaler_of
from glasscell.tasks.forecast.rules import naive
from glasscell.tasks.forecast.scores import Scoreboard
from glasscell.tasks.forecast.told import point_of, told_of_windows
from glasscell.tasks.forecast.windows import TEST, Dataset, Windows, boundaries, whole_windows

MOST = 30_000
"""Windows that are scored; where there are more, as many evenly spaced ones."""


def evaluate(
    run: str | os.PathLike[str] | Forecaster,
    data: Any,
    *,
    say: Callable[[str], None] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Forecast from every row of new series that has a lookback before and a horizon after it.

    Args:
        run: A run folder written by `fit`, or what was loaded of one.
        data: Path of a table or a frame, read as the run's data were.
        say: Called with each sentence on what was done; None: silent.
        **changes: Options by the names of `predict`.

    Returns:
        series, windows, and methods: name, mae and rmse, in the data's unit, of the naive forecast
        and of the run's network, each a mean over series.

    Raises:
        DataError: The run or the data cannot be used, or no series is long enough.
    """
    tell = say or (lambda _: None)
    forecaster = run if isinstance(run, Forecaster) else Forecaster.load(run)
    settings, model = forecaster.settings, forecaster.model
    lookback, horizon = settings["lookback"], settings["horizon"]
    panel = forecaster.read(data, say, **changes)
    whole = {s.unique_id: whole_windows(s, lookback, horizon) for s in panel.series}
    series = tuple(s for s in panel.series if len(whole[s.unique_id]))
    if not series:
        raise DataError(
            f"expected a series with {count(lookback + horizon, 'time step')} without a gap, the "
            f"lookback and horizon of the run, found none of {len(panel.series):,}"
        )
    left_out = tuple(s.unique_id for s in panel.series if s not in series)
    if left_out:
        tell(f"Left out, as too short or with gaps: {few(left_out)}.")
    layout = Layout.read(settings)
    scalers = tuple(scaler_of(s, settings) for s in series)
    offsets = np.cumsum([0, *(len(s.ds) for s in series)])
    values = np.concatenate(
        [layout.rows(s, scaler, panel) for s, scaler in zip(series, scalers, strict=True)]
    )
    origins = np.concatenate(
        [whole[s.unique_id] + at for s, at in zip(series, offsets, strict=False)]
    )
    ahead = layout.of_network()
    windows = Windows(values, origins, lookback, horizon, ahead).thinned(MOST)
    ends = tuple(boundaries(len(one.ds)) for one in series)
    parts = {TEST: windows}
    dataset = Dataset(series, offsets, scalers, parts, layout, left_out, ends)
    board = Scoreboard(dataset, windows, 1)
    copied = np.empty(board.truth.shape)
    for owner, one in enumerate(series):
        mine = board.owners == owner
        copied[mine] = naive(one, board.rows[mine], horizon)
    mode = model.recurrent[0].config.mode
    network = mode if isinstance(mode, str) else mode.name
    methods = [
        board.score("naive", [copied]),
        board.score(network, [board.restore(point_of(*told_of_windows(model, windows)))]),
    ]
    return {
        "series": len(series),
        "windows": len(windows),
        "methods": [{"name": m.name, "mae": m.mae, "rmse": m.rmse} for m in methods],
    }
