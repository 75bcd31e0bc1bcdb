"""A trace shown as the inspect page: as HTML, and inline where a notebook displays it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glasscell.errors import ShapeError
from glasscell.inspect.trace import LayerTrace
from glasscell.report.explore.collect import explore
from glasscell.report.explore.data import Array
from glasscell.report.explore.recording import Recording
from glasscell.report.explore.render import render
from glasscell.report.markup import escape

__all__ = ["inline", "page"]

HEIGHT = 760
"""Pixels of the frame in a notebook: masthead, cursor, verdict and the first maps."""

INLINE_VALUES = 2_000_000
"""More values than this are not put into a notebook on their own: the page would weigh 4 MB."""


def page(
    trace: Mapping[str, LayerTrace],
    x: Array | None = None,
    layers: Sequence[str] | None = None,
    title: str = "",
    lang: str = "en",
    shown: Sequence[int] | None = None,
) -> str:
    """Give the inspect page of a trace; arguments as for `Trace.to_html`."""
    traces = {name: trace[name] for name in (trace if layers is None else layers)}
    found = explore(
        Recording(traces=traces), x, title=title or "Inside the network", shown=shown, ways=False
    )
    return render(found, lang)


def inline(trace: Mapping[str, LayerTrace]) -> str | None:
    """Give a frame that shows the page of the first sequence within a notebook.

    Returns:
        HTML; None, so that the notebook falls back to text, if the layers are of different
        lengths or too much for a notebook.
    """
    values = sum(6 * one.hidden.size for one in trace.values())
    if values > INLINE_VALUES:
        return None
    try:
        text = page(trace, shown=[0])
    except ShapeError:
        return None
    return (
        f'<iframe srcdoc="{escape(text)}" sandbox="allow-scripts" loading="lazy" '
        f'style="width:100%;height:{HEIGHT}px;border:1px solid #8884;border-radius:8px"></iframe>'
    )
