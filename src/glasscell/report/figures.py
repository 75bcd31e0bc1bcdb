"""Static pictures for papers and for a README: the gate wall and the gradient river.

Both return a matplotlib `Figure` that belongs to the caller and to no global state; save it with
`figure.savefig("gates.png", dpi=200)` or `figure.savefig("gates.svg")`.
"""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from glasscell.arrays import Array
from glasscell.inspect.memory.timescales import half_life
from glasscell.inspect.units.order import slow_first
from glasscell.inspect.verdict.sentences import KINDS
from glasscell.report import run_river, run_wall
from glasscell.report.draw import axes, palette
from glasscell.report.draw.markup import LETTERS, fixed
from glasscell.report.order import half_life_text
from glasscell.report.run_data import GATE_FIELDS, GateWindow, River, RiverLine
from glasscell.report.run_words import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from glasscell.traces.layer import LayerTrace


_INK: Final = "#1d2129"
_SOFT: Final = "#565d69"
_RULE: Final = "#d8d4ca"
_BAD: Final = "#a8430a"
_COLOURS: Final = palette.QUANTITIES
_RIVER: Final = {"hidden": "#1f7fae", "cell": "#8a6a00", "cell_path": "#0b62a8"}
_STYLE: Final = {"hidden": "-", "cell": "--", "cell_path": ":"}
_FONT: Final = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.unicode_minus": True,
}


def gate_wall(
    window: GateWindow | LayerTrace, *, title: str = "", width: float = 9.0, lang: str = "en"
) -> Figure:
    """Draw the gates of one LSTM layer over one window: six heat-maps under the input series.

    Args:
        window: A `GateWindow`, or the bare `LayerTrace` of one sequence, arrays (T, H).
        title: Printed above; default none.
        width: Width in inches; the height follows.
        lang: Language of the labels, "en" or "zh" (which needs a font with Chinese glyphs).

    Returns:
        A new figure; units are rows, longest memory on top, as in the report.

    Raises:
        ShapeError: The trace is not of one sequence of an LSTM.
    """
    view = window if isinstance(window, GateWindow) else GateWindow(trace=window, name="")
    with _styled():
        return _wall(view, title, width, lang)


def gradient_river(data: River, *, title: str = "", width: float = 9.0, lang: str = "en") -> Figure:
    """Draw log10 of the gradient norms along time, one panel per network, on one scale.

    Args:
        data: The lines; the loss is at the right edge of each panel.
        title: Printed above; default none.
        width: Width in inches.
        lang: Language of the labels, "en" or "zh" (which needs a font with Chinese glyphs).

    Returns:
        A new figure.

    Raises:
        ValueError: There is no line to draw.
    """
    if not data.lines:
        raise ValueError("river: expected at least one line, got none")
    with _styled():
        return _panels(data, title, width, lang)


def _wall(view: GateWindow, title: str, width: float, lang: str) -> Figure:
    T, H = view.shape
    order = slow_first(view.quantity("forget"))
    heights = [1.1 if k == 0 else 0.55 for k in range(len(view.inputs))] + [1.0] * len(GATE_FIELDS)
    figure, rows, bars = _rows(heights, len(GATE_FIELDS), width, 0.92 if title else 0.62)
    for row, (name, values) in zip(rows, view.inputs.items(), strict=False):
        _series(row, name, np.asarray(values, float))
    for row, bar, name in zip(rows[len(view.inputs) :], bars, GATE_FIELDS, strict=True):
        _heat_map(row, bar, name, view.quantity(name)[:, order], lang)
    for row in rows:
        row.set_xlim(-0.5, T - 0.5)
        row.tick_params(bottom=False, labelbottom=False)
        for step, _ in view.events:
            row.axvline(step, color=_INK, lw=0.9, ls=(0, (3, 2)))
    _time_axis(rows[-1], view, T)
    _memory_note(rows[len(view.inputs)], view, order, H)
    _title(figure, title)
    return figure


def _panels(data: River, title: str, width: float, lang: str) -> Figure:
    low, high = run_river.limits(data)
    figure = _figure(width, 3.5 if title else 3.1, gap=0.04)
    panels = figure.subplots(1, len(data.lines), sharey=True, squeeze=False)[0]
    for panel, line in zip(panels, data.lines, strict=True):
        _panel(panel, line, low, high, lang)
    panels[0].set_ylabel("log₁₀ |dL/d·|", color=_SOFT)
    panels[-1].legend(loc="lower left", frameon=False, fontsize=8, labelcolor=_SOFT)
    _title(figure, title)
    return figure


def _styled() -> Any:
    import matplotlib as mpl

    return mpl.rc_context(_FONT)


def _figure(width: float, height: float, gap: float) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(h_pad=0.02, hspace=gap, w_pad=0.02, wspace=gap)
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def _rows(
    heights: list[float], maps: int, width: float, extra: float
) -> tuple[Figure, list[Axes], list[Axes]]:
    """Give a figure, its rows, and a narrow colour bar right of each of the last `maps` rows."""
    figure = _figure(width, sum(heights) * 0.74 + extra, gap=0.0)
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights, width_ratios=[90, 1])
    rows = [figure.add_subplot(grid[k, 0]) for k in range(len(heights))]
    bars = [figure.add_subplot(grid[k, 1]) for k in range(len(heights) - maps, len(heights))]
    return figure, rows, bars


