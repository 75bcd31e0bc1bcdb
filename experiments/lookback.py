"""Compare lookbacks and forget biases by the test error of the LSTM that `glasscell fit` trains.

usage: python experiments/lookback.py NAME LOOKBACK[,LOOKBACK ...] [--bias none,1,chrono]
       [--seeds N]

NAME is a data set (glasscell datasets), or made7, made24, made3, taylor. LOOKBACK is a number or
auto. One line of JSON each. docs/decisions/lag.md has the table.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.datasets.inventory import named
from glasscell.tasks.forecast.fitting import start
from glasscell.tasks.forecast.network import Recipe, predict
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.scores import Scoreboard

ASKED: dict[str, dict[str, Any]] = {
    "co2": {"horizon": 13},
    "elnino": {"horizon": 12},
    "elec_equip": {"horizon": 12},
    "sunspots": {},
    "seattle-weather": {"horizon": 7},
    "taylor": {"horizon": 48},
    "sea_surface_temperature": {"horizon": 48},
    "glucose": {"horizon": 12},
    "made7": {"target": "y", "horizon": 1},
    "made24": {"horizon": 6},
    "made3": {"horizon": 4},
}
"""Options of each series, beside those that its data set needs; no calendar, which is another
question."""
WEIGHTS = {"made24": {24: 0.9}, "made3": {1: 0.6, 2: -0.5, 3: 0.4}}
SEEDS = {"made24": 1, "made3": 2}
"""Of the made autoregressions."""
BIASES: dict[str, Any] = {"none": None, "1": 1.0}
ROWS = 3000
MOST = 8000
"""Windows of an epoch."""


def options_of(name: str, **more: Any) -> ForecastOptions:
    """Give the options of a series, and more of them."""
    made = name == "taylor" or name.startswith("made")
    needed = {} if made else named(name).options
    return ForecastOptions(**{**needed, **ASKED[name], "calendar": [], **more})


def data_of(name: str) -> Any:
    """Load or make a series."""
    if name == "taylor":
        from pmdarima.datasets import load_taylor

        y = load_taylor()
        return pd.DataFrame({"ds": pd.date_range("2000-06-05", periods=len(y), freq="30min"),
                             "y": y})  # fmt: skip
    if name == "made7":
        chance = np.random.default_rng(0)
        x = chance.normal(size=ROWS)
        y = np.roll(x, 7) + 0.1 * chance.normal(size=ROWS)
        return pd.DataFrame({"ds": np.arange(ROWS), "y": y, "x": x})
    if name not in WEIGHTS:
        return named(name).load()
    y = np.random.default_rng(SEEDS[name]).normal(size=ROWS)
    y *= 0.44 if name == "made24" else 1.0
    for t in range(max(WEIGHTS[name]), ROWS):
        y[t] += sum(weight * y[t - back] for back, weight in WEIGHTS[name].items())
    return pd.DataFrame({"ds": np.arange(ROWS), "y": y})


def trained(recipe: Recipe, seed: int) -> Any:
    """Train one LSTM, and give it as it was at its best epoch."""
    trainer = recipe.trainer("LSTM", seed)
    while not trainer.finished and trainer.step_epoch():
        pass
    trainer.network.load_state_dict(trainer.best)
    return trainer.network


def errors(name: str, lookback: str, bias: str, seeds: int) -> dict[str, Any]:
    """Train LSTMs and give their test errors."""
    options = options_of(
        name,
        max_windows=MOST,
        lookback="auto" if lookback == "auto" else int(lookback),
        forget_bias=BIASES.get(bias, bias),
    )
    plan = make_plan(data_of(name), options)
    board, recipe = Scoreboard(plan.dataset, plan.test, plan.season), Recipe.of(plan, start(plan))
    found = []
    for seed in range(seeds):
        told = predict(trained(recipe, seed), plan.test)
        found.append(board.score("LSTM", [board.restore(told)]).mae)
    back = None if plan.lag is None else plan.lag.back
    return {"name": name, "lookback": plan.lookback, "bias": bias, "back": back, "mae": found}


def main() -> None:
    """Print a line for each lookback and bias."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=ASKED)
    parser.add_argument("lookbacks")
    parser.add_argument("--bias", default="none")
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    for lookback in args.lookbacks.split(","):
        for bias in args.bias.split(","):
            print(json.dumps(errors(args.name, lookback, bias, args.seeds)), flush=True)


if __name__ == "__main__":
    main()
