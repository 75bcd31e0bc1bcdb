"""What a module keeps between calls: its packed weights, and memory for large tapes.

A module keeps its packed layers in one attribute that never travels: copies and pickles of the
module start empty, the state_dict does not know it. The packed layers themselves are immutable, so
threads that run one module at the same time may at worst both pack.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from glasscell import cells, engine
from glasscell.arrays import Array
from glasscell.cells import Cell
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import ShapeError
from glasscell.nn.names import ROLES, Place, Weights
from glasscell.nn.team import threads
from glasscell.nn.tensors import array_of

__all__ = ["ATTRIBUTE", "Kept", "Made", "packed", "packed_linear", "tapes_of"]

ATTRIBUTE = "_glasscell_packed"


Made = tuple[str | Cell, int, int, int]
"""What a layer was packed for: mode, I, H, P."""


class Kept(NamedTuple):
    """A packed layer, and of the parameters that it was packed from all but the numbers."""

    layer: Any
    made: Made
    dtype: torch.dtype
    names: tuple[str | None, ...]
    shapes: tuple[torch.Size | None, ...]
    plain: bool = True  # it reads all of `ROLES`, and no vectors

    def holds(self, made: Made, tensors: Weights) -> bool:
        """Tell whether it was packed for this, from parameters of these shapes and numbers.

        Addresses alone go down: views of five arrays cost more than the comparison.
        """
        addresses = [0] * len(tensors)
        for k, (tensor, shape) in enumerate(zip(tensors, self.shapes, strict=True)):
            if tensor is None:
                if shape is not None:
                    return False
            elif tensor.shape != shape or not tensor.is_contiguous():
                return False
            else:
                addresses[k] = tensor.data_ptr()
        return self._matches(made, addresses, threads())

    def held_by(self, made: Made, parameters: dict[str, Any], team: int) -> bool:
        """Tell whether `holds` says so of a module's own parameters, all plain ones.

        Args:
            made: What is asked for.
            parameters: By name.
            team: Threads that may compare.
        """
        addresses = []
        for name, shape in zip(self.names, self.shapes, strict=True):
            if name is None:
                addresses.append(0)
                continue
            tensor = parameters.get(name)
            if (
                type(tensor) is not Parameter
                or tensor.shape != shape
                or tensor.dtype is not self.dtype
                or tensor.layout is not torch.strided
                or not (tensor.is_cpu and tensor.is_contiguous())
            ):
                return False
            addresses.append(tensor.data_ptr())
        return self._matches(made, addresses, team)

    def _matches(self, made: Made, addresses: list[int], team: int) -> bool:
        if self.made != made:
            return False
        if self.plain:
            same: bool = self.layer.matches_at(*addresses, team)
            return same
        if not self.layer.reads_h:
            addresses[ROLES.index("weight_hh")] = addresses[ROLES.index("bias_hh")] = 0
        stacked, vectors = addresses[: len(ROLES)], addresses[len(ROLES) :]
        return bool(self.layer.matches_at(*stacked, team, vectors))


LARGE = 1 << 20  # bytes
_HUGE = 2 << 20  # bytes of a large page
_ASKS = 4 << 20  # bytes from which NumPy asks the system for large pages


class _Tapes(dict[str, Array]):
    """One module's last large tape of each layer and direction, by suffix.

    malloc may give megabytes back to the system at each release; each 4 KB of the next tape then
    costs a page fault, 1 to 2 µs on a virtual machine: half of a training step at T = 100, B = 32,
    H = 64.

    A tape's memory is handed out again only once nobody holds a tensor or array over it: all of
    those hold the one array that is here, and are seen in its reference count.
    """

    def take(self, suffix: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Make an uninitialised tensor.

        Args:
            suffix: Of the layer and direction.
            shape: Of the tensor.
            like: Has its dtype.
        """
        size = math.prod(shape) * like.itemsize
        if size < LARGE:
            return like.new_empty(shape)
        memory = self.pop(suffix, None)  # one thread alone gets it
        if memory is None or not _fits(memory, size) or sys.getrefcount(memory) > 2:
            memory = None  # before the next is made: the two would add up
            memory = np.empty(max(size + _HUGE, _ASKS), np.uint8)
        self[suffix] = memory
        # From the first large page on: one fault in place of 512, where there are such pages.
        first = -memory.__array_interface__["data"][0] % _HUGE
        return torch.from_numpy(memory[first : first + size]).view(like.dtype).view(shape)


