"""Which parameters a layer reads, and their packed form, made again only when a number has changed.

A module keeps its packed layers in one attribute that never travels: copies and pickles of the
module start empty, the state_dict does not know it. The packed layers themselves are immutable, so
threads that run one module at the same time may at worst both pack.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from glasscell import engine
from glasscell.errors import ShapeError

__all__ = [
    "ATTRIBUTE",
    "Place",
    "Weights",
    "array_of",
    "cell_place",
    "fetch",
    "packed",
    "packed_linear",
    "places",
    "view_of",
]

ATTRIBUTE = "_glasscell_packed"

Weights = tuple[Tensor | None, ...]
"""weight_ih, weight_hh, bias_ih, bias_hh, weight_hr of one layer and direction; None: not there."""

_ROLES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class Place(NamedTuple):
    """One layer and direction: torch's suffix, and its parameters' names in `Weights` order."""

    suffix: str
    names: tuple[str | None, ...]
    tensors: int


def _place(bias: bool, projected: bool, suffix: str, end: str) -> Place:
    there = (True, True, bias, bias, projected)
    names = tuple(role + end if has else None for role, has in zip(_ROLES, there, strict=True))
    return Place(suffix, names, sum(name is not None for name in names))


class _Arrays(NamedTuple):
    """What `engine.pack` reads; `glasscell.weights.LayerWeights` without its checks."""

    weight_ih: npt.NDArray[Any]
    weight_hh: npt.NDArray[Any]
    bias_ih: npt.NDArray[Any] | None
    bias_hh: npt.NDArray[Any] | None
    weight_hr: npt.NDArray[Any] | None


class _Kept(NamedTuple):
    """A packed layer and the shapes of the parameters that it was packed from."""

    layer: Any
    shapes: tuple[torch.Size | None, ...]

    def holds(self, tensors: Weights) -> bool:
        """Tell whether these parameters have the same shapes and, bit for bit, numbers.

        Addresses alone go down: views of five arrays cost more than the comparison.
        """
        addresses = [0, 0, 0, 0, 0]
        for k, (tensor, shape) in enumerate(zip(tensors, self.shapes, strict=True)):
            if tensor is None:
                if shape is not None:
                    return False
            elif tensor.shape != shape or not tensor.is_contiguous():
                return False
            else:
                addresses[k] = tensor.data_ptr()
        same: bool = self.layer.matches_at(*addresses, torch.get_num_threads())
        return same


class _Packed(dict[tuple[str, int], Any]):
    """Packed layers by suffix and size of a number; every copy and pickle of it is empty."""

    def __reduce__(self) -> tuple[type[_Packed], tuple[()]]:
        return _Packed, ()

    def __reduce_ex__(self, protocol: Any) -> tuple[type[_Packed], tuple[()]]:
        return self.__reduce__()


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


@overload
def array_of(tensor: Tensor) -> npt.NDArray[Any]: ...
@overload
def array_of(tensor: None) -> None: ...
def array_of(tensor: Tensor | None) -> npt.NDArray[Any] | None:
    """Give a parameter or state as a C-contiguous NumPy array: a view unless it was strided."""
    if tensor is None:
        return None
    return view_of(tensor if tensor.is_contiguous() else tensor.contiguous())


class _Export:
    """A tensor as NumPy takes it; `torch.Tensor.__dlpack__` is the same at five times the cost."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __dlpack__(self, **_: Any) -> Any:
        return torch._C._to_dlpack(self.tensor)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def view_of(tensor: Tensor) -> npt.NDArray[Any]:
    """View someone else's CPU tensor as an array, whatever its graph, and leave no mark on it.

    `Tensor.numpy()` would: its storage could never be resized again, as sharded training does.
    """
    return np.from_dlpack(_Export(tensor))


def packed(
    module: torch.nn.Module,
    mode: str,
    layer: Sequence[Place],
    weights: Sequence[Weights],
    input_size: int,
) -> tuple[Any, ...]:
    """Give the packed form of one layer's weights, one for each direction.

    The numbers are compared, not versions or addresses: writes through `.data` change neither.

    Raises:
        RuntimeError: someone assigned weights whose shapes do not fit together.
    """
    kept = _kept(module)
    found = []
    for place, tensors in zip(layer, weights, strict=True):
        weight_ih = tensors[0]
        key = place.suffix, 0 if weight_ih is None else weight_ih.itemsize
        one = kept.get(key)
        if one is None or not one.holds(tensors):
            one = kept[key] = _pack(module, mode, tensors, place, input_size)
        found.append(one.layer)
    return tuple(found)


def _pack(
    module: torch.nn.Module, mode: str, tensors: Weights, place: Place, input_size: int
) -> _Kept:
    arrays = _Arrays._make([None if tensor is None else array_of(tensor) for tensor in tensors])
    width = getattr(module, "proj_size", 0) or module.hidden_size
    sizes: tuple[Any, ...] = input_size, module.hidden_size, width
    try:
        one = engine.pack(mode, arrays)
    except ShapeError:
        one = None
    if one is None or (one.input_size, one.hidden_size, one.output_size) != sizes:
        given = zip(place.names, arrays, strict=True)
        shapes = ", ".join(f"{name} {array.shape}" for name, array in given if array is not None)
        # torch's class of error; its own LSTM does not check, and may read beyond the end of them.
        raise RuntimeError(
            f"expected parameters for input, hidden and output size {sizes}, got {shapes}; assign "
            "parameters of the shapes that the constructor makes"
        )
    return _Kept(one, tuple(None if tensor is None else tensor.shape for tensor in tensors))


def packed_linear(module: torch.nn.Module, weight: Tensor, bias: Tensor | None) -> Any:
    """Give the packed form of a linear layer, as `packed` does."""
    kept, key = _kept(module), ("linear", weight.itemsize)
    arrays = array_of(weight), None if bias is None else array_of(bias)
    one = kept.get(key)
    if one is None or not one.matches(*arrays):
        one = kept[key] = engine.pack_linear(*arrays)
    return one


def _kept(module: torch.nn.Module) -> _Packed:
    kept: _Packed | None = module.__dict__.get(ATTRIBUTE)
    if kept is None:
        kept = module.__dict__[ATTRIBUTE] = _Packed()
    return kept
