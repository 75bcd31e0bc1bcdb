"""The network of a fitted estimator, as plain values: it pickles and runs without torch.

The model that predicts is made of a description and arrays when it is first asked for, and is left
out of a pickle: nothing of torch, and no code, is in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.model.model import Model
from glasscell.tasks.scaling import Scaler

__all__ = ["FittedNetwork"]

STEPS = 1 << 15
"""Steps, padding included, that are run at a time."""


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """One trained network and what its inputs and outputs mean.

    Args:
        tree: What it is, as config.json has it.
        weights: Torch's parameter names to arrays.
        scaler: Of the features, measured on the sequences that it was trained on.
        target_scaler: Of the numbers to tell; None for classes.
        history: What every epoch gave: its number, training and validation loss, seconds.
        best_epoch: The epoch whose weights these are.
        optimizer: What Adam remembers, for `partial_fit`; None after a `fit`.
    """

    tree: dict[str, Any]
    weights: Mapping[str, Array]
    scaler: Scaler
    target_scaler: Scaler | None
    history: tuple[dict[str, float], ...]
    best_epoch: int
    optimizer: Any = None

    @cached_property
    def model(self) -> Model:
        """The network, ready to run with NumPy alone."""
        return Model(self.tree, self.weights)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "model"}

    def scores(self, sequences: Sequences) -> npt.NDArray[np.float32]:
        """Run the network over all sequences: (n, outputs)."""
        scores = np.empty((len(sequences), self.model.root.writes or 0), np.float32)
        for batch in by_length(sequences.lengths):
            lengths = sequences.lengths[batch]
            x = np.zeros((len(batch), lengths.max(), len(sequences.features)), np.float32)
            x[np.arange(x.shape[1]) < lengths[:, None]] = self.scaler.network_input(
                sequences.values[sequences.steps(batch)]
            )
            scores[batch] = self.model.run(x, lengths=lengths).output
        return scores


def by_length(lengths: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Deal the numbers of sequences out to batches of similar length.

    >>> [batch.tolist() for batch in by_length(np.array([3, 1, 2, 20000, 20000]))]
    [[1, 2, 0], [3], [4]]
    """
    order = np.argsort(lengths, kind="stable")
    batches: list[npt.NDArray[np.int64]] = []
    first = 0
    for place, length in enumerate(lengths[order].tolist()):
        if place > first and (place + 1 - first) * length > STEPS:
            batches.append(order[first:place])
            first = place
    return [*batches, order[first:]]
