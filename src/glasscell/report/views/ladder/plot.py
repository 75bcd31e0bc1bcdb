"""Time scales: how long each unit remembers, and which gates are stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.memory.timescales import reaching
from glasscell.report.draw.canvas import AxesArray, grid, inches, legend, one
from glasscell.report.draw.colours import ALARM, COLOURS, FAINT
from glasscell.report.draw.curves import integers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.memory.timescales import Saturation, TimeScales

__all__ = ["half_life_ladder", "saturation", "saturation_map"]

SHORTEST: Final = 0.125
"""Half-lives below this many steps are drawn here: nothing is left after one step."""

DOT: Final = 18.0


def half_life_ladder(
    found: TimeScales, *, lag: float | None = None, ax: Any = None, width: float | None = None
) -> Axes:
    """Draw the half-lives of all units, longest first, against the lag that the data asks for.

    Args:
        found: Of a layer.
        lag: Steps; default the one that `found` was measured against.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; x is log2. Filled dots reach the lag, hollow ones do not; a unit that never
        forgets is a triangle at the right edge, one that drops everything at the left. Units
        without a half-life (NaN) are left out, and counted on the axis.

    Raises:
        ValueError: The lag is not above 0.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect import TimeScales
    >>> found = TimeScales(np.array([2.0, 64.0]), 10, 0.5, {})
    >>> ax = half_life_ladder(found, ax=Figure().subplots())
    >>> ax.get_legend().get_texts()[1].get_text(), ax.lines[1].get_xdata().tolist()
    ('1 of 2 units reach it', [2.0])
    """
    needed = found.lag if lag is None else lag
    if not needed > 0:
        raise ValueError(f"expected a lag in steps > 0, got {needed}")
    axes = one(ax, width=width)
    lives = np.sort(found.half_life[~np.isnan(found.half_life)])[::-1]
    high = _highest(lives, needed)
    shown, rank = np.clip(lives, SHORTEST, high), np.arange(len(lives))
    enough, never, none = lives >= needed, np.isposinf(lives), lives < SHORTEST
    axes.hlines(rank, SHORTEST / 2, shown, color=FAINT, lw=min(1.0, 30.0 / max(len(lives), 1)))
    drawn = _dots(axes, shown, rank, (enough & ~never, ~enough & ~none, never, none))
    limit = axes.axvline(needed, color=ALARM, lw=1.2, ls="--")
    axes.set_xscale("log", base=2)
    axes.set_xlim(SHORTEST * 0.9 if none.any() else min(0.5, shown.min(initial=1.0) * 0.8), high)
    axes.set_ylim(max(len(lives), 1) - 0.3, -0.7)
    axes.set_xlabel("half-life, steps")
    missing = len(found.half_life) - len(lives)
    axes.set_ylabel("units" + (f" ({missing} without a half-life)" if missing else ""))
    integers(axes.yaxis)
    of = f"{reaching(lives, needed)} of {len(found.half_life)} units reach it"
    legend(axes, [limit, drawn[0]], [f"lag of {needed:g} steps", of])
    return axes


def saturation(
    found: Saturation, *, gate: str = "", ax: Any = None, width: float | None = None
) -> Axes:
    """Draw how much of its time one gate of each unit is closed and open: a dot per unit.

    Args:
        found: Of one gate.
        gate: Its name, "forget", "update" …, for colour and title; default none.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; units at the very same place are one larger dot.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect import Saturation
    >>> ax = saturation(Saturation(np.array([0.2, 0.2]), np.array([0.5, 0.5])),
    ...                 ax=Figure().subplots())
    >>> ax.collections[0].get_offsets().data, ax.collections[0].get_sizes()
    (array([[0.2, 0.5]]), array([36.]))
    """
    axes = one(ax, width=width, ratio=0.8)
    pairs = np.stack([found.closed, found.open], axis=1)
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    places, counts = np.unique(pairs, axis=0, return_counts=True)
    axes.fill([0, 1, 0], [0, 0, 1], facecolor="none", edgecolor=FAINT, lw=0.8)
    colour = COLOURS.get(gate, COLOURS["hidden"])
    sizes = np.minimum(DOT * counts, 12 * DOT).astype(np.float64)
    axes.scatter(places[:, 0], places[:, 1], s=sizes, color=colour, alpha=0.6, lw=0, clip_on=False)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axes.set_aspect("equal")
    axes.set_xlabel("share of steps < 0.1")
    axes.set_ylabel("share > 0.9")
    if gate:
        axes.set_title(f"{gate} gate", color=colour, fontsize="small")
    return axes


def saturation_map(found: TimeScales, *, ax: Any = None, width: float | None = None) -> AxesArray:
    """Draw for each gate how much of its time it is closed and open, a dot per unit.

    Args:
        found: Of a layer.
        ax: One Axes per gate; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (gates,) array of Axes: of an LSTM forget, input and output gate.

    Raises:
        ShapeError: `ax` is another number of Axes.

    Notes:
        After A. Karpathy, J. Johnson and L. Fei-Fei, 2015, arXiv:1506.02078, figure 4.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect import Saturation, TimeScales
    >>> part = Saturation(np.array([0.2]), np.array([0.5]))
    >>> found = TimeScales(np.ones(1), 9, 0.0, {"forget": part, "input": part, "output": part})
    >>> [ax.get_title() for ax in saturation_map(found, ax=Figure().subplots(3))]
    ['forget gate', 'input gate', 'output gate']
    """
    gates = tuple(found.saturation)
    height = inches(width) / 3 + 0.4
    axes: AxesArray = grid(ax, (1, len(gates)), ", ".join(gates), width=width, height=height)[0]
    for place, (each, gate) in enumerate(zip(axes, gates, strict=True)):
        saturation(found.saturation[gate], gate=gate, ax=each)
        if place:
            each.set_ylabel("")
            each.tick_params(labelleft=False)
        if place != len(gates) // 2:
            each.set_xlabel("")
    return axes


def _highest(lives: Array, lag: float) -> float:
    finite = lives[np.isfinite(lives)]
    return float(max(finite.max(initial=0.0), lag, 1.0)) * 2


def _dots(ax: Axes, x: Array, y: Array, groups: tuple[Array, Array, Array, Array]) -> list[Any]:
    size, colour = (4.0 if len(x) <= 64 else 2.0), COLOURS["forget"]
    enough: dict[str, Any] = {"marker": "o", "color": colour}
    styles = (
        enough,
        {**enough, "mfc": "white"},
        {**enough, "marker": ">", "clip_on": False, "ms": size + 1.5},
        {**enough, "marker": "<", "mfc": "white", "ms": size + 1.5},
    )
    return [
        ax.plot(x[group], y[group], ls="", **({"ms": size} | style))[0]
        for place, (group, style) in enumerate(zip(groups, styles, strict=True))
        # The first is the legend's; an empty one that is not clipped would widen the figure.
        if group.any() or place == 0
    ]
