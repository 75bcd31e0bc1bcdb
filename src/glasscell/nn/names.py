"""Where a layer's parameters stand: torch's names for each layer and direction."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["ROLES", "Place", "Weights", "cell_place", "fetch", "places"]

Weights = tuple[Tensor | None, ...]
"""The parameters of one layer and direction; None: not there.

First those of `ROLES`, then the vectors of its cell, (H,) each, in the order of its program.
"""

ROLES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class Place(NamedTuple):
    """One layer and direction: torch's suffix, and its parameters' names in `Weights` order."""

    suffix: str
    names: tuple[str | None, ...]
    tensors: int


def _place(
    bias: bool,
    projected: bool,
    suffix: str,
    end: str,
    vectors: tuple[str, ...] = (),
    recurrent: bool = True,
) -> Place:
    there = (True, recurrent, bias, bias and recurrent, projected)
    names = tuple(role + end if has else None for role, has in zip(ROLES, there, strict=True))
    names += tuple(vector + end for vector in vectors)
    return Place(suffix, names, sum(name is not None for name in names))


@lru_cache(maxsize=256)
def places(
    num_layers: int,
    bidirectional: bool,
    bias: bool,
    projected: bool,
    vectors: tuple[str, ...] = (),
    recurrent: bool = True,
) -> tuple[tuple[Place, ...], ...]:
    """Give the directions of each layer of a recurrent module.

    Args:
        num_layers: L.
        bidirectional: Whether each layer has a second direction.
        bias: Whether there are biases.
        projected: Whether there is a weight_hr.
        vectors: Of the cell, in the order of its program; default none.
        recurrent: Whether there is a weight_hh, and with it a bias_hh; default True.

    >>> [place.suffix for layer in places(2, True, True, False) for place in layer]
    ['l0', 'l0_reverse', 'l1', 'l1_reverse']
    >>> places(1, False, False, False, ("p_i",))[0][0].names
    ('weight_ih_l0', 'weight_hh_l0', None, None, None, 'p_i_l0')
    """
    ends = ("", "_reverse") if bidirectional else ("",)
    more = vectors, recurrent
    return tuple(
        tuple(_place(bias, projected, f"l{layer}{end}", f"_l{layer}{end}", *more) for end in ends)
        for layer in range(num_layers)
    )


@lru_cache(maxsize=2)
def cell_place(bias: bool) -> Place:
    """Give the one place of a `torch.nn.LSTMCell`, `GRUCell` or `RNNCell`, whose suffix is "cell".

    >>> cell_place(False).names
    ('weight_ih', 'weight_hh', None, None, None)
    """
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
