"""Lines over steps and lags: gaps where nothing is finite, triangles at the foot for zeros."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "FLOAT32_FLOOR",
    "LOG",
    "ROUNDING",
    "STEP",
    "integers",
    "line",
    "log_line",
    "logs",
    "steps",
]

LOG: Final = r"$\log_{10}$"
STEP: Final = r"step $t$"

FLOAT32_FLOOR: Final = float(np.log10(np.finfo(np.float32).tiny))
"""log10 of the smallest normal float32; the kernels flush what is below to zero."""
ROUNDING: Final = -24 * log10(2.0)
"""log10 of half a float32 unit in the last place: a term so much smaller leaves a sum as it was."""


def line(ax: Axes, x: Array, y: Array, **style: Any) -> Line2D:
    """Draw a line with gaps at what is not finite; a value between two gaps is a dot.

    Args:
        ax: where.
        x: (n,).
        y: (n,).
        **style: For `Axes.plot`.
    """
    values = np.asarray(y, dtype=np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    there = np.concatenate([[False], np.isfinite(values), [False]])
    alone = np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:])
    if len(alone):
        style |= {"marker": ".", "markevery": alone.tolist()}
    drawn: Line2D = ax.plot(np.asarray(x), values, **style)[0]
    return drawn


def log_line(ax: Axes, x: Array, y: Array, **style: Any) -> Line2D:
    """Draw a line of logarithms; -inf, the logarithm of an exact zero, is a triangle at the foot.

    Args:
        ax: where.
        x: (n,).
        y: (n,) logarithms.
        **style: For `Axes.plot`.
    """
    drawn = line(ax, x, y, **style)
    zero = np.isneginf(np.asarray(y, dtype=np.float64))
    if zero.any():
        ax.plot(
            np.asarray(x)[zero], np.zeros(int(zero.sum())), ls="", marker="v", ms=3, clip_on=False,
            color=drawn.get_color(), transform=ax.get_xaxis_transform(),
        )  # fmt: skip
    return drawn


def logs(norms: Array) -> Array:
    """Give log10 of norms: -inf for zero, NaN for what is negative or missing.

    >>> logs(np.array([0.01, 0.0, np.nan]))
    array([ -2., -inf,  nan])
    """
    values = np.asarray(norms, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log10(values))


def steps(ax: Axes, count: int, label: str = STEP) -> None:
    """Give an x axis of steps 0 … count - 1.

    Args:
        ax: where.
        count: T.
        label: What they are.
    """
    ax.set_xlim(-0.5, count - 0.5)
    integers(ax.xaxis)
    ax.set_xlabel(label)


def integers(axis: Any) -> None:
    """Let an axis have ticks at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(
        MaxNLocator(nbins="auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
    )
