"""Turns the cells of a time column into time stamps or integers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from glasscell.errors import DataError

Array = np.ndarray[Any, Any]
_SLASHED = r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{2,4})"


def parse_times(cells: Array, name: str, where: Callable[[int], str]) -> Any:
    """Read a time column.

    Args:
        cells: (n,) text of each cell, None where empty.
        name: Name of the column, for messages.
        where: Row index to its place, e.g. "line 5".

    Returns:
        (n,) DatetimeIndex without zone (offsets are converted to UTC), or Index of int64.

    Raises:
        DataError: A cell is empty or no date, or day and month cannot be told apart.

    >>> parse_times(np.array(["1", "2"], object), "t", str)
    Index([1, 2], dtype='int64')
    """
    for i, cell in enumerate(cells):
        if cell is None or cell == "":
            raise DataError(f"time column {name!r}, {where(i)}: expected a time stamp, got nothing")
    text = pd.Series(cells, dtype=object)
    integers = _integers(text)
    if integers is not None:
        return integers
    slashed = text.str.extract(rf"^{_SLASHED}", expand=True)
    if slashed.notna().all(axis=None):
        return _day_or_month_first(text, name, where)
    for options in ({"format": "ISO8601"}, {}, {"format": "mixed"}):
        times = _to_datetime(text, **options)
        if not times.isna().any():
            return _plain(times)
    first = int(np.argmax(_to_datetime(text, format="mixed").isna()))
    raise DataError(
        f"time column {name!r}, {where(first)}: expected a date such as 2024-01-31 or "
        f"2024-01-31 13:05, got {str(cells[first])!r}"
    )


def utc(cells: Array) -> bool:
    """Tell whether the first cell carries an offset from UTC, as in 2024-01-31T13:05+01:00."""
    times = _to_datetime(pd.Series(cells[:1], dtype=object))
    return bool(len(times)) and times.dt.tz is not None


def _integers(text: Any) -> Any:
    numbers = pd.to_numeric(text, errors="coerce")
    if numbers.isna().any() or (numbers != np.floor(numbers)).any() or (abs(numbers) > 2**53).any():
        return None
    if text.str.fullmatch(r"(19|20)\d{6}").all():
        dates = _to_datetime(text, format="%Y%m%d")
        if not dates.isna().any():
            return _plain(dates)
    return pd.Index(numbers.to_numpy(np.int64))


def _to_datetime(text: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pd.Series(pd.to_datetime(text, errors="coerce", **options))
        except (ValueError, TypeError):
            return pd.Series(pd.to_datetime(text, errors="coerce", utc=True, **options))


def _plain(times: Any) -> Any:
    index = pd.DatetimeIndex(times)
    index = index.tz_convert("UTC").tz_localize(None) if index.tz is not None else index
    return index.as_unit("ns")


def _day_or_month_first(text: Any, name: str, where: Callable[[int], str]) -> Any:
    """Read 01/02/2024 in the one way that fits every row, or in the one with even steps."""
    readings = {
        first: _to_datetime(text, dayfirst=first == "day", format=_layout(text.iloc[0], first))
        for first in ("month", "day")
    }
    whole = {first: times for first, times in readings.items() if not times.isna().any()}
    if not whole:
        broken = min(
            (times for times in readings.values()), key=lambda times: int(times.isna().sum())
        )
        row = int(np.argmax(broken.isna()))
        raise DataError(
            f"time column {name!r}, {where(row)}: expected a date as in the first row "
            f"({text.iloc[0]}), got {str(text.iloc[row])!r}; write dates as 2024-01-31"
        )
    evenness = {first: _evenness(times) for first, times in whole.items()}
    best = max(evenness, key=lambda first: evenness[first])
    if (
        len(whole) == 2
        and evenness["day"] == evenness["month"]
        and not whole["day"].equals(whole["month"])
    ):
        raise DataError(
            f"time column {name!r}: in {text.iloc[0]!r} day and month cannot be told apart; "
            "write dates as 2024-01-31"
        )
    return _plain(whole[best])


def _layout(cell: str, first: str) -> str:
    parts = pd.Series([cell]).str.extract(rf"^{_SLASHED}", expand=True).iloc[0]
    mark = cell[len(parts[0])]
    year = "%Y" if len(parts[2]) == 4 else "%y"
    date = mark.join(["%m", "%d", year] if first == "month" else ["%d", "%m", year])
    rest = cell[len(mark.join(parts)) :]
    clock = {0: "", 1: "%H:%M", 2: "%H:%M:%S"}[min(rest.count(":"), 2)]
    return date + rest[: len(rest) - len(rest.lstrip())] + clock


def _evenness(times: Any) -> float:
    steps = np.diff(np.unique(times.to_numpy()))
    if not len(steps):
        return 0.0
    return float(np.unique(steps, return_counts=True)[1].max() / len(steps))
