"""Says in a sentence or two whether the LSTM was worth it: a function of the results alone.

Neighbouring test windows share targets, and series share their time, so windows are no independent
trials. Their differences are summed over stretches of time, each at least one horizon long and over
all series together, and the sums are put to a t test (Ibragimov and Müller 2010, Journal of
Business & Economic Statistics 28, 453-468); tests/tasks/forecast/test_verdict.py measures how
often it is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

from glasscell.arrays import Array
from glasscell.data.wording import number
from glasscell.tasks.forecast.scores import LSTM, PLAIN_RNN, Method, Scoreboard

BLOCKS = 10
"""Stretches of time at most: more are shorter, and so less independent of each other."""

HORIZONS = 3
"""Horizons that a stretch is long at least, if there are enough for `FEWEST` such stretches."""

FEWEST = 3
"""Stretches below which nothing can be told."""

LEVEL = 0.05
"""Below this p-value a difference counts as more than chance."""

SMALL = 0.01
"""Part of the rival's error up to which two errors count as the same."""

MANIFOLD = 10.0
"""Change from which on it is told as a multiple."""

Outcome = Literal["same", "clear", "few", "seeds", "one stretch", "stretches"]
REASONS: dict[Outcome, str] = {
    "few": "too few of them do not overlap",
    "seeds": "the seeds differ as much from each other",
    "one stretch": "one stretch of them decides",
    "stretches": "the difference varies as much from one stretch of them to the next",
}
"""Why the test windows cannot tell."""


@dataclass(frozen=True)
class Comparison:
    """How the LSTM stands to one rival.

    Args:
        rival: The rival.
        change: The LSTM's error less the rival's, as a part of the rival's; infinite if that is 0.
        outcome: "same", "clear", or why the test windows cannot tell.
        p: Chance of such a difference if there is none; NaN where there are too few windows.
    """

    rival: Method
    change: float
    outcome: Outcome
    p: float = math.nan

    @property
    def worse(self) -> bool:
        """Whether the LSTM's error is the larger one."""
        return self.change > 0

    @property
    def percent(self) -> str:
        """Size of the change."""
        if 0.9995 <= -self.change < 1:
            return "more than 99.9 %"
        return f"{100 * abs(self.change):,.1f} %"

    def in_words(self, than: str = "") -> str:
        """Say by how much the LSTM's error is larger or smaller.

        Args:
            than: What it is compared with, if that is to be named.

        >>> Comparison(None, -0.093, "clear").in_words("that of ridge")
        '9.3 % smaller than that of ridge'
        >>> Comparison(None, 20.0, "clear").in_words()
        '21 times as large'
        """
        if self.change > MANIFOLD:
            times = number(1 + self.change) if math.isfinite(self.change) else "many"
            return f"{times} times {than or 'as large'}"
        word = "larger" if self.worse else "smaller"
        return f"{self.percent} {word}{f' than {than}' if than else ''}"


@dataclass(frozen=True, eq=False)
class Blocks:
    """The test windows in groups whose errors are as good as independent.

    Args:
        weights: (M,) share of each test window in the mean.
        numbers: (M,) the group of each window, from 0.
        of: What a group is: "stretches of time" or "series".
    """

    weights: Array
    numbers: Array
    of: str = "stretches of time"

    @property
    def count(self) -> int:
        """How many groups."""
        return int(self.numbers.max(initial=-1)) + 1

    @classmethod
    def on(cls, board: Scoreboard) -> Blocks:
        """Group the windows of a board by time; by series where the time is too short for that."""
        grid = np.unique(np.concatenate([np.asarray(s.ds) for s in board.dataset.series]))
        numbers = stretches(np.searchsorted(grid, board.cutoffs), board.windows.horizon)
        found = cls(board.weights(), numbers)
        owners, of_series = np.unique(board.owners, return_inverse=True)
        if found.count < FEWEST <= len(owners):
            return cls(board.weights(), of_series, "series")
        return found


