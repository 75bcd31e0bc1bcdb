"""Where the parts of the schematic stand: a wide drawing, and one for phones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Coordinates of a drawing, in SVG units.

    Args:
        name: CSS class of the drawing.
        width: Width of the drawing.
        height: Height of the drawing.
        body: Left, top, right and bottom of the cell's frame.
        belt: Height of the belt.
        write: Height of the product i * C̃.
        show: Height of the product o * tanh(C).
        squash: Height of the tanh above it.
        gates: Height of the middle of the gate boxes.
        bus: Height of the bus [h_{t-1}, x_t].
        columns: Places of the boxes of f, i, C̃ and o.
        widths: Widths of the same boxes.
        join: Where x_t joins the bus.
        leave: Where h_t turns down to leave.
        radius: Radius of the × and + nodes.
        stacked: Whether a label stands on two lines, its name above its value.
    """

    name: str
    width: int
    height: int
    body: tuple[int, int, int, int]
    belt: int
    write: int
    show: int
    squash: int
    gates: int
    bus: int
    columns: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    join: int
    leave: int
    radius: int
    stacked: bool


WIDE: Final = Layout(
    name="wide-only",
    width=824,
    height=452,
    body=(92, 24, 724, 400),
    belt=84,
    write=186,
    show=218,
    squash=150,
    gates=306,
    bus=372,
    columns=(182, 296, 430, 584),
    widths=(94, 94, 126, 94),
    join=118,
    leave=690,
    radius=15,
    stacked=False,
)
NARROW: Final = Layout(
    name="narrow-only",
    width=380,
    height=476,
    body=(6, 14, 374, 420),
    belt=82,
    write=196,
    show=226,
    squash=148,
    gates=318,
    bus=386,
    columns=(50, 126, 214, 302),
    widths=(68, 68, 96, 68),
    join=22,
    leave=366,
    radius=13,
    stacked=True,
)
