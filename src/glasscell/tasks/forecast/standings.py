"""Tables of methods, each over test windows that all of its methods forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.wording import count, few, time_text
from glasscell.tasks.forecast import backtest
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.scores import Entry, Method, Scoreboard
from glasscell.tasks.forecast.statistical import NAMES as SLOW
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
        why: Why these windows alone, and what the numbers may be compared with; empty: they are
            all windows.
    """

    where: tuple[str, str]
    windows: int
    methods: tuple[Method, ...]
    why: tuple[str, str] = ("", "")

    def record(self) -> dict[str, Any]:
        """Give it for metrics.json."""
        methods = [method.record() for method in self.methods]
        told = {"where": list(self.where), "windows": self.windows, "methods": methods}
        return {**told, "why": list(self.why)} if self.why[0] else told


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
        names = [one.name for one in alike]
        heading = _some(part, len(plan.test), names)
        found.append(Standing(heading, int(windows.sum()), scored, _why(names)))
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


def _some(part: Scoreboard, of: int, names: Sequence[str]) -> tuple[str, str]:
    """Say which windows a few methods alone forecast."""
    windows, who, who_zh = len(part.windows), few(names, len(names)), "、".join(names)
    does = "forecasts" if len(names) == 1 else "forecast"
    if windows == 1:
        cutoff = backtest.cutoff_text(part)
        return f"the one origin that {who} {does}, {cutoff}", f"{who_zh} 的唯一起点：{cutoff}"
    return (
        f"the {windows:,} of {of:,} test windows that {who} {does}",
        f"{who_zh} 所预测的 {windows:,} 个窗口（共 {of:,} 个）",
    )


def _why(names: Sequence[str]) -> tuple[str, str]:
    """Say why a table has some windows alone, so that nobody reads it beside the one above."""
    slow = set(names) <= set(SLOW)
    return (
        f"{'To forecast all of them would take long. ' if slow else ''}Every other method is "
        "measured again here: compare numbers within this table, not with the table above.",
        f"{'全部预测耗时较长。' if slow else ''}"
        "其他方法也在这里重新计分：数字只可在本表内比较，不可与上表比较。",
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
