"""Derivatives of derivatives: a backward pass in operations that torch differentiates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from glasscell.nn.fallback import Reason, announce

__all__ = ["SECOND", "batched", "differentiable"]

Maybe = Tensor | None

SECOND = Reason("a derivative of a derivative is asked for (create_graph=True, or under vmap)")


def batched(incoming: Sequence[Maybe]) -> bool:
    """Whether these gradients are many in one under vmap, which the kernels cannot take."""
    return any(gradient is not None and _is_batched(gradient) for gradient in incoming)


def _is_batched(tensor: Tensor) -> bool:
    """Whether this is a batch under vmap, of the older kind or of torch.func."""
    functorch = torch._C._functorch
    return functorch.is_legacy_batchedtensor(tensor) or functorch.is_functorch_wrapped_tensor(
        tensor
    )


def differentiable(
    forward: Callable[..., Sequence[Maybe]],
    inputs: Sequence[Maybe],
    needed: Sequence[bool],
    incoming: Sequence[Maybe],
    *,
    said: bool = True,
) -> tuple[Maybe, ...]:
    """Give gradients as functions that can be differentiated again.

    Args:
        forward: From the inputs to the outputs, in torch's operations.
        inputs: That a gradient may be needed of; None where absent.
        needed: Of which one is.
        incoming: The outputs' gradients, None for zero.
        said: Whether the user has to hear of it, as it is slower than the kernels; default True.
    """
    if said:
        announce(SECOND, "a plain loop of torch operations computes it")
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        # Through aliases: where x was itself computed from a weight, the weight's gradient here
        # must not include the way through x, which torch adds by itself.
        alias = [None if tensor is None else tensor.view_as(tensor) for tensor in inputs]
        pairs = [
            (output, gradient)
            for output, gradient in zip(forward(*alias), incoming, strict=True)
            if output is not None and gradient is not None
        ]
        wanted = [tensor for tensor, need in zip(alias, needed, strict=True) if need]
        gradients = iter(
            torch.autograd.grad(
                [output for output, _ in pairs],
                [tensor for tensor in wanted if tensor is not None],
                [gradient for _, gradient in pairs],
                create_graph=torch.is_grad_enabled(),
                allow_unused=True,
            )
            if any(needed)
            else ()
        )
    return tuple(next(gradients) if need else None for need in needed)
