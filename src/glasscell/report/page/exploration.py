"""What the inspect page shows, as plain arrays: fill an `Exploration`, then `render` it.

Nothing here measures anything: `collect` does. README.md says how it arrives in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import Cell, of
from glasscell.errors import ShapeError
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.report.draw.recurrence import look
from glasscell.traces.layer import LayerTrace

__all__ = ["Exploration", "Finding", "Layer", "Series", "initial_states", "keeps", "quantities"]

Pair: TypeAlias = tuple[str, str]


def quantities(trace: LayerTrace) -> dict[str, Array]:
    """Give what a trace has, by name in the order in which it is shown."""
    names = look(trace.recurrence).names
    return {
        name: trace.quantity(name)
        for name in names
        if name == "hidden" or trace.quantities.get(name) is not None
    }


def keeps(trace: LayerTrace) -> bool:
    """Whether a trace shows how much of what is stored stays from step to step."""
    belt, vectors = look(trace.recurrence).belt, trace.recurrence.program.vectors
    there = all(array is not None for array in trace.quantities.values())
    return belt is not None and (belt.adds or not vectors) and there


def initial_states(trace: LayerTrace) -> dict[str, Array]:
    """Give the states that a sequence was given to begin with, by name, (P,) or (H,) each."""
    first, *others = look(trace.recurrence).states
    found = {} if trace.initial_hidden is None else {first: np.ravel(trace.initial_hidden)}
    if trace.initial_cell is None or not others:
        return found
    rows = np.reshape(trace.initial_cell, (len(others), -1))
    return found | dict(zip(others, rows, strict=True))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence of the verdict.

    Args:
        text: What was seen, with the evidence's number: English and Chinese.
        advice: What to change, in both languages; empty where nothing needs to.
        kind: "vanishing", "healthy" …, as `inspect.LayerVerdict.kind`.
        good: Whether this is good news.
        assumed: Whether it is a fault only if the task needs every step there is.
        layer: Index of the layer that it is about; None for the whole network.
        evidence: The view that shows it: "river", "ladder", "saturation", "wall" ….
        value: The number that it rests on, as `inspect.Finding.value`; None where there is none.
    """

    text: Pair
    advice: Pair = ("", "")
    kind: str = "healthy"
    good: bool = True
    assumed: bool = False
    layer: int | None = None
    evidence: str = "river"
    value: float | None = None

    @property
    def mark(self) -> str:
        """How it looks: "good", "bad", "maybe" (bad if assumed) or "memory"."""
        if self.kind == "memory":
            return "memory"
        return "good" if self.good else "maybe" if self.assumed else "bad"


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One recurrent layer in one direction.

    Args:
        name: As in a trace: "encoder.l0_reverse".
        mode: "LSTM", "GRU", "RNN_TANH", "RNN_RELU", or the cell itself.
        reverse: Whether it reads the sequence from its end.
        weights: Of G gates, in the order of the cell, "weight_ih" (G*H, I), "weight_hh" (G*H, P),
            "bias" (G*H,), the sum of both, or "bias_ih" and "bias_hh" where a gate parts them, and
            "weight_hr" (P, H) if there is a projection; a vector of the cell by its letter, (H,).
            Empty: unknown.
    """

    name: str
    mode: str | Cell = "LSTM"
    reverse: bool = False
    weights: Mapping[str, Array] = field(default_factory=dict)

    @property
    def cell(self) -> Cell:
        """The cell that it runs."""
        return of(self.mode)


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One sequence that went through the network.

    Args:
        name: What the picker calls it.
        traces: One per layer of the exploration, of layout "TH".
        x: (T, I) what the network read; None if it read no numbers.
        inputs: Name of each input; default x0, x1 …, as steps and units count from 0 too.
        labels: Name of each step (a date …); default the step's number.
        text: The T characters or words, if it is text; default none.
        output: (T, O) or (O,) what the whole network gave; None if unknown.
        flows: One per layer, None where unknown; default unknown.
        first: Index of the page's layer that its first trace is of, where the page shows several
            networks; default 0.
    """

    name: str
    traces: Sequence[LayerTrace]
    x: Array | None = None
    inputs: Sequence[str] = ()
    labels: Sequence[str] | None = None
    text: Sequence[str] | None = None
    output: Array | None = None
    flows: Sequence[LayerFlow | None] = ()
    first: int = 0

    @property
    def layers(self) -> range:
        """The page's layers that it went through."""
        return range(self.first, self.first + len(self.traces))

    def trace(self, layer: int) -> LayerTrace:
        """Give the trace of one of `layers`."""
        return self.traces[layer - self.first]

    def flow(self, layer: int) -> LayerFlow | None:
        """Give the gradients of one of `layers`; None where they are unknown."""
        place = layer - self.first
        return self.flows[place] if place < len(self.flows) else None

    @property
    def steps(self) -> int:
        """T."""
        return len(self.traces[0].hidden)

    def __post_init__(self) -> None:
        if not self.traces or any(trace.layout != "TH" for trace in self.traces):
            raise ShapeError("expected traces of single sequences; take LayerTrace.sequence(b)")
        lengths = {"a trace": [len(trace.hidden) for trace in self.traces]}
        for name in ("x", "labels", "text"):
            value = getattr(self, name)
            lengths |= {} if value is None else {name: [len(value)]}
        for name, counts in lengths.items():
            if set(counts) != {self.steps} or self.steps == 0:
                raise ShapeError(f"expected {name} of {max(self.steps, 1)} steps, got {counts}")
        for trace in self.traces:
            _require_units(trace)


