"""From what a running layer hands over to what users see: a `LayerTrace`, a `LayerFlow`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.gradients import belt
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.memory.timescales import half_life
from glasscell.traces.layer import GATES, LayerTrace
from glasscell.traces.layout import from_kernel, to_time_major, unpack

if TYPE_CHECKING:
    from glasscell.traces.run import Record

__all__ = ["Order", "flow_of", "into_cell", "trace_of"]

TAPE = {"input": 0, "forget": 1, "candidate": 2, "output": 3, "cell": 4}
"""Where the kernel keeps each quantity on the second-last axis of its tape."""


def trace_of(record: Record, reverse: bool) -> LayerTrace:
    """Lay the views of one record out as the layer's own output.

    Args:
        record: what the layer handed over.
        reverse: whether it read the sequence from its end.

    Returns:
        `LayerTrace` of read-only views.
    """
    layout = _layout(record)
    tape, size = record.tape, record.hidden_size
    gates: dict[str, Any] = {
        name: None if tape is None else from_kernel(tape[..., TAPE[name], :size], layout)
        for name in GATES
    }
    return LayerTrace(
        **gates,
        hidden=from_kernel(record.output, layout),
        mode=record.mode,
        reverse=reverse,
        layout=layout,
        initial_hidden=record.h0,
        initial_cell=record.c0,
        lengths=record.lengths,
        batch_sizes=record.batch_sizes,
        reset=record.reset,
        sorted_indices=record.sorted_indices,
        x=from_kernel(record.x, layout),
    )


def _layout(record: Record) -> str:
    if record.batch_sizes is not None:
        return "NH"
    if record.unbatched:
        return "TH"
    return "BTH" if record.batch_first else "TBH"


class Order:
    """Brings arrays of one run into (T, B, ·) in the order in which the layer worked.

    Args:
        trace: the run.

    Attributes:
        alive: (T, B), which steps exist.
        cut: (T, B), before which steps the layer began anew, or None.
    """

    def __init__(self, trace: LayerTrace) -> None:
        self.trace = trace
        self._step = -1 if trace.reverse else 1
        self._exists = trace.alive()
        self.alive = self._exists[:: self._step]
        self.cut = None if trace.reset is None else _pieces(trace.reset, trace.reverse)

    def traced(self, name: str) -> Array:
        """Give one field of the trace, 0 where a sequence has ended."""
        array = getattr(self.trace, name)
        return self._masked(to_time_major(array, self.trace.layout, self.trace.batch_sizes))

    def kernel(self, array: Array) -> Array:
        """Give an array in the kernel's layout, 0 where a sequence has ended."""
        sizes = self.trace.batch_sizes
        return self._masked(array if sizes is None else unpack(array, sizes))

    def norms(self, gradient: Array) -> Array:
        """Give norms over batch and units at each step, in the sequence's own time."""
        return belt.per_step(gradient)[:: self._step]

    def _masked(self, array: Array) -> Array:
        return np.where(self._exists[..., None], array, 0)[:: self._step]


def _pieces(reset: Array, reverse: bool) -> Array:
    """Where, in the order of work, a step takes nothing from the one before it."""
    if not reverse:
        return reset
    return np.concatenate([np.zeros_like(reset[:1]), reset[:0:-1]])


def flow_of(
    trace: LayerTrace,
    dh: Array,
    dc: Array | None,
    dy: Array | None,
    weight_hr: Array | None = None,
) -> LayerFlow:
    """Measure the gradients that one layer's backward pass went through.

    Args:
        trace: what the layer did in its forward pass.
        dh: (T, B, P) or (N, P), total derivative of the loss by the hidden state.
        dc: (T, B, H) or (N, H), total derivative by the cell state; None for an RNN.
        dy: as dh, gradient that arrives at the output directly; None where that is not known, and
            then the belt is not either.
        weight_hr: (P, H), projection of the hidden state, or None.

    Returns:
        `LayerFlow`.
    """
    order = Order(trace)
    hidden = order.kernel(dh)
    cell = None if dc is None else order.kernel(dc)
    carried = hidden if cell is None else cell
    entering = None if dy is None else _entering(order, order.kernel(dy), hidden, cell, weight_hr)
    path = None
    if cell is not None and entering is not None:
        path = belt.along_belt(order.traced("forget"), entering, order.cut)
        # A reverse layer works on the padding first, and the belt runs on into it.
        path = np.where(order.alive[..., None], path, 0.0)
    return LayerFlow(
        hidden=order.norms(hidden),
        cell=None if cell is None else order.norms(cell),
        cell_path=None if path is None else order.norms(path),
        mode=trace.mode,
        reverse=trace.reverse,
        by_lag=belt.per_lag(carried, order.alive),
        direct_by_lag=None if entering is None else belt.per_lag(entering, order.alive),
        half_life=None if cell is None else half_life(order.traced("forget"), order.alive),
        shown=trace.shown,
        breaks_at=_breaks_at(order),
    )


def _breaks_at(order: Order) -> int | None:
    """The first step, in the sequence's own time, whose states are not finite."""
    names = [name for name in ("hidden", "cell") if getattr(order.trace, name) is not None]
    if all(np.isfinite(getattr(order.trace, name)).all() for name in names):
        return None
    bad = [~np.isfinite(order.traced(name)).all(axis=2) & order.alive for name in names]
    steps = np.flatnonzero(np.any(bad, axis=(0, 2)))
    if not len(steps):
        return None
    return len(order.alive) - 1 - int(steps[0]) if order.trace.reverse else int(steps[0])


def _entering(
    order: Order, direct: Array, hidden: Array, cell: Array | None, weight_hr: Array | None
) -> Array:
    """What comes in at each step from outside; at the last one, from h_n and c_n too: all of it."""
    ends = belt.last_steps(order.alive)[..., None]
    if cell is None:
        return np.where(ends, hidden, direct)
    return np.where(ends, cell, into_cell(order, direct, weight_hr))


def into_cell(order: Order, direct: Array, weight_hr: Array | None) -> Array:
    """Give what a gradient on the output brings into the cell of the same step.

    ``o_t (1 - tanh(c_t)^2) dy_t``, with ``dy_t W_hr`` in place of dy_t under a projection.

    Args:
        order: of the run.
        direct: (T, B, P), gradient on the output, in the order of work.
        weight_hr: (P, H), or None.

    Returns:
        (T, B, H) float64.
    """
    by_unit = direct if weight_hr is None else direct @ weight_hr
    cell = order.traced("cell").astype(np.float64)
    return np.asarray(order.traced("output") * (1.0 - np.tanh(cell) ** 2) * by_unit)
