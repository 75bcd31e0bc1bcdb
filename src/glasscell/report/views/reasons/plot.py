"""What moved a forecast, as a picture: what each step added, and which of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw.canvas import AxesArray, grid, plain
from glasscell.report.draw.colours import COLOURS, SIGNS
from glasscell.report.draw.heat import heat, symmetric

__all__ = ["reasons"]

ROW: Final = 0.2
"""Inches of one column."""


def reasons(
    added: Array,
    by_step: Array,
    columns: Sequence[str],
    steps: Sequence[int],
    *,
    ax: Any = None,
    width: float | None = None,
) -> AxesArray:
    """Draw what each step added to a forecast, and below it what each column did.

    Args:
        added: (T, K), as `Reasons.added` of `glasscell.tasks.forecast.reasons`.
        by_step: (T,) what all columns of each step added.
        columns: (K,) names.
        steps: (T,) numbers of the steps, negative back and positive ahead.
        ax: Two Axes; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (2,) array of Axes: a bar a step, a row a column.

    >>> from matplotlib.figure import Figure
    >>> added, by_step = np.array([[1.0, 0.5], [-0.5, 0.0]]), np.array([1.5, -0.5])
    >>> axes = reasons(added, by_step, ["y", "promo"], [-2, -1], ax=Figure().subplots(2, 1))
    >>> [float(bar.get_height()) for bar in axes[0].patches]
    [1.5, -0.5]
    """
    height = 1.9 + ROW * len(columns)
    drawn: AxesArray = grid(
        ax, (2, 1), "steps and columns", width=width, height=height, sharex=True,
        height_ratios=(1.0, 0.35 + ROW * len(columns)),
    )[:, 0]  # fmt: skip
    bars, rows = drawn
    colours = [SIGNS["positive" if value > 0 else "negative"] for value in by_step]
    bars.bar(np.arange(len(by_step)), by_step, width=0.9, color=colours)
    bars.axhline(0.0, color=COLOURS["hidden"], lw=0.6)
    bars.set_ylabel("added")
    heat(rows, np.asarray(added).T, symmetric(np.asarray(added)), label="added")
    rows.set_yticks(np.arange(len(columns)), labels=[plain(name, 18) for name in columns])
    shown = np.linspace(0, len(steps) - 1, min(len(steps), 8)).round().astype(int)
    rows.set_xticks(shown, labels=[f"{steps[k]:+d}".replace("-", "−") for k in shown])
    rows.set_xlabel("step: back (−), ahead (+)")
    bars.set_xlim(-0.5, len(by_step) - 0.5)
    return drawn
