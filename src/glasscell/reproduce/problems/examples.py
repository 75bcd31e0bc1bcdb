"""Sequences with what is asked for at each of their steps: what every generator here gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glasscell.arrays import Array


@dataclass(frozen=True, eq=False)
class Examples:
    """Sequences of different lengths, one after another.

    Args:
        x: (N, I) float64, the inputs of all steps of all sequences.
        target: (N, O) float64, what is asked for after each step; NaN where nothing is.
        ends: (n,) int64, the first step after each sequence.
    """

    x: Array
    target: Array
    ends: Array

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> Array:
        """(n,) steps of each sequence."""
        return np.diff(self.ends, prepend=0)

    def sequence(self, number: int) -> tuple[Array, Array]:
        """Give x (T, I) and target (T, O) of one sequence."""
        steps = slice(int(self.ends[number] - self.lengths[number]), int(self.ends[number]))
        return self.x[steps], self.target[steps]

    def chosen(self, numbers: Array) -> Examples:
        """Give some of the sequences, in the order of `numbers`."""
        return joined([self.sequence(int(number)) for number in numbers])

    def padded(self) -> tuple[Array, Array, Array]:
        """Give x (T, B, I) and target (T, B, O) float32, zero and NaN after the end, and lengths.

        >>> one = np.ones((1, 1)), np.zeros((1, 1))
        >>> two = np.ones((2, 1)), np.zeros((2, 1))
        >>> x, target, lengths = joined([one, two]).padded()
        >>> x[:, :, 0].tolist(), target[:, 0, 0].tolist(), lengths.tolist()
        ([[1.0, 1.0], [0.0, 1.0]], [0.0, nan], [1, 2])
        """
        lengths = self.lengths
        rows = np.repeat(np.arange(len(self)), lengths)
        steps = np.arange(len(self.x)) - np.repeat(self.ends - lengths, lengths)
        longest = int(lengths.max(initial=0))
        x = np.zeros((longest, len(self), self.x.shape[1]), np.float32)
        target = np.full((longest, len(self), self.target.shape[1]), np.nan, np.float32)
        x[steps, rows], target[steps, rows] = self.x, self.target
        return x, target, lengths


def joined(sequences: Sequence[tuple[Array, Array]]) -> Examples:
    """Put sequences x (T, I), target (T, O) one after another."""
    return Examples(
        np.concatenate([np.asarray(x, np.float64) for x, _ in sequences]),
        np.concatenate([np.asarray(target, np.float64) for _, target in sequences]),
        np.cumsum([len(x) for x, _ in sequences], dtype=np.int64),
    )


def at_the_end(x: Array, ends: Array, answers: Array) -> Examples:
    """Ask for `answers` (n, O) after the last step of each sequence, and for nothing before."""
    target = np.full((len(x), answers.shape[1]), np.nan)
    target[ends - 1] = answers
    return Examples(x, target, ends)


def one_hot(symbols: Array, kinds: int) -> Array:
    """Write symbols (N,) as (N, kinds) of 0 and 1.

    >>> one_hot(np.array([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return np.eye(kinds)[symbols]
