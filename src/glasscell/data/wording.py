"""English for lists, counts, times and numbers, as messages and notes write them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def few(names: Sequence[str], most: int = 5) -> str:
    """Write the first names of a list.

    >>> few(["a", "b", "c"], most=2)
    'a, b … (3 in all)'
    """
    more = f" … ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun.

    >>> count(1, "seed"), count(1200, "window"), count(2, "series", "series")
    ('1 seed', '1,200 windows', '2 series')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def was(number: int) -> str:
    """Give the verb for so many.

    >>> was(1), was(2)
    ('was', 'were')
    """
    return "was" if number == 1 else "were"


def share(part: int, whole: int, one: str, was: str = "", were: str = "", of: str = "") -> str:
    """Write how many of all, with the verb that fits if one is given.

    >>> share(1, 30, "row", "is", "are"), share(2, 1200, "row"), share(1, 1, "row", "has", "have")
    ('1 of 30 rows is', '2 of 1,200 rows', 'the only row has')
    >>> share(2, 12, "row", "is", "are", of="last")
    '2 of the last 12 rows are'
    """
    many = f"{part:,} of {f'the {of} ' if of else ''}{count(whole, one)}"
    these = f"the {of or 'only'} {one}" if whole == 1 else many
    return f"{these} {was if part == 1 else were}".rstrip()


def number(value: float) -> str:
    """Write a number with four digits, or a dash where there is none.

    >>> number(14.7812), number(123456.7), number(2e-9), number(float("nan"))
    ('14.78', '123,457', '2e-09', '–')
    """
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def time_text(time: Any) -> str:
    """Write a time, without the clock at midnight.

    >>> time_text("2024-01-31 00:00:00")
    '2024-01-31'
    """
    return str(time).removesuffix(" 00:00:00")
