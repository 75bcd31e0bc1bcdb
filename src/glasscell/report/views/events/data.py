"""Marked steps on a page, and what every quantity of its gated layers does around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.inspect.units.events import Course, around, course
from glasscell.report.draw.markup import fixed
from glasscell.report.draw.recurrence import look
from glasscell.report.page.exploration import Exploration, Pair, quantities
from glasscell.report.page.frame_words import quantity, table

__all__ = ["with_events"]

ARRAYS: Final = {"s/l/events": "(n, 3, K) each quantity's mean course, and the band it is due in"}
MEASURES: Final = {
    "events": "{s: [[step, label]]}, marked steps of a series",
    "response": "by key: before, after, count, said, and rows of a quantity's numbers",
    "movement": "{said, table}, over all events of a run",
    "lags": "{s: lag} of series whose data ask for another lag than the page's first network",
}

_CLEARLY: Final = 1.2
"""Times as much movement as elsewhere from which on a gate is named."""
_FEWEST: Final = 4
"""Steps of a sequence that can have a course."""


def with_events(shown: Exploration, marks: Mapping[int, Sequence[tuple[int, str]]]) -> Exploration:
    """Mark steps of a page's series, and measure what the gates do there.

    Args:
        shown: The page.
        marks: Index of a series to its (step, label) pairs; steps count from 0.

    Returns:
        The page with `measures.events`, `measures.response` and the courses "s/l/events":
        (n, 3, K), each quantity's curve and its band.

    Raises:
        ShapeError: A step lies outside its series.
    """
    arrays: dict[str, Array] = {}
    response: dict[str, Any] = {}
    for s, pairs in marks.items():
        series = shown.series[s]
        for step, label in pairs:
            if not 0 <= step < series.steps:
                raise ShapeError(
                    f"event {label!r}: expected a step in 0 … {series.steps - 1} "
                    f"(T = {series.steps}), got {step}"
                )
        steps = sorted({step for step, _ in pairs})
        if not steps or series.steps < _FEWEST:
            continue
        for layer, trace in zip(series.layers, series.traces, strict=True):
            known = quantities(trace)
            if len(known) < 2:
                continue
            found = {name: course(array, steps) for name, array in known.items()}
            gates = [
                name for name in look(trace.recurrence).names if name in trace.recurrence.gate_names
            ]
            arrays[f"{s}/{layer}/events"] = np.array(
                [[one.curve, one.lower, one.upper] for one in found.values()]
            )
            response[f"{s}/{layer}"] = _record(found, gates, len(steps), series.steps)
    marked = {str(s): [[step, label] for step, label in pairs] for s, pairs in marks.items()}
    return shown.more(arrays, {"events": marked, "response": response})


def _record(
    found: Mapping[str, Course], gates: Sequence[str], count: int, steps: int
) -> dict[str, Any]:
    before, after = around(steps)
    numbers = ("level_near", "level_elsewhere", "move_near", "move_elsewhere", "ratio", "unit")
    return {
        "before": before,
        "after": after,
        "count": count,
        "said": _sentence(found, gates),
        "rows": [[getattr(one, name) for name in numbers] for one in found.values()],
    }


def _sentence(found: Mapping[str, Course], gates: Sequence[str]) -> Pair:
    """Name the gate that moves most, if one moves clearly more than elsewhere."""
    ratios = {name: found[name].ratio for name in gates if np.isfinite(found[name].ratio)}
    most = max(ratios, key=lambda name: ratios[name], default="")
    if not most or ratios[most] < _CLEARLY:
        return table()["events.none"]
    ratio = fixed(ratios[most], 2)
    english, chinese = (
        text.format(gate=quantity(most, ("en", "zh")[k]), ratio=ratio)
        for k, text in enumerate(table()["events.most"])
    )
    return english, chinese
