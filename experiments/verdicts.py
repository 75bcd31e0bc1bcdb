"""How often the verdict is right: networks with one planted fault each, and healthy ones.

    python experiments/verdicts.py [--quick] [--jobs N] [--out FILE]

Half of the networks (even seeds) say where the thresholds belong, the other half is the test. The
result is experiments/results/verdicts.json; some eight minutes of one core, 80 s with --quick.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from healthy import SOLVED, designs, trained, untrained
from planted import PLANTS, Case, all_of, case, confirmed
from remembering import remembering

import glasscell
from glasscell.inspect import examine
from glasscell.inspect.subjects import subject_of
from glasscell.inspect.verdict import findings, judge
from glasscell.inspect.verdict.evidence import gathered

RESULTS = Path(__file__).parent / "results" / "verdicts.json"
SAME = {"vanishing": {"vanishing", "short"}, "saturated in part": {"saturated"}}
"""A gradient that vanishes where every step has one of its own is called short."""

Row = dict[str, Any]


def of_seed(seed: int) -> tuple[list[Row], dict[str, list[int]]]:
    """Make and judge the networks of one seed; give them, and how many were left out."""
    torch.set_num_threads(1)
    glasscell.set_num_threads(1)
    warnings.simplefilter("ignore", RuntimeWarning)
    counts: dict[str, list[int]] = {}
    return [judged(seed, one) for one in cases(seed, counts)], counts


def cases(seed: int, counts: dict[str, list[int]]) -> Iterator[Case]:
    """Make networks one after the other, and count what was left out."""
    for design in designs(seed):
        network, share = trained(design)
        solved = share < 1.05 * SOLVED
        tally(counts, "healthy", solved)
        if solved:
            yield case("healthy", "solved", network, design)
        for fault in PLANTS:
            yield from checked(all_of(fault, design, network if solved else None), counts)
    for _, one in remembering(seed):
        tally(counts, "healthy", one is not None)
        if one is not None:
            yield one
    for design in untrained(seed):
        for fault in PLANTS:
            yield from checked(all_of(fault, design, None), counts)


def checked(planted: Iterator[Case], counts: dict[str, list[int]]) -> Iterator[Case]:
    """Let those pass in which the fault took."""
    for one in planted:
        took = confirmed(one)
        tally(counts, one.fault, took)
        if took:
            yield one


def tally(counts: dict[str, list[int]], fault: str, kept: bool) -> None:
    """Count one network, and whether it was kept."""
    made, used = counts.setdefault(fault, [0, 0])
    counts[fault] = [made + 1, used + kept]


def judged(seed: int, one: Case) -> Row:
    """Judge one network."""
    verdict, blind = (examine(one.network, one.x, one.loss, lag) for lag in (one.lag, None))
    return {
        "seed": seed,
        "fault": one.fault,
        "how": one.how,
        "lag": one.lag,
        "named": sorted(verdict.kinds),
        "named without lag": sorted({f.kind for f in blind if not (f.good or f.assumed)}),
        "assumed": sorted({f.kind for f in blind if f.assumed}),
        "contradictions": contradictions(verdict),
        "numbers": numbers(one),
    }


def contradictions(judgement: Sequence[findings.Finding]) -> list[str]:
    """Sentences that say one thing and mean another: growth by a factor below 1."""
    said = [one.text() for one in judgement if one.kind == "exploding"]
    return [
        text for text in said if float(re.search(r"by × (\S+)", text + " by × 2").group(1)) <= 1
    ]


def numbers(one: Case) -> dict[str, float]:
    """The measures that thresholds cut, of the worst layer."""
    subject, measures = subject_of(one.network), {}
    weights = subject.weights
    for name, (flow, trace) in subject.measured(one.x, one.loss).layers.items():
        for measure, value in _of_layer(gathered(flow, trace, one.lag, weights[name])).items():
            measures.setdefault(measure, []).append(value)
    return {name: abs(max(values)) for name, values in measures.items()}


def _of_layer(seen: Any) -> dict[str, float]:
    """One layer's measures; those of which too little is a fault are negative."""
    verdict, tried = seen.verdict, seen.exchange
    if verdict.kind == "not finite" or seen.symptoms is None:
        return {}
    states = seen.symptoms
    measures = {f"dead {seen.trace.mode}": states.dead}
    if states.shut:
        measures["shut"] = max(states.shut.values())
    if tried is not None:
        measures["reads"] = -tried.reads
        if verdict.kind in ("vanishing", "short") and tried.held == tried.held:
            measures["held"] = -tried.held
    if findings.holds(seen) and verdict.kind in ("vanishing", "short"):
        return measures  # a latch: neither gradient nor gates decide about it
    measures["stuck"] = states.stuck
    if states.memory is not None:
        measures["stuck part"] = max(states.flat.values())
        if not findings.holds(seen):
            measures["memory"] = -states.memory / max(verdict.lag, 1)
    if verdict.kind in ("healthy", "vanishing", "exploding", "short"):
        measures |= {"left": -verdict.change, "growth": verdict.largest}
    return measures


CUTS = {
    # threshold: measure, planted fault, whether faulty networks have less
    "REACH": ("left", "vanishing", True),
    "GROWN": ("growth", "exploding", False),
    "MEMORY": ("memory", "forgets", True),
    "STUCK": ("stuck", "saturated", False),
    "STUCK_PART": ("stuck part", "saturated in part", False),
    "HOLDS": ("held", "vanishing", True),
    "IGNORES": ("reads", "ignores", True),
    "SHUT": ("shut", "shut", False),
    "DEAD LSTM": ("dead LSTM", "dead", False),
    "DEAD RNN_TANH": ("dead RNN_TANH", "dead", False),
    "DEAD RNN_RELU": ("dead RNN_RELU", "dead", False),
}

