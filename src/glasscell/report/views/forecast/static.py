"""The forecast without script: one chart, its key, each method's error on the stretch."""

from __future__ import annotations

from typing import Final

import numpy as np

from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape, short
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words

__all__ = ["COLOURS", "ORDER", "TITLE", "build"]

ORDER: Final = 1.2
TITLE: Final = "view.forecast"
COLOURS: Final = ("cell", "forget", "candidate", "input", "output")
"""Of the methods, as in view.js."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without a forecast."""
    found = shown.measures.get("stretch")
    if found is None:
        return ""
    column = lang == "zh"
    center, scale = map(float, found["scale"])
    names = [words()["forecast.truth"][column], *found["methods"]]
    lines = [center + scale * np.asarray(shown.arrays[f"forecast/{k}"]) for k in range(len(names))]
    if not lines[0].size:
        return f'<p class="note">{escape(words()["forecast.none"][column])}</p>'
    css = ["truth", *(COLOURS[k % len(COLOURS)] for k in range(len(names) - 1))]
    band = [
        center + scale * np.asarray(shown.arrays[f"forecast/{end}"])
        for end in (("low", "high") if found.get("band") else ())
    ]
    low, high = axes.padded_range([*lines, *band])
    area = f'<path class="band" d="{charts.band(band[0], band[1], low, high)}"/>' if band else ""
    ticks = charts.y_ticks(low, high, 4)
    drawing = charts.svg(
        [charts.Line(values=v, css=c) for v, c in zip(lines, css, strict=True)][::-1],
        low, high, ticks=ticks,
        extra=area,
    )  # fmt: skip
    said = words()["forecast.error"][column]
    errors = ["", *(said.format(value=value) if value else "" for value in found["errors"])]
    keys = "".join(
        f'<span class="key {c}">{short(name)} <small>{escape(error)}</small></span>'
        for c, name, error in zip(css, names, errors, strict=True)
    )
    if band:
        level, inside = found["band"]
        text = words()["forecast.band"][column].format(level=level, inside=inside)
        keys += f'<span class="key">{escape(text)}</span>'
    gutter = charts.y_gutter(ticks, low, high, escape(found["unit"]))
    row = charts.row("", drawing, gutter, group="static", height=260)
    axis = charts.x_axis(axes.time_ticks(found["labels"], len(lines[0])))
    caption = f'<p class="note">{escape(found["caption"][column])}</p>'
    return f'<div class="static">{caption}<div class="keys">{keys}</div>{row}{axis}</div>'
