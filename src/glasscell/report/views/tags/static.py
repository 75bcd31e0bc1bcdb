"""Labels over time without script: of each sequence where what was said is not what is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape
from glasscell.report.page.exploration import Exploration, Series
from glasscell.report.page.frame_words import table as words

__all__ = ["ORDER", "TITLE", "build"]

ORDER: Final = 0.7
TITLE: Final = "view.tags"
MOST: Final = 4
"""Sequences that are drawn …"""
LABELS: Final = 6
"""… and labels or numbers of each, as in view.js."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without labels a step."""
    tags = shown.measures.get("tags")
    if tags is None:
        return ""
    places = [s for s in range(len(shown.series)) if f"{s}/said" in shown.arrays][:MOST]
    return "".join(_sequence(shown, s, tags, lang) for s in places)


def _sequence(shown: Exploration, s: int, tags: Mapping[str, Any], lang: str) -> str:
    series = shown.series[s]
    said = np.asarray(shown.arrays[f"{s}/said"], np.float64)
    right = shown.arrays.get(f"{s}/right")
    title = f"<h3>{escape(series.name)}</h3>"
    if tags["kind"] != "class":
        rows = [
            _row(name, [said[k]] if right is None else [np.asarray(right)[k], said[k]], series, k)
            for k, name in enumerate(tags["names"][:LABELS])
        ]
        return f'{title}<div class="static">{"".join(rows)}{_axis(series)}</div>'
    if right is None:
        return ""
    known = np.asarray(right, np.float64)[0]
    wrong = np.isfinite(known) & (said[0] != known)
    told = words()["tags.wrong"][lang == "zh"].format(wrong=int(wrong.sum()), T=series.steps)
    where = "".join(
        f"<tr><td>{escape(_steps(series, start, stop))}</td><td>{escape(tags['names'][true])}</td>"
        f"<td>{escape(tags['names'][given])}</td></tr>"
        for start, stop, true, given in _stretches(wrong, known, said[0])[:12]
    )
    head = "".join(
        f"<th>{escape(words()[key][lang == 'zh'])}</th>"
        for key in ("axis.step", "tags.right", "tags.said")
    )
    table = f'<div class="scroll"><table><tr>{head}</tr>{where}</table></div>' if where else ""
    return f'{title}<p class="reading">{escape(told)}</p>{table}'


def _stretches(wrong: Any, right: Any, said: Any) -> list[tuple[int, int, int, int]]:
    """First and last step of each stretch of one mistake, what is true, and what was said."""
    found: list[tuple[int, int, int, int]] = []
    for t in np.flatnonzero(wrong).tolist():
        kind = (int(right[t]), int(said[t]))
        if found and found[-1][1] == t - 1 and found[-1][2:] == kind:
            found[-1] = (found[-1][0], t, *kind)
        else:
            found.append((t, t, *kind))
    return found


def _steps(series: Series, start: int, stop: int) -> str:
    names = [str(series.labels[t] if series.labels else t) for t in (start, stop)]
    return names[0] if start == stop else f"{names[0]} – {names[1]}"


def _row(name: str, lines: list[Any], series: Series, k: int) -> str:
    low, high = axes.padded_range(lines)
    ticks = charts.y_ticks(low, high, 2)
    drawn = [
        charts.Line(values=np.asarray(values, np.float64), css=css)
        for values, css in zip(lines, ("hidden", "cell")[-len(lines) :], strict=True)
    ]
    drawing = charts.svg(drawn, low, high, ticks=ticks)
    gutter = charts.y_gutter(ticks, low, high)
    return charts.row(f"<b>{escape(name)}</b>", drawing, gutter, group="static", height=64)


def _axis(series: Series) -> str:
    labels = series.labels or [str(t) for t in range(series.steps)]
    return charts.x_axis(axes.time_ticks(labels, series.steps))
