"""The gradient river without script: each layer's gradient norms through time, on a log scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes, charts
from glasscell.report.draw.curves import FLOAT32_FLOOR, ROUNDING, logs
from glasscell.report.draw.markup import escape, fixed, powers
from glasscell.report.draw.pooling import pool
from glasscell.report.draw.recurrence import look
from glasscell.report.page.exploration import Exploration
from glasscell.report.page.frame_words import table as words
from glasscell.report.page.headline import flows
from glasscell.report.views.wall.static import LAYERS, time_axis

__all__ = ["ORDER", "PARTS", "TITLE", "build", "chart", "keys", "limits"]

ORDER: Final = 7
TITLE: Final = "view.river"
PARTS: Final = ("hidden", "cell", "cell_path")
_COLUMNS: Final = 400
_BELOW: Final = 7
"""Decades below the floor of float32 at which a gradient of exactly 0 is drawn."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section; "" for a page without gradients."""
    drawn = {}
    for k in range(min(len(shown.layers), LAYERS)):
        s = shown.through(k)
        flow = shown.series[s].flow(k)
        if flow is not None:
            own = {part: getattr(flow, part) for part in PARTS}
            drawn[k] = {p: np.asarray(norms) for p, norms in own.items() if norms is not None}
    if not drawn:
        return ""
    told = flows(shown)
    bounds = limits([norms for own in drawn.values() for norms in own.values()])
    panels = "".join(
        f"<h3>{escape(shown.layers[k].name)}</h3>{chart(own, bounds, lang)}"
        f"{time_axis(shown.series[shown.through(k)])}"
        f'<p class="reading">{escape(told[f"{shown.through(k)}/{k}"][lang == "zh"])}</p>'
        for k, own in drawn.items()
    )
    return f'<div class="static">{keys(drawn.values(), lang, _stored(shown))}{panels}</div>'


def limits(norms: Sequence[Array]) -> tuple[float, float]:
    """Return the common log10 range: whole decades, not far below where float32 ends."""
    lines = np.concatenate([logs(line) for line in norms])
    finite = lines[np.isfinite(lines)]
    if not finite.size:
        return -1.0, 0.0
    low = max(math.floor(finite.min()), math.floor(FLOAT32_FLOOR) - _BELOW)
    high = math.ceil(finite.max() + 1e-9)
    return float(low - (high - low) * 0.04), float(max(high, low + 1) + 0.3)


def _stored(shown: Exploration) -> str:
    """The word key of what the layers store beside the hidden state."""
    belts = [look(layer.cell).belt for layer in shown.layers]
    names = {belt.name for belt in belts if belt is not None and belt.state}
    return "river.stored" if names - {"cell"} else "river.cell"


def keys(drawn: Iterable[Mapping[str, Array]], lang: str, stored: str = "river.cell") -> str:
    """Return the key of the lines that any of the charts has."""
    parts = dict.fromkeys(part for own in drawn for part in own)
    said = {part: stored if part == "cell" else f"river.{part}" for part in parts}
    spans = (
        f'<span class="key {part}">{escape(words()[key][lang == "zh"])}</span>'
        for part, key in said.items()
    )
    return f'<div class="keys">{"".join(spans)}</div>'


def chart(norms: Mapping[str, Array], bounds: tuple[float, float], lang: str) -> str:
    """Return one network's chart as HTML.

    Args:
        norms: Part ("hidden", "cell", "cell_path") to its (T,) norms, on their natural scale.
        bounds: log10 of the lowest and the highest value of all charts, from `limits`.
        lang: "en" or "zh".
    """
    low, high = bounds
    size = -(-len(norms["hidden"]) // _COLUMNS)
    lines = {part: pool(logs(values)[None], size)[0] for part, values in norms.items()}
    ticks = [t for t in axes.number_ticks(low, high, 5) if t == int(t)]
    hidden = logs(norms["hidden"])
    strongest = max(hidden[np.isfinite(hidden)], default=math.nan)
    levels = {"river.round": strongest + ROUNDING, "river.floor": FLOAT32_FLOOR}
    floors = {key: (high - at) / (high - low) for key, at in levels.items() if low < at < high}
    marks = "".join(
        f'<path class="floor" d="M0 {at * charts.HEIGHT:.2f}H1000"/>' for at in floors.values()
    )
    drawing = charts.svg(
        [
            charts.Line(
                values=np.where(np.isneginf(line), FLOAT32_FLOOR - _BELOW, line),
                css=part,
                fill=part == "hidden",
            )
            for part, line in lines.items()
        ],
        low, high, ticks=ticks, extra=marks,
    )  # fmt: skip
    names = "".join(
        f'<span class="floor-name" style="top:{at:.2%}">'
        f"{powers(escape(words()[key][lang == 'zh']))}</span>"
        for key, at in floors.items()
    )
    gutter = "".join(
        f'<span style="top:{(high - t) / (high - low):.2%}">10<sup>{fixed(t, 0)}</sup></span>'
        for t in ticks
    )
    return charts.row(
        "", drawing + names, f'<div class="gut">{gutter}</div>', group="static", height=220
    )
