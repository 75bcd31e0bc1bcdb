"""What the page shows without script: the verdict, a table of the layers, static pictures."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.units.order import slow_first
from glasscell.inspect.verdict.symptoms import memory
from glasscell.report.draw import charts, palette
from glasscell.report.draw.axes import time_ticks
from glasscell.report.draw.curves import logs
from glasscell.report.draw.markup import escape, fixed
from glasscell.report.draw.pooling import magnitude, pool
from glasscell.report.page.exploration import Exploration, Finding, Series
from glasscell.report.page.frame_words import table
from glasscell.report.page.headline import flows, headline
from glasscell.traces.layer import LayerTrace

__all__ = ["build"]

_LAYERS = 6
"""Layers with a picture; the table has all of them."""
_COLUMNS, _ROWS = 400, 96
_LETTERS = 80
"""Of all labels under a picture together."""
_LOWEST = -12.0
"""Decades of gradient that the picture goes down to."""


def build(shown: Exploration, lang: str) -> str:
    """Return the static part of the page as HTML.

    Args:
        shown: What is shown; the pictures are of its first series.
        lang: "en" or "zh".
    """
    series = shown.series[0]
    pictures = [_pictures(shown, k, series, lang) for k in range(min(len(shown.layers), _LAYERS))]
    return (
        f'<section class="view"><header><h2>{_say("verdict", lang)}</h2></header><div class="body">'
        f'<p class="headline">{escape(headline(shown)[lang == "zh"])}</p>'
        f"{_verdict(shown, lang)}{_table(shown, series, lang)}</div></section>{''.join(pictures)}"
        f'<p class="note">{_say("static.note", lang)}</p>'
    )


def _say(key: str, lang: str, **values: object) -> str:
    return escape(table()[key][lang == "zh"].format(**values))


def _verdict(shown: Exploration, lang: str) -> str:
    column = lang == "zh"
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for one in shown.findings:
        alike.setdefault((one.mark, one.kind, one.advice[column]), []).append(one)
    cards = "".join(_card(found, column) for found in alike.values())
    note = ""
    if any(one.assumed for one in shown.findings):
        maybe = _say("verdict.maybe", lang, lag=shown.measures["lag"])
        note = f'<p class="note">{maybe}</p>'
    return f'<ol class="findings">{cards}</ol>{note}'


def _card(found: Sequence[Finding], column: int) -> str:
    """Findings that ask for the same change."""
    seen = "".join(f'<p class="seen">{escape(one.text[column])}</p>' for one in found)
    advice = found[0].advice[column]
    said = f'<p class="advice">{escape(advice)}</p>' if advice else ""
    many = " many" if len(found) > 1 else ""
    return f'<li class="finding {found[0].mark}{many}"><div class="all">{seen}</div>{said}</li>'


def _table(shown: Exploration, series: Series, lang: str) -> str:
    head = "".join(f"<th>{_say(f'static.{key}', lang)}</th>" for key in _HEAD)
    rows = [
        f"<tr><th>{escape(layer.name)}</th><td>{escape(layer.mode)}</td>"
        + "".join(f"<td>{text}</td>" for text in _numbers(shown, k, series, lang))
        + "</tr>"
        for k, layer in enumerate(shown.layers)
    ]
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


_HEAD = ("layer", "kind", "units", "steps", "median", "slowest", "start", "end")


def _numbers(shown: Exploration, k: int, series: Series, lang: str) -> list[str]:
    trace, flow = series.traces[k], _flow(series, k)
    cells = [str(shown.units(k)), str(series.steps)]
    if trace.forget is None:
        cells += ["–", "–"]
    else:
        # Over all sequences, as the verdict takes it, where that was measured.
        known = shown.measures.get("memory", {}).get(str(k)) or memory(trace)._asdict()
        cells += [_life(known["median"]), _life(known["longest"])]
    norms = None if flow is None else flow.hidden if flow.cell is None else flow.cell
    cells += ["–", "–"] if norms is None else [fixed(norms[-1]), fixed(norms[0])]
    return cells


def _life(steps: float | str | None) -> str:
    return "∞" if steps == "never" else fixed(nan if steps is None else float(steps), 1)


def _flow(series: Series, k: int) -> LayerFlow | None:
    return series.flows[k] if k < len(series.flows) else None


def _pictures(shown: Exploration, k: int, series: Series, lang: str) -> str:
    trace, flow = series.traces[k], _flow(series, k)
    labels = list(series.labels or ())
    widest = max(map(len, labels), default=4)
    ticks = charts.x_axis(time_ticks(labels, series.steps, max(1, min(6, _LETTERS // widest))))
    drawn = _maps(trace, lang) + (_gradient(flow, lang) if flow is not None else "")
    said = flows(shown).get(f"0/{k}")
    told = "" if said is None else f'<p class="reading">{escape(said[lang == "zh"])}</p>'
    return (
        f'<section class="view"><header><h2>{escape(shown.layers[k].name)}</h2></header>'
        f'<div class="body static">{drawn}{ticks}{told}</div></section>'
    )


def _maps(trace: LayerTrace, lang: str) -> str:
    names = ("forget", "input", "cell", "hidden") if trace.forget is not None else ("hidden",)
    order = slice(None) if trace.forget is None else slow_first(trace.forget)
    return "".join(_map(name, getattr(trace, name), order, lang) for name in names)


def _map(name: str, array: Array, order: Array | slice, lang: str) -> str:
    rows = np.asarray(array, np.float64).T
    rows = rows[order] if isinstance(order, slice) or len(order) == len(rows) else rows
    rows = pool(rows[:: -(-len(rows) // _ROWS)], -(-rows.shape[1] // _COLUMNS))
    gate = name in ("forget", "input")
    top = 1.0 if gate else magnitude(rows, 0.98) or 1.0
    levels = palette.quantize(rows, 0.0 if gate else -top, top)
    image = palette.png_uri(levels, name if gate else "diverging")
    label = f'<b class="key {name}">{_say(name, lang)}</b>'
    plot = f'<img alt="{_say(name, lang)}" src="{image}">'
    scale = f'<div class="gut">{"0" if gate else fixed(-top, 1)} … {fixed(top, 1)}</div>'
    return charts.row(label, plot, scale, group="static", height=max(60, min(120, 4 * len(rows))))


def _gradient(flow: LayerFlow, lang: str) -> str:
    parts = {"hidden": flow.hidden, "cell": flow.cell}
    lines = {name: logs(norms) for name, norms in parts.items() if norms is not None}
    lines = {k: np.where(v > -inf, np.maximum(v, _LOWEST), nan) for k, v in lines.items()}
    values = np.concatenate(list(lines.values()))
    finite = values[np.isfinite(values)]
    if not finite.size:
        return ""
    low, high = float(np.floor(finite.min())), float(np.ceil(finite.max() + 1e-9))
    ticks = charts.y_ticks(low, high)
    drawn = [charts.Line(values=line, css=name) for name, line in lines.items()]
    drawing = charts.svg(drawn, low, high, ticks=ticks)
    label = f"<b>{_say('static.gradient', lang)}</b>"
    gutter = charts.y_gutter(ticks, low, high)
    return charts.row(label, drawing, gutter, group="static", height=120)
