"""What the engine is given, checked before the compiled core sees it.

Each function returns what the core takes, or raises with what was expected, what came, and what to
do. Letters as in `glasscell.engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DtypeError, ShapeError

if TYPE_CHECKING:
    from glasscell._core import LayerF32, LayerF64

__all__ = [
    "Inputs",
    "dtype_of",
    "incoming",
    "inputs",
    "like_rows",
    "masks_of",
    "rows",
    "states_shape",
    "target",
]


_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)


class Inputs(NamedTuple):
    """Checked arguments that forward and backward share."""

    x: Array  # (T, B, I) or packed (N, I), last axis contiguous
    h0: Array | None  # (B, P)
    c0: Array | None  # (B, H) or (B, S, H), see `states_shape`; None without such states
    lengths: Array | None  # (B,) int64
    reset: Array | None  # (T, B) uint8
    batch_sizes: Array | None  # (T,) int64
    reverse: bool
    B: int
    masks: Array | None = None  # (T or 1, B, M, H)


def dtype_of(layer: Any) -> np.dtype[Any]:
    """Give the dtype of packed weights."""
    return _F32 if type(layer).__name__.endswith("F32") else _F64


def states_shape(layer: Any, *lead: int) -> tuple[int, ...]:
    """Give the shape of the states after the hidden one: (..., H) of one, (..., S, H) of more."""
    count = layer.extra_states
    return (*lead, layer.hidden_size) if count == 1 else (*lead, count, layer.hidden_size)


def inputs(
    layer: LayerF32 | LayerF64,
    x: Array,
    h0: Array | None,
    c0: Array | None,
    lengths: Any = None,
    reset: Any = None,
    batch_sizes: Any = None,
    reverse: bool = False,
    masks: Array | None = None,
) -> Inputs:
    """Check x, the initial state and which steps run (`glasscell.engine.Order`).

    Raises:
        ShapeError: A rank, size or value that does not fit.
        DtypeError: Not an array, or not of the weights' dtype.
    """
    dtype = dtype_of(layer)
    packed = batch_sizes is not None
    _expect_array("x", x, dtype)
    if x.ndim != (2 if packed else 3) or x.shape[-1] != layer.input_size:
        raise ShapeError(
            f"x: expected {'packed (N, I)' if packed else '(T, B, I)'} with I={layer.input_size}, "
            f"got {x.shape}. Reshape it, or pack weights of that input size."
        )
    if packed:
        batch_sizes = _batch_sizes(batch_sizes, x.shape[0], lengths)
        T, B = len(batch_sizes), int(batch_sizes[0])
    else:
        T, B = x.shape[:2]
    return Inputs(
        _rows_contiguous(x),
        incoming("h0", h0, (B, layer.output_size), dtype),
        incoming("c0", c0, states_shape(layer, B), dtype) if layer.extra_states else None,
        None if lengths is None else _lengths(lengths, T, B),
        None if reset is None else _reset(reset, T, B),
        batch_sizes,
        reverse,
        B,
        masks_of(layer, masks, T, B),
    )


def masks_of(layer: Any, masks: Array | None, T: int, B: int) -> Array | None:
    """Check random masks, (T, B, M, H) or (1, B, M, H), and give them contiguous.

    Raises:
        ShapeError: Another shape.
        DtypeError: Not an array, or not of the weights' dtype.
    """
    if masks is None:
        return None
    _expect_array("masks", masks, dtype_of(layer))
    row = (B, layer.masks, layer.hidden_size)
    if layer.masks == 0 or masks.shape not in ((T, *row), (1, *row)):
        raise ShapeError(
            f"masks: expected {(T, *row)} or {(1, *row)}, one for each of the cell's "
            f"{layer.masks} masks, got {masks.shape}."
        )
    return _contiguous(masks)


def incoming(
    name: str, a: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array | None:
    """Check an array that may be absent, and give it contiguous."""
    if a is None:
        return None
    _expect_array(name, a, dtype)
    if a.shape != shape:
        raise ShapeError(f"{name}: expected {shape}, got {a.shape}. Give one row per sequence.")
    return _contiguous(a)


def like_rows(
    name: str, a: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Array | None:
    """Check an array with one row per step and sequence; only its last axis must be contiguous."""
    if a is None:
        return None
    _expect_array(name, a, dtype)
    if a.shape != shape:
        raise ShapeError(f"{name}: expected {shape}, as in the forward run, got {a.shape}.")
    return _rows_contiguous(a)


def target(name: str, out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Check the array to write into, or make one."""
    if out is None:
        return np.empty(shape, dtype)
    _expect_array(name, out, dtype)
    if out.shape != shape:
        raise ShapeError(f"{name}: expected {shape}, got {out.shape}.")
    if not out.flags.writeable or _rows_contiguous(out) is not out:
        raise ShapeError(
            f"{name}: expected a writeable, aligned array whose last axis is contiguous, got "
            f"strides {out.strides}. Leave it out, or give np.empty({shape}, '{dtype}')."
        )
    return out


