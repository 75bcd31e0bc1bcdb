"""Times of a regular series without pandas: read one, count the steps between two."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError

__all__ = ["Clock", "Wall", "duration"]

UNITS = {
    "ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9,
    "D": 86400 * 10**9, "W": 7 * 86400 * 10**9,
}  # fmt: skip
MONTHS = {"M": 1, "Q": 3, "Y": 12}
_FIXED = re.compile(r"(\d*)(ns|us|ms|s|min|h|D|W)(-[A-Z]{3})?")
_MONTHLY = re.compile(r"(\d*)([MQY])(S|E)?(-[A-Z]{3})?")


class Clock:
    """Counts the steps of a frequency; times are nanoseconds since 1970 in UTC, or integers.

    Args:
        freq: A pandas offset of a fixed length, of days, weeks, months, quarters or years; "B" for
            business days; or a step of integers.

    Raises:
        DataError: The frequency is another one.

    >>> clock = Clock("MS")
    >>> clock.steps(clock.read("2024-01-01"), clock.read("2024-03-01"))
    2
    """

    def __init__(self, freq: str | int) -> None:
        self.freq = freq
        self._step = self._months = 0
        if isinstance(freq, int):
            self._step = freq
        elif found := _FIXED.fullmatch(freq):
            self._step = int(found[1] or 1) * UNITS[found[2]]
        elif found := _MONTHLY.fullmatch(freq):
            self._months = int(found[1] or 1) * MONTHS[found[2]]
        elif freq != "B":
            raise DataError(
                f"the run has frequency {freq}, whose steps a stream cannot count; it can those of "
                "s, min, h, D, B, W, M, Q and Y"
            )

    def read(self, cell: Any, offset: bool = True) -> int:
        """Read a time.

        Args:
            cell: As it is written, in ISO 8601, or a whole number.
            offset: Whether it may have an offset from UTC.

        Raises:
            DataError: It is none, or has an offset.
        """
        text = str(cell).strip()
        try:
            if isinstance(self.freq, int):
                return int(text)
            time = datetime.fromisoformat(text.replace("/", "-"))
        except ValueError as error:
            kind = "a whole number" if isinstance(self.freq, int) else "such as 2024-01-31 18:00"
            raise DataError(f"expected a time, {kind}, got {cell!r}") from error
        if time.tzinfo is not None and not offset:
            raise DataError(
                f"expected times as clocks show them, as the run reads the calendar, got {cell}; "
                "leave the offset out"
            )
        if time.tzinfo is not None:
            time = time.astimezone(UTC).replace(tzinfo=None)
        return int(np.datetime64(time, "us").astype(np.int64)) * 1000

    def steps(self, first: int, later: int) -> int | None:
        """Count the steps from one time to another; None where they are no whole number."""
        if self._step:
            count, rest = divmod(later - first, self._step)
            return None if rest else count
        a, b = (np.datetime64(time, "ns") for time in (first, later))
        if self.freq == "B":
            return int(np.busday_count(a.astype("M8[D]"), b.astype("M8[D]")))
        apart = int((b.astype("M8[M]") - a.astype("M8[M]")).astype(int))
        count, rest = divmod(apart, self._months)
        return None if rest else count

    def after(self, first: int, steps: int, most: int | None = None) -> list[int]:
        """Give the times of the next steps, of many the last `most`."""
        begin = 1 if most is None else max(1, steps - most + 1)
        if self._step:
            return [first + k * self._step for k in range(begin, steps + 1)]
        a = np.datetime64(first, "ns")
        if self.freq == "B":
            days = np.busday_offset(a.astype("M8[D]"), np.arange(begin, steps + 1))
            return [int(day) for day in days.astype("M8[ns]").astype(np.int64)]
        months = a.astype("M8[M]") + self._months * np.arange(begin, steps + 1)
        starts = months.astype("M8[ns]").astype(np.int64)
        if a == a.astype("M8[M]"):  # months that are named by their first day
            return [int(start) for start in starts]
        ends = (months + 1).astype("M8[D]") - np.timedelta64(1, "D")
        return [int(end) for end in ends.astype("M8[ns]").astype(np.int64)]


class Wall:
    """What clocks and calendars show at times, by the names that pandas has for it.

    Args:
        times: (n,) nanoseconds since 1970, as the clock shows them.

    >>> wall = Wall(np.array([1706724000 * 10**9]))
    >>> wall.hour.tolist(), wall.day.tolist(), wall.day_of_week.tolist()
    ([18], [31], [2])
    """

    def __init__(self, times: Array) -> None:
        self._moments = [datetime.fromtimestamp(time // 10**9, UTC) for time in times.tolist()]

    def __len__(self) -> int:
        return len(self._moments)

    def __getattr__(self, name: str) -> Array:
        if name not in ("year", "month", "day", "hour", "minute", "second"):
            raise AttributeError(name)
        return np.array([getattr(moment, name) for moment in self._moments])

    @property
    def day_of_week(self) -> Array:
        """0 on Mondays."""
        return np.array([moment.weekday() for moment in self._moments])

    @property
    def day_of_year(self) -> Array:
        """1 on the first of January."""
        return np.array([moment.timetuple().tm_yday for moment in self._moments])

    @property
    def days_in_month(self) -> Array:
        """28 to 31."""
        return np.array([monthrange(moment.year, moment.month)[1] for moment in self._moments])

    def isocalendar(self) -> Wall:
        """Give what has `week`."""
        return self

    @property
    def week(self) -> Array:
        """Week of ISO 8601."""
        return np.array([moment.isocalendar().week for moment in self._moments])


def duration(text: str | int, integer: bool) -> int:
    """Read a duration such as 30min as nanoseconds, or a whole number of integer times.

    Raises:
        DataError: It is none.

    >>> duration("30min", integer=False)
    1800000000000
    """
    found = _FIXED.fullmatch(str(text).strip())
    if integer and str(text).strip().isdecimal():
        return int(text)
    if integer or found is None or found[3]:
        raise DataError(f"--max-gap {text!r}: a stream cannot read it; it can 30min, 2h, 3D")
    return int(found[1] or 1) * UNITS[found[2]]
