"""The order in which a layer worked on its steps: of a whole batch, and of one sequence alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from glasscell.arrays import Array, position
from glasscell.cells.direct import direct_path
from glasscell.errors import ShapeError
from glasscell.traces.layout import to_time_major, unpack

if TYPE_CHECKING:
    from glasscell.traces.layer import LayerTrace

__all__ = ["Order", "Single", "initial_state"]


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
        self.cut = trace.anew
        if trace.anew is not None and trace.reverse:
            # A reset in front of step t separates it from t - 1, which a reverse layer reads next:
            # it is that step which takes nothing from the one before it in the order of work.
            self.cut = np.concatenate([np.zeros_like(trace.anew[:1]), trace.anew[:0:-1]])

    def traced(self, name: str) -> Array:
        """Give a quantity of the trace, or `x`, 0 where a sequence has ended."""
        array = self.trace.x if name == "x" else self.trace.quantity(name)
        assert array is not None
        return self.worked(array)

    def worked(self, array: Array) -> Array:
        """Give an array of the trace's layout, 0 where a sequence has ended."""
        return self._masked(to_time_major(array, self.trace.layout, self.trace.batch_sizes))

    @property
    def begins(self) -> Array:
        """(T, B): which steps find the state that their sequence was given."""
        before = np.zeros_like(self.alive)
        before[1:] = self.alive[:-1]
        begins = self.alive & ~before
        return begins if self.cut is None else begins | np.asarray(self.cut, dtype=bool)

    def before(self, name: str) -> Array:
        """Give a state as each step found it, (T, B, ·).

        Args:
            name: Of the state: "hidden", "cell".
        """
        state = self.traced(name)
        found = np.empty_like(state)
        found[1:] = state[:-1]
        return np.where(self.begins[..., None], initial_state(self.trace, name), found)

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
        arrays = (self.trace.x if name == "x" else self.trace.quantity(name) for name in names)
        if all(array is None or np.isfinite(array).all() for array in arrays):
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
        handed: The states that each step must find as the step before it left them; default the
            one that the layer stores in.

    Attributes:
        trace: The layer.
        order: (T,) steps in the order in which the layer worked on them.
        cut: (T,) bool, whether the layer began anew at that step and took nothing from before.

    Raises:
        ShapeError: `layer` is a batch.
        ValueError: Something changes that state between two calls.
    """

    def __init__(self, layer: LayerTrace, handed: Sequence[str] | None = None) -> None:
        if layer.layout != "TH":
            raise ShapeError(
                f"expected one sequence (T, H), got layout {layer.layout} "
                f"{layer.hidden.shape}; take one of the batch: trace[name].sequence(0)"
            )
        if handed is None:
            path = direct_path(layer.recurrence)
            handed = () if path is None else (path.name,)
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

    def before(self, name: str) -> Array:
        """Give a state as each step found it, (T, ·).

        Args:
            name: Of the state: "hidden", "cell".
        """
        state = self.trace.quantity(name)
        start = initial_state(self.trace, name).reshape(1, -1)
        worked = state[self.order]
        before: Array = np.empty_like(worked)
        before[self.order] = np.concatenate([np.broadcast_to(start, worked[:1].shape), worked[:-1]])
        before[self.cut] = start
        return before


def initial_state(layer: LayerTrace, name: str) -> Array:
    """Give the state that a layer's sequences began with, (B, ·) or (1, ·).

    Args:
        layer: Any.
        name: Of the state: "hidden", "cell".
    """
    cell = layer.recurrence
    place = cell.state_names.index(name) if name in cell.state_names else 0
    letter = [*cell.states][place]
    given = layer.initial_cell if place else layer.initial_hidden
    state = layer.quantity(name)
    if given is None:
        return np.full((1, state.shape[-1]), cell.initial.get(letter, 0.0), state.dtype)
    rows = np.asarray(given)
    return rows[:, place - 1] if place and rows.ndim == 3 else np.atleast_2d(rows)
