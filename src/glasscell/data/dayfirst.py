"""Decides between day and month for a column of dates as a whole, or refuses to.

docs/decisions/dates.md gives the rule and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.frequency import Frequency, check_frequency, grid, on_grid
from glasscell.data.stamps import Stamps
from glasscell.errors import DataError

CLEARLY = 2.0
"""How many times fewer gaps one reading of day and month must leave than the other."""


def chosen_reading(
    whole: Sequence[Stamps], text: Any, name: str, day_first: bool | None, freq: Frequency | None
) -> Stamps:
    """Choose the reading that was named, else the one whose rows are regular; never by chance.

    Args:
        whole: Readings under which every row is a date.
        text: The cells, for the message.
        name: Name of the column, for the message.
        day_first: Whether the day stands first, if that was named.
        freq: The frequency, if one was named.

    Raises:
        DataError: The named reading does not fit, or two readings are as likely.
    """
    named = {True: "day", False: "month"}.get(day_first)  # type: ignore[arg-type]
    if named and whole[0].order != "name" and not (len(whole) == 1 and whole[0].order == "year"):
        whole = [reading for reading in whole if reading.order == named]
        if not whole:
            raise DataError(
                f"time column {name!r}: --day-first {str(day_first).lower()}: not every row can "
                f"be read with the {named} first; leave it out, or give --date-format"
            )
    if len(whole) > 1 and freq is not None:
        filled = [_filled(reading.wall, freq) for reading in whole]
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


def _beats(one: Stamps, other: Stamps) -> bool:
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
