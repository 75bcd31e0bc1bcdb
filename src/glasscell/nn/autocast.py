"""What `torch.autocast` on the CPU changes: the dtypes that come out, as torch's own modules give.

torch rounds weights, inputs and every step to bfloat16. The kernels stay in float32 and only the
results are rounded, so that the numbers are nearer to the float32 ones than torch's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from glasscell import cells
from glasscell.cells import Cell

__all__ = ["CASTABLE", "belt_dtype", "cast", "fuses", "low_precision", "result_dtypes"]

_FUSED = ("LSTM",)  # of which torch has one operation for all steps, oneDNN's
CASTABLE = (torch.float32, torch.bfloat16, torch.float16)


def low_precision(data: Tensor, weight: Tensor) -> torch.dtype | None:
    """Give the dtype that autocast asks for, None where it is off or does not touch this call."""
    if not torch.is_autocast_enabled("cpu") or weight.dtype is not torch.float32:
        return None
    return torch.get_autocast_dtype("cpu") if data.dtype in CASTABLE else None


def fuses(mode: str | Cell, data: torch.dtype) -> bool:
    """Tell whether torch's layer, on this CPU, takes a dtype in one operation for all steps.

    Args:
        mode: torch's name of the recurrence, or a cell, which torch has not.
        data: float32, bfloat16 or float16; of a padded input, and without projection.
    """
    if mode not in _FUSED:
        return False
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
    low: torch.dtype, kept: torch.dtype | None, *, fused: bool, projected: bool
) -> tuple[torch.dtype, torch.dtype]:
    """Give the dtypes of the hidden state (and output) and of a cell state.

    Args:
        low: Autocast's dtype.
        kept: Of the initial state that lies on the cell's belt, c0 of an LSTM and h0 of a GRU, or
            of the input where it is not given; None for an RNN, which has no belt.
        fused: Whether torch computes all steps in one operation, see `fuses`.
        projected: Whether the hidden state is projected.

    Notes:
        Step by step torch adds low-precision gates to a state of its own dtype, so that state
        keeps that one, and an LSTM's hidden state too unless a projection follows.

    >>> result_dtypes(torch.bfloat16, torch.float32, fused=False, projected=True)
    (torch.bfloat16, torch.float32)
    """
    if kept is None or fused:
        return low, low
    kept = torch.promote_types(low, kept)
    return (low if projected else kept), kept


def belt_dtype(
    mode: str | Cell, x: Tensor, h0: Tensor | None, c0: Tensor | None
) -> torch.dtype | None:
    """Give the dtype of the initial state on a cell's belt, see `result_dtypes`.

    Args:
        mode: torch's name of the recurrence, or a cell.
        x: The input.
        h0: None for zeros.
        c0: The same; None too without states after the hidden one.

    >>> belt_dtype("GRU", torch.zeros(1), torch.zeros(1).bfloat16(), None)
    torch.bfloat16
    """
    cell = cells.of(mode)
    if not cell.belt:
        return None
    state = h0 if cell.belt[0] == next(iter(cell.states)) else c0
    return (x if state is None else state).dtype
