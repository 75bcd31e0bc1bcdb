"""The forecasts that need no fit: naive, seasonal naive and drift; NumPy alone."""

from __future__ import annotations

import numpy as np

from glasscell.arrays import Array
from glasscell.data.read import Series


def naive(series: Series, origins: Array, horizon: int) -> Array:
    """Repeat the last value: (m, horizon) forecasts from origins (m,), in the data's unit."""
    return np.repeat(series.target[origins - 1, None], horizon, axis=1)


def drift(series: Series, origins: Array, horizon: int) -> Array:
    """Go on with the mean step from the first value to the last."""
    last, first = series.target[origins - 1], series.target[0]
    slope = (last - first) / np.maximum(origins - 1, 1)
    forecast: Array = last[:, None] + slope[:, None] * np.arange(1, horizon + 1)
    return forecast


def seasonal_naive(series: Series, origins: Array, horizon: int, season: int) -> Array:
    """Repeat the value one season before, or the last value where a gap or the start hides it."""
    steps = np.arange(horizon)
    back = origins[:, None] + steps - season * (steps // season + 1)
    season_before = series.target[np.maximum(back, 0)]
    return np.where(
        (back >= 0) & ~np.isnan(season_before), season_before, naive(series, origins, horizon)
    )
