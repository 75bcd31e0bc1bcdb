"""The forecasts that an LSTM has to beat, on the same test windows."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from glasscell.arrays import Array
from glasscell.data.read import Series
from glasscell.data.wording import count
from glasscell.tasks.forecast import statistical
from glasscell.tasks.forecast.coverage import span
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.ridge import ridge
from glasscell.tasks.forecast.rules import drift, naive, seasonal_naive
from glasscell.tasks.forecast.scores import Entry, Scoreboard
from glasscell.tasks.forecast.trees import fit_trees


def baselines(
    plan: Plan, board: Scoreboard, say: Callable[[str], None] = lambda _: None
) -> tuple[list[Entry], list[str]]:
    """Forecast the test windows without a network.

    Args:
        plan: Windows and options.
        board: The test windows of the plan.
        say: Called before what may take long.

    Returns:
        What each baseline forecast, and notes on those that are left out or know less.
    """
    entries, notes = [*_rules(plan, board), _ridge(plan, board)], []
    chosen = plan.options.baselines
    if chosen is None or "trees" in chosen:
        entries.append(_trees(plan, board, say))
    names = [name for name in statistical.NAMES if chosen is None or name.lower() in chosen]
    if not statistical.installed():
        if names and chosen is not None:
            notes.append(f"{', '.join(names)}: statsforecast, which has them, is not installed.")
        names = []
    if names:
        few, every = int(statistical.few_windows(board).sum()), len(board.windows)
        say(
            f"{', '.join(names)} on {f'{few:,} of ' if few < every else ''}"
            f"{count(every, 'test window')} (statsforecast; --baselines chooses) …"
        )
    for name in names:
        found = statistical.statistical(plan, board, name)
        if isinstance(found, Entry):
            entries.append(found)
        else:
            notes.append(found)
    return entries, [*notes, *(entry.note for entry in entries if entry.note)]


def _rules(plan: Plan, board: Scoreboard) -> list[Entry]:
    season = plan.season
    rules: dict[str, Callable[[Series, Array, int], Array]] = {"naive": naive}
    if season > 1:
        rules["seasonal naive"] = partial(seasonal_naive, season=season)
    rules["drift"] = drift
    entries = []
    for name, rule in rules.items():
        forecast = np.empty(board.truth.shape)
        for owner, series in enumerate(plan.dataset.series):
            windows = board.owners == owner
            forecast[windows] = rule(series, board.rows[windows], plan.horizon)
        entries.append(Entry(name=name, forecasts=(forecast,)))
    return entries


def _ridge(plan: Plan, board: Scoreboard) -> Entry:
    began = time.perf_counter()
    train = plan.train.thinned(plan.options.max_windows)
    linear = ridge(train, plan.validation, plan.dataset.level)
    seconds = time.perf_counter() - began
    told = linear.forecast(plan.validation.inputs()), linear.forecast(plan.test.inputs())
    return Entry(
        name="ridge",
        forecasts=(board.restore(told[1]),),
        parameters=linear.parameters,
        seconds=seconds,
        span=span(plan, board, told),
    )


def _trees(plan: Plan, board: Scoreboard, say: Callable[[str], None]) -> Entry:
    train = plan.train.thinned(plan.options.max_windows)
    say(f"Trees for {count(plan.horizon, 'step')} ahead (--baselines chooses) …")
    began = time.perf_counter()
    model = fit_trees(train, plan.validation, plan.dataset.level)
    seconds = time.perf_counter() - began
    note = (
        f"Trees learn from {model.windows:,} evenly spaced windows."
        if model.windows < len(train)
        else ""
    )
    told = model.forecast(plan.validation), model.forecast(plan.test)
    return Entry(
        name="trees",
        forecasts=(board.restore(told[1]),),
        parameters=model.parameters,
        seconds=seconds,
        note=note,
        span=span(plan, board, told),
    )
