"""Decides what each column of a table is: time, series, target, covariate or nothing.

Names and first cells decide first; then the values show which columns, of those that the user did
not name, count rows, label them or repeat the time, and so tell nothing about the future.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Literal

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.dates import dated, recognised
from glasscell.data.numerals import is_missing, looks_like_number
from glasscell.data.read_options import ReadOptions
from glasscell.data.timenumbers import read_time_numbers
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
TIME_WORDS = re.compile(r"dat|time|period|year|week|zeit|jahr|yyyy|aaaa|年|月|시점")
"""What is in the name of a column whose numbers are times."""
FOOTNOTES = 5
"""Rows below a table that may say where it comes from."""
VALUE_NAMES = ("value", "obs_value", "values")
"""Names of the target beside a series column, as statistical offices write it."""
COUNTER = re.compile(
    r"column \d+|unnamed: ?\d+(\.\d+)*|(row_?|time_?)?(index|idx|id|no|num|number)\.?|level_0|"
    r"row_?names?|rows?|rn|x|n|nr\.?|#|t|step|obs\.?|observation|record|instant|seq|sequence|"
    r"counter|trend|序号|编号",
    re.IGNORECASE,
)
"""Names of columns that only count the rows, where their values do."""
LABEL = re.compile(
    r"(.*[_\s.-])?(id|uuid|zip|zipcode|postcode|fips|latitude|longitude|lat|lon)", re.IGNORECASE
)
"""Names of columns of numbers that are names."""


@dataclass(frozen=True)
class Roles:
    """Which column is what.

    Args:
        time: The time column, or the columns that hold the parts of the time, with commas.
        series: The column that names the series (long layout), or None.
        targets: Columns to forecast: one, or in the wide layout one per series.
        covariates: Columns that are read beside the target, past values only.
        ignored: Columns that nothing reads.
        unasked: Targets and covariates that the user did not name; values may show they are none.
        labels: Columns of the file that `series` was put together from, if it is none of them.
        ahead: Columns that are known ahead.
        static: Columns that say one thing about each series.
        categories: Which of covariates, ahead and static hold categories.
    """

    time: str
    series: str | None
    targets: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unasked: tuple[str, ...] = field(default=(), repr=False)
    labels: tuple[str, ...] = ()
    ahead: tuple[str, ...] = field(default=(), repr=False)
    static: tuple[str, ...] = field(default=(), repr=False)
    categories: tuple[str, ...] = field(default=(), repr=False)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of values, in the order in which a row holds them."""
        return (*self.targets, *self.covariates, *self.ahead, *self.static)

    @property
    def layout(self) -> Literal["long", "wide", "single"]:
        """How the rows are laid out."""
        if self.series is not None:
            return "long"
        return "wide" if len(self.targets) > 1 else "single"


def resolve(cells: Mapping[str, Sequence[str]], options: ReadOptions | None = None) -> Roles:
    """Find the role of every column.

    Args:
        cells: Column names in order, and of each some cells that hold something, to see which
            columns hold dates or numbers.
        options: The columns that were named.

    Raises:
        DataError: A column is missing or two roles fall on one column; the message lists the
            columns.

    >>> resolve({"ds": ["2020-01-01"], "y": ["1"]})
    Roles(time='ds', series=None, targets=('y',), covariates=(), ignored=(), labels=())
    """
    options = options or ReadOptions()
    target, covariates, targets = options.target, options.covariates, options.targets
    names, time, series = list(cells), options.time, options.series
    ahead, static = tuple(options.future_covariates or ()), tuple(options.static or ())
    _require_there(cells, options)
    told = {*ahead, *static}
    named = {target, series, *(targets or ()), *(covariates or ()), *told}
    time = time or _time_column(cells, [name for name in names if name not in named])
    series = series or _alias([n for n in names if n not in (time, target, *told)], SERIES_NAMES)
    others = [name for name in names if name not in (time, series, *told)]
    free = [n for n in others if n not in (covariates or ())]
    numeric = [n for n in free if n in named or _numeric(cells[n])]
    found = targets is None and _targets(numeric, free, target, series, names)
    chosen = tuple(found or targets or ())
    alone = series is None and bool(target)
    beside = [n for n in numeric if alone and covariates is None and n not in chosen]
    covariates = beside if covariates is None else covariates
    clash = sorted({time, *chosen, *([series] if series else [])} & set(covariates))
    if len({time, series, *chosen}) < 2 + len(chosen) or clash:
        raise DataError(
            f"expected different columns for time ({time}), series ({series}), target "
            f"({', '.join(chosen)}) and covariates ({', '.join(covariates) or 'none'})"
        )
    _require_apart(time, series, chosen, covariates, ahead, static)
    used = {time, series, *chosen, *covariates, *told}
    ignored = tuple(name for name in names if name not in used)
    kept = named | {name for name in chosen[:1] if name.lower() in TARGET_NAMES}
    unasked = tuple(name for name in (*chosen, *beside) if name not in kept)
    categories = _categories(cells, options, (*covariates, *ahead, *static))
    return Roles(
        *(time, series, chosen, tuple(covariates), ignored, unasked),
        ahead=ahead,
        static=static,
        categories=categories,
    )


