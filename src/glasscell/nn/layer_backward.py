"""The backward pass of one layer on the kernels: what `kernels.run` kept in, gradients out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from glasscell import engine
from glasscell.nn import records
from glasscell.nn.layer_forward import Call, address, frame, rows, steps_and_rows, whole

__all__ = ["gradients"]

Maybe = Tensor | None


class _Weights(NamedTuple):
    """Gradients of one direction's parameters, in `packing.Weights` order but for one bias."""

    weight_ih: Maybe = None
    weight_hh: Maybe = None
    bias: Maybe = None
    weight_hr: Maybe = None

    def each(self) -> tuple[Maybe, ...]:
        # Not one tensor twice: torch would keep it as .grad of both biases and scale it twice.
        other = None if self.bias is None else self.bias.clone()
        return self.weight_ih, self.weight_hh, self.bias, other, self.weight_hr


def gradients(
    call: Call,
    saved: tuple[Tensor, Maybe, Maybe, Tensor],
    kept: Sequence[Maybe],
    incoming: tuple[Maybe, Maybe, Maybe],
    needed: Sequence[bool],
) -> tuple[Maybe, ...]:
    """Give the gradients of x, h0, c0 and every direction's weights.

    Args:
        call: that of `run`.
        saved: x, h0, c0 and output of `run`. Where no weight's gradient is needed and no segment is
            run again, only the shape of x is read, and an LSTM's output not at all.
        kept: of each direction, as `run` gave it.
        incoming: gradients of output, h_n and c_n; None for zero.
        needed: which of x, h0, c0 and the weights, in this order, must have a gradient.
    """
    x, h0, c0, y = rows(saved[0]), whole(saved[1]), whole(saved[2]), rows(saved[3])
    flow = call.observation is not None and call.observation.gradients
    dy = (torch.zeros_like(y) if flow else None) if incoming[0] is None else rows(incoming[0])
    dh_n, dc_n = whole(incoming[1]), whole(incoming[2])
    first, sides, batch = call.layers[0], len(call.layers), call.layout.batch(x)
    dh0 = x.new_empty(sides, batch, first.output_size) if needed[1] else None
    dc0 = x.new_empty(sides, batch, first.hidden_size) if needed[2] else None
    shared, dx, found = frame(call, x), None, list[Maybe]()
    for d, layer in enumerate(call.layers):
        own = _weights(layer, x) if any(needed[3:]) else _Weights()
        into = x.new_empty(x.shape) if needed[0] else None
        dh, dc = _flow(call, x) if flow else (None, None)
        tape, cells = _tape(call, kept[d], x, batch)
        layer.backward_at(
            *shared,
            d == 1,
            address(h0, d),
            address(c0, d),
            *_side(y, d, layer),
            address(tape),
            address(cells),
            *_side(dy, d, layer),
            address(dh_n, d),
            address(dc_n, d),
            address(into),
            address(dh0, d),
            address(dc0, d),
            *map(address, own),
            address(dh),
            address(dc),
        )
        dx = into if dx is None or into is None else dx.add_(into)
        found += own.each()
        if dh is not None and dy is not None and call.module is not None:
            records.show(call, d, dy, dh, dc)
    return dx, dh0, dc0, *found


def _side(sequence: Maybe, d: int, layer: engine.PackedLayer) -> tuple[int, int, int]:
    """Give where one direction's part of a sequence lies, and its strides."""
    if sequence is None:
        return 0, 0, 0
    begin = sequence.data_ptr() + d * layer.output_size * sequence.itemsize
    return begin, *steps_and_rows(sequence)


def _tape(call: Call, kept: Maybe, x: Tensor, batch: int) -> tuple[Maybe, Maybe]:
    """Give the tape, or room for one of a segment and the cell states to make it from."""
    if not call.segment:
        return whole(kept), None
    return x.new_empty(call.segment, batch, 5, call.layers[0].padded_size), whole(kept)


def _flow(call: Call, x: Tensor) -> tuple[Tensor, Maybe]:
    """Make room for dL/dh and dL/dc of every step, zero after the end of a sequence."""
    layer = call.layers[0]
    make = x.new_empty if call.layout.lengths is None else x.new_zeros
    dc = make(*x.shape[:-1], layer.hidden_size) if layer.lstm else None
    return make(*x.shape[:-1], layer.output_size), dc


def _weights(layer: Any, x: Tensor) -> _Weights:
    size, hidden = layer.output_size, layer.hidden_size
    gates = 4 * hidden if layer.lstm else hidden
    return _Weights(
        x.new_empty(gates, layer.input_size),
        x.new_empty(gates, size),
        x.new_empty(gates) if layer.bias else None,
        x.new_empty(size, hidden) if layer.projected else None,
    )
