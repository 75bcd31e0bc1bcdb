"""Packed weights of layers that are known by their tensors alone: an operator has no module.

What is packed lives as long as the tensor of the first input weights does, or, where that is a
passing one (a slice, a cast), for the next few calls. It is found by address and then compared with
the numbers, as everywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary, ref

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

__all__ = ["Owner", "owners_of"]

_SMALL = 1 << 18  # bytes of weights that are kept for a few calls, whoever holds them
_RECENT = 64


class Owner:
    """Stands where a module does: keeps one layer's packed weights and the memory of its tapes.

    Args:
        hidden_size: H.
        proj_size: P of a projected layer, else 0.
    """

    def __init__(self, hidden_size: int, proj_size: int) -> None:
        self.hidden_size, self.proj_size = hidden_size, proj_size
        self.keeper: Any = None  # whose life it shares, weakly


_by_address: WeakValueDictionary[Any, Owner] = WeakValueDictionary()
_by_tensor: Any = WeakTensorKeyDictionary()
_recent: deque[Owner] = deque(maxlen=_RECENT)


def owners_of(
    cell: str, first: Sequence[Tensor], whole: Tensor, hidden_size: int, proj_size: int
) -> list[Owner]:
    """Give who keeps each member's packed weights.

    Args:
        cell: Name of the cell, or its description.
        first: Input weights of each member's first direction.
        whole: The tensor that all of them are parts of.
        hidden_size: H.
        proj_size: P of a projected layer, else 0.
    """
    found = []
    for weight in first:
        key = cell, weight.dtype, weight.shape, hidden_size, proj_size, weight.data_ptr()
        owner = _by_address.get(key)
        if owner is None:
            owner = _by_address[key] = Owner(hidden_size, proj_size)
        if owner.keeper is None or owner.keeper() is not whole:
            owner.keeper = ref(whole)
            _by_tensor.setdefault(whole, {})[key] = owner
            if weight.nbytes <= _SMALL:
                _recent.append(owner)
        found.append(owner)
    return found
