"""The gradient along the belt of a cell alone, and norms per step and per lag; all in float64.

Arrays here are (T, B, ·) in the order in which the layer worked: for a reverse layer, time flipped.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array

__all__ = ["along_belt", "last_steps", "norm", "per_lag", "per_step"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Float64: TypeAlias = npt.NDArray[np.float64]

SAFE = (1e-280, 1e300)
"""Sums of squares between these have lost nothing; others are taken again from scaled values."""


def norm(array: Array, axis: int | tuple[int, ...] | None = None) -> Float64:
    """Give Euclidean norms in float64 that neither underflow nor overflow on the way.

    Args:
        array: Any shape.
        axis: Axes to sum over; default all.

    Returns:
        The norms, the other axes kept.

    >>> float(norm(np.array([3e-200, 4e-200])))
    5e-200
    """
    values = np.asarray(array, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        plain = np.square(values).sum(axis=axis)
    if array.dtype == np.float32 or ((plain > SAFE[0]) & (plain < SAFE[1])).all():
        return np.asarray(np.sqrt(plain))
    values = np.abs(values)
    largest = values.max(axis=axis, keepdims=True, initial=0.0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(over="ignore"):  # beside an infinity, which leaves nothing to scale by
        squares = np.square(values / scale).sum(axis=axis)
    return np.asarray(np.sqrt(squares) * scale.reshape(np.shape(squares)))


def along_belt(forget: Array, entering: Array, cut: Bools | None = None) -> Float64:
    """Carry gradients back along the belt and nowhere else.

    ``belt_t = f_{t+1} * belt_{t+1} + e_t``: what dL/dc_t would be if the gates did not read the
    hidden state.

    Args:
        forget: (T, B, H) direct path, the forget gate of an LSTM, the update gate of a GRU; 0 where
            a sequence has ended.
        entering: (T, B, H) what enters the stored state at each step from outside, of an LSTM
            ``o_t (1 - tanh(c_t)^2) dy_t``.
        cut: (T, B), True where a new piece begins, so that nothing passes from it to the step
            before; default nowhere.

    Returns:
        (T, B, H) float64.

    >>> along_belt(np.full((3, 1, 1), 0.5), np.array([[[0.0]], [[0.0]], [[8.0]]])).ravel()
    array([2., 4., 8.])
    """
    kept = np.asarray(forget, dtype=np.float64)
    if cut is not None:
        kept = np.where(cut[..., None], 0.0, kept)
    belt = np.array(entering, dtype=np.float64)
    for t in range(len(belt) - 2, -1, -1):
        belt[t] += kept[t + 1] * belt[t + 1]
    return belt


def last_steps(alive: Bools) -> Bools:
    """Mark the last step of each sequence.

    Args:
        alive: (T, B), which steps exist; each sequence's steps are in one run.

    Returns:
        (T, B).

    >>> last_steps(np.array([[True, True], [False, True]])).astype(int)
    array([[1, 0],
           [0, 1]])
    """
    following = np.zeros_like(alive)
    following[:-1] = alive[1:]
    return alive & ~following


def per_step(gradient: Array) -> Float64:
    """Give the norm over batch and units at each step.

    Args:
        gradient: (T, B, ·), zero where a sequence has ended.

    Returns:
        (T,).
    """
    return norm(gradient, axis=(1, 2))


def per_lag(gradient: Array, alive: Bools) -> Float64:
    """Give the root mean square over sequences of the norm at each lag from their own last step.

    The mean is over the sequences that are long enough, so that a ragged batch does not look like
    a decay.

    Args:
        gradient: (T, B, ·).
        alive: (T, B), which steps exist; each sequence's steps are in one run.

    Returns:
        (T,), index 0 the last step.

    >>> per_lag(np.array([[[1.0], [2.0]], [[0.0], [4.0]]]), np.array([[True, True], [False, True]]))
    array([2.91547595, 2.        ])
    """
    steps, batch = alive.shape
    norms = norm(gradient, axis=2)
    by_lag, exists = np.zeros((steps, batch)), np.zeros((steps, batch), dtype=bool)
    t, b = np.nonzero(alive)
    last = steps - 1 - np.argmax(alive[::-1], axis=0)
    by_lag[last[b] - t, b], exists[last[b] - t, b] = norms[t, b], True
    counts = exists.sum(axis=1)
    return np.asarray(norm(by_lag, axis=1) / np.sqrt(np.maximum(counts, 1)))
