"""The drawings of cells: those of the cells that have one of their own, and that of any program.

That of a program has a box for each quantity, and an arrow from each that it reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from glasscell.cells import CELLS, Cell
from glasscell.report.draw.markup import escape
from glasscell.report.draw.recurrence import Look, look

__all__ = ["DRAWN", "drawing_of", "drawings", "drawn", "pictures"]

DRAWN: Final = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn", "RNN_RELU": "rnn"}
"""Cells with a drawing of their own."""

SHORT: Final = ("forget", "input", "candidate", "output", "reset", "update", "cell", "hidden")
"""Quantities with a short name among the words of the drawing."""


@dataclass(frozen=True)
class _Frame:
    """Sizes of one width of the drawing, in units of its view box."""

    name: str
    width: int
    box: tuple[int, int]
    gap: tuple[int, int]


FRAMES: Final = {
    "wide": _Frame("wide", 1000, (150, 66), (70, 30)),
    "narrow": _Frame("narrow", 400, (116, 62), (12, 44)),
}


def drawings(cells: Sequence[Cell]) -> str:
    """Return the drawing of each cell, for the page's script to fill in."""
    return "".join(
        f'<div data-cell="{k}" data-drawing="{drawing_of(cell)}">{pictures(cell)}</div>'
        for k, cell in enumerate(cells)
    )


def drawing_of(cell: Cell) -> str:
    """Name the drawing of a cell: its own if it is exactly the known one, else of its program."""
    return next((own for mode, own in DRAWN.items() if CELLS[mode] == cell), "program")


def pictures(cell: Cell) -> str:
    """Return the drawing of a cell in both widths, without numbers."""
    name = drawing_of(cell)
    if name == "rnn":
        return ""  # which the script draws
    if name == "program":
        return drawn(look(cell), "wide") + drawn(look(cell), "narrow")
    return "".join(_svg(f"{name}_{width}") for width in ("wide", "narrow"))


def drawn(how: Look, width: str) -> str:
    """Draw a cell.

    Args:
        how: What is known of the cell.
        width: "wide", where time runs across, or "narrow", where it runs down.

    Returns:
        SVG with the marks that the script and the static page fill in: `data-value` and
        `data-level` by the name of a quantity, `data-wire` by what the wire carries.

    Notes:
        A column (a row, where narrow) holds what can be computed once the ones before it are there.
        The state on the belt stands in the first place of its own.
    """
    frame = FRAMES[width]
    reads = {name: [*_reads(how, name)] for name in how.names}
    depth: dict[str, int] = {}

    def deep(name: str) -> int:
        if name not in depth:
            depth[name] = 0
            own = [deep(other) for other in reads[name] if other in reads and other != name]
            depth[name] = 1 + max(own, default=0)
        return depth[name]

    for name in how.names:
        deep(name)
    before = [f"{state} before" for state in how.states if _is_read(reads, state)]
    ranks: list[list[str]] = [before or ["hidden before"]]
    ranks += [[n for n in how.names if depth[n] == d] for d in range(1, max(depth.values()) + 1)]
    on_belt = set() if how.belt is None else {how.belt.name, f"{how.belt.name} before"}
    ranks = [sorted(rank, key=lambda name: name not in on_belt) for rank in ranks]
    place = _places(frame, ranks, on_belt)
    height = max(y for _, y in place.values()) + frame.box[1] + 40
    parts = [
        f'<svg class="drawing {frame.name}" viewBox="0 0 {frame.width} {height}" role="img" '
        f'data-say-label="cell.aria.program"><defs>{_tips(how, frame)}</defs>'
    ]
    for name, others in reads.items():
        parts += [_arrow(how, frame, place[o], place[name], o) for o in others if o in place]
    for name, at in place.items():
        parts.append(_box(how, frame, name, at))
    return "".join([*parts, "</svg>\n"])


def _reads(how: Look, name: str) -> Iterator[str]:
    """What a quantity is made of beside sums: others, and states before the step."""
    program, spoken = how.cell.program, {value: name for name, value in how.values.items()}
    waiting, seen = _values(how, name), set[int]()
    while waiting:
        value = waiting.pop(0)
        if value in seen:
            continue
        seen.add(value)
        state = value - len(program.sums)
        if spoken.get(value) in how.names:
            yield spoken[value]
        elif value in spoken:  # a part that several share
            waiting += _values(how, spoken[value])
        elif 0 <= state < len(program.states):
            yield f"{how.states[state]} before"


def _values(how: Look, name: str) -> list[int]:
    parts = (part for part in how.equations[name] if not isinstance(part, str))
    return [place for kind, place in parts if kind == "value"]


def _is_read(reads: dict[str, list[str]], state: str) -> bool:
    return any(f"{state} before" in others for others in reads.values())


