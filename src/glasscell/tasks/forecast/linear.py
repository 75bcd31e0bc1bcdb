"""The linear forecast of a window, with which every network begins; needs NumPy alone.

Apart from `ridge` and `trees`, because loading scikit-learn takes a second that the processes which
train networks need not spend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell.arrays import Array
from glasscell.tasks.forecast.layout import Ahead


@dataclass(frozen=True, eq=False)
class LinearForecast:
    """A direct linear forecast of scaled windows, the last value subtracted first (NLinear).

    Args:
        weight: (horizon, k) weights on the features.
        bias: (horizon,) intercepts.
        alpha: Its ridge penalty, chosen on validation.
        level: Whether the last value itself is a feature.
        extra: Whether the covariates are features.
        own: (horizon, f) weights of each step on what is known of it; None: nothing is.
        ahead: Which channels are known ahead.
    """

    weight: Array
    bias: Array
    alpha: float
    level: bool
    extra: bool
    own: Array | None = None
    ahead: Ahead | None = None

    @property
    def parameters(self) -> int:
        """Weights and intercepts."""
        own = 0 if self.own is None else self.own.size
        return int(self.weight.size + self.bias.size + own)

    def forecast(self, inputs: Array) -> Array:
        """Forecast (m, horizon) scaled values from what the network reads."""
        known = 0 if self.own is None else len(self.bias)
        read = features(inputs, self.level, self.extra, self.ahead, known)
        change: Array = read @ self.weight.T + self.bias
        if self.own is not None:
            change += np.einsum("mkf,kf->mk", of_steps(inputs, self.ahead, known), self.own)
        return inputs[:, -1 - known, :1] + change


def features(
    inputs: Array, level: bool, extra: bool, ahead: Ahead | None = None, known: int = 0
) -> Array:
    """Lay the past of windows out as (m, k) rows of numbers for a linear model.

    Args:
        inputs: (m, lookback + known, C) windows; channel 0 is the target, and channel 1 again where
            the network sees the level too.
        level: Whether the last value itself is a feature.
        extra: Whether the covariates are features.
        ahead: Which channels are known ahead; those of columns are features.
        known: Rows ahead.
    """
    channels = inputs.shape[2]
    inputs = inputs[:, : inputs.shape[1] - known]
    last = inputs[:, -1:, 0].astype(np.float64)
    parts = [inputs[:, :, 0] - last]
    parts += [last] if level else []
    if ahead is None:
        wanted = list(range(1 + level, channels)) if extra else []
    else:
        wanted = ahead.numbers_of_past(channels, 1 + level) if extra else []
        wanted += ahead.past(channels)
    parts += [inputs[:, :, wanted].reshape(len(inputs), -1)] if wanted else []
    return np.concatenate(parts, axis=1)


def of_steps(inputs: Array, ahead: Ahead | None, known: int) -> Array:
    """Give (m, known, f) what is known of each step ahead, for a linear model."""
    assert ahead is not None
    rows = inputs[:, inputs.shape[1] - known :]
    return rows[:, :, ahead.own(inputs.shape[2])].astype(np.float64)
