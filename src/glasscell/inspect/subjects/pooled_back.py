"""Backwards through what pools steps: from the gradient of a pooled row to that of every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.model.nodes.pooled_steps import Pool, attention_weights

__all__ = ["pool_back", "summary_back"]

Lengths: TypeAlias = "npt.NDArray[np.int64] | None"


def pool_back(
    how: Pool, y: Array, scores: Array | None, lengths: Lengths
) -> Callable[[Array], tuple[Array, Array]]:
    """Give the pullback of `Pool.absorb` on whole sequences.

    Args:
        how: What pooled.
        y: (B, T, W) steps.
        scores: (B, T) of the steps, for attention.
        lengths: (B,) steps of each; None: all.

    Returns:
        (B, K) to dL/dy (B, T, W) and dL/dscores (B, T), all float64.
    """
    counts, valid = _counted(y, lengths)
    rows, ends = np.arange(len(y)), counts - 1
    y = np.where(valid[:, :, None], y.astype(np.float64), 0.0)
    share = None if scores is None else attention_weights(scores.astype(np.float64), lengths)

    def back(dp: Array) -> tuple[Array, Array]:
        dy, ds = np.zeros(y.shape), np.zeros(y.shape[:2])
        for kind, own in zip(how.kinds, np.split(dp, len(how.kinds), axis=1), strict=True):
            if kind == "last":
                half = how.width // 2 if how.bidirectional else how.width
                dy[rows, ends, :half] += own[:, :half]
                dy[:, 0, half:] += own[:, half:]
            elif kind == "mean":
                dy += (own / counts[:, None])[:, None] * valid[:, :, None]
            elif kind == "max":
                at = np.where(valid[:, :, None], y, -np.inf).argmax(axis=1)
                dy[rows[:, None], at, np.arange(how.width)] += own
            else:
                assert share is not None
                dy += share[:, :, None] * own[:, None]
                along = (y @ own[:, :, None])[..., 0]
                ds += share * (along - (share * along).sum(axis=1, keepdims=True))
        return dy, ds

    return back


def summary_back(x: Array, lengths: Lengths) -> Callable[[Array], Array]:
    """Give the pullback of `Summary.absorb` on whole sequences: (B, 4F) to dL/dx (B, T, F).

    Of a feature that does not change the deviation is 0, and so is its derivative.
    """
    counts, valid = _counted(x, lengths)
    rows, wide = np.arange(len(x)), x.astype(np.float64)
    mean = np.where(valid[:, :, None], wide, 0.0).sum(axis=1) / counts[:, None]
    away = np.where(valid[:, :, None], wide - mean[:, None], 0.0)
    moves = (valid[:, :, None] & (x != x[:, :1])).any(axis=1)
    variance = (away * away).sum(axis=1) / counts[:, None]
    scale = np.where(moves, np.sqrt(np.where(moves, variance, 1.0)), np.inf)

    def back(ds: Array) -> Array:
        of_mean, of_deviation, of_first, of_last = np.split(ds / 1.0, 4, axis=1)
        dx = valid[:, :, None] * (of_mean / counts[:, None])[:, None]
        dx += away * (of_deviation / scale / counts[:, None])[:, None]
        dx[:, 0] += of_first
        dx[rows, counts - 1] += of_last
        return dx

    return back


def _counted(x: Array, lengths: Lengths) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Steps of each sequence, and which steps (B, T) are among them."""
    counts = np.full(len(x), x.shape[1], np.int64) if lengths is None else lengths
    return counts, np.arange(x.shape[1]) < counts[:, None]
