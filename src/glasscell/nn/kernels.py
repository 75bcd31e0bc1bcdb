"""One layer on the engine: tensors in, NumPy views through the kernels, tensors out; no graph.

`run` and `gradients` are the two halves that `autograd` makes one node of torch's graph of. Both
tell an observer what they did, where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from glasscell import engine
from glasscell.nn.observe import Observation, Record
from glasscell.nn.packing import Place, array_of, view_of
from glasscell.nn.ragged import Layout

__all__ = ["Call", "Result", "gradients", "run"]

Array = npt.NDArray[Any]

Result = tuple[Tensor, Tensor, Tensor | None]
"""output (T, B, D * P) or (N, D * P), h_n (D, B, P), c_n (D, B, H) or None."""


@dataclass(slots=True, eq=False)
class Call:
    """Everything about one run of one layer that is not a tensor of the graph."""

    module: torch.nn.Module
    mode: str
    places: Sequence[Place]
    layers: Sequence[engine.PackedLayer]
    layout: Layout
    observation: Observation | None
    own_output: bool  # the user's output is a copy: an edit must not reach what is kept
    records: list[Record] | None = None


def run(
    call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None, keep: bool
) -> tuple[Result, list[Array | None]]:
    """Run every direction into its part of one output; also give their tapes, if to `keep`."""
    size, ends = call.layers[0].output_size, call.layout.ends()
    if call.observation is not None:
        # Records keep views of these. With the graph of the layer below behind them, and that
        # layer's observer in the graph, nothing of either would ever be freed.
        x, h0, c0 = x.detach(), _detached(h0), _detached(c0)
    rows = _rows_of(x)
    h0s, c0s = _each(h0, call), _each(c0, call)
    output = torch.empty((*x.shape[:-1], len(call.layers) * size), dtype=x.dtype)
    y = output.numpy()
    runs = [
        engine.forward(
            layer,
            rows,
            h0s[d],
            c0s[d],
            reverse=d == 1,
            out=y[..., d * size : (d + 1) * size],
            tape=keep or call.observation is not None,
            threads=torch.get_num_threads(),
            **ends,
        )
        for d, layer in enumerate(call.layers)
    ]
    if call.observation is not None:
        call.records = [_record(call, rows, *s) for s in zip(h0s, c0s, runs, strict=True)]
        for place, record in zip(call.places, call.records, strict=True):
            call.observation.observer.forward(call.module, place.suffix, record)
    c_n = _joined([one.c_n for one in runs]) if call.mode == "LSTM" else None
    return (output, _joined([one.h_n for one in runs]), c_n), [one.tape for one in runs]


def gradients(
    call: Call,
    saved: tuple[Tensor, Tensor | None, Tensor | None, Tensor],
    tapes: Sequence[Tensor | None],
    incoming: tuple[Tensor | None, Tensor | None, Tensor | None],
    needed: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    """Give the gradients of x, h0, c0 and every direction's weights.

    Args:
        call: that of `run`.
        saved: x, h0, c0 and output of `run`.
        tapes: of each direction.
        incoming: gradients of output, h_n and c_n; None for zero.
        needed: which of x, h0, c0 and the weights, in this order, must have a gradient.
    """
    x, h0, c0, output = saved
    size, ends = call.layers[0].output_size, call.layout.ends()
    rows, y = _rows_of(x), output.detach().numpy()
    h0s, c0s = _each(h0, call), _each(c0, call)
    flow = call.observation is not None and call.observation.gradients
    if incoming[0] is None and flow:
        incoming = (torch.zeros_like(output), *incoming[1:])
    dy = None if incoming[0] is None else _rows_of(incoming[0])
    dh_n, dc_n = _each(incoming[1], call), _each(incoming[2], call)
    results = []
    for d, (layer, tape) in enumerate(zip(call.layers, tapes, strict=True)):
        part = (..., slice(d * size, (d + 1) * size))
        grads = engine.backward(
            layer,
            rows,
            y[part],
            h0s[d],
            c0s[d],
            None if tape is None else tape.numpy(),
            None if dy is None else dy[part],
            dh_n[d],
            dc_n[d],
            reverse=d == 1,
            need_x=needed[0],
            need_weights=any(needed[3:]),
            flow=flow,
            threads=torch.get_num_threads(),
            **ends,
        )
        results.append(grads)
        if flow and dy is not None and grads.dh is not None:
            _show(call, d, dy[part], grads.dh, grads.dc)
    weights = [tensor for grads in results for tensor in _weight_grads(grads)]
    return (_input_grad(results), *_state_grads(results, h0, c0), *weights)


def _rows_of(tensor: Tensor) -> Array:
    """View a sequence as an array whose last axis is contiguous, copying it only if it is not."""
    if tensor.stride(-1) != 1:
        tensor = tensor.contiguous()
    return view_of(tensor)


def _each(states: Tensor | None, call: Call) -> Sequence[Array | None]:
    """Give each direction its (B, ·) of (D, B, ·)."""
    return (None,) * len(call.layers) if states is None else tuple(array_of(states))


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()


def _joined(arrays: Sequence[Any]) -> Tensor:
    """Stack the directions' (B, ·) to (D, B, ·), without a copy where there is one."""
    if len(arrays) == 1:
        return torch.from_numpy(arrays[0].reshape(1, *arrays[0].shape))
    return torch.from_numpy(np.stack(arrays))


def _record(
    call: Call, x: Array, h0: Array | None, c0: Array | None, one: engine.LayerRun
) -> Record:
    layout = call.layout
    return Record(
        x=x,
        h0=h0,
        c0=c0,
        output=one.output,
        tape=one.tape,
        h_n=one.h_n.copy(),
        c_n=None if one.c_n is None else one.c_n.copy(),
        mode=call.mode,
        hidden_size=call.layers[0].hidden_size,
        batch_first=layout.batch_first,
        unbatched=layout.unbatched,
        sorted_indices=layout.sorted_indices,
        **layout.ends(),
    )


def _show(call: Call, d: int, dy: Array, dh: Array, dc: Array | None) -> None:
    assert call.observation is not None
    assert call.records is not None
    suffix, record = call.places[d].suffix, call.records[d]
    call.observation.observer.backward(call.module, suffix, record, dy, dh, dc)


def _input_grad(results: Sequence[engine.LayerGrads]) -> Tensor | None:
    first = results[0].x
    if first is None:
        return None
    for other in results[1:]:
        assert other.x is not None
        first += other.x
    return torch.from_numpy(first)


def _state_grads(
    results: Sequence[engine.LayerGrads], h0: Tensor | None, c0: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    dh0 = None if h0 is None else _joined([grads.h0 for grads in results])
    return dh0, None if c0 is None else _joined([grads.c0 for grads in results])


def _weight_grads(grads: engine.LayerGrads) -> tuple[Tensor | None, ...]:
    w_ih, w_hh, bias, w_hr = (
        None if array is None else torch.from_numpy(array)
        for array in (grads.weight_ih, grads.weight_hh, grads.bias, grads.weight_hr)
    )
    # Not one tensor twice: torch would keep it as .grad of both biases and scale it twice.
    return w_ih, w_hh, bias, None if bias is None else bias.clone(), w_hr
