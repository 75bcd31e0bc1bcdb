"""Measure how many test values split-conformal and adaptive intervals hold, and how wide they are.

usage: python experiments/intervals.py [NAME ...] [--out FILE.json]

NAME is one of those that experiments/lookback.py knows; default: the sets of the table in
docs/decisions/intervals.md, which experiments/results/intervals.json holds. One LSTM of seed 0
each, at the lookback that is measured, without a calendar.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lookback import ASKED, data_of, options_of, trained

from glasscell.tasks.forecast.coverage import spanned
from glasscell.tasks.forecast.fitting import start
from glasscell.tasks.forecast.network import Recipe, predict
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.scores import Entry, Scoreboard

OUT = Path(__file__).with_name("results") / "intervals.json"
TABLE = ("co2", "elnino", "elec_equip", "seattle-weather", "taylor")
LEVELS = (80.0, 90.0)


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
