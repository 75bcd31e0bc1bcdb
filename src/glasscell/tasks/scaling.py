"""Scales columns of numbers by mean and standard deviation, measured on training rows alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array


@dataclass(frozen=True, eq=False)
class Scaler:
    """Mean and standard deviation of each column, from training rows.

    Args:
        mean: (F,) means, in the data's unit.
        scale: (F,) standard deviations; 1 where a column is constant.
    """

    mean: Array
    scale: Array

    @classmethod
    def fit(cls, values: Array) -> Scaler:
        """Measure (n, F) values, NaN left out.

        >>> Scaler.fit(np.array([[5.0], [5.0]])).scale
        array([1.])
        """
        counts = np.maximum((~np.isnan(values)).sum(axis=0), 1)
        # A power of two, which changes no bit: squares of the quotients stay within float64.
        _, exponent = np.frexp(np.nanmax(abs(values), axis=0, initial=0.0))
        unit = np.ldexp(1.0, exponent - 1)
        values = values / unit
        mean = np.nansum(values, axis=0) / counts
        scale = np.sqrt(np.nansum((values - mean) ** 2, axis=0) / counts)
        floor = 1e-12 * abs(mean)
        return cls(mean * unit, np.where(scale > floor, scale * unit, 1.0))

    def apply(self, values: Array) -> Array:
        """Scale (n, F) values."""
        scaled: Array = (values - self.mean) / self.scale
        return scaled

    def network_input(self, values: Array) -> npt.NDArray[np.float32]:
        """Scale (n, F) values to what a network reads: float32, and 0, the mean, for NaN.

        >>> Scaler(np.array([1.0]), np.array([2.0])).network_input(np.array([[3.0], [np.nan]]))
        array([[1.],
               [0.]], dtype=float32)
        """
        scaled = self.apply(values).astype(np.float32)
        scaled[np.isnan(scaled)] = 0.0
        return scaled

    def restore(self, scaled: Array, column: int | slice = slice(None)) -> Array:
        """Bring scaled values back to the data's unit.

        Args:
            scaled: (n, F) values of all columns, or those of one column in any shape.
            column: Which one; default all.
        """
        restored: Array = scaled * self.scale[column] + self.mean[column]
        return restored
