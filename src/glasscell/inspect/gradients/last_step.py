"""What the last step alone sends back: the layer's own carrying, without any fresher gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glasscell import engine
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.engine.packing import packed_of
from glasscell.inspect.gradients import belt
from glasscell.inspect.gradients.flow import into_cell
from glasscell.traces.steps import Order

if TYPE_CHECKING:
    from glasscell.traces.layer import LayerTrace, Record

__all__ = ["carried_back"]


def carried_back(
    record: Record,
    trace: LayerTrace,
    weights: LayerWeights,
    dh: Array,
    dc: Array | None,
) -> Array:
    """Give the gradient by lag if all but the last step of each sequence had none of its own.

    Args:
        record: The layer's forward pass, as the kernel knows it.
        trace: The same, as users see it.
        weights: The layer's.
        dh: Total derivative by the hidden state, in the kernel's layout.
        dc: By the cell state; None for an RNN.

    Returns:
        (T,) as `LayerFlow.by_lag`: of the cell state, or of the hidden state for an RNN.
    """
    order = Order(trace)
    hidden = order.kernel(dh)
    dc_n = None
    if dc is not None:
        dc_n = _at_end(order, order.kernel(dc) - into_cell(order, hidden, weights.weight_hr))
        dc_n = dc_n.astype(dc.dtype)
    grads = engine.backward(
        packed_of(record.mode, weights),
        record.x,
        record.output,
        record.h0,
        record.c0,
        record.tape,
        np.zeros_like(dh),
        _at_end(order, hidden),
        dc_n,
        reverse=trace.reverse,
        lengths=record.lengths,
        reset=record.reset,
        batch_sizes=record.batch_sizes,
        need_x=False,
        need_weights=False,
        flow=True,
    )
    carried = grads.dh if dc is None else grads.dc
    assert carried is not None
    return belt.per_lag(order.kernel(carried), order.alive)


def _at_end(order: Order, gradient: Array) -> Array:
    """(B, ·): the row of each sequence's last step."""
    ends = belt.last_steps(order.alive)[..., None]
    rows: Array = np.where(ends, gradient, 0).sum(axis=0)
    return rows
