"""Weights: per gate the blocks that act on the hidden state and on the input, and the biases."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import Cell, of
from glasscell.cells.textbook import layer_cell
from glasscell.errors import ShapeError
from glasscell.inspect.dynamics.spectrum import stretch
from glasscell.report.draw.canvas import AxesArray, grid, plain, settings
from glasscell.report.draw.colours import ALARM, COLOURS, FAINT
from glasscell.report.draw.heat import heat, symmetric
from glasscell.report.draw.recurrence import Look, look
from glasscell.report.views.wall.plot import titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.cells.parameters import LayerWeights

__all__ = ["weights"]

WARNING: Final = (
    "ρ, the spectral radius of U, decides nothing: a network with ρ = 0 can explode and one with "
    "ρ > 1 forget. Look at the Jacobian fan instead."
)
Limits: TypeAlias = tuple[float, float]


def weights(
    layer: LayerWeights,
    *,
    cell: str | Cell | None = None,
    inputs: Sequence[str] = (),
    radius: bool = False,
    ax: Any = None,
    width: float | None = None,
) -> AxesArray:
    r"""Draw the weights of one layer: a row per gate, of U (hidden state), W (input) and bias.

    Args:
        layer: The layer's.
        cell: What the layer runs; default the cell whose weights have these rows.
        inputs: I names for the columns of W; default none.
        radius: Whether to print the spectral radius ρ of U beside its norm. It comes with the
            warning that it decides nothing, under the figure or, where `ax` is given, under the
            last U. Default False.
        ax: Gates * columns Axes; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (gates, columns) array of Axes; 4 gates of an LSTM, 1 for an RNN; columns U, W, and b where
        there are biases (the sum of both).

    Raises:
        ShapeError: No known cell has such weights, or names or Axes do not fit.

    Notes:
        All U share one colour scale, all W another, up to the 98 % quantile of their sizes. A
        projection (weight_hr) is not drawn. Norms are largest singular values, O(H^3).

    >>> from matplotlib.figure import Figure
    >>> from glasscell.weights import LayerWeights
    >>> layer = LayerWeights(weight_ih=np.ones((2, 1)), weight_hh=np.diag([0.5, 2.0]))
    >>> axes = weights(layer, radius=True, ax=Figure().subplots(1, 2))
    >>> axes[0, 0].images[0].get_array().data.tolist(), axes[0, 0].get_xlabel().split("ρ, ")[0]
    ([[0.5, 0.0], [0.0, 2.0]], '‖U‖ = 2, ρ = 2\n')
    """
    how = look(layer_cell(layer) if cell is None else of(cell))
    order = how.cell.gate_names
    gates = [name for name in how.names if name in order]
    gates += [name for name in order if name not in gates]
    H = len(layer.weight_ih) // len(order)
    if inputs and len(inputs) != layer.weight_ih.shape[1]:
        raise ShapeError(
            f"expected {layer.weight_ih.shape[1]} input names, one per column of weight_ih, got "
            f"{len(inputs)}"
        )
    bias = None if layer.bias_ih is None else layer.bias_ih + _or_zero(layer.bias_hh)
    columns = 2 if bias is None else 3
    axes = grid(
        ax, (len(gates), columns), "U, W and b of each gate", width=width,
        height=1.5 * len(gates) + (1.0 if radius else 0.5),
        gridspec_kw={"width_ratios": [3, 1.4, 1.5][:columns]},
    )  # fmt: skip
    limits = symmetric(layer.weight_hh), symmetric(layer.weight_ih)
    for line, gate in zip(axes, gates, strict=True):
        block = slice(order.index(gate) * H, (order.index(gate) + 1) * H)
        _matrices(line, layer.weight_hh[block], layer.weight_ih[block], limits, radius)
        if bias is not None:
            _bias(line[2], bias[block], _colour(how, gate))
        title = titled(how, gate).replace(" ", "\n", 1)
        line[0].set_ylabel(title, color=_colour(how, gate))
    for each, title in zip(axes[0], ("U, on $h_{t-1}$", "W, on $x_t$", "bias"), strict=False):
        each.set_title(title, fontsize="small")
    _names(axes[-1, 1], inputs)
    if radius:
        _warn(axes, ax is None)
    return axes


def _matrices(
    line: AxesArray, U: Array, W: Array, limits: tuple[Limits, Limits], radius: bool
) -> None:
    heat(line[0], U, limits[0])
    heat(line[1], W, limits[1])
    for each in line[:2]:
        each.set(xticks=[], yticks=[])
    size = stretch(U)
    text = "not finite" if size.norm is None else f"‖U‖ = {size.norm:.3g}"
    if radius and size.radius is not None:
        text += f", ρ = {size.radius:.3g}"
    line[0].set_xlabel(text, fontsize="small")


def _colour(how: Look, gate: str) -> str:
    return COLOURS[how.colours.get(gate, "hidden")]


def _bias(ax: Axes, values: Array, colour: str) -> None:
    """Bias of each unit, in the rows of the matrices beside it."""
    from matplotlib.ticker import MaxNLocator

    ax.barh(np.arange(len(values)), np.where(np.isfinite(values), values, np.nan), height=1.0,
            color=colour)  # fmt: skip
    ax.axvline(0.0, color=FAINT, lw=0.6)
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.set_yticks([])
    ax.xaxis.set_major_locator(MaxNLocator(2))
    ax.tick_params(axis="x", labelsize="small")


def _names(ax: Axes, inputs: Sequence[str]) -> None:
    if 0 < len(inputs) <= 12:
        names = [plain(name, 14) for name in inputs]
        ax.set_xticks(
            np.arange(len(names)), labels=names, fontsize="x-small", rotation=40, ha="right",
            rotation_mode="anchor",
        )  # fmt: skip


def _warn(axes: AxesArray, whole: bool) -> None:
    last = axes[-1, 0]
    size = settings()["font.size"] * 0.833 * 0.52 / 72
    if whole:
        inches = last.figure.get_size_inches()[0]
        last.figure.supxlabel(fill(WARNING, int(inches / size)), fontsize="small", color=ALARM)
    else:
        inches = last.bbox.width / last.figure.dpi
        last.set_xlabel(f"{last.get_xlabel()}\n{fill(WARNING, max(20, int(inches / size)))}")


def _or_zero(bias: Array | None) -> Any:
    return 0.0 if bias is None else bias
