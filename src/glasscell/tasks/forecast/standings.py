"""Tables of methods, each over test windows that all of its methods forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.wording import count, time_text
from glasscell.tasks.forecast import backtest
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.scores import Entry, Method, Scoreboard
from glasscell.training.kinds import NAMES

STRETCHES = 40
"""Stretches of origins at most whose errors are told apart."""


@dataclass(frozen=True, eq=False)
class Standing:
    """How methods compare on the same test windows.

    Args:
        where: What the windows are, in English and Chinese.
        windows: How many.
        methods: Results, baselines first, the LSTM last.
    """

    where: tuple[str, str]
    windows: int
    methods: tuple[Method, ...]

    def record(self) -> dict[str, Any]:
        """Give it for metrics.json."""
        methods = [method.record() for method in self.methods]
        return {"where": list(self.where), "windows": self.windows, "methods": methods}


def standings(plan: Plan, board: Scoreboard, entries: Sequence[Entry]) -> tuple[Standing, ...]:
    """Score all methods on all test windows, then on those that only some of them forecast.

    Args:
        plan: The plan of the windows.
        board: The truth of the test windows.
        entries: What the methods forecast; those that forecast some windows alone stand in a table
            of their own, beside all others on the same windows.
    """
    everywhere = [one for one in entries if one.windows is None]
    found = [Standing(where(plan), len(plan.test), tuple(map(board.scored, everywhere)))]
    networks = [one for one in everywhere if one.name in NAMES.values()]
    plain = [one for one in everywhere if one.name not in NAMES.values()]
    masks = {one.windows.tobytes(): one.windows for one in entries if one.windows is not None}
    for key, windows in masks.items():
        partial = [one for one in entries if one.windows is not None]
        alike = [one for one in partial if np.asarray(one.windows).tobytes() == key]
        part = board.of(windows)
        rows = [*plain, *alike, *networks]
        scored = tuple(part.scored(one.of(windows)) for one in rows)
        found.append(Standing(_some(part, len(plan.test)), int(windows.sum()), scored))
    return tuple(found)


def by_origin(plan: Plan, board: Scoreboard, entries: Sequence[Entry]) -> tuple[Standing, ...]:
    """Score every origin of a backtest on its own, the first one first; () for other runs."""
    if plan.options.windows is None:
        return ()
    step = plan.options.step or plan.horizon
    numbers = plan.dataset.origin_numbers(board.windows.origins, plan.horizon, step)
    everywhere = [one for one in entries if one.windows is None]
    found = []
    for number in sorted(set(numbers.tolist()), reverse=True):
        chosen = numbers == number
        part = board.of(chosen)
        cutoff = backtest.cutoff_text(part)
        methods = tuple(part.scored(one.of(chosen)) for one in everywhere)
        found.append(Standing((cutoff, cutoff), int(chosen.sum()), methods))
    return tuple(found)


def where(plan: Plan) -> tuple[str, str]:
    """Say on what the methods are compared, for the heading of a table."""
    options = plan.options
    if options.windows is None:
        return "the last 20 % of each series", "每个序列最后 20%"
    origins = count(options.windows, "origin")
    apart = f", {count(options.step or 1, 'step')} apart" if options.windows > 1 else ""
    apart_zh = f"，相隔 {options.step} 步" if options.windows > 1 else ""
    refitted, refitted_zh = (
        (", each fitted anew", "，每个都重新拟合") if options.refit else ("", "")
    )
    return (
        f"{origins} at the end of each series{apart}{refitted}",
        f"每个序列末尾的 {options.windows} 个起点{apart_zh}{refitted_zh}",
    )


def _some(part: Scoreboard, of: int) -> tuple[str, str]:
    windows = len(part.windows)
    if windows == 1:
        return (
            f"one origin, {backtest.cutoff_text(part)}",
            f"一个起点：{backtest.cutoff_text(part)}",
        )
    return (
        f"{windows:,} of {of:,} test windows",
        f"{of:,} 个测试窗口中的 {windows:,} 个",
    )


def by_horizon(methods: Sequence[Method]) -> dict[str, list[float | None]]:
    """Give the mean absolute error of each method at each step ahead."""
    return {one.name: _plain(one.by_horizon) for one in methods}


def by_stretch(board: Scoreboard, methods: Sequence[Method]) -> dict[str, Any]:
    """Give the mean absolute error of each method in each stretch of origins.

    Returns:
        times: where each stretch begins, the time of the last value that is known; methods: name
        to an error for each.
    """
    times, places = np.unique(board.cutoffs, return_inverse=True)
    parts = min(STRETCHES, len(times))
    of_time = np.arange(len(times)) * parts // len(times)
    first = times[np.searchsorted(of_time, np.arange(parts))]
    stretch, weights = of_time[places], board.weights()
    totals = np.bincount(stretch, weights, parts)
    return {
        "times": [time_text(one) for one in pd.Index(first)],
        "methods": {
            one.name: _plain(np.bincount(stretch, weights * one.errors, parts) / totals)
            for one in methods
        },
    }


def _plain(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
