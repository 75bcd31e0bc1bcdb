"""Finds columns that are no series and no covariate though they hold numbers: counters, labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.columns import COUNTER, Roles
from glasscell.data.timenumbers import read_numbers
from glasscell.errors import DataError

_LABEL = re.compile(
    r"(.*[_\s.-])?(id|uuid|zip|zipcode|postcode|fips|latitude|longitude|lat|lon)", re.IGNORECASE
)


def without_unasked(
    roles: Roles, values: Mapping[str, Array], times: Any
) -> tuple[Roles, dict[str, str]]:
    """Leave out columns that nobody named and that tell nothing about the future.

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
            found = ", ".join(f"{name} ({why[name]})" for name in roles.targets[:5])
            raise DataError(
                f"expected a column to forecast, found only {found}; name one with --target"
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
    found = [name for name in read if len(values[name]) > 2 and len(read) > 1]
    return [
        f"Column {name!r} only counts the rows, and is read nevertheless."
        for name in found
        if (abs(np.diff(values[name])) == 1).all() and len(np.unique(np.diff(values[name]))) == 1
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
    if _LABEL.fullmatch(name):
        return "a label"
    return "part of the time" if _of_calendar(name, known, times, parts) else ""


def _of_calendar(name: str, values: Array, times: Any, parts: Sequence[Array]) -> bool:
    """Tell whether the values are the year, month, weekday … of the times."""
    if not isinstance(times, pd.DatetimeIndex):
        years = ((values > 1000) & (values < 3000)).all()
        return bool(years and re.fullmatch(r"years?|yr|jahr|年份?", name.lower()))
    if len(values) > 2 and _again(name, values, times):
        return True
    # Where the hour is 0 in every row, small numbers such as returns are near it all the same.
    whole = bool((values == np.rint(values)).all())
    return any(
        abs(values[0] - part[0]) < 0.1 and bool((abs(values - part) < 0.1).all())
        for part in parts
        if np.ptp(part) and (whole or part is parts[-1])
    )


def _again(name: str, values: Array, times: Any) -> bool:
    """Tell whether the values are times as numbers that go with the times, as a close time does."""
    if values.min() < 1e7 or (values != np.rint(values)).any():
        return False
    found = read_numbers(pd.Series(values).map("{:.0f}".format), name)
    if found is None or not isinstance(found[0], pd.DatetimeIndex):
        return False
    apart = (found[0] - times).to_numpy().astype("timedelta64[s]").astype(np.int64)
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
