"""Measure how many test values split-conformal and adaptive intervals hold, and how wide they are.

usage: python experiments/intervals.py [NAME ...] [--out FILE.json]

NAME is one of those that experiments/lookback.py knows; default: the sets of the table in
docs/decisions/intervals.md, which experiments/results/intervals.json holds. One LSTM of seed 0
each, at the lookback that is measured, without a calendar. "by_chance" is what exact 90 % intervals
hold of a test part with so many origins.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from lookback import ASKED, data_of, options_of, trained

from glasscell.tasks.forecast.coverage import spanned
from glasscell.tasks.forecast.fitting import start
from glasscell.tasks.forecast.network import Recipe, predict
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.scores import Entry, Scoreboard

OUT = Path(__file__).with_name("results") / "intervals.json"
TABLE = ("co2", "elnino", "elec_equip", "seattle-weather", "taylor", "glucose")
LEVELS = (80.0, 90.0)
PARTS = 4000
MEMORY = 0.9
"""How much of an error is left a step later, in the parts that are simulated."""
NORMAL = 1.6448536269514722
"""The 95 % quantile of a normal distribution: 90 % lie within it to both sides."""


def by_chance(origins: int, steps: int) -> dict[str, float]:
    """Say what exact 90 % intervals hold of a test part, as its origins overlap.

    An error of step s of origin t is e = Σ_{j ≤ s} m^(s - j) ε_(t + j) with normal ε, as of an
    autoregression that is known: its standard deviation is known too, and so are its intervals.

    Returns:
        Percent that 2.5, 50 and 97.5 % of such parts hold at most, and percent of such parts that
        hold 88 to 92 %.
    """
    rng, held = np.random.default_rng(0), np.empty(PARTS)
    powers = MEMORY ** np.arange(steps)
    scale = np.sqrt(np.cumsum(powers**2))
    for part in range(PARTS):
        errors, shocks = np.zeros(origins), rng.standard_normal(origins + steps - 1)
        inside = 0
        for step in range(steps):
            errors = MEMORY * errors + shocks[step : step + origins]
            inside += int((abs(errors) <= NORMAL * scale[step]).sum())
        held[part] = 100 * inside / (origins * steps)
    low, middle, high = np.quantile(held, [0.025, 0.5, 0.975])
    within = float(100 * ((held >= 88) & (held <= 92)).mean())
    return {"2.5": float(low), "50": float(middle), "97.5": float(high), "88 to 92": within}


def measured(name: str) -> dict[str, Any]:
    """Train an LSTM and give what intervals of both kinds hold of the test part."""
    plan = make_plan(data_of(name), options_of(name))
    boards = tuple(Scoreboard(plan.dataset, w, plan.season) for w in (plan.validation, plan.test))
    network = trained(Recipe.of(plan, start(plan)), 0)
    told = (predict(network, plan.validation), predict(network, plan.test))
    found: dict[str, Any] = {
        "steps": plan.horizon,
        "lookback": plan.lookback,
        "windows": [len(plan.validation), len(plan.test)],
        "by_chance": by_chance(len(plan.test), plan.horizon),
    }
    for kind, adaptive in (("conformal", False), ("adaptive", True)):
        span = spanned((boards[0], boards[1]), told, LEVELS, adaptive=adaptive)
        forecasts = (boards[1].restore(told[1]),)
        method = boards[1].scored(Entry(name="LSTM", forecasts=forecasts, span=span))
        found[kind] = {"coverage": method.coverage, "width": method.width, "crps": method.crps}
        found["mae"] = method.mae
    return found


def main() -> None:
    """Measure set after set; print each and write what there is so far."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*ASKED, []])
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    found = {}
    for name in args.names or TABLE:
        found[name] = measured(name)
        print(name, json.dumps(found[name]), flush=True)
        args.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
