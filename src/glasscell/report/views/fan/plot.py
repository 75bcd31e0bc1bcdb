"""Jacobian fan and Lyapunov spectrum: what many steps do to a change of the state (h, c)."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.report.draw.canvas import legend, one
from glasscell.report.draw.colours import ALARM, COLOURS, FAINT
from glasscell.report.draw.curves import LOG, integers, line, log_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.dynamics.spectrum import Fan, Lyapunov

__all__ = ["jacobian_fan", "lyapunov"]


def jacobian_fan(
    found: Fan, *, lyapunov: Lyapunov | None = None, ax: Any = None, width: float | None = None
) -> Axes:
    """Draw log10 of the singular values of ds_{start+lag} / ds_start over the lag.

    Args:
        found: Of a layer.
        lyapunov: Its exponents, dashed: the slopes in the long run; default not drawn.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; a line per singular value, the largest one strongest. Directions that are lost
        entirely (-inf) are triangles at the foot.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect.dynamics.spectrum import Fan
    >>> ax = jacobian_fan(Fan(np.array([1, 2]), np.array([[0.0, -1.0], [0.0, -2.0]])),
    ...                   ax=Figure().subplots())
    >>> ax.lines[1].get_ydata()
    array([-1., -2.])
    """
    axes = one(ax, width=width)
    count = found.log10_sigma.shape[1]
    colour = COLOURS["forget"]
    fade = np.linspace(1.0, 0.35, max(count, 1))
    drawn = [
        log_line(axes, found.lags, values, color=colour, alpha=float(fade[k]), lw=1.1 + (k == 0))
        for k, values in enumerate(found.log10_sigma.T)
    ]
    names = [r"$\sigma_1$", f"$\\sigma_2$ … $\\sigma_{{{count}}}$"][: min(count, 2)]
    handles = drawn[: len(names)]
    limits = axes.get_ylim()
    if lyapunov is not None:
        handles, names = [*handles, _slopes(axes, found, lyapunov)], [*names, "Lyapunov exponents"]
        axes.set_ylim(limits)
    axes.axhline(0.0, color=FAINT, lw=0.8, zorder=0)
    _lag_axis(axes, found)
    axes.set_ylabel(f"{LOG} $\\sigma$")
    if handles:
        legend(axes, handles, names)
    return axes


def lyapunov(
    found: Lyapunov, *, lag: float | None = None, ax: Any = None, width: float | None = None
) -> Axes:
    """Draw the Lyapunov exponents of a layer, largest first, with their standard deviations.

    Args:
        found: Of a layer.
        lag: Steps that the data asks for: a line at -1/lag, below which a change fades to 1/e
            before the lag; default none.
        ax: Where; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        The Axes; exponents are natural logarithms per step. Lost directions (-inf) are triangles
        at the foot.

    Raises:
        ValueError: The lag is not above 0.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect.dynamics.spectrum import Lyapunov
    >>> ax = lyapunov(Lyapunov(np.array([-0.1, -0.5]), np.zeros(2)), ax=Figure().subplots())
    >>> ax.lines[0].get_ydata()
    array([-0.1, -0.5])
    """
    if lag is not None and not lag > 0:
        raise ValueError(f"expected a lag in steps > 0, got {lag}")
    axes = one(ax, width=width)
    index = np.arange(1, len(found.exponents) + 1)
    colour = COLOURS["forget"]
    drawn = log_line(axes, index, found.exponents, color=colour)
    drawn.set(marker="o", markersize=3, markevery=None)
    sure = np.isfinite(found.exponents) & np.isfinite(found.std)
    axes.errorbar(
        index[sure], found.exponents[sure], found.std[sure], fmt="none", ecolor=colour, capsize=2
    )
    axes.axhline(0.0, color=FAINT, lw=0.8, zorder=0)
    if lag is not None:
        limit = axes.axhline(-1.0 / lag, color=ALARM, lw=1.2, ls="--", zorder=0)
        legend(axes, [limit], [f"fades to 1/e in {lag:g} steps"])
    axes.set_xlim(0.5, max(len(index), 1) + 0.5)
    integers(axes.xaxis)
    axes.set_xlabel("direction")
    axes.set_ylabel(r"$\lambda$ per step")
    return axes


def _slopes(ax: Axes, found: Fan, lyapunov: Lyapunov) -> Any:
    ends = np.array([0, found.lags.max(initial=1)])
    finite = lyapunov.exponents[np.isfinite(lyapunov.exponents)]
    drawn = [
        line(ax, ends, ends * exponent / log(10.0), color=ALARM, lw=0.8, ls="--", zorder=1)
        for exponent in finite[: found.log10_sigma.shape[1]]
    ]
    return drawn[0] if drawn else ax.plot([], [], color=ALARM, ls="--")[0]


def _lag_axis(ax: Axes, found: Fan) -> None:
    ax.set_xlim(0, max(int(found.lags.max(initial=1)), 1) * 1.02)
    integers(ax.xaxis)
    ax.set_xlabel("lag, steps")
