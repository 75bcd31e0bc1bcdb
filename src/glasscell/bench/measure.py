"""Measures one case: answers first, then the engines in turns, one active at a time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from glasscell.arrays import Array
from glasscell.bench import answers, numbers
from glasscell.bench.cases import Case
from glasscell.bench.engine_worker import Worker
from glasscell.bench.engines import OURS, CannotRun
from glasscell.bench.limit import Limits, bound

__all__ = ["BESIDE", "Measured", "Pace", "measure"]

FRESH = 3  # fresh processes at most: TensorFlow alone takes seconds to import
LONG = 0.5  # a call of so many seconds needs no warm-up: waking threads is below 1 % of it

BESIDE = "beside"
"""In place of an engine's name: glasscell's own other way of the same work."""


class Pace(NamedTuple):
    """How much time is spent.

    Args:
        turns: Blocks of each engine; fewer, but 3, where a row would take too long.
        block: Seconds of one timed block, at least: long beside a scheduler's tick.
        pause: Seconds before a block: ONNX Runtime's pool spins for tens of milliseconds after its
            call, and would slow the engine that is timed next.
        row: Seconds that one row should take at most.
    """

    turns: int = 7
    block: float = 0.03
    pause: float = 0.06
    row: float = 15.0


@dataclass
class Measured:
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

    def record(self, case: Case, limits: Limits) -> dict[str, Any]:
        """Everything about a row, as the result file has it."""
        values = dict(self.values)
        beside = values.pop(BESIDE, None)
        row: dict[str, Any] = {
            "label": case.label,
            **asdict(case),
            "unit": case.unit,
            "flop": case.flop,
            "turns": max(map(len, values.values()), default=0),
            "median": {name: statistics.median(taken) for name, taken in values.items()},
            "spread": {name: _spread(taken) for name, taken in values.items()},
            "way": {name: way for name, way in self.ways.items() if name != BESIDE},
            "facts": {name: facts for name, facts in self.facts.items() if facts},
            "left_out": self.left_out,
            "ratio": {},
            "limit": None,
            "beside": None,
        }
        if OURS not in values:
            return row
        own = values[OURS]
        if case.task == "pool":
            for name, median in row["median"].items():
                facts = row["facts"].setdefault(name, {})
                facts["streams_per_s_per_core"] = case.B / median / limits.threads
        row["ratio"] = {name: _paired(taken, own) for name, taken in values.items() if name != OURS}
        if case.measure == "time":
            least = bound(case, limits)
            share = least.seconds / row["median"][OURS]
            row["limit"] = {"seconds": least.seconds, "by": least.by, "share": share}
        if case.beside and beside:
            name, other = case.beside
            work = case.flop / other.flop if "per FLOP" in name else 1.0
            median, ratio = statistics.median(beside), _paired(own, beside) / work
            row["beside"] = {"name": name, "median": median, "ratio": ratio}
        return row


class _Contender(NamedTuple):
    """One way of one engine to do a case, prepared, its answer checked."""

    worker: Worker
    case: Case
    way: str

    def seconds(self, calls: int, *, warm: bool = True) -> float:
        """Time calls in a row: seconds of one."""
        taken: float = self.worker.ask("seconds", self.case, self.way, calls, warm)
        return taken


def measure(
    case: Case, workers: Mapping[str, Worker], limits: Limits, pace: Pace
) -> dict[str, Any]:
    """Measure a case with every engine that can do it.

    Args:
        case: What.
        workers: The engines by name.
        limits: The machine's.
        pace: How long.

    Returns:
        The row for the result file; its `median` is empty where glasscell itself cannot run.
    """
    measured = Measured()
    own = workers[OURS]
    with measured.trying(OURS):
        own.ask("prepare", case)
    if measured.left_out:
        return measured.record(case, limits)
    truth = answers.expected(case, numbers.make(case))
    if case.measure == "first call":
        _first_calls(case, workers, truth, measured, pace)
    elif case.measure == "memory":
        _peaks(case, workers, truth, measured)
    else:
        _in_turns(case, workers, truth, measured, pace)
    return measured.record(case, limits)


def _prepared(worker: Worker, name: str, case: Case, truth: Array) -> tuple[list[_Contender], Any]:
    """Prepare a case and check every way's answer; with the facts about each way."""
    facts = worker.ask("prepare", case)
    for way in facts:
        _check(worker, name, case, way, truth)
    return [_Contender(worker, case, way) for way in facts], facts


def _check(worker: Worker, name: str, case: Case, way: str, truth: Array) -> None:
    stored = case if name in (OURS, BESIDE) else replace(case, weights="float32")
    checked = answers.check(stored, worker.ask("answer", case, way), truth)
    if not checked.passed:
        raise CannotRun(
            f"wrong answer ({way}): off by {checked.error:.1e}, {checked.allowed:.1e} is allowed"
        )


