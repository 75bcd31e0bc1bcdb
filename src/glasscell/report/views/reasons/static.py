"""What moved the forecast, without script: of each window the sentence, a chart and the check."""

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

ORDER: Final = 1.4
TITLE: Final = "view.reasons"
MOST: Final = 4
"""Windows that are drawn."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without forecasts."""
    found = shown.measures.get("reasons", {})
    return "".join(
        _window(shown.series[int(s)], np.asarray(shown.arrays[f"{s}/moved"])[0], one, lang)
        for s, one in list(found.items())[:MOST]
    )


def _window(series: Series, moved: Array, one: Mapping[str, Any], lang: str) -> str:
    column = lang == "zh"
    say = {key: pair[column] for key, pair in words().items() if key.startswith("reasons.")}
    low, high = axes.padded_range([moved, np.zeros(1)])
    ticks = charts.y_ticks(low, high, 3)
    drawing = charts.svg([charts.Line(values=moved, css="cell")], low, high, ticks=ticks)
    label = f"<b>{escape(say['reasons.sum'])}</b>"
    gutter = charts.y_gutter(ticks, low, high, escape(one["unit"]))
    row = charts.row(label, drawing, gutter, group="static", height=110)
    labels = series.labels or [str(t) for t in range(series.steps)]
    axis = charts.x_axis(axes.time_ticks(labels, series.steps))
    parts = [*one["parts"]]
    if len(parts) > 1:
        both = (say["reasons.together"],) * 2
        parts.append({"name": both, "added": one["said"], "fell": one["fell"]})
    rows = "".join(
        f"<tr><td>{escape(part['name'][column])}</td><td class=n>{fixed(part['added'], 3)}</td>"
        f"<td class=n>{fixed(part['fell'], 3)}</td></tr>"
        for part in parts
    )
    head = "".join(f"<th>{escape(say[f'reasons.{key}'])}</th>" for key in ("part", "said", "fell"))
    error = say["reasons.error"].format(error=fixed(one["error"], 2))
    return (
        f'<p class="reading">{escape(one["text"][column])}</p><div class="static">{row}{axis}</div>'
        f'<div class="scroll whole"><table class="results"><thead><tr>{head}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="note">{escape(error)}</p>'
    )
