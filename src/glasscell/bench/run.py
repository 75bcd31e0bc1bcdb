"""Runs the benchmark: engines started, limits measured, case after case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from glasscell.bench import environment
from glasscell.bench.caches import cpus_for
from glasscell.bench.cases import Case
from glasscell.bench.engine_workers import Worker
from glasscell.bench.engines import ENGINES, OURS, CannotRun, listing
from glasscell.bench.limit import Limits
from glasscell.bench.measure import Pace, measure
from glasscell.errors import DataError

__all__ = ["FORMAT", "VERSION", "run"]

FORMAT, VERSION = "glasscell-bench", 1


def run(
    cases: Sequence[Case],
    engines: Sequence[str] = tuple(ENGINES),
    *,
    threads: int,
    pace: Pace = Pace(),  # noqa: B008 (immutable)
    watch: Callable[[str, dict[str, Any] | None], None] = lambda label, row: None,
) -> dict[str, Any]:
    """Measure cases with every engine that is installed.

    Args:
        cases: What to measure.
        engines: Names from `engines.ENGINES`; glasscell always takes part.
        threads: Threads of each engine, each pinned to the same CPUs.
        pace: How long.
        watch: Told the label of a case before it is measured, with None, and after, with its row.

    Returns:
        What the result file holds: format, version, environment, limit, engines with their
        versions, engines left out with the reason, and a row for each case.

    Raises:
        DataError: An engine is unknown, or glasscell itself cannot be run.
    """
    names = [OURS, *(name for name in dict.fromkeys(engines) if name != OURS)]
    left_out = {name: why for name in names if (why := listing(name).missing)}
    cpus = cpus_for(threads)
    with ExitStack() as stack:
        workers, versions = {}, {}
        for name in names:
            if name not in left_out:
                worker = stack.enter_context(Worker(name, threads, cpus))
                try:
                    versions[name] = worker.ask("versions")
                    workers[name] = worker
                except CannotRun as reason:
                    left_out[name] = str(reason)
        if OURS in left_out:
            raise DataError(
                f"cannot measure glasscell: {left_out[OURS]}; pip install 'glasscell[bench]'"
            )
        limits: Limits = workers[OURS].ask("limits")
        busy = [environment.busy_cpus()]
        rows = []
        for case in cases:
            watch(case.label, None)
            rows.append(measure(case, workers, limits, pace))
            watch(case.label, rows[-1])
        busy.append(environment.busy_cpus())
    return {
        "format": FORMAT,
        "version": VERSION,
        "environment": {
            **environment.describe(),
            "threads": threads,
            "cpus": list(cpus),
            "busy_cpus": max((count for count in busy if count is not None), default=None),
        },
        "limit": _record(limits),
        "engines": versions,
        "left_out": left_out,
        "rows": rows,
    }


def _record(limits: Limits) -> dict[str, Any]:
    return {
        "flop_per_s": limits.flop_per_s,
        "levels": [
            {
                "name": level.name,
                "bytes": None if level.bytes == float("inf") else level.bytes,
                "bytes_per_s": level.bytes_per_s,
            }
            for level in limits.levels
        ],
    }
