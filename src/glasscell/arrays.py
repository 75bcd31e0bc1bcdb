"""NumPy arrays of any dtype, and whole numbers checked before they index one."""

from __future__ import annotations

from operator import index
from typing import Any, TypeAlias

from numpy.typing import NDArray

from glasscell.errors import DtypeError

__all__ = ["Array", "at_least", "position", "whole"]

Array: TypeAlias = NDArray[Any]


def whole(value: Any, name: str) -> int:
    """Give a whole number of Python's or NumPy's as an int.

    Args:
        value: What came.
        name: Of the argument, for the message.

    Raises:
        DtypeError: It is no whole number.
    """
    try:
        return index(value)
    except TypeError:
        raise DtypeError(
            f"expected {name} as a whole number, got {value!r} of {type(value).__name__}; round it"
        ) from None


def at_least(value: Any, least: int, name: str) -> int:
    """Give a whole number that is large enough.

    Args:
        value: What came.
        least: Smallest that is allowed.
        name: Of the argument, for the message.

    Raises:
        DtypeError: It is no whole number.
        ValueError: It is below `least`.

    >>> at_least(3, 1, "columns")
    3
    """
    number = whole(value, name)
    if number < least:
        raise ValueError(f"expected {name} >= {least}, got {number}; leave it out for the default")
    return number


def position(value: Any, count: int, name: str, things: str = "steps") -> int:
    """Give the place that an index means, negative ones counted from the end.

    Args:
        value: What came.
        count: How many there are.
        name: Of the argument, for the message.
        things: What there are, in the plural.

    Returns:
        0 … count - 1.

    Raises:
        DtypeError: It is no whole number.
        IndexError: There is no such thing.

    >>> position(-1, 9, "step")
    8
    """
    number = whole(value, name)
    if not count:
        raise IndexError(
            f"expected {name} among the {things}, got a trace with no {things}; leave it out"
        )
    if not -count <= number < count:
        raise IndexError(
            f"expected {name} from {-count} to {count - 1} ({count} {things}), got {number}"
        )
    return number % count