def _places(
    frame: _Frame, ranks: list[list[str]], on_belt: set[str]
) -> dict[str, tuple[float, float]]:
    """Upper left corner of each box."""
    w, h = frame.box
    found: dict[str, tuple[float, float]] = {}
    if frame.name == "wide":
        step = (frame.width - w - 4) / max(1, len(ranks) - 1)
        for x, rank in enumerate(ranks):
            first = 0 if set(rank) & on_belt or not on_belt else 1
            for y, name in enumerate(rank, first):
                found[name] = (2 + x * step, 22 + y * (h + frame.gap[1]))
        return found
    foot: float = 22
    most = (frame.width + frame.gap[0]) // (w + frame.gap[0])
    for rank in ranks:
        for k in range(0, len(rank), most):
            line = rank[k : k + most]
            left = (frame.width - len(line) * (w + frame.gap[0]) + frame.gap[0]) / 2
            for place, name in enumerate(line):
                found[name] = (left + place * (w + frame.gap[0]), foot)
            foot += h + frame.gap[1]
    return found


def _box(how: Look, frame: _Frame, name: str, at: tuple[float, float]) -> str:
    (x, y), (w, h) = at, frame.box
    own = name.removesuffix(" before") if name not in how.names else name
    hue, past = how.colours.get(own, "hidden"), name not in how.names
    middle = x + w / 2
    text = f'<tspan class="var">{escape(_letter(how, own))}</tspan>'
    text += f'<tspan class="sub" dy="4">{"t−1" if past else "t"}</tspan>'
    said = f'data-say="cell.short.{own}"></text>' if own in SHORT else f">{escape(own)}</text>"
    level = (
        ""
        if past or own not in how.gates
        else (
            f'<rect class="level" data-level="{escape(name)}" data-whole="{w}" x="{x:g}" y="{y:g}" '
            f'width="0" height="{h}" rx="9"/>'
        )
    )
    inside = _sums(how, own) if not past else ""
    dash = ' stroke-dasharray="4 4"' if past else ""
    return (
        f'<g class="gate {hue}"><rect class="back" x="{x:g}" y="{y:g}" width="{w}" height="{h}" '
        f'rx="9"/>{level}<rect class="edge" x="{x:g}" y="{y:g}" width="{w}" height="{h}" rx="9"'
        f'{dash}/><text class="fn" x="{x + 8:g}" y="{y + 25:g}">{text}</text>'
        f'<text class="val" x="{x + w - 8:g}" y="{y + 25:g}" text-anchor="end" '
        f'data-value="{escape(name)}"></text>'
        f'<text class="name" x="{middle:g}" y="{y - 7:g}" text-anchor="middle" {said}'
        f'<text class="in" x="{middle:g}" y="{y + h - 12:g}" text-anchor="middle">{inside}</text>'
        "</g>"
    )


def _sums(how: Look, name: str) -> str:
    """Which of x and h a quantity reads through weights."""
    read = {
        how.cell.program.sums[part[1]].reads
        for part in how.equations[name]
        if not isinstance(part, str) and part[0] != "value"
    }
    both = [letter for letter in "hx" if any(letter in reads for reads in read)]
    hidden = how.letters["hidden"]
    marks = {"h": f'{hidden}<tspan dy="3">t−1</tspan>', "x": 'x<tspan dy="3">t</tspan>'}
    return '<tspan dy="-3">, </tspan>'.join(marks[letter] for letter in both)


def _letter(how: Look, name: str) -> str:
    return how.letters.get(name, name)


def _arrow(
    how: Look, frame: _Frame, start: tuple[float, float], end: tuple[float, float], name: str
) -> str:
    own = name.removesuffix(" before") if name not in how.names else name
    hue, (w, h) = how.colours.get(own, "hidden"), frame.box
    if frame.name == "wide":
        x, y, X, Y = start[0] + w, start[1] + h / 2, end[0] - 10, end[1] + h / 2
        d = f"M{x:g} {y:g}C{(x + X) / 2:g} {y:g} {(x + X) / 2:g} {Y:g} {X:g} {Y:g}"
    else:
        x, y, X, Y = start[0] + w / 2, start[1] + h, end[0] + w / 2, end[1] - 24
        d = f"M{x:g} {y:g}C{x:g} {(y + Y) / 2:g} {X:g} {(y + Y) / 2:g} {X:g} {Y:g}"
    tip = f"{how.cell.name}-{frame.name}"
    return (
        f'<path class="wire {hue}" data-wire="{escape(name)}" d="{d}" '
        f'marker-end="url(#tip-{hue}-{tip})"/>'
    )


def _tips(how: Look, frame: _Frame) -> str:
    return "".join(
        f'<marker id="tip-{hue}-{how.cell.name}-{frame.name}" viewBox="0 0 10 14" refX="0.5" '
        'refY="7" markerWidth="10" markerHeight="14" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path class="tip-{hue}" d="M0 0L10 7L0 14Z"/></marker>'
        for hue in dict.fromkeys([*how.colours.values(), "hidden"])
    )


@cache
def _svg(name: str) -> str:
    return (resources.files(__package__) / f"{name}.svg").read_text(encoding="utf-8")