def _fits(memory: Array, size: int) -> bool:
    return size + _HUGE <= memory.size <= max(4 * size + _HUGE, _ASKS)


class _Packed(dict[tuple[str, torch.dtype], Any]):
    """Packed layers by suffix and dtype; every copy and pickle of it is empty.

    Args:
        plan: What `fast_path` knows of the module; its own.
        tapes: Memory for the next training step.
    """

    plan: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.tapes = _Tapes()

    def __reduce__(self) -> tuple[type[_Packed], tuple[()]]:
        return _Packed, ()

    def __reduce_ex__(self, protocol: Any) -> tuple[type[_Packed], tuple[()]]:
        return self.__reduce__()


def packed(
    module: torch.nn.Module,
    mode: str | Cell,
    layer: Sequence[Place],
    weights: Sequence[Weights],
    input_size: int,
) -> tuple[Any, ...]:
    """Give the packed form of one layer's weights, one for each direction.

    Args:
        module: Keeps it.
        mode: torch's name of the recurrence, or a cell.
        layer: The directions' places.
        weights: Of each direction.
        input_size: I.

    The numbers are compared, not versions or addresses: writes through `.data` change neither.

    Raises:
        RuntimeError: Someone assigned weights whose shapes do not fit together.
    """
    kept = _kept(module)
    hidden: Any = module.hidden_size
    made = mode, input_size, hidden, getattr(module, "proj_size", 0) or hidden
    layers = []
    for place, tensors in zip(layer, weights, strict=True):
        assert tensors[0] is not None
        key = place.suffix, tensors[0].dtype
        one = kept.get(key)
        if one is None or not one.holds(made, tensors):
            one = kept[key] = _pack(made, tensors, place)
        layers.append(one.layer)
    return tuple(layers)


def _pack(made: Made, tensors: Weights, place: Place) -> Kept:
    mode, *sizes = made
    letters = [*ROLES, *cells.of(mode).program.vectors]
    arrays: dict[str, Any] = {
        letter: array_of(tensor)
        for letter, tensor in zip(letters, tensors, strict=True)
        if tensor is not None
    }
    try:
        one = engine.pack(mode, LayerWeights.named(arrays, sizes[1]))
    except ShapeError:
        one = None
    if one is None or [one.input_size, one.hidden_size, one.output_size] != sizes:
        named = zip(place.names, tensors, strict=True)
        shapes = ", ".join(f"{name} {tuple(w.shape)}" for name, w in named if w is not None)
        # torch's class of error; its own LSTM does not check, and may read beyond the end of them.
        raise RuntimeError(
            f"expected parameters for input, hidden and output size {tuple(sizes)}, got {shapes}; "
            "assign parameters of the shapes that the constructor makes"
        )
    assert tensors[0] is not None
    all_shapes = tuple(None if tensor is None else tensor.shape for tensor in tensors)
    plain = one.reads_h and len(tensors) == len(ROLES)
    return Kept(one, made, tensors[0].dtype, place.names, all_shapes, plain)


def packed_linear(module: torch.nn.Module, weight: Tensor, bias: Tensor | None) -> Any:
    """Give the packed form of a linear layer, as `packed` does."""
    kept, key = _kept(module), ("linear", weight.dtype)
    arrays = array_of(weight), None if bias is None else array_of(bias)
    one = kept.get(key)
    if one is None or not one.matches(*arrays):
        one = kept[key] = engine.pack_linear(*arrays)
    return one


def tapes_of(module: torch.nn.Module) -> _Tapes:
    """Give the memory that a module keeps for its large tapes."""
    return _kept(module).tapes


def _kept(module: torch.nn.Module) -> _Packed:
    kept: _Packed | None = module.__dict__.get(ATTRIBUTE)
    if kept is None:
        kept = module.__dict__[ATTRIBUTE] = _Packed()
    return kept
