"""A linear layer whose output has the same bits in torch, in NumPy, alone and in any batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from glasscell import engine
from glasscell.nn.fallback import UNFIT, announce, reason_to_leave
from glasscell.nn.packed_weights import packed_linear
from glasscell.nn.team import threads
from glasscell.nn.tensors import array_of

__all__ = ["Linear"]


class Linear(torch.nn.Linear):
    """`torch.nn.Linear` on glasscell's kernels: ``y = x W^T + b``, the same bits for any batch.

    For the heads of models that are saved and run without torch: `glasscell.load` computes the same
    bits. torch's own linear layer may give one row other bits in another batch.

    Args:
        in_features: Size of each input row.
        out_features: Size of each output row.
        bias: Whether there is a bias; default True.
        device: Of the parameters; default torch's. Only the CPU runs on glasscell's kernels.
        dtype: Of the parameters; default torch's. Only float32 and float64 run on the kernels.

    >>> linear = Linear(2, 1)
    >>> _ = linear.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.ones(1)})
    >>> linear(torch.tensor([2.0, 3.0])).item()
    6.0
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer to rows (..., I), giving (..., O).

        Raises:
            RuntimeError, …: as torch's own forward.
        """
        if torch.compiler.is_compiling():
            return super().forward(input)
        weight, bias = self.weight, self.bias
        reason = reason_to_leave(input, (weight, bias))
        if reason is None and (
            torch.is_autocast_enabled("cpu")
            or input.dtype is not weight.dtype
            or input.dim() == 0
            or input.shape[-1] != self.in_features
        ):
            reason = UNFIT
        if reason is not None:
            result = super().forward(input)
            announce(reason, module=self)
            return result
        output: Tensor = LinearFunction.apply(  # type: ignore[no-untyped-call]
            self, input.contiguous(), weight, bias
        )
        return output


class LinearFunction(Function):
    """The engine's product forward, torch's backward: three products that can be differentiated."""

    @staticmethod
    def forward(ctx: Any, module: Linear, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Compute the product and keep its factors."""
        _, need_x, need_weight, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_weight else None, weight if need_x else None)
        output = torch.empty((*x.shape[:-1], len(weight)), dtype=x.dtype)
        layer = packed_linear(module, weight, bias)
        engine.linear(layer, array_of(x), out=output.numpy(), threads=threads())
        return output

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        """Give the gradients of x, weight and bias."""
        x, weight = ctx.saved_tensors
        _, need_x, need_weight, need_bias = ctx.needs_input_grad
        rows = dy.reshape(-1, dy.shape[-1])
        dx = dy @ weight if need_x else None
        dw = rows.T @ x.reshape(-1, x.shape[-1]) if need_weight else None
        return None, dx, dw, rows.sum(0) if need_bias else None
