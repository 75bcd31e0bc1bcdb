"""What a report shows, as plain frozen dataclasses: fill these, then call `render` or `write`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import ShapeError
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.report.cell import CellNumbers

if TYPE_CHECKING:
    from glasscell.traces.layer import LayerTrace

Labels = Sequence[str] | Array
"""One label per step: strings, numbers, or a `datetime64` array."""

GATE_FIELDS = ("forget", "input", "candidate", "output", "cell", "hidden")
"""The six quantities of one LSTM layer, in the order in which the page shows them."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of results; numbers are shown with the precision that tells them apart.

    Args:
        caption: One sentence above the table.
        columns: Column heads.
        rows: One sequence per row, as long as `columns`; text or numbers (NaN: no value).
        highlight: Indices of the rows to bring forward, e.g. the model that the report is about.
        note: One sentence below the table, e.g. how many seeds stand behind it.

    Raises:
        ShapeError: A row has another number of cells than there are columns.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]
    highlight: Sequence[int] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ShapeError(
                    f"table row {number}: expected {len(self.columns)} cells, one per column, "
                    f"got {len(row)}"
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class ForecastPlot:
    """A forecast beside what then happened; NaN leaves a gap in the line.

    Args:
        times: (n,) labels of the time axis.
        truth: (n,) what happened, in `unit`.
        forecasts: Name of the method to its (n,) values, in `unit`; the first is drawn strongest.
        unit: Unit of the values, e.g. "mg/dL".
        caption: What is forecast, how far ahead, on which stretch of data.

    Raises:
        ShapeError: A series has another length than `truth`.
    """

    times: Labels
    truth: Array
    forecasts: Mapping[str, Array]
    unit: str = ""
    caption: str = ""

    def __post_init__(self) -> None:
        series = {"times": np.asarray(self.times), "truth": np.asarray(self.truth)}
        series |= {f"forecast {name!r}": np.asarray(a) for name, a in self.forecasts.items()}
        _require_length("ForecastPlot", series, len(self.truth), "n")


@dataclass(frozen=True, kw_only=True, eq=False)
class GateWindow:
    """The gates of one LSTM layer over one window of one real sequence.

    Args:
        trace: Trace of one sequence: each array (T, H); `hidden` may be (T, P) with a projection.
        name: Name of the layer, e.g. "encoder.l0".
        times: (T,) labels of the time axis; empty means 0, 1, 2 ...
        inputs: Name of an input series to its (T,) values, drawn above the gates.
        events: (step, label) pairs to mark, e.g. meals; the step counts from 0.
        caption: What this window is.

    Raises:
        ShapeError: The arrays are not (T, H) with one T, an input has another length, or an event
            lies outside the window.
    """

    trace: LayerTrace
    name: str
    times: Labels = ()
    inputs: Mapping[str, Array] = field(default_factory=dict)
    events: Sequence[tuple[int, str]] = ()
    caption: str = ""

    def __post_init__(self) -> None:
        steps, _ = _require_trace(self.trace)
        series = {f"input {name!r}": np.asarray(a) for name, a in self.inputs.items()}
        if len(self.times):
            series["times"] = np.asarray(self.times)
        _require_length(f"GateWindow {self.name!r}", series, steps, "T")
        for step, label in self.events:
            if not 0 <= step < steps:
                raise ShapeError(
                    f"event {label!r}: expected a step in 0 … {steps - 1} (T = {steps}), got {step}"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """(T, H) of the window."""
        steps, units = np.shape(np.asarray(self.trace.cell))
        return int(steps), int(units)

    def quantity(self, name: str) -> Array:
        """Return one of `GATE_FIELDS` as (T, H) float64.

        With a projection, "hidden" is each unit's own o tanh(C), before the projection.
        """
        values = np.asarray(getattr(self.trace, name), np.float64)
        if values.shape == self.shape:
            return values
        projected: Array = self.quantity("output") * np.tanh(self.quantity("cell"))
        return projected


@dataclass(frozen=True, kw_only=True, eq=False)
class RiverLine:
    """Gradient norms of one layer along time: how much of the loss reaches each step.

    Args:
        name: Name of the network, e.g. "RNN" or "LSTM".
        hidden: (T,) norms |dL/dh_t|, natural scale (not logarithms).
        cell: (T,) norms |dL/dC_t|, or None for a plain RNN.
        cell_path: (T,) norms of what arrives along the belt alone (forget gates only), or None.
        flow: What the verdict is read off; default these norms, with the loss at the last step.

    Raises:
        ShapeError: The series have different lengths.
    """

    name: str
    hidden: Array
    cell: Array | None = None
    cell_path: Array | None = None
    flow: LayerFlow | None = None

    @classmethod
    def of(cls, name: str, flow: LayerFlow) -> RiverLine:
        """Take a line from a layer's measured gradients."""
        return cls(
            name=name, hidden=flow.hidden, cell=flow.cell, cell_path=flow.cell_path, flow=flow
        )

    @property
    def judged(self) -> LayerFlow:
        """The gradients as they are judged."""
        if self.flow is not None:
            return self.flow
        cell = None if self.cell is None else np.asarray(self.cell, np.float64)
        mode = "RNN_TANH" if cell is None else "LSTM"
        return LayerFlow(np.asarray(self.hidden, np.float64), cell, self.cell_path, mode=mode)

    def __post_init__(self) -> None:
        series = {"hidden": self.hidden, "cell": self.cell, "cell_path": self.cell_path}
        arrays = {key: np.asarray(value) for key, value in series.items() if value is not None}
        _require_length(f"RiverLine {self.name!r}", arrays, len(self.hidden), "T")


@dataclass(frozen=True, kw_only=True)
class River:
    """The gradient river: one panel per network, log10 |dL/dh_t| over the lag.

    Args:
        lines: One per network; the plain RNN first, then the LSTM.
        caption: On which data, and where the loss sits.
        needed: Whether the task is known to need all lags; else what is too short is a fault only
            under that condition, and the panel says so.
    """

    lines: Sequence[RiverLine]
    caption: str = ""
    needed: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """One report: everything that the HTML file shows, top to bottom.

    Args:
        title: Heading of the page.
        subtitle: One line below it: data, date, version.
        verdict: The answer first, in one or two sentences.
        tables: Tables of results.
        forecast: Forecast against truth, or None.
        gates: Gate windows, one per layer or sequence.
        river: Gradient river, or None.
        cell: Numbers of one unit at one step, or None.
        notes: Sentences at the foot: how it was measured, what it does not show.
        lang: Language of the page's own words: "en" or "zh".
    """

    title: str
    subtitle: str = ""
    verdict: str = ""
    tables: Sequence[Table] = ()
    forecast: ForecastPlot | None = None
    gates: Sequence[GateWindow] = ()
    river: River | None = None
    cell: CellNumbers | None = None
    notes: Sequence[str] = ()
    lang: Literal["en", "zh"] = "en"

    def __post_init__(self) -> None:
        if self.lang not in ("en", "zh"):
            raise ValueError(f'lang: expected "en" or "zh", got {self.lang!r}')


def _require_length(owner: str, series: Mapping[str, Array], n: int, letter: str) -> None:
    for name, values in series.items():
        if values.shape != (n,):
            raise ShapeError(
                f"{owner}, {name}: expected shape ({letter},) = ({n},), got {values.shape}"
            )


def _require_trace(trace: LayerTrace) -> tuple[int, int]:
    arrays = {name: getattr(trace, name) for name in GATE_FIELDS}
    missing = [name for name, values in arrays.items() if values is None]
    if missing:
        raise ShapeError(
            f"trace: expected the gates of an LSTM layer, got none for {', '.join(missing)} "
            "(a plain RNN has only a hidden state); show it in the river instead"
        )
    shape = np.shape(arrays["cell"])
    if len(shape) != 2 or shape[0] == 0:
        raise ShapeError(
            f"trace.cell: expected (T, H) of one sequence with T >= 1, got {shape}; "
            "take one sequence of the batch, e.g. trace.cell[:, 0] or trace.cell[0]"
        )
    for name, values in arrays.items():
        expected = shape[:1] if name == "hidden" else shape
        if np.ndim(values) != 2 or np.shape(values)[: len(expected)] != expected:
            raise ShapeError(
                f"trace.{name}: expected (T, H) = {shape} as trace.cell, got {np.shape(values)}"
            )
    return int(shape[0]), int(shape[1])
