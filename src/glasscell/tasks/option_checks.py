"""Checks options where they are made: types in words, whole numbers of any library, bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from glasscell.errors import DataError


def plain(options: Any) -> dict[str, Any]:
    """Give the fields of a dataclass as plain Python values of their annotated types.

    Args:
        options: The dataclass. What NumPy and pandas have for an integer, a number or a frequency
            is taken as such; a whole number stands for a name too, as columns may be numbered.

    Raises:
        DataError: A value is of another type.
    """
    hints = get_type_hints(type(options))
    return {
        field.name: _plain(flag(field.name), getattr(options, field.name), hints[field.name])
        for field in fields(options)
    }


def require_within(options: Any, bounds: Mapping[str, tuple[int, int]]) -> None:
    """Refuse numbers outside of their bounds, both included; None and words are within any.

    Raises:
        DataError: There is such a number.
    """
    for name, (least, most) in bounds.items():
        value = getattr(options, name)
        if isinstance(value, str):
            continue
        if value is not None and value < least:
            raise DataError(f"{flag(name)}: expected at least {least}, got {value}")
        if value is not None and value > most:
            raise DataError(f"{flag(name)}: expected at most {most:,}, got {value:,}")


def flag(name: str) -> str:
    """Write a field as its flag.

    >>> flag("hidden_size")
    '--hidden-size'
    """
    return f"--{name.replace('_', '-')}"


def _plain(name: str, value: Any, hint: Any) -> Any:
    # Python 3.11 writes `Literal | None` as a Union of typing, `str | None` as a UnionType.
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    for kind in kinds:
        plain = _read(value, kind)
        if plain is not None or (value is None and kind is NoneType):
            return plain
    wanted = " or ".join(_words(kind) for kind in kinds if kind is not NoneType)
    nothing = " or None" if NoneType in kinds else ""
    raise DataError(f"{name}: expected {wanted}{nothing}, got {value!r} ({type(value).__name__})")


def _read(value: Any, kind: Any) -> Any:
    """Give the value as the plain type, None where it is none."""
    switch = isinstance(value, bool | np.bool_)
    if kind is bool:
        return bool(value) if switch else None
    if kind is int:
        return int(value) if isinstance(value, Integral) and not switch else None
    if kind is float:
        return float(value) if isinstance(value, Real) and not switch else None
    if kind is str:
        value = getattr(value, "freqstr", value)
        whole = isinstance(value, Integral) and not switch
        return str(value) if whole or isinstance(value, str) else None
    if get_origin(kind) is Literal:
        return value if isinstance(value, str) and value in get_args(kind) else None
    if get_origin(kind) is list and isinstance(value, list | tuple):
        entries = [_read(entry, get_args(kind)[0]) for entry in value]
        return None if None in entries else entries
    return None


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    if get_origin(kind) is list:
        return "a list of names"
    known = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
    return known.get(kind, str(kind))
