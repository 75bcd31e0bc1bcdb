"""The forecasts that an LSTM has to beat: naive, seasonal naive, drift, and ridge regression."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from glasscell.arrays import Array
from glasscell.data.read import Series
from glasscell.tasks.forecast.network import LinearForecast, features
from glasscell.tasks.forecast.windows import Windows

ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)


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


def ridge(train: Windows, validation: Windows, level: bool, extra: bool = True) -> LinearForecast:
    """Fit the ridge regression with the penalty that has the least error on validation.

    Args:
        train: Windows to fit.
        validation: Windows to choose the penalty on.
        level: Whether the windows hold the target's level in channel 1, and the model reads it.
        extra: Whether it reads the covariates.

    Returns:
        The fitted model.
    """
    inputs, held_out = train.inputs(), validation.inputs()
    x, y = features(inputs, level, extra), train.targets() - inputs[:, -1, :1]
    best, best_error = None, np.inf
    for alpha in ALPHAS:
        fitted = Ridge(alpha).fit(x, y)
        weight = fitted.coef_.reshape(y.shape[1], -1)
        model = LinearForecast(weight, np.ravel(fitted.intercept_), alpha, level, extra)
        error = float(np.mean(abs(model.forecast(held_out) - validation.targets())))
        if best is None or error < best_error:
            best, best_error = model, error
    assert best is not None
    return best
