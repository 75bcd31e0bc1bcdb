"""What is measured of one layer on one sequence for the page: the one list to extend.

A measure takes what was `Seen` and gives arrays and JSON-ready numbers under names of its own; the
page gets them as arrays "series/layer/name" and ``measures[name]["series/layer"]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.memory.timescales import half_life, saturation
from glasscell.report.page.sorting import orders
from glasscell.traces.layer import LayerTrace

__all__ = ["MEASURES", "Measured", "Seen", "measure"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One layer on one sequence.

    Args:
        trace: What every gate did, layout "TH".
        weights: The layer's weights; None where they are unknown.
        x: (T, I) what the network (not the layer) read; None if it read no numbers.
    """

    trace: LayerTrace
    weights: LayerWeights | None = None
    x: Array | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What one measure gives: arrays by name, and JSON-ready numbers by name."""

    arrays: Mapping[str, Array] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)


Measure: TypeAlias = Callable[[Seen], Measured]


def _half_lives(seen: Seen) -> Measured:
    if seen.trace.forget is None:
        return Measured()
    finite = np.asarray(np.isfinite(seen.trace.forget).all(axis=1))
    halves = half_life(seen.trace.forget, finite)
    return Measured(
        numbers={"half_life": ["never" if np.isposinf(h) else float(h) for h in halves]}
    )


def _saturation(seen: Seen) -> Measured:
    gates = {
        name: saturation(gate)
        for name in ("forget", "input", "output")
        if (gate := getattr(seen.trace, name)) is not None
    }
    if not gates:
        return Measured()
    return Measured(numbers={"saturation": {name: part._asdict() for name, part in gates.items()}})


def _orders(seen: Seen) -> Measured:
    return Measured(numbers={"orders": orders(seen.trace, seen.x)})


MEASURES: Final[tuple[Measure, ...]] = (_half_lives, _saturation, _orders)
"""Every measure that the page is given. A new one needs a function here, and a view to show it."""


def measure(seen: Mapping[str, Seen]) -> Measured:
    """Apply every measure to every layer and sequence.

    Args:
        seen: "series/layer" to what was seen.

    Returns:
        Arrays by the page's key, and ``{measure: {"series/layer": numbers}}``.
    """
    arrays: dict[str, Array] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for key, one in seen.items():
        for function in MEASURES:
            found = function(one)
            arrays |= {f"{key}/{name}": array for name, array in found.arrays.items()}
            for name, value in found.numbers.items():
                numbers.setdefault(name, {})[key] = value
    return Measured(arrays=arrays, numbers=numbers)
