"""What reading labelled sequences gives: all steps in one array, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array

__all__ = ["LabelKind", "Labels", "Sequences"]

LabelKind = Literal["class", "multilabel", "number"]


@dataclass(frozen=True, eq=False)
class Labels:
    """What is to be told of each sequence, or of each of its steps.

    Args:
        kind: One of several classes, any number of them, or numbers.
        values: By sequence (n, ...) or by step (S, ...): int64 indices into `classes`; (·, K) bool
            whether each of them holds; or (·, D) float64 numbers.
        names: The K classes, or the D columns of numbers.
        per_step: Whether there is one a step.
    """

    kind: LabelKind
    values: Array
    names: tuple[str, ...]
    per_step: bool = False


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences of different lengths, all steps in one array.

    Args:
        values: (S, F) float32, the steps of all sequences one after another; finite, or NaN where
            the policy for missing values says the mean, which the training part of a round has.
        offsets: (n + 1,) where each sequence begins, and the end of the last.
        features: F names.
        names: (n,) what each sequence is called.
        labels: What is known of them; None: nothing, as of data to predict.
        groups: (n,) who or what each comes from; sequences of one never lie in two parts. None:
            every sequence for itself.
        test: (n,) whether the source itself sets a sequence apart for the test; None: it does not.
        source: What the data are called.
        notes: What was done to them, one sentence each.
        manner: What a later source has to be read like: columns found and order of the axes.
            `Known.of` takes it.
    """

    values: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.int64]
    features: tuple[str, ...]
    names: Array
    labels: Labels | None = None
    groups: Array | None = None
    test: npt.NDArray[np.bool_] | None = None
    source: str = ""
    notes: tuple[str, ...] = ()
    manner: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(n,) steps of each sequence."""
        return np.diff(self.offsets)

    def __getitem__(self, number: int) -> npt.NDArray[np.float32]:
        """Give the (T, F) steps of one sequence, without a copy."""
        return self.values[self.offsets[number] : self.offsets[number + 1]]

    def steps(self, chosen: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Give the rows of `values` that the chosen sequences have, one after another.

        >>> two = Sequences(np.zeros((5, 1), np.float32), np.array([0, 3, 5]), ("x",),
        ...                 np.array(["a", "b"]))
        >>> two.steps([1, 0]).tolist()
        [3, 4, 0, 1, 2]
        """
        chosen = np.asarray(chosen, np.int64)
        lengths = self.lengths[chosen]
        first = np.repeat(self.offsets[:-1][chosen] - (np.cumsum(lengths) - lengths), lengths)
        rows: npt.NDArray[np.int64] = first + np.arange(lengths.sum())
        return rows
