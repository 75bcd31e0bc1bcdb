"""The gradient river: how much of the loss reaches each earlier step, one panel per network."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.gradients.extremes import shape
from glasscell.inspect.verdict.findings import OF_LAG
from glasscell.inspect.verdict.sentences import KINDS
from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import escape, fixed, powers, short
from glasscell.report.run_data import River, RiverLine
from glasscell.report.run_words import say

FLOAT32_FLOOR: Final = float(np.log10(np.finfo(np.float32).tiny))
"""log10 of the smallest normal float32; the kernels flush what is below to zero."""

ROUNDING: Final = -24 * math.log10(2.0)
"""log10 of half a float32 unit in the last place: a term so much smaller leaves a sum as it was."""

_PARTS: Final = ("hidden", "cell", "cell_path")
_PART_CSS: Final = {"hidden": "water", "cell": "cell", "cell_path": "cell_path"}


def decades(values: Array) -> Array:
    """Return log10 of norms; zero becomes -inf, and negative or missing ones NaN.

    Examples:
        >>> decades(np.array([0.01, 0.0])).tolist()
        [-2.0, -inf]
    """
    norms = np.asarray(values, float)
    logs = np.full(norms.shape, np.nan)
    np.log10(norms, out=logs, where=norms > 0)
    return np.where(norms == 0, -np.inf, logs)


def limits(river: River) -> tuple[float, float]:
    """Return the common log10 range of all panels, whole decades."""
    logs = np.concatenate([decades(v) for line in river.lines for _, v in parts(line)])
    finite = logs[np.isfinite(logs)]
    if finite.size == 0:
        return -1.0, 0.0
    low = max(math.floor(finite.min()), math.floor(FLOAT32_FLOOR) - 7)
    high = math.ceil(finite.max() + 1e-9)
    return float(low - (high - low) * 0.04), float(max(high, low + 1) + 0.3)


def parts(line: RiverLine) -> list[tuple[str, Array]]:
    """Return the series that a line has: hidden, cell, cell_path."""
    return [(part, a) for part in _PARTS if (a := getattr(line, part)) is not None]


def build(river: River, group: str, lang: str) -> tuple[str, dict[str, Any]]:
    """Return the panels as HTML, and what the script needs to read values from them."""
    low, high = limits(river)
    panels = "".join(
        _panel(line, f"{group}-{len(line.hidden)}", lang, low, high, river.needed)
        for line in river.lines
    )
    present = [p for p in _PARTS if any(getattr(line, p) is not None for line in river.lines)]
    keys = "".join(
        f'<span class="key {_PART_CSS[part]}">{escape(say(lang, f"river.{part}"))}</span>'
        for part in present
    )
    html = f'<div class="keys">{keys}</div><div class="river">{panels}</div>'
    data = {
        f"{group}-{len(line.hidden)}": {"T": len(line.hidden), "lag": True} for line in river.lines
    }
    return html, data


def _panel(line: RiverLine, group: str, lang: str, low: float, high: float, needed: bool) -> str:
    kind = line.judged.judge().kind
    ticks = [t for t in axes.number_ticks(low, high, 5) if t == int(t)]
    lines = [
        charts.Line(values=on_scale(decades(values)), css=part, fill=part == "hidden")
        for part, values in parts(line)
    ]
    levels = _floor_lines(line, low, high)
    drawing = charts.svg(lines, low, high, ticks=ticks, extra=levels)
    steps = len(line.hidden)
    lags = [int(v) for v in axes.number_ticks(0, steps - 1, 5) if v == int(v)]
    marks = [axes.Tick(at=(steps - 1 - v + 0.5) / steps, text=str(v)) for v in lags[::-1]]
    gutter = "".join(
        f'<span style="top:{(high - t) / (high - low):.2%}">10<sup>{fixed(t, 0)}</sup></span>'
        for t in ticks
    )
    values = [[_plain(v) for v in decades(values)] for _, values in parts(line)]
    plot = f"{drawing}{_floor_names(line, low, high, lang)}"
    row = charts.row(
        _values(line, values),
        plot,
        f'<div class="gut">{gutter}</div>',
        group=group,
        height=250,
        css="series bed",
    )
    mood = "maybe" if kind in OF_LAG and not needed else "good" if kind == "healthy" else "bad"
    badge = f'<span class="badge {mood}">{escape(KINDS[kind][lang == "zh"])}</span>'
    return (
        f'<figure class="panel"><figcaption><h3>{short(line.name)} {badge}</h3>'
        f"<p>{escape(sentence(line, lang, needed))}</p></figcaption>"
        f"{row}{charts.x_axis(marks, escape(say(lang, 'lag')))}</figure>"
    )


def _values(line: RiverLine, values: list[list[float | None]]) -> str:
    """Give the read-outs of a panel, with the series beside them for the script."""
    spans = ["<output data-lag></output>"]
    for (part, _), series in zip(parts(line), values, strict=True):
        text = ",".join("" if v is None else f"{v:g}" for v in series)
        spans.append(f'<output class="{part}" data-log="{text}"></output>')
    return "".join(spans)


def sentence(line: RiverLine, lang: str, needed: bool = True) -> str:
    """Say what a line shows: the verdict on it, and where it is strongest and weakest.

    Args:
        line: Of one network; the loss is at its last step.
        lang: "en" or "zh".
        needed: As `River.needed`.
    """
    flow = line.judged
    last = len(flow.hidden) - 1
    verdict, stop = flow.judge(), "。" if lang == "zh" else ". "
    seen = verdict.said(lang)[0]
    where = shape(flow, lambda t: say(lang, "river.back", lag=last - t), lang)
    only = verdict.kind in OF_LAG and not needed
    more = say(lang, "river.only", lag=verdict.lag) if only else ""
    return f"{seen[:1].upper()}{seen[1:]}{stop}{where}{more}"


def on_scale(logs: Array) -> Array:
    """Return logarithms that can be drawn: a zero lies below the float32 floor."""
    return np.where(np.isneginf(logs), FLOAT32_FLOOR - 7, logs)


def floors(line: RiverLine, low: float, high: float) -> list[tuple[str, float]]:
    """Return (key of `words`, log10 level) of the floors of float32 inside the drawn range."""
    logs = decades(line.hidden)
    finite = logs[np.isfinite(logs)]
    strongest = float(finite.max()) if finite.size else math.nan
    levels = [("river.round", strongest + ROUNDING), ("river.floor", FLOAT32_FLOOR)]
    return [(key, level) for key, level in levels if low < level < high]


def _floor_lines(line: RiverLine, low: float, high: float) -> str:
    return "".join(
        f'<path class="floor" d="M0 {(high - level) / (high - low) * charts.HEIGHT:.2f}H1000"/>'
        for _, level in floors(line, low, high)
    )


def _floor_names(line: RiverLine, low: float, high: float, lang: str) -> str:
    return "".join(
        f'<span class="floor-name" style="top:{(high - level) / (high - low):.2%}">'
        f"{powers(escape(say(lang, key)))}</span>"
        for key, level in floors(line, low, high)
    )


def _plain(value: float) -> float | None:
    return round(float(value), 2) if math.isfinite(value) else None
