"""A row of the result: what was measured, and what follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from glasscell.bench.cases import Case
from glasscell.bench.engines import OURS, CannotRun
from glasscell.bench.limit import Limits, bound

__all__ = ["BESIDE", "Found", "row"]

BESIDE = "beside"
"""In place of an engine's name: glasscell's own other way of the same work."""


@dataclass
class Found:
    """What is known of a row so far: by engine, or `BESIDE`."""

    values: dict[str, list[float]] = field(default_factory=dict)
    ways: dict[str, str] = field(default_factory=dict)
    facts: dict[str, dict[str, float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def trying(self, name: str) -> Iterator[None]:
        """Leave an engine out of the row if it cannot do what follows."""
        try:
            yield
        except CannotRun as reason:
            self.left_out[name] = str(reason)
            for part in (self.values, self.ways, self.facts):
                part.pop(name, None)


def row(case: Case, found: Found, limits: Limits) -> dict[str, Any]:
    """Everything about a row, as the result file has it."""
    values = dict(found.values)
    beside = values.pop(BESIDE, None)
    record: dict[str, Any] = {
        "label": case.label,
        **asdict(case),
        "unit": case.unit,
        "flop": case.flop,
        "turns": max(map(len, values.values()), default=0),
        "median": {name: statistics.median(taken) for name, taken in values.items()},
        "spread": {name: _spread(taken) for name, taken in values.items()},
        "way": {name: way for name, way in found.ways.items() if name != BESIDE},
        "facts": {name: facts for name, facts in found.facts.items() if facts},
        "left_out": found.left_out,
        "ratio": {},
        "limit": None,
        "beside": None,
    }
    if OURS not in values:
        return record
    own = values[OURS]
    if case.task == "pool":
        for name, median in record["median"].items():
            facts = record["facts"].setdefault(name, {})
            facts["streams_per_s_per_core"] = case.B / median / limits.threads
    record["ratio"] = {name: _paired(taken, own) for name, taken in values.items() if name != OURS}
    if case.measure == "time":
        least = bound(case, limits)
        share = least.seconds / record["median"][OURS]
        record["limit"] = {"seconds": least.seconds, "by": least.by, "share": share}
    if case.beside and beside:
        name, other = case.beside
        work = case.flop / other.flop if "per FLOP" in name else 1.0
        median, ratio = statistics.median(beside), _paired(own, beside) / work
        record["beside"] = {"name": name, "median": median, "ratio": ratio}
    return record


def _paired(numerator: list[float], denominator: list[float]) -> float:
    """The median of the ratios of turns, so that a slow moment of the machine hits both."""
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))


def _spread(taken: list[float]) -> float:
    """Interquartile range over the median; 0 of a single value."""
    if len(taken) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(taken, n=4, method="inclusive")
    return (high - low) / middle
