"""The gate wall: six heat-maps of one layer under the series that it read, on one time axis."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from glasscell.report import axes, charts, palette
from glasscell.report.data import GATE_FIELDS, GateWindow
from glasscell.report.markup import LETTERS, escape, fixed, short
from glasscell.report.order import Thinning, half_lives, slow_first, thin
from glasscell.report.words import say

Array = NDArray[Any]

SEQUENTIAL: Final = ("forget", "input", "output")
_BRIGHT: Final = 0.98
"""Share of cell-state values that the colours tell apart; the few larger ones are all darkest."""

_LEVELS: Final = 32000
_NO_VALUE: Final = -32768


@dataclass(frozen=True, kw_only=True, eq=False)
class Wall:
    """A window made ready to draw: what `build` returns.

    Args:
        html: The view.
        data: What the script needs: labels, values, order; JSON-ready.
    """

    html: str
    data: dict[str, Any]


def build(window: GateWindow, group: str, lang: str, unit: int | None, step: int | None) -> Wall:
    """Draw one gate window.

    Args:
        window: What to draw.
        group: Name that its plots share, for the cursor.
        lang: "en" or "zh".
        unit: Unit to show first; None for the one with the longest memory.
        step: Step at which the cursor starts; None for the last.

    Returns:
        The view and the values behind it.
    """
    order = slow_first(window.trace.forget)
    T = len(window.trace.cell)
    unit = int(order[0]) if unit is None else unit
    drawn = thin(T, order, unit)
    column = ((T - 1) if step is None else step) // drawn.pool
    arrays = {name: drawn.apply(per_unit(window, name)) for name in GATE_FIELDS}
    ranges = {name: colour_range(name, arrays[name]) for name in GATE_FIELDS}
    place = int(np.flatnonzero(drawn.units == unit)[0])
    rows = [_input_row(window, name, group, k) for k, name in enumerate(window.inputs)]
    rows += [
        _map_row(name, arrays[name], ranges[name], group, lang, place, column)
        for name in GATE_FIELDS
    ]
    ticks = charts.x_axis(axes.time_ticks(window.times, T))
    rows[0] = rows[0].replace('class="row ', 'class="row first ', 1)
    html = (
        _legend(window, lang)
        + _memories(window, order, lang)
        + f'<div class="wall" tabindex="0" data-wall="{group}">'
        + _marked(rows, window, T, column, drawn)
        + f"{ticks}</div>"
        + _thinned_note(drawn, T, len(order), lang)
        + _unit_view(window, group, lang, unit, T, column, drawn)
    )
    return Wall(html=html, data=_data(window, arrays, drawn, place, column))


def per_unit(window: GateWindow, name: str) -> Array:
    """Give (T, H) of a quantity; with a projection, h is the unit's own o tanh(C), before it."""
    values = np.asarray(getattr(window.trace, name), float)
    if name == "hidden" and values.shape != np.shape(window.trace.cell):
        return np.asarray(window.trace.output, float) * np.tanh(
            np.asarray(window.trace.cell, float)
        )
    return values


def colour_range(name: str, values: Array) -> tuple[float, float]:
    """Return the values at the two ends of a quantity's colour map."""
    if name in SEQUENTIAL:
        return 0.0, 1.0
    if name in ("candidate", "hidden"):
        return -1.0, 1.0
    top = _quantile(values, _BRIGHT) or _quantile(values, 1.0) or 1.0
    return -top, top


def _quantile(values: Array, q: float) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(np.quantile(finite, q)) if finite.size else 0.0


def _input_row(window: GateWindow, name: str, group: str, k: int) -> str:
    values = np.asarray(window.inputs[name], float)
    low, high = axes.padded_range([values])
    ticks = charts.y_ticks(low, high, 3)
    if k and len(ticks) > 2:
        ticks = [ticks[0], ticks[-1]]
    drawing = charts.svg(
        [charts.Line(values=values, css="ink", fill=False)], low, high, ticks=ticks
    )
    label = f'<b>{short(name)}</b><output data-in="{k}"></output>'
    gutter = charts.y_gutter(ticks, low, high)
    height = 48 if k else 96
    return charts.row(label, drawing, gutter, group=group, height=height, css="series")


