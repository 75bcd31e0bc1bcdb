"""Heat-maps with no more cells than pixels, so that no spike is lost or averaged away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw.canvas import settings
from glasscell.report.draw.colours import colour_map
from glasscell.report.draw.pooling import magnitude, pool

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = ["Heat", "heat", "pooled", "pooled_label", "room", "symmetric"]

FEWEST: Final = 32
BAR: Final = 0.11
"""Inches across a colour bar."""

BRIGHT: Final = 0.98
"""Share of values that the colours tell apart where a few are much larger."""


class Heat(NamedTuple):
    """What was drawn, and how many columns and rows share one cell."""

    image: AxesImage
    columns: int
    rows: int


def heat(
    ax: Axes,
    values: Array,
    limits: tuple[float, float],
    kind: str = "diverging",
    label: str = "",
) -> Heat:
    """Draw a matrix, row 0 on top, cell (r, c) centred on x = c, y = r.

    Args:
        ax: where.
        values: (rows, columns); what is not finite is grey.
        limits: Values at the two ends of the colour map; ends that cut something off are pointed.
        kind: "diverging" or "sequential".
        label: Of the colour bar.

    Returns:
        `Heat`. Where there are more columns or rows than pixels, of those that share a cell the
        value farthest from the median is shown.
    """
    shown, per_column, per_row = pooled(ax, np.asarray(values))
    rows, columns = values.shape
    image = ax.imshow(
        np.where(np.isfinite(shown), shown, np.nan), cmap=colour_map(kind),
        vmin=limits[0], vmax=limits[1],
        aspect="auto", interpolation="nearest", origin="upper",
        extent=(-0.5, shown.shape[1] * per_column - 0.5, shown.shape[0] * per_row - 0.5, -0.5),
    )  # fmt: skip
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(rows - 0.5, -0.5)
    _bar(ax, image, values, limits, label)
    return Heat(image, per_column, per_row)


def pooled(ax: Axes, values: Array) -> tuple[Array, int, int]:
    """Give as many cells as there is room for, and how many columns and rows share one.

    Args:
        ax: Where they are to be drawn.
        values: (rows, columns).
    """
    columns, rows = room(ax)
    per_column = -(-values.shape[1] // columns)
    per_row = -(-values.shape[0] // rows)
    return _fewer(_fewer(values, per_column).T, per_row).T, per_column, per_row


def room(ax: Axes) -> tuple[int, int]:
    """Give the pixels of an Axes, across and down, at the figure's dpi or savefig's if higher."""
    saved = settings()["savefig.dpi"]
    finer = max(1.0, saved / ax.figure.dpi) if isinstance(saved, int | float) else 1.0
    return max(FEWEST, int(ax.bbox.width * finer)), max(FEWEST, int(ax.bbox.height * finer))


def pooled_label(label: str, size: int) -> str:
    """Say on an axis that several steps share a cell, if they do.

    >>> print(pooled_label("step", 20))
    step
    the most unusual of every 20
    """
    return label if size == 1 else f"{label}\nthe most unusual of every {size}"


def symmetric(values: Array) -> tuple[float, float]:
    """Give colour limits around 0 that leave out the largest 2 % of what is not 0."""
    values = np.asarray(values)
    present = values[values != 0]
    top = magnitude(present, BRIGHT) or magnitude(present) or 1.0
    return -top, top


def _fewer(values: Array, size: int) -> Array:
    if size == 1:
        return values
    with np.errstate(over="ignore"):
        return pool(np.where(np.isfinite(values), values, np.nan), size)


def _bar(
    ax: Axes, image: AxesImage, values: Array, limits: tuple[float, float], label: str
) -> None:
    from matplotlib.ticker import MaxNLocator

    finite = values[np.isfinite(values)]
    below = bool((finite < limits[0]).any())
    above = bool((finite > limits[1]).any())
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]
    wide, high = ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi
    bar = ax.figure.colorbar(
        image, ax=ax, label=label, extend=extend, pad=0.015, fraction=min(0.2, BAR / wide),
        aspect=1.2 * high / BAR,
    )  # fmt: skip
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(MaxNLocator(2 if high < 1.2 else 5, min_n_ticks=2))
    bar.ax.tick_params(labelsize="small", length=2)
