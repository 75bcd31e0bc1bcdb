"""Curves without script: every chart with its sentence, its key and its axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes, charts
from glasscell.report.draw.curves import logs
from glasscell.report.draw.markup import column_decimals, escape, grouped
from glasscell.report.page.exploration import Exploration
from glasscell.report.views.curves.data import COLOURS, DASHES

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 0.2
TITLE: Final = "view.curves"
ENDS: Final = np.array([0.0, 1.0])


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without curves."""
    drawn = "".join(_chart(chart, lang == "zh") for chart in shown.measures.get("curves", ()))
    return f'<div class="panels static curves">{drawn}</div>' if drawn else ""


def _chart(chart: Mapping[str, Any], column: bool) -> str:
    lines = [
        {part: _scaled(line[part], chart["log_x" if part == "x" else "log_y"]) for part in parts}
        for line in chart["lines"]
        for parts in [[part for part in ("x", "y", "low", "high") if part in line]]
    ]
    levels = _scaled([value for value, _ in chart["levels"]], chart["log_y"])
    low, high = axes.padded_range(
        [levels, *(line[part] for line in lines for part in line if part != "x")]
    )
    left, right = axes.padded_range([line["x"] for line in lines], 0.02)
    for line in lines:
        line["x"] = (line["x"] - left) / (right - left)
    css = [COLOURS[line["name"] % len(COLOURS)] for line in chart["lines"]]
    thin = ";stroke-width:1.2;opacity:.75" if len(lines) > len(chart["names"]) else ""
    bands = "".join(
        f'<path class="area {colour}" d="'
        f'{charts.band(line["low"], line["high"], low, high, line["x"])}"/>'
        for line, colour in zip(lines, css, strict=True)
        if "low" in line
    )
    dotted = "".join(
        f'<path class="level" d="{charts.path(np.full(2, level), low, high, ENDS)}"/>'
        for level in levels
    )
    drawn = "".join(
        charts.stroke(
            line["y"], colour, low, high, f' style="{_dash(of["name"])}{thin}"', line["x"]
        )
        for line, colour, of in zip(lines, css, chart["lines"], strict=True)
    )
    ticks, texts = _ticks(low, high, chart["log_y"])
    drawing = charts.svg([], low, high, ticks=ticks, extra=f"{bands}{dotted}{drawn}")
    row = charts.row(
        "", drawing, charts.y_gutter(ticks, low, high, texts=texts), group="static", height=200
    )
    across = [
        axes.Tick(at=(tick - left) / (right - left), text=text)
        for tick, text in zip(*_ticks(left, right, chart["log_x"]), strict=True)
    ]
    return (
        f"<figure><h3>{escape(chart['title'][column])}</h3>"
        f'<div class="keys">{_keys(chart, column)}</div>'
        f'<div><p class="axis-name">{escape(chart["y"][column])}</p>{row}'
        f"{charts.x_axis(across, escape(chart['x'][column]))}</div></figure>"
    )


def _keys(chart: Mapping[str, Any], column: bool) -> str:
    names = [
        (COLOURS[k % len(COLOURS)], _dash(k), name) for k, name in enumerate(chart["names"])
    ] + [("level", "", name) for _, name in chart["levels"]]
    return "".join(
        f'<span class="key {css}"><svg class="swatch" viewBox="0 0 26 10" aria-hidden="true">'
        f'<path style="{dash}" d="M1 5H25"/></svg>{escape(name[column])}</span>'
        for css, dash, name in names
    )


def _dash(name: int) -> str:
    dash = DASHES[name // len(COLOURS) % len(DASHES)]
    return f"stroke-dasharray:{' '.join(map(str, dash)) or 'none'}"


def _scaled(values: list[float | None], log: bool) -> Array:
    """Give numbers as they lie along their axis; None is NaN."""
    array = np.array(values, np.float64)
    return logs(array) if log else array


def _ticks(low: float, high: float, log: bool) -> tuple[list[float], list[str]]:
    """Give where the ticks of an axis stand, and what they say."""
    if log:
        ticks = axes.log_ticks(low, high)
        return ticks, axes.log_texts(ticks)
    ticks = axes.number_ticks(low, high, 4)
    places = column_decimals(ticks)
    return ticks, [grouped(tick, places) for tick in ticks]
