"""The linear forecast that an LSTM has to beat, and starts from: ridge regression."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import Ridge

from glasscell.tasks.forecast.linear import LinearForecast, features
from glasscell.tasks.forecast.windows import Windows

ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)


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
