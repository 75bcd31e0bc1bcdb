"""The cell as textbooks draw it, with a number on every wire: one wide drawing, one for phones.

Both drawings are the same wiring laid out on two sets of coordinates. The belt with the memory runs
along the top; a bus with [h_{t-1}, x_t] along the bottom feeds the four gates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from glasscell.report.cell import CellNumbers
from glasscell.report.draw.markup import escape, fixed
from glasscell.report.run_words import say
from glasscell.report.schematic_layout import NARROW, WIDE, Layout

_TIP: Final = 10
"""Length of an arrow head."""

_COLOURS: Final = {
    "cell_prev": "cell",
    "kept": "cell",
    "cell": "cell",
    "squashed": "cell",
    "forget": "forget",
    "input": "input",
    "candidate": "candidate",
    "written": "candidate",
    "output": "output",
    "hidden": "hidden",
}
"""Each wire's colour: that of the quantity that it carries."""

_DROP: Final = 4
"""How far a subscript stands below its letter."""


@dataclass(frozen=True)
class Label:
    """A wire's name and value at a place; `wire` is the key in `values`."""

    wire: str
    x: float
    y: float
    anchor: str
    letter: str = ""
    subscript: str = ""

    def draw(self, value: float, at: Layout) -> str:
        """Return the label as SVG text, on one line or on two."""
        outside = self.wire in ("cell_prev", "cell", "hidden")
        number = f'data-w="{self.wire}">{fixed(value)}</tspan>'
        if not self.letter:
            return self._text(self.y, f"<tspan {number}")
        if at.stacked or outside:
            above = self._text(self.y - 21, _symbol(self.letter, self.subscript))
            return above + self._text(self.y, f"<tspan {number}")
        back = f'dy="-{_DROP}" ' if self.subscript else ""
        return self._text(
            self.y, f'{_symbol(self.letter, self.subscript)} <tspan dx="4" {back}{number}'
        )

    def _text(self, y: float, inner: str) -> str:
        return (
            f'<text class="num {self.wire}" x="{self.x:g}" y="{y:g}" '
            f'text-anchor="{self.anchor}">{inner}</text>'
        )


def _symbol(letter: str, subscript: str) -> str:
    lowered = f'<tspan class="sub" dy="{_DROP}">{subscript}</tspan>' if subscript else ""
    return f'<tspan class="var">{letter}</tspan>{lowered}'


def build(cell: CellNumbers, lang: str) -> str:
    """Return both drawings as SVG; the style sheet shows the one that fits."""
    return "".join(_drawing(cell, layout, lang) for layout in (WIDE, NARROW))


def values(cell: CellNumbers) -> dict[str, float]:
    """Return the number of each wire, by the name that the script knows it by.

    Notes:
        forget · C_{t-1} is "kept", input · C̃_t is "written".
    """
    return {
        "cell_prev": cell.cell_prev,
        "forget": cell.forget,
        "kept": cell.forget * cell.cell_prev,
        "input": cell.input,
        "candidate": cell.candidate,
        "written": cell.input * cell.candidate,
        "cell": cell.cell,
        "squashed": float(np.tanh(cell.cell)),
        "output": cell.output,
        "hidden": cell.hidden,
    }


def _drawing(cell: CellNumbers, at: Layout, lang: str) -> str:
    numbers = values(cell)
    x0, y0, x1, y1 = at.body
    frame = f'<rect class="frame" x="{x0}" y="{y0}" width="{x1 - x0}" height="{y1 - y0}" rx="20"/>'
    parts = [_tips(at), frame, _wires(at, numbers), _nodes(at), _boxes(cell, at, lang)]
    parts.append(_labels(cell, at, numbers))
    return (
        f'<svg class="cell {at.name}" viewBox="0 0 {at.width} {at.height}" role="img" '
        f'aria-label="{escape(say(lang, "schematic.aria"))}">{"".join(parts)}</svg>'
    )


def stroke(value: float) -> float:
    """Return the width of a wire that carries a value: 1.5 at 0, 6 from magnitude 1 on."""
    return 1.5 + 4.5 * min(1.0, abs(value)) if np.isfinite(value) else 1.5


def _tips(at: Layout) -> str:
    """Define one arrow head per colour; its base sits on the end of the wire."""
    colours = dict.fromkeys([*_COLOURS.values(), "bus"])
    return (
        "<defs>"
        + "".join(
            f'<marker id="tip-{at.name}-{colour}" class="tip {colour}" viewBox="0 0 10 14" '
            f'refX="0.5" refY="7" markerWidth="{_TIP}" markerHeight="14" '
            'markerUnits="userSpaceOnUse" orient="auto">'
            '<path d="M0 0L10 7L0 14Z" fill="currentColor"/></marker>'
            for colour in colours
        )
        + "</defs>"
    )


