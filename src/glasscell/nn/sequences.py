"""Sequences of unequal length in one call: `lengths`, `reset` and packed batches, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glasscell.arrays import Array
from glasscell.errors import DtypeError, ShapeError
from glasscell.nn.fallback import interpreted

__all__ = ["Layout", "layout_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where sequences begin and end in the rows that the engine is given.

    Args:
        lengths: (B,) int64 steps of each sequence, None: all T.
        reset: (T, B) bool, start again from the initial state before that step; None: never.
        batch_sizes: (T,) int64 of a `PackedSequence`, None: padded.
        sorted_indices: (B,) int64 of a `PackedSequence`, None: as in the batch.
        batch_first: whether the module lays its output out as (B, T, ·).
        unbatched: whether the module was called on one sequence without a batch axis.
    """

    lengths: Array | None = None
    reset: Array | None = None
    batch_sizes: Array | None = None
    sorted_indices: Array | None = None
    batch_first: bool = False
    unbatched: bool = False

    def steps(self, x: Tensor) -> int:
        """Give T of x."""
        return len(x) if self.batch_sizes is None else len(self.batch_sizes)

    def batch(self, x: Tensor) -> int:
        """Give B of x."""
        return x.shape[1] if self.batch_sizes is None else int(self.batch_sizes[0])

    def addresses(self) -> tuple[int, int, int]:
        """Give where lengths, reset and batch_sizes lie, contiguous; 0 for None."""
        return _address(self.lengths), _address(self.reset), _address(self.batch_sizes)


def _address(array: Array | None) -> int:
    if array is None:
        return 0
    address: int = array.__array_interface__["data"][0]
    return address


def layout_of(
    steps: int,
    batch: int,
    lengths: Tensor | Sequence[int] | None,
    reset: Tensor | None,
    *,
    batch_first: bool,
    unbatched: bool,
) -> Layout:
    """Check `lengths` and `reset` against a padded batch of T steps and B sequences.

    Raises:
        ShapeError: they are not (B,) and (T, B), or (B, T) with batch_first; or a length is outside
            0 … T.
        DtypeError: they are not integers and bool.
        RuntimeError: the call is being traced, which would fix them for ever.
    """
    if lengths is None and reset is None:
        return Layout(batch_first=batch_first, unbatched=unbatched)
    if torch.compiler.is_compiling() or interpreted() is not None:
        raise RuntimeError(
            "expected lengths and reset in a plain call only, got them under tracing, compilation "
            "or a torch.func transform; use a PackedSequence there"
        )
    return Layout(
        lengths=None if lengths is None else _lengths(lengths, steps, batch, unbatched),
        reset=None if reset is None else _reset(reset, steps, batch, batch_first, unbatched),
        batch_first=batch_first,
        unbatched=unbatched,
    )


def _lengths(lengths: Tensor | Sequence[int], steps: int, batch: int, unbatched: bool) -> Array:
    tensor = torch.as_tensor(lengths).detach().cpu()
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex or tensor.dtype is torch.bool:
        raise DtypeError(f"expected lengths as integers, got {tensor.dtype}; use lengths.long()")
    if unbatched and tensor.dim() == 0:
        tensor = tensor[None]
    if tuple(tensor.shape) != (batch,):
        raise ShapeError(f"expected lengths of shape (B,) = ({batch},), got {tuple(tensor.shape)}")
    array: Array = tensor.to(torch.int64).numpy().copy()
    if array.min(initial=0) < 0 or array.max(initial=0) > steps:
        raise ShapeError(
            f"expected lengths in 0 … T = {steps}, got {array.min()} … {array.max()}; "
            "pad the input to the longest sequence or correct the lengths"
        )
    return array


def _reset(reset: Tensor, steps: int, batch: int, batch_first: bool, unbatched: bool) -> Array:
    tensor = torch.as_tensor(reset).detach().cpu()
    if tensor.dtype is not torch.bool:
        raise DtypeError(f"expected reset as bool, got {tensor.dtype}; use reset.bool()")
    sizes = {"T": steps, "B": batch}
    letters = "T" if unbatched else "BT" if batch_first else "TB"
    expected = tuple(sizes[letter] for letter in letters)
    if tuple(tensor.shape) != expected:
        raise ShapeError(
            f"expected reset of shape ({', '.join(letters)}) = {expected}, got "
            f"{tuple(tensor.shape)}"
        )
    if unbatched:
        tensor = tensor[:, None]
    elif batch_first:
        tensor = tensor.transpose(0, 1)
    array: Array = np.array(tensor.numpy(), order="C")
    return array
