"""Turns what the clocks of a time zone show into UTC, where they repeat an hour or skip one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal
from zoneinfo import available_timezones

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.calendar import Times
from glasscell.data.wording import count, was
from glasscell.errors import DataError

ClockChange = Literal["order", "drop"]
"""What happens to local times that clocks show twice or never."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Times of which it is known where they lie.

    Args:
        times: In UTC, or on the clock of the zone where only there each step is the same.
        kept: The rows that were kept, by index; None: all.
    """

    times: Times
    kept: Array | None = None


def placed(
    times: Times,
    owners: Array | None,
    where: Callable[[int], str],
    change: ClockChange,
    named: bool,
) -> Placed:
    """Find out which moments the clocks of a time zone meant.

    Args:
        times: Times with a zone; left alone without one, or where they are in UTC.
        owners: (n,) what each row belongs to; None: all to one series.
        where: Row index to its place, for messages.
        change: "order": an hour that clocks repeat is meant twice, first in summer time; one that
            they skip is refused. "drop": rows in a skipped hour are left out.
        named: Whether the user named the zone.

    Returns:
        Times in UTC. Days, weeks and months stay local, as only there each step is the same.

    Raises:
        DataError: There is no such zone, the times are whole numbers, or one was never shown.

    >>> hours = pd.DatetimeIndex(["2021-10-31 01:00", "2021-10-31 02:00", "2021-10-31 02:00"])
    >>> there = placed(Times(hours, zone="Europe/Berlin"), None, str, "order", True)
    >>> [str(time)[11:16] for time in there.times.index]
    ['23:00', '00:00', '01:00']
    """
    if times.zone is None:
        return Placed(times)
    require_zone(times.zone)
    wall = times.index
    if pd.api.types.is_integer_dtype(wall.dtype):
        if named:
            raise DataError("--time-zone: expected dates in the data, got whole numbers for times")
        return Placed(replace(times, zone=None))
    if times.utc:
        return Placed(times)
    keys = pd.DataFrame({"owner": 0 if owners is None else owners, "wall": wall})
    if one_clock(wall):
        return Placed(times)
    never = np.asarray(_localized(wall, times.zone, ambiguous=np.ones(len(wall), bool)).isna())
    if never.any() and change == "order":
        first = int(np.argmax(never))
        raise DataError(
            f"{where(first)}: {wall[first]} was never shown by clocks of {times.zone}, which "
            f"skipped that hour ({count(int(never.sum()), 'such row')}); correct these rows, leave "
            "them out with --clock-change drop, or name the zone that the times are in, perhaps "
            "UTC, with --time-zone"
        )
    kept = np.flatnonzero(~never)
    wall, keys = wall[kept], keys.iloc[kept]
    occurrence = keys.groupby(["owner", "wall"]).cumcount(ascending=not _newest_first(keys))
    twice = np.asarray(_localized(wall, times.zone, ambiguous="NaT").isna())
    single = twice & ~keys.duplicated(keep=False).to_numpy()
    first, second = (_in_utc(wall, times.zone, single, one, occurrence) for one in (True, False))
    # A time that is there once is the one of the two that keeps the step.
    on_step = _on_step(keys, second) & ~_on_step(keys, first)
    utc = first.where(~(single & on_step), second)
    if _regular(keys, wall) and not _regular(keys, utc):
        # Six hours by the clock, say: never the same in UTC.
        return Placed(replace(times, index=wall), kept if never.any() else None)
    notes = [*times.notes, f"Times were read on clocks of {times.zone}."]
    if never.any():
        dropped = int(never.sum())
        notes.append(
            f"{count(dropped, 'row')} in an hour that the clocks skipped {was(dropped)} left out."
        )
    if single.any():
        lone = int(single.sum())
        notes.append(
            f"{count(lone, 'time')} that the clocks showed twice {was(lone)} there once "
            f"({wall[int(np.argmax(single))]} …), read as the first unless the step says otherwise."
        )
    return Placed(
        replace(times, index=utc, utc=True, notes=tuple(notes)), kept if never.any() else None
    )


def on_clock(times: Any, zone: str | None) -> Any:
    """Give times in UTC as the clocks of a zone show them, without the zone.

    >>> str(on_clock(pd.DatetimeIndex(["2021-07-01 12:00"]), "Europe/Berlin")[0])
    '2021-07-01 14:00:00'
    """
    return times if zone is None else in_zone(times, zone).tz_localize(None)


def in_zone(times: Any, zone: str | None) -> Any:
    """Give times in UTC as stamps of a zone, with their offsets; None: of UTC."""
    return times.tz_localize("UTC").tz_convert(zone or "UTC")


def one_clock(times: Any) -> bool:
    """Tell whether every time is at the same hour, as days and months are."""
    return len(np.unique((times - times.normalize()).to_numpy())) == 1


def require_zone(zone: str) -> None:
    """Refuse what is no name of a time zone.

    Raises:
        DataError: It is none.
    """
    try:
        pd.Timestamp("2024-01-01", tz=zone)
    except Exception as error:
        last = zone.rsplit("/", 1)[-1].replace(" ", "_").lower()
        by_city = {name.rsplit("/", 1)[-1].lower(): name for name in sorted(available_timezones())}
        near = [by_city[city] for city in get_close_matches(last, by_city, 3)]
        hint = f"did you mean {' or '.join(near)}?" if near else "such as Europe/Berlin or +01:00"
        raise DataError(
            f"--time-zone: expected the name of a time zone, got {zone!r}; {hint}"
        ) from error


def seems_clock_change(times: Any) -> bool:
    """Tell whether all of some times are early on Sundays of the months in which clocks change."""
    if not isinstance(times, pd.DatetimeIndex) or not len(times):
        return False
    early = (times.weekday == 6) & (times.hour < 4)
    return bool((early & times.month.isin((3, 4, 9, 10, 11))).all())


def _localized(wall: Any, zone: str, ambiguous: Any) -> Any:
    return wall.tz_localize(zone, ambiguous=ambiguous, nonexistent="NaT")


def _in_utc(wall: Any, zone: str, single: Array, first: bool, occurrence: Any) -> Any:
    """Give UTC where a time that clocks showed twice and that is there once is the first or not."""
    earlier = np.where(single, first, occurrence.to_numpy() == 0)
    return _localized(wall, zone, ambiguous=earlier).tz_convert("UTC").tz_localize(None)


def _newest_first(keys: pd.DataFrame) -> bool:
    steps = keys.groupby("owner", sort=False)["wall"].diff().dropna()
    return bool((steps < pd.Timedelta(0)).sum() > len(steps) / 2)


def _regular(keys: pd.DataFrame, times: Any) -> bool:
    return bool(_on_step(keys, times).all())


def _on_step(keys: pd.DataFrame, times: Any) -> Array:
    """Tell which rows are whole steps, of the most common length, after their series' first."""
    frame = pd.DataFrame({"owner": keys["owner"].to_numpy(), "time": times})
    first = frame.groupby("owner")["time"].transform("min")
    steps = frame.sort_values(["owner", "time"]).groupby("owner")["time"].diff().dropna()
    steps = steps[steps > pd.Timedelta(0)]
    if not len(steps):
        return np.ones(len(frame), bool)
    on = ((frame["time"] - first) % steps.mode().iloc[0]) == pd.Timedelta(0)
    return np.asarray(on)


def offset_zone(offset: str) -> str | None:
    """Give the zone of one offset from UTC as it is written in cells; None for UTC.

    >>> offset_zone("GMT+0200"), offset_zone("Z"), offset_zone("-05")
    ('+02:00', None, '-05:00')
    """
    digits = offset.upper().removeprefix("UTC").removeprefix("GMT").replace(":", "")
    if not digits[1:].strip("0") or digits[0] not in "+-":
        return None
    return f"{digits[:3]}:{digits[3:5] or '00'}"
