"""What tests measure against: finite differences, the error relative to float64, ULP distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def central_differences(loss: Callable[[], float], array: Array, step: float = 1e-5) -> Array:
    """Gradient of `loss` with respect to a float64 array that it reads, entry by entry.

    The array is changed in place and restored, so `loss` takes no arguments.
    """
    assert array.dtype == np.float64
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = loss()
        array[index] = kept - step
        below = loss()
        array[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


def relative_error(actual: Array, exact: Array) -> float:
    """Largest distance to the exact values, relative to the largest of them.

    Entries of the exact array near zero would blow up a ratio entry by entry, hence one scale for
    the whole array. Both all zero gives 0; a shape, NaN or infinity that differs gives infinity.
    """
    if actual.shape != exact.shape:
        return np.inf
    actual, exact = np.asarray(actual, np.float64), np.asarray(exact, np.float64)
    if actual.size == 0 or np.array_equal(actual, exact, equal_nan=True):
        return 0.0
    if not (np.isfinite(actual).all() and np.isfinite(exact).all()):
        return np.inf
    scale = np.abs(exact).max()
    return float(np.abs(actual - exact).max() / scale) if scale else np.inf


def ulp_distance(a: Array, b: Array) -> Array:
    """How many representable numbers lie from `a` to `b`, entry by entry; 0 means equal.

    -0 and +0 are one number here; NaN is at distance 0 from NaN and -1 (never) from all else.
    """
    assert a.dtype == b.dtype
    distance = np.abs(_ordinal(a) - _ordinal(b)).astype(np.int64)
    nan = np.isnan(a) | np.isnan(b)
    return np.where(nan, np.where(np.isnan(a) & np.isnan(b), 0, -1), distance)


def _ordinal(a: Array) -> Array:
    """Number every float in its order: consecutive floats get consecutive integers."""
    integer = {2: np.int16, 4: np.int32, 8: np.int64}[a.dtype.itemsize]
    bits = a.view(integer).astype(object if a.dtype.itemsize == 8 else np.int64)
    least = int(np.iinfo(integer).min)
    return np.where(bits < 0, least - bits, bits)
