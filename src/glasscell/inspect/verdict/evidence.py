"""All that is measured of one layer before anything is called a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.memory.exchange import Exchange, exchange
from glasscell.inspect.verdict.judge import LayerVerdict, judge, judged_from
from glasscell.inspect.verdict.symptoms import Symptoms, symptoms
from glasscell.traces.layer import LayerTrace
from glasscell.traces.steps import Order

__all__ = ["Broken", "Evidence", "gathered"]

Where: TypeAlias = Literal["input", "weights", "start", "states"]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """Values that are not finite, where they come from.

    Attributes:
        where: The first place of input, weights, initial state ("start"), states that has some.
        count: How many there.
        step: The first, in the sequence's own time, from 0; None for weights and a start.
    """

    where: Where
    count: int
    step: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """One layer, measured.

    Attributes:
        verdict: On its gradient.
        symptoms: Of its gates and states; None where its states are not finite.
        exchange: What another past does to it; None where that could not be tried.
        broken: What is not finite; None if everything is.
        lag: That was asked for; None if none was.
        longest: Lag between the last step and the first, of the longest sequence.
        trace: The layer.
    """

    verdict: LayerVerdict
    symptoms: Symptoms | None
    exchange: Exchange | None
    broken: Broken | None
    lag: int | None
    longest: int
    trace: LayerTrace

    @property
    def units(self) -> int:
        """H."""
        return self.trace.units


def gathered(
    flow: LayerFlow, trace: LayerTrace, lag: int | None, weights: LayerWeights | None = None
) -> Evidence:
    """Measure one layer.

    Args:
        flow: Its gradients.
        trace: Its gates, of the same run.
        lag: How many steps back the task needs; None for all there are.
        weights: Its weights; without them no `exchange` is tried.

    Raises:
        ValueError: `lag` is below 0.
    """
    verdict = judge(flow, lag)
    broken = _broken(trace, weights)
    tried = None
    if broken is None and weights is not None:
        tried = exchange(trace, weights, verdict.lag, judged_from(flow))
    finite = broken is None or (
        broken.where == "input" and _first_of(trace, _recorded(trace), "states") is None
    )
    return Evidence(
        verdict=verdict,
        symptoms=symptoms(trace) if finite else None,
        exchange=tried,
        broken=broken,
        lag=lag,
        longest=int(trace.alive().sum(axis=0).max(initial=1)) - 1,
        trace=trace,
    )


def _broken(trace: LayerTrace, weights: LayerWeights | None) -> Broken | None:
    """The first cause of values that are not finite: input, weights, or the states themselves."""
    if trace.x is not None and trace.x.shape[:-1] == trace.hidden.shape[:-1]:
        place = _first_of(trace, ["x"], "input")
        if place is not None:
            return place
    start = {"hidden": trace.initial_hidden, "others": trace.initial_cell}
    constant: tuple[tuple[Where, Mapping[str, Array | None]], ...] = (
        ("weights", {} if weights is None else weights.arrays()),
        ("start", start),
    )
    for where, parts in constant:
        there = [part for part in parts.values() if part is not None]
        count = sum(int((~np.isfinite(part)).sum()) for part in there)
        if count:
            return Broken(where=where, count=count, step=None)
    return _first_of(trace, _recorded(trace), "states")


def _first_of(trace: LayerTrace, names: Sequence[str], where: Where) -> Broken | None:
    broken = Order(trace).not_finite(names)
    return None if broken is None else Broken(where=where, count=broken[0], step=broken[1])


def _recorded(trace: LayerTrace) -> list[str]:
    there = [name for name, array in trace.quantities.items() if array is not None]
    return [*there, "hidden"]
