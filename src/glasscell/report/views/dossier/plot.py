"""Unit dossier: what the most important units are worth, and which inputs they follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw.canvas import AxesArray, grid, plain
from glasscell.report.draw.colours import COLOURS, SIGNS
from glasscell.report.draw.heat import heat

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.units.dossier import Dossier

__all__ = ["dossier"]


def dossier(
    found: Dossier, count: int = 10, *, ax: Any = None, width: float | None = None
) -> AxesArray:
    """Draw the most important units of a layer: their worth, and their correlation with inputs.

    Args:
        found: Of a layer.
        count: How many units; default 10.
        ax: Two Axes, one where the dossier has no inputs; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (2,) array of Axes: what leaving each unit out adds to the loss (its standard deviation
        where that was not measured), and Pearson's correlation with each input, with its lag where
        that is not 0; (1,) without inputs.

    Raises:
        ValueError: `count` is below 1.
        ShapeError: `ax` is another number of Axes.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect import LayerTrace, dossier as measured
    >>> x = np.array([[1.0], [2.0], [0.0], [3.0]])
    >>> layer = LayerTrace(*[None] * 5, hidden=-x, layout="TH", mode="RNN_TANH")
    >>> axes = dossier(measured(layer, x, names=["price_$"]), ax=Figure().subplots(1, 2))
    >>> axes[1].images[0].get_array().data.round(6)
    array([[-1.]])
    """
    if count < 1:
        raise ValueError(f"expected at least 1 unit to draw, got count {count}")
    units = found.ranked()[:count]
    panels = 2 if found.correlation.shape[1] else 1
    height = 0.24 * len(units) + 1.1
    axes: AxesArray = grid(
        ax, (1, panels), "worth and inputs", width=width, height=height, sharey=panels > 1
    )[0]
    _worth(axes[0], found, units)
    if panels == 2:
        _inputs(axes[1], found, units)
    names = [str(unit) for unit in units]
    axes[0].set_ylim(len(units) - 0.5, -0.5)
    axes[0].set_yticks(np.arange(len(units)), labels=names)
    axes[0].set_ylabel("unit")
    return axes


def _worth(ax: Axes, found: Dossier, units: Array) -> None:
    worth = found.deviation if found.ablation is None else found.ablation
    values = np.asarray(worth, dtype=np.float64)[units]
    values = np.where(np.isfinite(values), values, np.nan)
    colour = [SIGNS["negative"] if value < 0 else COLOURS["hidden"] for value in values]
    ax.barh(np.arange(len(units)), values, height=0.7, color=colour)
    ax.axvline(0.0, color=COLOURS["hidden"], lw=0.6)
    unmeasured = f"standard deviation\nof the {found.quantity} state"
    ax.set_xlabel(unmeasured if found.ablation is None else "loss added without it")


def _inputs(ax: Axes, found: Dossier, units: Array) -> None:
    heat(ax, found.correlation[units], (-1.0, 1.0), label="correlation")
    places = np.arange(len(found.inputs))
    names = [plain(name, 18) for name in found.inputs]
    wide = len(names) > 4 or max(map(len, names)) > 8
    turn: dict[str, Any] = (
        {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if wide else {}
    )
    ax.set_xticks(places, labels=names, **turn)
    ax.tick_params(labelleft=False)
    for row, unit in enumerate(units):
        for column in np.flatnonzero(found.lag[unit]).tolist():
            dark = abs(found.correlation[unit, column]) > 0.6
            ax.text(
                column, row, f"{found.lag[unit, column]} ago", ha="center", va="center",
                fontsize="x-small", color="white" if dark else "black", clip_on=True,
            )  # fmt: skip
