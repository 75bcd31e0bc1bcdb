"""Runs the benchmark, engines started and case after case measured, and writes its result."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from glasscell.bench import machine
from glasscell.bench.cases import Case
from glasscell.bench.chart import chart
from glasscell.bench.engine_worker import Worker
from glasscell.bench.engines import ENGINES, OURS, CannotRun, listing
from glasscell.bench.limit import Limits
from glasscell.bench.measure import Pace, measure
from glasscell.errors import DataError
from glasscell.files import require_free, write_text

__all__ = ["FORMAT", "VERSION", "Files", "place", "run", "write"]

FORMAT, VERSION = "glasscell-bench", 1
NAME = "bench"


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
    cpus = machine.cpus_for(threads)
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
        busy = [machine.busy_cpus()]
        rows = []
        for case in cases:
            watch(case.label, None)
            rows.append(measure(case, workers, limits, pace))
            watch(case.label, rows[-1])
        busy.append(machine.busy_cpus())
    return {
        "format": FORMAT,
        "version": VERSION,
        "environment": {
            **machine.describe(),
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


class Files(NamedTuple):
    """Where a result goes."""

    json: Path
    svg: Path


def place(out: str, *, force: bool = False) -> Files:
    """Decide where a result goes, before anything is measured.

    Args:
        out: A folder, for bench.json and bench.svg; or NAME.json, with NAME.svg beside it.
        force: Whether files that are there may be replaced.

    Raises:
        DataError: A file is there, or the place cannot be written.
    """
    path = Path(out)
    files = (
        Files(path, path.with_suffix(".svg"))
        if path.suffix == ".json"
        else Files(path / f"{NAME}.json", path / f"{NAME}.svg")
    )
    if path.suffix != ".json" and os.path.lexists(path) and not path.is_dir():
        raise DataError(f"--out: expected a folder or NAME.json, {path} is neither")
    for file in files:
        if file.is_dir():
            raise DataError(f"--out: expected a file at {file}, found a folder; choose another")
        require_free(file, force)
    folder = files.json.parent
    above = next(p for p in (folder, *folder.parents) if p.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise DataError(f"--out: {above} cannot be written to; choose another place")
    return files


def write(result: dict[str, Any], files: Files) -> None:
    """Write both files, each whole or not at all."""
    files.json.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
    for file, content in ((files.json, text + "\n"), (files.svg, chart(result))):
        write_text(file, content, force=True)
