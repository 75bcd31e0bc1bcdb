"""Curves of a study as a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from glasscell.report.draw import colours
from glasscell.report.draw.axes import log_texts, log_ticks
from glasscell.report.draw.canvas import legend, one, plain
from glasscell.report.draw.curves import line
from glasscell.report.views.curves.data import COLOURS, DASHES, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curves"]

FEW: Final = 16
"""Points of a line up to which each is a dot."""


def curves(
    chart: Chart, *, ax: Any = None, width: float | None = None, lang: Literal["en", "zh"] = "en"
) -> Axes:
    """Draw one chart; its title is left to the caption.

    Args:
        chart: Lines, axes and levels.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].
        lang: Language of the labels; "zh" takes a font of your rcParams that has Chinese letters.

    Returns:
        The Axes.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.report.views.curves.data import Line
    >>> lines = [Line(name="LSTM", x=[1, 2], y=y) for y in ([1, 0.5], [1, 0.25])]
    >>> chart = Chart(title=("t", "题"), x=("step", "步"), y=("error", "误差"), lines=lines)
    >>> ax = curves(chart, ax=Figure().subplots())
    >>> [line.get_ydata().tolist() for line in ax.lines], len(ax.get_legend().get_texts())
    ([[1.0, 0.5], [1.0, 0.25]], 1)
    """
    axes, found, column = one(ax, width=width), chart.record(), lang == "zh"
    trials = len(found["lines"]) > len(found["names"])
    handles: dict[str, Any] = {}
    for each in found["lines"]:
        x, y = (np.array(each[part], float) for part in "xy")
        style = _style(each["name"])
        if "low" in each:
            low, high = (np.array(each[part], float) for part in ("low", "high"))
            axes.fill_between(x, low, high, color=style["color"], alpha=0.16, lw=0)
        drawn = line(axes, x, y, **style, lw=0.8 if trials else 1.4, alpha=0.75 if trials else 1.0)
        if len(x) <= FEW:
            drawn.set(marker="o", markersize=3, markevery=None)
        handles.setdefault(found["names"][each["name"]][column], drawn)
    for value, name in found["levels"]:
        handles[name[column]] = axes.axhline(value, color=colours.FAINT, lw=1.4, ls=":", zorder=0)
    for way, logarithmic in (("x", chart.log_x), ("y", chart.log_y)):
        if logarithmic:
            axes.set(**{f"{way}scale": "log"})
            axis = axes.xaxis if way == "x" else axes.yaxis
            ticks = log_ticks(*map(math.log10, axis.get_view_interval()))
            axis.set_ticks([], minor=True)
            axis.set_ticks([10.0**tick for tick in ticks], labels=log_texts(ticks))
    axes.set_xlabel(plain(chart.x[column], 80))
    axes.set_ylabel(plain(chart.y[column], 80))
    if handles:
        legend(axes, list(handles.values()), [plain(name, 48) for name in handles])
    return axes


def _style(name: int) -> dict[str, Any]:
    turn, colour = divmod(name, len(COLOURS))
    dash = DASHES[turn % len(DASHES)]
    ls = (0, [0.45 * v for v in dash]) if dash else "-"
    return {"color": colours.COLOURS[COLOURS[colour]], "ls": ls}
