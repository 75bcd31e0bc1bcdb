"""Reads time columns of numbers: step numbers, years with fractions, packed dates, Unix seconds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.wording import time_text

_PACKED = {6: "%Y%m", 7: "%Y%j", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_UNIX = {10: "s", 13: "ms", 16: "us", 19: "ns"}
_UNIX_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_WEEK_WORDS = re.compile(r"week|wk|woche|semaine|semana|周", re.IGNORECASE)
_DATE_WORDS = re.compile(r"dat|fecha|day|tag\b|日期|时间|time", re.IGNORECASE)


def read_time_numbers(text: Any, name: str) -> tuple[Any, str, bool] | None:
    """Read a column of numbers as times.

    Args:
        text: Series of text.
        name: The column's name, which tells Excel's day numbers from step numbers.

    Returns:
        The times (DatetimeIndex, or Index of int64 for steps and years), a sentence on what the
        numbers were taken for ("" for plain steps), and whether they are in UTC. None if a cell is
        no number or the numbers are no times.

    >>> read_time_numbers(pd.Series(["1960", "1960.25"]), "time")[0].strftime("%Y-%m").tolist()
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


def excel_days(numbers: Any) -> Any:
    """Turn Excel's day numbers, of which 25569 is 1970-01-01, into times to the second."""
    seconds = np.rint((numbers.to_numpy(float) - 25569) * 86400).astype(np.int64)
    return pd.DatetimeIndex(seconds.astype("datetime64[s]"))


def unix_times(digits: Any, unit: str) -> Any:
    """Turn whole numbers since 1970 into times in UTC without a zone."""
    return pd.DatetimeIndex(digits.astype(np.int64).to_numpy().astype(f"datetime64[{unit}]"))


def _whole(digits: Any, name: str) -> tuple[Any, str, bool] | None:
    widths = set(digits.str.len())
    if len(widths) == 1 and digits.str.fullmatch(r"(18|19|20)\d+").all():
        form = _PACKED.get(next(iter(widths)))
        form = None if form == "%Y%m" and _WEEK_WORDS.search(name) else form
        times = _packed(digits, form) if form else None
        if times is not None:
            return (
                times,
                f"Times such as {digits.iloc[0]} were read as {time_text(times[0])}.",
                False,
            )
    weeks = _weeks(digits, name) if widths == {6} else None
    if weeks is not None:
        return (
            weeks,
            f"Times such as {digits.iloc[0]} were read as weeks: {time_text(weeks[0])}.",
            False,
        )
    if max(widths) in _UNIX and min(widths) >= max(widths) - 1:
        unit = _UNIX[max(widths)]
        years = unix_times(digits, unit).year
        if years.min() >= 1990 and years.max() <= 2100:
            note = (
                f"Times such as {digits.iloc[0]} were read as {_UNIX_NAMES[unit]} since 1970 "
                f"(UTC): {time_text(unix_times(digits[:1], unit)[0])}."
            )
            return unix_times(digits, unit), note, True
    numbers = digits.astype(float)
    if (abs(numbers) > 2**53).any():
        return None
    return _excel(digits, name) or (pd.Index(digits.astype(np.int64).to_numpy()), "", False)


def _weeks(digits: Any, name: str) -> Any:
    """Read 202053 as a week where the name or a number above 50 says so; else give None."""
    number = digits.str[4:].astype(int)
    if not _WEEK_WORDS.search(name) and number.max() < 51:
        return None
    days = digits.str[:4] + "-" + digits.str[4:] + "-1"
    times = pd.to_datetime(days, format="%G-%V-%u", errors="coerce")
    return None if times.isna().any() else pd.DatetimeIndex(times)


def _packed(digits: Any, form: str) -> Any:
    """Read 20240131 and its like; None where a cell is no such date."""
    if form == "%Y%m":
        digits, form = digits + "01", "%Y%m%d"
    times = pd.to_datetime(digits, format=form, errors="coerce")
    return None if times.isna().any() else pd.DatetimeIndex(times)


def _years(numbers: Any) -> tuple[Any, str, bool] | None:
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
            frame = pd.DataFrame({"year": year, "month": month, "day": 1})
            if len(frame.drop_duplicates()) < numbers.nunique():
                continue
            if parts == 1:
                return pd.Index(year.to_numpy(np.int64)), _said(numbers, words), False
            return pd.DatetimeIndex(pd.to_datetime(frame)), _said(numbers, words), False
    return None


def _said(numbers: Any, words: str) -> str:
    cell = next((n for n in numbers if n != int(n)), numbers.iloc[0])
    return f"Times such as {cell:g} were read as years with fractions: {words}."


def _year_and_month(plain: Any) -> tuple[Any, str, bool] | None:
    """Read 1871.01 … 1871.12 as months; a file that dropped a zero has 1871.1 for October."""
    parts = plain.str.extract(r"^([12]\d{3})\.(0[1-9]|1[0-2]?)$", expand=True)
    if parts.isna().any(axis=None) or set(parts[1]) <= {"1"} or len(set(parts[1])) < 3:
        return None
    if {"1", "10"} <= set(parts[1]) or ("1" in set(parts[1]) and "01" not in set(parts[1])):
        return None
    month = parts[1].replace({"1": "10"}).astype(int)
    frame = pd.DataFrame({"year": parts[0].astype(int), "month": month, "day": 1})
    note = f"Times such as {plain.iloc[0]} were read as year.month."
    return pd.DatetimeIndex(pd.to_datetime(frame)), note, False


def _excel(plain: Any, name: str) -> tuple[Any, str, bool] | None:
    numbers = plain.astype(float)
    if not numbers.between(18000, 73050).all() or not _DATE_WORDS.search(name):
        return None
    times = excel_days(numbers)
    note = f"Times such as {plain.iloc[0]} were read as Excel's days: {time_text(times[0])}."
    return times, note, False
