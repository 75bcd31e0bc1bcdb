"""How far back the data help and a network reads, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw.canvas import legend, one
from glasscell.report.draw.colours import ALARM, COLOURS
from glasscell.report.draw.curves import line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["lag"]

LINES: Final = ("forget", "candidate", "cell")


def lag(
    steps: Sequence[int],
    lines: Mapping[str, Array],
    back: int | None = None,
    *,
    ax: Any = None,
    width: float | None = None,
) -> Axes:
    """Draw the errors of several models over the steps of the past that they read.

    Args:
        steps: (n,) numbers of steps.
        lines: Name of a model to its (n,) errors, over that with one step.
        back: Where a dotted line stands: steps back that the data help; default none.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; x is log2.

    >>> from matplotlib.figure import Figure
    >>> ax = lag([1, 2, 4], {"linear": np.array([1.0, 0.5, 0.5])}, 2, ax=Figure().subplots())
    >>> ax.lines[0].get_ydata(), ax.get_legend().get_texts()[-1].get_text()
    (array([1. , 0.5, 0.5]), 'enough: 2 steps')
    """
    axes, drawn, names = one(ax, width=width), [], []
    for (name, errors), colour in zip(lines.items(), LINES, strict=False):
        drawn.append(line(axes, np.array(steps), errors, color=COLOURS[colour]))
        drawn[-1].set(marker="o", markersize=3, markevery=None)
        names.append(name)
    if back is not None:
        drawn.append(axes.axvline(back, color=ALARM, lw=1.2, ls=":", zorder=0))
        names.append(f"enough: {back} steps")
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("steps back")
    axes.set_ylabel("error, with one step 1")
    legend(axes, drawn, names)
    return axes
