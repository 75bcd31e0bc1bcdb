"""One unit's quantities over time: its gates, and what goes through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.report.draw.canvas import AxesArray, grid, legend
from glasscell.report.draw.colours import FAINT
from glasscell.report.draw.curves import line, steps
from glasscell.report.draw.recurrence import look
from glasscell.report.views.wall.plot import (
    chosen,
    colour_in,
    quantities_of,
    single,
    step_label,
    title_of,
)

if TYPE_CHECKING:
    from glasscell.traces.layer import LayerTrace

__all__ = ["unit"]

DASHES: Final = {
    "forget": "-", "input": "--", "output": ":", "candidate": "--", "cell": "-", "hidden": ":",
}  # fmt: skip


def unit(
    layer: LayerTrace,
    index: int,
    *,
    sequence: int = 0,
    ax: Any = None,
    width: float | None = None,
) -> AxesArray:
    """Draw the gates of one unit, and under them the rest: candidate, cell and hidden state.

    Args:
        layer: Of any layout.
        index: Which unit.
        sequence: Which one of the batch; default 0.
        ax: Two Axes; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (2,) array of Axes: the gates between 0 and 1; candidate, cell and hidden state.

    Raises:
        ValueError: The layer has no gates, as an RNN.
        IndexError: There is no such unit or sequence.
        ShapeError: The sequence has no steps, or `ax` is not two Axes.

    Notes:
        Every step is drawn, gaps are NaN. With a projection the hidden state is no longer one
        number a unit, and is left out.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.traces.layer import LayerTrace
    >>> gate = np.array([[0.5, 0.99]] * 3)
    >>> layer = LayerTrace(gate, gate, gate, gate, gate, hidden=gate, layout="TH")
    >>> axes = unit(layer, 1, ax=Figure().subplots(2))
    >>> axes[0].lines[0].get_ydata()
    array([0.99, 0.99, 0.99])
    """
    one = single(layer, sequence)
    how = look(one.recurrence)
    gates = how.gates or one.recurrence.gate_names
    chosen(one, gates)
    if gates == ("hidden",):
        raise ValueError(
            f"expected a cell with gates, got a trace of {how.cell.name}, which has none; draw "
            "gate_wall"
        )
    panels = gates, tuple(name for name in quantities_of(one) if name not in gates)
    count = one.units
    if not -count <= index < count:
        raise IndexError(f"expected a unit in 0 … {count - 1}, got {index}")
    axes = grid(ax, (2, 1), "gates and contents", width=width, height=3.9, sharex=True)[:, 0]
    time = np.arange(len(one.hidden))
    for each, names in zip(axes, panels, strict=True):
        shown = [name for name in names if one.quantity(name).shape[1] == count]
        drawn = [
            line(
                each, time, one.quantity(name)[:, index], color=colour_in(one, name),
                ls=DASHES[how.colours[name]],
            )
            for name in shown
        ]  # fmt: skip
        steps(each, len(time), "")
        each.tick_params(labelbottom=False)
        legend(each, drawn, [title_of(one, name) for name in shown])
    axes[0].set_ylim(-0.03, 1.03)
    axes[0].set_ylabel("gate, 0 … 1")
    axes[1].axhline(0.0, color=FAINT, lw=0.6, zorder=0)
    axes[1].set_ylabel(f"unit {index % count}")
    axes[1].tick_params(labelbottom=True)
    axes[1].set_xlabel(step_label(one))
    return axes
