"""A linear model of n-grams: what a sequence of symbols tells by those that follow one another.

What is kept of a sequence is its last symbols and one sum a score in float64, so one step a call,
pieces and the whole give the same bits, as in `pooled_steps`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.model.nodes.fields import Fields, Tensors, refuse
from glasscell.model.nodes.pooled_steps import add_steps, last, runs

__all__ = ["Alphabet", "Grams", "read_grams"]

Index = npt.NDArray[np.int64]

MULTIPLIER = 2654435761
"""2^32 over the golden ratio: multiplying by it scatters neighbouring numbers (Knuth 6.4)."""

HALF = 0xFFFFFFFF
"""The lower 32 bits."""

MOST_SHARED = 1 << 20
"""Most rows that grams share: their products with 32 bits are exact in a page's numbers too."""


@dataclass(frozen=True)
class Alphabet:
    """Numbers of the n-grams of F symbols, up to n = order.

    A step is the symbol of its largest feature, or the unknown symbol where none is above 0; a
    begin mark stands before the first step. With A = F + 2 the gram of k symbols that ends at step
    t has the number::

        g_kt = A + … + A^(k-1) + s_t + s_{t-1} A + … + s_{t-k+1} A^(k-1)

    and as the last of a sequence that number more than all of these, A + … + A^order. Where all
    have a row of their own it is that number; else rows are shared (feature hashing, Weinberger et
    al. 2009).

    Args:
        features: F.
        order: The most symbols of a gram.
        rows: N, rows of the weights.

    >>> alphabet = Alphabet(2, order=2, rows=40)
    >>> alphabet.symbols(np.array([[[0.0, 2.0], [0.0, 0.0], [2.0, 0.0]]]))
    array([[1, 2, 0]])
    >>> alphabet.numbers(np.array([[3, 1, 2, 0]]))
    [array([[1, 2, 0]]), array([[17, 10, 12]])]
    """

    features: int
    order: int
    rows: int

    @property
    def begin(self) -> int:
        """The mark before the first step."""
        return self.features + 1

    @cached_property
    def count(self) -> int:
        """All grams, not those at the end."""
        return sum((self.features + 2) ** k for k in range(1, self.order + 1))

    @property
    def exact(self) -> bool:
        """Whether every gram has a row of its own."""
        return 2 * self.count <= self.rows

    def symbols(self, x: Array) -> Index:
        """Read steps (B, T, F) as symbols (B, T)."""
        return np.where(x.max(axis=-1) > 0, x.argmax(axis=-1), self.features)

    def numbers(self, symbols: Any) -> list[Any]:
        """Number the grams of 1 … order symbols that end at each step.

        Args:
            symbols: (B, order - 1 + T) of those before the steps and at them; an array or tensor.

        Returns:
            For each length (B, T).
        """
        steps = symbols.shape[1] - self.order + 1
        found, below, power = [], 0, 1
        for k in range(self.order):
            first = self.order - 1 - k
            below = below + power * symbols[:, first : first + steps]
            found.append(below)
            power *= self.features + 2
            below = below + power
        return found

    def row(self, numbers: Any) -> Any:
        """Give the row of each gram: its number, or h N / 2^32 with h, the number scattered.

        Args:
            numbers: int64, of any shape; an array or tensor.
        """
        if self.exact:
            return numbers
        # Products wrap around at 2^64, which leaves the lower half as it is.
        scattered = (((numbers ^ (numbers >> 32)) & HALF) * MULTIPLIER) & HALF
        return (scattered * self.rows) >> 32

    def read(
        self, marks: Index, x: Array, lengths: npt.NDArray[np.int64] | None = None
    ) -> tuple[Index, Index, Index]:
        """Read steps that follow others.

        Args:
            marks: (B, order - 1) symbols before them.
            x: (B, T, F) steps, T > 0.
            lengths: (B,) how many steps of each row count, none of them 0; default all.

        Returns:
            For each length of gram the rows of those that end at each step, (order, B, T), and of
            those at the end, (order, B); and the last symbols, (B, order - 1).
        """
        symbols = np.concatenate([marks, self.symbols(x)], axis=1)
        numbers = self.numbers(symbols)
        at_end = np.stack([last(each, lengths) for each in numbers]) + self.count
        if lengths is None:
            after = symbols[:, x.shape[1] :]
        else:
            kept = lengths[:, None] + np.arange(self.order - 1)
            after = symbols[np.arange(len(x))[:, None], kept]
        return self.row(np.stack(numbers)), self.row(at_end), after


