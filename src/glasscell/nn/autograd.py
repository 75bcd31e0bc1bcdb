"""One layer, in all its directions, as torch sees it: call the engine, remember, differentiate.

`apply` is what modules call. Where nothing needs a gradient it calls the engine and returns; else
`LayerFunction` keeps what the engine's backward pass reads. Derivatives of derivatives go through
`torch_loop`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from glasscell.nn import records, torch_loop
from glasscell.nn.call import Call, Result
from glasscell.nn.double_backward import batched, differentiable
from glasscell.nn.layer_backward import layer_gradients
from glasscell.nn.layer_forward import contiguous, run
from glasscell.nn.names import Weights
from glasscell.nn.packed_weights import tapes_of
from glasscell.nn.saved import unpacked

__all__ = ["apply"]


def apply(
    call: Call, weights: Sequence[Weights], x: Tensor, h0: Tensor | None, c0: Tensor | None
) -> Result:
    """Run one layer on the engine, in a graph if anything requires a gradient.

    Args:
        call: What to run; is prepared here.
        weights: The directions' parameters, in the order of the call's places.
        x: (T, B, I), or (N, I) with batch_sizes; float32 or float64 as the weights.
        h0: (D, B, P), None for zeros.
        c0: The states after the hidden one, see `Result`; None for what the cell starts from.

    Returns:
        See `Result`.

    >>> from weakref import ref
    >>> from glasscell.cells import LSTM
    >>> from glasscell.nn.names import fetch, places
    >>> from glasscell.nn.sequences import Layout
    >>> module = torch.nn.LSTM(1, 1)  # whatever holds the parameters and keeps them packed
    >>> place = places(1, False, True, False)[0]
    >>> call = Call(ref(module), "LSTM", place, Layout())
    >>> output, h_n, c_n = apply(call, [fetch(module, place[0])], torch.zeros(2, 3, 1), None, None)
    >>> output.shape, c_n.shape
    (torch.Size([2, 3, 1]), torch.Size([1, 3, 1]))
    """
    call.prepare(weights, x)
    module, observation = call.module, call.observation
    assert module is not None
    anchor = None if observation is None else observation.anchor
    flat = [tensor for direction in weights for tensor in direction]
    if torch.is_grad_enabled() and _any_requires_grad(anchor, x, h0, c0, *flat):
        # As torch, which copies what is not contiguous, an input with batch_first for instance:
        # the caller may edit his own in place.
        result: Result = LayerFunction.apply(  # type: ignore[no-untyped-call]
            call, anchor, x.contiguous(), contiguous(h0), contiguous(c0), *flat
        )
        if observation is not None:
            records.link(observation, module, call, (h0, c0), result)
        return result
    tapes_of(module).clear()  # no training step follows at once: what they held is free
    result = run(call, x, h0, c0, keep=observation is not None)[0]
    return result if observation is None else _with_own_output(call, result)


def _with_own_output(call: Call, result: Result) -> Result:
    """Give the user a copy of the output where the original has to stay as it is."""
    return (result[0].clone(), *result[1:]) if call.own_output else result


def _any_requires_grad(*tensors: Tensor | None) -> bool:
    return any(tensor is not None and tensor.requires_grad for tensor in tensors)


class LayerFunction(Function):
    """The engine's forward and backward pass of one layer as one node of torch's graph."""

    @staticmethod
    def forward(
        ctx: Any,
        call: Call,
        anchor: Tensor | None,
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        *flat: Tensor | None,
    ) -> Result:
        """Run the layer and keep what the backward pass reads."""
        result, kept = run(call, x, h0, c0, keep=True)
        ctx.before = None
        if h0 is not None and not any(ctx.needs_input_grad[5:]) and call.reads_before():
            # torch keeps it for gradients of weights only; without these it may be edited in place.
            ctx.before = h0.clone()
        flow = call.observation is None or call.observation.gradients
        ctx.call = call if flow else replace(call, observation=None, records=None)
        ctx.set_materialize_grads(False)
        # The tapes too, so that torch's saved-tensor hooks (checkpointing, offloading) reach all of
        # it; the weights, so that an edit of one in place is found.
        ctx.save_for_backward(x, h0, c0, result[0], *kept, *flat)
        return _with_own_output(call, result)

    @staticmethod
    def backward(
        ctx: Any, dy: Tensor | None, dh_n: Tensor | None, dc_n: Tensor | None = None
    ) -> tuple[Tensor | None, ...]:
        """Differentiate through the engine, or through torch's operations if that must go on."""
        call: Call = ctx.call
        needed, incoming = ctx.needs_input_grad[2:], (dy, dh_n, dc_n)
        if dy is None and dh_n is None and dc_n is None:
            return (None,) * (2 + len(needed))
        twice, many = torch.is_grad_enabled(), batched(incoming)
        directions = len(call.layers)
        x, h0, c0, output, *rest = unpacked(
            ctx,
            lambda: _reads(
                call, needed, ctx.before is None, everything=twice or many or call.fused
            ),
        )
        assert x is not None
        assert output is not None
        tapes, flat = rest[:directions], rest[directions:]
        grads: tuple[Tensor | None, ...] = ()
        if not many and (not twice or call.records is not None):
            before = h0 if ctx.before is None else ctx.before
            grads = layer_gradients(call, (x, before, c0, output), tapes, incoming, needed)
        if twice or many:
            grads = differentiable(_in_torch(call), (x, h0, c0, *flat), needed, incoming)
        if (
            call.observation is not None
            and not torch._C._autograd._get_current_graph_task_keep_graph()
        ):
            # An observer may know modules, which a graph that is left over must not hold.
            ctx.call = replace(call, observation=None, records=None)
        anchor = torch.zeros(()) if ctx.needs_input_grad[1] else None
        return (None, anchor, *grads)


def _reads(call: Call, needed: Sequence[bool], initial: bool, *, everything: bool) -> list[bool]:
    """Say which saved tensors the kernels' backward pass reads."""
    if everything:
        return [True] * (1 + len(call.layers) + len(needed))
    first, inputs = call.layers[0], any(needed[3:]) or call.segment > 0
    before = call.reads_before()
    # The output of a layer below others is in nobody else's hands.
    output = call.own_output and (inputs or before or not first.kept)
    tapes, weights = [True] * len(call.layers), [False] * (len(needed) - 3)
    return [
        inputs,
        inputs or (before and initial),
        first.extra_states > 0,
        output,
        *tapes,
        *weights,
    ]


def _in_torch(call: Call) -> Callable[..., Result]:
    """Give the layer as a function of its inputs and weights, in torch's operations."""

    def run(x: Tensor, h0: Tensor | None, c0: Tensor | None, *flat: Tensor | None) -> Result:
        size = len(flat) // len(call.layers)
        weights = [flat[size * d : size * (d + 1)] for d in range(len(call.layers))]
        return torch_loop.run_layer(call.mode, weights, x, h0, c0, call.layout, call.masks)

    return run
