"""Reads tables whose column names are times: years by months, dates by hours, series by years."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.columns import SERIES_NAMES, Roles
from glasscell.data.dates import recognised
from glasscell.data.numerals import is_missing, looks_like_number
from glasscell.data.panel import ReadOptions
from glasscell.data.periods import month_number
from glasscell.data.rawtable import Table
from glasscell.data.sources import Source, column
from glasscell.data.timeparts import CLOCK, kind_of_part, together
from glasscell.data.wording import count, was

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
class Crossed:
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
        left = [name for name in source.names if name not in (*names, *text)]
        columns: dict[str, Any] = {"time": times, "value": values.ravel()}
        if self.labels:
            labels = [table.text(name) for name in self.labels]
            ids = [" ".join(filter(None, row)) or None for row in zip(*labels, strict=True)]
            columns["series"] = np.repeat(np.array(ids, object), width)
        within = f"column {self.rows} and, by {self.kind}, in " if self.rows else ""
        read_as = f"series named by {', '.join(self.labels)}" if self.labels else "one series"
        notes = [
            f"Times stand in {within}the column names {names[0]} … {names[-1]}: "
            f"{count(rows, 'row')} of {count(width, 'value')} {was(rows)} read as {read_as}."
        ]
        long = replace(table, columns=columns, line=lambda i: table.line(i // width))
        series = "series" if self.labels else None
        return long, Roles("time", series, ("value",), (), tuple(left), labels=self.labels), notes

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


def find_crossed(source: Source, free: Sequence[str], options: ReadOptions) -> Crossed | None:
    """Find a table with times, or parts of times, as column names."""
    kinds = {name: kind_of_part(name, column(source, name)) for name in free[:12]}
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
        years = [name for name in free[:12] if _one_year_each(column(source, name))]
    for rows, columns, kind, most in (
        (years, months, "month", 12),
        (years, quarters, "quarter", 4),
        (dates, clocks, "clock", 12),
        (dates, hours, "clock", 24),
    ):
        if rows and len(set(columns.values())) == len(columns) >= most:
            return Crossed(
                rows[0], columns, kind, _labels(source, [*columns, rows[0]], options, rows[0])
            )
    if dates or options.time is not None:
        return None
    times = _times_in_names(free)
    if len(times) < FEWEST_TIMES or not all(_numbers(column(source, name)) for name in times):
        return None
    named = [name for name in free if name not in times and _months_in(column(source, name))]
    if named and all(re.fullmatch(r"[12]\d{3}", time) for time in times.values()):
        return Crossed(
            named[0], times, "year", _labels(source, [*times, named[0]], options, named[0])
        )
    return Crossed(None, times, "time", _labels(source, list(times), options, None))


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


def _times_in_names(names: Sequence[str]) -> dict[str, str]:
    """Give the names that are times: 1990, X1990, 1990 [YR1990], 2020-Q1, 1/22/20."""
    plain = {name: re.sub(r"^[A-Za-z](?=[12]\d{3}$)|\s*\[.*\]$", "", name) for name in names}
    times = {name: time for name, time in plain.items() if re.fullmatch(r"[12]\d{3}", time)}
    if len(times) >= FEWEST_TIMES:
        return times
    steps = {name: step[1] for name in names if (step := _STEP.fullmatch(name))}
    if len(steps) >= FEWEST_STEPS and [int(b) - int(a) for a, b in pairwise(steps.values())] == [
        1
    ] * (len(steps) - 1):
        return steps
    dated = {name: time for name, time in plain.items() if _DATED.search(time)}
    found = {n: t for n, t in dated.items() if not looks_like_number(t) and recognised([t])}
    return found if len(found) >= FEWEST_TIMES and recognised(list(found.values())) else {}


def _labels(
    source: Source, used: Sequence[str], options: ReadOptions, rows: str | None
) -> tuple[str, ...]:
    """Find the columns that name the series: the first that tells rows apart, or the first few."""
    if options.series is not None:
        return (options.series,)
    if options.labels is not None:
        return tuple(options.labels)
    others = [name for name in source.names if name not in used and any(column(source, name))]
    known = [name for name in others if name.lower() in SERIES_NAMES]
    # An item in several shops has an id of its own in each.
    own = [n for n in others if n.lower() == "id" and not all(map(str.isdigit, column(source, n)))]
    known = own or known
    if known or not others:
        return tuple(known[:1])
    frame = pd.DataFrame(
        [
            [row[i] if i < len(row) else "" for i in range(len(source.names))]
            for row in source.sample
        ],
        columns=list(source.names),
    )
    apart = [rows] if rows else []
    if rows and not frame.duplicated(apart).any():
        return ()
    text = [n for n in others if not all(map(looks_like_number, column(source, n)))] or others
    for name in text:
        if frame[name].str.strip().all() and not frame.duplicated([name, *apart]).any():
            return (name,)
    varied = [name for name in text if frame[name].nunique() > 1] or text[:1]
    for number in range(1, len(varied) + 1):
        named = frame[varied[:number]].apply(lambda cells: cells.str.strip() != "").any(axis=1)
        if named.all() and not frame.duplicated([*varied[:number], *apart]).any():
            return tuple(varied[:number])
    return tuple(varied)
