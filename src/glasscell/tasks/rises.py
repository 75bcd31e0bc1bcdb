"""Finds the steep rises of blood glucose, most of them meals, and a window that shows some.

The readings come without a log of meals. A rise of 40 mg/dL within half an hour is far above what
the sensor's noise or waking up does; in these data such rises crowd at 7, 11, 15 and 19 o'clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glasscell.tasks.plan import Plan

Array = np.ndarray[Any, Any]

STEEP = 40.0
"""mg/dL that a rise has at least ..."""

WITHIN = 6
"""... within so many steps of five minutes."""

APART = 12
"""Steps that must lie between the onsets of two rises."""

JUMP = 20.0
"""mg/dL between two readings above which the sensor is to blame: 4 mg/dL a minute."""


def find_rises(readings: Array) -> Array:
    """Find where steep rises begin.

    Args:
        readings: (n,) mg/dL, every five minutes; NaN where there is none.

    Returns:
        (k,) int64 steps, ascending: of each rise the lowest reading before it.

    >>> find_rises(np.array([100.0] * 10 + [110, 125, 145, 160] + [160] * 10))
    array([9])
    """
    n = len(readings)
    later = np.full(n, np.nan)
    later[:-WITHIN] = readings[WITHIN:] - readings[:-WITHIN]
    steep = np.flatnonzero(later >= STEEP)
    found: list[int] = []
    last = -n
    for step in steep:
        if step - last > APART:
            span = readings[step : step + WITHIN]
            found.append(int(step + np.flatnonzero(span == np.nanmin(span))[-1]))
        last = step
    return np.array(found, np.int64)


@dataclass(frozen=True, eq=False)
class RisesInTest:
    """Windows of the test part, and the rises in them.

    Args:
        windows: (M,) indices of test windows.
        marks: (M, lookback) bool, where a rise begins.
        falls: (M, lookback) bool, where a fall as steep begins.
    """

    windows: Array
    marks: Array
    falls: Array

    @classmethod
    def of(cls, plan: Plan) -> RisesInTest:
        """Find the rises in all test windows of a plan."""
        rows = plan.test.origins[:, None] + np.arange(-plan.lookback, 0)
        readings = [np.where(s.measured, s.target, np.nan) for s in plan.dataset.series]
        rises, falls = (
            np.concatenate([_begins(find_rises(sign * one), len(one)) for one in readings])[rows]
            for sign in (1, -1)
        )
        return cls(np.arange(len(rows)), rises, falls)

    def apart(self, origins: Array, lookback: int) -> RisesInTest:
        """Keep windows that share no step.

        Args:
            origins: (M,) row after the last of each window.
            lookback: Steps of a window.
        """
        kept, end = [], -lookback
        for k, origin in enumerate(origins):
            if origin - lookback >= end:
                kept.append(k)
                end = origin
        return RisesInTest(self.windows[kept], self.marks[kept], self.falls[kept])

    def richest(self, readings: Array) -> int:
        """Choose the window to show: no jump of the sensor, the most rises, the widest swing.

        Args:
            readings: (M, lookback) mg/dL that the windows hold.
        """
        steps = self.marks.shape[1]
        rises = self.marks[:, steps // 8 : -steps // 6].sum(axis=1)
        smooth = np.abs(np.diff(readings, axis=1)).max(axis=1) <= JUMP
        return int(self.windows[np.lexsort((np.ptp(readings, axis=1), rises, smooth))[-1]])


def _begins(steps: Array, n: int) -> Array:
    marks = np.zeros(n, bool)
    marks[steps] = True
    return marks
