"""Knows the calendar: names of months, two-digit years, and dates and weeks from their parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_ELSEWHERE = (
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "jänner fevrier mrz avril mai juin juil aout setiembre okt november decembre",
    "januari februari mrt april mai juin juli augusti sept october november december",
)
_NUMBERED = [(i, month) for i, month in enumerate(MONTHS, 1)] + [
    (i, name) for names in _ELSEWHERE for i, name in enumerate(names.split(), 1)
]
LETTERS = r"[^\W\d_]{3,10}"
"""The name of a month as a pattern, and much else."""


@dataclass(frozen=True)
class Times:
    """The times of a column.

    Args:
        index: (n,) DatetimeIndex without zone, or Index of int64 for steps and years.
        utc: True if the index is in UTC, because the cells had offsets or count from 1970.
        day_first: Whether day or month stood first; None where that was no question.
        notes: What the reader took for granted, one sentence each.
    """

    index: Any
    utc: bool = False
    day_first: bool | None = None
    notes: tuple[str, ...] = ()


def dates_of(year: Any, month: Any, day: Any = 1) -> Any:
    """Put dates together, (n,) of numbers each; NaT where there is no such day.

    >>> dates_of(pd.Series([2023, 2024]), 2, 29).dt.strftime("%Y-%m-%d").tolist()
    [nan, '2024-02-29']
    """
    frame = pd.DataFrame({"year": year, "month": month, "day": day})
    return pd.to_datetime(frame, errors="coerce")


def weeks_of(year: Any, week: Any, day: Any = "1") -> Any:
    """Give a day of ISO weeks, (n,) text each, Monday if none is given; NaT for a week 53 too many.

    The year is that of the week's Thursday (ISO 8601): week 1 of 2020 starts on 2019-12-30.

    >>> weeks_of(pd.Series(["2020", "2021"]), "53").dt.strftime("%Y-%m-%d").tolist()
    ['2020-12-28', nan]
    """
    return pd.to_datetime(year + "-" + week + "-" + day, format="%G-%V-%u", errors="coerce")


def month_number(name: str) -> int:
    """Give 1 … 12 for the name of a month or its beginning, else 0.

    Names are English, German, French, Spanish, Italian, Portuguese, Dutch or Swedish.

    >>> month_number("Sept"), month_number("JAN"), month_number("März"), month_number("sum")
    (9, 1, 3, 0)
    """
    lower = name.lower().rstrip(".")
    numbers = {i for i, month in _NUMBERED if len(lower) >= 3 and month.startswith(lower)}
    return numbers.pop() if len(numbers) == 1 else 0


def this_century(years: Any) -> Any:
    """Complete two-digit years: history does not lie in the future, so 49 is 1949 and 05 is 2005.

    >>> this_century(pd.Series([99, 5, 1987])).tolist()
    [1999, 2005, 1987]
    """
    newest = pd.Timestamp.now().year + 1
    century = newest - newest % 100
    short = years < 100
    return years + short * np.where(years + century > newest, century - 100, century)