def _title(figure: Figure, title: str) -> None:
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=_INK, weight="bold")


def _series(row: Axes, name: str, values: Array) -> None:
    row.plot(values, color=_INK, lw=1.2)
    low, high = axes.padded_range([values], 0.1)
    row.set_ylim(low, high)
    row.set_yticks(axes.number_ticks(low, high, 2))
    row.yaxis.tick_right()
    row.tick_params(axis="y", length=0, labelsize=7.5, labelcolor=_SOFT)
    _label(row, name, _INK)
    _frame(row)


def _heat_map(row: Axes, bar: Axes, name: str, values: Array, lang: str) -> None:
    from matplotlib.colors import ListedColormap

    kind = "sequential" if name in run_wall.SEQUENTIAL else "diverging"
    low, high = run_wall.colour_range(name, values)
    colours = ListedColormap(palette.lookup(kind) / 255.0).with_extremes(bad="#d9d6ce")
    image = row.imshow(
        values.T, aspect="auto", interpolation="nearest", cmap=colours, vmin=low, vmax=high
    )
    row.set_yticks([])
    _colour_bar(image, bar, less="≤" if name == "cell" else "", more="≥" if name == "cell" else "")
    _label(row, f"{say(lang, name)}  {LETTERS[name]}", _COLOURS[name])
    _frame(row)


def _colour_bar(image: AxesImage, place: Axes, less: str, more: str) -> None:
    low, high = image.get_clim()
    bar = place.figure.colorbar(image, cax=place)
    bar.outline.set_visible(False)
    bar.set_ticks([low, high], labels=[less + _bound(low), more + _bound(high)])
    place.tick_params(length=0, labelsize=7.5, labelcolor=_SOFT)
    lowest, highest = place.get_yticklabels()
    lowest.set_verticalalignment("bottom")
    highest.set_verticalalignment("top")


def _bound(value: float) -> str:
    return fixed(value, 0 if value == int(value) else 1)


def _label(row: Axes, text: str, colour: str) -> None:
    label = row.set_ylabel(
        fill(text, 20), rotation=0, ha="right", va="center", labelpad=8, color=colour
    )
    label.set_fontweight("bold")


def _frame(row: Axes) -> None:
    for spine in row.spines.values():
        spine.set_color(_RULE)
        spine.set_linewidth(0.8)


def _time_axis(row: Axes, view: GateWindow, T: int) -> None:
    ticks = axes.time_ticks(view.times, T, 8)
    row.tick_params(bottom=True, labelbottom=True, length=2.5, color=_SOFT, labelcolor=_SOFT)
    row.set_xticks([tick.at * T - 0.5 for tick in ticks], labels=[tick.text for tick in ticks])


def _memory_note(row: Axes, view: GateWindow, order: NDArray[np.int64], H: int) -> None:
    if H < 2:
        return
    halves = half_life(view.quantity("forget"))[order]
    for y, va, value in ((0.97, "top", halves[0]), (0.03, "bottom", halves[-1])):
        text = f"half-life {half_life_text(float(value), 'en')}"
        box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.2}
        row.text(0.005, y, text, transform=row.transAxes, va=va, fontsize=6.5, bbox=box)


def _panel(panel: Axes, line: RiverLine, low: float, high: float, lang: str) -> None:
    steps = len(line.hidden)
    lag = np.arange(steps)[::-1]
    for part, values in run_river.parts(line):
        logs = run_river.on_scale(run_river.decades(values))
        if part == "hidden":
            panel.fill_between(lag, low, logs, color=_RIVER[part], alpha=0.18, lw=0)
        name = say(lang, f"river.{part}")
        panel.plot(lag, logs, color=_RIVER[part], ls=_STYLE[part], lw=1.7, label=name)
    for key, level in run_river.floors(line, low, high):
        text = say(lang, key).replace("2^−24", "2⁻²⁴").replace("10^−38", "10⁻³⁸")
        panel.axhline(level, color=_BAD, lw=0.9, ls=(0, (5, 3)))
        panel.text(
            0.02, level, text, color=_BAD, fontsize=7, va="bottom",
            transform=panel.get_yaxis_transform(),
        )  # fmt: skip
    panel.set_xlim(max(steps - 1, 1), 0)
    panel.set_ylim(low, high)
    kind = KINDS[line.judged.judge().kind][lang == "zh"]
    panel.set_title(f"{line.name}: {kind}", loc="left", fontsize=10, color=_INK)
    panel.set_xlabel(say(lang, "lag"), color=_SOFT)
    panel.grid(axis="y", color=_RULE, lw=0.6)
    panel.tick_params(length=2.5, color=_SOFT, labelcolor=_SOFT)
    _frame(panel)