def _in_turns(
    case: Case, workers: Mapping[str, Worker], truth: Array, measured: Measured, pace: Pace
) -> None:
    """Time the fastest way of every engine, and glasscell's other way, in turns."""
    contenders: dict[str, tuple[_Contender, float]] = {}
    entries = [(name, worker, case, truth) for name, worker in workers.items()]
    if case.beside:
        other = case.beside[1]
        entries.insert(
            1, (BESIDE, workers[OURS], other, answers.expected(other, numbers.make(other)))
        )
    for name, worker, own, answer in entries:
        with measured.trying(name):
            ready, facts = _prepared(worker, name, own, answer)
            contenders[name] = _fastest(ready, pace)
            way = measured.ways[name] = contenders[name][0].way
            measured.facts[name] = facts[way]
    for index in range(_turns(pace, [taken for _, taken in contenders.values()])):
        for name in [name for name in contenders if name not in measured.left_out]:
            with measured.trying(name):
                value = _value(*contenders[name], pace, index)
                measured.values.setdefault(name, []).append(value)
    for worker in workers.values():
        worker.ask("forget")


def _turns(pace: Pace, calls: list[float]) -> int:
    """So many turns as a row has time for, given the seconds of each engine's call."""
    one = sum(pace.pause + max(2 * taken, pace.block) for taken in calls)
    if one * pace.turns <= pace.row:
        return pace.turns
    return min(pace.turns, max(3, int(pace.row / one)))


def _value(contender: _Contender, taken: float, pace: Pace, index: int) -> float:
    """One turn of one engine."""
    time.sleep(pace.pause)
    steady = contender.seconds(max(1, int(pace.block / taken)), warm=taken < LONG)
    if contender.case.measure == "time":
        return steady
    steps = contender.case.T - 1 - index  # a length that no call had
    first: float = contender.worker.ask("new_length", contender.case, contender.way, steps)
    return first / steps / (steady / contender.case.T)


def _fastest(ways: list[_Contender], pace: Pace) -> tuple[_Contender, float]:
    """Choose a way by its shortest short block, with the seconds of a call.

    A change of length is no matter of speed: there the first way counts.
    """
    if ways[0].case.measure != "time":
        ways = ways[:1]
    taken = {way: _roughly(way, pace) for way in ways}
    if len(ways) > 1:
        for way in [way for way in ways if taken[way] < LONG]:
            taken[way] = min(taken[way], _roughly(way, pace))
    best = min(taken, key=taken.__getitem__)
    return best, taken[best]


def _roughly(way: _Contender, pace: Pace) -> float:
    """Seconds of a call, from one and, if that was short, some more; warm from its answer."""
    time.sleep(pace.pause)
    once = way.seconds(1, warm=False)
    if once < pace.block:
        once = way.seconds(max(1, int(pace.block / 4 / once)), warm=False)
    return once


def _first_calls(
    case: Case, workers: Mapping[str, Worker], truth: Array, measured: Measured, pace: Pace
) -> None:
    """The first call of fresh processes over a steady one; the answer is checked after it."""
    for _ in range(min(pace.turns, FRESH)):
        for name in [name for name in workers if name not in measured.left_out]:
            with measured.trying(name), _fresh(workers[name]) as worker:
                way = measured.ways[name] = next(iter(worker.ask("prepare", case)))
                contender = _Contender(worker, case, way)
                time.sleep(pace.pause)
                first = contender.seconds(1, warm=False)
                _check(worker, name, case, way, truth)
                calls = max(1, int(pace.block / contender.seconds(1)))
                steady = statistics.median(contender.seconds(calls) for _ in range(3))
                measured.values.setdefault(name, []).append(first / steady)


def _peaks(case: Case, workers: Mapping[str, Worker], truth: Array, measured: Measured) -> None:
    """What training steps add to the memory of a fresh process; the answer is checked after.

    A step of two time steps goes before: it loads the code and starts the threads.
    """
    short = replace(case, T=2)
    for name, engine in workers.items():
        with measured.trying(name), _fresh(engine) as worker:
            worker.ask("seconds", short, next(iter(worker.ask("prepare", short))), 1)
            worker.ask("forget")
            way = measured.ways[name] = next(iter(worker.ask("prepare", case)))
            measured.values[name] = [float(worker.ask("peak", case, way))]
            _check(worker, name, case, way, truth)


@contextmanager
def _fresh(worker: Worker) -> Iterator[Worker]:
    fresh = worker.fresh()
    try:
        yield fresh
    finally:
        fresh.close()


def _paired(numerator: list[float], denominator: list[float]) -> float:
    """The median of the ratios of turns, so that a slow moment of the machine hits both."""
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))


def _spread(taken: list[float]) -> float:
    """Interquartile range over the median; 0 of a single value."""
    if len(taken) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(taken, n=4, method="inclusive")
    return (high - low) / middle