@dataclass(frozen=True, eq=False)
class Grams:
    """Scores of a sequence of symbols: a number for every gram in it, and for those at its end.

    Over the steps t = 1 … n and the grams of k = 1 … order symbols, with e the row of g at an end::

        y = bias + Σ_t Σ_k weight[g_kt] + Σ_k weight[e_kn]

    Args:
        alphabet: Numbers the grams.
        weight: (N, O).
        bias: (O,).

    >>> grams = Grams(Alphabet(2, 1, 8), np.arange(8.0)[:, None], np.zeros(1))
    >>> held = grams.begin(1)
    >>> grams.absorb(held, np.array([[[0.0, 1.0], [0.0, 1.0]]]))
    array([[7.]])
    >>> grams.absorb(held, np.array([[[0.0, 0.0]]]))
    array([[10.]])
    """

    alphabet: Alphabet
    weight: Array
    bias: Array

    @property
    def width(self) -> int:
        """F, features of a step."""
        return self.alphabet.features

    @property
    def gives(self) -> int:
        """O, scores."""
        return len(self.bias)

    @property
    def size(self) -> int:
        """Numbers that are kept of a sequence."""
        return self.alphabet.order - 1 + self.gives

    def begin(self, count: int) -> Array:
        """Give (count, size) float64, what is kept of sequences without a step."""
        held = np.zeros((count, self.size))
        held[:, : self.alphabet.order - 1] = self.alphabet.begin
        return held

    def require(self, held: Array) -> None:
        """Refuse a state whose symbols are none.

        Raises:
            DataError: They are not.
        """
        marks = held[:, : self.alphabet.order - 1]
        if not np.isin(marks, np.arange(self.alphabet.begin + 1)).all():
            raise DataError(
                f"expected state 'grams' to begin with {self.alphabet.order - 1} symbols, whole "
                f"numbers of 0 … {self.alphabet.begin}, got {marks.tolist()}"
            )

    def absorb(self, held: Array, x: Array, lengths: npt.NDArray[np.int64] | None = None) -> Array:
        """Add steps to what is kept, and score all that there are.

        Args:
            held: (B, size), from `begin` or an earlier call; changed in place.
            x: (B, T, F) steps, T > 0.
            lengths: (B,) how many steps of each row count, none of them 0; default all.

        Returns:
            (B, O) in x's dtype.
        """
        marks, total = np.split(held, [self.alphabet.order - 1], axis=1)
        rows, at_end, after = self.alphabet.read(marks.astype(np.int64), x, lengths)
        with np.errstate(all="ignore"):
            add_steps(total, self._sums(rows), runs(x, lengths), fresh=False)
            marks[...] = after
            scores: Array = self.bias + total + self._sums(at_end)
            return scores.astype(x.dtype)

    def _sums(self, rows: Index) -> Array:
        """Add what grams of all lengths count, the shortest first, in float64."""
        total: Array = self.weight[rows[0]].astype(np.float64)
        for more in rows[1:]:
            total += self.weight[more]
        return total


def read_grams(fields: Fields, tensors: Tensors) -> Grams:
    """Build Grams from features, outputs, order, rows and weights.

    Raises:
        WeightFormatError: A size is none, or does not fit.
    """
    features, outputs = fields.integer("features", 2), fields.integer("outputs", 1)
    order, rows = fields.integer("order", 1), fields.integer("rows", 1)
    if order * np.log2(features + 2) > 50:
        refuse(
            fields.path,
            f"expected fewer than 2^50 n-grams, got those of {features} features up to {order}",
        )
    alphabet = Alphabet(features, order, rows)
    if not alphabet.exact and rows > MOST_SHARED:
        refuse(fields.path, f"expected at most 2^20 rows where grams share them, got {rows:,}")
    prefix = fields.prefix()
    weight = tensors.take(f"{prefix}weight", (rows, outputs), fields.path)
    bias = tensors.take(f"{prefix}bias", (outputs,), fields.path)
    return Grams(alphabet, weight, bias)
