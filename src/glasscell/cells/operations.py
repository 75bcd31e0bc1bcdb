"""The operations that the step of a cell may hold: their names, operands and derivatives.

Each rounds once, so a program of them has the same bits wherever it runs. What an operation is on
numbers is in the tables of those who run it: NumPy in `evaluate`, the core in cpp/program-inl.h,
torch in `glasscell.nn`, the browser in a page's script.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["ACTIVATIONS", "MOST_OPERANDS", "OPERATIONS", "Operation", "Rule"]

MOST_OPERANDS = 8
"""Operands of a `mean`, at most."""

ACTIVATIONS = ("sigmoid", "tanh", "exp", "log_sigmoid")
"""Operations that cost more than reading back what they gave. A mean does too, but is one number a
sequence in the place of H: kept, layer norm's would make the tape twice as long."""


class Operation(NamedTuple):
    """One operation of a program.

    Args:
        name: One of `OPERATIONS`.
        operands: Numbers of earlier values.
        value: Of a "constant", else None.
    """

    name: str
    operands: tuple[int, ...]
    value: float | None = None


class Rule(NamedTuple):
    """What is known of an operation.

    Args:
        operands: How many, least and most.
        meaning: In one phrase.
        derivative: From its operands, its result and the derivative of the loss by the result, all
            symbols, to those by the operands; None for zero.
    """

    operands: tuple[int, int]
    meaning: str
    derivative: Callable[..., tuple[Any, ...]]


def _mul(a: Any, b: Any, _: Any, d: Any) -> tuple[Any, Any]:
    return ((d + d) * a, None) if a is b else (d * b, d * a)


def _div(a: Any, b: Any, y: Any, d: Any) -> tuple[Any, Any]:
    if a.constant and a.value == 1.0:
        return None, -(d * y * y)  # where y is 1 / b, without a second division
    return d / b, -((d / b) * y)


def _max(a: Any, b: Any, y: Any, d: Any) -> tuple[Any, Any]:
    # Beside a number, which wants none, the result says who was larger. A tie of two gives it to b.
    if a.constant:
        return None, d.where_positive(y - a)
    to_a = d.where_positive(a - b)
    return to_a, d - to_a


def _min(a: Any, b: Any, y: Any, d: Any) -> tuple[Any, Any]:
    if a.constant:
        return None, d.where_positive(a - y)
    to_a = d.where_positive(b - a)
    return to_a, d - to_a


def _abs(x: Any, _: Any, d: Any) -> tuple[Any]:
    return (d.where_positive(x) - d.where_positive(-x),)


def _mean(*given: Any) -> tuple[Any, ...]:
    *operands, _, d = given  # what arrives is the same in every unit, see `derivative`
    each = d * (1 / len(operands)) if len(operands) > 1 else d
    return (each,) * len(operands)


OPERATIONS: dict[str, Rule] = {
    "constant": Rule((0, 0), "a number", lambda y, d: ()),
    "add": Rule((2, 2), "a + b", lambda a, b, y, d: (d, d)),
    "sub": Rule((2, 2), "a - b", lambda a, b, y, d: (d, -d)),
    "mul": Rule((2, 2), "a * b", _mul),
    "div": Rule((2, 2), "a / b", _div),
    "max": Rule((2, 2), "a where a > b, else b", _max),
    "min": Rule((2, 2), "a where a < b, else b", _min),
    "sigmoid": Rule((1, 1), "1 / (1 + exp(-a))", lambda a, y, d: (d * (y * (1 - y)),)),
    "tanh": Rule((1, 1), "tanh a", lambda a, y, d: (d * (1 - y * y),)),
    "exp": Rule((1, 1), "e to the a", lambda a, y, d: (d * y,)),
    "log_sigmoid": Rule((1, 1), "log(1 / (1 + exp(-a)))", lambda a, y, d: (d * (-a).sigmoid(),)),
    "sqrt": Rule((1, 1), "the square root of a", lambda a, y, d: (d / (y + y),)),
    "abs": Rule((1, 1), "|a|", _abs),
    "where_positive": Rule(
        (2, 2), "b where a > 0, else 0", lambda a, b, y, d: (None, d.where_positive(a))
    ),
    "mean": Rule((1, MOST_OPERANDS), "the mean over all units of all operands", _mean),
}
