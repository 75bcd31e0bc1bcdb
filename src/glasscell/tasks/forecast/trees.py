"""Gradient-boosted trees on what the network reads: the rival that needs no recurrence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from glasscell.arrays import Array
from glasscell.tasks.forecast.windows import Windows

MODELS = 12
"""Ensembles at most; with a longer horizon each forecasts several steps, told which by a number."""

ROWS = 30_000
"""Rows that one ensemble learns from at most; where there are more, evenly spaced windows."""

TREES, LEAVES, RATE, PATIENCE = 100, 31, 0.1, 10
"""Trees at most, leaves of one, how much of each is added, and trees without gain before it ends:
twice the trees at half the rate take twice the time for errors within a hundredth."""

AT_ONCE = 2**22
"""Numbers of the rows that are laid out at a time: 32 MB."""


@dataclass(frozen=True, eq=False)
class Trees:
    """Direct forecasts of scaled windows, the last value subtracted, an ensemble a step.

    Args:
        models: For each ensemble the steps that it forecasts and the ensemble.
        level: Whether channel 1 of the windows is the target's level.
        windows: Training windows that each learnt from.
    """

    models: tuple[tuple[Array, Any], ...]
    level: bool
    windows: int

    @property
    def parameters(self) -> int:
        """Numbers of all trees: a feature and a threshold for each split, a value for each leaf."""
        leaves = [
            tree.get_n_leaf_nodes()
            for _, model in self.models
            for trees in model._predictors
            for tree in trees
        ]
        return sum(3 * count - 2 for count in leaves)

    def forecast(self, windows: Windows) -> Array:
        """Forecast (M, horizon) scaled values."""
        found = np.empty((len(windows), windows.horizon))
        size = windows.lookback * windows.values.shape[1] * windows.horizon
        rows = max(1, AT_ONCE // size)
        for first in range(0, len(windows), rows):
            inputs = windows.inputs(slice(first, first + rows))
            for steps, model in self.models:
                change = model.predict(laid_out(windows, inputs, self.level, steps))
                found[first : first + rows, steps] = change.reshape(len(inputs), len(steps))
            found[first : first + rows] += inputs[:, windows.lookback - 1, :1]
        return found


def fit_trees(train: Windows, validation: Windows, level: bool) -> Trees:
    """Fit an ensemble for each step, as many trees as are best on validation.

    Args:
        train: Windows to fit.
        validation: Windows on which an ensemble stops to grow.
        level: Whether the windows hold the target's level in channel 1.

    Notes:
        Mean absolute error, which the networks are trained for too. An ensemble a step beats one
        over all steps that is told the step (docs/decisions/forecast-rivals.md).
    """
    models = []
    groups = np.array_split(np.arange(train.horizon), min(train.horizon, MODELS))
    learnt, judged = (part.thinned(max(1, ROWS // len(groups[0]))) for part in (train, validation))
    inputs, held_out = learnt.inputs(), judged.inputs()
    for steps in groups:
        model = HistGradientBoostingRegressor(
            loss="absolute_error",
            max_leaf_nodes=LEAVES,
            max_iter=TREES,
            learning_rate=RATE,
            early_stopping=True,
            n_iter_no_change=PATIENCE,
            random_state=0,
        )
        model.fit(
            laid_out(learnt, inputs, level, steps),
            changes(learnt, inputs, steps),
            X_val=laid_out(judged, held_out, level, steps),
            y_val=changes(judged, held_out, steps),
        )
        models.append((steps, model))
    return Trees(tuple(models), level, len(learnt))


def laid_out(windows: Windows, inputs: Array, level: bool, steps: Sequence[int] | Array) -> Array:
    """Lay windows out as rows of numbers, a row for each window and step: (m · steps, k) float32.

    Args:
        windows: Whose the inputs are.
        inputs: (m, rows, C) as `Windows.inputs` gives them.
        level: Whether channel 1 is the target's level; the last one is a feature then.
        steps: Steps ahead, from 0; where there are several, the step is a feature.

    Returns:
        The target's changes, its level, the past of the covariates, and what is known of the step.
    """
    past, ahead = inputs[:, : windows.lookback], windows.ahead
    known = windows.known
    last = past[:, -1:, 0]
    # Of the calendar and of what is static, the row to forecast says all.
    end = inputs.shape[2] - known - 1 + ahead.history if ahead is not None and known else None
    others = past[:, :, 1 + level : end]
    of_window = [past[:, :, 0] - last, *([last] if level else [])]
    of_window.append(others.reshape(len(inputs), -1))
    rows = np.repeat(np.concatenate(of_window, axis=1), len(steps), axis=0)
    parts = [rows]
    if known:
        of_step = inputs[:, windows.lookback + np.asarray(steps), -known - 1 : -1]
        parts.append(of_step.reshape(len(rows), known))
    if len(steps) > 1:
        parts.append(np.tile(np.asarray(steps), len(inputs))[:, None])
    return np.concatenate(parts, axis=1, dtype=np.float32)


def changes(windows: Windows, inputs: Array, steps: Array) -> Array:
    """Give the (m · steps,) targets of `laid_out`: what is to come less the last value."""
    last = inputs[:, windows.lookback - 1, :1]
    found: Array = (windows.targets()[:, steps] - last).ravel()
    return found
