"""One layer on the kernels: tensors in, tensors out, nothing but addresses between; no graph.

`run` here and `layer_backward.layer_gradients` are the two halves that `autograd` makes one node of
torch's graph of. What an observer is shown of them is in `records`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from glasscell.engine import PackedLayer
from glasscell.engine.addresses import Addresses
from glasscell.nn import records
from glasscell.nn.call import Call, Result
from glasscell.nn.packed_weights import tapes_of
from glasscell.nn.team import threads

__all__ = ["address", "contiguous", "readable", "run", "run_addresses", "states", "strides"]

Maybe = Tensor | None


def run(call: Call, x: Tensor, h0: Maybe, c0: Maybe, keep: bool) -> tuple[Result, list[Maybe]]:
    """Run every direction into its part of one output.

    Args:
        call: What to run, prepared.
        x: (T, B, I) or (N, I).
        h0: (D, B, P), None for what the cell starts from.
        c0: The states after the hidden one, see `Result`; None likewise.
        keep: Whether a backward pass will come.

    Returns:
        The result, and what the backward pass needs beside it, one for each direction: the tape
        (T, B, kept, Hp) or (N, kept, Hp), or of every segment but the first the "c" before it; None
        where nothing is needed.
    """
    x, h0, c0 = readable(x), contiguous(h0), contiguous(c0)
    if call.observation is not None:
        # Records keep views of these. With the graph of the layer below behind them, and that
        # layer's observer in the graph, nothing of either would ever be freed.
        x, h0, c0 = x.detach(), _detached(h0), _detached(c0)
    first, directions, batch = call.layers[0], len(call.layers), call.layout.batch(x)
    y = x.new_empty(*x.shape[:-1], directions * first.output_size)
    h_n = x.new_empty(directions, batch, first.output_size)
    c_n = states(first, x, directions, batch)
    kept = [_kept(call, d, x, batch) if keep else None for d in range(directions)]
    for d, layer in enumerate(call.layers):
        tape, cells = (None, kept[d]) if call.segment else (kept[d], None)
        layer.forward_at(
            run_addresses(
                call,
                d,
                (x, h0, c0, y),
                segment=call.segment if keep else 0,
                tape=address(tape),
                cells=address(cells),
                h_n=address(h_n, d),
                c_n=address(c_n, d),
            )
        )
    if call.observation is not None:
        # Nor of the results themselves, which are about to become nodes of the graph.
        results = (y.detach(), h_n.detach(), _detached(c_n))
        call.records = records.tell(call, x, (h0, c0), results, kept)
    return (y, h_n, c_n), kept


def run_addresses(
    call: Call, d: int, tensors: tuple[Tensor, Maybe, Maybe, Tensor], **kept: int
) -> Addresses:
    """Give the addresses of one direction's run.

    Args:
        call: What runs.
        d: Which direction, 0 or 1.
        tensors: x, h0, c0 and output of all directions.
        **kept: Fields that are not the same in both passes.
    """
    x, h0, c0, y = tensors
    x_step, x_row = strides(x)
    y_step, y_row = strides(y)
    lengths, reset, batch_sizes = call.layout.addresses()
    if call.masks is not None:
        masks = call.masks[d]
        kept |= {"masks": masks.data_ptr(), "masks_step": masks.stride(0) if len(masks) > 1 else 0}
    return Addresses(
        x=x.data_ptr(),
        x_step=x_step,
        x_row=x_row,
        steps=call.layout.steps(x),
        batch=x.shape[-2],
        lengths=lengths,
        reset=reset,
        batch_sizes=batch_sizes,
        threads=threads(),
        reverse=d,
        h0=address(h0, d),
        c0=address(c0, d),
        y=y.data_ptr() + d * call.layers[d].output_size * y.itemsize,
        y_step=y_step,
        y_row=y_row,
        **kept,
    )


def states(layer: PackedLayer, like: Tensor, *lead: int) -> Maybe:
    """Make room for the states after the hidden one; None of a cell without.

    Args:
        layer: Says how many there are, S.
        like: Has the dtype.
        lead: The axes before S and H.
    """
    count = layer.extra_states
    if count == 1:
        return like.new_empty(*lead, layer.hidden_size)
    return like.new_empty(*lead, count, layer.hidden_size) if count else None


def _detached(tensor: Maybe) -> Maybe:
    return None if tensor is None else tensor.detach()


def _kept(call: Call, d: int, x: Tensor, batch: int) -> Maybe:
    layer = call.layers[0]
    if not layer.kept:
        return None
    if call.segment:  # the hidden state between them is in the output
        return states(layer, x, (call.layout.steps(x) - 1) // call.segment, batch)
    assert call.module is not None
    shape = (*x.shape[:-1], layer.kept, layer.padded_size)
    tape = tapes_of(call.module).take(call.places[d].suffix, shape, x)
    # Rows after the end of a sequence are not written: a trace shows zeros there.
    return tape.zero_() if call.observation and call.layout.lengths is not None else tape


def readable(sequence: Tensor) -> Tensor:
    """Give a sequence with a contiguous last axis, a copy only if it has none."""
    if sequence._is_zerotensor():
        return torch.zeros(sequence.shape, dtype=sequence.dtype, device="cpu")
    if sequence.stride(-1) == 1 and not sequence.is_neg():
        return sequence
    if sequence.dim() == 3 and sequence.stride()[:2] == (0, 0):
        # The gradient of a sum is one row for all steps: it stays one row.
        return sequence[:1, :1].contiguous().expand_as(sequence)
    return sequence.contiguous().resolve_neg()


def contiguous(tensor: Maybe) -> Maybe:
    """Give a tensor contiguous, a copy only if it is not."""
    if tensor is None or (tensor.is_contiguous() and not tensor.is_neg()):
        return tensor
    return tensor.contiguous().resolve_neg()


def strides(sequence: Tensor) -> tuple[int, int]:
    """Give how far apart two steps and two rows of a sequence lie; packed rows have no steps."""
    apart = sequence.stride()
    return (apart[0], apart[1]) if len(apart) == 3 else (0, apart[0])


def address(tensor: Maybe, part: int = 0) -> int:
    """Give where a contiguous tensor, or its part along the first axis, begins; 0 for None."""
    if tensor is None:
        return 0
    return tensor.data_ptr() + part * tensor.stride(0) * tensor.itemsize
