"""One step of a cell, alone or as one node of torch's graph, without axes of time and direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from glasscell.nn import torch_loop
from glasscell.nn.double_backward import batched, differentiable
from glasscell.nn.layer_backward import gradients
from glasscell.nn.layer_forward import Call, address
from glasscell.nn.packed_weights import Kept
from glasscell.nn.saved import unpacked
from glasscell.nn.sequences import Layout
from glasscell.nn.team import threads

__all__ = ["StepFunction", "run"]

Maybe = Tensor | None

_LAYOUT = Layout()


def run(one: Kept, x: Tensor, h0: Maybe, c0: Maybe, kept: Maybe = None) -> tuple[Tensor, Maybe]:
    """Take one step.

    Args:
        one: the packed cell.
        x: (B, I), last axis contiguous.
        h0: (B, H), contiguous; None for zeros.
        c0: the same; None too for an RNN.
        kept: to be written for a backward pass: the tape (B, 5, Hp), of an RNN another h (B, H);
            default: keep nothing.

    Returns:
        h (B, H) and c (B, H), or h and None.
    """
    layer, batch = one.layer, x.shape[0]
    hidden = layer.hidden_size
    h = x.new_empty(batch, hidden)
    c = x.new_empty(batch, hidden) if layer.lstm else None
    # The one step's output is the hidden state: one place for both, unless an RNN keeps it.
    tape, y = (kept, h) if layer.lstm or kept is None else (None, kept)
    layer.forward_at(
        *(x.data_ptr(), 0, x.stride(0), 1, batch, 0, 0, 0, 0, threads(), False),
        *(address(h0), address(c0), y.data_ptr(), 0, hidden, address(tape), 0),
        *(h.data_ptr(), address(c)),
    )
    return h, c


class StepFunction(Function):
    """A cell's forward and backward pass; `LayerFunction` without what a single step has not."""

    @staticmethod
    def forward(
        ctx: Any, one: Kept, x: Tensor, h0: Maybe, c0: Maybe, *weights: Maybe
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Take the step and keep what the backward pass reads."""
        layer = one.layer
        each = (5, layer.padded_size) if layer.lstm else (layer.hidden_size,)
        kept = x.new_empty(x.shape[0], *each)
        h, c = run(one, x, h0, c0, kept)
        ctx.one = one
        ctx.set_materialize_grads(False)
        # Not h itself, which may be edited in place.
        ctx.save_for_backward(x, h0, c0, kept, *weights)
        return h if c is None else (h, c)

    @staticmethod
    def backward(ctx: Any, dh: Maybe, dc: Maybe = None) -> tuple[Maybe, ...]:
        """Differentiate through the kernels, or through torch's operations if that must go on."""
        incoming = (dh, dc) if ctx.one.layer.lstm else (dh,)
        needed = ctx.needs_input_grad[1:]
        if dh is None and dc is None:
            return (None,) * (1 + len(needed))
        again = torch.is_grad_enabled() or batched(incoming)
        x, h0, c0, kept, *weights = unpacked(ctx, lambda: _reads(ctx.one, needed, again))
        assert x is not None
        assert kept is not None
        if again:
            inputs = x, h0, c0, *weights
            return None, *differentiable(_slow(ctx.one), inputs, needed, incoming)
        call = Call(None, ctx.one.made[0], (), (ctx.one.layer,), _LAYOUT, None, False, False, 0)
        saved = x[None], _lifted(h0), _lifted(c0), kept[None]
        found = gradients(call, saved, saved[3:], (None, _lifted(dh), _lifted(dc)), needed)
        return None, *(None if g is None else g[0] for g in found[:3]), *found[3:]


def _reads(one: Kept, needed: Sequence[bool], everything: bool) -> list[bool]:
    """Say which saved tensors the kernels' backward pass reads."""
    inputs = everything or any(needed[3:])
    return [inputs, inputs, one.layer.lstm, True, *[everything] * (len(needed) - 3)]


def _lifted(tensor: Maybe) -> Maybe:
    return None if tensor is None else tensor.unsqueeze(0)


def _slow(one: Kept) -> Callable[..., tuple[Maybe, ...]]:
    """Give the step as a function of its inputs and weights, in torch's operations."""

    def step(x: Tensor, h0: Maybe, c0: Maybe, *weights: Maybe) -> tuple[Maybe, ...]:
        mode, initial = one.made[0], (_lifted(h0), _lifted(c0))
        _, h, c = torch_loop.run_layer(mode, [weights], x[None], *initial, _LAYOUT)
        return (h[0],) if c is None else (h[0], c[0])

    return step
