"""Puts a series on its regular grid of times and treats the missing values by a named policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.wording import share
from glasscell.errors import DataError

Policy = Literal["raise", "interpolate", "drop"]


@dataclass(frozen=True)
class GapRule:
    """What happens where values are missing.

    Args:
        policy: "raise" refuses them; "interpolate" fills them linearly in time; "drop" fills
            nothing: windows that touch a gap are left out.
        max_gap: The longest time between two measured values that is still interpolated, e.g.
            "30min", or a whole number for integer times; None: any.
    """

    policy: Policy = "raise"
    max_gap: str | int | None = None

    def __post_init__(self) -> None:
        if self.max_gap is not None and self.policy != "interpolate":
            raise DataError("--max-gap limits --gaps interpolate; give both")

    def limit(self, integer: bool) -> Any:
        """Give `max_gap` as a number comparable with time differences, or None.

        Raises:
            DataError: It is no duration.
        """
        if self.max_gap is None:
            return None
        try:
            return int(self.max_gap) if integer else pd.Timedelta(self.max_gap).as_unit("ns").value
        except ValueError as error:
            raise DataError(
                f"--max-gap {self.max_gap!r}: expected "
                f"{'a whole number of time units' if integer else 'a duration such as 30min or 2D'}"
            ) from error


def shown(time: Any) -> str:
    """Write a time, without the clock at midnight."""
    return str(time).removesuffix(" 00:00:00")


def refuse_missing(values: Array, times: Any, names: list[str], who: str, places: Any) -> None:
    """Refuse missing values under the policy "raise".

    Args:
        values: (n, F) values on the grid, NaN where missing.
        times: (n,) the grid.
        names: (F,) column names.
        who: How to call the series, e.g. "series 'a'".
        places: Grid row to the place of that row in the file, e.g. "line 7", or "no row" text.

    Raises:
        DataError: A value is missing.
    """
    missing = np.isnan(values)
    if not missing.any():
        return
    column = int(np.argmax(missing.any(axis=0)))
    row = int(np.argmax(missing[:, column]))
    raise DataError(
        f"{who}, column {names[column]!r}: "
        f"{share(int(missing[:, column].sum()), len(values), 'time step', 'has', 'have')} "
        f"no value, first {shown(times[row])} ({places(row)}); choose what to do with "
        "--gaps interpolate (linear in time; --max-gap limits it) or --gaps drop (windows that "
        "touch a gap are left out)"
    )


def fill(values: Array, times: Any, rule: GapRule) -> Array:
    """Interpolate the gaps that the rule allows; what stays missing stays NaN.

    Args:
        values: (n, F) values on the grid, NaN where missing; the first and last rows are measured.
        times: (n,) the grid.
        rule: The policy.

    Returns:
        (n, F) a copy with gaps filled.

    >>> fill(np.array([[0.0], [np.nan], [2.0]]), pd.RangeIndex(3), GapRule("interpolate")).ravel()
    array([0., 1., 2.])
    """
    filled = np.array(values)
    if rule.policy != "interpolate":
        return filled
    integer = pd.api.types.is_integer_dtype(times.dtype)
    limit = rule.limit(integer)
    clock = times.to_numpy().astype(np.int64)
    for column in filled.T:
        known = np.flatnonzero(~np.isnan(column))
        missing = np.flatnonzero(np.isnan(column))
        if not len(known) or not len(missing):
            continue
        after = np.searchsorted(known, missing)
        inside = (after > 0) & (after < len(known))
        missing, after = missing[inside], after[inside]
        width = clock[known[after]] - clock[known[after - 1]]
        missing = missing if limit is None else missing[width <= limit]
        column[missing] = np.interp(
            clock[missing] - clock[0], clock[known] - clock[0], column[known]
        )
    return filled
