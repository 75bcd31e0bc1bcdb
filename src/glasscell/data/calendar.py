"""Knows the calendar: months by name, dates and weeks from their parts, and codes of periods.

Statistical offices name quarters, months, weeks and half-years by codes: 1990-Q1, 2020W53, 1990M07.
"""

from __future__ import annotations

import re
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
_Y, _YY, _NAME = r"(?P<y>[12]\d{3})", r"(?P<y>[12]\d{3}|\d{2})", rf"(?P<n>{LETTERS})\.?"
_GAP, _OF = r"\s*[-/:.,']?\s*", r"[\s\-/.,'’]*"
_CHINESE = {"一": "1", "二": "2", "三": "3", "四": "4"}
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_Y}{_GAP}(?:Q|K|T|Qtr\.?|quarter)\s*0?(?P<q>[1-4])",
        rf"{_Y}{_GAP}(?P<q>[1-4])\s*Q",
        rf"(?:Q|T|Qtr\.?|quarter)\s*0?(?P<q>[1-4]){_OF}{_YY}",
        rf"(?P<q>[1-4])\s*[QT]{_OF}{_YY}",
        rf"(?P<q>[1-4])(?:st|nd|rd|th) quarter(?: of)?,? {_Y}",
        rf"{_Y}\s*年\s*第?\s*(?P<q>[1-4一二三四])\s*季度?",
        rf"{_Y}{_GAP}[SHB]\s*0?(?P<h>[12])",
        rf"[SH]\s*0?(?P<h>[12]){_OF}{_Y}",
        rf"{_Y}{_GAP}MM?\s*(?P<m>\d{{1,2}})",
        rf"M\s*(?P<m>\d{{1,2}}){_OF}{_Y}",
        rf"{_Y}\s*[-/]\s*(?P<m>\d{{1,2}})",
        rf"(?P<m>\d{{1,2}})\s*[-/.]\s*{_Y}",
        rf"{_Y}\s*年\s*(?P<m>\d{{1,2}})\s*月份?",
        rf"{_NAME}{_OF}{_YY}",
        rf"{_Y}{_OF}{_NAME}",
        rf"{_Y}{_GAP}(?:W|KW|wk|week)\s*(?P<w>\d{{1,2}})(?:-(?P<d>[1-7]))?",
        rf"(?:W|KW|wk|week)\s*(?P<w>\d{{1,2}}){_OF}{_Y}",
        rf"{_Y}\s*年\s*第?\s*(?P<w>\d{{1,2}})\s*周",
        rf"{_Y}-?(?P<j>[0-3]\d{{2}})",
        rf"{_Y}\s*年",
    )
)


@dataclass(frozen=True)
class Times:
    """The times of a column.

    Args:
        index: (n,) DatetimeIndex without zone, or Index of int64 for steps and years.
        utc: True if the index is in UTC, because the cells had offsets or count from 1970.
        day_first: Whether day or month stood first; None where that was no question.
        notes: What the reader took for granted, one sentence each.
        zone: The time zone that the data are from, such as Europe/Berlin; None: not known.
    """

    index: Any
    utc: bool = False
    day_first: bool | None = None
    notes: tuple[str, ...] = ()
    zone: str | None = None


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
    days = pd.to_datetime(year + "-" + week + "-" + day, format="%G-%V-%u", errors="coerce")
    # pandas before 3 takes a week 53 too many for the first of the next year.
    wanted = int(week) if isinstance(week, str) else pd.to_numeric(week, errors="coerce")
    return days.where(days.dt.isocalendar().week == wanted)


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


def read_periods(text: Any) -> Any:
    """Read period codes as the time at which each period starts.

    Args:
        text: Series of text, one code a row, all of one form.

    Returns:
        Series of time stamps, NaT where a row is not of the form of the first; None where the first
        is no period code.

    >>> read_periods(pd.Series(["1990 Q1", "1990 Q2"])).dt.strftime("%Y-%m-%d").tolist()
    ['1990-01-01', '1990-04-01']
    >>> read_periods(pd.Series(["Jan-90", "2020"])).isna().tolist()
    [False, True]
    """
    text = _colons(text)
    for form in _FORMS:
        if form.fullmatch(text.iloc[0]):
            parts = text.str.extract(rf"^(?:{form.pattern})$", flags=re.IGNORECASE, expand=True)
            return _start(parts)
    return None


