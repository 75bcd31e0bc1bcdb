"""Steep rises of blood glucose, most of them meals, and what the LSTM's gates do at them.

The readings come without a log of meals. A rise of 40 mg/dL within half an hour is far above what
the sensor's noise or waking up does; in these data such rises crowd at 7, 11, 15 and 19 o'clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glasscell.inspect.trace import LayerTrace
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

WARM_UP = 12
"""First steps of a window that are not counted: the state starts from zero there."""

SHIFTS = 200
QUANTITIES = ("forget", "input", "candidate", "output", "cell", "hidden")
GATES = QUANTITIES[:4]


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


@dataclass(frozen=True, kw_only=True)
class Movement:
    """How much one quantity moves per step.

    Args:
        name: "forget", "input" ...
        at_rises: Mean |change per step| in the half hour after a rise begins.
        at_falls: The same after a fall as steep begins.
        elsewhere: The same in the steps that are near neither.
        by_chance: Ratio of the two that 95 of 100 random shifts of the rises stay below.
    """

    name: str
    at_rises: float
    at_falls: float
    elsewhere: float
    by_chance: float

    @property
    def ratio(self) -> float:
        """How many times as much it moves at rises."""
        return self.at_rises / self.elsewhere if self.elsewhere > 0 else float("nan")


def movements(trace: LayerTrace, test: RisesInTest, seed: int = 0) -> list[Movement]:
    """Measure what each gate does at rises, at falls, and at the same rises set at random times.

    Args:
        trace: Of the windows of `test`, (M, lookback, H).
        test: Rises and falls.
        seed: Of the random times.

    Returns:
        One entry for each of the six quantities.
    """
    rises, falls, marks = _after(test.marks), _after(test.falls), test.marks
    shifts = np.random.default_rng(seed).integers(WITHIN, marks.size - WITHIN, SHIFTS)
    random = [_after(np.roll(marks.ravel(), by).reshape(marks.shape)) for by in shifts]
    found = []
    for name in QUANTITIES:
        moves = np.abs(np.diff(getattr(trace, name), axis=1)).mean(axis=2)[:, WARM_UP:]
        by_chance = [_mean(moves, other) / _mean(moves, ~other) for other in random]
        found.append(
            Movement(
                name=name,
                at_rises=_mean(moves, rises),
                at_falls=_mean(moves, falls & ~rises),
                elsewhere=_mean(moves, ~rises & ~falls),
                by_chance=float(np.quantile(by_chance, 0.95)),
            )
        )
    return found


def in_words(found: Sequence[Movement], count: int) -> str:
    """Say in one sentence which gate moves most at rises.

    Args:
        found: From `movements`.
        count: Rises behind it.
    """
    gates = sorted((m for m in found if m.name in GATES), key=lambda m: -m.ratio)
    clear = [m for m in gates if m.ratio > m.by_chance]
    if not clear:
        return f"At {count} steep rises (likely meals) no gate moves more than by chance."
    first, *rest = (
        f"the {m.name}{'' if m.name == 'candidate' else ' gate'} {m.ratio:.2f} times" for m in clear
    )
    others = f", {', '.join(rest)}" if rest else ""
    return (
        f"At {count} steep rises (likely meals) of the test part {first} as much as elsewhere"
        f"{others}; rises set at random times reach {max(m.by_chance for m in clear):.2f}."
    )


def _after(marks: Array) -> Array:
    """Mark the steps of half an hour from each rise on, as changes from the step before."""
    near = np.zeros(marks.shape, bool)
    for lag in range(1, WITHIN + 1):
        near[:, lag:] |= marks[:, :-lag]
    return near[:, 1 + WARM_UP :]


def _mean(moves: Array, where: Array) -> float:
    return float(moves[where].mean()) if where.any() else float("nan")


def _begins(steps: Array, n: int) -> Array:
    marks = np.zeros(n, bool)
    marks[steps] = True
    return marks
