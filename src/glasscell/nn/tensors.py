"""Tensors as arrays that share their memory."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from glasscell.arrays import Array

__all__ = ["array_of", "view_of"]


@overload
def array_of(tensor: Tensor) -> Array: ...
@overload
def array_of(tensor: None) -> None: ...
def array_of(tensor: Tensor | None) -> Array | None:
    """Give a parameter or state as a C-contiguous NumPy array: a view unless it was strided."""
    if tensor is None:
        return None
    return view_of(tensor.contiguous().resolve_neg())


class _Export:
    """A tensor as NumPy takes it; `torch.Tensor.__dlpack__` is the same at five times the cost."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __dlpack__(self, **_: Any) -> Any:
        return torch._C._to_dlpack(self.tensor)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def view_of(tensor: Tensor) -> Array:
    """View someone else's CPU tensor as an array, whatever its graph, and leave no mark on it.

    `Tensor.numpy()` would: its storage could never be resized again, as sharded training does.
    """
    return np.from_dlpack(_Export(tensor))
