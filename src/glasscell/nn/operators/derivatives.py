"""The operators in torch's graph: `layer` on the kernels, all further derivatives on equations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.function import _SingleLevelFunction

from glasscell.nn.double_backward import SECOND
from glasscell.nn.fallback import Reason, announce
from glasscell.nn.operators.schema import LIBRARY, Backward, Forward, Maybe, kind_of
from glasscell.nn.operators.torch_steps import backward_in_torch, layer_in_torch

__all__: list[str] = []

FORWARD_MODE = Reason("a forward-mode derivative is asked for")
LOOP = "a plain loop of torch operations computes it"

_functorch = torch._C._functorch


@contextmanager
def _single_level() -> Iterator[None]:
    """Allow a node that is of one level of torch.func's transforms, as functorch's own are."""
    if _functorch.peek_interpreter_stack() is None:
        yield
        return
    before = _functorch.get_single_level_autograd_function_allowed()
    _functorch.set_single_level_autograd_function_allowed(True)
    try:
        yield
    finally:
        _functorch.set_single_level_autograd_function_allowed(before)


@contextmanager
def _next_level() -> Iterator[None]:
    """Go on below autograd, to the next of torch.func's transforms where there are any.

    They want a graph of their own, which a node's forward pass turns off.
    """
    with torch._C._AutoDispatchBelowAutograd():
        if _functorch.peek_interpreter_stack() is None:
            yield
            return
        with torch.enable_grad(), forward_ad._set_fwd_grad_enabled(True):
            yield


def _moves(tensors: Sequence[Maybe]) -> bool:
    """Whether a forward-mode derivative flows through one of these."""
    unpack: Any = forward_ad.unpack_dual
    return forward_ad._current_level >= 0 and any(
        t is not None and unpack(t).tangent is not None for t in tensors
    )


def _in_graph(tensors: Sequence[Maybe]) -> bool:
    """Whether one of these is in a graph that goes on."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def _layer(*operands: Any) -> Any:
    call = Forward(*operands)
    operator = torch.ops.glasscell.layer.default
    if not torch.is_grad_enabled() and forward_ad._current_level < 0:
        with torch._C._AutoDispatchBelowAutograd():
            return operator(*call)
    if _moves(call.tensors):
        announce(FORWARD_MODE, LOOP)
        with torch.autocast("cpu", enabled=False):
            results = layer_in_torch(call)
        if call.keep:  # of the numbers alone: nothing that reads them is differentiated
            with torch._C._AutoDispatchBelowAutograd():
                results += operator(*call)[len(results) :]
        return results
    if _in_graph(call.tensors):
        apply: Any = LayerNode.apply  # type: ignore[attr-defined]
        shown = kind_of(call).shown
        with _single_level():
            results = list(apply(call._replace(weights=()), *call.tensors))
        return results if call.keep else results[:shown]
    with torch._C._AutoDispatchBelowAutograd():
        return operator(*call)


class LayerNode(_SingleLevelFunction):
    """A call of ``glasscell::layer`` as a node of the graph of one level of transforms."""

    @staticmethod
    def forward(ctx: Any, call: Forward, x: Tensor, *rest: Any) -> tuple[Tensor, ...]:
        """Run the layer below this level, and keep what the backward pass reads."""
        h0, c0, *weights = rest
        call = call._replace(x=x, h0=h0, c0=c0, weights=weights, keep=True)
        with _next_level():
            results = torch.ops.glasscell.layer.default(*call)
        kept = results[kind_of(call).shown :]
        ctx.cell, ctx.directions, ctx.count = call.cell, call.directions, len(weights)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*kept)
        masks = call.lengths, call.reset, call.masks
        ctx.save_for_backward(*call.tensors, *masks, results[0], *kept)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, dy: Maybe, dh_n: Maybe, *more: Maybe) -> tuple[Maybe, ...]:
        """Run the other operator, which is differentiable in its turn."""
        needs, count = ctx.needs_input_grad, ctx.count
        x, h0, c0, *rest = ctx.saved_tensors
        weights, (lengths, reset, masks, y, *kept) = rest[:count], rest[count:]
        # The gradients of tapes, which follow, are None.
        dc_n = more[0] if len(more) > len(kept) else None
        if dy is None and dh_n is None and dc_n is None:
            return (None,) * len(needs)
        call = Backward(
            dy, dh_n, dc_n, x, h0, c0, y, kept, weights, ctx.cell, ctx.directions, lengths, reset,
            [*needs[1:4], any(needs[4:])], masks,
        )  # fmt: skip
        found = torch.ops.glasscell.layer_backward.default(*call)
        return (None, *(d if need else None for d, need in zip(found, needs[1:], strict=True)))


