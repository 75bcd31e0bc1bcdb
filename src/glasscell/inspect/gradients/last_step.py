"""What the last step alone sends back: the layer's own carrying, without any fresher gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glasscell import engine
from glasscell.arrays import Array
from glasscell.cells.direct import direct_path
from glasscell.cells.parameters import LayerWeights
from glasscell.engine.packing import packed_of
from glasscell.inspect.gradients import belt
from glasscell.inspect.gradients.flow import into_state
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
        dc: By the cell's other states, see `flow_of`; None without any.

    Returns:
        (T,) as `LayerFlow.by_lag`: of the state that the layer stores in.
    """
    order = Order(trace)
    hidden = order.kernel(dh)
    dc_n = None
    if dc is not None:
        dc_n = np.ascontiguousarray(_given_at_end(order, dc, hidden, weights), dtype=dc.dtype)
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
    path = direct_path(trace.recurrence)
    carried: Array | None = grads.dh
    if path is not None and path.index:
        carried = grads.dc
        if carried is not None and carried.ndim > dh.ndim:
            carried = carried[..., path.index - 1, :]
    assert carried is not None
    return belt.per_lag(order.kernel(carried), order.alive)


def _given_at_end(order: Order, dc: Array, hidden: Array, weights: LayerWeights) -> Array:
    """What comes to the other states after the last step from outside: (B, H) or (B, S, H)."""
    several = dc.ndim > hidden.ndim or order.trace.recurrence.extra_states > 1
    parts = []
    for state in range(1, order.trace.recurrence.extra_states + 1):
        own = order.kernel(dc[..., state - 1, :] if several else dc)
        parts.append(_at_end(order, own - into_state(order, state, hidden, weights)))
    return np.stack(parts, axis=1) if several else parts[0]


def _at_end(order: Order, gradient: Array) -> Array:
    """(B, ·): the row of each sequence's last step."""
    ends = belt.last_steps(order.alive)[..., None]
    rows: Array = np.where(ends, gradient, 0).sum(axis=0)
    return rows
