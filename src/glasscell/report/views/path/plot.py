"""Path split: how much of dc_T / dc_t runs on the conveyor belt, and how much through the gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.report.draw.canvas import AxesArray, grid, legend
from glasscell.report.draw.colours import COLOURS
from glasscell.report.draw.curves import LOG, line, log_line, steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.inspect.dynamics.path import PathSplit

__all__ = ["path_split"]

PARTS: Final = ("share", "size")
SIZES: Final = (
    ("log10_belt", "conveyor belt", COLOURS["forget"], "-"),
    ("log10_gates", "through the gates", COLOURS["candidate"], "--"),
    ("log10_total", "both together", COLOURS["hidden"], ":"),
)


def path_split(
    found: PathSplit,
    parts: Sequence[str] = PARTS,
    *,
    ax: Any = None,
    width: float | None = None,
) -> AxesArray:
    """Draw the two ways of dc_T / dc_{T-lag} over the lag.

    Args:
        found: Of a layer.
        parts: Of "share" (of the belt in belt + gates) and "size" (log10 norms); default both.
        ax: One Axes per part; default a new pyplot figure.
        width: Inches of a new figure; default rcParams["figure.figsize"].

    Returns:
        (parts,) array of Axes.

    Raises:
        ValueError: There is no such part.
        ShapeError: `ax` is another number of Axes.

    >>> from matplotlib.figure import Figure
    >>> from glasscell.inspect.dynamics.path import PathSplit
    >>> found = PathSplit(np.arange(2), *np.log10([[1, 0.5], [1, 0.5], [1, 1]]),
    ...                   share=np.array([1.0, 0.5]))
    >>> axes = path_split(found, ["share"], ax=Figure().subplots())
    >>> axes[0].lines[0].get_ydata()
    array([1. , 0.5])
    """
    if not parts or set(parts) - set(PARTS):
        raise ValueError(f"expected parts of {', '.join(PARTS)}, got {list(parts)}")
    height = 1.9 * len(parts) + 0.4
    axes = grid(ax, (len(parts), 1), ", ".join(parts), width=width, height=height, sharex=True)[
        :, 0
    ]
    for each, part in zip(axes, parts, strict=True):
        (_share if part == "share" else _size)(each, found)
        steps(each, len(found.lags), "")
        each.tick_params(labelbottom=each is axes[-1])
    axes[-1].set_xlabel("lag, steps back")
    return axes


def _share(ax: Axes, found: PathSplit) -> None:
    share = np.asarray(found.share, dtype=np.float64)
    belt, gates = COLOURS["forget"], COLOURS["candidate"]
    filled = [
        ax.fill_between(found.lags, 0.0, share, color=belt, alpha=0.55, lw=0),
        ax.fill_between(found.lags, share, 1.0, color=gates, alpha=0.25, lw=0, hatch="////"),
    ]
    line(ax, found.lags, share, color=belt)
    ax.set_ylim(0.0, 1.0)
    ax.set_ylabel("share")
    legend(ax, filled, ["conveyor belt", "through the gates"])


def _size(ax: Axes, found: PathSplit) -> None:
    drawn = [
        log_line(ax, found.lags, getattr(found, name), color=colour, ls=dash)
        for name, _, colour, dash in SIZES
    ]
    ax.set_ylabel(f"{LOG} norm")
    legend(ax, drawn, [text for _, text, _, _ in SIZES])
