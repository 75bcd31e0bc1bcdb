"""Weights in fewer bits: bfloat16, and int8 with one scale for each unit and gate.

Only matrices are compressed: what multiplies x, what multiplies h, and a projection. Biases and
vectors stay float32, and so do all sums and states. Letters as in `glasscell.weights`; G rows of
the cell's gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import DtypeError, WeightFormatError

__all__ = [
    "COMPRESSED",
    "STORAGES",
    "StoredWeights",
    "compress",
    "expand",
    "from_bfloat16",
    "storage_of",
    "to_bfloat16",
    "to_int8",
]

COMPRESSED: dict[str, np.dtype[Any]] = {"bfloat16": np.dtype(np.uint16), "int8": np.dtype(np.int8)}
"""Name of each compressed storage to the NumPy dtype that carries it; bfloat16 goes as its bits."""

STORAGES = ("float32", *COMPRESSED)

_LARGEST = 127


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredWeights:
    """One layer in one direction, compressed: `glasscell.weights.LayerWeights` in fewer bits.

    Args:
        weight_ih: (G, I), uint16 (the bits of bfloat16) or int8.
        weight_hh: (G, P), of the same dtype; (0, H) of a cell without such a matrix.
        bias_ih: (G,) float32; None without biases.
        bias_hh: (G,) float32; None without biases.
        weight_hr: (P, H), of the same dtype; None without projection.
        scale: (G,) float32 for int8, else None: row k of the weights is scale[k] times row k of
            both matrices.
        scale_hr: (P,) float32 for int8 with projection, else None.
        vectors: Letter to (H,) float32 of a cell's parameters with one number a unit.
    """

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array | None = None
    bias_hh: Array | None = None
    weight_hr: Array | None = None
    scale: Array | None = None
    scale_hr: Array | None = None
    vectors: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        matrices = [self.weight_ih, self.weight_hh, self.weight_hr]
        kinds = {storage_of(a.dtype) for a in matrices if a is not None}
        if len(kinds) != 1 or not kinds <= set(COMPRESSED):
            raise DtypeError(
                "StoredWeights: expected matrices that are all uint16 (bfloat16) or all int8, got "
                f"{', '.join(sorted(kinds))}. Make them with glasscell.storage.compress."
            )
        wanted = self.storage == "int8", self.storage == "int8" and self.weight_hr is not None
        vectors = [self.bias_ih, self.bias_hh, self.scale, self.scale_hr, *self.vectors.values()]
        if any(a is not None and a.dtype != np.float32 for a in vectors) or wanted != (
            self.scale is not None,
            self.scale_hr is not None,
        ):
            raise DtypeError(
                f"StoredWeights: expected float32 biases and, for int8 alone, scales, for "
                f"{self.storage} got {[None if a is None else a.dtype.name for a in vectors]}."
            )

    @classmethod
    def named(cls, arrays: Mapping[str, Array], hidden_size: int) -> StoredWeights:
        """Build a layer from arrays by name without suffix, as `LayerWeights.named`."""
        known = {name for name in cls.__dataclass_fields__ if name != "vectors"}
        found = {name: array for name, array in arrays.items() if name in known}
        dtype = found["weight_ih"].dtype
        found.setdefault("weight_hh", np.empty((0, hidden_size), dtype))
        vectors = {name: array for name, array in arrays.items() if name not in known}
        return cls(**found, vectors=vectors)

    @property
    def storage(self) -> str:
        """The name of the storage: "bfloat16" or "int8"."""
        return storage_of(self.weight_ih.dtype)

    def arrays(self) -> dict[str, Array]:
        """Give the arrays that this layer has, by name without suffix."""
        found = {name: array for name, array in vars(self).items() if name != "vectors"}
        has = {name: array for name, array in found.items() if array is not None and len(array)}
        return has | dict(self.vectors)


def storage_of(dtype: npt.DTypeLike) -> str:
    """Name the storage that matrices of a dtype have: "bfloat16" for uint16, else its own name.

    >>> storage_of(np.uint16), storage_of(np.int8), storage_of(np.float32)
    ('bfloat16', 'int8', 'float32')
    """
    carried = {carrier: name for name, carrier in COMPRESSED.items()}
    return carried.get(np.dtype(dtype), np.dtype(dtype).name)


def to_bfloat16(a: Array) -> npt.NDArray[np.uint16]:
    """Round to bfloat16, the upper half of a float32: to nearest, ties to even.

    Args:
        a: float32, any shape.

    Returns:
        The 16 bits of each number. Infinity stays, NaN stays NaN, and what lies beyond the largest
        bfloat16 (3.39e38) rounds to infinity.

    Raises:
        DtypeError: `a` is not float32.

    >>> [hex(bits) for bits in to_bfloat16(np.array([1, 1.00390625, 1.01171875], np.float32))]
    ['0x3f80', '0x3f80', '0x3f82']
    """
    _require_float32("bfloat16", a)
    bits = np.ascontiguousarray(a).view(np.uint32)
    rounded = (bits + (np.uint32(0x7FFF) + (bits >> 16 & 1))) >> 16
    # Rounding could carry a NaN into infinity: its sign and upper bits stay, made quiet.
    return np.where(np.isnan(a), bits >> 16 | 0x40, rounded).astype(np.uint16)


def from_bfloat16(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Give the numbers whose bfloat16 bits these are, exactly, as float32.

    >>> from_bfloat16(np.array([0x3F80, 0xC000], np.uint16))
    array([ 1., -2.], dtype=float32)
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)


def to_int8(*matrices: Array) -> tuple[list[npt.NDArray[np.int8]], npt.NDArray[np.float32]]:
    """Round to int8 with one scale for each row of all matrices side by side.

    ::

        scale = max |row| / 127        q = round(row / scale), ties to even

    Args:
        matrices: float32, (rows, ·) each, with the same number of rows.

    Returns:
        The matrices as int8 from -127 to 127, and the scales (rows,); a row of zeros has scale 0.

    Raises:
        DtypeError: A matrix is not float32.
        WeightFormatError: A weight is NaN or infinite, which no scale can hold.

    >>> (q,), scale = to_int8(np.array([[254, -127, 0], [0, 0, 0]], np.float32))
    >>> q.tolist(), scale.tolist()
    ([[127, -64, 0], [0, 0, 0]], [2.0, 0.0])
    """
    for matrix in matrices:
        _require_float32("int8", matrix)
    # A matrix without columns has nothing to hold.
    largest = np.max([np.abs(matrix).max(axis=1, initial=0) for matrix in matrices], axis=0)
    if not np.isfinite(largest).all():
        raise WeightFormatError(
            "int8: expected finite weights, got NaN or infinity in row "
            f"{int(np.flatnonzero(~np.isfinite(largest))[0])}. Keep them as bfloat16, or mend them."
        )
    scale = (largest / np.float32(_LARGEST)).astype(np.float32)
    # In float64: a float32 quotient would round to ties (x.5) that the exact one does not have.
    by = np.where(scale > 0, scale, 1).astype(np.float64)[:, None]
    return [np.rint(matrix / by).astype(np.int8) for matrix in matrices], scale


def compress(w: Any, storage: str) -> StoredWeights:
    """Compress one layer in one direction.

    Args:
        w: `glasscell.weights.LayerWeights`, or anything with its arrays; all float32.
        storage: "bfloat16" or "int8".

    Returns:
        The compressed weights. For int8 a row of weight_ih and the same row of weight_hh, the
        weights of one unit and gate, share a scale.

    Raises:
        ValueError: Another storage.
        DtypeError: Weights other than float32.
        WeightFormatError: NaN or infinity under int8.
    """
    if storage not in COMPRESSED:
        raise ValueError(
            f"storage: expected one of {', '.join(COMPRESSED)} to compress to, got {storage!r}."
        )
    kept = {"bias_ih": w.bias_ih, "bias_hh": w.bias_hh, "vectors": getattr(w, "vectors", {})}
    if storage == "bfloat16":
        return StoredWeights(
            weight_ih=to_bfloat16(w.weight_ih),
            weight_hh=to_bfloat16(w.weight_hh),
            weight_hr=None if w.weight_hr is None else to_bfloat16(w.weight_hr),
            **kept,
        )
    present = [w.weight_ih, *([w.weight_hh] if len(w.weight_hh) else [])]
    (weight_ih, *others), scale = to_int8(*present)
    weight_hh = others[0] if others else np.empty(w.weight_hh.shape, np.int8)
    (weight_hr,), scale_hr = ((None,), None) if w.weight_hr is None else to_int8(w.weight_hr)
    return StoredWeights(
        weight_ih=weight_ih,
        weight_hh=weight_hh,
        weight_hr=weight_hr,
        scale=scale,
        scale_hr=scale_hr,
        **kept,
    )


def expand(w: StoredWeights) -> LayerWeights:
    """Give the float32 weights that compressed ones stand for: exact, but for int8 rounded once.

    Args:
        w: Compressed weights.

    Returns:
        float32 weights; the biases are those of `w`, not copies.
    """

    def matrix(stored: Array, scale: Array | None) -> Array:
        if scale is None:
            return from_bfloat16(stored)
        return stored.astype(np.float32) * scale[: len(stored), None]

    return LayerWeights(
        weight_ih=matrix(w.weight_ih, w.scale),
        weight_hh=matrix(w.weight_hh, w.scale),
        bias_ih=w.bias_ih,
        bias_hh=w.bias_hh,
        weight_hr=None if w.weight_hr is None else matrix(w.weight_hr, w.scale_hr),
        vectors=w.vectors,
    )


def _require_float32(storage: str, a: Array) -> None:
    if a.dtype != np.float32:
        raise DtypeError(
            f"{storage}: expected float32 weights, got {a.dtype}. "
            "Convert the model with .float() before it is saved."
        )
