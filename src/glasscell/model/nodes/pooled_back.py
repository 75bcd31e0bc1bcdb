"""Backwards through what pools steps: from the gradient of a pooled row to that of every step."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.model.nodes.pooled_steps import Pool, attention_weights, counts, runs

__all__ = ["pool_back", "summary_back"]

Lengths: TypeAlias = "npt.NDArray[np.int64] | None"


def pool_back(
    how: Pool,
    y: Array,
    scores: Array | None,
    lengths: Lengths,
    pooled: Array,
    dp: Array,
    weight: Array | None = None,
) -> tuple[Array, ...]:
    """Take a gradient back through `Pool.absorb` on whole sequences, and the scores of attention.

    Of several largest values of a feature the first has the gradient, as in torch.

    Args:
        how: What pooled.
        y: (B, T, W) steps.
        scores: (B, T) of the steps, for attention: weight y + bias.
        lengths: (B,) steps of each; None: all.
        pooled: (B, K) what came of them.
        dp: (B, K), the gradient of it.
        weight: (1, W), for attention.

    Returns:
        dL/dy (B, T, W), laid out in memory as y; for attention also dL/dweight (1, W) and dL/dbias
        (1,); all in y's dtype.
    """
    came, own = (
        {kind: row[:, place] for kind, place in zip(how.kinds, how.outputs, strict=True)}
        for row in (pooled, dp)
    )
    dy, cut = np.empty_like(y), runs(y, lengths)
    more: tuple[Array, ...] = ()
    if scores is not None and weight is not None:
        mine, dweight = own["attention"], np.zeros(how.width)
        share = attention_weights(scores, lengths).astype(y.dtype)
        along = np.einsum("btw,bw->bt", y, mine)
        ds = share * (along - (came["attention"] * mine).sum(axis=1, keepdims=True))
        for rows, steps in cut:
            ds[rows, steps.stop :] = 0
            dweight += np.einsum("bt,btw->w", ds[rows, steps], y[rows, steps])
        both = np.stack([share, ds], axis=2)
        into = np.stack([mine, np.broadcast_to(weight, mine.shape)], axis=1)
        np.einsum("btk,bkw->btw", both, into, out=dy)
        more = (dweight[None].astype(y.dtype), ds.sum(keepdims=True)[0])
    if "mean" in own or not more:
        even = own["mean"] / counts(y, lengths) if "mean" in own else np.zeros_like(y[:, 0])
        for rows, steps in cut:
            if more:
                dy[rows, steps] += even[rows, None]
            else:
                dy[rows, steps] = even[rows, None]
                dy[rows, steps.stop :] = 0
    batch = np.arange(len(y))
    if "max" in own:
        top, mine = y == came["max"][:, None], own["max"]
        # Reached once each, as nearly always, there is no first time to search for. NaN never is.
        plain = np.isfinite(mine).all() and not np.isnan(came["max"]).any()
        if plain and np.count_nonzero(top) == mine.size:
            dy += top * mine[:, None]
        else:
            dy[batch[:, None], _first(top), np.arange(how.width)] += mine
    if "last" in own:
        half = how.width // 2 if how.bidirectional else how.width
        dy[batch, -1 if lengths is None else lengths - 1, :half] += own["last"][:, :half]
        dy[:, 0, half:] += own["last"][:, half:]
    return dy, *more


def _first(top: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Find the first step (B, W) at which a feature is at its top (B, T, W).

    One search over all is a fifth of the time of `argmax`, which goes along time. What stands after
    an end may be at the top as well, but never first.
    """
    batch, _, width = top.shape
    reached = np.flatnonzero(np.swapaxes(top, 0, 1))[::-1]
    steps, places = np.divmod(reached, batch * width)
    first = np.zeros(batch * width, np.int64)
    first[places] = steps
    return first.reshape(batch, width)


def summary_back(x: Array, lengths: Lengths, ds: Array) -> Array:
    """Take a gradient (B, 4F) back through `Summary.absorb` on whole sequences: dL/dx (B, T, F).

    Of a feature that does not change the deviation is 0, and so is its derivative.
    """
    dx = np.zeros_like(x)
    for rows, steps in runs(x, lengths):
        there, into = x[rows, steps].astype(np.float64), dx[rows, steps]
        of_mean, of_deviation, of_first, of_last = np.split(ds[rows, None], 4, axis=2)
        away = there - there.mean(axis=1, keepdims=True)
        moves = (there != there[:, :1]).any(axis=1, keepdims=True)
        variance = (away * away).mean(axis=1, keepdims=True)
        scale = np.where(moves, np.sqrt(np.where(moves, variance, 1.0)), np.inf)
        into[...] = (of_mean + away * (of_deviation / scale)) / steps.stop
        into[:, :1] += of_first
        into[:, -1:] += of_last
    return dx