@dataclass(frozen=True, kw_only=True, eq=False)
class Exploration:
    """Everything that one page shows.

    Args:
        title: The page's heading; two of them, English and Chinese, where it is the page's own.
        subtitle: One line under it.
        layers: Layers and directions, in the order in which they run.
        series: At least one sequence.
        findings: The verdict.
        measures: JSON-ready numbers by name, see README.md; nothing in it is required.
        arrays: Further arrays by the page's key ("0/1/fan"), see README.md.
        model: Tree of `glasscell.save`, if the network can be written as one.
        parameters: Weights of the nodes of `model` that are no recurrent layers, by torch's name.
        start: Where the cursor is at first: "series", "layer", "t", "unit".
        run: Further cells that the page's script runs, beside those of the layers.
    """

    title: str | Pair
    layers: Sequence[Layer]
    series: Sequence[Series]
    subtitle: str = ""
    findings: Sequence[Finding] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    model: Mapping[str, Any] | None = None
    parameters: Mapping[str, Array] = field(default_factory=dict)
    start: Mapping[str, int] = field(default_factory=dict)
    run: Sequence[Cell] = ()

    def __post_init__(self) -> None:
        through = {layer for series in self.series for layer in series.layers}
        counts = {len(series.traces) for series in self.series if series.first == 0}
        alone = counts == {len(self.layers)} or any(series.first for series in self.series)
        if through != set(range(len(self.layers))) or not alone:
            raise ShapeError(
                f"expected at least one series with {len(self.layers)} traces each, one for each "
                f"layer, got {[len(series.traces) for series in self.series]}"
            )

    def more(self, arrays: Mapping[str, Array], numbers: Mapping[str, Any]) -> Exploration:
        """Give the same page with further arrays and measures."""
        return replace(
            self, arrays={**self.arrays, **arrays}, measures={**self.measures, **numbers}
        )

    @property
    def cells(self) -> list[Cell]:
        """Each cell of the page once, in the order of the layers."""
        found: list[Cell] = []
        for cell in (*(layer.cell for layer in self.layers), *self.run):
            if cell not in found:
                found.append(cell)
        return found

    def heading(self, lang: str) -> str:
        """Give the title in a language, "en" or "zh"."""
        return self.title if isinstance(self.title, str) else self.title[lang == "zh"]

    def lag(self, series: int) -> int | None:
        """How many steps back the data of a series ask for; None if nobody said."""
        own: int | None = self.measures.get("lags", {}).get(str(series), self.measures.get("lag"))
        return own

    def through(self, layer: int) -> int:
        """Give the index of the first series that went through a layer."""
        return next(s for s, series in enumerate(self.series) if layer in series.layers)

    def units(self, layer: int) -> int:
        """H of a layer."""
        return self.series[self.through(layer)].trace(layer).units


def _require_units(trace: LayerTrace) -> None:
    wanted = [name for name in look(trace.recurrence).names if name != "hidden"]
    shapes = {name: np.shape(array) for name, array in quantities(trace).items() if name in wanted}
    if len(set(shapes.values())) > 1 or (shapes and len(shapes) < len(wanted)):
        raise ShapeError(f"expected {', '.join(wanted)} of one shape (T, H), got {shapes}")
