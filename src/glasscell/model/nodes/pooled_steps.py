"""What the steps of a sequence come to: one row of numbers for all of them, or for those so far.

All that is kept of the steps of a sequence is a row of numbers in float64, to which steps are added
in their order. So one step a call, pieces, and the whole give the same bits, and no sum stops
growing on a stream that goes on for days, as one in float32 does at 2^24 steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array

__all__ = ["POOLINGS", "Pool", "Summary", "add_steps", "attention_weights", "runs"]

POOLINGS = ("last", "mean", "max", "attention")
"""Ways to pool, in the order in which several are put side by side."""

_LOWEST = float(np.finfo(np.float64).min)
_LEVEL = 256.0


@dataclass(frozen=True)
class Pool:
    """The output of a recurrent network over time, pooled in one way or several side by side.

    Over the steps t = 1 … n of a sequence::

        last       y_n; of a bidirectional network the reverse half of y_1
        mean       (y_1 + … + y_n) / n
        max        the largest of each feature
        attention  (w_1 y_1 + … + w_n y_n) / (w_1 + … + w_n), w_t = exp(score_t - level)

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
    def outputs(self) -> list[slice]:
        """Where each kind lies in what comes of a sequence."""
        return _side_by_side([self.width] * len(self.kinds))

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
        count, *places = self._places
        fresh, cut = not held[:, count].any(), runs(y, lengths)
        held[:, count] += counts(y, lengths)
        pooled = np.empty((len(y), self.gives), y.dtype)
        with np.errstate(all="ignore"):
            for kind, place in zip(self.kinds, self.outputs, strict=True):
                into = pooled[:, place]
                if kind == "last":
                    half = self.width // 2 if self.bidirectional else self.width
                    into[:, :half] = last(y, lengths)[:, :half]
                    into[:, half:] = y[:, 0, half:]
                elif kind == "mean":
                    total = held[:, places.pop(0)]
                    add_steps(total, y, cut, fresh)
                    into[...] = total / held[:, count]
                elif kind == "max":
                    top = held[:, places.pop(0)]
                    for rows, steps in cut:
                        np.maximum.reduce(y[rows, steps], axis=1, out=into[rows])
                    np.maximum(top, into, out=top)
                    into[...] = top + 0.0  # which of 0.0 and -0.0 is larger depends on the order
                else:
                    assert scores is not None
                    three = [held[:, places.pop(0)] for _ in range(3)]
                    into[...] = _attend(three, y, within(scores, lengths), cut, fresh)
        return pooled


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
        count, first, shift, square = (
            held[:, place] for place in _side_by_side([1, *[self.width] * 3])
        )
        new, cut = count[:, 0] == 0, runs(x, lengths)
        first[new] = x[new, 0]
        count += counts(x, lengths)
        with np.errstate(all="ignore"):
            # Sums of what is left after the first value: a large offset takes no digits from them,
            # and the deviation of what never changes is 0.
            away = x - first[:, None]
            add_steps(shift, away, cut, bool(new.all()))
            add_steps(square, away * away, cut, bool(new.all()))
            mean = shift / count
            deviation = np.sqrt(np.maximum(square / count - mean * mean, 0))
            parts = [first + mean, deviation, first, last(x, lengths)]
            return np.concatenate(parts, axis=1, dtype=x.dtype, casting="same_kind")


def counts(y: Array, lengths: npt.NDArray[np.int64] | None) -> Array | int:
    """Give the steps (B, 1) of the sequences of y (B, T, ·), or one number for all."""
    return y.shape[1] if lengths is None else lengths[:, None]


def runs(y: Array, lengths: npt.NDArray[np.int64] | None) -> list[tuple[slice, slice]]:
    """Cut rows of y (B, T, ·) that follow one another and have one length: rows and steps."""
    if lengths is None:
        return [(slice(None), slice(y.shape[1]))]
    cut, start = [], 0
    for steps, alike in groupby(lengths.tolist()):
        end = start + len(list(alike))
        cut.append((slice(start, end), slice(steps)))
        start = end
    return cut


