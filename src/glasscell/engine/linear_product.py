"""A linear layer, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell import _core
from glasscell.arrays import Array
from glasscell.engine import arguments
from glasscell.engine.results import PackedLinear
from glasscell.errors import DtypeError, ShapeError
from glasscell.threads import thread_limit

__all__ = ["linear", "pack_linear"]


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


def linear(
    packed: PackedLinear, x: Array, out: Array | None = None, threads: int | None = None
) -> Array:
    """Compute `y = x W^T + b` row by row.

    Args:
        packed: From `pack_linear`.
        x: (..., inputs) of the weights' dtype.
        out: (..., outputs) contiguous, to write into; default a new array.
        threads: At most so many; default `get_num_threads()`.

    Returns:
        (..., outputs). Each element is one chain of fused multiply-adds that starts at the bias: a
        row has the same bits alone and in any batch.

    Raises:
        ShapeError, DtypeError: As named, before anything runs.

    Example:
        >>> w = pack_linear(np.eye(2, dtype=np.float32) * 2, np.ones(2, np.float32))
        >>> linear(w, np.array([[1, 2]], np.float32))
        array([[3., 5.]], dtype=float32)
    """
    dtype = arguments.dtype_of(packed)
    x = arguments.rows("x", x, packed.inputs, dtype)
    y = arguments.target("out", out, (*x.shape[:-1], packed.outputs), dtype)
    if not y.flags.c_contiguous:
        raise ShapeError(f"out: expected a contiguous array, got strides {y.strides}.")
    limit = thread_limit(threads)
    if y.size:
        packed.run(x.reshape(-1, packed.inputs), y.reshape(-1, packed.outputs), limit)
    return y
