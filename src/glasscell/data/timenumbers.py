"""Reads time columns of numbers: step numbers, years with fractions, packed dates, Unix seconds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.calendar import Times, dates_of, weeks_of
from glasscell.data.wording import time_text

_PACKED = {6: "%Y%m", 7: "%Y%j", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_UNIX = {
    10: ("s", "seconds"),
    13: ("ms", "milliseconds"),
    16: ("us", "microseconds"),
    19: ("ns", "nanoseconds"),
}
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_WEEK_WORDS = re.compile(r"week|wk|woche|semaine|semana|周", re.IGNORECASE)
_DATE_WORDS = re.compile(r"dat|fecha|day|tag\b|日期|时间|time", re.IGNORECASE)
_EXCEL_DAYS = (18000, 73050)
"""1949-04-12 to 2099-12-31: what a number must lie between to be a day of Excel."""
_EXACT = 2**53
"""Whole numbers above it are not all in float64."""


def read_time_numbers(text: Any, name: str) -> Times | None:
    """Read a column of numbers as times.

    Args:
        text: Series of text.
        name: The column's name, which tells Excel's day numbers from step numbers.

    Returns:
        The times, with a note on what the numbers were taken for unless they are plain steps; None
        if a cell is no number or the numbers are no times.

    >>> numbers = pd.Series(["1960", "1960.25"])
    >>> read_time_numbers(numbers, "time").index.strftime("%Y-%m").tolist()
    ['1960-01', '1960-04']
    """
    if not _NUMBER.fullmatch(text.iloc[0].replace(",", ".")):
        return None
    plain = text.str.replace(",", ".", regex=False)
    if not plain.str.fullmatch(_NUMBER.pattern).all():
        return None
    digits = plain.str.replace(r"\.0*$", "", regex=True)
    if digits.str.fullmatch(r"[-+]?\d+").all():
        return _whole(digits, name)
    return _year_and_month(plain) or _years(plain.astype(float)) or _excel(plain, name)


def seconds_since_1970(numbers: Any, form: str) -> Any:
    """Turn "excel" days, "unix" seconds or "unix-ms" into seconds since 1970.

    Day 25569 of Excel is 1970-01-01. Excel has a 1900-02-29, its day 60, that never was; counting
    from 1970 is right for all later days. Its days are rounded to the second, as it shows them.
    """
    if form == "excel":
        return np.rint((numbers - 25569) * 86400)
    return numbers / 1000 if form == "unix-ms" else numbers


def _excel_days(numbers: Any) -> Any:
    seconds = seconds_since_1970(numbers, "excel").to_numpy(np.int64)
    return pd.DatetimeIndex(seconds.astype("datetime64[s]"))


def _unix_times(digits: Any, unit: str) -> Any:
    """Turn whole numbers since 1970 into times in UTC without a zone."""
    return pd.DatetimeIndex(digits.astype(np.int64).to_numpy().astype(f"datetime64[{unit}]"))


def _read_as(index: Any, cell: Any, what: str, utc: bool = False) -> Times:
    return Times(index, utc, notes=(f"Times such as {cell} were read as {what}.",))


def _whole(digits: Any, name: str) -> Times | None:
    first, widths = digits.iloc[0], set(digits.str.len())
    if len(widths) == 1 and digits.str.fullmatch(r"(18|19|20)\d+").all():
        form = _PACKED.get(min(widths))
        # 202012 may be a month or a week; only the name of the column tells.
        index = None if form == "%Y%m" and _WEEK_WORDS.search(name) else _packed(digits, form)
        if index is not None:
            return _read_as(index, first, time_text(index[0]))
    index = _weeks(digits, name) if widths == {6} else None
    if index is not None:
        return _read_as(index, first, f"weeks: {time_text(index[0])}")
    if max(widths) in _UNIX and min(widths) >= max(widths) - 1:
        unit, words = _UNIX[max(widths)]
        index = _unix_times(digits, unit)
        if index.year.min() >= 1990 and index.year.max() <= 2100:
            return _read_as(index, first, f"{words} since 1970 (UTC): {time_text(index[0])}", True)
    if (abs(digits.astype(float)) > _EXACT).any():
        return None
    return _excel(digits, name) or Times(pd.Index(digits.astype(np.int64).to_numpy()))


def _weeks(digits: Any, name: str) -> Any:
    """Read 202053 as a week where the name or a number above 50 says so; else give None."""
    if not _WEEK_WORDS.search(name) and digits.str[4:].astype(int).max() < 51:
        return None
    times = weeks_of(digits.str[:4], digits.str[4:])
    return None if times.isna().any() else pd.DatetimeIndex(times)


def _packed(digits: Any, form: str | None) -> Any:
    """Read 20240131 and its like; None where a cell is no such date."""
    times = pd.to_datetime(digits, format=form, errors="coerce") if form else pd.Series([pd.NaT])
    return None if times.isna().any() else pd.DatetimeIndex(times)


def _years(numbers: Any) -> Times | None:
    """Read 1960.25 as the second quarter of 1960; the fractions say how many parts a year has."""
    if not numbers.between(1500, 2200).all():
        return None
    year, fraction = np.floor(numbers + 1e-6), numbers - np.floor(numbers + 1e-6)
    for parts, words in ((1, "a year each"), (2, "two a year"), (4, "four a year"), (12, "months")):
        # Rounded to two digits, a twelfth is off by at most 0.005 · 12; the middle of a month, as
        # in 1749.042, leaves the same rest in every row.
        place = fraction * parts
        rest = place - place.iloc[0]
        if (abs(rest - np.rint(rest)) < (0.1 if parts == 12 else 0.03)).all():
            month = 12 // parts * np.floor(place + 0.1).clip(0, parts - 1) + 1
            times = dates_of(year, month)
            if times.nunique() < numbers.nunique():
                continue
            index = pd.Index(year.to_numpy(np.int64)) if parts == 1 else pd.DatetimeIndex(times)
            cell = next((n for n in numbers if n != int(n)), numbers.iloc[0])
            return _read_as(index, f"{cell:g}", f"years with fractions: {words}")
    return None


def _year_and_month(plain: Any) -> Times | None:
    """Read 1871.01 … 1871.12 as months; a file that dropped a zero has 1871.1 for October."""
    parts = plain.str.extract(r"^([12]\d{3})\.(0[1-9]|1[0-2]?)$", expand=True)
    if parts.isna().any(axis=None):
        return None
    written = set(parts[1])
    if written <= {"1"} or len(written) < 3:
        return None
    if {"1", "10"} <= written or ("1" in written and "01" not in written):
        return None
    months = dates_of(parts[0].astype(int), parts[1].replace({"1": "10"}).astype(int))
    return _read_as(pd.DatetimeIndex(months), plain.iloc[0], "year.month")


def _excel(plain: Any, name: str) -> Times | None:
    numbers = plain.astype(float)
    if not numbers.between(*_EXCEL_DAYS).all() or not _DATE_WORDS.search(name):
        return None
    index = _excel_days(numbers)
    return _read_as(index, plain.iloc[0], f"Excel's days: {time_text(index[0])}")
