"""A trace shown as the inspect page: as HTML, and inline where a notebook displays it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.inspect.subjects.subject import Recording
from glasscell.report.draw.markup import escape
from glasscell.report.page.collect import PageOptions, explore
from glasscell.report.page.render import render
from glasscell.traces.layer import LayerTrace

__all__ = ["as_read", "inline", "page"]

HEIGHT = 760
"""Pixels of the frame in a notebook: masthead, cursor, verdict and the first maps."""

TITLE = ("Inside the network", "网络内部")

INLINE_VALUES = 2_000_000
"""More values than this are not put into a notebook on their own: the page would weigh 4 MB."""


def page(
    trace: Mapping[str, LayerTrace],
    x: Any = None,
    layers: Sequence[str] | None = None,
    title: str = "",
    lang: str = "en",
    shown: Sequence[int] | None = None,
) -> str:
    """Give the inspect page of a trace; arguments as for `Trace.to_html`."""
    traces = {name: trace[name] for name in (trace if layers is None else layers)}
    read = None if x is None else as_read(x, next(iter(traces.values())))
    options = PageOptions(title=title or TITLE, shown=shown, ways=False)
    return render(explore(Recording(traces=traces), read, options), lang)


def as_read(x: Any, layer: LayerTrace) -> Array:
    """Give a model's input as (B, T, I).

    Args:
        x: (T, B, I) or (B, T, I), (T, I) where the layer had no batch; array or tensor.
        layer: Of that run; where T = B its layout decides.

    Raises:
        ShapeError: It is none of these.

    >>> layer = LayerTrace(*[None] * 5, hidden=np.zeros((5, 2, 3)), mode="RNN_TANH")
    >>> as_read(np.zeros((5, 2, 4)), layer).shape
    (2, 5, 4)
    """
    steps, batch = layer.alive().shape
    if hasattr(x, "batch_sizes"):
        raise ShapeError(
            "expected x padded, (T, B, I) or (B, T, I), got a PackedSequence; give "
            "torch.nn.utils.rnn.pad_packed_sequence(x)[0]"
        )
    if isinstance(x, str | PathLike):
        raise ShapeError(
            f"expected x as the model read it, got the name {str(x)!r}; to_html gives the page as "
            f"text: pathlib.Path({str(x)!r}).write_text(trace.to_html(), encoding='utf-8')"
        )
    array = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
    if array.ndim == 2 and batch == 1:
        array = array[None]
    turned = array.swapaxes(0, 1) if array.ndim == 3 else array
    first, other = (turned, array) if layer.layout == "TBH" else (array, turned)
    for way in (first, other):
        if way.ndim == 3 and way.shape[:2] == (batch, steps):
            return way
    raise ShapeError(
        f"expected x as the model read it, (T, B, I) = ({steps}, {batch}, I) or (B, T, I), got "
        f"{array.shape}; leave it out where the model read anything else"
    )


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
