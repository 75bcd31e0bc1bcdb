"""One unit's six quantities over time: its gates, and what goes through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.report.draw.canvas import AxesArray, grid, legend
from glasscell.report.draw.colours import COLOURS, FAINT
from glasscell.report.draw.curves import line, steps
from glasscell.report.views.wall.plot import NAMES, chosen, single, step_label

if TYPE_CHECKING:
    from glasscell.traces.layer import LayerTrace

__all__ = ["unit"]

PANELS: Final = (("forget", "input", "output"), ("candidate", "cell", "hidden"))
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
    """Draw the gates of one unit of an LSTM, and under them candidate, cell and hidden state.

    Args:
        layer: Of any layout.
        index: Which unit.
        sequence: Which one of the batch; default 0.
        ax: Two Axes; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (2,) array of Axes: forget, input and output gate; candidate, cell and hidden state.

    Raises:
        ValueError: The layer is an RNN.
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
    chosen(one, PANELS[0])
    assert one.cell is not None
    count = one.cell.shape[1]
    if not -count <= index < count:
        raise IndexError(f"expected a unit in 0 … {count - 1}, got {index}")
    axes = grid(ax, (2, 1), "gates and contents", width=width, height=3.9, sharex=True)[:, 0]
    time = np.arange(len(one.hidden))
    for each, names in zip(axes, PANELS, strict=True):
        shown = [name for name in names if getattr(one, name).shape[1] == count]
        drawn = [
            line(each, time, getattr(one, name)[:, index], color=COLOURS[name], ls=DASHES[name])
            for name in shown
        ]
        steps(each, len(time), "")
        each.tick_params(labelbottom=False)
        legend(each, drawn, [NAMES[name] for name in shown])
    axes[0].set_ylim(-0.03, 1.03)
    axes[0].set_ylabel("gate, 0 … 1")
    axes[1].axhline(0.0, color=FAINT, lw=0.6, zorder=0)
    axes[1].set_ylabel(f"unit {index % count}")
    axes[1].tick_params(labelbottom=True)
    axes[1].set_xlabel(step_label(one))
    return axes
