"""Intervals around forecasts: conformal, by the errors that came before; NumPy alone.

How far a value lies outside what the network told is its score::

    s = max(lo - y, y - hi) / unit

with lo = hi = the forecast and unit 1 for points, so that s is the absolute error; lo = hi = the
location and unit the scale for a Student-t distribution (normalised conformal: Papadopoulos et al.
2002); lo and hi the told quantiles of the level and unit 1 for quantiles (CQR: Romano et al. 2019,
eq. 6 to 8). The interval of a level is lo - m unit to hi + m unit, where m is the k-th smallest of
n scores, k = ⌈level (n + 1)⌉ (Vovk et al. 2005): each step of the horizon has scores of its own.

Adaptive intervals take m from the last scores that are known, at a level 1 - α that moves with what
happened, α ← α + γ_s (1 - level - [missed]), after Gibbs & Candès 2021, eq. 2. An error of step s
comes s rows later, so γ_s = 0.1 / s.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from glasscell.arrays import Array
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.model.nodes.telling import Telling

__all__ = ["Calibration", "Tracker", "ends", "least", "level_name", "rank", "require_levels"]

GAMMA = 0.1
"""How fast α moves at the first step: 0.06 to 0.2 cover alike (docs/decisions/intervals.md)."""
RECENT = 1000
"""Scores that adaptive intervals remember for each step: the last ones."""
FORMAT = 1


def rank(level: float, known: int) -> int:
    """Give k, which of the sorted scores is the margin: ⌈level (n + 1)⌉ in exact arithmetic.

    Args:
        level: Percent.
        known: n, how many scores there are.

    >>> rank(90.0, 9), rank(90.0, 99)
    (9, 90)
    """
    return math.ceil(Fraction(repr(float(level))) * (known + 1) / 100)


def least(level: float) -> int:
    """Count the scores without which there is no interval of a level.

    >>> least(80.0), least(90.0), least(99.0)
    (4, 9, 99)
    """
    exact = Fraction(repr(float(level)))
    return math.ceil(exact / (100 - exact))


def level_name(level: float) -> str:
    """Write a level as columns have it: 90, 97.5."""
    return f"{level:g}"


def require_levels(levels: Iterable[Any]) -> list[float]:
    """Give levels, rising and each once.

    Raises:
        DataError: One is no number in (0, 100).
    """
    said = list(levels)
    for level in said:
        number = isinstance(level, int | float) and not isinstance(level, bool)
        if not number or not 0 < level < 100:
            raise DataError(
                f"--level: expected numbers between 0 and 100, in percent, such as [80, 90], got "
                f"{level!r}"
            )
        if level < 1:
            raise DataError(f"--level: expected percent, such as {100 * level:g}, got {level!r}")
    return sorted({float(level) for level in said})


def quantiles_of(levels: Iterable[float]) -> tuple[float, ...]:
    """Give the median and the ends of levels as quantiles, rising.

    >>> quantiles_of([80.0, 90.0])
    (0.05, 0.1, 0.5, 0.9, 0.95)
    """
    low = [round((1 - level / 100) / 2, 9) for level in sorted(levels, reverse=True)]
    return (*low, 0.5, *(round(1 - q, 9) for q in reversed(low)))


def ends(told: Array, tells: Telling | None, level: float) -> tuple[Array, Array, Array]:
    """Give what an interval begins from: lower end, upper end, and the unit of scores.

    Args:
        told: (..., horizon) points, or (..., horizon, P) as `tells` says.
        tells: What the network tells; None: points.
        level: Percent.
    """
    if tells is None:
        return told, told, np.ones(1, told.dtype)
    if not tells.quantiles:
        return told[..., 0], told[..., 0], told[..., 1]
    low = tells.quantiles.index(quantiles_of([level])[0])
    return told[..., low], told[..., -1 - low], np.ones(1, told.dtype)


def scores(told: Array, tells: Telling | None, level: float, truth: Array) -> Array:
    """Give how far each true value lies outside, NaN where it is not known."""
    low, high, unit = ends(told, tells, level)
    outside: Array = np.maximum(low - truth, truth - high) / unit
    return outside


def interval(
    told: Array, tells: Telling | None, level: float, margin: Array
) -> tuple[Array, Array]:
    """Give the lower and the upper end of the intervals of a level.

    Args:
        told: As for `ends`.
        tells: Likewise.
        level: Percent.
        margin: (horizon,) or (..., horizon), in units of the scores.
    """
    low, high, unit = ends(told, tells, level)
    margin = np.maximum(margin * unit, (low - high) / 2)
    return low - margin, high + margin


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of forecasts that the network was not trained on, and what is made of them.

    Args:
        levels: Percent, rising; those alone for which there are scores enough.
        pools: One of (n, horizon) scores for all levels, or for quantiles one for each: those of
            each step in the order in which they came, NaN where nothing was measured.
        tells: What the network tells; None: points.
        adaptive: Whether the intervals follow what comes.
        alphas: Series to (levels, horizon), where its α are; those of others are 1 - level.
        until: Series to the time of the last row whose scores are in, as text.
    """

    levels: tuple[float, ...]
    pools: tuple[Array, ...]
    tells: Telling | None = None
    adaptive: bool = False
    alphas: Mapping[str, Array] = field(default_factory=dict)
    until: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        told: Array,
        truth: Array,
        levels: Sequence[float],
        tells: Telling | None = None,
        adaptive: bool = False,
    ) -> tuple[Calibration, list[str]]:
        """Calibrate.

        Args:
            told: (n, horizon) points or (n, horizon, P), in the order in which they came.
            truth: (n, horizon), NaN where nothing was measured.
            levels: Percent.
            tells: What the network tells.
            adaptive: Whether the intervals follow what comes.

        Returns:
            The calibration, and a sentence on each level that needs more scores than there are.
        """
        known = int((~np.isnan(truth)).sum(axis=0).min())
        kept = tuple(level for level in levels if least(level) <= known)
        notes = [_too_few(level, known) for level in levels if level not in kept]
        empty = cls(kept, (), tells, adaptive)
        return replace(empty, pools=empty.scored(told, truth)), notes

    def scored(self, told: Array, truth: Array) -> tuple[Array, ...]:
        """Give the scores of further forecasts, as `pools` has them.

        Args:
            told: (n, horizon) points or (n, horizon, P).
            truth: (n, horizon), NaN where nothing was measured.
        """
        apart = self.tells is not None and bool(self.tells.quantiles)
        each = self.levels if apart else self.levels[:1]
        return tuple(scores(told, self.tells, one, truth).astype(np.float32) for one in each)

    @property
    def known(self) -> int:
        """Scores of the step that has the fewest."""
        return int((~np.isnan(self.pools[0])).sum(axis=0).min()) if self.pools else 0

    def margins(self, name: str) -> Array:
        """Give (levels, horizon) margins of a series as they are now."""
        if not self.adaptive or name not in self.alphas:
            return self._fresh
        return Tracker(self, name).margins()

    @cached_property
    def remembered(self) -> tuple[list[list[list[float]]], list[list[list[float]]]]:
        """The scores of each pool and step that trackers begin with, as they came and sorted."""
        came = [[_known(column) for column in pool.T] for pool in self.pools]
        if self.adaptive:
            came = [[known[-RECENT:] for known in pool] for pool in came]
        return came, [[sorted(known) for known in pool] for pool in came]

    @cached_property
    def _fresh(self) -> Array:
        return Tracker(self, "").margins()

    def first(self) -> Calibration:
        """Give what belongs to the first step of the horizon alone."""
        alphas = {name: of[:, :1] for name, of in self.alphas.items()}
        return replace(self, pools=tuple(pool[:, :1] for pool in self.pools), alphas=alphas)

    def among(self, levels: Sequence[float] | None) -> tuple[Calibration, list[str]]:
        """Give this calibration for other levels, and a sentence on each that it cannot have.

        Args:
            levels: Percent; None: those of the run.

        Raises:
            DataError: The network tells quantiles, and those of other levels.
        """
        if levels is None or tuple(levels) == self.levels:
            return self, []
        notes = [_too_few(level, self.known) for level in levels if least(level) > self.known]
        kept = tuple(level for level in levels if least(level) <= self.known)
        strange = [level for level in kept if level not in self.levels]
        if strange and self.tells is not None and self.tells.quantiles:
            raise DataError(
                f"--level {level_name(strange[0])}: the run's network tells the quantiles of "
                f"{', '.join(map(level_name, self.levels))} alone; fit with another --level"
            )
        places = [self.levels.index(level) if level in self.levels else None for level in kept]
        alphas = {
            name: np.array(
                [
                    np.full(of.shape[1], 1 - level / 100) if place is None else of[place]
                    for level, place in zip(kept, places, strict=True)
                ]
            ).reshape(len(kept), of.shape[1])
            for name, of in self.alphas.items()
        }
        pools = self.pools
        if len(pools) > 1:
            pools = tuple(self.pools[place] for place in places if place is not None)
        return replace(self, levels=kept, pools=pools, alphas=alphas), notes

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        names = list(self.alphas)
        arrays = {f"scores_{place}": pool for place, pool in enumerate(self.pools)}
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                allow_pickle=False,
                format=FORMAT,
                levels=np.array(self.levels),
                adaptive=self.adaptive,
                kind=np.array("" if self.tells is None else self.tells.kind),
                quantiles=np.array(() if self.tells is None else self.tells.quantiles),
                names=np.array(names, np.str_),
                until=np.array([self.until[name] for name in names], np.str_),
                alphas=np.array([self.alphas[name] for name in names]),
                **arrays,
            )

    @classmethod
    def load(cls, path: Path) -> Calibration | None:
        """Read what `save` wrote; None where there is no such file, as in runs of older versions.

        Raises:
            DataError: The file is damaged, or of a newer version.
        """
        if not path.is_file():
            return None
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                held = {name: file[name] for name in file}
            if int(held["format"]) != FORMAT:
                raise DataError(f"{path}: expected format {FORMAT}; update glasscell")
            kind = str(held["kind"])
            names = held["names"].tolist()
            return cls(
                tuple(held["levels"].tolist()),
                tuple(held[f"scores_{k}"] for k in range(sum("scores_" in n for n in held))),
                Telling(kind, tuple(held["quantiles"].tolist())) if kind else None,
                bool(held["adaptive"]),
                dict(zip(names, held["alphas"], strict=True)),
                dict(zip(names, held["until"].tolist(), strict=True)),
            )
        except (ValueError, TypeError, KeyError, EOFError, OSError, BadZipFile) as error:
            raise DataError(f"{path} is damaged: {error}; fit again") from error


