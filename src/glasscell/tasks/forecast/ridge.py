"""The linear forecast that an LSTM has to beat, and starts from: ridge regression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import Ridge

from glasscell.arrays import Array
from glasscell.tasks.forecast.linear import LinearForecast, features, of_steps
from glasscell.tasks.forecast.windows import Windows

ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)


def ridge(train: Windows, validation: Windows, level: bool, extra: bool = True) -> LinearForecast:
    """Fit the ridge regression with the penalty that has the least error on validation.

    Args:
        train: Windows to fit.
        validation: Windows to choose the penalty on.
        level: Whether the windows hold the target's level in channel 1, and the model reads it.
        extra: Whether it reads the covariates whose past alone is known; what is known ahead is
            read in any case.

    Returns:
        The fitted model. Where channels are known ahead, each step's forecast reads those of its
        own row, and of the columns (neither the calendar nor what is static) the past too.
    """
    known = train.horizon if train.known else 0
    inputs, held_out = train.inputs(), validation.inputs()
    x, y = features(inputs, level, extra, train.ahead, known), train.targets()
    y = y - inputs[:, train.lookback - 1, :1]
    solve = _solver_by_step(x, of_steps(inputs, train.ahead, known), y) if known else _solver(x, y)
    truth = validation.targets()
    best, best_error = None, np.inf
    for alpha in ALPHAS:
        weight, bias, own = solve(alpha)
        model = LinearForecast(weight, bias, alpha, level, extra, own, train.ahead)
        error = float(np.mean(abs(model.forecast(held_out) - truth)))
        if best is None or error < best_error:
            best, best_error = model, error
    assert best is not None
    return best


Solved = tuple[Array, Array, Array | None]
"""Weights (horizon, k), intercepts (horizon,), and weights of each step's own features."""


def _solver(x: Array, y: Array) -> Callable[[float], Solved]:
    """Give the function of the penalty that solves for (m, horizon) from (m, k) features."""

    def solve(alpha: float) -> Solved:
        fitted = Ridge(alpha).fit(x, y)
        return fitted.coef_.reshape(y.shape[1], -1), np.ravel(fitted.intercept_), None

    return solve


def _solver_by_step(x: Array, own: Array, y: Array) -> Callable[[float], Solved]:
    """Give the function of the penalty that solves every step from x and features of its own.

    The equations of all steps share the block of x, which is diagonalised once: with its penalty it
    is eliminated by the Schur complement (scikit-learn would factor it anew for every step).

    Args:
        x: (m, k) features that all steps read.
        own: (m, horizon, f) features of each step.
        y: (m, horizon) what is to be told.
    """
    x_mean, own_mean, y_mean = x.mean(axis=0), own.mean(axis=0), y.mean(axis=0)
    x, own, y = x - x_mean, (own - own_mean).swapaxes(0, 1), y - y_mean
    values, vectors = np.linalg.eigh(x.T @ x)
    x = x @ vectors
    by_x, y_by_x = x.T @ own, x.T @ y
    squares = own.swapaxes(1, 2) @ own
    by_own = (own.swapaxes(1, 2) @ y.T[:, :, None])[:, :, 0]
    identity = np.eye(own.shape[2])

    def solve(alpha: float) -> Solved:
        shrunk = by_x / (np.maximum(values, 0.0) + alpha)[:, None]
        schur = squares + alpha * identity - by_x.swapaxes(1, 2) @ shrunk
        right = by_own - (shrunk.swapaxes(1, 2) @ y_by_x.T[:, :, None])[:, :, 0]
        steps = np.linalg.solve(schur, right[:, :, None])[:, :, 0]
        rotated = y_by_x / (np.maximum(values, 0.0) + alpha)[:, None]
        rotated = rotated - (shrunk @ steps[:, :, None])[:, :, 0].T
        weight = (vectors @ rotated).T
        bias = y_mean - weight @ x_mean - (steps * own_mean).sum(axis=1)
        return weight, bias, steps

    return solve