def _wires(at: Layout, numbers: dict[str, float]) -> str:
    f, i, g, o = at.columns
    r, top, foot = at.radius, at.gates - 20, at.gates + 20
    tip, end = r + _TIP + 1, at.width - _TIP
    plain = [
        f"M0 {at.bus}H{o}",
        f"M{at.join} {at.height - 8}V{at.bus + 12}Q{at.join} {at.bus} {at.join + 12} {at.bus}",
    ]
    wires = [f'<path class="wire bus" d="{d}"/>' for d in plain]
    wires += [
        f'<path class="wire bus" d="M{x} {at.bus}V{foot + _TIP + 1}" '
        f'marker-end="url(#tip-{at.name}-bus)"/>'
        for x in at.columns
    ]
    named = {
        "cell_prev": f"M0 {at.belt}H{f - tip}",
        "kept": f"M{f + r} {at.belt}H{g - tip}",
        "cell": f"M{g + r} {at.belt}H{end}",
        "forget": f"M{f} {top}V{at.belt + tip}",
        "input": f"M{i} {top}V{at.write + 10}Q{i} {at.write} {i + 10} {at.write}H{g - tip}",
        "candidate": f"M{g} {top}V{at.write + tip}",
        "written": f"M{g} {at.write - r}V{at.belt + tip}",
        "squashed": f"M{o} {at.belt}V{at.squash - 16}M{o} {at.squash + 16}V{at.show - tip}",
        "output": f"M{o} {top}V{at.show + tip}",
        "hidden": (
            f"M{o + r} {at.show}H{at.leave - 10}Q{at.leave} {at.show} {at.leave} {at.show + 10}"
            f"V{at.bus - 10}Q{at.leave} {at.bus} {at.leave + 10} {at.bus}H{end}"
        ),
    }
    for name, d in named.items():
        colour = _COLOURS[name]
        wires.append(
            f'<path class="wire {colour}" data-wire="{name}" d="{d}" '
            f'style="stroke-width:{stroke(numbers[name]):.2f}" '
            f'marker-end="url(#tip-{at.name}-{colour})"/>'
        )
    return "".join(wires)


def _nodes(at: Layout) -> str:
    f, _, g, o = at.columns
    r, half = at.radius, at.radius * 0.42
    drawn = []
    for x, y in ((f, at.belt), (g, at.write), (o, at.show)):
        rise = f"M{x - half} {y + half}L{x + half} {y - half}"
        cross = f"M{x - half} {y - half}L{x + half} {y + half}{rise}"
        drawn.append(
            f'<circle class="node" cx="{x}" cy="{y}" r="{r}"/><path class="op" d="{cross}"/>'
        )
    plus = f"M{g - half * 1.3} {at.belt}h{half * 2.6}M{g} {at.belt - half * 1.3}v{half * 2.6}"
    drawn.append(
        f'<circle class="node" cx="{g}" cy="{at.belt}" r="{r}"/><path class="op" d="{plus}"/>'
    )
    drawn.append(
        f'<ellipse class="node" cx="{o}" cy="{at.squash}" rx="{r + 17}" ry="16"/>'
        f'<text class="fn" x="{o}" y="{at.squash + 5}" text-anchor="middle">tanh</text>'
    )
    return "".join(drawn)


def _boxes(cell: CellNumbers, at: Layout, lang: str) -> str:
    drawn = []
    for name, x, width in zip(
        ("forget", "input", "candidate", "output"), at.columns, at.widths, strict=True
    ):
        function = "tanh" if name == "candidate" else "σ"
        inner = fixed(cell.pre_activations[name], 2)
        drawn.append(
            f'<rect class="box {name}" x="{x - width / 2:g}" y="{at.gates - 20}" width="{width}" '
            f'height="40" rx="7"/><text class="fn" data-box="{function}" x="{x}" '
            f'y="{at.gates + 6}" text-anchor="middle">{function}({inner})</text>'
            f'<text class="name" x="{x}" y="{at.bus + 19}" text-anchor="middle">'
            f"{escape(say(lang, name))}</text>"
        )
    return "".join(drawn)


def _labels(cell: CellNumbers, at: Layout, numbers: dict[str, float]) -> str:
    f, i, g, o = at.columns
    low, high = at.belt - 20, at.gates - 32
    left, right = (at.body[0] + 8, at.body[2] - 8) if at.stacked else (4, at.width - 4)
    labels = (
        Label("cell_prev", left, low, "start", "C", "t−1"),
        Label("kept", (f + g) / 2, low, "middle", "f·C", "t−1"),
        Label("cell", right, low, "end", "C", "t"),
        Label("forget", f + 10, (at.belt + high) / 2 + 14, "start", "f"),
        Label("input", (i + g - at.radius) / 2 + 4, at.write - 10, "middle", "i"),
        Label("candidate", g + 10, high + 8, "start", "C̃"),
        _written(at),
        Label("squashed", o + 9, at.squash + 35, "start"),
        Label("output", o + 10, high + 8, "start", "o"),
        Label("hidden", at.leave - 6 if at.stacked else right, at.bus - 14, "end", "h", "t"),
    )
    return "".join(label.draw(numbers[label.wire], at) for label in labels) + _reads(cell, at)


def _written(at: Layout) -> Label:
    """Place i·C̃: right of its wire, or left where tanh is too near."""
    middle = (at.belt + at.write) / 2
    if at.stacked:
        return Label("written", at.columns[2] - 10, middle - 2, "end", "i·C̃")
    return Label("written", at.columns[2] + 10, middle + 8, "start", "i·C̃")


def _reads(cell: CellNumbers, at: Layout) -> str:
    """Label the two things that come in, from below and from the left."""
    x, room = np.ravel(cell.x), 3 if at.stacked else 5
    shown = ", ".join([fixed(v, 2) for v in x[:room]] + ["…"] * (len(x) > room))
    left = at.body[0] + 3 if at.stacked else 4
    return (
        f'<text class="num" x="{at.join + 12}" y="{at.height - 14}">{_symbol("x", "t")}'
        f'<tspan dx="4" dy="-{_DROP}" data-w="x">= ({shown})</tspan></text>'
        f'<text class="num" x="{left}" y="{at.bus - 12}">{_symbol("h", "t−1")}</text>'
    )