def _layer_backward(*operands: Any) -> Any:
    call = Backward(*operands)
    if _moves([*call.tensors, call.y]):
        announce(SECOND, LOOP)
        found = _gradients(call)
        return [d if need else d.new_empty(0) for d, need in zip(found, call.wanted, strict=True)]
    if _in_graph([*call.tensors, call.y]):
        apply: Any = BackwardNode.apply  # type: ignore[attr-defined]
        with _single_level():
            return list(apply(call._replace(weights=()), *call.tensors))
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.glasscell.layer_backward.default(*call)


def _with(call: Backward, tensors: Sequence[Any]) -> Backward:
    """Give a call with other tensors, in the order of `Backward.tensors`."""
    dy, dh_n, dc_n, x, h0, c0, *weights = tensors
    return call._replace(dy=dy, dh_n=dh_n, dc_n=dc_n, x=x, h0=h0, c0=c0, weights=weights)


def _gradients(call: Backward) -> list[Tensor]:
    with torch.autocast("cpu", enabled=False):
        return backward_in_torch(call)


class BackwardNode(_SingleLevelFunction):
    """A call of ``glasscell::layer_backward`` in a graph: torch.func's gradients always ask so."""

    @staticmethod
    def forward(ctx: Any, call: Backward, *tensors: Maybe) -> tuple[Tensor, ...]:
        """Run the kernels below this level."""
        call = _with(call, tensors)
        with _next_level():
            found = torch.ops.glasscell.layer_backward.default(*call)
        ctx.cell, ctx.directions, ctx.needed = call.cell, call.directions, call.needed
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(call.lengths, call.reset, call.masks, *tensors)
        return tuple(found)

    @staticmethod
    def backward(ctx: Any, *incoming: Maybe) -> tuple[Maybe, ...]:
        """Differentiate the equations of the backward pass."""
        announce(SECOND, LOOP)
        lengths, reset, masks, *inputs = ctx.saved_tensors
        dy, dh_n, dc_n, x, h0, c0, *weights = inputs
        call = Backward(
            dy, dh_n, dc_n, x, h0, c0, x, (), weights, ctx.cell, ctx.directions, lengths, reset,
            ctx.needed, masks,
        )  # fmt: skip
        needs = ctx.needs_input_grad[1:]
        arrived = [d is not None and need for d, need in zip(incoming, call.wanted, strict=True)]
        if not any(needs) or not any(arrived):
            return (None,) * (1 + len(needs))

        def equations(*moving: Tensor) -> tuple[Tensor, ...]:
            """Give the gradients that something arrived at, by the inputs that want some."""
            free = iter(moving)
            own = [next(free) if need else t for t, need in zip(inputs, needs, strict=True)]
            found = _gradients(_with(call, own))
            return tuple(d for d, here in zip(found, arrived, strict=True) if here)

        moving = [t for t, need in zip(inputs, needs, strict=True) if need]
        vjp: Any = torch.func.vjp
        _, pull = vjp(equations, *moving)
        grads = iter(pull(tuple(d for d, here in zip(incoming, arrived, strict=True) if here)))
        return (None, *(next(grads) if need else None for need in needs))


LIBRARY.impl("layer", _layer, "Autograd")
LIBRARY.impl("layer_backward", _layer_backward, "Autograd")
