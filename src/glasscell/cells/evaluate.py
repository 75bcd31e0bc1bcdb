"""Programs on arrays: NumPy by default, torch or anything else that has the functions.

The functions of the compiled core give the bits of the core; NumPy's own give any precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.operations import Operation

__all__ = ["NUMPY", "Functions", "evaluate"]

Functions = Mapping[str, Callable[..., Any]]
"""What each operation but "constant" is on arrays."""


def _sigmoid(a: Array) -> Array:
    # From the side on which the exponential cannot overflow.
    e = np.exp(-np.abs(a))
    result: Array = np.where(a < 0, e, 1) / (1 + e)
    return result


def _log_sigmoid(a: Array) -> Array:
    result: Array = np.minimum(a, 0) - np.log1p(np.exp(-np.abs(a)))
    return result


def _mean(*operands: Array) -> Array:
    """Add in the order of the core, see cpp/program-inl.h: 16 partial sums, then a tree."""
    units = operands[0].shape[-1]
    parts = np.zeros(
        (*np.broadcast_shapes(*(a.shape for a in operands))[:-1], 16), operands[0].dtype
    )
    for operand in operands:
        for first in range(0, units, 16):
            some = operand[..., first : first + 16]
            parts[..., : some.shape[-1]] += some
    for width in (8, 4, 2, 1):
        parts = parts[..., :width] + parts[..., width : 2 * width]
    total = parts / parts.dtype.type(units * len(operands))
    return np.broadcast_to(total, (*total.shape[:-1], units))


NUMPY: Functions = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": lambda a, b: np.where(a > b, a, b),
    "min": lambda a, b: np.where(a < b, a, b),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "exp": np.exp,
    "log_sigmoid": _log_sigmoid,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "where_positive": lambda a, b: np.where(a > 0, b, b.dtype.type(0)),
    "mean": _mean,
}
"""NumPy's own functions, in the precision of what they are given."""


def evaluate(
    operations: Sequence[Operation],
    inputs: Sequence[Any],
    functions: Functions = NUMPY,
    constant: Callable[[float, Any], Any] | None = None,
) -> list[Any]:
    """Run operations.

    Args:
        operations: Of a program, or of its derivative.
        inputs: An array for each input, (..., H), all of one dtype.
        functions: What the operations are; default NumPy's.
        constant: Makes an array of a number like an input; default NumPy's, of that dtype.

    Returns:
        The array of every value: the inputs, then what each operation gave.

    >>> from glasscell.cells import LSTM
    >>> step = LSTM().program
    >>> zeros = [np.zeros(1)] * step.inputs
    >>> values = evaluate(step.operations, zeros)
    >>> values[step.names["f"]], values[step.outputs[1]]
    (array([0.5]), array([0.]))
    """
    values = list(inputs)
    for operation in operations:
        if operation.value is not None:
            make = _numpy_constant if constant is None else constant
            values.append(make(operation.value, inputs[0]))
        else:
            operands = [values[operand] for operand in operation.operands]
            values.append(functions[operation.name](*operands))
    return values


def _numpy_constant(value: float, like: Array) -> Array:
    return np.full(like.shape, value, like.dtype)
