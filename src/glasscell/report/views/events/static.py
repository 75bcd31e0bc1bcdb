"""The events without script: a small chart a quantity, and the table of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape, fixed
from glasscell.report.draw.recurrence import Look, look
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import quantity
from glasscell.report.page.frame_words import table as words
from glasscell.report.views.results.static import table

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 2.2
TITLE: Final = "view.events"
_HEAD: Final = ("quantity", "level", "elsewhere", "movement", "elsewhere", "ratio", "unit")


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without events."""
    parts = []
    if (movement := shown.measures.get("movement")) is not None:
        said = escape(movement["said"][lang == "zh"])
        parts.append(f'<p class="says">{said}</p>{table(movement["table"], lang)}')
    for key, found in shown.measures.get("response", {}).items():
        s, layer = map(int, key.split("/"))
        if s == shown.through(layer):
            how = look(shown.layers[layer].cell)
            parts.append(_course(how, found, np.asarray(shown.arrays[f"{key}/events"]), lang))
    return "".join(parts)


def _course(how: Look, found: Mapping[str, Any], courses: Array, lang: str) -> str:
    column = lang == "zh"
    caveat = words()["events.caveat"][column].format(count=found["count"])
    smalls = "".join(
        _small(how, name, courses[k], found["before"], lang) for k, name in enumerate(how.names)
    )
    head = "".join(f"<th>{escape(words()[f'events.{key}'][column])}</th>" for key in _HEAD)
    rows = "".join(
        f'<tr><th class="key {how.colours[name]}">{escape(quantity(name, lang))}</th>'
        + "".join(f"<td>{fixed(value)}</td>" for value in row[:4])
        + f"<td><b>{fixed(row[4], 2)}</b></td><td>{row[5]}</td></tr>"
        for name, row in zip(how.names, found["rows"], strict=True)
    )
    return (
        f'<p class="reading">{escape(found["said"][column])} <small>{escape(caveat)}</small></p>'
        f'<div class="panels three static">{smalls}</div><div class="scroll whole"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _small(how: Look, name: str, course: Array, before: int, lang: str) -> str:
    curve, lower, upper = course
    low, high = axes.padded_range([*course], 0.08)
    count = len(curve)
    zero = (before + 0.5) / count * charts.WIDTH
    extra = (
        f'<path class="band" d="{charts.band(lower, upper, low, high)}"/>'
        f'<path class="zero" d="M{zero:.1f} 0V100"/>'
    )
    ticks = charts.y_ticks(low, high, 2)
    hue = how.colours[name]
    drawing = charts.svg([charts.Line(values=curve, css=hue)], low, high, ticks=ticks, extra=extra)
    said = escape(f"{quantity(name, lang)} {how.letters[name]}")
    label = f'<b class="key {hue}">{said}</b>'
    lags = {lag: f"{lag:+d}".replace("-", "−") if lag else "0" for lag in (-before, 0)}
    lags[count - before - 1] = f"+{count - before - 1}"
    marks = [axes.Tick(at=(before + lag + 0.5) / count, text=text) for lag, text in lags.items()]
    gutter = charts.y_gutter(ticks, low, high)
    row = charts.row(label, drawing, gutter, group="static", height=84)
    return f'<div class="small">{row}{charts.x_axis(marks)}</div>'
