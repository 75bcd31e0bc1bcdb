"""Arrays small enough to draw: fewer columns without losing a spike, fewer bytes without NaN.

None of this measures anything: it is what is left of an array where pixels or bytes are few.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.arrays import Array

__all__ = ["encode", "magnitude", "pool"]


_LEVELS = {"i16": (np.int16, 32767, -32768), "u8": (np.uint8, 254, 255)}


def pool(values: Array, size: int) -> Array:
    """Give every `size` columns one: of their values the one farthest from the row's median.

    A unit that is at rest near 1 then shows the one step at which it fell to 0, as one at rest
    near 0 shows the step at which it rose; a mean would show neither.

    Args:
        values: (rows, T).
        size: Steps per column, >= 1.

    Returns:
        (rows, ceil(T / size)) float32; NaN only where all of a column's values are.

    >>> pool(np.array([[0.0, 0.0, 9.0, 0.0, -1.0]]), 2)
    array([[ 0.,  9., -1.]], dtype=float32)
    """
    rows, steps = values.shape
    columns = -(-steps // size)
    blocks = np.full((rows, columns * size), np.nan, np.float32)
    blocks[:, :steps] = values
    blocks = blocks.reshape(rows, columns, size)
    if size == 1:
        return blocks[..., 0]
    away = np.abs(blocks - _medians(values)[:, None, None])
    best = np.where(np.isnan(away), -1.0, away).argmax(axis=-1)[..., None]
    picked: Array = np.take_along_axis(blocks, best, axis=-1)[..., 0]
    return picked


def magnitude(values: Array, q: float = 1.0) -> float:
    """Give the q-quantile of the finite |values|, at which a colour map ends; 0 where none is.

    >>> magnitude(np.array([-3.0, 1.0, np.nan]))
    3.0
    """
    finite = np.abs(values[np.isfinite(values)])
    return float(np.quantile(finite, q)) if finite.size else 0.0


def encode(values: Array, kind: str) -> tuple[bytes, dict[str, Any]]:
    r"""Quantise a matrix row by row.

    Args:
        values: (rows, columns); one axis counts as one row, more are joined.
        kind: "f32" (nothing lost), "i16" (steps of 1/65534 of the row's range), "u8" (1/254).

    Returns:
        Little-endian bytes, and the array's entry for the page: type, shape, scale, offset.

    Notes:
        NaN has a level of its own in each type; infinity becomes NaN except in f32.

    >>> encode(np.array([[0.0, 1.0, np.nan]]), "u8")[0]
    b'\x00\xfe\xff'
    """
    entry: dict[str, Any] = {"type": kind, "shape": list(values.shape)}
    if kind == "f32":
        return np.ascontiguousarray(values, "<f4").tobytes(), entry
    dtype, top, missing = _LEVELS[kind]
    rows = np.asarray(values, np.float64).reshape(values.shape[0] if values.ndim > 1 else 1, -1)
    rows = np.where(np.isfinite(rows), rows, np.nan)
    low, high = _bounds(rows)
    start = (low + high) / 2 if kind == "i16" else low
    span = (high - low) / (2 * top if kind == "i16" else top)
    scale = np.where(span > 0, span, 1.0)
    levels = np.round((rows - start[:, None]) / scale[:, None])
    levels = np.where(np.isnan(levels), missing, levels).astype(np.dtype(dtype).newbyteorder("<"))
    entry |= {"scale": _numbers(scale), "offset": _numbers(start)}
    return levels.tobytes(), entry


def _medians(values: Array) -> Array:
    """(rows,) median of what is finite, 0 where nothing is; of at most 4096 columns."""
    some = np.asarray(values[:, :: max(1, values.shape[1] // 4096)], np.float64)
    some = np.sort(np.where(np.isfinite(some), some, np.inf), axis=1)
    count = np.isfinite(some).sum(axis=1)
    middle = some[np.arange(len(some)), np.maximum(count - 1, 0) // 2]
    return np.where(count > 0, middle, 0.0)


def _bounds(rows: Array) -> tuple[Array, Array]:
    empty = ~np.isfinite(rows).any(axis=1)
    low = np.where(np.isnan(rows), np.inf, rows).min(axis=1, initial=np.inf)
    high = np.where(np.isnan(rows), -np.inf, rows).max(axis=1, initial=-np.inf)
    return np.where(empty, 0.0, low), np.where(empty, 0.0, high)


def _numbers(values: Array) -> list[float]:
    return [float(f"{value:.9g}") for value in values]
