"""Compare what a ridge regression is shrunk to: the last value, the last season, or that one moved.

usage: python experiments/priors.py [NAME ...]

NAME is one of those that experiments/lookback.py knows. Each series is cut at 60, 70 … 100 % of its
rows and split as always; a line tells the errors on validation and on the test part with each
prior, at the penalty that is best on validation, and which prior validation takes.
docs/decisions/forecast-rivals.md says what came of it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from lookback import ASKED, data_of, options_of
from sklearn.linear_model import Ridge

from glasscell.arrays import Array
from glasscell.tasks.forecast.plan import Plan, make_plan, plan_of
from glasscell.tasks.forecast.ridge import ALPHAS
from glasscell.tasks.forecast.scores import Scoreboard
from glasscell.tasks.forecast.windows import Windows, build

TABLE = ("elec_equip", "elnino", "co2", "seattle-weather")
SHARES = (0.6, 0.7, 0.8, 0.9, 1.0)


def priors(windows: Windows, season: int) -> dict[str, Array]:
    """Give (M, horizon) scaled forecasts that need no fit, as far as the lookback holds them."""
    past, steps = windows.inputs()[:, :, 0], np.arange(windows.horizon)
    rows, last = past.shape[1], past[:, -1:]
    found = {"last": last.repeat(windows.horizon, axis=1)}
    if rows >= season > 1:
        found["season"] = past[:, rows - season + steps % season]
    if rows > season > 1:
        found["season, moved by a value"] = found["season"] + last - past[:, [-1 - season]]
    if rows >= 2 * season > 2:
        years = past[:, -2 * season :].reshape(len(past), 2, season).mean(axis=2)
        found["season, moved by a season"] = found["season"] + np.diff(years, axis=1)
    return found


def errors(plan: Plan, lookback: int) -> dict[tuple[str, int], tuple[float, float]]:
    """Give the errors on validation and on the test part with each prior."""
    dataset = build(plan.panel, lookback, plan.horizon)
    parts = [dataset.parts[name] for name in ("train", "validation", "test")]
    boards = [Scoreboard(dataset, part, plan.season) for part in parts]
    x = [part.inputs()[:, :, 0] for part in parts]
    x = [one - one[:, -1:] for one in x]
    prior = [priors(part, plan.season) for part in parts]
    found = {}
    for name in prior[0]:

        def missed(model: Ridge, part: int, name: str = name) -> float:
            told = prior[part][name] + model.predict(x[part])
            return float(boards[part].score(name, [boards[part].restore(told)]).mae)

        fitted = [Ridge(a).fit(x[0], parts[0].targets() - prior[0][name]) for a in ALPHAS]
        best = min(fitted, key=lambda model: missed(model, 1))
        found[name, lookback] = missed(best, 1), missed(best, 2)
    return found


def main() -> None:
    """Print a line for each series and share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*ASKED, []])
    for name in parser.parse_args().names or TABLE:
        options = options_of(name)
        whole = make_plan(data_of(name), options).panel
        for share in SHARES:
            cut = tuple(one.until(int(len(one.ds) * share)) for one in whole.series)
            plan = plan_of(replace(whole, series=cut, notes=()), options)
            found = {}
            for lookback in sorted({plan.lookback, max(plan.lookback, 2 * plan.season + 1)}):
                found |= errors(plan, lookback)
            said = (f"{p} ({k}) {v:.3f} {t:.3f}" for (p, k), (v, t) in found.items())
            print(f"{name} {share:.0%}: {'; '.join(said)}; taken {min(found, key=found.get)}")


if __name__ == "__main__":
    main()
