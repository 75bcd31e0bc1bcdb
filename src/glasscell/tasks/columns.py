"""Decides what each column of a table is: time, series, target, covariate or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from glasscell.errors import DataError

TIME_NAMES = ("ds", "timestamp", "date", "datetime", "time", "日期", "时间")
SERIES_NAMES = ("unique_id", "item_id", "series_id", "series")
TARGET_NAMES = ("y", "target")
_DATE = re.compile(
    r"\d{4}[-/.年]\d{1,2}([-/.月]\d{1,2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*|\d{4}-?[Qq][1-4]"
)


@dataclass(frozen=True)
class Roles:
    """Which column is what.

    Args:
        time: The time column.
        series: The column that names the series (long layout), or None.
        targets: Columns to forecast: one, or in the wide layout one per series.
        covariates: Columns that are read beside the target, past values only.
        ignored: Columns that nothing reads.
    """

    time: str
    series: str | None
    targets: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

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
    Roles(time='ds', series=None, targets=('y',), covariates=(), ignored=())
    """
    for role, name in (("--time", time), ("--target", target), ("--series", series)):
        _require(names, role, name)
    for name in covariates or ():
        _require(names, "--covariates", name)
    time = time or _time_column(names, sample)
    series = series or _alias([n for n in names if n not in (time, target)], SERIES_NAMES)
    others = [name for name in names if name not in (time, series)]
    targets = tuple(targets or _targets(others, target, series, names, covariates))
    if covariates is None:
        chosen = bool(target) and series is None
        covariates = [
            n for n in others if chosen and n not in targets and _numeric(names, sample, n)
        ]
    clash = sorted({time, *targets, *([series] if series else [])} & set(covariates))
    if len({time, series, *targets}) < 2 + len(targets) or clash:
        raise DataError(
            f"expected different columns for time ({time}), series ({series}), target "
            f"({', '.join(targets)}) and covariates ({', '.join(covariates) or 'none'})"
        )
    used = {time, series, *targets, *covariates}
    ignored = tuple(name for name in names if name not in used)
    return Roles(time, series, targets, tuple(covariates), ignored)


def _require(names: Sequence[str], role: str, name: str | None) -> None:
    if name is not None and name not in names:
        raise DataError(
            f"{role} {name!r}: there is no such column; the columns found are {', '.join(names)}"
        )


def _alias(names: Sequence[str], aliases: Sequence[str]) -> str | None:
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[alias] for alias in aliases if alias in lower), None)


def _time_column(names: Sequence[str], sample: Sequence[Sequence[str]]) -> str:
    known = _alias(names, TIME_NAMES)
    if known:
        return known
    for place, name in enumerate(names):
        cells = [row[place].strip() for row in sample if place < len(row) and row[place].strip()]
        if cells and all(_DATE.fullmatch(cell) and not _is_number(cell) for cell in cells):
            return name
    years = _alias(names, ("year", "month", "week", "day", "t", "step"))
    if years:
        return years
    raise DataError(
        "expected a time column named ds, timestamp, date, datetime or time, or one that holds "
        f"dates; the columns found are {', '.join(names)}; name it with --time"
    )


def _targets(
    others: Sequence[str],
    target: str | None,
    series: str | None,
    names: Sequence[str],
    covariates: Sequence[str] | None,
) -> tuple[str, ...]:
    known = target or _alias(others, TARGET_NAMES)
    if known:
        return (known,)
    free = [name for name in others if name not in (covariates or ())]
    if not free:
        raise DataError(
            f"expected a column to forecast beside the time column; the columns found are "
            f"{', '.join(names)}"
        )
    if series is not None and len(free) > 1:
        raise DataError(
            f"expected a column y or target to forecast; the columns found are {', '.join(names)}; "
            "name it with --target"
        )
    return tuple(free)


def _numeric(names: Sequence[str], sample: Sequence[Sequence[str]], name: str) -> bool:
    place = list(names).index(name)
    cells = [row[place].strip() for row in sample if place < len(row) and row[place].strip()]
    return bool(cells) and all(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