def _map_row(
    name: str,
    values: Array,
    limits: tuple[float, float],
    group: str,
    lang: str,
    place: int,
    column: int,
) -> str:
    kind = "sequential" if name in SEQUENTIAL else "diverging"
    image = palette.png_uri(palette.quantize(values.T, *limits), kind)
    units = values.shape[1]
    alt = escape(f"{say(lang, name)}: {say(lang, name + '.what')}")
    label = (
        f'<b class="q {name}">{escape(say(lang, name))} <var>{LETTERS[name]}</var></b>'
        f'<output class="{name}" data-q="{name}">{fixed(values[column, place])}</output>'
        f"<small>{escape(say(lang, name + '.what'))}</small>"
    )
    plot = (
        f'<img class="map {kind}" src="{image}" alt="{alt}">'
        f'<i class="pick" style="top:{place / units:.3%};height:{1 / units:.3%}"></i>'
    )
    low, high = limits
    digits = 0 if high == 1 else 1 if high >= 1 else 2
    beyond = ("≥", "≤") if name == "cell" else ("", "")
    gutter = (
        f'<div class="gut bar {kind}"><span style="top:0">{beyond[0]}{fixed(high, digits)}</span>'
        f'<span style="top:100%">{beyond[1]}{fixed(low, digits)}</span></div>'
    )
    height = int(np.clip(units * 3, 30, 128))
    return charts.row(label, plot, gutter, group=group, height=height, css="heat")


def _marked(rows: list[str], window: GateWindow, T: int, column: int, drawn: Thinning) -> str:
    """Put event lines into every plot, and every cursor where it starts."""
    lines = "".join(
        f'<i class="event" style="left:{(step + 0.5) / T:.3%}" title="{escape(label)}"></i>'
        for step, label in window.events
    )
    at = min(1.0, (column + 0.5) * drawn.pool / T)
    cursor = f'{lines}<i class="cursor" style="left:{at:.3%}"></i>'
    return "".join(rows).replace('<i class="cursor"></i>', cursor)


def _legend(window: GateWindow, lang: str) -> str:
    if not window.events:
        return ""
    labels = axes.step_labels(window.times, len(window.trace.cell))
    when: dict[str, list[str]] = {}
    for step, label in window.events:
        when.setdefault(label, []).append(labels[step])
    items = "".join(
        f"<li>{escape(say(lang, 'events.at', label=label, when=', '.join(_trim(times))))}</li>"
        for label, times in when.items()
    )
    return f'<ul class="events">{items}</ul>'


def _memories(window: GateWindow, order: NDArray[np.int64], lang: str) -> str:
    halves = half_lives(window.trace.forget)[order]
    slow, fast = (half_life_text(float(value), lang) for value in (halves[0], halves[-1]))
    text = say(lang, "memories", H=len(order), slow=slow, fast=fast)
    return f'<p class="aside memories">{escape(text)}</p>'


def _trim(times: list[str]) -> list[str]:
    """Leave a date out where the entry before has the same."""
    kept, day = [], ""
    for text in times:
        head, _, clock = text.partition(" ")
        kept.append(clock if clock and head == day else text)
        day = head
    return kept


def _thinned_note(drawn: Thinning, T: int, H: int, lang: str) -> str:
    if drawn.pool == 1 and len(drawn.units) == H:
        return ""
    text = say(lang, "thinned", units=len(drawn.units), H=H, steps=drawn.steps, T=T)
    return f'<p class="aside">{escape(text)}</p>'


