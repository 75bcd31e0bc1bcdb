"""One unit alone: its three gates and its three contents through time."""

from __future__ import annotations

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.memory.timescales import half_life
from glasscell.report import marks
from glasscell.report.draw import axes, charts
from glasscell.report.draw.markup import LETTERS, escape
from glasscell.report.order import Thinning, half_life_text
from glasscell.report.run_data import GATE_FIELDS, GateWindow
from glasscell.report.run_words import say

_GATES = ("forget", "input", "output")
_CONTENTS = ("cell", "candidate", "hidden")


def build(
    window: GateWindow, group: str, lang: str, unit: int, column: int, drawn: Thinning
) -> str:
    """Return the view of one unit, with the choice of others for those who have the script.

    Args:
        window: The window that it is part of.
        group: Name that the plots of the window share.
        lang: "en" or "zh".
        unit: Unit to show.
        column: Drawn column at which the cursor stands.
        drawn: What is drawn of the window; only these units can be chosen.

    Returns:
        HTML.
    """
    halves = half_life(window.quantity("forget"))
    options = "".join(
        f'<option value="{place}"{" selected" if u == unit else ""}>{u} · '
        f"{escape(say(lang, 'half.life', value=half_life_text(halves[u], lang)))}</option>"
        for place, u in enumerate(drawn.units.tolist())
    )
    arrays = {name: window.quantity(name)[:, unit] for name in GATE_FIELDS}
    low, high = axes.padded_range([np.array([-1.0, 1.0]), arrays["cell"]], 0.03)
    rows = [
        _unit_row("unit.gates", _GATES, arrays, (-0.03, 1.03), group, lang),
        _unit_row("unit.contents", _CONTENTS, arrays, (low, high), group, lang),
    ]
    head = (
        f"<h4>{escape(say(lang, 'unit.alone'))}: <span data-unit-name>{escape(say(lang, 'unit'))} "
        f"{unit}</span></h4>"
        f'<label class="js">{escape(say(lang, "unit.choose"))} '
        f'<select data-units="{group}">{options}</select></label>'
    )
    ticks = charts.x_axis(axes.time_ticks(window.times, window.shape[0]))
    body = marks.place(rows, window, column, drawn)
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
        charts.stroke(arrays[name], name, low, high, f' data-line="{name}"') for name in names
    )
    drawing = charts.svg([], low, high, ticks=ticks, extra=lines)
    keys = "".join(
        f'<span class="key {name}">{escape(say(lang, name))} <var>{LETTERS[name]}</var></span>'
        for name in names
    )
    label = f"<b>{escape(say(lang, key))}</b>{keys}"
    gutter = charts.y_gutter(ticks, low, high)
    return charts.row(label, drawing, gutter, group=group, height=118, css="series duo")
