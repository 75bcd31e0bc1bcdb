"""Line charts of a study as the page gets them: lines by name, gaps where nothing can be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np

from glasscell.errors import ShapeError
from glasscell.report.page.exploration import Pair
from glasscell.report.views.results.data import Text, both

__all__ = ["COLOURS", "DASHES", "Chart", "Line", "curves"]

MEASURES: Final = {
    "curves": "[{title, x, y, log_x, log_y, names: [[en, zh]], lines: [{name: its index, x: [n], "
    "y: [n], low?, high?}], levels: [[value, [en, zh]]]}], null: a gap"
}
COLOURS: Final = ("forget", "candidate", "input", "output", "cell", "hidden")
"""Of the names of a chart, in order, again and again."""
DASHES: Final[tuple[tuple[float, ...], ...]] = ((), (7, 4), (2, 4))
"""Of the first six names, the second six, the third, in pixels; none: solid."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """One line of a chart; lines of one name are several trials of one thing.

    Args:
        name: What it shows; the user's own text, or English and Chinese.
        x: (n,).
        y: (n,); NaN: a gap.
        low: (n,) lower edge of a band around the line; default none.
        high: (n,) upper edge of it.

    Raises:
        ShapeError: `y` is not as long as `x`, or only one edge is given, or of another length.

    >>> Line(name="LSTM", x=[1, 2], y=[0.5])
    Traceback (most recent call last):
    glasscell.errors.ShapeError: line 'LSTM': expected y (n,) = (2,), as x, got (1,)
    """

    name: Text
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()

    def __post_init__(self) -> None:
        parts = ("y", "low", "high") if self.banded else ("y",)
        expected = (len(self.x),)
        for part in ("x", *parts):
            if (shape := np.shape(getattr(self, part))) != expected:
                raise ShapeError(
                    f"line {both(self.name)[0]!r}: expected {part} (n,) = {expected}, as x, "
                    f"got {shape}"
                )

    @property
    def banded(self) -> bool:
        """Whether a band lies around it."""
        return len(self.low) > 0 or len(self.high) > 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """Lines over one x axis.

    Args:
        title: One sentence above the chart, in English and Chinese.
        x: Name of the axis.
        y: Name of the axis.
        lines: In the order of the legend, in which every name stands once.
        log_x: Whether x is logarithmic; points with x <= 0 are left out then.
        log_y: Whether y is logarithmic; values <= 0 are gaps then.
        levels: Dotted horizontal lines, e.g. chance: value and name.

    >>> line = Line(name="LSTM", x=[0, 10, 20], y=[1.0, 0.0, 0.25])
    >>> chart = Chart(title=("t", "题"), x=("x", "x"), y=("y", "y"), lines=[line], log_y=True)
    >>> chart.record()["lines"]
    [{'name': 0, 'x': [0, 10, 20], 'y': [1, None, 0.25]}]
    """

    title: Pair
    x: Pair
    y: Pair
    lines: Sequence[Line]
    log_x: bool = False
    log_y: bool = False
    levels: Sequence[tuple[float, Text]] = ()

    def record(self) -> dict[str, Any]:
        """Give the chart for the page: what cannot be drawn is None, numbers have six digits."""
        names = list(dict.fromkeys(both(line.name) for line in self.lines))
        return {
            "title": self.title,
            "x": self.x,
            "y": self.y,
            "log_x": self.log_x,
            "log_y": self.log_y,
            "names": names,
            "lines": [
                {"name": names.index(both(line.name)), **self._points(line)} for line in self.lines
            ],
            "levels": [
                (value, both(name))
                for level, name in self.levels
                if (value := _number(level, self.log_y)) is not None
            ],
        }

    def _points(self, line: Line) -> dict[str, list[float | None]]:
        x = [_number(value, self.log_x) for value in line.x]
        parts = ("y", "low", "high") if line.banded else ("y",)
        values = {part: [_number(v, self.log_y) for v in getattr(line, part)] for part in parts}
        return {
            part: [v for v, place in zip(column, x, strict=True) if place is not None]
            for part, column in {"x": x, **values}.items()
        }


def curves(charts: Sequence[Chart]) -> list[dict[str, Any]]:
    """Give `measures.curves` of a page."""
    return [chart.record() for chart in charts]


def _number(value: float, log: bool) -> float | None:
    """Give a number as short as a chart needs it; None where its axis has no place for it."""
    value = float(value)
    if not isfinite(value) or (log and value <= 0):
        return None
    return int(value) if value.is_integer() else float(f"{value:.6g}")