def half_life_text(value: float, lang: str) -> str:
    """Say a half-life in words."""
    if np.isinf(value):
        return say(lang, "never")
    return say(lang, "steps", value=fixed(value, 1))


def _unit_view(
    window: GateWindow, group: str, lang: str, unit: int, T: int, column: int, drawn: Thinning
) -> str:
    halves = half_lives(window.trace.forget)
    options = "".join(
        f'<option value="{place}"{" selected" if u == unit else ""}>{u} · '
        f"{escape(say(lang, 'half.life', value=half_life_text(halves[u], lang)))}</option>"
        for place, u in enumerate(drawn.units.tolist())
    )
    arrays = {name: per_unit(window, name)[:, unit] for name in GATE_FIELDS}
    # One range for all units, so that choosing another one does not change the scale.
    low, high = axes.padded_range([np.array([-1.0, 1.0]), window.trace.cell], 0.03)
    rows = [
        _unit_row("unit.gates", SEQUENTIAL, arrays, (-0.03, 1.03), group, lang),
        _unit_row("unit.contents", ("cell", "candidate", "hidden"), arrays, (low, high), group, lang),
    ]
    head = (
        f'<h4>{escape(say(lang, "unit.alone"))}: <span data-unit-name>{escape(say(lang, "unit"))} '
        f"{unit}</span></h4>"
        f'<label class="js">{escape(say(lang, "unit.choose"))} '
        f'<select data-units="{group}">{options}</select></label>'
    )
    ticks = charts.x_axis(axes.time_ticks(window.times, T))
    body = _marked(rows, window, T, column, drawn)
    return f'<div class="unit" data-unit="{group}"><header>{head}</header>{body}{ticks}</div>'


def _unit_row(
    key: str,
    names: tuple[str, ...],
    arrays: dict[str, Array],
    limits: tuple[float, float],
    group: str,
    lang: str,
) -> str:
    low, high = limits
    ticks = charts.y_ticks(low, high, 2)
    lines = "".join(
        f'<path class="line {name}" data-line="{name}" d="{charts.path(arrays[name], low, high)}"/>'
        for name in names
    )
    drawing = charts.svg([], low, high, ticks=ticks, extra=lines)
    keys = "".join(
        f'<span class="key {name}">{escape(say(lang, name))} <var>{LETTERS[name]}</var></span>'
        for name in names
    )
    label = f"<b>{escape(say(lang, key))}</b>{keys}"
    gutter = charts.y_gutter(ticks, low, high)
    return charts.row(label, drawing, gutter, group=group, height=118, css="series duo")


def _data(
    window: GateWindow,
    arrays: dict[str, Array],
    drawn: Thinning,
    place: int,
    column: int,
) -> dict[str, Any]:
    labels = axes.step_labels(window.times, len(window.trace.cell))
    return {
        "name": window.name,
        "T": len(labels),
        "pool": drawn.pool,
        "steps": drawn.steps,
        "labels": labels,
        "units": drawn.units.tolist(),
        "place": place,
        "column": column,
        "inputs": [[_plain(v) for v in values] for values in window.inputs.values()],
        "maps": {name: _packed(arrays[name]) for name in GATE_FIELDS},
    }


def _packed(values: Array) -> dict[str, Any]:
    """Give values as int16 in base64, unit by unit; one level is `scale`, far below the display."""
    scale = max(1.0, _quantile(values, 1.0)) / _LEVELS
    filled = np.where(np.isfinite(values), values, 0.0)
    levels = np.clip(np.round(filled / scale), -_LEVELS, _LEVELS)
    levels = np.where(np.isfinite(values), levels, _NO_VALUE).astype("<i2")
    raw = np.ascontiguousarray(levels.T).tobytes()
    return {"scale": scale, "b64": base64.b64encode(raw).decode()}


def _plain(value: Any) -> float | None:
    number = float(value)
    return float(f"{number:.6g}") if np.isfinite(number) else None
