"""Which steps decided, as a picture: what each step added, and which of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.errors import ShapeError
from glasscell.report.draw.canvas import AxesArray, grid, plain
from glasscell.report.draw.colours import COLOURS, SIGNS
from glasscell.report.draw.curves import STEP, integers
from glasscell.report.draw.heat import heat, pooled_label, symmetric

if TYPE_CHECKING:
    from glasscell.inspect.dynamics.attribution import Attribution

__all__ = ["decided"]

ROW: Final = 0.2
"""Inches of one input."""


def decided(
    found: Attribution,
    names: Sequence[str] | None = None,
    *,
    inputs: int = 8,
    ax: Any = None,
    width: float | None = None,
) -> AxesArray:
    """Draw what each step added to a score, and below it what each input did.

    Args:
        found: Of one sequence.
        names: Of the inputs; default x0, x1, …
        inputs: How many of them at most, those that added most; default 8.
        ax: Two Axes; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (2,) array of Axes: a bar a step, a row an input. The bars sum up to what the score is
        above that of the baseline, which the title says.

    Raises:
        ShapeError: `names` are not as many as the inputs, or `ax` is another number of Axes.
        ValueError: `inputs` is below 1.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect import Attribution
    >>> found = Attribution(contribution=np.array([[1.0, 0.5], [-0.5, 0.0]]), score=2.0, base=1.0,
    ...                     steps=np.array([0]), said=1.5, fell=1.5)
    >>> axes = decided(found, ["flow", "price_$"], ax=Figure().subplots(2, 1))
    >>> [float(bar.get_height()) for bar in axes[0].patches]
    [1.5, -0.5]
    """
    if inputs < 1:
        raise ValueError(f"expected at least 1 input to draw, got inputs {inputs}")
    parts = np.asarray(found.contribution)
    steps, count = parts.shape
    if names is not None and len(names) != count:
        raise ShapeError(f"expected {count} names, one an input, got {len(names)}")
    told = [f"x{k}" for k in range(count)] if names is None else [plain(name, 18) for name in names]
    most = np.argsort(-abs(parts).sum(axis=0), kind="stable")[:inputs]
    height = 1.9 + ROW * len(most)
    axes: AxesArray = grid(
        ax, (2, 1), "steps and inputs", width=width, height=height, sharex=True,
        height_ratios=(1.0, 0.35 + ROW * len(most)),
    )[:, 0]  # fmt: skip
    bars, rows = axes
    colours = [SIGNS["positive" if value > 0 else "negative"] for value in found.by_step]
    bars.bar(np.arange(steps), found.by_step, width=0.9, color=colours)
    bars.axhline(0.0, color=COLOURS["hidden"], lw=0.6)
    bars.set_ylabel("added")
    title = f"score {found.score:.3g}, {found.base:.3g} without what the steps say"
    bars.set_title(title, loc="left", fontsize="small")
    drawn = heat(rows, parts[:, most].T, symmetric(parts), label="added")
    rows.set_yticks(np.arange(len(most)), labels=[told[place] for place in most])
    rows.set_xlabel(pooled_label(STEP, drawn.columns))
    integers(rows.xaxis)
    bars.set_xlim(-0.5, steps - 0.5)
    return axes
