"""How sure forecasts are, measured on the test part: coverage and width of intervals, CRPS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped]

from glasscell.arrays import Array
from glasscell.data.wording import number, time_text
from glasscell.model.nodes.telling import Telling
from glasscell.tasks.forecast.intervals import (
    RECENT,
    Calibration,
    Tracker,
    interval,
    level_name,
    track,
)
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.scores import LSTM, Method, Scoreboard, Span

__all__ = ["crps", "sentence", "span", "spanned"]

POINTS = 50
"""Quantiles over which CRPS is averaged: at 1, 3 … 99 %."""


def span(
    plan: Plan, board: Scoreboard, told: tuple[Array, Array], tells: Telling | None = None
) -> Span:
    """Say how sure a method is of the test windows, by its errors on validation.

    Args:
        plan: The plan of the windows, whose options say which levels and which calibration.
        board: Truth of the test windows.
        told: (M, horizon) or (M, horizon, P), scaled, of the validation and of the test windows.
        tells: What was told beside points.
    """
    held = Scoreboard(plan.dataset, plan.validation, plan.season)
    adaptive = plan.options.calibration == "adaptive"
    return spanned((held, board), told, plan.options.level, tells, adaptive)


def calibrated(
    board: Scoreboard,
    told: Array,
    levels: Sequence[float],
    tells: Telling | None = None,
    adaptive: bool = False,
) -> tuple[Calibration, list[str]]:
    """Calibrate on validation windows.

    Args:
        board: Their truth.
        told: (M, horizon) or (M, horizon, P), scaled.
        levels: Percent.
        tells: What was told beside points.
        adaptive: Whether the intervals will follow later errors.

    Returns:
        The calibration, and a sentence on each level that there are too few errors for.
    """
    # In order of time, so that of several series the last errors are the last of each.
    order = np.argsort(board.cutoffs, kind="stable")
    known = np.where(board.measured, board.scaled(board.truth), np.nan)
    return Calibration.of(told[order], known[order], levels, tells, adaptive)


def spanned(
    boards: tuple[Scoreboard, Scoreboard],
    told: tuple[Array, Array],
    levels: Sequence[float],
    tells: Telling | None = None,
    adaptive: bool = False,
) -> Span:
    """Calibrate on validation, and tell the intervals of the test part.

    Args:
        boards: Truth of the validation windows, and of the test windows.
        told: (M, horizon) or (M, horizon, P), scaled, of both.
        levels: Percent.
        tells: What was told beside points.
        adaptive: Let the intervals follow the errors of the test part, in order of time, each from
            what was known when the forecast was made.
    """
    held, board = boards
    start, notes = calibrated(held, told[0], levels, tells, adaptive)
    truth = np.where(board.measured, board.scaled(board.truth), np.nan)
    margins = np.empty((len(truth), len(start.levels), truth.shape[1]))
    alphas, until = {}, {}
    for owner, series in enumerate(board.dataset.series):
        mine = np.flatnonzero(board.owners == owner)
        mine = mine[np.argsort(board.rows[mine], kind="stable")]
        tracker = Tracker(start, series.unique_id)
        if len(mine):
            margins[mine] = track(tracker, board.rows[mine], told[1][mine], truth[mine])
        alphas[series.unique_id] = tracker.alphas
        until[series.unique_id] = time_text(series.ds[-1])
    low, high = {}, {}
    for at, level in enumerate(start.levels):
        ends = interval(told[1], tells, level, margins[:, at])
        low[level], high[level] = map(board.restore, ends)
    end = start
    if adaptive and start.levels:
        later = np.argsort(board.cutoffs, kind="stable")
        fresh = start.scored(told[1][later], truth[later])
        pools = tuple(
            np.concatenate(pair)[-RECENT:] for pair in zip(start.pools, fresh, strict=True)
        )
        end = replace(start, pools=pools, alphas=alphas, until=until)
    ranked = crps(board, told[1], start, tells)
    return Span(low=low, high=high, ranked=ranked, calibration=end, notes=tuple(notes))


def crps(board: Scoreboard, told: Array, calibration: Calibration, tells: Telling | None) -> Array:
    """Continuous ranked probability score of what is told, in the data's unit.

    CRPS = 2 ∫ max(q (y - F⁻¹(q)), (q - 1) (y - F⁻¹(q))) dq, by the midpoint rule over 50 quantiles
    (Gneiting & Raftery 2007, sec. 4.2; Laio & Tamea 2007, eq. 8).

    Args:
        board: Truth of the windows.
        told: (M, horizon) or (M, horizon, P), scaled.
        calibration: Its scores are the distribution of a point: as often above as below it.
        tells: What was told beside points.

    Returns:
        (M, horizon) scores; NaN where nothing says how sure a point is.

    Notes:
        Between two told quantiles the distribution is even, and beyond the outermost it ends: all
        methods are measured by the same 50 quantiles.
    """
    if tells is None and not calibration.pools:
        return np.full(board.truth.shape, np.nan)
    total = np.zeros(board.truth.shape)
    for q in (np.arange(POINTS) + 0.5) / POINTS:
        apart = board.truth - board.restore(_quantile(float(q), told, calibration, tells))
        total += 2 * np.maximum(q * apart, (q - 1) * apart)
    return total / POINTS


def _quantile(q: float, told: Array, calibration: Calibration, tells: Telling | None) -> Array:
    """Give (M, horizon) quantiles of what was told."""
    if tells is None:
        errors = np.concatenate([-calibration.pools[0], calibration.pools[0]])
        apart: Array = told + np.nanquantile(errors, q, axis=0)
        return apart
    told = told.astype(np.float64)
    if not tells.quantiles:
        quantile: Array = told[..., 0] + told[..., 1] * stdtrit(told[..., 2], q)
        return quantile
    at = np.interp(q, tells.quantiles, np.arange(len(tells.quantiles)))
    below = min(int(at), len(tells.quantiles) - 2)
    between: Array = told[..., below] + (at - below) * (told[..., below + 1] - told[..., below])
    return between


def sentence(methods: Sequence[Method], unit: str = "", own: str = LSTM) -> str:
    """Say how many test values the network's widest intervals hold, and how wide they are.

    Args:
        methods: All results.
        unit: Unit of the values.
        own: Name of the network.

    Returns:
        A sentence; empty where there are no intervals.
    """
    sure = [method for method in methods if method.coverage]
    lstm = next((method for method in sure if method.name == own), None)
    if lstm is None:
        return ""
    level = max(lstm.coverage)
    said = (
        f"The {own}'s {level_name(level)} % intervals hold {lstm.coverage[level]:.1f} % of the "
        f"test values and are {number(lstm.width[level])}{f' {unit}' if unit else ''} wide"
    )
    ridge = next((m for m in sure if m.name == "ridge" and level in m.coverage), None)
    if ridge is None:
        return f"{said}."
    return (
        f"{said}; those of ridge hold {ridge.coverage[level]:.1f} % and are "
        f"{number(ridge.width[level])} wide."
    )
