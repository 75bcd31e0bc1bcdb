"""Compressed recurrent weights in a model folder: their names, checks, and how they are made.

A node of config.json that says ``"storage": "bfloat16"`` or ``"int8"`` has its matrices in that
form in model.safetensors, as BF16 or I8; for int8 also ``scale_l0`` (G,) and, with a projection,
``scale_hr_l0`` (P,), as F32. A row of weights is its scale times its numbers. Biases, vectors and
all other layers stay F32.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import CELLS, parameters
from glasscell.cells.compact import COMPRESSED, StoredWeights
from glasscell.cells.compact import compress as compress_layer
from glasscell.cells.compact import expand as expand_layer
from glasscell.cells.parameters import Config
from glasscell.errors import DtypeError, ShapeError, WeightFormatError

__all__ = [
    "RECURRENT",
    "called",
    "compress",
    "expand",
    "is_scale",
    "kind_of",
    "recurrent_nodes",
    "stored_layers",
]


def compress(
    tree: dict[str, Any], arrays: Mapping[str, Array], storage: str
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Compress the recurrent weights of a whole model.

    Args:
        tree: The "model" of config.json; of a model that `build` accepts.
        arrays: Torch's parameter names to float32 arrays.
        storage: "bfloat16" or "int8".

    Returns:
        A new tree and arrays, which `build` accepts again.
    """
    tree, arrays = copy.deepcopy(tree), dict(arrays)
    for node in recurrent_nodes(tree):
        config = _config_of(node)
        prefix = f"{node['weights']}." if node["weights"] else ""
        own = {name: array for name, array in arrays.items() if name.startswith(prefix)}
        layers = parameters.from_state_dict(config, own, prefix)
        for suffix, layer in zip(config.suffixes(), layers, strict=True):
            for name, array in compress_layer(layer, storage).arrays().items():
                arrays[f"{prefix}{name}_{suffix}"] = array
        node["storage"] = storage
    return tree, arrays


def expand(
    tree: dict[str, Any], arrays: Mapping[str, Array]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Give the float32 model that a compressed one stands for.

    Args:
        tree: The "model" of config.json; of a model that `build` accepts.
        arrays: Torch's parameter names to arrays, compressed or not.

    Returns:
        A new tree and arrays, which `build` accepts again; of an uncompressed model equal ones.
    """
    tree, arrays = copy.deepcopy(tree), dict(arrays)
    for node in recurrent_nodes(tree):
        storage = node.pop("storage", None)
        if storage is None:
            continue
        config = _config_of(node)
        prefix = f"{node['weights']}." if node["weights"] else ""
        own = {name: arrays.pop(name) for name in list(arrays) if name.startswith(prefix)}
        layers = stored_layers(config, own, prefix, storage)
        for suffix, layer in zip(config.suffixes(), layers, strict=True):
            whole = expand_layer(layer)
            for name, array in whole.arrays().items():
                arrays[f"{prefix}{name}_{suffix}"] = array
    return tree, arrays


def _config_of(node: dict[str, Any]) -> Config:
    others = ("type", "weights", "storage")
    return Config.from_description({k: value for k, value in node.items() if k not in others})


def kind_of(config: Config) -> str:
    """Name the node of a recurrent network: as torch names its module, "Recurrent" for any other.

    >>> kind_of(Config(mode="RNN_TANH", input_size=1, hidden_size=1))
    'RNN'
    """
    return config.cell.name if isinstance(config.mode, str) else OTHER


OTHER = "Recurrent"
RECURRENT = tuple(dict.fromkeys([*(cell.name for cell in CELLS.values()), OTHER]))
"""What `kind_of` gives."""


def called(node: Mapping[str, Any]) -> str:
    """Name a node for people: by its type, a recurrent one of another cell by the cell's name."""
    return str(node["mode"] if node["type"] == OTHER else node["type"])


def recurrent_nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Give the pieces of a tree that are recurrent networks."""
    if isinstance(node, dict):
        if node.get("type") in RECURRENT:
            yield node
            return  # the description of its cell is no tree of nodes
        for child in node.values():
            yield from recurrent_nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from recurrent_nodes(child)


def is_scale(name: str) -> bool:
    """Whether an array holds scales, and no parameters of its own."""
    return re.fullmatch(r"scale(_hr)?_l\d+(_reverse)?", name.rpartition(".")[2]) is not None


def stored_layers(
    config: Config, arrays: Mapping[str, Array], prefix: str, storage: str
) -> tuple[StoredWeights, ...]:
    """Build the layers of a network out of compressed arrays, without copying.

    Args:
        config: What the network is.
        arrays: Names to arrays; bfloat16 as uint16.
        prefix: What stands before each name, with its dot.
        storage: "bfloat16" or "int8".

    Returns:
        One `StoredWeights` per layer and direction, in the order of `Config.suffixes`.

    Raises:
        WeightFormatError: Another storage; a name is missing or unexpected.
        ShapeError: An array has not the shape that `config` asks for.
        DtypeError: An array has not the dtype of the storage.
    """
    if storage not in COMPRESSED:
        raise WeightFormatError(
            f"expected storage to be one of {', '.join(COMPRESSED)}, got {storage!r}"
        )
    layers = []
    free = dict(arrays)
    for place, suffix in enumerate(config.suffixes()):
        shapes = _shapes(config, place // config.directions, storage)
        layers.append(
            StoredWeights.named(
                {
                    role: _take(free, f"{prefix}{role}_{suffix}", shape, dtype)
                    for role, (shape, dtype) in shapes.items()
                },
                config.hidden_size,
            )
        )
    if free:
        raise WeightFormatError(f"expected no other weights, got {', '.join(sorted(free))}")
    return tuple(layers)


_MATRICES = ("weight_ih", "weight_hh", "weight_hr")


def _shapes(
    config: Config, layer: int, storage: str
) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    full: np.dtype[Any] = np.dtype(np.float32)
    few: np.dtype[Any] = COMPRESSED[storage]
    shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
        role: (shape, few if role in _MATRICES else full)
        for role, shape in config.shapes(layer).items()
    }
    if storage == "int8":
        shapes["scale"] = (config.gate_rows,), full
        if config.proj_size:
            shapes["scale_hr"] = (config.proj_size,), full
    return shapes


def _take(free: dict[str, Array], name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    array = free.pop(name, None)
    if array is None:
        raise WeightFormatError(f"expected the weights {name}, got none")
    if array.dtype != dtype:
        raise DtypeError(f"expected {name} as {dtype}, got {array.dtype}")
    if array.shape != shape:
        raise ShapeError(f"expected {name} of shape {shape}, got {array.shape}")
    return array
