"""Time every installed engine on every case, in turns; print a table; write JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import env, limit
from benchmarks.cases import CASES, Case
from benchmarks.engines import Run

ENGINES = ("ours", "pytorch", "ort")
BLOCK_SECONDS = 0.03  # one timed block: long beside the clock's grain and one scheduler tick
PAUSE_SECONDS = 0.06  # longer than any pool here spins after its call


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="", help="only cases whose text contains this")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--out", type=Path, help="write JSON here")
    args = parser.parse_args(argv)
    engines = _installed(args.engines.split(","))
    peak = limit.fma_peak(args.threads)
    results: dict[str, Any] = {
        "env": env.describe(args.threads),
        "fma_peak": peak,
        "turns": args.turns,
        "rows": [],
    }
    print(
        f"{results['env']['cpu']}, {results['env']['isa']}, {args.threads} threads, "
        f"{peak / 1e9:.0f} GFLOP/s peak"
    )
    for case in CASES:
        text = f"{case.name} {case.task} ({case.T}, {case.B}, {case.I}, {case.H})"
        if args.cases in text:
            row = measure(case, engines, args.threads, args.turns)
            results["rows"].append(row)
            print(_line(text, case, row, peak), flush=True)
    if args.out:
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        print(f"Wrote {args.out}")
    return 0


def _installed(names: list[str]) -> dict[str, Any]:
    engines = {}
    for name in names:
        try:
            module = importlib.import_module(f"benchmarks.engines.{name}")
        except ModuleNotFoundError as error:
            print(f"{name}: left out, {error.name} is not installed")
            continue
        engines[module.NAME] = module
    return engines


def measure(case: Case, engines: dict[str, Any], threads: int, turns: int) -> dict[str, Any]:
    """Check all answers, then time the engines in turns."""
    torch.manual_seed(0)
    weights = (torch.nn.LSTM if case.mode == "LSTM" else torch.nn.RNN)(case.I, case.H)
    x = torch.randn(case.T, case.B, case.I)
    runs: dict[str, Run] = {}
    for name, engine in engines.items():
        run = engine.prepare(case, weights, x, threads)
        if run is not None:
            runs[name] = run
    answers = {name: np.array(run.answer(), np.float64) for name, run in runs.items()}
    _check(answers)
    repeats = {name: _repeats(run) for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            time.sleep(PAUSE_SECONDS)
            run.call()
            start = time.perf_counter()
            for _ in range(repeats[name]):
                run.call()
            seconds[name].append((time.perf_counter() - start) / repeats[name])
    ratios = {
        name: statistics.median(a / b for a, b in zip(other, seconds["glasscell"], strict=True))
        for name, other in seconds.items()
        if name != "glasscell" and "glasscell" in seconds
    }
    return {
        "name": case.name,
        "mode": case.mode,
        "task": case.task,
        "T": case.T,
        "B": case.B,
        "I": case.I,
        "H": case.H,
        "flop": case.flop,
        "median_s": {name: statistics.median(s) for name, s in seconds.items()},
        "spread": {name: (max(s) - min(s)) / statistics.median(s) for name, s in seconds.items()},
        "times_faster_than": ratios,
    }


def _repeats(run: Run) -> int:
    run.call()
    start = time.perf_counter()
    run.call()
    return max(1, int(BLOCK_SECONDS / max(1e-7, time.perf_counter() - start)))


def _check(answers: dict[str, np.ndarray]) -> None:
    """All engines compute the same thing; rounding alone may differ."""
    first = next(iter(answers.values()))
    scale = np.abs(first).max()
    for name, answer in answers.items():
        error = np.abs(answer.reshape(first.shape) - first).max() / scale
        # float32 rounding over the longest chain here (T * B * 2^-24 for a weight gradient)
        assert error < 1e-3, f"{name} disagrees by {error}"


def _line(text: str, case: Case, row: dict[str, Any], peak: float) -> str:
    parts = []
    for name, s in row["median_s"].items():
        part = f"{name} {s * 1e6:10.1f} us"
        if name == "glasscell":
            part += f" ({100 * case.flop / s / peak:3.0f} % of limit)"
        else:
            part += f" (x{row['times_faster_than'].get(name, float('nan')):.2f})"
        parts.append(part)
    return f"{text:55s} " + "  ".join(parts)


if __name__ == "__main__":
    raise SystemExit(main())
