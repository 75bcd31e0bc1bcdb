"""What the demo's page shows of blood glucose: the gates at meals, beside the page of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import glasscell
from glasscell import report
from glasscell.demo.meals import STEEP, WITHIN, RisesInTest
from glasscell.inspect.units import events
from glasscell.tasks.forecast.fit import FitResult
from glasscell.tasks.forecast.page import LAYER
from glasscell.tasks.forecast.plan import Plan
from glasscell.traces.layer import LayerTrace

NAME = "blood glucose"
EVENT = "steep rise"
LABELS = {
    "forget": "forget gate",
    "input": "input gate",
    "candidate": "candidate",
    "output": "output gate",
    "cell": "cell state",
    "hidden": "hidden state",
}


@dataclass(frozen=True, eq=False)
class MealView:
    """The gates at meals.

    Args:
        window: One window of the test part, its rises marked.
        cell: The unit whose gate answers most, half an hour into the window's first rise.
        table: Movement of every quantity at rises, at falls and elsewhere.
        sentence: What the gates do at rises.
    """

    window: report.GateWindow
    cell: report.CellNumbers
    table: report.Table
    sentence: str


def meal_view(result: FitResult) -> MealView:
    """Trace the saved LSTM over the test part and look at steep rises.

    Args:
        result: What `fit` found on glucose readings.
    """
    found = RisesInTest.of(result.plan)
    apart = found.apart()
    moved = events.movements(_trace(result, apart), found.rises[apart], found.falls[apart], WITHIN)
    count = events.count_events(found.rises[apart], WITHIN)
    shown = found.richest()
    trace = _trace(result, np.array([shown])).sequence(0)
    window = gate_window(result.plan, found, shown, trace)
    return MealView(
        window,
        _cell(result, window, shown, max_unit(moved)),
        _table(moved, count),
        events.in_words(moved, count, f"{EVENT}s (likely meals)", "falls as steep"),
    )


def gate_window(plan: Plan, found: RisesInTest, index: int, trace: LayerTrace) -> report.GateWindow:
    """Put the trace of one test window beside its readings and rises.

    Args:
        plan: Data and windows.
        found: The rises in the test part.
        index: Which window.
        trace: Of that window, each array (lookback, H).
    """
    times = window_times(plan, index)
    rises = np.flatnonzero(found.rises[index])
    return report.GateWindow(
        trace=trace,
        name=NAME,
        times=times,
        inputs={"blood glucose, mg/dL": found.readings[index]},
        events=[(int(step), EVENT) for step in rises],
        caption=(
            f"The last six hours before {str(times[-1])[:16].replace('T', ' ')}, in the test part. "
            f"Marked: where readings begin to rise by {STEEP:g} mg/dL or more within half an hour, "
            "most likely after a meal (the data have no log of meals)."
        ),
    )


def window_times(plan: Plan, index: int) -> np.ndarray[Any, Any]:
    """Give the times of a test window's rows."""
    dataset, origin = plan.dataset, plan.test.origins[index]
    owner = int(dataset.owner(origin))
    row = origin - dataset.offsets[owner]
    return np.asarray(dataset.series[owner].ds[row - plan.lookback : row])


def max_unit(moved: dict[str, events.Movement]) -> int:
    """Give the unit whose forget or input gate answers most to rises."""
    return max((moved[n] for n in ("forget", "input")), key=lambda m: abs(m.change[m.unit])).unit


def _trace(result: FitResult, windows: np.ndarray[Any, Any]) -> LayerTrace:
    inputs = torch.from_numpy(result.plan.test.inputs(windows))
    with glasscell.trace(result.best.network) as traced, torch.no_grad():
        result.best.network(inputs)
    return traced[LAYER]


def _cell(
    result: FitResult, window: report.GateWindow, index: int, unit: int
) -> report.CellNumbers:
    """Take the numbers of one unit half an hour into the first rise (or in mid-window)."""
    plan = result.plan
    first = window.events[0][0] if window.events else plan.lookback // 2
    step = min(first + WITHIN, plan.lookback - 1)
    z = plan.test.inputs(np.array([index]))[0].copy()
    z[:, 0] -= z[-1, 0]
    return report.cell_numbers(
        result.best.network.recurrent,
        window.trace,
        z,
        unit=unit,
        step=step,
        suffix="l0",
        input_names=plan.channels,
        when=str(window_times(plan, index)[step])[:16].replace("T", " "),
        layer=NAME,
    )


def _table(moved: dict[str, events.Movement], count: int) -> report.Table:
    rows: list[list[str | float]] = [
        [
            LABELS[m.name],
            m.events,
            m.elsewhere,
            m.ratio,
            m.contrast_ratio,
            m.by_chance,
            float(m.opens),
            float(m.closes),
            f"unit {m.unit}: {m.change[m.unit]:+.2f}".replace("-", "−"),
        ]
        for m in moved.values()
    ]
    return report.Table(
        caption=f"What the LSTM does at {count} steep rises of the test part (likely meals).",
        columns=[
            "quantity",
            "change per step at rises",
            "elsewhere",
            "ratio",
            "ratio at falls",
            "ratio by chance",
            "units that rise",
            "units that fall",
            "strongest answer",
        ],
        rows=rows,
        note=(
            "Change per step: mean |x_t − x_{t−1}| over units, in the half hour after a rise of "
            f"{STEEP:g} mg/dL within half an hour begins. By chance: what 95 of 100 shifts of all "
            "rises to other times stay below. Units count whose mean change over the half hour is "
            "more than three standard errors from zero; the strongest answer is the largest such "
            "mean."
        ),
    )
