"""Influence triangle: which inputs each output depends on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.report.draw.canvas import one
from glasscell.report.draw.curves import LOG, STEP, integers
from glasscell.report.draw.heat import heat, pooled_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["influence"]

TICKS: Final = 6


def influence(
    values: Array,
    *,
    inputs: Sequence[int] | None = None,
    outputs: Sequence[int] | None = None,
    decades: float = 8.0,
    ax: Any = None,
    width: float | None = None,
) -> Axes:
    """Draw log10 of the norm of dh_t' / dx_t for all pairs of steps.

    Args:
        values: (outputs, inputs), as `glasscell.inspect.influence` or `model_influence` gives it.
        inputs: Steps t of the columns; default 0, 1, …
        outputs: Steps t' of the rows; default 0, 1, …
        decades: How far below the largest the colours go; default 8.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; grey where there is no dependence.

    Raises:
        ShapeError: `values` is no matrix, or the steps do not fit it.

    Notes:
        Where there are more steps than pixels, of those that share a cell the value farthest from
        the median is shown. The picture is that of A. Madsen, Distill 2019.

    >>> from matplotlib.figure import Figure
    >>> values = np.array([[0.0, -np.inf], [-1.0, 0.0]])
    >>> influence(values, ax=Figure().subplots()).images[0].get_array()
    masked_array(
      data=[[0.0, --],
            [-1.0, 0.0]],
      mask=[[False,  True],
            [False, False]],
      fill_value=1e+20)
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise ShapeError(f"expected values (outputs, inputs), both at least 1, got {values.shape}")
    for name, steps, count in (("outputs", outputs, len(values)), ("inputs", inputs, -1)):
        wanted = values.shape[1] if count < 0 else count
        if steps is not None and len(steps) != wanted:
            raise ShapeError(f"expected {wanted} {name}, as values has, got {len(steps)}")
    axes = one(ax, width=width, ratio=0.68)
    finite = values[np.isfinite(values)]
    top = float(finite.max(initial=-np.inf)) if finite.size else 0.0
    low = max(float(finite.min(initial=np.inf)), top - decades) if finite.size else -1.0
    limits = (low if low < top else top - 1.0, top)
    label = f"{LOG} $|\\partial h_{{t'}}/\\partial x_t|$"
    drawn = heat(axes, values, limits, "sequential", label)
    axes.set_xlabel(pooled_label(f"input {STEP}", drawn.columns))
    axes.set_ylabel("output step $t'$")
    _ticks(axes.xaxis, inputs)
    _ticks(axes.yaxis, outputs)
    return axes


def _ticks(axis: Any, steps: Sequence[int] | None) -> None:
    if steps is None:
        integers(axis)
        return
    places = np.unique(np.linspace(0, len(steps) - 1, min(TICKS, len(steps))).round().astype(int))
    axis.set_ticks(places, labels=[str(steps[place]) for place in places])
