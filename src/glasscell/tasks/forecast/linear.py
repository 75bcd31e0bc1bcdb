"""The linear forecast of a window, with which every network begins; needs NumPy alone.

Apart from `baselines`, because loading scikit-learn takes a second that the processes which train
networks need not spend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell.arrays import Array


@dataclass(frozen=True, eq=False)
class LinearForecast:
    """A direct linear forecast of scaled windows, the last value subtracted first (NLinear).

    Args:
        weight: (horizon, k) weights on the features.
        bias: (horizon,) intercepts.
        alpha: Its ridge penalty, chosen on validation.
        level: Whether the last value itself is a feature.
        extra: Whether the covariates are features.
    """

    weight: Array
    bias: Array
    alpha: float
    level: bool
    extra: bool

    @property
    def parameters(self) -> int:
        """Weights and intercepts."""
        return int(self.weight.size + self.bias.size)

    def forecast(self, inputs: Array) -> Array:
        """Forecast (m, horizon) scaled values from (m, lookback, C) inputs."""
        change: Array = features(inputs, self.level, self.extra) @ self.weight.T + self.bias
        return inputs[:, -1:, 0] + change


def features(inputs: Array, level: bool, extra: bool) -> Array:
    """Lay (m, lookback, C) windows out as (m, k) rows of numbers for a linear model.

    Args:
        inputs: Windows; channel 0 is the target, and channel 1 again if `level`.
        level: Whether the last value itself is a feature, as the network sees it too.
        extra: Whether the covariates are features.
    """
    last = inputs[:, -1:, 0].astype(np.float64)
    parts = [inputs[:, :, 0] - last]
    parts += [last] if level else []
    parts += [inputs[:, :, 1 + level :].reshape(len(inputs), -1)] if extra else []
    return np.concatenate(parts, axis=1)
