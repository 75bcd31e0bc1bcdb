"""Finds the steep rises of blood glucose, most of them meals, and a window that shows some.

The readings come without a log of meals. A rise of 40 mg/dL within half an hour is far above what
the sensor's noise or waking up does; in these data there are 2.3 a day, and they crowd at 7, 11, 15
and 19 o'clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell.arrays import Array
from glasscell.tasks.forecast.plan import Plan

STEEP = 40.0
"""mg/dL that a rise has at least ..."""

WITHIN = 6
"""... within so many steps of five minutes."""

APART = 12
"""Steps without a steep rise that end one."""

JUMP = 20.0
"""mg/dL between two readings above which the sensor is to blame: 4 mg/dL a minute."""


def find_rises(readings: Array) -> Array:
    """Find where steep rises begin.

    Args:
        readings: (n,) mg/dL, every five minutes; NaN where there is none.

    Returns:
        (k,) int64 steps, ascending: of each rise the last of the lowest readings it starts from.

    >>> find_rises(np.array([100.0] * 10 + [110, 125, 145, 160] + [160] * 10))
    array([9])
    """
    n = len(readings)
    later = np.full(n, np.nan)
    later[:-WITHIN] = readings[WITHIN:] - readings[:-WITHIN]
    starts: list[int] = []
    last = -n
    for step in np.flatnonzero(later >= STEEP).tolist():
        if step - last > APART:
            start = readings[step : step + WITHIN]
            starts.append(step + int(np.flatnonzero(start == np.nanmin(start))[-1]))
        last = step
    return np.array(starts, np.int64)


@dataclass(frozen=True, eq=False)
class RisesInTest:
    """The rises in every window of the test part.

    Args:
        readings: (M, lookback) mg/dL.
        rises: (M, lookback) bool, where a rise begins.
        falls: (M, lookback) bool, where a fall as steep begins.
        origins: (M,) row after the last of each window.
    """

    readings: Array
    rises: Array
    falls: Array
    origins: Array

    @classmethod
    def of(cls, plan: Plan) -> RisesInTest:
        """Find the rises in the windows of a plan."""
        rows = plan.test.origins[:, None] + np.arange(-plan.lookback, 0)
        series = plan.dataset.series
        measured = [np.where(s.measured, s.target, np.nan) for s in series]
        rises, falls = (
            np.concatenate([_marks(find_rises(sign * one), len(one)) for one in measured])[rows]
            for sign in (1, -1)
        )
        readings = np.concatenate([s.target for s in series])[rows]
        return cls(readings, rises, falls, plan.test.origins)

    def apart(self) -> Array:
        """Give the indices of windows that share no step."""
        kept, end = [], 0
        for index, origin in enumerate(self.origins):
            if origin - self.readings.shape[1] >= end:
                kept.append(index)
                end = origin
        return np.array(kept, np.int64)

    def richest(self) -> int:
        """Choose the window to show.

        No jump of the sensor, the most rises in its middle, and of these the widest swing that
        ends near its own median: a meal and what follows, not the half of it.
        """
        steps = self.rises.shape[1]
        count = self.rises[:, steps // 8 : -steps // 4].sum(axis=1)
        smooth = np.abs(np.diff(self.readings, axis=1)).max(axis=1) <= JUMP
        off = np.abs(self.readings[:, -1] - np.median(self.readings, axis=1))
        swing = np.ptp(self.readings, axis=1) - 2 * off
        return int(np.lexsort((swing, count, smooth))[-1])


def _marks(steps: Array, n: int) -> Array:
    marks = np.zeros(n, bool)
    marks[steps] = True
    return marks
