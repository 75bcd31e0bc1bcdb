"""The gate wall without script: what each layer read, all that it did, one unit alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes, charts, palette
from glasscell.report.draw.heat import BRIGHT
from glasscell.report.draw.markup import escape, fixed, short
from glasscell.report.draw.pooling import magnitude, pool
from glasscell.report.draw.recurrence import Look, look
from glasscell.report.page.exploration import Exploration, Series, quantities
from glasscell.report.page.frame_words import quantity, what
from glasscell.report.page.frame_words import table as words
from glasscell.report.page.headline import input_names

__all__ = ["ORDER", "TITLE", "build", "time_axis"]

ORDER: Final = 2
TITLE: Final = "wall"
LAYERS: Final = 6
"""Layers with a picture."""
_INPUTS: Final = 4
"""Inputs with a line of their own."""
_COLUMNS, _ROWS = 400, 96
_LETTERS: Final = 80
"""Of all labels under a picture together."""


def build(shown: Exploration, lang: str) -> str:
    """Return the body of the section: each layer on the first series that went through it."""
    return "".join(
        f"<h3>{escape(layer.name)}</h3>{_layer(shown, k, lang)}"
        for k, layer in enumerate(shown.layers[:LAYERS])
    )


def time_axis(series: Series) -> str:
    """Return the steps' names, as many as fit, under pictures over a series."""
    labels = list(series.labels or ())
    widest = max(map(len, labels), default=4)
    ticks = axes.time_ticks(labels, series.steps, max(1, min(6, _LETTERS // widest)))
    return charts.x_axis(ticks)


def _layer(shown: Exploration, k: int, lang: str) -> str:
    s = shown.through(k)
    series = shown.series[s]
    trace = series.trace(k)
    marks = shown.measures.get("events", {}).get(str(s), ())
    start = shown.start if shown.start.get("layer", 0) == k else {}
    how = look(trace.recurrence)
    arrays = {name: np.asarray(array, np.float64) for name, array in quantities(trace).items()}
    units = trace.units
    order = shown.measures.get("orders", {}).get(f"{s}/{k}", {}).get("half_life", range(units))
    unit, step = min(start.get("unit", order[0]), units - 1), start.get("t", series.steps - 1)
    at = f'<i class="cursor still" style="left:{(step + 0.5) / series.steps:.3%}"></i>'
    lines = "".join(
        f'<i class="event" style="left:{(t + 0.5) / series.steps:.3%}" title="{escape(label)}"></i>'
        for t, label in marks
    )
    rows = [_input(name, values) for name, values in _inputs(series)]
    rows += [_map(how, name, array, order, (unit, step), lang) for name, array in arrays.items()]
    head = words()["cell.static"][lang == "zh"].format(unit=unit, when=_when(series, step))
    parts = [
        _marked(marks, series, lang),
        *rows,
        time_axis(series),
        _memories(shown, f"{s}/{k}", lang),
        f'<p class="note">{escape(head)}</p>',
        *(_alone(how, names, arrays, unit, lang) for names in how.together if names[0] in arrays),
        time_axis(series),
    ]
    drawn = "".join(parts).replace('<i class="cursor"></i>', f"{lines}{at}")
    return f'<div class="static">{drawn}</div>'


def _inputs(series: Series) -> list[tuple[str, Array]]:
    if series.x is None:
        return []
    return list(zip(input_names(series), np.asarray(series.x, np.float64).T, strict=True))[:_INPUTS]


def _input(name: str, values: Array) -> str:
    values = _thin(values[None])[0]
    low, high = axes.padded_range([values])
    ticks = charts.y_ticks(low, high, 2)
    drawing = charts.svg([charts.Line(values=values, css="ink")], low, high, ticks=ticks)
    gutter = charts.y_gutter(ticks, low, high)
    return charts.row(f"<b>{short(name)}</b>", drawing, gutter, group="static", height=56)


def _map(
    how: Look, name: str, array: Array, order: Sequence[int], at: tuple[int, int], lang: str
) -> str:
    unit, step = at
    rows = array.T[list(order)] if len(order) == array.shape[1] else array.T
    rows = _thin(rows[:: -(-len(rows) // _ROWS)])
    gate, hue = name in how.rising, how.colours[name]
    bound = max(map(abs, how.ranges[name]))
    known = np.isfinite(bound)
    top = float(bound) if known else magnitude(rows, BRIGHT) or magnitude(rows) or 1.0
    image = palette.png_uri(
        palette.quantize(rows, 0.0 if gate else -top, top),
        hue if gate else "diverging",
    )
    said, purpose = escape(quantity(name, lang)), escape(what(name, lang))
    value = fixed(array[step, unit]) if unit < array.shape[1] else "–"
    label = (
        f'<b class="key {hue}">{said} {escape(how.letters[name])}</b>'
        f'<output data-q="{escape(name)}">{value}</output><small>{purpose}</small>'
    )
    plot = f'<img alt="{said}: {purpose}" src="{image}">'
    beyond = ("", "") if known else ("≤", "≥")
    low = "0" if gate else beyond[0] + fixed(-top, 0 if top == 1 else 1)
    scale = f'<div class="gut">{low} … {beyond[1]}{fixed(top, 0 if top == 1 else 1)}</div>'
    return charts.row(label, plot, scale, group="static", height=max(60, min(120, 4 * len(rows))))


def _alone(how: Look, names: Sequence[str], arrays: dict[str, Array], unit: int, lang: str) -> str:
    lines = {n: _thin(arrays[n][:, unit][None])[0] for n in names if unit < arrays[n].shape[1]}
    bound = (0.0, 1.0) if names == how.gates else (-1.0, 1.0)
    low, high = axes.padded_range([np.array(bound), *lines.values()], 0.03)
    ticks = charts.y_ticks(low, high, 2)
    drawn = [charts.Line(values=values, css=how.colours[name]) for name, values in lines.items()]
    drawing = charts.svg(drawn, low, high, ticks=ticks)
    keys = "".join(
        f'<span class="key {how.colours[name]}">{escape(quantity(name, lang))} '
        f"{escape(how.letters[name])}</span>"
        for name in lines
    )
    gutter = charts.y_gutter(ticks, low, high)
    return charts.row(keys, drawing, gutter, group="static", height=84)


def _marked(marks: Sequence[Sequence[Any]], series: Series, lang: str) -> str:
    when: dict[str, list[str]] = {}
    for step, label in marks:
        when.setdefault(label, []).append(_when(series, step))
    said = words()["events.at"][lang == "zh"]
    items = "".join(
        f"<li>{escape(said.format(label=label, when=', '.join(times)))}</li>"
        for label, times in when.items()
    )
    return f'<ul class="marks">{items}</ul>' if items else ""


def _memories(shown: Exploration, key: str, lang: str) -> str:
    """Say the longest and the shortest half-life; the pictures have the longest on top."""
    halves = [h for h in shown.measures.get("half_life", {}).get(key, ()) if h is not None]
    known = sorted(np.inf if half == "never" else float(half) for half in halves)
    known = [half for half in known if not np.isnan(half)]
    if len(known) < 2:
        return ""
    slow, fast = (
        words()["never"][lang == "zh"] if np.isinf(half)
        else words()["steps"][lang == "zh"].format(value=fixed(half, 1 if half >= 1 else 2))
        for half in (known[-1], known[0])
    )  # fmt: skip
    belt = look(shown.layers[int(key.split("/")[1])].cell).belt
    said = "wall.memories" if belt is not None and belt.gate == "forget" else "wall.memories.any"
    text = words()[said][lang == "zh"].format(H=len(halves), slow=slow, fast=fast)
    return f'<p class="note">{escape(text)}</p>'


def _when(series: Series, step: int) -> str:
    return str(series.labels[step]) if series.labels else str(step)


def _thin(rows: Array) -> Array:
    return pool(rows, -(-rows.shape[1] // _COLUMNS))
