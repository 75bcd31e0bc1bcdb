"""Gradient river: how much of the loss's gradient is at each step; and two networks compared."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from math import log10
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import of
from glasscell.cells.direct import direct_path
from glasscell.inspect.gradients.decay import REACH
from glasscell.report.draw.canvas import AxesArray, grid, legend, one, plain
from glasscell.report.draw.colours import ALARM, COLOURS
from glasscell.report.draw.curves import (
    FLOAT32_FLOOR,
    LOG,
    ROUNDING,
    STEP,
    log_line,
    logs,
    steps,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.gradients.flow import LayerFlow

__all__ = ["duel", "gradient_river", "gradient_rivers"]

PARTS: Final = (
    ("hidden", r"$|\partial L/\partial h_t|$", COLOURS["hidden"], "-"),
    ("cell", r"$|\partial L/\partial {letter}_t|$", COLOURS["cell"], "--"),
    ("cell_path", "${letter}_t$ along the belt alone", COLOURS["forget"], ":"),
)
RIVALS: Final = tuple(COLOURS[n] for n in ("forget", "candidate", "output", "input", "hidden"))
DASHES: Final = ("-", "--", ":", "-.")


def gradient_river(
    flow: LayerFlow, *, lag: bool = False, ax: Any = None, width: float | None = None
) -> Axes:
    """Draw log10 of the gradient norms of one layer over time.

    Args:
        flow: One layer's.
        lag: Whether x counts steps back from the last that the layer read, rather than the
            sequence's own time; default False.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes.

    Raises:
        ValueError: The flow has no steps.

    Notes:
        A gradient of exactly 0 is a triangle at the foot, NaN a gap. Thin dashed: where a term is
        lost beside the largest one in a float32 sum (2^-24 of it), and the smallest normal float32,
        where the drawn range has them.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect.gradients.flow import LayerFlow
    >>> flow = LayerFlow(hidden=np.array([0.01, 0.1, 1.0]), cell=None, cell_path=None)
    >>> gradient_river(flow, ax=Figure().subplots()).lines[0].get_ydata()
    array([-2., -1.,  0.])
    """
    _check(flow)
    axes = one(ax, width=width)
    _draw(axes, flow, lag)
    return axes


def gradient_rivers(
    flow: Mapping[str, LayerFlow], *, lag: bool = False, ax: Any = None, width: float | None = None
) -> AxesArray:
    """Draw the gradient river of each layer, one panel under the other on one scale.

    Args:
        flow: Layer name to its gradients.
        lag: As in `gradient_river`.
        ax: One Axes per layer; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (layers,) array of Axes, in the order of `flow`.

    Raises:
        ValueError: There is no layer, or one without steps.
        ShapeError: `ax` is another number of Axes.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect.gradients.flow import LayerFlow
    >>> flow = LayerFlow(hidden=np.array([0.01, 0.1, 1.0]), cell=None, cell_path=None)
    >>> axes = gradient_rivers({"l0": flow, "l1": flow}, ax=Figure().subplots(2))
    >>> [ax.get_ylabel().split()[0] for ax in axes]
    ['l0', 'l1']
    """
    if not flow:
        raise ValueError("expected the gradients of at least one layer, got none")
    for layer in flow.values():
        _check(layer)
    height = 2.0 * len(flow) + 0.5
    axes = grid(ax, (len(flow), 1), ", ".join(flow), width=width, height=height, sharey=True)[:, 0]
    for each, (name, layer) in zip(axes, flow.items(), strict=True):
        _draw(each, layer, lag)
        each.set_ylabel(f"{plain(name)}\n{LOG} norm")
    return axes


def duel(flows: Mapping[str, LayerFlow], *, ax: Any = None, width: float | None = None) -> Axes:
    """Draw the gradients of several networks over the lag, each relative to its strongest step.

    Args:
        flows: Name ("RNN", "LSTM") to one layer's flow; the profile that verdicts are read off is
            drawn: of the cell state, for an RNN of the hidden state.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; a dashed line where a gradient counts as gone, 1/10000.

    Raises:
        ValueError: There is no flow, or one without steps.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect.gradients.flow import LayerFlow
    >>> flow = LayerFlow(hidden=np.array([0.02, 0.2, 2.0]), cell=None, cell_path=None)
    >>> duel({"RNN": flow}, ax=Figure().subplots()).lines[0].get_ydata()
    array([ 0., -1., -2.])
    """
    if not flows:
        raise ValueError("expected the gradients of at least one network, got none")
    for flow in flows.values():
        _check(flow)
    axes = one(ax, width=width)
    drawn = []
    for flow, colour, dash in zip(flows.values(), cycle(RIVALS), cycle(DASHES), strict=False):
        relative = logs(flow.profile)
        relative = relative - _strongest([relative], 0.0)
        drawn.append(log_line(axes, np.arange(len(relative)), relative, color=colour, ls=dash))
    axes.axhline(log10(REACH), color=ALARM, lw=0.8, ls=(0, (5, 3)), zorder=0)
    steps(axes, max(len(flow.profile) for flow in flows.values()), "lag, steps back")
    axes.set_ylabel(f"gradient, {LOG}\nof its largest")
    legend(axes, drawn, [plain(name) for name in flows])
    return axes


def _check(flow: LayerFlow) -> None:
    if not len(flow.hidden):
        raise ValueError("expected gradients of at least one step, got none")


def _draw(ax: Axes, flow: LayerFlow, lag: bool) -> None:
    """Lines of all parts, newest step at the left if the axis counts lags."""
    count = len(flow.hidden)
    back = np.arange(count) if flow.reverse else np.arange(count)[::-1]
    x = back if lag else np.arange(count)
    found: list[tuple[Any, str]] = []
    values: list[Array] = []
    path = direct_path(of(flow.mode))
    letter = "c" if path is None else path.letter
    for name, text, colour, dash in PARTS:
        part = getattr(flow, name)
        if part is not None:
            values.append(logs(part))
            found.append(
                (
                    log_line(ax, x, values[-1], color=colour, ls=dash),
                    text.replace("{letter}", letter),
                )
            )
    found += _floors(ax, values)
    steps(ax, count, "lag, steps back" if lag else STEP)
    ax.set_ylabel(f"{LOG} of norm")
    legend(ax, [handle for handle, _ in found], [text for _, text in found])


def _floors(ax: Axes, values: list[Array]) -> list[tuple[Any, str]]:
    low, high = ax.get_ylim()
    strongest = _strongest(values, np.nan)
    levels = [(strongest + ROUNDING, "lost in rounding", "--"),
              (FLOAT32_FLOOR, "smallest float32", "-")]  # fmt: skip
    drawn = [
        (ax.axhline(level, color=ALARM, lw=0.8, ls=dash, zorder=0), text)
        for level, text, dash in levels
        if low < level < high
    ]
    ax.set_ylim(low, high)
    return drawn


def _strongest(values: list[Array], otherwise: float) -> float:
    finite = np.concatenate([part[np.isfinite(part)] for part in values])
    return float(finite.max()) if finite.size else otherwise