def rows(name: str, a: Array, size: int, dtype: np.dtype[Any]) -> Array:
    """Check an array of any number of rows, and give it contiguous."""
    _expect_array(name, a, dtype)
    if a.ndim == 0 or a.shape[-1] != size:
        raise ShapeError(f"{name}: expected (..., {size}), got {a.shape}.")
    return _contiguous(a)


def _contiguous(a: Array) -> Array:
    # A view into bytes may be contiguous and still not aligned: the kernels must not see it.
    return np.ascontiguousarray(a) if a.flags.aligned else a.copy(order="C")


def _expect_array(name: str, a: Any, dtype: np.dtype[Any]) -> None:
    if not isinstance(a, np.ndarray):
        raise DtypeError(f"{name}: expected a NumPy array, got {type(a).__name__}.")
    if a.dtype != dtype:
        raise DtypeError(f"{name}: expected {dtype}, the weights' own, got {a.dtype}. Use astype.")


def _rows_contiguous(a: Array) -> Array:
    """Return `a`, copied only if its last axis is not contiguous or its numbers not aligned."""
    item = a.itemsize
    fits = a.shape[-1] <= 1 or a.strides[-1] == item
    if a.size == 0 or (fits and a.flags.aligned and not any(s % item for s in a.strides)):
        return a
    return a.copy(order="C")


def _integers(name: str, values: Any, shape: str) -> Array:
    a = np.asarray(values)
    if a.ndim != 1:
        raise ShapeError(f"{name}: expected {shape}, got {a.shape}.")
    # An empty list becomes an array of float64.
    if a.dtype.kind not in ("iu" if a.size else "iuf"):
        raise DtypeError(f"{name}: expected integers, got {a.dtype}. Use astype(np.int64).")
    return np.ascontiguousarray(a, np.int64)


def _lengths(lengths: Any, T: int, B: int) -> Array:
    n = _integers("lengths", lengths, f"({B},)")
    if n.shape != (B,) or (B and (n.min() < 0 or n.max() > T)):
        raise ShapeError(
            f"lengths: expected ({B},) with values from 0 to T={T}, got "
            f"{n.shape}: {n.tolist() if n.size <= 8 else '...'}."
        )
    return n


def _reset(reset: Any, T: int, B: int) -> Array:
    a = np.asarray(reset)
    if a.shape != (T, B):
        raise ShapeError(f"reset: expected ({T}, {B}), got {a.shape}.")
    if a.dtype != np.bool_:
        raise DtypeError(f"reset: expected bool, got {a.dtype}. Use reset.astype(bool).")
    return a.view(np.uint8)


def _batch_sizes(batch_sizes: Any, N: int, lengths: Any) -> Array:
    n = _integers("batch_sizes", batch_sizes, "(T,)")
    if lengths is not None:
        raise ShapeError(
            "lengths: expected None beside batch_sizes, which already say them. Leave one out."
        )
    if n.size == 0 or n[-1] < 1 or (np.diff(n) > 0).any() or int(n.sum()) != N:
        raise ShapeError(
            f"batch_sizes: expected (T,) positive, never growing, adding up to the {N} rows of x, "
            f"got {n.tolist() if n.size <= 8 else f'{n.size} values, sum {n.sum()}'}."
        )
    return n