def _require_there(cells: Mapping[str, Sequence[str]], options: ReadOptions) -> None:
    """Refuse names of columns that there are not."""
    lists = {
        "--time": [options.time],
        "--target": [options.target],
        "--series": [options.series],
        "--covariates": options.covariates,
        "--future-covariates": options.future_covariates,
        "--static": options.static,
        "--categories": options.categories,
    }
    for role, names in lists.items():
        for name in names or ():
            if name is not None and name not in cells:
                raise DataError(
                    f"{role} {name!r}: there is no such column; the columns found are "
                    f"{', '.join(cells)}"
                )


def _require_apart(
    time: str,
    series: str | None,
    targets: Sequence[str],
    covariates: Sequence[str],
    ahead: Sequence[str],
    static: Sequence[str],
) -> None:
    """Refuse a column that is known ahead or static and something else too."""
    others = {time: "the time", **dict.fromkeys(targets, "a target")}
    others |= {series: "the series"} if series else {}
    others |= dict.fromkeys(covariates, "one of --covariates, whose past alone is read")
    for role, names in (("--future-covariates", ahead), ("--static", static)):
        for name in names:
            if name in others:
                raise DataError(
                    f"{role} {name!r}: this column is {others[name]} already; name it once"
                )
            others[name] = f"one of {role}"


def _categories(
    cells: Mapping[str, Sequence[str]], options: ReadOptions, names: Sequence[str]
) -> tuple[str, ...]:
    """Find which columns hold categories: those that were named, and those of text."""
    if options.vocabulary is not None:
        return tuple(name for name in names if name in options.vocabulary)
    chosen = set(options.categories or ())
    if strange := sorted(chosen - set(names)):
        raise DataError(
            f"--categories {strange[0]!r}: expected one of --covariates, --future-covariates or "
            f"--static ({', '.join(names) or 'none of which is given'}); name it there too"
        )
    return tuple(
        name
        for name in names
        if name in chosen or (any(map(str.strip, cells[name])) and not _numeric(cells[name]))
    )


