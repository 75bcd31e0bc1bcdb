"""The numbers of a gradient profile: how fast it changes, and how far it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["REACH", "Decay", "decay"]

Float64: TypeAlias = npt.NDArray[np.float64]

REACH = 1e-4
"""Below this share of its start a gradient counts as gone. Steps that lie nearer to the loss send
their own gradients into the same weights; at four decades less, and against float32's seven
digits and the noise between batches, nothing is learnt from the far step."""


@dataclass(frozen=True)
class Decay:
    """One profile in numbers.

    Attributes:
        lag: Lags over which it was measured, one less than values.
        rate: Factor per step, from a straight line through log10 of the profile up to `reach`; NaN
            if no fit.
        reach: Lag from which on the profile stays below `REACH` of its start; None if it does not.
        change: Its last value over its first.
        largest: Its largest value over its first, up to where it overflows.
        start: Its first value.
        overflows: Lag at which it is no longer finite; None if it stays so.
        breaks: Whether it is NaN there, and not infinite.
        peak: Lag of its largest value.
        growth: Factor per step up to there, above 1; NaN if it never exceeds its start.
        dips: Lag of its first value below `REACH` of its start, also where it recovers; else None.
        least: Its least value over its first.
        lowest: Lag of its least value.
        kept: Its value at the lag before `reach` over its first; NaN if there is none.
    """

    lag: int
    rate: float
    reach: int | None
    change: float
    largest: float
    start: float
    overflows: int | None
    breaks: bool
    peak: int
    growth: float
    dips: int | None
    least: float
    lowest: int
    kept: float


def decay(profile: Float64) -> Decay:
    """Measure the decay or growth of a gradient over lags.

    Args:
        profile: (T,) norms >= 0, index 0 the step at which the loss reads: `LayerFlow.profile`, or
            a part of it.

    Returns:
        `Decay`.

    Raises:
        ValueError: There is no value.

    Notes:
        T numbers are read. The slope is a least-squares fit to log10 of what is above zero, up to
        `reach`, so that a floor of rounding far below does not flatten it.

    >>> found = decay(3.0 * 0.5 ** np.arange(30))
    >>> found.reach, round(found.rate, 6)
    (14, 0.5)
    """
    if not len(profile):
        raise ValueError("expected a profile (T,) with at least one value, got none")
    start = float(profile[0])
    finite = np.isfinite(profile)
    overflows = None if finite.all() else int(np.argmin(finite))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        relative = profile / start
    arrives = np.flatnonzero(~(relative < REACH))
    reach = int(arrives[-1]) + 1 if len(arrives) else 0
    end = len(profile) if overflows is None else overflows
    peak = int(np.argmax(relative[:end])) if end else 0
    below = np.flatnonzero(relative[:end] < REACH)
    lowest = int(np.argmin(relative[:end])) if end else 0
    return Decay(
        lag=len(profile) - 1,
        rate=_rate(profile[: min(reach + 1, end)]),
        reach=reach if reach < len(profile) else None,
        change=float(relative[-1]),
        largest=float(relative[:end].max(initial=0.0)),
        start=start,
        overflows=overflows,
        breaks=overflows is not None and bool(np.isnan(profile[overflows])),
        peak=peak,
        growth=_growth(profile[: peak + 1]),
        dips=int(below[0]) if len(below) else None,
        least=float(relative[lowest]),
        lowest=lowest,
        kept=float(relative[reach - 1]) if 0 < reach < len(profile) else float("nan"),
    )


def _growth(rising: Float64) -> float:
    """Factor per step of a profile that ends at its largest value: of the line, else on average."""
    if len(rising) < 2 or not 0 < rising[0] < rising[-1]:
        return float("nan")
    fitted = _rate(rising)
    steps = len(rising) - 1
    return fitted if fitted > 1 else float((rising[-1] / rising[0]) ** (1 / steps))


def _rate(profile: Float64) -> float:
    """Factor per step of a straight line through log10 of what is above zero."""
    lags = np.flatnonzero(profile > 0)
    if len(lags) < 2:
        return float("nan")
    return float(10 ** np.polyfit(lags, np.log10(profile[lags]), 1)[0])
