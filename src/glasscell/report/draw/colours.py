"""Colours of the static pictures: those of the page, told apart in grey and by the colour-blind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from glasscell.report.draw import palette

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = ["ALARM", "COLOURS", "FAINT", "MISSING", "SIGNS", "colour_map"]

COLOURS: Final = palette.QUANTITIES
ALARM: Final = "#a8430a"
"""Limits that one looks for: the lag that the data asks for, the floors of float32."""
FAINT: Final = "#9aa0aa"
MISSING: Final = "#d9d6ce"
SIGNS: Final = {"positive": "#b9520a", "negative": "#1b5c9e"}


def colour_map(name: str) -> Colormap:
    """Give a colour map of the reports.

    Args:
        name: "sequential" or "diverging".

    >>> colour_map("sequential").N
    255
    """
    from matplotlib.colors import ListedColormap

    rgb: Any = palette.lookup(name) / 255.0
    return ListedColormap(rgb, name=f"glasscell {name}").with_extremes(bad=MISSING)