def _time_column(cells: Mapping[str, Sequence[str]], free: Sequence[str]) -> str:
    """Find the time column: a known name that holds times, else the first column with dates."""
    known = _alias(free, TIME_NAMES)
    if known and _holds_times(cells[known], known):
        return known
    with_dates = [name for name in free if dated(cells[name], name)]
    likely = chain(
        # The start of a query stands in every row, and so may a day of which there are many rows.
        (name for name in with_dates if len(set(cells[name])) > 1),
        with_dates,
        # Numbers are times only under a name that says so.
        (n for n in free if TIME_WORDS.search(n.lower()) and recognised(cells[n], n)),
        # The rows below a table are told by their lines when its times are read.
        (name for name in free if dated(cells[name][:-FOOTNOTES], name)),
        filter(None, (known, _alias(free, PERIOD_NAMES))),
        (name for name in free if COUNTER.fullmatch(name) and _counts(cells[name])),
    )
    for name in likely:
        return name
    names = list(cells)
    listed = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
    raise DataError(
        "expected a time column named ds, timestamp, date, datetime or time, or one that holds "
        f"dates; the columns found are {listed or 'none'}; name it with --time, or number the "
        "rows in a column t"
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


def _holds_times(cells: Sequence[str], name: str) -> bool:
    """Tell whether most cells can be times or numbers of steps."""
    if not cells or recognised(cells, name):
        return True
    return sum(looks_like_number(c) or recognised([c], name) for c in cells) > len(cells) / 2


def _numeric(cells: Sequence[str]) -> bool:
    """Tell whether most filled cells are numbers, so that one slip does not make a column text."""
    filled = [cell for cell in cells if not is_missing(cell)]
    return sum(map(looks_like_number, filled)) >= max(len(filled) / 2, 1)


def _counts(cells: Sequence[str]) -> bool:
    """Tell whether cells count 0, 1, 2 … or 1, 2, 3 …, or from any other whole number."""
    if not cells or not all(re.fullmatch(r"\d+", cell) for cell in cells):
        return False
    return [int(cell) - int(cells[0]) for cell in cells] == list(range(len(cells)))


def without_bystanders(
    roles: Roles, values: Mapping[str, Array], times: Any
) -> tuple[Roles, dict[str, str]]:
    """Leave out columns that tell nothing about the future, unless the user named them.

    Args:
        roles: The roles that names and the first rows gave.
        values: Column to its (n,) float64 values in the order of the file, NaN where missing.
        times: (n,) DatetimeIndex or Index of integers.

    Returns:
        The roles, and of each column left out why.

    Raises:
        DataError: No column to forecast has a value.
    """
    parts = _calendar(times) if roles.unasked else []
    why = {name: _reason(name, values[name], times, parts) for name in roles.unasked}
    empty = [name for name in roles.targets if np.isnan(values[name]).all()]
    if len(empty) == len(roles.targets):
        raise DataError(f"expected values in {', '.join(empty[:5])}, found no value in any row")
    if all(why.get(name) for name in roles.targets):
        if len(roles.targets) - len(empty) > 1:
            listed = ", ".join(f"{name} ({why[name]})" for name in roles.targets[:5])
            raise DataError(
                f"expected a column to forecast, found only {listed}; name one with --target"
            )
        # Something must be forecast: keep what has values.
        why.update({name: "" for name in roles.targets if name not in empty})
    dropped = {name: reason for name, reason in why.items() if reason}
    targets = tuple(name for name in roles.targets if name not in dropped)
    covariates = tuple(name for name in roles.covariates if name not in dropped)
    ignored = (*roles.ignored, *dropped)
    return replace(roles, targets=targets, covariates=covariates, ignored=ignored), dropped


def counters(roles: Roles, values: Mapping[str, Array]) -> list[str]:
    """Say which columns count the rows though their names do not say so, and are read."""
    read = [name for name in roles.unasked if name in (*roles.targets, *roles.covariates)]
    steps = {name: np.diff(values[name]) for name in read if len(read) > 1}
    return [
        f"Column {name!r} only counts the rows, and is read nevertheless."
        for name in read
        if len(steps.get(name, ())) > 1 and set(steps[name]) in ({1.0}, {-1.0})
    ]


def _reason(name: str, values: Array, times: Any, parts: Sequence[Array]) -> str:
    known = values[~np.isnan(values)]
    if not len(known):
        return "no value"
    if len(known) > 2 and (known == known[0]).all():
        return f"{known[0]:g} throughout"
    if len(known) < max(len(values), 3):
        return ""
    if (known != np.rint(known)).any():
        return "part of the time" if _of_calendar(name, known, times, parts) else ""
    steps = np.diff(known)
    if COUNTER.fullmatch(name) and ((steps > 0).all() or (steps < 0).all()):
        return "counts the rows"
    if LABEL.fullmatch(name):
        return "a label"
    return "part of the time" if _of_calendar(name, known, times, parts) else ""


def _of_calendar(name: str, values: Array, times: Any, parts: Sequence[Array]) -> bool:
    """Tell whether the values are the year, month, weekday … of the times."""
    if not isinstance(times, pd.DatetimeIndex):
        years = ((values > 1000) & (values < 3000)).all()
        return bool(years and re.fullmatch(r"years?|yr|jahr|年份?", name.lower()))
    if len(values) > 2 and _second_time(name, values, times):
        return True
    # Where the hour is 0 in every row, small numbers such as returns are near it all the same.
    whole = bool((values == np.rint(values)).all())
    return any(
        abs(values[0] - part[0]) < 0.1 and bool((abs(values - part) < 0.1).all())
        for part in parts
        if np.ptp(part) and (whole or part is parts[-1])
    )


def _second_time(name: str, values: Array, times: Any) -> bool:
    """Tell whether the values are times as numbers that go with the times, as a close time does."""
    if values.min() < 1e7 or (values != np.rint(values)).any():
        return False
    read = read_time_numbers(pd.Series(values).map("{:.0f}".format), name)
    if read is None or not isinstance(read.index, pd.DatetimeIndex):
        return False
    apart = (read.index - times).to_numpy().astype("timedelta64[s]").astype(np.int64)
    steps = abs(np.diff(times.to_numpy()).astype("timedelta64[s]").astype(np.int64))
    # The end of a month is one day to three away from the same place in every month.
    return bool(np.ptp(apart) <= max(np.median(steps), 1) and abs(apart).max() < 400 * 86400)


def _calendar(times: Any) -> list[Array]:
    """Give what people write beside a date: year (with a fraction too), month, weekday and such."""
    if not isinstance(times, pd.DatetimeIndex):
        return []
    weekday, after = times.day_of_week, (times.day_of_week + 1) % 7
    parts = (
        *(times.year, times.month, times.day, times.hour, times.minute, times.quarter),
        *(times.day_of_year, times.isocalendar().week, times.year % 100),
        *(weekday, weekday + 1, after, after + 1, weekday >= 5, times.hour + 1),
        *(100 * times.year + times.month, times.year + (times.day_of_year - 1) / 366),
    )
    return [np.asarray(part, float) for part in parts]
