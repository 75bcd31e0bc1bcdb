"""The sequences of the adding problem, in NumPy: values, two markers, and the sum to answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["adding_sequences"]


def adding_sequences(
    length: int, count: int, generator: np.random.Generator
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw sequences of the adding problem, see `glasscell.reproduce.adding`.

    Args:
        length: T, at least 2.
        count: B.
        generator: Source of chance.

    Returns:
        x (T, B, 2) float32, value and marker; y (B,) float32, the sums.

    >>> x, y = adding_sequences(10, 3, np.random.default_rng(0))
    >>> x.shape, x[:, 0, 1].nonzero()[0].tolist()
    ((10, 3, 2), [4, 9])
    >>> bool(np.allclose((x[:, :, 0] * x[:, :, 1]).sum(0), y))
    True
    """
    rows = np.arange(count)
    x = np.zeros((length, count, 2), np.float32)
    x[:, :, 0] = generator.random((length, count), dtype=np.float32)
    first = generator.integers(0, length // 2, count)
    second = generator.integers(length // 2, length, count)
    x[first, rows, 1] = x[second, rows, 1] = 1
    return x, x[first, rows, 0] + x[second, rows, 0]
