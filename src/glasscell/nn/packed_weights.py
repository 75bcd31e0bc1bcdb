"""The packed form of a layer's parameters, made again only when a number has changed.

A module keeps its packed layers in one attribute that never travels: copies and pickles of the
module start empty, the state_dict does not know it. The packed layers themselves are immutable, so
threads that run one module at the same time may at worst both pack.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Parameter

from glasscell import engine
from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.nn.names import Place, Weights
from glasscell.nn.tapes import Tapes
from glasscell.nn.team import threads
from glasscell.nn.tensors import array_of

__all__ = ["ATTRIBUTE", "Kept", "Made", "packed", "packed_linear", "tapes_of"]

ATTRIBUTE = "_glasscell_packed"


class _Arrays(NamedTuple):
    """What `engine.pack` reads; `glasscell.weights.LayerWeights` without its checks."""

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array | None
    bias_hh: Array | None
    weight_hr: Array | None


Made = tuple[str, int, int, int]
"""What a layer was packed for: mode, I, H, P."""


class Kept(NamedTuple):
    """A packed layer, and of the parameters that it was packed from all but the numbers."""

    layer: Any
    made: Made
    dtype: torch.dtype
    names: tuple[str | None, ...]
    shapes: tuple[torch.Size | None, ...]

    def holds(self, made: Made, tensors: Weights) -> bool:
        """Tell whether it was packed for this, from parameters of these shapes and numbers.

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
        return self._matches(made, addresses)

    def held_by(self, made: Made, parameters: dict[str, Any]) -> bool:
        """Tell whether `holds` says so of a module's own parameters, all plain ones."""
        addresses = [0, 0, 0, 0, 0]
        for k, name in enumerate(self.names):
            if name is None:
                continue
            tensor = parameters.get(name)
            if (
                type(tensor) is not Parameter
                or tensor.shape != self.shapes[k]
                or tensor.dtype is not self.dtype
                or tensor.layout is not torch.strided
                or not (tensor.is_cpu and tensor.is_contiguous())
            ):
                return False
            addresses[k] = tensor.data_ptr()
        return self._matches(made, addresses)

    def _matches(self, made: Made, addresses: list[int]) -> bool:
        same: bool = self.made == made and self.layer.matches_at(*addresses, threads())
        return same


class _Packed(dict[tuple[str, torch.dtype], Any]):
    """Packed layers by suffix and dtype; every copy and pickle of it is empty.

    Args:
        plan: what `quick` knows of the module; its own.
        tapes: memory for the next training step.
    """

    plan: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.tapes = Tapes()

    def __reduce__(self) -> tuple[type[_Packed], tuple[()]]:
        return _Packed, ()

    def __reduce_ex__(self, protocol: Any) -> tuple[type[_Packed], tuple[()]]:
        return self.__reduce__()


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
    hidden: Any = module.hidden_size
    made = mode, input_size, hidden, getattr(module, "proj_size", 0) or hidden
    found = []
    for place, tensors in zip(layer, weights, strict=True):
        assert tensors[0] is not None
        key = place.suffix, tensors[0].dtype
        one = kept.get(key)
        if one is None or not one.holds(made, tensors):
            one = kept[key] = _pack(made, tensors, place)
        found.append(one.layer)
    return tuple(found)


def _pack(made: Made, tensors: Weights, place: Place) -> Kept:
    arrays = _Arrays._make([None if tensor is None else array_of(tensor) for tensor in tensors])
    mode, *sizes = made
    try:
        one = engine.pack(mode, arrays)
    except ShapeError:
        one = None
    if one is None or [one.input_size, one.hidden_size, one.output_size] != sizes:
        given = zip(place.names, arrays, strict=True)
        shapes = ", ".join(f"{name} {array.shape}" for name, array in given if array is not None)
        # torch's class of error; its own LSTM does not check, and may read beyond the end of them.
        raise RuntimeError(
            f"expected parameters for input, hidden and output size {tuple(sizes)}, got {shapes}; "
            "assign parameters of the shapes that the constructor makes"
        )
    assert tensors[0] is not None
    given_shapes = tuple(None if tensor is None else tensor.shape for tensor in tensors)
    return Kept(one, made, tensors[0].dtype, place.names, given_shapes)


def packed_linear(module: torch.nn.Module, weight: Tensor, bias: Tensor | None) -> Any:
    """Give the packed form of a linear layer, as `packed` does."""
    kept, key = _kept(module), ("linear", weight.dtype)
    arrays = array_of(weight), None if bias is None else array_of(bias)
    one = kept.get(key)
    if one is None or not one.matches(*arrays):
        one = kept[key] = engine.pack_linear(*arrays)
    return one


def tapes_of(module: torch.nn.Module) -> Tapes:
    """Give the memory that a module keeps for its large tapes."""
    return _kept(module).tapes


def _kept(module: torch.nn.Module) -> _Packed:
    kept: _Packed | None = module.__dict__.get(ATTRIBUTE)
    if kept is None:
        kept = module.__dict__[ATTRIBUTE] = _Packed()
    return kept
