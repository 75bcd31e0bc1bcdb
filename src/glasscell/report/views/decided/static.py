"""What decided without script: of each sequence the sentence, and what every step added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape, fixed
from glasscell.report.page.exploration import Exploration, Series
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 0.8
TITLE: Final = "view.decided"
MOST: Final = 4
"""Sequences that are drawn."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page on which nothing was decided."""
    found = shown.measures.get("decided", {})
    parts = [
        _sequence(shown.series[int(s)], np.asarray(shown.arrays[f"{s}/added"])[0], one, lang)
        for s, one in list(found.items())[:MOST]
    ]
    return "".join(parts)


def _sequence(series: Series, added: Array, one: Mapping[str, Any], lang: str) -> str:
    column = lang == "zh"
    total = f"decided.total.{'odds' if one['odds'] else 'number'}"
    numbers = {name: fixed(one[name], 2) for name in ("score", "base", "said")}
    numbers |= {"change": fixed(-one["fell"], 2), "after": fixed(one["score"] - one["fell"], 2)}
    steps = one["steps"]
    count = words()["steps.one" if len(steps) == 1 else "steps"][column].format(value=len(steps))
    named = ", ".join(map(str, steps[:8])) + (" …" if len(steps) > 8 else "")
    said = [
        words()[total][column].format(of=one["of"], **numbers),
        words()["decided.checked"][column].format(count=count, steps=named, **numbers),
    ]
    low, high = axes.padded_range([added, np.zeros(1)])
    ticks = charts.y_ticks(low, high, 3)
    drawing = charts.svg([charts.Line(values=added, css="cell")], low, high, ticks=ticks)
    label = f"<b>{escape(words()['decided.sum'][column])}</b>"
    row = charts.row(label, drawing, charts.y_gutter(ticks, low, high), group="static", height=110)
    labels = series.labels or [str(t) for t in range(series.steps)]
    axis = charts.x_axis(axes.time_ticks(labels, series.steps))
    return (
        f'<h3>{escape(series.name)}</h3><p class="reading">{escape(" ".join(said))}</p>'
        f'<div class="static">{row}{axis}</div>'
    )
