"""Reads dates and clocks written out: the parts of every cell, in whichever order they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.periods import LETTERS, month_number, this_century

_CLOCK = (
    r"(?:(?:T|\s|,|:)\s*(?P<ap0>am|pm|上午|下午)?\s*(?P<h>\d{1,2})(?:[:h时点.]?(?P<mi>\d{2}))?"
    r"分?(?:[:.]?(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?秒?\s*(?P<ap>am|pm)?"
    r"\s*(?P<z>Z|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?|UTC|GMT)?)?"
)
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
class Stamps:
    """One reading of a column.

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
    odd = text.str.contains(r"[年月日号，：／．　\[]|[ap]\.\s?m", case=False, regex=True)
    if not odd.any():
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


def plain_iso(text: Any) -> Stamps | None:
    """Read 2024-01-31 13:05:00+01:00 and its like fast; None if a cell is anything else."""
    try:
        times = pd.Series(pd.to_datetime(text, errors="coerce", format="ISO8601"))
        if times.dt.tz is None:
            return None if times.isna().any() else Stamps("year", times)
        utc = times.dt.tz_convert("UTC").dt.tz_localize(None)
        wall, offsets = times.dt.tz_localize(None), text[:1]
    except (ValueError, TypeError):
        # Offsets that differ: what the wall shows is what stands before them.
        offsets = text.str.extract(r"(Z|[+-]\d\d:?\d\d)$", expand=False)
        if offsets.isna().any():
            return None
        before = text.str.replace(r"\s*(Z|[+-]\d\d:?\d\d)$", "", regex=True)
        wall = pd.to_datetime(before, errors="coerce", format="ISO8601")
        utc = pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
    if wall.isna().any() or utc.isna().any():
        return None
    return Stamps("year", wall, utc, tuple(sorted(set(offsets))))


def readings(text: Any) -> Sequence[Stamps]:
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
    found = _numeric(days) if form is _NUMERIC else _named(days, form)
    return [
        _clocked(order, dates.iloc[rows].set_axis(text.index), clock)
        for order, dates in found.items()
    ]


def _numeric(days: Any) -> dict[str, Any]:
    """Read days in numbers with the year, the month or the day first."""
    parts = pd.Series(days, dtype=object).str.extract(_NUMERIC.pattern, expand=True)
    widths = parts.apply(lambda part: part.str.len())
    a, b, c = (pd.to_numeric(parts[i], errors="coerce") for i in range(3))
    if widths.iloc[0, 0] == 4:
        return {"year": _dates(a, b, c, widths[0] == 4)}
    short = widths[2].isin((2, 4))
    found = {"month": _dates(c, a, b, short), "day": _dates(c, b, a, short)}
    if (widths == 2).all(axis=None) and "." not in days[0]:
        found["year"] = _dates(a, b, c)
    return found


def _named(days: Any, form: re.Pattern[str]) -> dict[str, Any]:
    """Read days with the name of the month; nothing if the first is none."""
    parts = pd.Series(days, dtype=object).str.extract(form.pattern, expand=True)
    month = parts["n"].map(lambda n: int(n) if n.isdigit() else month_number(n), "ignore")
    year, day = (pd.to_numeric(parts[k], errors="coerce") for k in "yd")
    dates = _dates(year, month.where(month > 0), day)
    return {} if dates.isna().iloc[0] else {"name": dates}


def _dates(year: Any, month: Any, day: Any, valid: Any = None) -> Any:
    year = this_century(year if valid is None else year.where(valid))
    frame = pd.DataFrame({"year": year, "month": month, "day": day})
    return pd.to_datetime(frame, errors="coerce")


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
    half = clock["ap"].fillna(clock["ap0"]).replace({"上午": "am", "下午": "pm"})
    twelve = half.notna()
    fits &= ~(clock["h"].notna() & clock["mi"].isna() & ~twelve & (clock["h"].str.len() != 2))
    fits &= (number["mi"] < 60) & (number["s"] < 60) & (~twelve | number["h"].between(1, 12))
    fits &= (number["h"] < 24) | ((number["h"] == 24) & (number["mi"] + number["s"] == 0))
    hours = number["h"].where(~twelve, number["h"] % 12 + 12 * (half == "pm"))
    fine = pd.to_numeric(clock["f"].str.ljust(9, "0"), errors="coerce").fillna(0)
    seconds = 3600 * hours + 60 * number["mi"] + number["s"]
    zone = clock["z"].str.lower().str.replace(r"^(?:utc|gmt)(?=[+-])", "", regex=True)
    zone = zone.replace({"z": "+00:00", "utc": "+00:00", "gmt": "+00:00"})
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


def _clocked(order: str, dates: Any, clock: Any) -> Stamps:
    wall = _add(dates.where(clock["fits"]), clock["nanoseconds"])
    zone = clock["zone"]
    if zone.isna().all():
        return Stamps(order, wall)
    wall = wall.where(zone.notna())
    utc = _add(wall, -clock["minutes"] * 60 * 10**9)
    return Stamps(order, wall, utc, tuple(sorted(zone.dropna().unique())))


def _add(dates: Any, nanoseconds: Any) -> Any:
    if not nanoseconds.any():
        return dates
    return dates.astype("datetime64[ns]") + pd.to_timedelta(nanoseconds, unit="ns")
