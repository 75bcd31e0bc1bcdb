"""The forecasts that an LSTM has to beat, each scored on the same test windows."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from glasscell.arrays import Array
from glasscell.data.read import Series
from glasscell.tasks.forecast.coverage import sureness
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.ridge import ridge
from glasscell.tasks.forecast.rules import drift, naive, seasonal_naive
from glasscell.tasks.forecast.scores import Method, Scoreboard


def baselines(
    plan: Plan, board: Scoreboard, held: Scoreboard
) -> tuple[list[Method], dict[str, Array]]:
    """Score the forecasts that need no network.

    Args:
        plan: Windows and options.
        board: Truth of the test windows.
        held: Truth of the validation windows, by whose errors the intervals of ridge are made.
    """
    horizon, season = plan.horizon, plan.season
    rules: dict[str, Callable[[Series, Array, int], Array]] = {"naive": naive}
    if season > 1:
        rules["seasonal naive"] = partial(seasonal_naive, season=season)
    rules["drift"] = drift
    forecasts: dict[str, Array] = {}
    for name, rule in rules.items():
        forecasts[name] = np.empty(board.truth.shape)
        for owner, series in enumerate(plan.dataset.series):
            windows = board.owners == owner
            forecasts[name][windows] = rule(series, board.rows[windows], horizon)
    methods = [board.score(name, [forecast]) for name, forecast in forecasts.items()]
    began = time.perf_counter()
    linear = ridge(
        plan.train.thinned(plan.options.max_windows), plan.validation, plan.dataset.level
    )
    seconds = time.perf_counter() - began
    told = [linear.forecast(windows.inputs()) for windows in (plan.validation, plan.test)]
    forecasts["ridge"] = board.restore(told[1])
    method = board.score(
        "ridge", [forecasts["ridge"]], parameters=linear.parameters, seconds=seconds
    )
    options = plan.options
    sure = sureness(
        (held, board), (told[0], told[1]), options.level, adaptive=options.calibration == "adaptive"
    )
    methods.append(sure.beside(method))
    return methods, forecasts
