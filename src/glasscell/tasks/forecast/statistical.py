"""ETS, Theta and ARIMA, one model a series, where statsforecast is installed.

Each is fitted once on what lies before the test part; at each origin it then takes in the values up
to there, its parameters unchanged, and forecasts.
"""

from __future__ import annotations

import time
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.scores import Entry, Scoreboard

NAMES = ("ETS", "Theta", "ARIMA")

LONGEST_SEASON = 24
"""Steps of the longest season that ETS and ARIMA model; a longer one is taken out by STL first."""

LONGEST_STL = 200
"""Steps of the longest season that is taken out: half a second a forecast for one of 288."""

HISTORY = {"ETS": 1000, "Theta": 1000, "ARIMA": 500}
"""Steps before an origin that a model reads at most, but never less than four seasons."""

SERIES, WINDOWS = 10, 100
"""Series and test windows at most; where there are more, evenly spaced ones."""


def installed() -> bool:
    """Tell whether statsforecast is there."""
    return find_spec("statsforecast") is not None


def few_windows(board: Scoreboard) -> Array:
    """Choose the (M,) test windows that are forecast: evenly spaced ones of a few series."""
    owners = np.unique(board.owners)
    kept = owners[np.unique(np.linspace(0, len(owners) - 1, min(len(owners), SERIES)).astype(int))]
    there = np.flatnonzero(np.isin(board.owners, kept))
    most = min(len(there), WINDOWS)
    chosen = there[np.unique(np.linspace(0, len(there) - 1, most).round().astype(np.int64))]
    return np.isin(np.arange(len(board.owners)), chosen)


def statistical(plan: Plan, board: Scoreboard, name: str) -> Entry | str:
    """Forecast with one kind of model.

    Args:
        plan: Series and horizon.
        board: The test windows.
        name: "ETS", "Theta" or "ARIMA".

    Returns:
        What it forecast, or why it could not.
    """
    chosen = few_windows(board)
    found = np.full(board.truth.shape, np.nan)
    parameters = 0
    began = time.perf_counter()
    season = plan.season
    for owner in np.unique(board.owners[chosen]):
        series, (_, test) = plan.dataset.series[owner], plan.dataset.boundaries[owner]
        reach = max(HISTORY[name], 4 * season)
        # A power of two, which changes no bit, of what is known: squares stay within float64.
        largest = np.nanmax(np.abs(series.target[:test]), initial=0.0)
        unit = float(np.ldexp(1.0, np.frexp(largest)[1] - 1)) if largest else 1.0
        values = series.target / unit
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a search that passes over poor models
                model = _model(name, season).fit(_before(values, test, reach))
                for window in np.flatnonzero(chosen & (board.owners == owner)):
                    past = _before(values, board.rows[window], reach)
                    found[window] = unit * model.forward(past, plan.horizon)["mean"]
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
            said = str(error).strip().rstrip(".") or type(error).__name__
            return (
                f"{name} is left out: statsforecast cannot fit series {series.unique_id}: {said}."
            )
        if not np.isfinite(found[chosen & (board.owners == owner)]).all():
            return f"{name} is left out: its forecasts of series {series.unique_id} are not finite."
        parameters += _fitted(model)
    seconds = time.perf_counter() - began
    return Entry(
        name=name,
        forecasts=(found,),
        windows=None if chosen.all() else chosen,
        parameters=parameters,
        seconds=seconds,
        note=_note(name, season),
    )


def _model(name: str, season: int) -> Any:
    """Make a model that is not fitted yet."""
    models = import_module("statsforecast.models")
    if name == "Theta":
        return models.DynamicOptimizedTheta(season_length=season)
    inside = season if season <= LONGEST_SEASON else 1
    if name == "ETS":
        # ZZN: what STL left has no season.
        model = models.AutoETS(season_length=inside, model="ZZZ" if inside == season else "ZZN")
    else:
        model = models.AutoARIMA(
            season_length=inside, approximation=True, seasonal=inside == season
        )
    taken_out = LONGEST_SEASON < season <= LONGEST_STL
    return models.MSTL(season, trend_forecaster=model) if taken_out else model


def _before(values: Array, row: int, reach: int) -> Array:
    """Give what lies before a row, its gaps filled by lines: a model here knows none."""
    past = values[max(0, row - reach) : row]
    there = np.flatnonzero(~np.isnan(past))
    first = there[0]
    rows = np.arange(first, len(past))
    return np.interp(rows, there, past[there])


def _fitted(model: Any) -> int:
    """Count the numbers that were fitted."""
    found = getattr(model, "trend_forecaster", model).model_
    if "coef" in found:
        return len(found["coef"]) + 1
    return int(found["n_params"]) if "n_params" in found else len(found["par"])


def _note(name: str, season: int) -> str:
    if name == "Theta" or season <= LONGEST_SEASON:
        return ""
    if season <= LONGEST_STL:
        return f"{name} forecasts what STL leaves when it has taken the season out."
    return f"{name} knows no season: {season:,} steps are too many for it."
