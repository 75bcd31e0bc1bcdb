"""A machine, a result and a fake engine for the tests of the benchmark."""

from __future__ import annotations

from glasscell.bench import answers, numbers
from glasscell.bench.engines import CannotRun
from glasscell.bench.limit import Level, Limits
from glasscell.bench.measure import Measured
from glasscell.bench.run import FORMAT, VERSION

LIMITS = Limits(
    2,
    2e12,
    (
        Level("L1", 64e3, 8e11),
        Level("L2", 1e6, 4e11),
        Level("L3", 32e6, 2e11),
        Level("DRAM", float("inf"), 4e10),
    ),
)


class FakeEngine:
    """Stands in for a Worker: every way takes the seconds that it is told, turn by turn.

    Args:
        ways: Way to the seconds of its calls, one after the other, the last for ever.
        cannot: Command to the reason that it gives.
        off: What is added to its answers.
        log: Where each command is noted with the engine's name.
    """

    def __init__(self, name, ways, *, cannot=None, off=0.0, log=None):
        self.name, self.ways, self.cannot, self.off = name, ways, cannot or {}, off
        self.log = [] if log is None else log
        self.taken = {way: iter(seconds) for way, seconds in ways.items()}
        self.closed = 0

    def ask(self, command, *arguments):
        self.log.append((self.name, command))
        if command in self.cannot:
            raise CannotRun(self.cannot[command])
        return getattr(self, f"_{command}")(*arguments)

    def fresh(self):
        return self

    def close(self):
        self.closed += 1

    def _prepare(self, case):
        return {way: {} for way in self.ways}

    def _answer(self, case, way):
        return answers.expected(case, numbers.make(case)) + self.off

    def _seconds(self, case, way, calls, warm=True):
        last = self.ways[way][-1]
        return next(self.taken[way], last)

    def _new_length(self, case, way, steps):
        return self.ways[way][-1] * 3 * steps

    def _peak(self, case, way):
        return int(1e6 * self.ways[way][-1])

    def _forget(self):
        return None


def result_of(cases, medians):
    """A result of cases and, for each, engines to seconds."""
    rows = []
    for case, times in zip(cases, medians, strict=True):
        measured = Measured(values={name: [value] * 3 for name, value in times.items()})
        rows.append(measured.record(case, LIMITS))
    levels = [
        {"name": v.name, "bytes": None if v.name == "DRAM" else v.bytes, "bytes_per_s": v[2]}
        for v in LIMITS.levels
    ]
    return {
        "format": FORMAT,
        "version": VERSION,
        "environment": {
            "cpu": "A CPU & more", "cpu_family_model": "1/2", "isa": "avx2", "threads": 2,
            "date": "2026-01-02", "commit": "abc1234", "busy_cpus": 0.01,
        },
        "limit": {"flop_per_s": LIMITS.flop_per_s, "levels": levels},
        "engines": {
            "glasscell": {"glasscell": "0.1.0"},
            "torch": {"torch": "2.13.0"},
            "onnxruntime": {"onnxruntime": "1.32.0"},
        },
        "left_out": {"jax": "jax is not installed"},
        "rows": rows,
    }  # fmt: skip
