"""Reads dates and clocks written out, and decides for a column as a whole what 1/2/2024 means.

docs/decisions/dates.md gives the rule for day and month, and why.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.calendar import LETTERS, dates_of, month_number, this_century
from glasscell.data.frequency import Frequency, check_frequency, grid, on_grid
from glasscell.data.read_options import ReadOptions
from glasscell.errors import DataError

CLEARLY = 2.0
"""How many times fewer gaps one reading of day and month must leave than the other."""
_CLOCK = (
    r"(?:(?:T|\s|,|:)\s*(?P<ap0>am|pm|上午|下午)?\s*(?P<h>\d{1,2})(?:[:h时点.]?(?P<mi>\d{2}))?"
    r"分?(?:[:.]?(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?秒?\s*(?P<ap>am|pm)?"
    r"\s*(?P<z>Z|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?|UTC|GMT)?)?"
)
HALVES = {"am": "am", "上午": "am", "pm": "pm", "下午": "pm"}
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_NUMERIC = re.compile(rf"^{_WEEKDAY}(\d{{1,4}})\s*[-/.\s]\s*(\d{{1,2}})\s*[-/.\s]\s*(\d{{1,4}})\.?")
_NAMED = (
    re.compile(rf"^{_WEEKDAY}(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[\s\-/.,]*(?P<n>{LETTERS})"
               r"[\s\-/.,']*(?P<y>[12]\d{3}|\d{2})(?!\d)"),
    re.compile(rf"^{_WEEKDAY}(?P<n>{LETTERS})[\s\-/.]*(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[\s\-/,]+"
               r"(?P<y>[12]\d{3})(?!\d)"),
    re.compile(rf"^(?P<y>[12]\d{{3}})[\s\-/.]*(?P<n>{LETTERS})[\s\-/.]*(?P<d>\d{{1,2}})(?!\d)"),
    re.compile(r"^(?P<y>[12]\d{3})(?P<n>\d{2})(?P<d>\d{2})(?!\d)"),
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """One way to read a column of dates.

    Args:
        order: How the parts were taken: "year", "month" or "day" first, or "name" of a month.
        wall: (n,) Series of what the clock on the wall shows, NaT where a cell cannot be so read.
        utc: (n,) the same in UTC; None where no cell has an offset from it.
        offsets: Offsets from UTC that occur.
    """

    order: str
    wall: Any
    utc: Any = None
    offsets: tuple[str, ...] = ()


def tidied(text: Any) -> Any:
    """Write clocks and Chinese dates in one way: 2021年1月2日 is 2021-1-2, p.m. is pm."""
    if not text.str.contains(r"[年月日号，：／．　\[]|[ap]\.\s?m", case=False, regex=True).any():
        return text
    for pattern, plain in (
        (r"[，　]", " "),
        (r"：", ":"),
        (r"[／．]", "-"),
        (r"\b([ap])\.\s?m\b\.?", r"\1m"),
        (r"\s*\[[\w/]+\]$", ""),
        (r"^([12]\d{3})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]\s*(?:星期.|周.)?", r"\1-\2-\3 "),
    ):
        text = text.str.replace(pattern, plain, regex=True, case=False)
    return text.str.strip()


def plain_iso(text: Any) -> Reading | None:
    """Read 2024-01-31 13:05:00+01:00 and its like fast; None if a cell is anything else."""
    try:
        with warnings.catch_warnings():
            # Where offsets differ, pandas 2 warns and pandas 3 raises.
            warnings.simplefilter("error", FutureWarning)
            times = pd.Series(pd.to_datetime(text, errors="coerce", format="ISO8601"))
        if times.dt.tz is None:
            return None if times.isna().any() else Reading("year", times)
        utc = times.dt.tz_convert("UTC").dt.tz_localize(None)
        wall, offsets = times.dt.tz_localize(None), [str(times.dt.tz)]
    except (ValueError, TypeError, FutureWarning):
        # Offsets that differ: what the wall shows is what stands before them.
        offsets = text.str.extract(r"(Z|[+-]\d\d:?\d\d)$", expand=False)
        if offsets.isna().any():
            return None
        before = text.str.replace(r"\s*(Z|[+-]\d\d:?\d\d)$", "", regex=True)
        wall = pd.to_datetime(before, errors="coerce", format="ISO8601")
        utc = pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
    if wall.isna().any() or utc.isna().any():
        return None
    return Reading("year", wall, utc, tuple(sorted(set(offsets))))


def readings(text: Any) -> Sequence[Reading]:
    """Give every way to read a column of dates, with any clock behind them.

    Args:
        text: Series of tidied text.

    Returns:
        The readings under which the first cell is a date; none if it is no date.
    """
    lower = text.str.lower()
    first = lower.iloc[0]
    form = next((form for form in (_NUMERIC, *_NAMED) if form.match(first)), None)
    if form is None:
        return []
    ends = [match.end() if (match := form.match(cell)) else 0 for cell in lower]
    # A column repeats its days and its clocks, so each is read once.
    rows, days = pd.factorize(pd.Series([c[:end] for c, end in zip(lower, ends, strict=True)]))
    clock_rows, clocks = pd.factorize(pd.Series([c[e:] for c, e in zip(lower, ends, strict=True)]))
    clock = _clocks(pd.Series(clocks, dtype=object)).iloc[clock_rows].set_axis(text.index)
    by_order = _numeric(days) if form is _NUMERIC else _named(days, form)
    return [
        _clocked(order, dates.iloc[rows].set_axis(text.index), clock)
        for order, dates in by_order.items()
    ]


def _numeric(days: Any) -> dict[str, Any]:
    """Read days in numbers with the year, the month or the day first."""
    parts = pd.Series(days, dtype=object).str.extract(_NUMERIC.pattern, expand=True)
    widths = parts.apply(lambda part: part.str.len())
    a, b, c = (pd.to_numeric(parts[i], errors="coerce") for i in range(3))
    if widths.iloc[0, 0] == 4:
        return {"year": dates_of(this_century(a.where(widths[0] == 4)), b, c)}
    last = this_century(c.where(widths[2].isin((2, 4))))
    orders = {"month": dates_of(last, a, b), "day": dates_of(last, b, a)}
    if (widths == 2).all(axis=None) and "." not in days[0]:
        orders["year"] = dates_of(this_century(a), b, c)
    return orders


def _named(days: Any, form: re.Pattern[str]) -> dict[str, Any]:
    """Read days with the name of the month; nothing if the first is none."""
    parts = pd.Series(days, dtype=object).str.extract(form.pattern, expand=True)
    month = parts["n"].map(lambda n: int(n) if n.isdigit() else month_number(n), "ignore")
    year, day = (pd.to_numeric(parts[k], errors="coerce") for k in "yd")
    dates = dates_of(this_century(year), month.where(month > 0), day)
    return {} if dates.isna().iloc[0] else {"name": dates}


def _clocks(rest: Any) -> Any:
    """Read what stands behind the day: nothing, 13:05, 1:05 PM, 24:00 or 13:05+01:00.

    Returns:
        A frame with `fits`, `nanoseconds` since midnight, and the `zone` with its `minutes` ahead
        of UTC.
    """
    pattern = rf"^{_CLOCK}$"
    parts = rest.str.strip().radd(" ").where(rest.str.strip() != "", "")
    parts = parts.str.replace(r"^ (?=[t,:])", "", regex=True)
    clock = parts.str.extract(pattern, flags=re.IGNORECASE, expand=True)
    fits = parts.str.match(pattern, case=False)
    number = {k: pd.to_numeric(clock[k], errors="coerce").fillna(0) for k in ("h", "mi", "s")}
    said = np.where(clock["ap"].notna(), clock["ap"], clock["ap0"])
    half = pd.Series(said, clock.index, dtype=object).map(HALVES)
    twelve = half.notna()
    fits &= ~(clock["h"].notna() & clock["mi"].isna() & ~twelve & (clock["h"].str.len() != 2))
    fits &= (number["mi"] < 60) & (number["s"] < 60) & (~twelve | number["h"].between(1, 12))
    fits &= (number["h"] < 24) | ((number["h"] == 24) & (number["mi"] + number["s"] == 0))
    hours = number["h"].where(~twelve, number["h"] % 12 + 12 * (half == "pm"))
    fine = pd.to_numeric(clock["f"].str.ljust(9, "0"), errors="coerce").fillna(0)
    seconds = 3600 * hours + 60 * number["mi"] + number["s"]
    zone = clock["z"].str.lower().str.replace(r"^(?:utc|gmt)(?=[+-])", "", regex=True)
    zone = zone.where(~zone.isin(("z", "utc", "gmt")), "+00:00")
    sign = zone.str[0].map({"+": 1, "-": -1})
    digits = zone.str.replace(r"[^\d]", "", regex=True).str.ljust(4, "0")
    minutes = sign * (60 * pd.to_numeric(digits.str[:2]) + pd.to_numeric(digits.str[2:]))
    return pd.DataFrame(
        {
            "fits": fits,
            "nanoseconds": seconds.astype(np.int64) * 10**9 + fine.astype(np.int64),
            "zone": zone,
            "minutes": minutes.fillna(0).astype(np.int64),
        }
    )


def _clocked(order: str, dates: Any, clock: Any) -> Reading:
    wall = _add(dates.where(clock["fits"]), clock["nanoseconds"])
    zone = clock["zone"]
    if zone.isna().all():
        return Reading(order, wall)
    wall = wall.where(zone.notna())
    utc = _add(wall, -clock["minutes"] * 60 * 10**9)
    return Reading(order, wall, utc, tuple(sorted(zone.dropna().unique())))


def _add(dates: Any, nanoseconds: Any) -> Any:
    if not nanoseconds.any():
        return dates
    return dates.astype("datetime64[ns]") + pd.to_timedelta(nanoseconds, unit="ns")


def chosen_reading(whole: Sequence[Reading], text: Any, name: str, options: ReadOptions) -> Reading:
    """Choose the reading that was named, else the one whose rows are regular; never by chance.

    Args:
        whole: Readings under which every row is a date.
        text: The cells, for the message.
        name: Name of the column, for the message.
        options: Whether the day stands first, and the frequency, if they were named.

    Raises:
        DataError: The named reading does not fit, or two readings are as likely.
    """
    named = {None: "", True: "day", False: "month"}[options.day_first]
    if named and whole[0].order != "name" and not (len(whole) == 1 and whole[0].order == "year"):
        whole = [reading for reading in whole if reading.order == named]
        if not whole:
            raise DataError(
                f"time column {name!r}: --day-first {str(options.day_first).lower()}: not every "
                f"row can be read with the {named} first; leave it out, or give --date-format"
            )
    if len(whole) > 1 and options.freq is not None:
        filled = [_filled(reading.wall, options.freq) for reading in whole]
        best = max(filled)
        # Days read as months lie on the grid of days too, but leave most of it empty.
        kept = [part > 0 and part * CLEARLY > best for part in filled]
        whole = [reading for reading, keep in zip(whole, kept, strict=True) if keep] or whole
    if all(reading.wall.equals(whole[0].wall) for reading in whole):
        return whole[0]
    for reading in whole:
        if all(_beats(reading, other) for other in whole if other is not reading):
            return reading
    first, second = (reading.wall for reading in whole[:2])
    row = int(np.argmax(first.to_numpy() != second.to_numpy()))
    raise DataError(
        f"time column {name!r}: in {text.iloc[row]!r} day and month cannot be told apart (it is "
        f"{first.iloc[row].date()} or {second.iloc[row].date()}; every row can be read either way, "
        "and either way the rows are as regular); say --day-first true or --day-first false, or "
        "write dates as 2024-01-31"
    )


def _beats(one: Reading, other: Reading) -> bool:
    """Tell whether one reading is clearly more regular, or as regular and alone in order."""
    if one.wall.equals(other.wall):
        return True
    even, even_other = _regularity(one.wall), _regularity(other.wall)
    if max(even, even_other) >= CLEARLY * min(even, even_other):
        return even > even_other
    back, back_other = _backward(one.wall), _backward(other.wall)
    if back != back_other or "year" not in (one.order, other.order):
        return back < back_other
    # 15/01/01, 15/01/02 … are days of 2015 rather than the fifteenth of January of every year; the
    # first of January of every year is as likely as days.
    slow = other.wall.dt
    return (
        _step(one.wall) < _step(other.wall) and not (slow.is_month_start | slow.is_month_end).all()
    )


def _filled(wall: Any, freq: Frequency) -> float:
    """Give the part of the grid of a named frequency that the rows fill, 0 if one lies off it."""
    times = pd.DatetimeIndex(np.unique(wall.to_numpy())).as_unit("ns")
    try:
        checked = check_frequency(freq, times)
    except (DataError, pd.errors.OutOfBoundsDatetime):
        return 0.0
    if not on_grid(times, checked).all():
        return 0.0
    return len(times) / len(grid(times[0], times[-1], checked))


def _step(wall: Any) -> Any:
    return np.median(np.diff(np.unique(wall.to_numpy())).astype(np.int64))


def _regularity(wall: Any) -> float:
    """Give the part of an even grid that the rows fill: 1 without gaps, near 0 for a wrong reading.

    Months read as consecutive days of January leave 353 of 365 days empty.
    """
    times = np.unique(wall.to_numpy())
    steps = np.diff(times)
    if not len(steps):
        return 1.0
    return min(1.0, len(times) / (1.0 + float((times[-1] - times[0]) / np.median(steps))))


def _backward(wall: Any) -> int:
    """Count the steps against the order in which most rows stand."""
    steps = np.diff(wall.to_numpy()).astype(np.int64)
    return int(min((steps < 0).sum(), (steps > 0).sum()))
