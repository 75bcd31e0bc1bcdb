"""Training film: what memory, gates and gradients did while the network learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.errors import DataError
from glasscell.report.draw.canvas import AxesArray, grid, legend
from glasscell.report.draw.colours import ALARM, COLOURS, FAINT
from glasscell.report.draw.curves import LOG, line, log_line, logs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.film.reel import LayerReel, Reel

__all__ = ["film"]

PARTS: Final = ("loss", "half_life", "gates", "rate")
NEVER: Final = 20
"""log2 of the steps beyond which a half-life is drawn as this: a million steps is for ever."""


def film(
    reel: Reel,
    layer: str | None = None,
    parts: Sequence[str] | None = None,
    *,
    lag: float | None = None,
    ax: Any = None,
    width: float | None = None,
) -> AxesArray:
    """Draw a training film over the training steps.

    Args:
        reel: The film.
        layer: Whose; default the only one.
        parts: Of "loss", "half_life" (median of the units, middle 50 % and 90 %), "gates" (share
            of steps and units at which each is open > 0.9 and closed < 0.1) and "rate" (log10 of
            the gradient's change per step back); default all that the layer has.
        lag: Steps that the data asks for: a line among the half-lives; default none.
        ax: One Axes per part; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (parts,) array of Axes.

    Raises:
        DataError: The film has no frame, or several layers and none was named.
        KeyError: There is no such layer.
        ValueError: There is no such part, or the layer has neither half-lives nor gates, as an RNN.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect.film.reel import LayerReel, Reel
    >>> layer = LayerReel(half_life=None, closed=None, open=None, extreme=np.zeros((2, 1)),
    ...     lags=np.arange(1), profile=np.ones((2, 1)), rate=np.array([0.1, 1.0]),
    ...     reach=np.ones(2), kind=np.array(["", ""]))
    >>> reel = Reel(np.array([1, 51]), np.array([2.0, 1.0]), {"l0": layer})
    >>> axes = film(reel, ax=Figure().subplots(2))
    >>> axes[1].lines[0].get_ydata()
    array([-1.,  0.])
    """
    one = reel.layers[_name(reel, layer)]
    has = PARTS if one.half_life is not None else ("loss", "rate")
    names = has if parts is None else tuple(parts)
    _check(names, has)
    height = 1.55 * len(names) + 0.4
    axes = grid(ax, (len(names), 1), ", ".join(names), width=width, height=height, sharex=True)[
        :, 0
    ]
    draw: dict[str, Callable[[Axes], None]] = {
        "loss": lambda each: _loss(each, reel),
        "half_life": lambda each: _half_life(each, reel, one, lag),
        "gates": lambda each: _gates(each, reel, one),
        "rate": lambda each: _rate(each, reel, one),
    }
    for each, name in zip(axes, names, strict=True):
        draw[name](each)
        each.tick_params(labelbottom=each is axes[-1])
    axes[-1].set_xlabel("training step")
    return axes


def _name(reel: Reel, layer: str | None) -> str:
    known = ", ".join(reel.layers) or "none"
    if not len(reel.steps):
        raise DataError("expected a film of at least one frame, got none; call film.step first")
    if layer is None and len(reel.layers) != 1:
        raise DataError(f"expected layer= as one of the film's layers ({known}), got None")
    if layer is not None and layer not in reel.layers:
        raise KeyError(f"no layer {layer!r} in the film; known: {known}")
    return next(iter(reel.layers)) if layer is None else layer


def _check(names: Sequence[str], has: Sequence[str]) -> None:
    for name in names:
        if name not in PARTS:
            raise ValueError(f"expected parts of {', '.join(PARTS)}, got {name!r}")
        if name not in has:
            raise ValueError(
                f"expected a film of a layer with gates to draw its {name}, got one of a layer "
                f"without, as an RNN; draw parts={list(has)}"
            )


def _loss(ax: Axes, reel: Reel) -> None:
    log_line(ax, reel.steps, logs(reel.loss), color=COLOURS["hidden"])
    ax.set_ylabel(f"{LOG} loss")


def _half_life(ax: Axes, reel: Reel, one: LayerReel, lag: float | None) -> None:
    with np.errstate(divide="ignore"):
        found = np.log2(one.half_life_quantiles().astype(np.float64))
    low, lower, middle, upper, high = np.minimum(found, NEVER).T
    colour = COLOURS["cell"]
    bands = [
        ax.fill_between(reel.steps, lower, upper, color=colour, alpha=0.4, lw=0),
        ax.fill_between(reel.steps, low, high, color=colour, alpha=0.18, lw=0),
    ]
    handles = [line(ax, reel.steps, middle, color=colour, lw=2), *bands]
    names = ["median", "50 % of units", "90 %"]
    if lag is not None:
        handles.append(ax.axhline(np.log2(lag), color=ALARM, ls="--", lw=1.2))
        names.append(f"lag {lag:g}")
    ax.set_ylabel("half-life,\n$\\log_2$ steps")
    legend(ax, handles, names)


def _gates(ax: Axes, reel: Reel, one: LayerReel) -> None:
    handles = []
    for share, dash in ((one.open_share, "-"), (one.closed_share, ":")):
        assert share is not None
        for gate, values in zip(one.gate_names, share.T, strict=True):
            colour = COLOURS.get(gate, COLOURS["hidden"])
            handles.append(line(ax, reel.steps, values, color=colour, ls=dash))
    ax.set_ylim(-0.03, 1.03)
    ax.set_ylabel("share of\nsteps")
    legend(ax, handles, [f"{gate} {way}" for way in ("open", "closed") for gate in one.gate_names])


def _rate(ax: Axes, reel: Reel, one: LayerReel) -> None:
    log_line(ax, reel.steps, logs(one.rate), color=COLOURS["forget"])
    ax.axhline(0.0, color=FAINT, lw=0.8, zorder=0)
    ax.set_ylabel(f"gradient,\n{LOG} per step")
