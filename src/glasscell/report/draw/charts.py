"""Line charts as HTML and SVG: the lines stretch with the page, the text never does.

A chart is one row of three columns: label, plot, gutter. The plot holds an SVG whose user units are
0 … 1000 by 0 … 100, stretched to the space there is (`preserveAspectRatio="none"`, strokes do not
scale); ticks are HTML placed by percentages. So one chart is sharp and readable at any width,
and every row of the page shares one time axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw.axes import Tick, number_ticks
from glasscell.report.draw.markup import fixed, short

WIDTH: Final = 1000.0
HEIGHT: Final = 100.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """One line of a chart: (T,) values, a CSS class that gives its colour, an optional fill."""

    values: Array
    css: str
    fill: bool = False


def path(values: Array, low: float, high: float, at: Array | None = None) -> str:
    """Return SVG path data of a line through (T,) values; NaN breaks it, a lone value is a dot.

    Values stand side by side, or `at` (T,) fractions of the width.

    Examples:
        >>> path(np.array([0.0, 1.0, np.nan, 0.5]), 0.0, 1.0)
        'M125 100L375 0M875 50h0'
        >>> path(np.array([0.0, 1.0]), 0.0, 1.0, np.array([0.0, 0.1]))
        'M0 100L100 0'
    """
    pieces = []
    for start, stop in _runs(np.isfinite(values)):
        points = [
            f"{_number(x)} {_number(y)}"
            for x, y in zip(
                _across(len(values), at)[start:stop],
                _down(values[start:stop], low, high),
                strict=True,
            )
        ]
        pieces.append("M" + "L".join(points) + ("h0" if len(points) == 1 else ""))
    return "".join(pieces)


def stroke(
    values: Array, css: str, low: float, high: float, attributes: str = "", at: Array | None = None
) -> str:
    """Return a line as SVG, with a larger dot for each value that stands alone between gaps."""
    dots = "".join(
        f"M{_number(_across(len(values), at)[start])} {_number(y)}h0"
        for start, stop in _runs(np.isfinite(values))
        if stop == start + 1
        for y in _down(values[start:stop], low, high)
    )
    drawn = f'<path class="dots {css}" d="{dots}"/>' if dots else ""
    return f'{drawn}<path class="line {css}"{attributes} d="{path(values, low, high, at)}"/>'


def area(values: Array, low: float, high: float) -> str:
    """Return SVG path data of the area between (T,) values and the foot of the chart."""
    pieces = []
    across = _across(len(values))
    for start, stop in _runs(np.isfinite(values)):
        ys = _down(values[start:stop], low, high)
        xs = across[start:stop]
        points = "L".join(f"{_number(x)} {_number(y)}" for x, y in zip(xs, ys, strict=True))
        pieces.append(f"M{_number(xs[0])} 100L{points}L{_number(xs[-1])} 100Z")
    return "".join(pieces)


def band(lower: Array, upper: Array, low: float, high: float, at: Array | None = None) -> str:
    """Return SVG path data of the area between two (T,) series, where both are finite."""
    pieces = []
    across = _across(len(lower), at)
    for start, stop in _runs(np.isfinite(lower) & np.isfinite(upper)):
        xs = np.concatenate([across[start:stop], across[start:stop][::-1]])
        values = np.concatenate([upper[start:stop], lower[start:stop][::-1]])
        ys = _down(values, low, high)
        points = "L".join(f"{_number(x)} {_number(y)}" for x, y in zip(xs, ys, strict=True))
        pieces.append(f"M{points}Z")
    return "".join(pieces)


def svg(
    lines: Iterable[Line],
    low: float,
    high: float,
    *,
    ticks: Sequence[float] = (),
    extra: str = "",
) -> str:
    """Return the stretched SVG of a chart: grid lines at `ticks`, then `extra`, then the lines."""
    rules = "".join(
        f'<path class="rule" d="M0 {_number(y)}H1000"/>'
        for y in _down(np.asarray(ticks, float), low, high)
    )
    drawn = []
    for line in lines:
        values = np.asarray(line.values, float)
        if line.fill:
            drawn.append(f'<path class="area {line.css}" d="{area(values, low, high)}"/>')
        drawn.append(stroke(values, line.css, low, high))
    return (
        f'<svg class="lines" data-low="{low:.6g}" data-high="{high:.6g}" viewBox="0 0 1000 100" '
        f'preserveAspectRatio="none" aria-hidden="true">{rules}{extra}{"".join(drawn)}</svg>'
    )


def y_gutter(
    ticks: Sequence[float], low: float, high: float, unit: str = "", texts: Sequence[str] = ()
) -> str:
    """Return the tick labels at the right of a chart, or `texts`; `unit` is already escaped."""
    digits = _decimals(ticks)
    texts = texts or [fixed(value, digits) for value in ticks]
    labels = "".join(
        f'<span style="top:{_number(y)}%">{text}</span>'
        for text, y in zip(texts, _down(np.asarray(ticks, float), low, high), strict=True)
    )
    name = f'<b class="unit">{unit}</b>' if unit else ""
    return f'<div class="gut">{labels}{name}</div>'


def x_axis(ticks: Sequence[Tick], name: str = "") -> str:
    """Return the row of tick labels below charts; every second one goes on narrow screens."""
    spans = "".join(
        f'<span class="{_edge(tick.at)}{" odd" if k % 2 else ""}" style="left:{tick.at:.2%}">'
        f"{short(tick.text, 18)}</span>"
        for k, tick in enumerate(ticks)
    )
    title = f'<b class="axis-name">{name}</b>' if name else ""
    return (
        f'<div class="row axis"><div class="lab"></div><div class="ticks">{spans}</div>'
        f'<div class="gut"></div>{title}</div>'
    )


def row(label: str, plot: str, gutter: str, *, group: str, height: int, css: str = "") -> str:
    """Return one row: label, plot with its cursor, gutter.

    Args:
        label: HTML of the label column.
        plot: HTML inside the plot.
        gutter: HTML of the right column, from `y_gutter` or a colour bar.
        group: Plots of one group share their cursor.
        height: Height of the plot in CSS pixels.
        css: More classes for the row.
    """
    return (
        f'<div class="row {css}"><div class="lab">{label}</div>'
        f'<div class="plot" data-group="{group}" style="height:{height}px">{plot}'
        f'<i class="cursor"></i></div>{gutter}</div>'
    )


def y_ticks(low: float, high: float, count: int = 3) -> list[float]:
    """Return round tick values that lie inside the chart, away from its very edges."""
    margin = (high - low) * 0.07
    return number_ticks(low + margin, high - margin, count)


def _across(steps: int, at: Array | None = None) -> Array:
    return ((np.arange(steps) + 0.5) / max(steps, 1) if at is None else at) * WIDTH


def _down(values: Array, low: float, high: float) -> Array:
    span = high - low or 1.0
    scaled: Array = np.clip((high - values) / span, -0.5, 1.5) * HEIGHT
    return scaled


def _runs(finite: Array) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _decimals(ticks: Sequence[float]) -> int:
    exact = (d for d in range(7) if np.allclose(np.round(ticks, d), ticks, rtol=1e-6, atol=1e-9))
    return next(exact, 6)


def _edge(at: float) -> str:
    return "start" if at < 0.04 else "end" if at > 0.96 else "mid"
