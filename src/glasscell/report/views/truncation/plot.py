"""Truncation: how much of the full gradient each length of truncated backpropagation keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.report.draw.canvas import legend, one
from glasscell.report.draw.colours import ALARM, COLOURS
from glasscell.report.draw.curves import line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.gradients.truncation import Truncation

__all__ = ["truncation"]


def truncation(
    found: Truncation,
    *,
    cosine: float = 0.99,
    ratio: bool = False,
    ax: Any = None,
    width: float | None = None,
) -> Axes:
    """Draw the cosine between truncated and full gradient over the length of the window.

    Args:
        found: The measure.
        cosine: What counts as near enough: a dashed line, and one at the shortest length from which
            on all reach it; default 0.99.
        ratio: Whether to draw the norm of the truncated over that of the full gradient too; default
            False.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; x is log2.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect import Truncation
    >>> found = Truncation(np.array([4, 8, 16]), np.array([0.2, 0.995, 1.0]), np.ones(3))
    >>> ax = truncation(found, ax=Figure().subplots())
    >>> ax.lines[0].get_ydata(), ax.get_legend().get_texts()[-1].get_text()
    (array([0.2  , 0.995, 1.   ]), 'near enough from 8 steps on')
    """
    axes = one(ax, width=width)
    drawn = [line(axes, found.lengths, found.cosine, color=COLOURS["forget"])]
    names = ["cosine to the full gradient"]
    if ratio:
        drawn.append(line(axes, found.lengths, found.ratio, color=COLOURS["candidate"], ls="--"))
        names.append("norm over the full one")
    for each, marker in zip(drawn, "os", strict=False):
        each.set(marker=marker, markersize=4, markevery=None)
    low = float(np.nanmin(found.cosine, initial=0.0))
    high = float(np.nanmax(found.ratio, initial=1.0)) if ratio else 1.0
    axes.axhline(cosine, color=ALARM, lw=0.8, ls="--", zorder=0)
    shortest = found.shortest(cosine)
    if shortest is not None:
        drawn.append(axes.axvline(shortest, color=ALARM, lw=1.2, ls=":", zorder=0))
        names.append(f"near enough from {shortest} steps on")
    axes.set_ylim(low - 0.03 * (high - low), high + 0.05 * (high - low))
    _lengths(axes, found)
    axes.set_ylabel("cosine")
    if ratio:
        axes.set_ylabel("cosine, ratio")
    legend(axes, drawn, names)
    return axes


def _lengths(ax: Axes, found: Truncation) -> None:
    ax.set_xscale("log", base=2)
    if len(found.lengths):
        ax.set_xlim(found.lengths[0] * 0.85, found.lengths[-1] * 1.18)
    ax.set_xlabel("steps that a gradient may travel back")
