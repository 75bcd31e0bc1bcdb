"""The backward pass of one layer on the kernels, from what `layer_forward.run` kept."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, zeros_like

from glasscell import engine
from glasscell.engine.addresses import GradientAddresses
from glasscell.nn import records
from glasscell.nn.call import Call
from glasscell.nn.layer_forward import (
    address,
    contiguous,
    readable,
    run_addresses,
    states,
    strides,
)

__all__ = ["layer_gradients"]

Maybe = Tensor | None


def layer_gradients(
    call: Call,
    saved: tuple[Tensor, Maybe, Maybe, Tensor],
    kept: Sequence[Maybe],
    incoming: tuple[Maybe, Maybe, Maybe],
    needed: Sequence[bool],
) -> tuple[Maybe, ...]:
    """Give the gradients of x, h0, c0 and every direction's weights.

    Args:
        call: That of `run`.
        saved: x, h0, c0 and output of `run`. Where no weight's gradient is needed and no segment is
            run again, only the shape of x is read, and an LSTM's output not at all.
        kept: Of each direction, as `run` gave it.
        incoming: Gradients of output, h_n and c_n; None for zero.
        needed: Which of x, h0, c0 and the weights, in this order, must have a gradient.
    """
    x, h0, c0, y = (
        readable(saved[0]),
        contiguous(saved[1]),
        contiguous(saved[2]),
        readable(saved[3]),
    )
    flow = call.observation is not None and call.observation.gradients
    dy = (zeros_like(y) if flow else None) if incoming[0] is None else readable(incoming[0])
    dy_step, dy_row = (0, 0) if dy is None else strides(dy)
    dh_n, dc_n = contiguous(incoming[1]), contiguous(incoming[2])
    first, directions, batch = call.layers[0], len(call.layers), call.layout.batch(x)
    dh0 = x.new_empty(directions, batch, first.output_size) if needed[1] else None
    dc0 = states(first, x, directions, batch) if needed[2] else None
    dx: Maybe = None
    weights: list[Maybe] = []
    for d, layer in enumerate(call.layers):
        own = _weights(layer, x) if any(needed[3:]) else (None,) * 6
        dw_ih, dw_hh, db, db_hh, dw_hr, dvectors = own
        own_dx = x.new_empty(x.shape) if needed[0] else None
        dh, dc = _flow(call, x) if flow else (None, None)
        tape, cells = _tape(call, kept[d], x, batch)
        layer.backward_at(
            run_addresses(
                call,
                d,
                (x, h0, c0, y),
                segment=call.segment,
                tape=address(tape),
                cells=address(cells),
            ),
            GradientAddresses(
                dy=0 if dy is None else dy.data_ptr() + d * layer.output_size * dy.itemsize,
                dy_step=dy_step,
                dy_row=dy_row,
                dh_n=address(dh_n, d),
                dc_n=address(dc_n, d),
                dx=address(own_dx),
                dh0=address(dh0, d),
                dc0=address(dc0, d),
                dweight_ih=address(dw_ih),
                dweight_hh=address(dw_hh),
                dbias=address(db),
                dbias_hh=address(db_hh),
                dweight_hr=address(dw_hr),
                dvectors=address(dvectors),
                dh=address(dh),
                dc=address(dc),
            ),
        )
        dx = own_dx if dx is None or own_dx is None else dx.add_(own_dx)
        if db is not None and layer.reads_h and not layer.split:
            # Not one tensor twice: torch would keep it as .grad of both biases and scale it twice.
            db_hh = db.clone()
        # Copies: as .grad each has memory of its own.
        vectors: list[Maybe] = [None] * len(layer.vectors)
        if dvectors is not None:
            vectors = [row.clone() for row in dvectors]
        weights += [dw_ih, dw_hh, db, db_hh, dw_hr, *vectors]
        if dh is not None and dy is not None and call.module is not None:
            records.show(call, d, dy, dh, dc)
    return dx, dh0, dc0, *weights


def _tape(call: Call, kept: Maybe, x: Tensor, batch: int) -> tuple[Maybe, Maybe]:
    """Give the tape, or room for one of a segment and the states "c" to make it from."""
    if not call.segment:
        return contiguous(kept), None
    layer = call.layers[0]
    return x.new_empty(call.segment, batch, layer.kept, layer.padded_size), contiguous(kept)


def _flow(call: Call, x: Tensor) -> tuple[Tensor, Maybe]:
    """Make room for dL/dh and dL/dc of every step, zero after the end of a sequence."""
    layer, lead = call.layers[0], x.shape[:-1]
    dh, dc = x.new_empty(*lead, layer.output_size), states(layer, x, *lead)
    if call.layout.lengths is not None:
        dh.zero_()
        if dc is not None:
            dc.zero_()
    return dh, dc


def _weights(layer: engine.PackedLayer, x: Tensor) -> tuple[Maybe, ...]:
    """Make room for the gradients of weight_ih, weight_hh, biases, weight_hr and vectors."""
    size, hidden, rows = layer.output_size, layer.hidden_size, layer.gate_rows
    return (
        x.new_empty(rows, layer.input_size),
        x.new_empty(rows, size) if layer.reads_h else None,
        x.new_empty(rows) if layer.bias else None,
        x.new_empty(rows) if layer.bias and layer.split and layer.reads_h else None,
        x.new_empty(size, hidden) if layer.projected else None,
        x.new_empty(len(layer.vectors), hidden) if layer.vectors else None,
    )
