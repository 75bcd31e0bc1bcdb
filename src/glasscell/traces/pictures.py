"""The one door from results to their pictures and pages, which stand on a floor above them.

Everything else imports downwards only; `.plot()` and `.to_html()` of results go through here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes

__all__ = ["inline", "page", "panels", "plot"]


def plot(picture: str, result: Any, *more: Any, **options: Any) -> Axes:
    """Draw a result on one Axes; needs matplotlib.

    Args:
        picture: The name of a function of `glasscell.report.plots`.
        result: What it draws.
        *more: Its other positional arguments.
        **options: Its keyword arguments.
    """
    draw = getattr(import_module("glasscell.report.plots"), picture)
    axes: Axes = draw(result, *more, **options)
    return axes


def panels(picture: str, result: Any, *more: Any, **options: Any) -> npt.NDArray[np.object_]:
    """Draw a result on several Axes, and give them as an array; arguments as for `plot`."""
    draw = getattr(import_module("glasscell.report.plots"), picture)
    axes: npt.NDArray[np.object_] = draw(result, *more, **options)
    return axes


def page(trace: Any, *more: Any) -> str:
    """Give the inspect page of a trace, see `Trace.to_html`."""
    return str(import_module("glasscell.report.page.notebook").page(trace, *more))


def inline(trace: Any) -> str | None:
    """Give the page of a trace in a frame for a notebook; None where it would be too large."""
    html: str | None = import_module("glasscell.report.page.notebook").inline(trace)
    return html