class Tracker:
    """The margins of one series as they go on: what is learnt of each row, in order of time.

    Args:
        calibration: What it starts from; it stays as it is.
        name: The series.

    Notes:
        Nothing is learnt where the calibration is not adaptive. A step learns the score of a
        forecast once, at the row that it was for; a margin is that of the scores before.
    """

    def __init__(self, calibration: Calibration, name: str) -> None:
        self.calibration = calibration
        self.levels, self.adaptive = calibration.levels, calibration.adaptive
        self.horizon = calibration.pools[0].shape[1] if calibration.pools else 0
        starts = np.tile(1 - np.array(self.levels)[:, None] / 100, self.horizon)
        self.alphas = np.array(calibration.alphas.get(name, starts), np.float64)
        # In order of time, and sorted: of each pool and step.
        self._came, self._sorted = (
            [[list(step) for step in pool] for pool in of] for of in calibration.remembered
        )
        self._margins: Array | None = None

    def margins(self) -> Array:
        """Give (levels, horizon) margins of a forecast that is made now."""
        if self._margins is None:
            table = [
                [self._margin(at, step) for step in range(self.horizon)]
                for at in range(len(self.levels))
            ]
            margins = np.array(table).reshape(len(self.levels), self.horizon)
            # Each level follows its own errors; a wider one is never the narrower.
            shared = len(self._sorted) == 1
            self._margins = np.maximum.accumulate(margins, axis=0) if shared else margins
        return self._margins

    def _margin(self, at: int, step: int) -> float:
        ordered = self._sorted[self._pool(at)][step]
        if self.adaptive:
            place = math.ceil((1 - self.alphas[at, step]) * (len(ordered) + 1) - 1e-9)
        else:
            place = rank(self.levels[at], len(ordered))
        # Beyond the largest score known there is none to take: the largest one stands for it.
        margin: float = ordered[min(max(place, 1), len(ordered)) - 1]
        return margin

    def learn(self, step: int, found: Sequence[float], margins: Sequence[float]) -> None:
        """Learn how far off one forecast was.

        Args:
            step: Which step of the horizon it was, from 0 on.
            found: Its score, for each level.
            margins: The margins that stood beside it when it was made, for each level.
        """
        if not self.adaptive or not self.levels or math.isnan(found[0]):
            return
        rate = GAMMA / (step + 1)
        for at, level in enumerate(self.levels):
            alpha = self.alphas[at, step] + rate * (1 - level / 100 - (found[at] > margins[at]))
            self.alphas[at, step] = min(max(alpha, 0.0), 1.0)
        for pool, (came, ordered) in enumerate(zip(self._came, self._sorted, strict=True)):
            score = float(np.float32(found[pool]))
            came[step].append(score)
            insort(ordered[step], score)
            if len(came[step]) > RECENT:
                ordered[step].pop(bisect_left(ordered[step], came[step].pop(0)))
        self._margins = None

    def p_value(self, score: float) -> float:
        """Give the share of one-step scores that are at least so large, as conformal p-value.

        p = (1 + #{s_i ≥ s}) / (n + 1), of the scores of the outermost level.
        """
        ordered = self._sorted[-1][0]
        if math.isnan(score):
            return math.nan
        larger = len(ordered) - bisect_left(ordered, float(np.float32(score)))
        return (1 + larger) / (len(ordered) + 1)

    @property
    def scored(self) -> list[list[list[float]]]:
        """The scores of each pool and step, in order of time."""
        return self._came

    def go_on(self, alphas: Array, scored: list[list[list[float]]]) -> None:
        """Go on from what `alphas` and `scored` were."""
        self.alphas = alphas.copy()
        self._came = [[list(step) for step in pool] for pool in scored]
        self._sorted = [[sorted(step) for step in pool] for pool in scored]
        self._margins = None

    def _pool(self, at: int) -> int:
        return at if len(self._sorted) > 1 else 0