def stretches(places: Array, horizon: int) -> Array:
    """Divide windows into stretches of time, each at least one horizon long.

    Args:
        places: (M,) steps from any beginning to the origin of each window.
        horizon: Steps that a window forecasts.

    Returns:
        (M,) number of the stretch that each window lies in.

    >>> stretches(np.array([0, 1, 2, 3, 4, 5]), 2)
    array([0, 0, 1, 1, 2, 2])
    >>> stretches(np.array([0, 12, 24]), 12)
    array([0, 1, 2])
    """
    times, ranks = np.unique(places, return_inverse=True)
    if not len(times):
        return ranks
    covered = int(times[-1] - times[0]) + min(horizon, int(np.diff(times).min(initial=horizon)))
    long = max(covered // (HORIZONS * horizon), min(FEWEST, covered // horizon))
    blocks = max(min(BLOCKS, len(times), long), 1)
    return np.asarray(ranks * blocks // len(times))


def verdict(methods: Sequence[Method], blocks: Blocks, unit: str = "", own: str = LSTM) -> str:
    """Say whether the LSTM beat the best of the others.

    Args:
        methods: All results; the LSTM is among them.
        blocks: The test windows in independent groups.
        unit: Unit of the values.
        own: Name of the method that is judged, where it is another network than the LSTM.

    Returns:
        How the LSTM stands to the best other method, and to the best one without recurrence if
        that is another; then whether it was kept as the linear model that its training starts from.
        A difference counts as clear if it exceeds 1 % and chance (p < 0.05), as far as the seeds
        and the test windows differ; one that does not is told with its sign and with what hides it.
    """
    lstm = next(m for m in methods if m.name == own)
    if not math.isfinite(lstm.mae):
        return f"The {own}'s forecasts are not finite, so there is nothing to compare."
    kept = f" {linear_start(lstm)}".rstrip()
    compared = comparisons(methods, blocks, own)
    if not compared:
        return f"No other method has finite forecasts to compare the {own} with.{kept}"
    best = min(compared, key=lambda c: c.rival.mae)
    plain = [c for c in compared if c.rival.name != PLAIN_RNN]
    text = _first(lstm, best, unit)
    if best.rival.name == PLAIN_RNN and plain:
        text += _beside(own, min(plain, key=lambda c: c.rival.mae), best)
    return f"{text}.{kept}"


def comparisons(methods: Sequence[Method], blocks: Blocks, own: str = LSTM) -> list[Comparison]:
    """Compare the network with each other method that has finite forecasts."""
    lstm = next(m for m in methods if m.name == own)
    # A rival at its linear start is the same model as an LSTM at its own: it decides nothing.
    others = [m for m in methods if m.name != own and not (lstm.all_linear and m.all_linear)]
    finite = [m for m in others if math.isfinite(m.mae)]
    return [compare(lstm, other, blocks, len(finite)) for other in finite]


def compare(lstm: Method, rival: Method, blocks: Blocks, rivals: int = 1) -> Comparison:
    """Compare the LSTM with one other method, window by window.

    Args:
        lstm: Its results.
        rival: The other's.
        blocks: The test windows in independent groups.
        rivals: How many others there are. The best of them is the best by the same test windows, so
            where the LSTM is behind, the p-value is multiplied by their number (Bonferroni).
    """
    gap = lstm.mae - rival.mae
    change = gap / rival.mae if rival.mae > 0 else math.copysign(math.inf, gap) if gap else 0.0
    windows, seeds, largest = _variances(lstm, rival, blocks)
    p = math.nan
    if blocks.count >= FEWEST:
        size, spread = abs(gap) / largest if largest else 0.0, math.sqrt(windows + seeds)
        chance = (
            2 * float(stats.t.sf(size / spread, blocks.count - 1)) if spread else float(not gap)
        )
        p = min(1.0, float(chance) * (rivals if gap > 0 else 1))
    if abs(gap) <= SMALL * rival.mae:
        return Comparison(rival, change, "same", p)
    if math.isnan(p):
        return Comparison(rival, change, "few")
    if p < LEVEL:
        return Comparison(rival, change, "clear", p)
    if seeds > windows:
        return Comparison(rival, change, "seeds", p)
    sums = abs(_sums(lstm, rival, blocks, largest))
    one = 2 * sums.max() > sums.sum()
    return Comparison(rival, change, "one stretch" if one else "stretches", p)


def _variances(lstm: Method, rival: Method, blocks: Blocks) -> tuple[float, float, float]:
    """Give the variance of the difference by windows and by seeds, both in squares of the largest.

    Relative to the largest difference, as squares of very large or small errors are no float64.
    """
    difference = lstm.errors - rival.errors
    largest = max(abs(lstm.mae - rival.mae), float(abs(difference).max(initial=0.0)))
    if not largest:
        return 0.0, 0.0, 0.0
    sums = _sums(lstm, rival, blocks, largest)
    windows = len(sums) * float(np.var(sums, ddof=1)) if len(sums) > 1 else 0.0
    seeds = sum(
        (m.mae_sd / largest) * (m.mae_sd / largest) / m.seeds  # ** raises where this is infinite
        for m in (lstm, rival)
        if m.seeds > 1 and math.isfinite(m.mae_sd)
    )
    return windows, seeds, largest


def _sums(lstm: Method, rival: Method, blocks: Blocks, largest: float) -> Array:
    """Sum the weighted differences of each group."""
    difference = (lstm.errors - rival.errors) / largest * blocks.weights
    return np.bincount(blocks.numbers, difference, blocks.count)


def _first(lstm: Method, best: Comparison, unit: str) -> str:
    what = "its linear start, " if lstm.all_linear else ""
    ours = f"the {lstm.name} ({what}MAE {_figure(lstm, unit)})"
    rival = f"the best baseline, {label(best.rival, _figure(best.rival, ''))}"
    if best.outcome == "same":
        return f"No clear difference between {ours} and {rival}: {_closeness(best)}"
    ours = ours[0].upper() + ours[1:]
    if best.rival.mae == 0:
        return f"{ours} does not beat {label(best.rival)}, which makes no error"
    if best.outcome == "clear" and best.worse:
        return f"{ours} does not beat {rival}: its error is {best.in_words()}"
    if best.outcome == "clear":
        return f"{ours} beats {rival}, by {best.percent}"
    word = "behind" if best.worse else "ahead of"
    return (
        f"{ours} is {word} {rival}, but not clearly: its error is {best.in_words()}, and the test "
        f"windows cannot tell: {REASONS[best.outcome]}"
    )


def _closeness(pair: Comparison) -> str:
    if not pair.change:
        return "the errors are equal"
    if abs(pair.change) < 0.0005:
        return "the errors differ by less than 0.1 %"
    return f"its error is {pair.in_words()}"


def _beside(own: str, other: Comparison, best: Comparison) -> str:
    """Say how the LSTM stands to the best method without recurrence, if the best one has it."""
    name = label(other.rival, number(other.rival.mae))
    if other.outcome == "same":
        return f"; no clear difference to {name}" + " either" * (best.outcome == "same")
    if other.rival.mae == 0:
        return f"; {label(other.rival)} makes no error"
    unclear = (
        ""
        if other.outcome == "clear"
        else f", but the test windows cannot tell: {REASONS[other.outcome]}"
    )
    return f"; the {own}'s error is {other.in_words(f'that of {name}')}{unclear}"


def linear_start(method: Method) -> str:
    """Say which networks are the linear model that training started from; empty if none is."""
    if not method.linear:
        return ""
    part = "LSTM part" if method.name == LSTM else f"recurrent part of the {method.name}"
    if method.all_linear:
        opening = f"The {part} adds nothing"
        epoch = "no epoch" + (f" of any of {method.seeds} seeds" if method.seeds > 1 else "")
    else:
        opening = f"With {method.linear} of {method.seeds} seeds the {part} adds nothing"
        epoch = "no epoch"
    return (
        f"{opening}: {epoch} was better on validation than the linear model that training starts "
        "from, so that was kept."
    )


def label(method: Method, figure: str = "") -> str:
    """Name a method, and what it is where training added nothing to its linear start.

    Args:
        method: The method.
        figure: What else to say of it.
    """
    start = f"{method.linear} of {method.seeds} seeds: the linear start"
    start = "its linear start" if method.all_linear else start if method.linear else ""
    said = ", ".join(filter(None, (start, figure)))
    return f"{method.name} ({said})" if said else method.name


def _figure(method: Method, unit: str) -> str:
    text = number(method.mae) + (f" {unit}" if unit else "")
    if method.seeds > 1 and not method.all_linear and math.isfinite(method.mae_sd):
        text += f" ± {method.mae_sd:.2g} over {method.seeds} seeds"
    return text
