"""Typed, suspicious reading of a model's tree: every field and every tensor accounted for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn

from glasscell.arrays import Array
from glasscell.errors import WeightFormatError

__all__ = ["Fields", "Tensors", "refuse"]


def refuse(path: str, reason: str) -> NoReturn:
    """Raise `WeightFormatError` about the node at `path`, e.g. "model.children[2]"."""
    raise WeightFormatError(f"{path}: {reason}")


class Tensors:
    """The arrays of a model folder, each of which exactly one node must take.

    Args:
        arrays: Torch's parameter names to arrays, float32 or float64; compressed ones uint16 (the
            bits of bfloat16) or int8.
        storage: "float32", "bfloat16" or "int8": what recurrent weights are to be kept as; None: as
            they are.
    """

    def __init__(self, arrays: Mapping[str, Array], storage: str | None = None) -> None:
        self._arrays = dict(arrays)
        self._free = dict(arrays)
        self.storage = storage

    def __len__(self) -> int:
        return len(self._arrays)

    def under(self, prefix: str, path: str) -> dict[str, Array]:
        """Take every array whose name begins with `prefix`."""
        taken = {name: array for name, array in self._free.items() if name.startswith(prefix)}
        if not taken:
            refuse(path, f"expected weights named {prefix}…, the file has none that are free")
        for name in taken:
            del self._free[name]
        return taken

    def take(self, name: str, shape: tuple[int, ...], path: str) -> Array:
        """Take one array, which must have exactly this shape."""
        array = self._free.pop(name, None)
        if array is None:
            refuse(path, f"expected the tensor {name}, the weights file has none that is free")
        if array.shape != shape:
            refuse(path, f"expected {name} of shape {shape}, the weights file has {array.shape}")
        if array.dtype.kind != "f":
            refuse(path, f"expected {name} as float32 or float64, got {array.dtype}")
        return array

    def require_empty(self) -> None:
        """Refuse arrays that no node took: a model must not load in part."""
        if self._free:
            names = ", ".join(sorted(self._free)[:8])
            refuse("model", f"expected no other tensors, the weights file also has {names}")


class Fields:
    """One node of the tree: a JSON object whose fields are read one by one, then all accounted for.

    Args:
        node: What the JSON had in this place.
        path: Where it stands, for messages: "model", "model.children[0]".
    """

    def __init__(self, node: object, path: str) -> None:
        if not isinstance(node, dict):
            refuse(path, f"expected a JSON object with a type, got {type(node).__name__}")
        self.path = path
        self._node: dict[str, Any] = node
        self._read: set[str] = set()

    def _value(self, name: str) -> Any:
        if name not in self._node:
            refuse(self.path, f"expected a field {name!r}, got none")
        self._read.add(name)
        return self._node[name]

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self._node

    def text(self, name: str) -> str:
        """A string."""
        value = self._value(name)
        if type(value) is not str:
            refuse(self.path, f"expected {name} to be a string, got {value!r}")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None where there is no such field."""
        return self.text(name) if name in self._node else None

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._value(name)
        if type(value) is not bool:
            refuse(self.path, f"expected {name} to be true or false, got {value!r}")
        return value

    def integer(self, name: str, least: int) -> int:
        """A whole number not below `least`."""
        value = self._value(name)
        if type(value) is not int or value < least:
            refuse(self.path, f"expected {name} to be a whole number >= {least}, got {value!r}")
        return value

    def number(self, name: str) -> float:
        """A finite number."""
        value = self._value(name)
        if type(value) not in (int, float) or not math.isfinite(value):
            refuse(self.path, f"expected {name} to be a finite number, got {value!r}")
        return float(value)

    def children(self, name: str) -> list[Any]:
        """A list of nodes, not read further."""
        value = self._value(name)
        if type(value) is not list:
            refuse(self.path, f"expected {name} to be a list, got {type(value).__name__}")
        return value

    def child(self, name: str) -> tuple[Any, str]:
        """A node, not read further, and its path."""
        return self._value(name), f"{self.path}.{name}"

    def prefix(self) -> str:
        """What stands before the names of this node's tensors: "encoder.", or "" for the root."""
        name = self.text("weights")
        return f"{name}." if name else ""

    def rest(self) -> dict[str, Any]:
        """All fields that have not been read."""
        names = self._node.keys() - self._read
        self._read |= names
        return {name: self._node[name] for name in names}

    def finish(self) -> None:
        """Refuse fields that this version does not know: they may change what is computed."""
        if extra := sorted(self.rest()):
            refuse(self.path, f"expected no field {', '.join(extra)}; was it saved by a newer one?")