def within(scores: Array, lengths: npt.NDArray[np.int64] | None) -> npt.NDArray[np.float64]:
    """Give scores (B, T) as float64, those after an end as -inf."""
    wide = scores.astype(np.float64)
    if lengths is not None:
        wide[np.arange(wide.shape[1]) >= lengths[:, None]] = -np.inf
    return wide


def last(y: Array, lengths: npt.NDArray[np.int64] | None) -> Array:
    """Give the last step (B, W) of each sequence of y (B, T, W)."""
    ends: Array = y[:, -1] if lengths is None else y[np.arange(len(y)), lengths - 1]
    return ends


def _side_by_side(sizes: Sequence[int]) -> list[slice]:
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice(start, end) for start, end in pairwise(ends)]


def add_steps(
    total: Array,
    y: Array,
    cut: Sequence[tuple[slice, slice]],
    fresh: bool,
    weights: Array | None = None,
) -> None:
    """Add steps of y (B, T, W) to total (B, W) in place, one after the other.

    Args:
        total: In float64.
        y: In any layout.
        cut: Which rows, and which of their steps.
        fresh: Whether the total is still 0.
        weights: (B, T) what each step counts; default 1.
    """
    for rows, steps in cut:
        part = y[rows, steps]
        if weights is not None:
            part = weights[rows, steps, None] * part
        if part.shape[1] == 1:
            total[rows] += part[:, 0]
            continue
        if not fresh:
            part = np.concatenate([total[rows, None], part], axis=1)
        # NumPy sums in order, but for the axis that lies closest in memory: that one in pairs.
        if part.shape[2] > 1 and part.strides[1] > part.strides[2]:
            np.add.reduce(part, axis=1, dtype=np.float64, out=total[rows])
        else:
            total[rows] = np.add.accumulate(part, axis=1, dtype=np.float64)[:, -1]
    total += 0.0  # what begins with 0.0 is never -0.0


def _attend(
    kept: Sequence[Array],
    y: Array,
    scores: Array,
    cut: Sequence[tuple[slice, slice]],
    fresh: bool,
) -> Array:
    """Add steps to the level, the sum of weights and the weighted sum; give the mean.

    The level is the largest score so far, rounded to a multiple of 256: weights stay within
    exp(±128), and it rises so seldom that most sequences are summed in one go. When it rises, the
    sums are scaled down to it.
    """
    level, mass, weighted = kept
    rounded = np.floor(scores / _LEVEL + 0.5) * _LEVEL
    levels = np.maximum.accumulate(np.concatenate([level, rounded], axis=1), axis=1)
    weights = np.exp(scores - levels[:, 1:])
    rises = np.flatnonzero((levels[:, :-1] != levels[:, 1:]).any(axis=0))
    level[...] = levels[:, -1:]
    for start, end in pairwise([*dict.fromkeys([0, *rises.tolist()]), scores.shape[1]]):
        scale = np.exp(levels[:, start] - levels[:, start + 1])[:, None]
        mass *= scale
        weighted *= scale
        new = fresh and start == 0
        add_steps(mass, weights[:, :, None], [(slice(None), slice(start, end))], new)
        part = [(rows, slice(start, min(s.stop, end))) for rows, s in cut if s.stop > start]
        add_steps(weighted, y, part, new, weights)
    return weighted / mass


def attention_weights(scores: Array, lengths: npt.NDArray[np.int64] | None = None) -> Array:
    """Give what each step of whole sequences counts for in attention: softmax over time.

    Args:
        scores: (B, T) of the steps.
        lengths: (B,) how many steps of each row count; default all.

    Returns:
        (B, T) float64, 0 after the end.

    >>> attention_weights(np.log([[1.0, 3.0]])).round(3)
    array([[0.25, 0.75]])
    """
    shown = within(scores, lengths)
    with np.errstate(all="ignore"):
        weights = np.exp(shown - shown.max(axis=1, keepdims=True))
        share: Array = weights / weights.sum(axis=1, keepdims=True)
    return share