def track(tracker: Tracker, rows: Array, told: Array, truth: Array) -> Array:
    """Go through the forecasts of one series in order of time, never looking ahead.

    Args:
        tracker: What it starts from, and what it then has learnt.
        rows: (m,) rising, the row that is the first target of each.
        told: (m, horizon) points or (m, horizon, P).
        truth: (m, horizon), NaN where nothing was measured.

    Returns:
        (m, levels, horizon) margins, each of what was known before the row of the forecast.
    """
    tells, levels, horizon = tracker.calibration.tells, tracker.levels, truth.shape[1]
    margins = np.empty((len(rows), len(levels), horizon))
    if not tracker.adaptive or not levels:
        margins[:] = tracker.margins() if levels else 0.0
        return margins
    found = np.array([scores(told, tells, level, truth) for level in levels])
    found = found.reshape(len(levels), len(rows), horizon)
    pending = [0] * horizon
    for place, row in enumerate(rows.tolist()):
        for step in range(horizon):
            while pending[step] < place and rows[pending[step]] + step < row:
                at = pending[step]
                tracker.learn(step, found[:, at, step].tolist(), margins[at, :, step].tolist())
                pending[step] += 1
        margins[place] = tracker.margins()
    for step in range(horizon):  # what is known when the series ends
        while pending[step] < len(rows) and rows[pending[step]] + step < rows[-1] + horizon:
            at = pending[step]
            tracker.learn(step, found[:, at, step].tolist(), margins[at, :, step].tolist())
            pending[step] += 1
    return margins


def _known(column: Array) -> list[float]:
    known: list[float] = column[~np.isnan(column)].astype(np.float64).tolist()
    return known


def _too_few(level: float, known: int) -> str:
    return (
        f"There is no {level_name(level)} % interval: it needs "
        f"{count(least(level), 'validation error')} of each step, there are {known:,}; give a "
        "longer history."
    )
