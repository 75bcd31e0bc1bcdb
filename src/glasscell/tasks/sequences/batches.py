"""Cuts sequences of like length into padded batches, as a network reads them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.tasks.scaling import Scaler

EVALUATION_STEPS = 1 << 15
"""Steps, padding included, that are scored at a time."""

MOST_HELD = 1 << 24
"""Numbers that are scaled once for a whole training; of more each batch is scaled anew, as a scaled
copy would double what is held."""

Index = npt.NDArray[np.int64]


class ScaledSteps:
    """Cuts padded batches out of sequences that are scaled once, where there is room for it.

    Args:
        sequences: All of them.
        scaler: Of their features.
    """

    def __init__(self, sequences: Sequences, scaler: Scaler) -> None:
        self.sequences, self.scaler = sequences, scaler
        self._scaled: npt.NDArray[np.float32] | None = None
        if sequences.values.size <= MOST_HELD:
            end = np.zeros((1, len(sequences.features)), np.float32)
            self._scaled = np.concatenate([scaler.network_input(sequences.values), end])

    def cut(self, chosen: npt.ArrayLike) -> tuple[npt.NDArray[np.float32], Index]:
        """Give what `padded_steps` does of the chosen."""
        if self._scaled is None:
            return padded_steps(self.sequences, self.scaler, chosen)
        lengths, places = lengths_and_places(self.sequences, chosen)
        rows = self.sequences.offsets[np.asarray(chosen)][:, None] + places
        # What stands after an end is the row of zeros.
        rows[places >= lengths[:, None]] = len(self._scaled) - 1
        return self._scaled[rows], lengths


def by_length(sequences: Sequences, chosen: Index, most: int = EVALUATION_STEPS) -> list[Index]:
    """Deal places in `chosen` out to batches of similar length.

    Args:
        sequences: All of them.
        chosen: (m,) numbers of some.
        most: Steps of a batch, padding included; a longer sequence is a batch of its own.

    >>> four = Sequences(np.zeros((9, 1), np.float32), np.array([0, 1, 5, 6, 9]), ("x",),
    ...                  np.arange(4))
    >>> [batch.tolist() for batch in by_length(four, np.arange(4), most=4)]
    [[0, 2], [3], [1]]
    """
    lengths = sequences.offsets[chosen + 1] - sequences.offsets[chosen]
    order = np.argsort(lengths, kind="stable")
    batches, first = [], 0
    for place, length in enumerate(lengths[order].tolist()):
        if place > first and (place + 1 - first) * length > most:
            batches.append(order[first:place])
            first = place
    return [*batches, order[first:]] if len(order) else []


def padded_steps(
    sequences: Sequences, scaler: Scaler, chosen: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], Index]:
    """Cut sequences out of the array that holds them all.

    Args:
        sequences: All of them.
        scaler: Of their features.
        chosen: (B,) numbers.

    Returns:
        (B, T, F) scaled steps, zeros after the end of each, and (B,) int64 lengths.
    """
    lengths, places = lengths_and_places(sequences, chosen)
    last = np.minimum(places, lengths[:, None] - 1)
    x = scaler.network_input(
        sequences.values[sequences.offsets[np.asarray(chosen)][:, None] + last]
    )
    x[places >= lengths[:, None]] = 0.0
    return x, lengths


def lengths_and_places(sequences: Sequences, chosen: npt.ArrayLike) -> tuple[Index, Index]:
    """Give the lengths of the chosen, and the places 0 … T - 1 of the longest."""
    chosen = np.asarray(chosen, np.int64)
    lengths = sequences.offsets[chosen + 1] - sequences.offsets[chosen]
    return lengths, np.arange(lengths.max(initial=0))


def unpadded(output: Array, batch: Index, lengths: Index) -> tuple[Array, Index]:
    """Give the rows that the scores of a batch are of, among those of all chosen sequences.

    Args:
        output: (B, O), or (B, T, O) with a score a step.
        batch: (B,) places of the sequences among the chosen.
        lengths: (m,) of all the chosen.

    Returns:
        (·, O) scores without those of the padding, and (·,) their rows.
    """
    if output.ndim == 2:
        return output, batch
    places = np.arange(output.shape[1])
    there = places < lengths[batch][:, None]
    starts = np.cumsum(lengths) - lengths
    return output[there], (starts[batch][:, None] + places)[there]
