"""How far back, without script: the sentence, one chart, its key."""

from __future__ import annotations

from typing import Final

import numpy as np

from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 1.3
TITLE: Final = "view.lag"
COLOURS: Final = ("forget", "candidate", "cell")
"""Of the linear model, the trees and the network, as in view.js."""
TICKS: Final = 8


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page on which nothing was measured."""
    found = shown.measures.get("reach")
    if found is None:
        return ""
    column = lang == "zh"
    lines = [np.asarray(shown.arrays[f"lag/{k}"]) for k in range(len(found["names"]))]
    low, high = axes.padded_range([*lines, np.zeros(1)])
    ticks = charts.y_ticks(low, high, 4)
    drawing = charts.svg(
        [charts.Line(values=v, css=c) for v, c in zip(lines, COLOURS, strict=False)],
        low, high, ticks=ticks,
    )  # fmt: skip
    enough = words()["lag.back"][column]
    keys = "".join(
        f'<span class="key {css}">{escape(name[column])} '
        f"<small>{escape(enough.format(steps=back))}</small></span>"
        for name, back, css in zip(found["names"], found["backs"], COLOURS, strict=False)
    )
    steps = found["steps"]
    every = max(-(-len(steps) // TICKS), 1)
    across = [
        axes.Tick(at=(place + 0.5) / len(steps), text=str(steps[place]))
        for place in range(0, len(steps), every)
    ]
    row = charts.row("", drawing, charts.y_gutter(ticks, low, high), group="static", height=220)
    axis = charts.x_axis(across, words()["lag.steps"][column])
    return (
        f'<p class="reading">{escape(found["said"][column])}</p>'
        f'<div class="static"><div class="keys">{keys}</div>{row}{axis}</div>'
    )
