"""One layer on the engine: tensors in, NumPy views through the kernels, tensors out; no graph.

`run` and `gradients` are the two halves that `autograd` makes one node of torch's graph of. Both
hand what they did to an observer where there is one.
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
from glasscell.nn.packing import Place, array_of
from glasscell.nn.ragged import Layout

__all__ = ["Call", "Grads", "gradients", "run"]

Array = npt.NDArray[Any]

Grads = tuple[Tensor | None, ...]


@dataclass(slots=True, eq=False)
class Call:
    """Everything about one run of one layer that is not a tensor of the graph."""

    module: torch.nn.Module
    mode: str
    places: Sequence[Place]
    layers: tuple[Any, ...]
    layout: Layout
    observation: Observation | None
    hidden_size: int
    output_size: int
    records: list[Record] | None = None


def _rows_of(tensor: Tensor) -> Array:
    """View a sequence as an array whose last axis is contiguous, copying it only if it is not."""
    if tensor.stride(-1) != 1:
        tensor = tensor.contiguous()
    array: Array = tensor.detach().numpy()
    return array


def _each(tensor: Tensor | None, directions: int) -> Sequence[Array | None]:
    array = array_of(tensor)
    return (None,) * directions if array is None else tuple(array)


def run(
    call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None, keep: bool
) -> tuple[Tensor, Tensor, Tensor | None, list[Array | None]]:
    """Run every direction into its part of one output; the fourth result is their tapes."""
    directions, size, layout = len(call.layers), call.output_size, call.layout
    x_rows = _rows_of(x)
    h0s, c0s = _each(h0, directions), _each(c0, directions)
    output = torch.empty((*x.shape[:-1], directions * size), dtype=x.dtype)
    y = output.numpy()
    runs = [
        engine.forward(
            layer,
            x_rows,
            h0s[d],
            c0s[d],
            reverse=d == 1,
            lengths=layout.lengths,
            reset=layout.reset,
            batch_sizes=layout.batch_sizes,
            out=y[..., d * size : (d + 1) * size],
            tape=keep or call.observation is not None,
            threads=torch.get_num_threads(),
        )
        for d, layer in enumerate(call.layers)
    ]
    if call.observation is not None:
        _show(call, x_rows, h0s, c0s, y, runs)
    h_n = _joined([run.h_n for run in runs])
    c_n = _joined([run.c_n for run in runs]) if call.mode == "LSTM" else None
    return output, h_n, c_n, [run.tape for run in runs]


def _joined(arrays: list[Array]) -> Tensor:
    return torch.from_numpy(arrays[0][None] if len(arrays) == 1 else np.stack(arrays))


def _show(
    call: Call,
    x: Array,
    h0s: Sequence[Array | None],
    c0s: Sequence[Array | None],
    y: Array,
    runs: Sequence[Any],
) -> None:
    """Hand a record of each direction to the observer, and keep it for the backward pass."""
    assert call.observation is not None
    layout, size = call.layout, call.output_size
    call.records = []
    for d, run in enumerate(runs):
        record = Record(
            x=x,
            h0=h0s[d],
            c0=c0s[d],
            output=y[..., d * size : (d + 1) * size],
            tape=run.tape,
            h_n=run.h_n,
            c_n=run.c_n,
            mode=call.mode,
            hidden_size=call.hidden_size,
            batch_first=layout.batch_first,
            unbatched=layout.unbatched,
            batch_sizes=layout.batch_sizes,
            lengths=layout.lengths,
            reset=layout.reset,
            sorted_indices=layout.sorted_indices,
        )
        call.records.append(record)
        call.observation.observer.forward(call.module, call.places[d].suffix, record)


def gradients(
    call: Call,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    output: Tensor,
    tapes: Sequence[Tensor | None],
    incoming: tuple[Tensor | None, Tensor | None, Tensor | None],
) -> tuple[Tensor | None, ...]:
    """Give the gradients of x, h0, c0 and every direction's weights."""
    directions, size, layout = len(call.layers), call.output_size, call.layout
    dy = _rows_of(torch.zeros_like(output) if incoming[0] is None else incoming[0])
    x_rows, y = _rows_of(x), _rows_of(output)
    h0s, c0s = _each(h0, directions), _each(c0, directions)
    dh_n, dc_n = _each(incoming[1], directions), _each(incoming[2], directions)
    flow = call.records is not None and call.observation is not None and call.observation.gradients
    results = []
    for d, layer in enumerate(call.layers):
        part = slice(d * size, (d + 1) * size)
        tape = tapes[d]
        grads = engine.backward(
            layer,
            x_rows,
            y[..., part],
            h0s[d],
            c0s[d],
            None if tape is None else tape.numpy(),
            dy[..., part],
            dh_n[d],
            dc_n[d],
            reverse=d == 1,
            lengths=layout.lengths,
            reset=layout.reset,
            batch_sizes=layout.batch_sizes,
            flow=flow,
            threads=torch.get_num_threads(),
        )
        results.append(grads)
        if flow:
            assert call.records is not None
            assert call.observation is not None
            call.observation.observer.backward(
                call.module, call.places[d].suffix, call.records[d], dy[..., part], grads.dh, grads.dc
            )
    dx = results[0].x if directions == 1 else np.add(results[0].x, results[1].x, out=results[0].x)
    dh0 = None if h0 is None else _joined([grads.h0 for grads in results])
    dc0 = None if c0 is None else _joined([grads.c0 for grads in results])
    weights = [tensor for grads in results for tensor in _weight_grads(grads)]
    return (torch.from_numpy(dx), dh0, dc0, *weights)


def _weight_grads(grads: Any) -> tuple[Tensor | None, ...]:
    bias = None if grads.bias is None else torch.from_numpy(grads.bias)
    return (
        torch.from_numpy(grads.weight_ih),
        torch.from_numpy(grads.weight_hh),
        bias,
        # Not the same tensor twice: torch would keep it as .grad of both and scale it twice.
        None if bias is None else bias.clone(),
        None if grads.weight_hr is None else torch.from_numpy(grads.weight_hr),
    )


