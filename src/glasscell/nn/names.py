"""Where a layer's parameters stand: torch's names for each layer and direction."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["ROLES", "Place", "Weights", "cell_place", "fetch", "places"]

Weights = tuple[Tensor | None, ...]
"""weight_ih, weight_hh, bias_ih, bias_hh, weight_hr of one layer and direction; None: not there."""

ROLES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class Place(NamedTuple):
    """One layer and direction: torch's suffix, and its parameters' names in `Weights` order."""

    suffix: str
    names: tuple[str | None, ...]
    tensors: int


def _place(bias: bool, projected: bool, suffix: str, end: str) -> Place:
    there = (True, True, bias, bias, projected)
    names = tuple(role + end if has else None for role, has in zip(ROLES, there, strict=True))
    return Place(suffix, names, sum(name is not None for name in names))


@lru_cache(maxsize=256)
def places(
    num_layers: int, bidirectional: bool, bias: bool, projected: bool
) -> tuple[tuple[Place, ...], ...]:
    """Give the directions of each layer of a `torch.nn.LSTM` or `torch.nn.RNN`.

    >>> [place.suffix for layer in places(2, True, True, False) for place in layer]
    ['l0', 'l0_reverse', 'l1', 'l1_reverse']
    """
    ends = ("", "_reverse") if bidirectional else ("",)
    return tuple(
        tuple(_place(bias, projected, f"l{layer}{end}", f"_l{layer}{end}") for end in ends)
        for layer in range(num_layers)
    )


@lru_cache(maxsize=2)
def cell_place(bias: bool) -> Place:
    """Give the one place of a `torch.nn.LSTMCell` or `torch.nn.RNNCell`; its suffix is "cell"."""
    return _place(bias, False, "cell", "")


def fetch(module: torch.nn.Module, place: Place) -> Weights:
    """Give the parameters of one place as they are now.

    By name at every call: `parametrize`, `weight_norm`, `functional_call` and plain assignment all
    put a new tensor behind the name, and a list kept from an earlier call would be stale.
    """
    own = module._parameters
    return tuple(
        None if name is None else own[name] if name in own else getattr(module, name, None)
        for name in place.names
    )
