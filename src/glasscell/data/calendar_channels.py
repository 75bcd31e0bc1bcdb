"""Says in numbers what time stamps tell: hour, weekday, month and such, known of any time ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.wording import few
from glasscell.errors import DataError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ONE_OF = {
    "hour": [f"hour {hour}" for hour in range(24)],
    "weekday": list(DAYS),
    "month": [f"month {month}" for month in range(1, 13)],
}
"""What is one of a few: a channel for each, 1 where it is so."""
WAVES = {"day": 3, "week": 4, "year-day": 4, "time-of-day": 8}
"""What goes round smoothly: so many waves, a sine and a cosine each."""
NAMES = ("hour", "weekday", "day", "month", "week", "year-day", "time-of-day")


def require_calendar(names: Sequence[str], times: Any) -> None:
    """Refuse names that are no part of a calendar, and a calendar of times that are numbers.

    Raises:
        DataError: Either.
    """
    if strange := [name for name in names if name not in NAMES]:
        raise DataError(f"--calendar: expected names among {few(NAMES, 9)}, got {few(strange)}")
    if names and not hasattr(times, "hour"):
        raise DataError(
            "--calendar: expected times that are dates, got whole numbers; leave it out, or give "
            "dates"
        )


def channel_names(names: Sequence[str]) -> list[str]:
    """Name the channels.

    >>> channel_names(["day"])[:2], len(channel_names(["hour", "weekday"]))
    (['day sin 1', 'day cos 1'], 31)
    """
    told = []
    for name in names:
        waves = (
            f"{name} {f} {k}" for k in range(1, WAVES.get(name, 0) + 1) for f in ("sin", "cos")
        )
        told += ONE_OF.get(name) or list(waves)
    return told


def calendar_channels(times: Any, names: Sequence[str]) -> Array:
    """Give (n, K) float64 channels of n times.

    Args:
        times: (n,) DatetimeIndex.
        names: What they are to tell, of `NAMES`.

    >>> import pandas as pd
    >>> times = pd.date_range("2024-01-01", periods=2)
    >>> calendar_channels(times, ["weekday"])[0].tolist()
    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    parts = [_channels(times, name) for name in names]
    return np.concatenate([np.zeros((len(times), 0)), *parts], axis=1)


def _channels(times: Any, name: str) -> Array:
    if name in ONE_OF:
        place = {"hour": times.hour, "weekday": times.day_of_week, "month": times.month - 1}[name]
        return np.asarray(np.eye(len(ONE_OF[name]))[np.asarray(place)])
    second = np.asarray(3600 * times.hour + 60 * times.minute + times.second, float)
    if name == "time-of-day":
        phase = second / 86400
    elif name == "day":
        phase = (np.asarray(times.day) - 1) / np.asarray(times.days_in_month)
    elif name == "week":
        phase = (np.asarray(times.isocalendar().week, float) - 1) / 52.1775
    else:
        phase = (np.asarray(times.day_of_year) - 1 + second / 86400) / 365.2425
    turns = 2 * np.pi * phase[:, None] * np.arange(1, WAVES[name] + 1)
    return np.stack([np.sin(turns), np.cos(turns)], axis=2).reshape(len(times), -1)
