"""The gate wall: six heat-maps of one layer under the series that it read, on one time axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from glasscell.arrays import Array
from glasscell.inspect.memory.timescales import half_life
from glasscell.inspect.units.order import slow_first
from glasscell.report import marks, run_unit, values
from glasscell.report.draw import axes, charts, palette
from glasscell.report.draw.markup import LETTERS, escape, fixed, short
from glasscell.report.order import Thinning, half_life_text, magnitude, thin
from glasscell.report.run_data import GATE_FIELDS, GateWindow
from glasscell.report.run_words import say

SEQUENTIAL: Final = ("forget", "input", "output")
_BRIGHT: Final = 0.98
"""Share of cell-state values that the colours tell apart; the few larger ones are all darkest."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Wall:
    """A window made ready to draw: what `build` returns.

    Args:
        html: The view.
        data: What the script needs: labels, values, order; JSON-ready.
    """

    html: str
    data: dict[str, Any]


def build(window: GateWindow, group: str, lang: str, chosen: int | None, step: int | None) -> Wall:
    """Draw one gate window.

    Args:
        window: What to draw.
        group: Name that its plots share, for the cursor.
        lang: "en" or "zh".
        chosen: Unit to show first; None for the one with the longest memory.
        step: Step at which the cursor starts; None for the last.

    Returns:
        The view and the values behind it.
    """
    order = slow_first(window.quantity("forget"))
    T = window.shape[0]
    chosen = int(order[0]) if chosen is None else chosen
    drawn = thin(T, order, chosen)
    column = ((T - 1) if step is None else step) // drawn.pool
    arrays = {name: drawn.apply(window.quantity(name)) for name in GATE_FIELDS}
    ranges = {name: colour_range(name, arrays[name]) for name in GATE_FIELDS}
    place = int(np.flatnonzero(drawn.units == chosen)[0])
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
        + f'<div class="wall" tabindex="0" role="group" data-wall="{group}" '
        + f'aria-label="{escape(say(lang, "gates.try"))}">'
        + marks.place(rows, window, column, drawn)
        + f"{ticks}</div>"
        + _thinned_note(drawn, T, len(order), lang)
        + run_unit.build(window, group, lang, chosen, column, drawn)
    )
    return Wall(html=html, data=values.build(window, arrays, drawn, place, column))


def colour_range(name: str, array: Array) -> tuple[float, float]:
    """Return the values at the two ends of a quantity's colour map."""
    if name in SEQUENTIAL:
        return 0.0, 1.0
    if name in ("candidate", "hidden"):
        return -1.0, 1.0
    top = magnitude(array, _BRIGHT) or magnitude(array, 1.0) or 1.0
    return -top, top


def _input_row(window: GateWindow, name: str, group: str, k: int) -> str:
    array = np.asarray(window.inputs[name], float)
    low, high = axes.padded_range([array])
    ticks = charts.y_ticks(low, high, 3)
    if k and len(ticks) > 2:
        ticks = [ticks[0], ticks[-1]]
    drawing = charts.svg([charts.Line(values=array, css="ink")], low, high, ticks=ticks)
    label = f'<b>{short(name)}</b><output data-in="{k}"></output>'
    gutter = charts.y_gutter(ticks, low, high)
    height = 48 if k else 96
    return charts.row(label, drawing, gutter, group=group, height=height, css="series")


def _map_row(
    name: str,
    array: Array,
    limits: tuple[float, float],
    group: str,
    lang: str,
    place: int,
    column: int,
) -> str:
    kind = "sequential" if name in SEQUENTIAL else "diverging"
    image = palette.png_uri(palette.quantize(array.T, *limits), kind)
    units = array.shape[1]
    alt = escape(f"{say(lang, name)}: {say(lang, name + '.what')}")
    label = (
        f'<b class="q {name}">{escape(say(lang, name))} <var>{LETTERS[name]}</var></b>'
        f'<output class="{name}" data-q="{name}">{fixed(array[column, place])}</output>'
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
    height = int(np.clip(units * 3, 44, 128))
    return charts.row(label, plot, gutter, group=group, height=height, css="heat")


def _legend(window: GateWindow, lang: str) -> str:
    if not window.events:
        return ""
    labels = axes.step_labels(window.times, window.shape[0])
    when: dict[str, list[str]] = {}
    for step, label in window.events:
        when.setdefault(label, []).append(labels[step])
    items = "".join(
        f"<li>{escape(say(lang, 'events.at', label=label, when=', '.join(_trim(times))))}</li>"
        for label, times in when.items()
    )
    return f'<ul class="events">{items}</ul>'


def _memories(window: GateWindow, order: NDArray[np.int64], lang: str) -> str:
    if len(order) == 1:
        return ""
    halves = half_life(window.quantity("forget"))[order]
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
