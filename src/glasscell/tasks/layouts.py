"""Finds time that is spread: over a date and a clock, over year and month, over column names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from glasscell.errors import DataError
from glasscell.tasks.columns import SERIES_NAMES, TIME_NAMES, Roles
from glasscell.tasks.csvfile import Table
from glasscell.tasks.dates import recognised
from glasscell.tasks.numerals import looks_like_number
from glasscell.tasks.panel import ReadOptions
from glasscell.tasks.periods import month_number
from glasscell.tasks.sources import Source, column

Array = np.ndarray[Any, Any]
_PARTS = {
    "year": ("year", "years", "yr", "yyyy", "jahr", "annee", "année", "año", "ano", "anno", "年", "年份"),
    "quarter": ("quarter", "qtr", "qtrs", "q", "quartal", "trimestre", "季度", "季"),
    "month": ("month", "months", "mon", "mnth", "mm", "mo", "monat", "mois", "mes", "mese", "月", "月份"),
    "period": ("period", "periodo", "periode"),
    "week": ("week", "wk", "isoweek", "weekofyear", "woche", "semaine", "semana", "周"),
    "day": ("day", "dd", "dom", "dayofmonth", "tag", "jour", "dia", "día", "giorno", "日"),
    "hour": ("hour", "hours", "hr", "hh", "stunde", "heure", "hora", "ora", "小时", "时"),
    "minute": ("minute", "minutes", "mi", "分钟", "分"),
    "second": ("second", "seconds", "sec", "秒"),
}  # fmt: skip
_RANGES = {
    **{"month": (1, 12), "quarter": (1, 4), "week": (1, 53), "day": (1, 31), "hour": (0, 24)},
    **{"minute": (0, 59), "second": (0, 59), "year": (1000, 2999)},
}
_CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}([:.]\d{2}([.,]\d+)?)?( ?[ap]\.? ?m\.?)?", re.IGNORECASE)
_DATED = re.compile(r"[12]\d{3}|\d[/.-]\d{1,2}[/.-]\d|[A-Za-z]{3}[-' ]?\d\d|\d[Qq]\d")
"""What a column name that is a time has in it; a quick look before it is read as one."""
_AVERAGES = ("M13", "Q05", "S03")
"""Codes by which the BLS marks the mean of a year beside its parts."""
FEWEST_TIMES = 3


@dataclass(frozen=True)
class Joined:
    """Times of which each row holds the parts in several columns.

    Args:
        parts: Kind of part ("date", "clock", "year" …) to the column that holds it.
    """

    parts: dict[str, str]

    @property
    def name(self) -> str:
        """The columns, as --time takes them."""
        return ",".join(self.parts.values())

    def times(self, table: Table) -> tuple[Table, Array, list[str]]:
        """Put the times together.

        Returns:
            The table without rows that hold the mean of a year, the times as text, and sentences on
            what was done.
        """
        texts = {kind: table.text(name) for kind, name in self.parts.items()}
        notes = [f"Times were put together from the columns {', '.join(self.parts.values())}."]
        if "period" in texts:
            kept = np.flatnonzero(~np.isin(texts["period"].astype(str), _AVERAGES))
            if len(kept) < len(texts["period"]):
                left = len(texts["period"]) - len(kept)
                notes.append(f"{left} rows of yearly means (M13, Q05 or S03) were left out.")
                table, texts = table.only(kept), {k: cells[kept] for k, cells in texts.items()}
        rows = zip(*texts.values(), strict=True)
        cells = [_together(dict(zip(texts, row, strict=True))) for row in rows]
        return table, np.array(cells, object), notes


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
        count, width = values.shape
        times = np.array(list(self._times(table, count)), object)
        left = [name for name in source.names if name not in (*names, *text)]
        columns: dict[str, Any] = {"time": times, "value": values.ravel()}
        if self.labels:
            labels = [table.text(name) for name in self.labels]
            ids = [" ".join(filter(None, row)) or None for row in zip(*labels, strict=True)]
            columns["series"] = np.repeat(np.array(ids, object), width)
        within = f"column {self.rows} and, by {self.kind}, in " if self.rows else ""
        read_as = f"series named by {', '.join(self.labels)}" if self.labels else "one series"
        notes = [
            f"Times stand in {within}the column names {names[0]} … {names[-1]}: {count} rows of "
            f"{width} values were read as {read_as}."
        ]
        long = replace(table, columns=columns, line=lambda i: table.line(i // width))
        series = "series" if self.labels else None
        return long, Roles("time", series, ("value",), (), tuple(left)), notes

    def _times(self, table: Table, count: int) -> Iterator[str | None]:
        within = table.text(self.rows) if self.rows else [None] * count
        for cell in within:
            for part in self.columns.values():
                if self.kind == "time":
                    yield part
                elif cell is None:
                    yield None
                elif self.kind == "year":
                    yield _together({"year": part, "month": cell})
                elif self.kind == "clock":
                    yield _together({"date": cell, "clock": part})
                else:
                    yield _together({"year": cell, self.kind: part})


def find_layout(source: Source, options: ReadOptions) -> Joined | Crossed | None:
    """Find out whether the time is spread over columns or column names.

    Args:
        source: The opened table.
        options: What the user named; a column that has a role is no part of a time.

    Raises:
        DataError: --time names several columns that make no time together.
    """
    if options.time is not None and options.time not in source.names and "," in options.time:
        return _named(source, [name.strip() for name in options.time.split(",")])
    taken = {options.target, options.series, *(options.targets or ()), *(options.covariates or ())}
    free = [name for name in source.names if name not in taken]
    crossed = None if options.target or options.covariates else _crossed(source, free, options)
    return crossed or _joined(source, free, options.time)


def _named(source: Source, names: Sequence[str]) -> Joined:
    for name in names:
        if name not in source.names:
            raise DataError(
                f"--time {','.join(names)}: there is no column {name!r}; the columns found are "
                f"{', '.join(source.names)}"
            )
    parts = {kind: name for name in names if (kind := _kind(name, column(source, name)))}
    if len(parts) < len(names) or not parts.keys() & {"date", "year"}:
        raise DataError(
            f"--time {','.join(names)}: expected a date and a clock, or a year and a month, "
            f"quarter, week or day, got {', '.join(parts) or 'none of these'}"
        )
    return Joined(parts)


def _joined(source: Source, free: Sequence[str], time: str | None) -> Joined | None:
    if time is not None:
        ahead = [time] if time in source.names else []
    else:
        known = [name for name in free if name.lower() in TIME_NAMES]
        ahead = [*known, *(name for name in free if name not in known)]
    date = next((name for name in ahead if _kind(name, column(source, name)) == "date"), None)
    if date is not None:
        cells = column(source, date)
        if any(":" in cell for cell in cells):
            return None
        parts = _clock_of(source, [name for name in free if name != date])
        clock = [column(source, name) for name in parts.values()]
        again = any(a == b for a, b in zip(cells, cells[1:], strict=False))
        still = all(len(set(cells)) == 1 for cells in clock)
        return Joined({"date": date, **parts}) if parts and (again or still) else None
    parts = {}
    for name in free:
        kind = _kind(name, column(source, name))
        if kind and kind not in parts and kind not in ("date", "clock"):
            parts[kind] = name
    if "year" not in parts or (time is not None and time not in parts.values()):
        return None
    if "period" in parts:
        return Joined({"year": parts["year"], "period": parts["period"]})
    order = ("year", "month", "day", "hour", "minute", "second")
    length = next((n for n, kind in enumerate(order) if kind not in parts), len(order))
    if length > 1:
        return Joined({kind: parts[kind] for kind in order[:length]})
    other = next((kind for kind in ("quarter", "week") if kind in parts), None)
    return Joined({"year": parts["year"], other: parts[other]}) if other else None


def _clock_of(source: Source, free: Sequence[str]) -> dict[str, str]:
    """Find the column with clocks, or those with the hour and the minute."""
    kinds = {name: _kind(name, column(source, name)) for name in free}
    for name, kind in kinds.items():
        if kind == "clock":
            return {"clock": name}
    found = {kind: name for name, kind in reversed(kinds.items()) if kind in ("hour", "minute")}
    return {kind: found[kind] for kind in ("hour", "minute") if kind in found and "hour" in found}


def _kind(name: str, cells: Sequence[str]) -> str:
    """Tell which part of a time a column holds, by its name and what stands in it; "" for none."""
    if not cells:
        return ""
    if all(_CLOCK.fullmatch(cell) for cell in cells) and any(":" in c or c.count(".") == 2 for c in cells):
        return "clock"
    plain = [re.sub(r"\.0$", "", cell) for cell in cells]
    word = re.sub(r"[^\w]|_", "", name.lower())
    kind = next((kind for kind, names in _PARTS.items() if word in names), "")
    if kind == "period":
        return kind if all(re.fullmatch(r"[MQSA]\d\d", cell) for cell in cells) else ""
    if kind == "month" and all(month_number(cell) for cell in cells):
        return kind
    if kind in ("quarter", "month") and all(re.fullmatch(r"[MQ]\d{1,2}", cell) for cell in cells):
        return kind
    if kind and all(re.fullmatch(r"\d+", cell) for cell in plain):
        low, high = _RANGES[kind]
        return kind if all(low <= int(cell) <= high for cell in plain) else ""
    if all(map(looks_like_number, cells)) and word not in ("date", "day", "datum", "日期"):
        return ""
    return "date" if recognised(cells, name) else ""


def _together(parts: dict[str, str | None]) -> str | None:
    """Write the parts of one time as text that a time column may hold.

    >>> _together({"year": "1990", "month": "Feb", "day": "3", "hour": "5"})
    '1990-02-03 05:00'
    >>> _together({"year": "1990", "period": "M07"}), _together({"date": "1/2/2020", "clock": "9:30"})
    ('1990-07', '1/2/2020 9:30')
    """
    if any(cell is None for cell in parts.values()):
        return None
    cells = {kind: re.sub(r"\.0$", "", str(cell)) for kind, cell in parts.items()}
    if "clock" in cells:
        return f"{cells['date']} {cells['clock']}"
    if "period" in cells:
        letter, number = cells["period"][0], int(cells["period"][1:])
        within = {"M": f"-{number:02}", "Q": f"-Q{number}", "S": f"-S{number}", "A": ""}[letter]
        return cells["year"] + within
    if "quarter" in cells:
        return f"{cells['year']}-Q{re.sub(r'[^1-4]', '', cells['quarter'])}"
    if "week" in cells:
        return f"{cells['year']}-W{int(cells['week']):02}"
    date = cells.get("date")
    if date is None:
        month = month_number(cells["month"]) or int(re.sub(r"\D", "", cells["month"]) or 0)
        date = f"{cells['year']}-{month:02}"
        date += f"-{int(cells['day']):02}" if "day" in cells else ""
    if "hour" not in cells:
        return date
    clock = ":".join(f"{int(cells[kind]):02}" for kind in ("hour", "minute", "second") if kind in cells)
    return f"{date} {clock}" + (":00" if "minute" not in cells else "")


def _crossed(source: Source, free: Sequence[str], options: ReadOptions) -> Crossed | None:
    """Find a table with times, or parts of times, as column names."""
    kinds = {name: _kind(name, column(source, name)) for name in free[:12]}
    years = [name for name, kind in kinds.items() if kind == "year"]
    dates = [name for name, kind in kinds.items() if kind == "date"]
    months = {name: str(n) for name in free if (n := _month(name))}
    quarters = {name: q[1] for name in free if (q := re.fullmatch(r"Q([1-4])", name, re.IGNORECASE))}
    clocks = {name: name for name in free if _CLOCK.fullmatch(name)}
    hours = {name: f"{int(h[1])}:00" for name in free if (h := re.fullmatch(r"[Hh](\d{1,2})", name))}
    for rows, columns, kind, most in (
        (years, months, "month", 12),
        (years, quarters, "quarter", 4),
        (dates, clocks, "clock", 12),
        (dates, hours, "clock", 24),
    ):
        if rows and len(set(columns.values())) == len(columns) >= most:
            return Crossed(rows[0], columns, kind, _labels(source, [*columns, rows[0]], options, rows[0]))
    if dates or options.time is not None:
        return None
    times = _times_in_names(free)
    if len(times) < FEWEST_TIMES or not all(_numbers(column(source, name)) for name in times):
        return None
    named = [name for name in free if name not in times and _months_in(column(source, name))]
    if named and all(re.fullmatch(r"[12]\d{3}", time) for time in times.values()):
        return Crossed(named[0], times, "year", _labels(source, [*times, named[0]], options, named[0]))
    return Crossed(None, times, "time", _labels(source, list(times), options, None))


def _month(name: str) -> int:
    plain = re.fullmatch(r"(?:M|month[ _]?)?(0?[1-9]|1[0-2])", name, re.IGNORECASE)
    return int(plain[1]) if plain else month_number(name)


def _months_in(cells: Sequence[str]) -> bool:
    return bool(cells) and all(map(month_number, cells)) and len(set(cells)) == len(cells) > 3


def _numbers(cells: Sequence[str]) -> bool:
    """Tell whether most filled cells hold a number, marks of missing ones apart."""
    filled = [cell for cell in cells if re.search(r"\w", cell) and not cell.startswith(":")]
    return sum(map(looks_like_number, filled)) >= len(filled) / 2


def _times_in_names(names: Sequence[str]) -> dict[str, str]:
    """Give the names that are times: 1990, X1990, 1990 [YR1990], 2020-Q1, 1/22/20."""
    plain = {name: re.sub(r"^[A-Za-z](?=[12]\d{3}$)|\s*\[.*\]$", "", name) for name in names}
    times = {name: time for name, time in plain.items() if re.fullmatch(r"[12]\d{3}", time)}
    if len(times) >= FEWEST_TIMES:
        return times
    found = {name: time for name, time in plain.items()
             if _DATED.search(time) and not looks_like_number(time) and recognised([time])}  # fmt: skip
    return found if len(found) >= FEWEST_TIMES and recognised(list(found.values())) else {}


def _labels(
    source: Source, used: Sequence[str], options: ReadOptions, rows: str | None
) -> tuple[str, ...]:
    """Find the columns that name the series: the first that tells rows apart, or the first few."""
    if options.series is not None:
        return (options.series,)
    others = [name for name in source.names if name not in used and any(column(source, name))]
    known = [name for name in others if name.lower() in SERIES_NAMES]
    if known or not others:
        return tuple(known[:1])
    frame = pd.DataFrame(
        [[row[i] if i < len(row) else "" for i in range(len(source.names))] for row in source.sample],
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
    for count in range(1, len(varied) + 1):
        named = frame[varied[:count]].apply(lambda cells: cells.str.strip() != "").any(axis=1)
        if named.all() and not frame.duplicated([*varied[:count], *apart]).any():
            return tuple(varied[:count])
    return tuple(varied)
