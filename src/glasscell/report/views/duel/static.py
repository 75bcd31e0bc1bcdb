"""The duel without script: who won, every try, and each network's gradient on one scale."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape, fixed, powers, short
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words
from glasscell.report.views.results.static import table

__all__ = ["FLOAT32_FLOOR", "ORDER", "ROUNDING", "TITLE", "build", "decades"]

ORDER: Final = 11
TITLE: Final = "view.duel"
FLOAT32_FLOOR: Final = float(np.log10(np.finfo(np.float32).tiny))
"""log10 of the smallest normal float32; the kernels flush what is below to zero."""
ROUNDING: Final = -24 * math.log10(2.0)
"""log10 of half a float32 unit in the last place: a term so much smaller leaves a sum as it was."""
_BELOW: Final = 7
"""Decades below the floor at which a gradient of exactly 0 is drawn."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without a contest."""
    found = shown.measures.get("contest")
    if found is None:
        return ""
    column = lang == "zh"
    logs = [
        {part: decades(shown.arrays[f"duel/{k}/{part}"]) for part in river["parts"]}
        for k, river in enumerate(found["rivers"])
    ]
    low, high = _limits([line for lines in logs for line in lines.values()])
    panels = "".join(
        _panel(river, lines, (low, high), column)
        for river, lines in zip(found["rivers"], logs, strict=True)
    )
    keys = "".join(
        f'<span class="key {part}">{escape(words()[f"river.{part}"][column])}</span>'
        for part in dict.fromkeys(part for river in found["rivers"] for part in river["parts"])
    )
    return (
        f'<p class="says">{escape(found["said"][column])}</p>{table(found["table"], lang)}'
        f'<div class="keys">{keys}</div><div class="panels static">{panels}</div>'
    )


def decades(norms: Array) -> Array:
    """Return log10 of norms; zero becomes -inf, and negative or missing ones NaN.

    >>> decades(np.array([0.01, 0.0])).tolist()
    [-2.0, -inf]
    """
    norms = np.asarray(norms, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(norms >= 0, np.log10(norms), np.nan)


def _limits(lines: list[Array]) -> tuple[float, float]:
    """The common range of all panels: whole decades, not far below where float32 ends."""
    finite = np.concatenate([line[np.isfinite(line)] for line in lines])
    if not finite.size:
        return -1.0, 0.0
    low = max(math.floor(finite.min()), math.floor(FLOAT32_FLOOR) - _BELOW)
    high = math.ceil(finite.max() + 1e-9)
    return float(low - (high - low) * 0.04), float(max(high, low + 1) + 0.3)


def _panel(
    river: dict[str, Any], logs: dict[str, Array], limits: tuple[float, float], column: bool
) -> str:
    low, high = limits
    ticks = [t for t in axes.number_ticks(low, high, 5) if t == int(t)]
    lines = [
        charts.Line(
            values=np.where(np.isneginf(line), FLOAT32_FLOOR - _BELOW, line),
            css=part,
            fill=part == "hidden",
        )
        for part, line in logs.items()
    ]
    hidden = logs["hidden"]
    strongest = max(hidden[np.isfinite(hidden)], default=math.nan)
    levels = {"river.round": strongest + ROUNDING, "river.floor": FLOAT32_FLOOR}
    floors = {k: (high - v) / (high - low) for k, v in levels.items() if low < v < high}
    marks = "".join(
        f'<path class="floor" d="M0 {at * charts.HEIGHT:.2f}H1000"/>' for at in floors.values()
    )
    names = "".join(
        f'<span class="floor-name" style="top:{at:.2%}">'
        f"{powers(escape(words()[key][column]))}</span>"
        for key, at in floors.items()
    )
    gutter = "".join(
        f'<span style="top:{(high - t) / (high - low):.2%}">10<sup>{fixed(t, 0)}</sup></span>'
        for t in ticks
    )
    steps = len(hidden)
    lags = [int(v) for v in axes.number_ticks(0, steps - 1, 5) if v == int(v)]
    ticks_below = [axes.Tick(at=(steps - 1 - v + 0.5) / steps, text=str(v)) for v in lags[::-1]]
    drawing = charts.svg(lines, low, high, ticks=ticks, extra=marks)
    row = charts.row("", drawing + names, f'<div class="gut">{gutter}</div>', group="static",
                     height=220)  # fmt: skip
    axis = charts.x_axis(ticks_below, escape(words()["axis.lag"][column]))
    badge = f'<span class="badge {river["mark"]}">{escape(river["kind"][column])}</span>'
    return (
        f'<figure class="panel"><h3>{short(river["name"])} {badge}</h3>'
        f'<p class="note">{escape(river["said"][column])}</p>{row}{axis}</figure>'
    )