IN_USE = {
    "REACH": judge.REACH,
    "GROWN": judge.GROWN,
    "MEMORY": findings.MEMORY,
    "STUCK": findings.STUCK,
    "STUCK_PART": findings.STUCK_PART,
    "HOLDS": findings.HOLDS,
    "IGNORES": findings.IGNORES,
    "SHUT": findings.SHUT,
    **{f"DEAD {mode}": share for mode, share in findings.DEAD.items()},
}


def thresholds(rows: Sequence[Row]) -> dict[str, Row]:
    """Where each threshold may lie: between the healthy networks and the planted ones."""
    return {name: _cut(rows, name, *CUTS[name]) for name in CUTS}


def _cut(rows: Sequence[Row], name: str, measure: str, fault: str, less: bool) -> Row:
    sides = {
        kind: np.array(
            [r["numbers"][measure] for r in rows if r["fault"] == kind and measure in r["numbers"]]
        )
        for kind in ("healthy", fault)
    }
    well, ill = sides["healthy"], sides[fault]
    ends = (0.05, 0.95) if less else (0.95, 0.05)
    edge = float(np.quantile(well, ends[0])), float(np.quantile(ill, ends[1]))
    right = (
        (well > IN_USE[name], ill <= IN_USE[name])
        if less
        else (well < IN_USE[name], ill >= IN_USE[name])
    )
    return {
        "measure": measure,
        "fault": fault,
        "in use": IN_USE[name],
        "healthy: its worst 5 % begin at": edge[0],
        "planted: its mildest 5 % begin at": edge[1],
        "between them": bool(min(edge) <= IN_USE[name] <= max(edge)),
        "healthy on the right side": float(right[0].mean()),
        "planted on the right side": float(right[1].mean()),
    }


def right(row: Row) -> bool:
    """Whether a planted fault is among those that were named; a healthy network has none."""
    if row["fault"] == "healthy":
        return not row["named"]
    return bool(SAME.get(row["fault"], {row["fault"]}) & set(row["named"]))


def table(rows: Sequence[Row]) -> dict[str, Row]:
    """The confusion table: of each planted fault the networks, and how many were called what."""
    kinds = [kind for kind in findings.ORDER if kind != "healthy"]
    rows_of = {}
    for fault in ("healthy", *PLANTS):
        mine = [row for row in rows if row["fault"] == fault]
        fine = [right(row) for row in mine]
        rows_of[fault] = {
            "networks": len(mine),
            "right": sum(fine),
            "share": round(sum(fine) / max(len(mine), 1), 4),
            "named": {kind: sum(kind in row["named"] for row in mine) for kind in kinds},
            "wrong": [row["how"] for row, well in zip(mine, fine, strict=True) if not well][:20],
        }
    return rows_of


def main() -> None:
    """Run the experiment and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two seeds; writes nothing by itself")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with its own seeds")
    args = parser.parse_args()
    seeds = range(args.seeds or (2 if args.quick else 12))
    began, counts, rows = time.monotonic(), dict[str, list[int]](), list[Row]()
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        for judged_rows, made in pool.map(of_seed, seeds):
            rows += judged_rows
            for fault, (all_, used) in made.items():
                before = counts.get(fault, [0, 0])
                counts[fault] = [before[0] + all_, before[1] + used]
            for row in judged_rows:
                if not right(row):
                    print(f"seed {row['seed']}: {row['fault']}, {row['how']}: {row['named']}")
    even, odd = ([row for row in rows if row["seed"] % 2 == rest] for rest in (0, 1))
    blind = [row for row in odd if row["fault"] == "healthy"]
    result = {
        "seeds": len(seeds),
        "networks": {
            fault: {"made": made, "taken": used} for fault, (made, used) in counts.items()
        },
        "thresholds, on even seeds": thresholds(even),
        "table, on odd seeds": table(odd),
        "growth by a factor below 1": sum(len(row["contradictions"]) for row in rows),
        "healthy and silent without being told the lag": round(
            float(np.mean([not row["named without lag"] for row in blind])), 4
        ),
        "and without a fault that depends on the lag": round(
            float(np.mean([not row["assumed"] for row in blind])), 4
        ),
    }
    show(result)
    print(f"{len(rows)} networks judged in {time.monotonic() - began:.0f} s")
    out = args.out or (None if args.quick else RESULTS)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show(result: Row) -> None:
    """Print the table."""
    for name, row in result["thresholds, on even seeds"].items():
        healthy, planted = (
            row[f"{k} begin at"] for k in ("healthy: its worst 5 %", "planted: its mildest 5 %")
        )
        print(
            f"{name:14} {row['in use']:<8g} healthy {healthy:10.3g} planted {planted:10.3g}"
            f"{'' if row['between them'] else '   NOT BETWEEN'}"
        )
    for fault, row in result["table, on odd seeds"].items():
        also = ", ".join(f"{kind} {count}" for kind, count in row["named"].items() if count)
        print(f"{fault:12} {row['right']:4}/{row['networks']:<4} {row['share']:7.2%}   {also}")
        for how in row["wrong"][:6]:
            print(f"{'':14}- {how}")
    print("healthy, lag not told:", result["healthy and silent without being told the lag"])
    print("and nothing assumed:", result["and without a fault that depends on the lag"])


if __name__ == "__main__":
    main()
