"""Memory provenance: which step wrote what is in one unit's cell, then and after every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.report.draw.canvas import one
from glasscell.report.draw.colours import COLOURS, SIGNS
from glasscell.report.draw.curves import integers, steps
from glasscell.report.draw.heat import heat, pooled_label, room, symmetric
from glasscell.report.draw.pooling import pool

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.memory.provenance import Provenance

__all__ = ["provenance", "provenance_triangle"]


def provenance(
    found: Provenance,
    unit: int | tuple[int, ...],
    *,
    ax: Any = None,
    width: float | None = None,
) -> Axes:
    """Draw what every step left in one unit's cell: a bar per step, signed.

    Args:
        found: Of a layer.
        unit: Which; (sequence, unit) where `found` is of a batch.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; above it the sum, which is the cell state, and what of it is the initial state's.

    Raises:
        IndexError: There is no such unit.
        ShapeError: `unit` has one index too few or too many, or there is no step.

    Notes:
        Where there are more steps than pixels, a bar is the one farthest from the usual value of
        the steps that share it; the sum is that of all.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect import Provenance
    >>> found = Provenance(np.zeros(1), np.array([[0.25], [-0.5]]), np.zeros((2, 1)))
    >>> ax = provenance(found, 0, ax=Figure().subplots())
    >>> [float(bar.get_height()) for bar in ax.patches], ax.get_title("left")
    ([0.25, -0.5], 'unit 0: $c$ = -0.25')
    """
    place = unit if isinstance(unit, tuple) else (unit,)
    if len(place) != found.initial.ndim or not len(found.written):
        raise ShapeError(
            f"expected unit as {found.initial.ndim} indices into {found.initial.shape} and at "
            f"least one step, got {place} and {len(found.written)} steps"
        )
    written = np.moveaxis(np.asarray(found.written, dtype=np.float64), 0, -1)[place]
    axes = one(ax, width=width)
    size = -(-len(written) // room(axes)[0])
    left = written if size == 1 else pool(written[None], size)[0]
    at = np.arange(len(left)) * size + (size - 1) / 2
    sign = [SIGNS["negative" if value < 0 else "positive"] for value in left]
    axes.bar(at, np.where(np.isfinite(left), left, np.nan), width=size, color=sign)
    axes.axhline(0.0, color=COLOURS["hidden"], lw=0.6)
    steps(axes, len(written), pooled_label("written at step $s$", size))
    axes.set_ylabel("left in the cell")
    axes.set_title(_sum(found, place), loc="left", fontsize="small")
    return axes


def provenance_triangle(
    values: Array, *, unit: int | None = None, ax: Any = None, width: float | None = None
) -> Axes:
    """Draw what every step had left in one unit's cell after every step.

    Args:
        values: (T, T), row t after step t, column s written at s, as
            `glasscell.inspect.provenance_triangle` gives it.
        unit: Which it is of, for the title; default no title.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes.

    Raises:
        ShapeError: `values` is no square matrix.

    Notes:
        Colours end at the 98 % quantile of the size of what is not 0. Where there are more steps
        than pixels, of those that share a cell the value farthest from the median is shown.

    >>> from matplotlib.figure import Figure
    >>> ax = provenance_triangle(np.array([[1.0, 0.0], [0.5, 1.0]]), ax=Figure().subplots())
    >>> ax.images[0].get_array().data
    array([[1. , 0. ],
           [0.5, 1. ]])
    """
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not values.size:
        raise ShapeError(f"expected values (T, T) with T >= 1, got {values.shape}")
    axes = one(ax, width=width, ratio=0.68)
    drawn = heat(axes, values, symmetric(values), label="left in the cell")
    axes.set_xlabel(pooled_label("written at step $s$", drawn.columns))
    axes.set_ylabel("after step $t$")
    for axis in (axes.xaxis, axes.yaxis):
        integers(axis)
    if unit is not None:
        axes.set_title(f"unit {unit}", loc="left", fontsize="small")
    return axes


def _sum(found: Provenance, place: tuple[int, ...]) -> str:
    name = f"unit {place[-1]}" if len(place) == 1 else f"unit {place[-1]} of sequence {place[0]}"
    text = f"{name}: $c$ = {found.total[place]:.3g}"
    initial = float(found.initial[place])
    return text if initial == 0 else f"{text}, of it {initial:.3g} from the initial state"
