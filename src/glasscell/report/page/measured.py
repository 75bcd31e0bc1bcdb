"""What is measured for a page: every view's own `data.measure`, and the orders of units.

A view measures what it alone shows, in the `data.py` of its folder. It is given what was
`Recorded`, and gives arrays under the page's keys ("0/1/influence": series 0, layer 1), JSON-ready
numbers (``measures[name]``, by "0/1" where they belong to a layer of a series), and findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.film.reel import Reel
from glasscell.inspect.subjects.subject import Recording
from glasscell.inspect.units.order import orders
from glasscell.inspect.verdict.symptoms import Memory, memory
from glasscell.report import views
from glasscell.report.page.exploration import Finding, Layer, keeps
from glasscell.report.page.seen import Affordable, Seen, affordable

__all__ = ["Measured", "Recorded", "as_steps", "each", "measure"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """All that a page is measured of.

    Args:
        run: The whole batch: traces, weights, gradients.
        layers: Of the page.
        seen: "series/layer" to one layer on one of the shown sequences.
        x: (B, T, I) what the network read; None if that were no numbers.
        inputs: Names of the inputs.
        lag: Steps back that the data asks for; None: all there are.
        film: What was recorded while the network was trained, or None.
        ways: Whether to measure what takes seconds too.
        worth: Layer name to (H,), what cutting each unit costs; empty where that is unknown.
        worth_of: In what, "loss" or "output"; "" where it is unknown.
        unworth: Why it is unknown, "trace", "unasked", "kind" or "slow"; else "".
    """

    run: Recording
    layers: Sequence[Layer]
    seen: Mapping[str, Seen]
    x: Array | None = None
    inputs: Sequence[str] = ()
    lag: int | None = None
    film: Reel | None = None
    ways: bool = True
    worth: Mapping[str, Array] = field(default_factory=dict)
    worth_of: str = ""
    unworth: str = ""

    @property
    def needed(self) -> int:
        """Steps back that the data asks for."""
        return self.seen["0/0"].sizes[0] - 1 if self.lag is None else self.lag

    @cached_property
    def memory(self) -> Mapping[int, Memory]:
        """How long the units of each layer with a belt remember, over the whole batch."""
        traces = enumerate(self.run.traces.values())
        return {k: memory(trace) for k, trace in traces if keeps(trace)}

    @cached_property
    def affordable(self) -> Affordable:
        """The layers and sequences that there is time to follow from step to step."""
        return affordable(self.seen, self.ways)

    @cached_property
    def own(self) -> Sequence[Layer]:
        """The layers that are not a rival's."""
        return [layer for layer in self.layers if layer.name not in self.run.rival]


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What was measured: arrays and JSON-ready numbers by name, and findings, the worst first."""

    arrays: Mapping[str, Array] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Finding] = ()


def measure(recorded: Recorded) -> Measured:
    """Let every view measure what it shows."""
    data = [module for _, module in views.modules("data")]
    parts = [module.measure(recorded) for module in data if hasattr(module, "measure")]
    own: dict[str, Any] = {
        "orders": {key: orders(one.trace, one.x) for key, one in recorded.seen.items()},
        "lag": recorded.needed,
        "judged": len(recorded.own),
    }
    if reasons := recorded.affordable.unmeasured:
        own["unmeasured"] = reasons
    return joined([Measured(numbers=own), *parts])


def joined(parts: Sequence[Measured]) -> Measured:
    """Put several measures together; numbers by layer under one name join."""
    arrays: dict[str, Array] = {}
    numbers: dict[str, Any] = {}
    findings: list[Finding] = []
    for part in parts:
        arrays |= part.arrays
        numbers |= part.numbers
        findings += part.findings
    return Measured(arrays=arrays, numbers=numbers, findings=findings)


def each(seen: Mapping[str, Seen], function: Callable[[Seen], Measured]) -> Measured:
    """Apply a measure of one layer to every layer and sequence.

    Args:
        seen: "series/layer" to what was seen.
        function: Gives arrays and numbers by name.

    Returns:
        Arrays by the page's key, and ``{name: {"series/layer": numbers}}``.
    """
    arrays: dict[str, Array] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for key, one in seen.items():
        measured = function(one)
        arrays |= {f"{key}/{name}": array for name, array in measured.arrays.items()}
        for name, value in measured.numbers.items():
            numbers.setdefault(name, {})[key] = value
    return Measured(arrays=arrays, numbers=numbers)


def as_steps(value: float) -> float | str | None:
    """Give a half-life for JSON: "never" where nothing fades, None where nothing is known."""
    return None if isnan(value) else "never" if value == np.inf else float(value)
