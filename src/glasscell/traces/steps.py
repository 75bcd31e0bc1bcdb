"""The order in which a layer worked on its steps: of a whole batch, and of one sequence alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from glasscell.arrays import Array, position
from glasscell.errors import ShapeError
from glasscell.traces.layout import to_time_major, unpack

if TYPE_CHECKING:
    from glasscell.traces.layer import LayerTrace

__all__ = ["Order", "Single", "required"]


class Order:
    """Brings arrays of one run into (T, B, ·) in the order in which the layer worked.

    Args:
        trace: The run.

    Attributes:
        alive: (T, B), which steps exist.
        cut: (T, B), before which steps the layer began anew, or None.
        step: 1, or -1 where the layer read from the end: ``array[::step]`` goes between the order
            of work and the sequence's own time.
    """

    def __init__(self, trace: LayerTrace) -> None:
        self.trace = trace
        self.step = -1 if trace.reverse else 1
        self._exists = trace.alive()
        self.alive = self._exists[:: self.step]
        self.cut = trace.reset
        if trace.reset is not None and trace.reverse:
            # A reset in front of step t separates it from t - 1, which a reverse layer reads next:
            # it is that step which takes nothing from the one before it in the order of work.
            self.cut = np.concatenate([np.zeros_like(trace.reset[:1]), trace.reset[:0:-1]])

    def traced(self, name: str) -> Array:
        """Give one field of the trace, 0 where a sequence has ended."""
        array = getattr(self.trace, name)
        return self._masked(to_time_major(array, self.trace.layout, self.trace.batch_sizes))

    def kernel(self, array: Array) -> Array:
        """Give an array in the kernel's layout, 0 where a sequence has ended."""
        sizes = self.trace.batch_sizes
        return self._masked(array if sizes is None else unpack(array, sizes))

    def not_finite(self, names: Sequence[str]) -> tuple[int, int] | None:
        """Look for values of some fields that are NaN or infinite.

        Returns:
            How many there are, and the first step that has some, in the sequence's own time; None
            where all are finite.
        """
        if all(np.isfinite(getattr(self.trace, name)).all() for name in names):
            return None
        bad = [~np.isfinite(self.traced(name)) & self.alive[..., None] for name in names]
        counts = np.sum([each.sum(axis=(1, 2)) for each in bad], axis=0)
        if not counts.any():
            return None
        place = int(np.argmax(counts > 0))
        return int(counts.sum()), len(counts) - 1 - place if self.trace.reverse else place

    def _masked(self, array: Array) -> Array:
        return np.where(self._exists[..., None], array, 0)[:: self.step]


class Single:
    """One sequence of a traced layer; every array is in the sequence's own time.

    Args:
        layer: One sequence, layout "TH", as `LayerTrace.sequence` gives it.
        handed: Of "hidden" and "cell" the states that each step must find as the step before it
            left them; default the cell's.

    Attributes:
        trace: The layer.
        order: (T,) steps in the order in which the layer worked on them.
        cut: (T,) bool, whether the layer began anew at that step and took nothing from before.

    Raises:
        ShapeError: `layer` is a batch.
        ValueError: Something changes that state between two calls.
    """

    def __init__(self, layer: LayerTrace, handed: Sequence[str] = ("cell",)) -> None:
        if layer.layout != "TH":
            raise ShapeError(
                f"expected one sequence (T, H), got layout {layer.layout} "
                f"{layer.hidden.shape}; take one of the batch: trace[name].sequence(0)"
            )
        changed = [name for name in handed if layer.shown and name in layer.shown.altered]
        if changed:
            raise ValueError(
                f"expected steps that hand on their {' and '.join(handed)} state as it is, got "
                f"calls between which the {' and '.join(changed)} state is changed (zoneout, "
                "dropout, steps that are skipped); glasscell.gradient_flow follows such changes"
            )
        self.trace = layer
        order, steps = Order(layer), len(layer.hidden)
        self.order = np.arange(steps)[:: order.step]
        self.cut = np.zeros(steps, dtype=bool)
        if order.cut is not None:
            self.cut = order.cut[:: order.step, 0]

    def __len__(self) -> int:
        return len(self.order)

    def place(self, step: int | None, default: int, name: str = "step") -> int:
        """Give a step's place in the order of work.

        Args:
            step: In the sequence's own time, negative from the end; None for the default.
            default: A place in the order of work.
            name: Of the argument, for the message.

        Raises:
            IndexError: There is no such step.
        """
        if step is None:
            return position(default, len(self), name)
        t = position(step, len(self), name)
        return len(self) - 1 - t if self.trace.reverse else t

    def cell_before(self) -> Array:
        """(T, H): the cell state that each step found."""
        cell = required(self.trace, "cell")
        first = self.trace.initial_cell
        start = np.zeros_like(cell[:1]) if first is None else np.asarray(first).reshape(1, -1)
        worked = cell[self.order]
        before = np.empty_like(worked)
        before[self.order] = np.concatenate([start, worked[:-1]])
        before[self.cut] = start
        return before


def required(layer: LayerTrace, name: str) -> Array:
    """Give one field of an LSTM's trace.

    Args:
        layer: Any.
        name: "forget", "input", "candidate", "output" or "cell".

    Raises:
        ValueError: The layer is an RNN and has no such thing.
    """
    array: Array | None = getattr(layer, name)
    if array is None:
        raise ValueError(
            f"expected the trace of an LSTM, with its {name}, got one of {layer.mode}, which has "
            "neither gates nor a cell"
        )
    return array
