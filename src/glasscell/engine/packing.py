"""Pack weights for the kernels, and tell whether they have changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glasscell import _core
from glasscell.arrays import Array
from glasscell.cells import CELLS, Cell, of
from glasscell.cells.compact import COMPRESSED, StoredWeights, compress
from glasscell.cells.parameters import LayerWeights
from glasscell.engine import arguments
from glasscell.engine.compiled import kernel_of
from glasscell.engine.results import PackedLayer, PackedLinear, Weights
from glasscell.errors import DtypeError, ShapeError

__all__ = [
    "PackedWeights",
    "matches",
    "pack",
    "pack_linear",
    "packed_of",
    "require_uncompressed",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedWeights(LayerWeights):
    """A layer's weights together with their packed form, so that nothing packs them again.

    Args:
        packed: Of these very weights.
    """

    packed: PackedLayer


def _five(w: Weights, *, reads_h: bool = True) -> list[Array | None]:
    of_h = (w.weight_hh, w.bias_hh) if reads_h else (None, None)
    arrays = (w.weight_ih, of_h[0], w.bias_ih, of_h[1], w.weight_hr)
    return [None if a is None else np.ascontiguousarray(a) for a in arrays]


def _stacked(w: Any, names: Sequence[str]) -> Array | None:
    """Give the vectors of a cell, (V, H) in the order of its program."""
    return np.stack([w.vectors[name] for name in names]) if names else None


def pack(mode: str | Cell, w: Weights | StoredWeights, storage: str | None = None) -> PackedLayer:
    """Pack one layer's weights into the panels that the kernels read.

    Args:
        mode: "LSTM", "RNN_TANH", "RNN_RELU" or "GRU"; or any cell: one that has no kernel of its
            own runs as the program of its step.
        w: Matrices as torch lays them out: weight_ih (G, I), weight_hh (G, P), bias_ih and bias_hh
            (G,) or None, weight_hr (P, H) or None; G = 4H (gate order i f g o), 3H (r z n) or H.
            Of other cells G is H for each gate, weight_hh and bias_hh are left out of account if
            the step never reads R h, and `vectors` maps letters to (H,). Or compressed already,
            from `glasscell.storage.compress` or a folder.
        storage: "bfloat16" or "int8" to compress the matrices; default: as they are.

    Returns:
        An immutable packed layer that any number of threads may run. A compressed one has float32
        input, states, sums and output; it runs forward only.

    Raises:
        ValueError: An unknown mode or storage.
        DtypeError: Not all float32 or all float64; not float32 where they are to be compressed.
        ShapeError: Sizes that do not fit together.
        WeightFormatError: NaN or infinity under int8.

    Notes:
        Costs one pass over the weights; keeps a plain copy beside the panels, for `matches` and for
        the panels of the backward pass, which are made when first needed. Compressed layers keep
        the panels alone. A sum is one chain of fused multiply-adds in float32 whatever the storage:
        for bfloat16 it gives the bits of a float32 layer with the rounded weights; for int8 it runs
        over whole numbers from 0 and ends in `bias + scale * sum`, rounded once.
    """
    if isinstance(mode, str) and mode not in CELLS:
        raise ValueError(f"pack: expected a cell or mode {', '.join(CELLS)}, got {mode!r}.")
    cell = of(mode)
    kernel = mode if isinstance(mode, str) else kernel_of(cell)
    own: dict[str, Any] = {}
    if not isinstance(kernel, str):
        own = {"cell": kernel, "vectors": _stacked(w, cell.program.vectors)}
    if storage is not None:
        w = compress(w, storage)
    compressed = isinstance(w, StoredWeights)
    scales = (w.scale, w.scale_hr) if isinstance(w, StoredWeights) else ()
    reads_h = any(one.reads != "x" for one in cell.program.sums)
    arrays = [
        *_five(w, reads_h=reads_h),
        *(None if a is None else np.ascontiguousarray(a) for a in scales),
    ]
    dtypes = {a.dtype for a in [*arrays, own.get("vectors")] if a is not None}
    if compressed or dtypes == {np.dtype(np.float32)}:
        make: Any = _core.LayerF32
    elif dtypes == {np.dtype(np.float64)}:
        make = _core.LayerF64
    else:
        raise DtypeError(
            "pack: expected weights that are all float32 or all float64, got "
            f"{', '.join(sorted(str(d) for d in dtypes))}. Convert them to one of the two."
        )
    try:
        packed: PackedLayer = make(kernel if isinstance(kernel, str) else "PROGRAM", *arrays, **own)
    except ValueError as error:
        shapes = [None if a is None else a.shape for a in arrays]
        raise ShapeError(
            "pack: expected weight_ih (G, I), weight_hh (G, P), biases (G,), weight_hr (P, H), got "
            f"{shapes} for {cell.name} ({error})."
        ) from None
    return packed


def packed_of(mode: str | Cell, w: LayerWeights) -> PackedLayer:
    """Give the packed layer that comes with the weights, else pack them."""
    return w.packed if isinstance(w, PackedWeights) else pack(mode, w)


def pack_linear(weight: Array, bias: Array | None = None) -> PackedLinear:
    """Pack `y = x W^T + b`.

    Args:
        weight: (outputs, inputs), float32 or float64.
        bias: (outputs,) of the same dtype, or None.

    Returns:
        An immutable packed matrix for `linear`.

    Raises:
        DtypeError: Another dtype, or two different ones.
        ShapeError: Sizes that do not fit together.
    """
    if (
        weight.ndim != 2
        or 0 in weight.shape
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        raise ShapeError(
            "pack_linear: expected weight (outputs, inputs) and bias (outputs,), got "
            f"{weight.shape} and {None if bias is None else bias.shape}."
        )
    dtypes = {weight.dtype} | ({bias.dtype} if bias is not None else set())
    if dtypes == {np.dtype(np.float32)}:
        make: Any = _core.LinearF32
    elif dtypes == {np.dtype(np.float64)}:
        make = _core.LinearF64
    else:
        raise DtypeError(
            "pack_linear: expected weight and bias all float32 or all float64, got "
            f"{', '.join(sorted(str(d) for d in dtypes))}."
        )
    packed: PackedLinear = make(
        np.ascontiguousarray(weight), None if bias is None else np.ascontiguousarray(bias)
    )
    return packed


def matches(layer: PackedLayer, w: Weights) -> bool:
    """Tell whether `w` still holds, bit for bit, the numbers that `layer` was packed from.

    Notes:
        One pass over the memory of `w`, compared by a fingerprint; sees edits of any kind, those
        that leave no trace elsewhere included. A compressed layer has none to compare.

    Raises:
        DtypeError: The layer is compressed.
    """
    require_uncompressed("matches", layer)
    try:
        arrays: Any = [*_five(w, reads_h=layer.reads_h), _stacked(w, layer.vectors)]
    except (KeyError, ValueError):  # other vectors than those that were packed
        return False
    if any(a is not None and a.dtype != arguments.dtype_of(layer) for a in arrays):
        return False
    try:
        same: bool = layer.matches(*arrays)
    except ValueError:  # other shapes than those that were packed
        return False
    return same


def require_uncompressed(name: str, layer: PackedLayer) -> None:
    """Refuse a compressed layer.

    Raises:
        DtypeError: It is one.
    """
    if layer.storage in COMPRESSED:
        raise DtypeError(
            f"{name}: expected a layer packed from float32 or float64 weights, got one stored as "
            f"{layer.storage}, which only runs forward. Pack the weights without a storage."
        )
