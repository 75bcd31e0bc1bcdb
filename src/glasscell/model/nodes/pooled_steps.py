"""What the steps of a sequence come to: one row of numbers for all of them, or for those so far.

All that is kept of the steps of a sequence is a row of numbers in float64, to which steps are added
in their order. So one step a call, pieces, and the whole give the same bits, and no sum stops
growing on a stream that goes on for days, as one in float32 does at 2^24 steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array

__all__ = ["POOLINGS", "Pool", "Summary", "attention_weights"]

POOLINGS = ("last", "mean", "max", "attention")
"""Ways to pool, in the order in which several are put side by side."""

_LOWEST = float(np.finfo(np.float64).min)


@dataclass(frozen=True)
class Pool:
    """The output of a recurrent network over time, pooled in one way or several side by side.

    Over the steps t = 1 … n of a sequence::

        last       y_n; of a bidirectional network the reverse half of y_1
        mean       (y_1 + … + y_n) / n
        max        the largest of each feature
        attention  (w_1 y_1 + … + w_n y_n) / (w_1 + … + w_n), w_t = exp(score_t - top)

    Args:
        kinds: Some of `POOLINGS`, in that order.
        width: W of a step; both directions.
        bidirectional: Whether the second half of a step reads backwards; default False.

    >>> pool = Pool(("last", "mean"), 1)
    >>> held = pool.begin(1)
    >>> pool.absorb(held, np.array([[[1.0], [3.0]]]))
    array([[3., 2.]])
    >>> pool.absorb(held, np.array([[[5.0]]]))
    array([[5., 3.]])
    """

    kinds: tuple[str, ...]
    width: int
    bidirectional: bool = False

    @property
    def gives(self) -> int:
        """K, numbers of a pooled sequence."""
        return len(self.kinds) * self.width

    @property
    def size(self) -> int:
        """Numbers that are kept of a sequence."""
        return int(self._places[-1].stop)

    @cached_property
    def _places(self) -> list[slice]:
        """Where the count lies, and the parts of each kind."""
        of = {"mean": [self.width], "max": [self.width], "attention": [1, 1, self.width]}
        return _side_by_side([1, *(size for kind in self.kinds for size in of.get(kind, []))])

    def begin(self, count: int) -> Array:
        """Give (count, size) float64, what is kept of sequences without a step."""
        held = np.zeros((count, self.size))
        _, *places = self._places
        for kind in self.kinds:
            if kind == "max":
                held[:, places[0]] = -np.inf
            elif kind == "attention":
                held[:, places[0]] = _LOWEST
            del places[: {"last": 0, "attention": 3}.get(kind, 1)]
        return held

    def absorb(
        self,
        held: Array,
        y: Array,
        lengths: npt.NDArray[np.int64] | None = None,
        scores: Array | None = None,
    ) -> Array:
        """Add steps to what is kept, and pool all that there are.

        Args:
            held: (B, size), from `begin` or an earlier call; changed in place.
            y: (B, T, W) steps, T > 0.
            lengths: (B,) how many steps of each row count, none of them 0; default all.
            scores: (B, T) of the steps, for attention alone.

        Returns:
            (B, K) in y's dtype.
        """
        over = _over(y, lengths)
        if over is not None:
            y = np.where(over[:, :, None], 0, y)
        count, *places = self._places
        held[:, count] += _counts(y, lengths)
        parts = []
        with np.errstate(all="ignore"):
            for kind in self.kinds:
                if kind == "last":
                    parts.append(self._last(y, lengths))
                elif kind == "mean":
                    total = held[:, places.pop(0)]
                    _add(total, y)
                    parts.append(total / held[:, count])
                elif kind == "max":
                    top = held[:, places.pop(0)]
                    shown = y if over is None else np.where(over[:, :, None], -np.inf, y)
                    np.maximum(top, shown.max(axis=1), out=top)
                    parts.append(top + 0.0)  # which of 0.0 and -0.0 is larger depends on the order
                else:
                    assert scores is not None
                    three = [held[:, places.pop(0)] for _ in range(3)]
                    shown = scores if over is None else np.where(over, -np.inf, scores)
                    parts.append(_attend(three, y, shown.astype(np.float64)))
            return np.concatenate(parts, axis=1, dtype=y.dtype, casting="same_kind")

    def _last(self, y: Array, lengths: npt.NDArray[np.int64] | None) -> Array:
        ends = y[:, -1] if lengths is None else y[np.arange(len(y)), lengths - 1]
        if not self.bidirectional:
            return ends
        half = self.width // 2
        return np.concatenate([ends[:, :half], y[:, 0, half:]], axis=1)


@dataclass(frozen=True)
class Summary:
    """What a linear model may know of a sequence x: four numbers of each feature.

    In this order: the mean of every feature, the standard deviation of every feature (divided by
    n), the first value of every feature, the last of every feature.

    Args:
        width: F, features.

    >>> Summary(1).absorb(Summary(1).begin(1), np.array([[[1.0], [5.0], [3.0]]])).round(3)
    array([[3.   , 1.633, 1.   , 3.   ]])
    """

    width: int

    @property
    def gives(self) -> int:
        """4 F."""
        return 4 * self.width

    @property
    def size(self) -> int:
        """Numbers that are kept of a sequence."""
        return 1 + 3 * self.width

    def begin(self, count: int) -> Array:
        """Give (count, size) float64, what is kept of sequences without a step."""
        return np.zeros((count, self.size))

    def absorb(self, held: Array, x: Array, lengths: npt.NDArray[np.int64] | None = None) -> Array:
        """Add steps to what is kept, and give (B, 4F) of all that there are, as `Pool.absorb`."""
        over = _over(x, lengths)
        count, first, shift, square = (
            held[:, place] for place in _side_by_side([1, *[self.width] * 3])
        )
        new = count[:, 0] == 0
        first[new] = x[new, 0]
        count += _counts(x, lengths)
        ends = x[:, -1] if lengths is None else x[np.arange(len(x)), lengths - 1]
        with np.errstate(all="ignore"):
            # Sums of what is left after the first value: a large offset takes no digits from them,
            # and the deviation of what never changes is 0.
            away = x - first[:, None]
            if over is not None:
                away = np.where(over[:, :, None], 0, away)
            _add(shift, away)
            _add(square, away * away)
            mean = shift / count
            deviation = np.sqrt(np.maximum(square / count - mean * mean, 0))
            parts = [first + mean, deviation, first, ends]
            return np.concatenate(parts, axis=1, dtype=x.dtype, casting="same_kind")


def _side_by_side(sizes: Sequence[int]) -> list[slice]:
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]


def _over(y: Array, lengths: npt.NDArray[np.int64] | None) -> npt.NDArray[np.bool_] | None:
    """Which steps (B, T) lie after the end; None if no one does."""
    if lengths is None or not y.size or lengths.min() == y.shape[1]:
        return None
    return np.asarray(np.arange(y.shape[1]) >= lengths[:, None])


def _counts(y: Array, lengths: npt.NDArray[np.int64] | None) -> Array | int:
    return y.shape[1] if lengths is None else lengths[:, None]


def _add(total: Array, rows: Array) -> None:
    """Add rows (B, T, W) to total (B, W) in place, one step after the other."""
    joined = np.concatenate([total[:, None], rows], axis=1)
    # NumPy sums along the last axis in pairs, along any other in order.
    if joined.shape[-1] > 1:
        np.add.reduce(joined, axis=1, out=total)
    else:
        total[...] = np.add.accumulate(joined, axis=1)[:, -1]


def _attend(kept: Sequence[Array], y: Array, scores: Array) -> Array:
    """Add steps to the largest score, the sum of weights and the weighted sum; give the mean.

    When a score is larger than all before, the sums are scaled down to it.
    """
    top, mass, weighted = kept
    tops = np.maximum.accumulate(np.concatenate([top, scores], axis=1), axis=1)
    weights = np.exp(scores - tops[:, 1:])
    scale = np.exp(tops[:, :-1] - tops[:, 1:])
    top[...] = tops[:, -1:]
    rises = np.flatnonzero((scale != 1).any(axis=0))
    for start, end in pairwise([*dict.fromkeys([0, *rises.tolist()]), scores.shape[1]]):
        mass *= scale[:, start : start + 1]
        weighted *= scale[:, start : start + 1]
        share = weights[:, start:end, None]
        _add(mass, share)
        _add(weighted, share * y[:, start:end])
    return weighted / mass


def attention_weights(scores: Array, lengths: npt.NDArray[np.int64] | None = None) -> Array:
    """Give what each step of whole sequences counts for in attention: softmax over time.

    Args:
        scores: (B, T) of the steps.
        lengths: (B,) how many steps of each row count; default all.

    Returns:
        (B, T), 0 after the end.

    >>> attention_weights(np.log([[1.0, 3.0]])).round(3)
    array([[0.25, 0.75]])
    """
    over = _over(scores, lengths)
    shown = scores if over is None else np.where(over, -np.inf, scores)
    with np.errstate(all="ignore"):
        weights = np.exp(shown - shown.max(axis=1, keepdims=True))
        share: Array = weights / weights.sum(axis=1, keepdims=True)
    return share
