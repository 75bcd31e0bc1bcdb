"""A stretch of a forecast beside what then happened, as the page gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.report.draw.axes import step_labels
from glasscell.report.draw.markup import column_decimals, grouped
from glasscell.report.page.measured import Measured
from glasscell.report.views.results.data import Text, both

__all__ = ["Band", "Stretch"]

ARRAYS: Final = {
    "forecast/k": "(n,) scaled: the truth for k = 0, then each method's forecast",
    "forecast/low": "(n,) scaled: lower end of the first method's interval",
    "forecast/high": "(n,) scaled: its upper end",
}
MEASURES: Final = {
    "stretch": "{labels: [n], methods, errors, scale: [center, scale] as text, unit, caption, "
    "band: [level, share inside] as text, or null}"
}


@dataclass(frozen=True, eq=False)
class Band:
    """The interval around the first forecast; NaN where there is none.

    Args:
        level: Percent, as text.
        low: (n,) lower end, in the stretch's unit.
        high: (n,) upper end.
        inside: Percent of the true values that it holds, as text; "" where none is known.
    """

    level: str
    low: Array
    high: Array
    inside: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Stretch:
    """A forecast beside what then happened; NaN leaves a gap in the line.

    Args:
        times: (n,) labels of the time axis: strings, numbers or `datetime64`.
        truth: (n,) what happened, in `unit`.
        forecasts: Name of the method to its (n,) values, in `unit`; the first is drawn strongest.
        unit: Unit of the values, e.g. "mg/dL".
        caption: What is forecast, how far ahead, on which stretch of data.
        band: The interval around the first forecast; None: there is none.

    Raises:
        ShapeError: A series has another length than `truth`.
    """

    times: Sequence[str] | Array
    truth: Array
    forecasts: Mapping[str, Array]
    unit: str = ""
    caption: Text = ""
    band: Band | None = None

    def __post_init__(self) -> None:
        given = {"times": self.times} | {f"forecast {k!r}": v for k, v in self.forecasts.items()}
        if self.band is not None:
            given |= {"band, low": self.band.low, "band, high": self.band.high}
        for name, values in given.items():
            if np.shape(values) != np.shape(self.truth):
                raise ShapeError(
                    f"Stretch, {name}: expected shape (n,) = {np.shape(self.truth)}, got "
                    f"{np.shape(values)}"
                )

    def measured(self) -> Measured:
        """Give the page its lines; scaled, as 32 bits hold few digits beside a large mean."""
        lines = [self.truth, *self.forecasts.values()]
        known = self.truth[np.isfinite(self.truth)]
        center = float(known.mean()) if known.size else 0.0
        scale = float(known.std()) if known.size else 0.0
        scale = scale if np.isfinite(scale) and scale > 0 else 1.0
        arrays = {f"forecast/{k}": (line - center) / scale for k, line in enumerate(lines)}
        band = self.band
        if band is not None:
            arrays["forecast/low"] = (band.low - center) / scale
            arrays["forecast/high"] = (band.high - center) / scale
        return Measured(
            arrays=arrays,
            numbers={
                "stretch": {
                    "labels": step_labels(self.times, len(self.truth)),
                    "methods": list(self.forecasts),
                    "errors": [self._error(line) for line in lines[1:]],
                    "scale": [repr(center), repr(scale)],
                    "unit": self.unit,
                    "caption": both(self.caption),
                    "band": None if band is None else [band.level, band.inside],
                }
            },
        )

    def _error(self, forecast: Array) -> str:
        """Mean absolute error on the stretch, as text; "" where nothing can be compared."""
        apart = np.abs(forecast - self.truth)
        if not np.isfinite(apart).any():
            return ""
        error = float(np.nanmean(apart))
        return f"{grouped(error, column_decimals([error], 3))} {self.unit}".rstrip()
