"""Decides what each column of a table is: time, series, target, covariate or nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from glasscell.data.dates import recognised
from glasscell.data.numerals import is_missing, looks_like_number
from glasscell.errors import DataError

TIME_NAMES = (
    *("ds", "timestamp", "date", "datetime", "time", "time_period", "observation_date", "datum"),
    *("日期", "时间"),
)
PERIOD_NAMES = (
    *("year", "years", "jahr", "年份", "年", "quarter", "month", "week", "day", "period", "t"),
    "step",
)
SERIES_NAMES = ("unique_id", "item_id", "series_id", "series")
TARGET_NAMES = ("y", "target")
FOOTNOTES = 5
VALUE_NAMES = ("value", "obs_value", "values")
"""Names of the target beside a series column, as statistical offices write it."""
COUNTER = re.compile(
    r"column \d+|unnamed: ?\d+(\.\d+)*|(row_?|time_?)?(index|idx|id|no|num|number)\.?|level_0|"
    r"row_?names?|rows?|rn|x|n|nr\.?|#|t|step|obs\.?|observation|record|instant|seq|sequence|"
    r"counter|trend|序号|编号",
    re.IGNORECASE,
)
"""Names of columns that only count the rows, where their values do."""


@dataclass(frozen=True)
class Roles:
    """Which column is what.

    Args:
        time: The time column, or the columns that hold the parts of the time, with commas.
        series: The column that names the series (long layout), or None.
        targets: Columns to forecast: one, or in the wide layout one per series.
        covariates: Columns that are read beside the target, past values only.
        ignored: Columns that nothing reads.
        unasked: Targets and covariates that nobody named, so that they may turn out to be none.
        labels: Columns of the file that `series` was put together from, if it is none of them.
    """

    time: str
    series: str | None
    targets: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unasked: tuple[str, ...] = field(default=(), repr=False)
    labels: tuple[str, ...] = ()

    @property
    def layout(self) -> Literal["long", "wide", "single"]:
        """How the rows are laid out."""
        if self.series is not None:
            return "long"
        return "wide" if len(self.targets) > 1 else "single"


def resolve(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    *,
    time: str | None = None,
    target: str | None = None,
    series: str | None = None,
    covariates: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
) -> Roles:
    """Find the role of every column.

    Args:
        names: Column names in order.
        sample: Some rows as text, to see which columns hold dates or numbers.
        time: Name of the time column; None: ds, timestamp, date ..., else the first with dates.
        target: Name of the column to forecast; None: y or target, else every other column.
        series: Name of the column that names the series; None: unique_id or item_id if there.
        covariates: Names of covariates; None: with `target` given and no series column, every other
            column of numbers.
        targets: Names of all columns to forecast; None: `target` decides.

    Raises:
        DataError: A column is missing or two roles fall on one column; the message lists the
            columns.

    >>> resolve(["ds", "y"], [["2020-01-01", "1"]])
    Roles(time='ds', series=None, targets=('y',), covariates=(), ignored=(), labels=())
    """
    for role, name in (("--time", time), ("--target", target), ("--series", series)):
        require_column(names, role, name)
    for name in covariates or ():
        require_column(names, "--covariates", name)
    named = {target, series, *(targets or ()), *(covariates or ())}
    time = time or time_column(names, sample, named)
    series = series or _alias([n for n in names if n not in (time, target)], SERIES_NAMES)
    others = [name for name in names if name not in (time, series)]
    free = [n for n in others if n not in (covariates or ())]
    numeric = [n for n in free if n in named or _numeric(names, sample, n)]
    chosen = tuple(targets or _targets(numeric, free, target, series, names))
    alone = series is None and bool(target)
    found = [n for n in numeric if alone and covariates is None and n not in chosen]
    covariates = found if covariates is None else covariates
    clash = sorted({time, *chosen, *([series] if series else [])} & set(covariates))
    if len({time, series, *chosen}) < 2 + len(chosen) or clash:
        raise DataError(
            f"expected different columns for time ({time}), series ({series}), target "
            f"({', '.join(chosen)}) and covariates ({', '.join(covariates) or 'none'})"
        )
    used = {time, series, *chosen, *covariates}
    ignored = tuple(name for name in names if name not in used)
    kept = named | ({chosen[0]} if chosen[0].lower() in TARGET_NAMES else set())
    unasked = tuple(name for name in (*chosen, *found) if name not in kept)
    return Roles(time, series, chosen, tuple(covariates), ignored, unasked)


def time_column(
    names: Sequence[str], sample: Sequence[Sequence[str]], named: Collection[str | None] = ()
) -> str:
    """Find the time column: a known name that holds times, else the first column with dates.

    Args:
        names: Column names in order.
        sample: Some rows as text.
        named: Columns that have another role.

    Raises:
        DataError: There is none.
    """
    free = [name for name in names if name not in named]
    known = _alias(free, TIME_NAMES)
    if known and _holds_times(names, sample, known):
        return known
    dated = [
        name
        for name in free
        if recognised(cells := _cells(names, sample, name), name)
        and not all(map(looks_like_number, cells))
    ]
    if dated:
        # The start of a query stands in every row, and so may a day of which there are many rows.
        varied = (name for name in dated if len(set(_cells(names, sample, name))) > 1)
        return next(varied, dated[0])
    for name in free:
        # Numbers are times only under a name that says so; a counter of rows is the last resort.
        if re.search(
            r"dat|time|period|year|week|zeit|jahr|yyyy|aaaa|年|月|시점", name.lower()
        ) and recognised(_cells(names, sample, name), name):
            return name
    for name in free:
        # The rows below a table are told by their lines when its times are read.
        cells = _cells(names, sample, name)[:-FOOTNOTES]
        if recognised(cells, name) and not all(map(looks_like_number, cells)):
            return name
    found = known or _alias(free, PERIOD_NAMES)
    found = found or next(
        (n for n in free if COUNTER.fullmatch(n) and _counts(names, sample, n)), ""
    )
    if found:
        return found
    listed = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
    raise DataError(
        "expected a time column named ds, timestamp, date, datetime or time, or one that holds "
        f"dates; the columns found are {listed or 'none'}; name it with --time, or number the "
        "rows in a column t"
    )


def require_column(names: Sequence[str], role: str, name: str | None) -> None:
    """Refuse the name of a column that is not there.

    Raises:
        DataError: There is no such column; the message lists those there are.
    """
    if name is not None and name not in names:
        raise DataError(
            f"{role} {name!r}: there is no such column; the columns found are {', '.join(names)}"
        )


def _alias(names: Sequence[str], aliases: Sequence[str]) -> str | None:
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[alias] for alias in aliases if alias in lower), None)


def _targets(
    numeric: Sequence[str],
    free: Sequence[str],
    target: str | None,
    series: str | None,
    names: Sequence[str],
) -> tuple[str, ...]:
    known = target or _alias(free, TARGET_NAMES)
    known = known or (_alias(numeric, VALUE_NAMES) if series or len(numeric) > 1 else None)
    if known:
        return (known,)
    if not free:
        raise DataError(
            f"expected a column to forecast beside the time column; the columns found are "
            f"{', '.join(names)}"
        )
    # Where all is text, reading it says which cell is no number.
    numeric = numeric or free
    plain = [name for name in numeric if not COUNTER.fullmatch(name)] or list(numeric)
    if series is not None and len(plain) > 1:
        raise DataError(
            f"expected a column y or target to forecast; the columns found are {', '.join(names)}; "
            "name it with --target"
        )
    return tuple(plain if series is not None else numeric)


def _cells(names: Sequence[str], sample: Sequence[Sequence[str]], name: str) -> list[str]:
    place = list(names).index(name)
    cells = (row[place].strip() for row in sample if place < len(row))
    return [cell for cell in cells if cell]


def _holds_times(names: Sequence[str], sample: Sequence[Sequence[str]], name: str) -> bool:
    """Tell whether most cells of the sample can be times or numbers of steps."""
    cells = _cells(names, sample, name)
    if not cells or recognised(cells, name):
        return True
    return sum(looks_like_number(c) or recognised([c], name) for c in cells) > len(cells) / 2


def _numeric(names: Sequence[str], sample: Sequence[Sequence[str]], name: str) -> bool:
    """Tell whether most filled cells are numbers, so that one slip does not make a column text."""
    cells = [cell for cell in _cells(names, sample, name) if not is_missing(cell)]
    return sum(map(looks_like_number, cells)) >= max(len(cells) / 2, 1)


def _counts(names: Sequence[str], sample: Sequence[Sequence[str]], name: str) -> bool:
    cells = _cells(names, sample, name)
    return (
        bool(cells)
        and all(re.fullmatch(r"\d+", c) for c in cells)
        and ([int(c) - int(cells[0]) for c in cells] == list(range(len(cells))))
    )
