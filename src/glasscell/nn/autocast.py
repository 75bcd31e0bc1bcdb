"""What `torch.autocast` on the CPU changes: the dtypes that come out, as torch's own modules give.

torch rounds weights, inputs and every step to bfloat16. The kernels stay in float32 and only the
results are rounded, so that the numbers are nearer to the float32 ones than torch's.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["CASTABLE", "cast", "fuses", "low_precision", "result_dtypes"]

CASTABLE = (torch.float32, torch.bfloat16, torch.float16)


def low_precision(data: Tensor, weight: Tensor) -> torch.dtype | None:
    """Give the dtype that autocast asks for, None where it is off or does not touch this call."""
    if not torch.is_autocast_enabled("cpu") or weight.dtype is not torch.float32:
        return None
    return torch.get_autocast_dtype("cpu") if data.dtype in CASTABLE else None


def fuses(data: torch.dtype) -> bool:
    """Tell whether torch's LSTM, on this CPU, reads data of a dtype in one operation for all steps.

    Args:
        data: float32, bfloat16 or float16; of a padded input, and without projection.
    """
    if not (torch._C._has_mkldnn and torch._C._get_mkldnn_enabled()):
        return False
    if data is torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if data is torch.float16:
        return not torch.is_grad_enabled() and bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())
    return True


def cast(tensor: Tensor | None, dtype: torch.dtype | None) -> Tensor | None:
    """Convert a tensor if there is one and a dtype is asked for."""
    return tensor if tensor is None or dtype is None else tensor.to(dtype)


def result_dtypes(
    low: torch.dtype, cell: torch.dtype | None, *, fused: bool, projected: bool
) -> tuple[torch.dtype, torch.dtype]:
    """Give the dtypes of the hidden state (and output) and of the cell state.

    Args:
        low: Autocast's dtype.
        cell: Of c0, or of the input without one; None for an RNN.
        fused: Whether torch computes all steps in one operation, see `fuses`.
        projected: Whether the hidden state is projected.

    Notes:
        Step by step torch adds low-precision gates to a cell state of its own dtype, so the cell
        state keeps that one, and the hidden state too unless a projection follows.

    >>> result_dtypes(torch.bfloat16, torch.float32, fused=False, projected=True)
    (torch.bfloat16, torch.float32)
    """
    if cell is None or fused:
        return low, low
    cell = torch.promote_types(low, cell)
    return (low if projected else cell), cell
