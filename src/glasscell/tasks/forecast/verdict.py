"""Says in a sentence or two whether the LSTM was worth it: a function of the results alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from glasscell.arrays import Array
from glasscell.data.wording import number
from glasscell.tasks.forecast.scores import LSTM, PLAIN_RNN, Method

BLOCKS = 20
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
    """

    rival: Method
    change: float
    outcome: Outcome

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


def verdict(
    methods: Sequence[Method], weights: Array, horizon: int, unit: str = "", own: str = LSTM
) -> str:
    """Say whether the LSTM beat the best of the others.

    Args:
        methods: All results; the LSTM is among them.
        weights: (M,) share of each test window in the mean.
        horizon: Steps of a forecast: neighbouring windows closer than this share targets.
        unit: Unit of the values.
        own: Name of the method that is judged, where it is another network than the LSTM.

    Returns:
        How the LSTM stands to the best other method, and to the best one without recurrence if
        that is another; then whether it was kept as the linear model that its training starts from.
        A difference counts as clear if it exceeds 1 % and two standard errors, of
        the seeds and of the test windows (in blocks of neighbours) together; one that does not is
        told with its sign and with what hides it.
    """
    lstm = next(m for m in methods if m.name == own)
    if not math.isfinite(lstm.mae):
        return f"The {own}'s forecasts are not finite, so there is nothing to compare."
    kept = f" {linear_start(lstm)}".rstrip()
    # A rival at its linear start is the same model as an LSTM at its own: it decides nothing.
    others = [m for m in methods if m.name != own and not (lstm.all_linear and m.all_linear)]
    compared = [
        compare(lstm, other, weights, horizon) for other in others if math.isfinite(other.mae)
    ]
    if not compared:
        return f"No other method has finite forecasts to compare the {own} with.{kept}"
    best = min(compared, key=lambda c: c.rival.mae)
    plain = [c for c in compared if c.rival.name != PLAIN_RNN]
    text = _first(lstm, best, unit)
    if best.rival.name == PLAIN_RNN and plain:
        text += _beside(own, min(plain, key=lambda c: c.rival.mae), best)
    return f"{text}.{kept}"


def compare(lstm: Method, rival: Method, weights: Array, horizon: int) -> Comparison:
    """Compare the LSTM with one other method, window by window.

    Args:
        lstm: Its results.
        rival: The other's.
        weights: (M,) share of each test window in the mean.
        horizon: Steps of a forecast.
    """
    gap = lstm.mae - rival.mae
    change = gap / rival.mae if rival.mae > 0 else math.copysign(math.inf, gap) if gap else 0.0
    if abs(gap) <= SMALL * rival.mae:
        return Comparison(rival, change, "same")
    return Comparison(rival, change, _outcome(lstm, rival, abs(gap), weights, horizon))


def _outcome(lstm: Method, rival: Method, gap: float, weights: Array, horizon: int) -> Outcome:
    difference = lstm.errors - rival.errors
    # Relative to the largest one, as squares of very large or small errors are no float64.
    largest = max(gap, float(abs(difference).max(initial=0.0)))
    gap, difference = gap / largest, difference / largest * weights
    blocks = min(BLOCKS, len(difference) // horizon)
    if blocks < 2:
        return "few"
    sums = np.array([part.sum() for part in np.array_split(difference, blocks)])
    windows = blocks * float(np.var(sums, ddof=1))
    seeds = sum(
        (m.mae_sd / largest) * (m.mae_sd / largest) / m.seeds  # ** raises where this is infinite
        for m in (lstm, rival)
        if m.seeds > 1 and math.isfinite(m.mae_sd)
    )
    if gap > 2 * math.sqrt(windows + seeds):
        return "clear"
    if seeds > windows:
        return "seeds"
    if blocks < 3:
        return "few"
    return "one stretch" if 2 * abs(sums).max() > abs(sums).sum() else "stretches"


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
