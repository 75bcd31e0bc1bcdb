"""Match: where else the units of a chosen range are on together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.report.draw.canvas import one
from glasscell.report.draw.colours import ALARM, colour_map
from glasscell.report.draw.curves import STEP, integers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.units.match import Matches

__all__ = ["match"]


def match(
    found: Matches,
    chosen: tuple[int, int, int] | None = None,
    *,
    ax: Any = None,
    width: float | None = None,
) -> Axes:
    """Draw the ranges that are like a chosen one: a row per sequence, a bar per range.

    Args:
        found: The ranges.
        chosen: (series, start, stop) that they were looked for, drawn as a frame; default not.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; a bar's colour is its score, 0 … 1. Sequences without a range have no row.

    Raises:
        ValueError: There is nothing to draw.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect import Match, Matches
    >>> one_range = Match(series=3, start=5, stop=9, score=0.8, share=1.0, extra=0.0)
    >>> ax = match(Matches(np.array([7]), (one_range,)), (3, 0, 4), ax=Figure().subplots())
    >>> [(float(bar.get_x()), float(bar.get_width())) for bar in ax.patches]
    [(4.5, 4.0), (-0.5, 4.0)]
    """
    ranges = [(each.series, each.start, each.stop) for each in found.found]
    everything = ranges if chosen is None else [*ranges, chosen]
    if not everything:
        raise ValueError("expected at least one range to draw, got none; give chosen=")
    series = sorted({place for place, _, _ in everything})
    row = {place: at for at, place in enumerate(series)}
    if ax is None:
        axes = one(ax, width=width, ratio=min(0.9, 0.05 * len(series) + 0.04))
    else:
        axes = one(ax, width=width)
    colours = colour_map("sequential")
    for (place, start, stop), each in zip(ranges, found.found, strict=True):
        axes.barh(
            row[place], stop - start, left=start - 0.5, height=0.62, color=colours(each.score)
        )
    if chosen is not None:
        place, start, stop = chosen
        axes.barh(
            row[place], stop - start, left=start - 0.5, height=0.8, fill=False, edgecolor=ALARM,
            lw=1.5,
        )  # fmt: skip
    _frame(axes, series, max(stop for _, _, stop in everything))
    units = len(found.units)
    title = f"{units} unit{'' if units == 1 else 's'} on throughout"
    axes.set_title(title, loc="left", fontsize="small")
    return axes


def _frame(ax: Axes, series: list[int], stop: int) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    ax.set_xlim(-0.5, stop + 0.5)
    ax.set_ylim(len(series) - 0.4, -0.6)
    places = np.unique(np.linspace(0, len(series) - 1, min(len(series), 12)).round().astype(int))
    ax.set_yticks(places, labels=[str(series[place]) for place in places])
    integers(ax.xaxis)
    ax.set_xlabel(STEP)
    ax.set_ylabel("sequence")
    scores = ScalarMappable(Normalize(0.0, 1.0), colour_map("sequential"))
    ax.figure.colorbar(scores, ax=ax, label="score", pad=0.015, fraction=0.05)
