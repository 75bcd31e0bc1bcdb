"""One layer on the kernels: tensors in, tensors out, nothing but addresses between; no graph.

`run` here and `gradients.gradients` are the two halves that `autograd` makes one node of torch's
graph of. What an observer is shown of them is in `records`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import ref

import torch
from torch import Tensor

from glasscell import engine
from glasscell.nn import records
from glasscell.nn.names import Place
from glasscell.nn.observe import Observation, Record
from glasscell.nn.packed_weights import tapes_of
from glasscell.nn.sequences import Layout
from glasscell.nn.team import threads

__all__ = ["Call", "Result", "address", "frame", "rows", "run", "steps_and_rows", "whole"]

Result = tuple[Tensor, Tensor, Tensor | None]
"""output (T, B, D * P) or (N, D * P), h_n (D, B, P), c_n (D, B, H) or None."""


@dataclass(slots=True, eq=False)
class Call:
    """Everything about one run of one layer that is not a tensor of the graph."""

    # Who is shown to an observer. The graph must not hold it: Python's collector cannot look
    # through torch's nodes, and a module whose hook keeps an output would never be freed.
    owner: ref[torch.nn.Module] | None
    mode: str
    places: Sequence[Place]
    layers: Sequence[engine.PackedLayer]
    layout: Layout
    observation: Observation | None
    own_output: bool  # the user's output is a copy: an edit must not reach what is kept
    fused: bool  # torch computes it in one operation, and lets nothing of it be edited in place
    segment: int  # steps that the backward pass runs again at a time; 0: a tape keeps all
    records: list[Record] | None = None

    @property
    def module(self) -> torch.nn.Module | None:
        """The module that runs, None once it is gone."""
        return None if self.owner is None else self.owner()


def run(
    call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None, keep: bool
) -> tuple[Result, list[Tensor | None]]:
    """Run every direction into its part of one output.

    Args:
        call: what to run.
        x: (T, B, I) or (N, I).
        h0: (D, B, P), None for zeros.
        c0: (D, B, H), None for zeros.
        keep: whether a backward pass will come.

    Returns:
        The result, and what the backward pass needs beside it, one for each direction: the tape
        (T, B, 5, Hp) or (N, 5, Hp), or the cell states between segments (K, B, H); else None.
    """
    x, h0, c0 = rows(x), whole(h0), whole(c0)
    if call.observation is not None:
        # Records keep views of these. With the graph of the layer below behind them, and that
        # layer's observer in the graph, nothing of either would ever be freed.
        x, h0, c0 = x.detach(), _detached(h0), _detached(c0)
    layers, first = call.layers, call.layers[0]
    size, sides, batch = first.output_size, len(call.layers), call.layout.batch(x)
    y = x.new_empty(*x.shape[:-1], sides * size)
    h_n = x.new_empty(sides, batch, size)
    c_n = x.new_empty(sides, batch, first.hidden_size) if first.lstm else None
    kept = [_kept(call, d, x, batch) if keep else None for d in range(sides)]
    shared, (step, row) = frame(call, x, keep), steps_and_rows(y)
    for d, layer in enumerate(layers):
        tape = address(kept[d])
        layer.forward_at(
            *shared,
            d == 1,
            address(h0, d),
            address(c0, d),
            y.data_ptr() + d * size * y.itemsize,
            step,
            row,
            *((0, tape) if call.segment else (tape, 0)),
            address(h_n, d),
            address(c_n, d),
        )
    if call.observation is not None:
        # Nor of the results themselves, which are about to become nodes of the graph.
        results = (y.detach(), h_n.detach(), _detached(c_n))
        call.records = records.tell(call, x, (h0, c0), results, kept)
    return (y, h_n, c_n), kept


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()


def _kept(call: Call, d: int, x: Tensor, batch: int) -> Tensor | None:
    layer = call.layers[0]
    if not layer.lstm:
        return None
    if call.segment:
        return x.new_empty((call.layout.steps(x) - 1) // call.segment, batch, layer.hidden_size)
    assert call.module is not None
    shape = (*x.shape[:-1], 5, layer.padded_size)
    tape = tapes_of(call.module).take(call.places[d].suffix, shape, x)
    # Rows after the end of a sequence are not written: a trace shows zeros there.
    return tape.zero_() if call.observation and call.layout.lengths is not None else tape


def frame(call: Call, x: Tensor, keep: bool = True) -> tuple[int, ...]:
    """Give the arguments that the kernels' two entries share, for all directions."""
    return (
        x.data_ptr(),
        *steps_and_rows(x),
        call.layout.steps(x),
        x.shape[-2],
        *call.layout.addresses(),
        call.segment if keep else 0,
        threads(),
    )


def rows(tensor: Tensor) -> Tensor:
    """Give a sequence with a contiguous last axis, a copy only if it has none."""
    if tensor._is_zerotensor():
        return torch.zeros(tensor.shape, dtype=tensor.dtype, device="cpu")
    if tensor.stride(-1) == 1 and not tensor.is_neg():
        return tensor
    if tensor.dim() == 3 and tensor.stride()[:2] == (0, 0):  # a sum's gradient: one row for all
        return tensor[:1, :1].contiguous().expand_as(tensor)
    return tensor.contiguous().resolve_neg()


def whole(tensor: Tensor | None) -> Tensor | None:
    """Give a tensor contiguous, a copy only if it is not."""
    if tensor is None or (tensor.is_contiguous() and not tensor.is_neg()):
        return tensor
    return tensor.contiguous().resolve_neg()


def steps_and_rows(tensor: Tensor) -> tuple[int, int]:
    """Give how far apart two steps and two rows of a sequence lie; packed rows have no steps."""
    strides = tensor.stride()
    return (strides[0], strides[1]) if len(strides) == 3 else (0, strides[0])


def address(tensor: Tensor | None, part: int = 0) -> int:
    """Give where a contiguous tensor, or its part along the first axis, begins; 0 for None."""
    if tensor is None:
        return 0
    return tensor.data_ptr() + part * tensor.stride(0) * tensor.itemsize