def financial_years(text: Any) -> Any:
    """Read 2019-20 or 2019/20 as 2019 where every row names two years in a row, else give None."""
    form = r"^([12]\d{3})\s*[-/–]\s*(\d{2}|[12]\d{3})$"
    if len(text) < 3 or not re.match(form, text.iloc[0]):
        return None
    parts = text.str.extract(form, expand=True)
    if parts.isna().any(axis=None):
        return None
    first, second = parts[0].astype(int), parts[1].astype(int)
    follows = (first + 1) % 100 == second % 100
    return pd.Index(first.to_numpy(np.int64)) if follows.all() else None


def first_of_ranges(text: Any) -> Any:
    """Keep the start of 2020-01-06/2020-01-12 and of 1.1.2020 00:00 - 1.1.2020 01:00."""
    for form in (
        r"^([12]\d{3}-\d\d-\d\d)/[12]\d{3}-\d\d-\d\d$",
        r"^(\d.*\d:\d\d)\s+[-–]\s+\d.*\d:\d\d$",
    ):
        if not re.match(form, text.iloc[0]):
            continue
        starts = text.str.extract(form, expand=False)
        if not starts.isna().any():
            return starts
    return text


def years_before_months(text: Any) -> Any:
    """Read 20-Jan as January 2020 where the rows are months one after the other, else give None.

    A spreadsheet writes both January 2020 and the twentieth of January so; only months that follow
    each other over more than a year cannot be days of one.
    """
    form = rf"^(\d{{2}})[\s-]({LETTERS})$"
    if len(text) < 13 or not re.match(form, text.iloc[0]):
        return None
    parts = text.str.extract(form, expand=True)
    if parts.isna().any(axis=None):
        return None
    month = parts[1].map(month_number)
    number = this_century(parts[0].astype(int)) * 12 + month
    steps = np.unique(np.diff(number.to_numpy()))
    if (month == 0).any() or len(steps) != 1 or abs(steps[0]) not in (1, 3):
        return None
    return dates_of((number - 1) // 12, month)


def _colons(text: Any) -> Any:
    """Write 1990:1 and 1990-1 as a quarter or a month, which only the whole column tells.

    KW is the week of the Germans and the quarter of the Dutch.
    """
    form = r"^([12]\d{3})(?::|[-/](?=\d$)|KW(?=0))(\d{1,2})$"
    if not re.match(form, text.iloc[0]):
        return text
    parts = text.str.extract(form, expand=True)
    if parts.isna().any(axis=None):
        return text
    quarters = len(text) > 4 and set(parts[1].astype(int)) == {1, 2, 3, 4}
    if "K" in text.iloc[0] and not quarters:
        return text
    return parts[0] + ("Q" if quarters else "M") + parts[1].str.lstrip("0")


def _in_digits(part: Any) -> Any:
    return _CHINESE.get(part, part)


def _days(parts: Any) -> Any:
    """Give the days of weeks, Monday where none is written."""
    return pd.Series(np.where(parts.isna(), "1", parts), parts.index, dtype=object)


def _start(parts: Any) -> Any:
    years = this_century(pd.to_numeric(parts["y"], errors="coerce"))
    numbers = {
        kind: pd.to_numeric(parts[kind].map(_in_digits), errors="coerce")
        for kind in parts
        if kind not in "yn"
    }
    text = years.astype("Int64").astype("string")
    if "w" in numbers:
        return weeks_of(text, parts["w"], _days(parts["d"]) if "d" in parts else "1")
    if "j" in numbers:
        return pd.to_datetime(text + parts["j"], format="%Y%j", errors="coerce")
    if "n" in parts:
        month = parts["n"].map(month_number, na_action="ignore")
        month = month.where(month > 0)
    elif "q" in numbers:
        month = 3 * numbers["q"] - 2
    elif "h" in numbers:
        month = 6 * numbers["h"] - 5
    else:
        month = numbers.get("m", pd.Series(1, index=years.index))
    return dates_of(years, month)
