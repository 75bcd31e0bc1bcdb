"""What the demo's page shows of blood glucose: the page of the run, with its gates at meals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

import glasscell
from glasscell.arrays import Array
from glasscell.demo.meals import STEEP, WITHIN, RisesInTest
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.inspect.units import events
from glasscell.report.page import Exploration
from glasscell.report.page.frame_words import table
from glasscell.report.views.events.data import with_events
from glasscell.report.views.results.data import Table
from glasscell.tasks.forecast import kept_windows
from glasscell.tasks.forecast.fitting import FitResult
from glasscell.tasks.inspect_run import look_at
from glasscell.traces.layer import LayerTrace

LAYER = "recurrent.l0"
EVENT = "steep rise"
MARKED = (
    f"Marked in the series: where readings begin to rise by {STEEP:g} mg/dL or more within half an "
    "hour, most likely after a meal (the data have no log of meals).",
    f"序列中的标记：读数开始在半小时内上升 {STEEP:g} mg/dL 或更多之处，"
    "很可能在进餐之后（数据中没有进餐记录）。",
)


@dataclass(frozen=True, eq=False)
class MealView:
    """The gates at meals.

    Args:
        table: Movement of every quantity at rises, at falls and elsewhere.
        sentence: What the gates do at rises.
        unit: The unit whose forget or input gate answers most.
    """

    table: Table
    sentence: str
    unit: int


def meal_view(result: FitResult) -> MealView:
    """Trace the saved LSTM over the test part and look at steep rises.

    Args:
        result: What `fit` found on glucose readings.
    """
    found = RisesInTest.of(result.plan)
    apart = found.apart()
    moved = events.movements(_trace(result, apart), found.rises[apart], found.falls[apart], WITHIN)
    count = events.count_events(found.rises[apart], WITHIN)
    most = max((moved[n] for n in ("forget", "input")), key=lambda m: abs(m.change[m.unit]))
    return MealView(
        _table(moved, count),
        events.in_words(moved, count, f"{EVENT}s (likely meals)", "falls as steep"),
        most.unit,
    )


def explored(result: FitResult, meals: MealView, run: Path) -> Exploration:
    """Measure the run on its windows, the one that shows meals best in front.

    Args:
        result: What `fit` found.
        meals: What its gates do.
        run: The run folder.

    Returns:
        A page that starts half an hour into the first rise, at the unit that answers most.
    """
    plan, rises = result.plan, RisesInTest.of(result.plan)
    chosen = kept_windows.telling(plan, front=[rises.richest()])
    shown = look_at(SavedModel.read(run), run, kept_windows.of_plan(plan, chosen))
    marks = {
        s: [(int(step), EVENT) for step in np.flatnonzero(rises.rises[index])]
        for s, index in enumerate(chosen[: len(shown.series)])
    }
    shown = with_events(shown, marks)
    first = marks[0][0][0] if marks[0] else plan.lookback // 2
    start = {"series": 0, "layer": 0, "unit": meals.unit}
    start["t"] = min(first + WITHIN, plan.lookback - 1)
    movement = {"said": (meals.sentence, meals.sentence), "table": meals.table.record()}
    return replace(shown.more({}, {"movement": movement}), start=start)


def _trace(result: FitResult, windows: Array) -> LayerTrace:
    inputs = torch.from_numpy(result.plan.test.inputs(windows))
    with glasscell.trace(result.best.network) as traced, torch.no_grad():
        result.best.network(inputs)
    return traced[LAYER]


def _table(moved: dict[str, events.Movement], count: int) -> Table:
    rows: list[list[str | float]] = [
        [
            table()[m.name][0],
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
    return Table(
        caption=(
            f"What the LSTM does at {count} steep rises of the test part (likely meals).",
            f"LSTM 在测试部分 {count} 次陡升（很可能是进餐）处的表现。",
        ),
        columns=[
            ("quantity", "量"),
            ("change per step at rises", "陡升处每步变化"),
            ("elsewhere", "其他时候"),
            ("ratio", "比值"),
            ("ratio at falls", "陡降处比值"),
            ("ratio by chance", "偶然比值"),
            ("units that rise", "上升的单元"),
            ("units that fall", "下降的单元"),
            ("strongest answer", "最强反应"),
        ],
        rows=rows,
        note=(
            "Change per step: mean |x_t − x_{t−1}| over units, in the half hour after a rise of "
            f"{STEEP:g} mg/dL within half an hour begins. By chance: what 95 of 100 shifts of all "
            "rises to other times stay below. Units count whose mean change over the half hour is "
            "more than three standard errors from zero; the strongest answer is the largest such "
            "mean.",
            f"每步变化：半小时内上升 {STEEP:g} mg/dL 开始后的半小时内，"
            "各单元 |x_t − x_{t−1}| 的平均。"
            "偶然：把所有陡升平移到其他时间，100 次中有 95 次低于此值。只计半小时平均变化偏离零"
            "超过三倍标准误的单元；最强反应是其中最大的平均变化。",
        ),
    )
