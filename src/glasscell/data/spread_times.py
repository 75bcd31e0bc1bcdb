"""Finds times that are spread: over a date and a clock, over year and month, over column names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.calendar import month_number
from glasscell.data.columns import SERIES_NAMES, TIME_NAMES, Roles
from glasscell.data.dates import recognised
from glasscell.data.numerals import is_missing, looks_like_number
from glasscell.data.rawtable import Source, Table, filled_cells
from glasscell.data.read_options import ReadOptions
from glasscell.data.timeparts import CLOCK, kind_of_part, together
from glasscell.data.wording import count, was
from glasscell.errors import DataError

Cells = Mapping[str, Sequence[str]]
"""Column names in order, and of each the cells of the first rows that hold something."""
_AVERAGES = ("M13", "Q05", "S03")
"""Codes by which the BLS marks the mean of a year beside its parts."""
_DATED = re.compile(r"[12]\d{3}|\d[/.-]\d{1,2}[/.-]\d|[A-Za-z]{3}[-' ]?\d\d|\d[Qq]\d")
"""What a column name that is a time has in it; a quick look before it is read as one."""
_QUARTERS = {
    form.format(number): str(number)
    for number in range(1, 5)
    for form in ("q{}", "quarter {}", "qtr{}", "{}q", "第{}季度")
} | {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
FEWEST_TIMES = 3
FEWEST_STEPS = 10
_STEP = re.compile(
    r"(?:d|day|w|week|m|month|q|quarter|h|hour|t|step|period)[_ ]?(\d+)", re.IGNORECASE
)
"""A column name that numbers a step, as d_1, d_2 …"""


@dataclass(frozen=True)
class JoinedTimes:
    """Times of which each row holds the parts in several columns.

    Args:
        parts: Kind of part ("date", "clock", "year" …) to the column that holds it.
    """

    parts: dict[str, str]

    @property
    def name(self) -> str:
        """The columns, as --time takes them."""
        return ",".join(self.parts.values())

    def joined(self, table: Table) -> tuple[Table, Array, list[str]]:
        """Put the times together.

        Returns:
            The table without rows that hold the mean of a year, the times as text, and sentences on
            what was done.
        """
        texts = {kind: table.text(name) for kind, name in self.parts.items()}
        notes = [f"Times were put together from the columns {', '.join(self.parts.values())}."]
        if "period" in texts:
            means = np.isin(texts["period"].astype(str), _AVERAGES)
            if means.any():
                left = int(means.sum())
                notes.append(
                    f"{count(left, 'row')} of yearly means (M13, Q05 or S03) {was(left)} left out."
                )
                table = table.only(np.flatnonzero(~means))
                texts = {kind: cells[~means] for kind, cells in texts.items()}
        rows = zip(*texts.values(), strict=True)
        times = [together(dict(zip(texts, row, strict=True))) for row in rows]
        return table, np.array(times, object), notes


@dataclass(frozen=True)
class TimesInNames:
    """A table whose columns are times, or parts of times whose other part is in the rows.

    Args:
        rows: Column with the part of the time in the rows; None: the column names are the times.
        columns: Column name to its part of the time, e.g. "JAN" to "1".
        kind: "month", "quarter", "clock" or "year": what the columns are within `rows`; or "time".
        labels: Columns that tell the series apart, at most those needed.
    """

    rows: str | None
    columns: dict[str, str]
    kind: str
    labels: tuple[str, ...]

    def melted(self, source: Source, options: ReadOptions) -> tuple[Table, Roles, list[str]]:
        """Read the table as one row per time and series."""
        names = list(self.columns)
        text = [*self.labels, *([self.rows] if self.rows else [])]
        table = source.body(names, text, options.decimal, options.missing)
        values = np.stack([table.numbers(name) for name in names], axis=1)
        rows, width = values.shape
        times = np.array(list(self._times(table, rows)), object)
        columns: dict[str, Any] = {"time": times, "value": values.ravel()}
        if self.labels:
            labels = [table.text(name) for name in self.labels]
            ids = [" ".join(filter(None, row)) or None for row in zip(*labels, strict=True)]
            columns["series"] = np.repeat(np.array(ids, object), width)
        within = f"column {self.rows} and, by {self.kind}, in " if self.rows else ""
        read_as = f"series named by {', '.join(self.labels)}" if self.labels else "one series"
        note = (
            f"Times stand in {within}the column names {names[0]} … {names[-1]}: "
            f"{count(rows, 'row')} of {count(width, 'value')} {was(rows)} read as {read_as}."
        )
        ignored = tuple(name for name in source.names if name not in (*names, *text))
        series = "series" if self.labels else None
        roles = Roles("time", series, ("value",), (), ignored, labels=self.labels)
        long = replace(table, columns=columns, where=lambda i: table.where(i // width))
        return long, roles, [note]

    def _times(self, table: Table, rows: int) -> Iterator[str | None]:
        within = table.text(self.rows) if self.rows else [None] * rows
        for cell in within:
            for part in self.columns.values():
                if self.kind == "time":
                    yield part
                elif cell is None:
                    yield None
                elif self.kind == "year":
                    yield together({"year": part, "month": cell})
                elif self.kind == "clock":
                    yield together({"date": cell, "clock": part})
                else:
                    yield together({"year": cell, self.kind: part})


def find_spread_times(source: Source, options: ReadOptions) -> JoinedTimes | TimesInNames | None:
    """Find out whether the time is spread over columns or column names.

    Args:
        source: The opened table.
        options: What the user named; a column that has a role is no part of a time.

    Raises:
        DataError: --time names several columns that make no time together.
    """
    cells = filled_cells(source.names, source.sample)
    if options.time is not None and options.time not in cells and "," in options.time:
        return _named(cells, [name.strip() for name in options.time.split(",")])
    taken = {options.target, options.series, *(options.targets or ()), *(options.covariates or ())}
    free = {name: filled for name, filled in cells.items() if name not in taken}
    if not options.target and not options.covariates:
        columns = _times_in_names(free, options.time is not None)
        if columns:
            rows, times, kind = columns
            return TimesInNames(rows, times, kind, _labels(source, times, options, rows))
    return _joined(free, options.time)


def _named(cells: Cells, names: Sequence[str]) -> JoinedTimes:
    for name in names:
        if name not in cells:
            raise DataError(
                f"--time {','.join(names)}: there is no column {name!r}; the columns found are "
                f"{', '.join(cells)}"
            )
    parts = {kind: name for name in names if (kind := kind_of_part(name, cells[name]))}
    whole = "date" in parts or {"year", "month", "day"} <= parts.keys()
    known = "year" in parts or whole
    if len(parts) < len(names) or not known or ("clock" in parts and not whole):
        raise DataError(
            f"--time {','.join(names)}: expected a date and a clock, or a year and a month, "
            f"quarter, week or day, got {', '.join(parts) or 'none of these'}"
        )
    return JoinedTimes(parts)


def _joined(free: Cells, time: str | None) -> JoinedTimes | None:
    if time is not None:
        ahead = [time] if time in free else []
    else:
        ahead = sorted(free, key=lambda name: name.lower() not in TIME_NAMES)
    date = next((name for name in ahead if kind_of_part(name, free[name]) == "date"), None)
    if date is not None:
        if any(":" in cell for cell in free[date]):
            return None
        clock = _clock_of({name: cells for name, cells in free.items() if name != date})
        # Only a date that stands in several rows needs a clock, or one that is the same throughout.
        repeats = any(a == b for a, b in pairwise(free[date]))
        still = all(len(set(free[name])) == 1 for name in clock.values())
        return JoinedTimes({"date": date, **clock}) if clock and (repeats or still) else None
    parts: dict[str, str] = {}
    for name, cells in free.items():
        # MM is the month, and the minute behind the hour is mm.
        minute = name == "mm" and "hour" in parts
        part = "minute" if minute else kind_of_part(name, cells)
        if part and part not in parts and part not in ("date", "clock"):
            parts[part] = name
    if "year" not in parts or (time is not None and time not in parts.values()):
        return None
    if "period" in parts:
        return JoinedTimes({kind: parts[kind] for kind in ("year", "period")})
    if "dayofyear" in parts and "month" not in parts:
        kinds = ("year", "dayofyear", "hour", "minute")
        return JoinedTimes({kind: parts[kind] for kind in kinds if kind in parts})
    order = ("year", "month", "day", "hour", "minute", "second")
    length = next((n for n, kind in enumerate(order) if kind not in parts), len(order))
    if length > 1:
        clock = _clock_of(free) if length == 3 else {}
        return JoinedTimes({**{kind: parts[kind] for kind in order[:length]}, **clock})
    other = next((kind for kind in ("quarter", "week") if kind in parts), None)
    return JoinedTimes({"year": parts["year"], other: parts[other]}) if other else None


def _clock_of(free: Cells) -> dict[str, str]:
    """Find the column with clocks, or those with the hour and the minute."""
    kinds = {name: kind_of_part(name, cells) for name, cells in free.items()}
    first = {kind: name for name, kind in reversed(kinds.items())}
    if "clock" in first:
        return {"clock": first["clock"]}
    return {kind: first[kind] for kind in ("hour", "minute") if kind in first and "hour" in first}


def _times_in_names(free: Cells, time_named: bool) -> tuple[str | None, dict[str, str], str] | None:
    """Find a table with times, or parts of times, as column names.

    Returns:
        What `TimesInNames` takes as rows, columns and kind; None where there is no such table.
    """
    kinds = {name: kind_of_part(name, free[name]) for name in list(free)[:12]}
    years = [name for name, kind in kinds.items() if kind == "year"]
    dates = [name for name, kind in kinds.items() if kind == "date"]
    months = {name: str(n) for name in free if (n := _month(name))}
    quarters = {name: _QUARTERS[name.lower()] for name in free if name.lower() in _QUARTERS}
    clocks = {name: name for name in free if CLOCK.fullmatch(name)}
    hours = {
        name: f"{int(h[1])}:00" for name in free if (h := re.fullmatch(r"[Hh](\d{1,2})", name))
    }
    if not years and len(months) >= 12:
        # R prints a monthly series so, and tables have no name above their years.
        years = [name for name in kinds if _one_year_each(free[name])]
    for rows, columns, kind, most in (
        (years, months, "month", 12),
        (years, quarters, "quarter", 4),
        (dates, clocks, "clock", 12),
        (dates, hours, "clock", 24),
    ):
        if rows and len(set(columns.values())) == len(columns) >= most:
            return rows[0], columns, kind
    if dates or time_named:
        return None
    times = _whole_times(list(free))
    if len(times) < FEWEST_TIMES or not all(_numbers(free[name]) for name in times):
        return None
    named = [name for name in free if name not in times and _months_in(free[name])]
    if named and all(re.fullmatch(r"[12]\d{3}", time) for time in times.values()):
        return named[0], times, "year"
    return None, times, "time"


def _one_year_each(cells: Sequence[str]) -> bool:
    if len(cells) < FEWEST_TIMES or not all(re.fullmatch(r"[12]\d{3}", cell) for cell in cells):
        return False
    return {int(b) - int(a) for a, b in pairwise(cells)} in ({1}, {-1})


def _month(name: str) -> int:
    plain = re.fullmatch(r"(?:M|month[ _]?)?(0?[1-9]|1[0-2])", name, re.IGNORECASE)
    return int(plain[1]) if plain else month_number(name)


def _months_in(cells: Sequence[str]) -> bool:
    return bool(cells) and all(map(month_number, cells)) and len(set(cells)) == len(cells) > 3


def _numbers(cells: Sequence[str]) -> bool:
    """Tell whether most filled cells hold a number, marks of missing ones apart."""
    filled = [cell for cell in cells if not is_missing(cell)]
    return sum(map(looks_like_number, filled)) >= len(filled) / 2


def _whole_times(names: Sequence[str]) -> dict[str, str]:
    """Give the names that are times: 1990, X1990, 1990 [YR1990], 2020-Q1, 1/22/20."""
    plain = {name: re.sub(r"^[A-Za-z](?=[12]\d{3}$)|\s*\[.*\]$", "", name) for name in names}
    times = {name: time for name, time in plain.items() if re.fullmatch(r"[12]\d{3}", time)}
    if len(times) >= FEWEST_TIMES:
        return times
    steps = {name: step[1] for name in names if (step := _STEP.fullmatch(name))}
    if len(steps) >= FEWEST_STEPS and {int(b) - int(a) for a, b in pairwise(steps.values())} == {1}:
        return steps
    dated = {name: time for name, time in plain.items() if _DATED.search(time)}
    times = {n: t for n, t in dated.items() if not looks_like_number(t) and recognised([t])}
    return times if len(times) >= FEWEST_TIMES and recognised(list(times.values())) else {}


def _labels(
    source: Source, times: Mapping[str, str], options: ReadOptions, rows: str | None
) -> tuple[str, ...]:
    """Find the columns that name the series: the first that tells rows apart, or the first few."""
    if options.series is not None:
        return (options.series,)
    if options.labels is not None:
        return tuple(options.labels)
    cells = filled_cells(source.names, source.sample)
    others = [n for n, filled in cells.items() if filled and n not in times and n != rows]
    # An item in several shops has an id of its own in each.
    own = [n for n in others if n.lower() == "id" and not all(map(str.isdigit, cells[n]))]
    named = own or [name for name in others if name.lower() in SERIES_NAMES]
    if named or not others:
        return tuple(named[:1])
    width = len(source.names)
    frame = pd.DataFrame(
        [
            [cell.strip() for cell in row[:width]] + [""] * (width - len(row))
            for row in source.sample
        ],
        columns=list(source.names),
    )
    apart = [rows] if rows else []
    if rows and not frame.duplicated(apart).any():
        return ()
    text = [n for n in others if not all(map(looks_like_number, cells[n]))] or others
    for name in text:
        if (frame[name] != "").all() and not frame.duplicated([name, *apart]).any():
            return (name,)
    varied = [name for name in text if frame[name].nunique() > 1] or text[:1]
    for number in range(1, len(varied) + 1):
        some = varied[:number]
        if (frame[some] != "").any(axis=1).all() and not frame.duplicated([*some, *apart]).any():
            return tuple(some)
    return tuple(varied)
