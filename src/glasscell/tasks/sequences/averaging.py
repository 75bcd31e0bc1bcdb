"""Averages neighbouring steps of long sequences to one: all at once, or row by row in a stream."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences

__all__ = ["LONGEST", "Block", "averaged", "stride_of"]

LONGEST = 128
"""Steps of the longest sequence from which on neighbouring ones are averaged, if nobody says how
many."""

ROWS = 1 << 16
"""Averages that are made at a time."""


def stride_of(lengths: npt.NDArray[np.int64]) -> int:
    """Give how many steps to average to one, so that the longest has no more than `LONGEST`.

    >>> stride_of(np.array([20, 128])), stride_of(np.array([20, 129]))
    (1, 2)
    """
    return max(1, -(-int(lengths.max()) // LONGEST))


def averaged(sequences: Sequences, stride: int) -> Sequences:
    """Give sequences whose steps are the means of `stride` neighbouring ones; the last of fewer.

    Args:
        sequences: Those to average, with a label a sequence or none.
        stride: Steps to one; 1: they are given back as they are.

    Notes:
        A sum goes over the steps in their order and in double precision, as that of `Block` does.
        A missing value counts for nothing; where all are missing, so is the mean.

    >>> one = Sequences(np.array([[1.0], [3.0], [9.0]], np.float32), np.array([0, 3]), ("x",),
    ...                 np.array(["a"]))
    >>> averaged(one, 2).values.ravel()
    array([2., 9.], dtype=float32)
    """
    if stride == 1:
        return sequences
    counts = -(-sequences.lengths // stride)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    first = np.repeat(sequences.offsets[:-1], counts) + stride * place
    end = np.minimum(first + stride, np.repeat(sequences.offsets[1:], counts))
    values = np.empty((offsets[-1], len(sequences.features)), np.float32)
    for start in range(0, len(values), ROWS):
        some = slice(start, start + ROWS)
        block = Block((len(first[some]), len(sequences.features)))
        for step in range(stride):
            there = np.flatnonzero(first[some] + step < end[some])
            block.add(sequences.values[first[some][there] + step], there)
        values[some] = block.mean
    return replace(sequences, values=values, offsets=offsets)


class Block:
    """The steps so far of what becomes one step, or of many such blocks side by side.

    Args:
        shape: (F,) features, or (n, F) of n blocks.
        total: Sums so far, if there are any.
        known: How many values each is a sum of.
    """

    def __init__(
        self, shape: tuple[int, ...], total: Array | None = None, known: Array | None = None
    ) -> None:
        self.total = np.zeros(shape) if total is None else total
        self.known = np.zeros(shape) if known is None else known

    def add(self, rows: Array, there: npt.NDArray[np.int64] | None = None) -> None:
        """Add a row to the block, or one each to those of the blocks that are `there`."""
        chosen = slice(None) if there is None else there
        missing = np.isnan(rows)
        self.total[chosen] += np.where(missing, 0.0, rows)
        self.known[chosen] += ~missing

    @property
    def mean(self) -> npt.NDArray[np.float32]:
        """The means, NaN where nothing is known."""
        means: Array = self.total / np.where(self.known > 0, self.known, np.nan)
        return means.astype(np.float32)
