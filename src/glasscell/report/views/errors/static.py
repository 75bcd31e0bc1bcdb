"""Errors by step ahead and by origin, without script: two charts and their key."""

from __future__ import annotations

from typing import Final

import numpy as np

from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape, short
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["COLOURS", "ORDER", "TITLE", "build"]

ORDER: Final = 1.25
TITLE: Final = "view.errors"
COLOURS: Final = ("cell", "forget", "candidate", "input", "output")
"""Of the methods, as in view.js."""
TICKS: Final = 6


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without errors."""
    found = shown.measures.get("errors")
    if found is None:
        return ""
    column = lang == "zh"
    methods, times = found["methods"], found["times"]
    parts = []
    for part in ("ahead", "origin"):
        lines = [
            float(found["scale"]) * np.asarray(shown.arrays[f"errors/{part}/{k}"])
            for k in range(len(methods))
        ]
        labels = times if part == "origin" else [str(k) for k in range(1, len(lines[0]) + 1)]
        if len(labels) < 2:
            continue
        low, high = axes.padded_range([*lines, np.zeros(1)])
        ticks = charts.y_ticks(low, high, 4)
        drawn = [charts.Line(values=v, css=c) for v, c in zip(lines, COLOURS, strict=False)]
        drawing = charts.svg(drawn[::-1], low, high, ticks=ticks)
        gutter = charts.y_gutter(ticks, low, high, escape(found["unit"]))
        every = max(-(-len(labels) // TICKS), 1)
        across = [
            axes.Tick(at=(place + 0.5) / len(labels), text=labels[place])
            for place in range(0, len(labels), every)
        ]
        parts.append(charts.row("", drawing, gutter, group="static", height=220))
        parts.append(charts.x_axis(across, words()[f"errors.{part}"][column]))
    keys = "".join(
        f'<span class="key {css}">{short(name)}</span>'
        for css, name in zip(COLOURS, methods, strict=False)
    )
    return f'<div class="static"><div class="keys">{keys}</div>{"".join(parts)}</div>'
