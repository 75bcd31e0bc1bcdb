"""Compare ways to calibrate 90 % intervals, on the test part and on the data before it.

usage: python experiments/interval_choices.py [NAME ...]

NAME is one of those that experiments/lookback.py knows. One LSTM of seed 0 each, fitted once on all
data and once on the first 80 % of the rows, as if they were all. A line for each choice: percent of
the values that are held, and the mean interval score (Gneiting & Raftery 2007, less is better), in
standard deviations of the training part. docs/decisions/intervals.md has the table.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace

import numpy as np
from lookback import ASKED, data_of, options_of, trained

from glasscell.arrays import Array
from glasscell.tasks.forecast.fitting import start
from glasscell.tasks.forecast.intervals import GAMMA, RECENT
from glasscell.tasks.forecast.network import Recipe, predict
from glasscell.tasks.forecast.plan import Plan, make_plan, plan_of

TABLE = ("elec_equip", "elnino", "co2", "seattle-weather")
LEVEL = 0.9


@dataclass(frozen=True)
class Choice:
    """How the margin of a step is made.

    Args:
        near: Steps to either side whose scores count too, where there are fewer than `few`.
        few: Likewise.
        decay: What the weight of a score is multiplied by at each later one.
        recent: Scores that are remembered.
        between: Whether quantiles are interpolated between two scores.
        gamma: How fast α moves at the first step.
    """

    near: int = 0
    few: int = 50
    decay: float = 1.0
    recent: int = RECENT
    between: bool = False
    gamma: float = GAMMA

    def margin(self, scores: list[list[float]], alpha: float) -> float:
        """Give the (1 - alpha) quantile of the scores of some steps, each in order of time."""
        kept = [one[-self.recent :] for one in scores]
        pool = np.concatenate(kept)
        order = np.argsort(pool)
        pool = pool[order]
        if self.decay < 1:
            weights = np.concatenate([self.decay ** np.arange(len(k) - 1.0, -1, -1) for k in kept])
            total = np.cumsum(weights[order])
            place = int(np.searchsorted(total, (1 - alpha) * (total[-1] + 1) - 1e-9))
            return float(pool[min(place, len(pool) - 1)])
        place = (1 - alpha) * (len(pool) + 1)
        if self.between:
            return float(np.interp(place, np.arange(1, len(pool) + 1), pool))
        return float(pool[min(max(math.ceil(place - 1e-9), 1), len(pool)) - 1])

    def margins(self, held_out: Array, tested: Array, rows: Array) -> Array:
        """Give (M, horizon) margins, each of what was known before its forecast's first row.

        Args:
            held_out: (m, horizon) scores of validation windows, in order of time.
            tested: (M, horizon) scores of test windows.
            rows: (M,) first row that each forecasts.
        """
        margins, horizon = np.empty_like(tested), tested.shape[1]
        for step in range(horizon):
            near = self.near if len(held_out) < self.few else 0
            steps = range(max(0, step - near), min(horizon, step + near + 1))
            scores = [held_out[:, one].tolist() for one in steps]
            learnt, alpha, rate = dict.fromkeys(steps, 0), 1 - LEVEL, self.gamma / (step + 1)
            for place, row in enumerate(rows.tolist()):
                for known, one in zip(scores, steps, strict=True):
                    while learnt[one] < place and rows[learnt[one]] + one < row:
                        at = learnt[one]
                        known.append(tested[at, one])
                        if one == step:
                            alpha += rate * (1 - LEVEL - (tested[at, step] > margins[at, step]))
                            alpha = min(max(alpha, 0.0), 1.0)
                        learnt[one] += 1
                margins[place, step] = self.margin(scores, alpha)
        return margins


CHOICES = {
    "as it is": Choice(),
    "five neighbouring steps": Choice(near=2),
    "all steps": Choice(near=99),
    "weighted 0.97 a row": Choice(decay=0.97),
    "weighted 0.9 a row": Choice(decay=0.9),
    "the last 50": Choice(recent=50),
    "interpolated": Choice(between=True),
    "conformal": Choice(gamma=0.0, recent=10**9),
}


def told(plan: Plan, choice: Choice, missed: tuple[Array, Array]) -> str:
    """Say what intervals hold, and their score."""
    margins = choice.margins(*missed, plan.test.origins)
    beyond = np.maximum(missed[1] - margins, 0)
    score = float((2 * margins + 2 / (1 - LEVEL) * beyond).mean())
    return f"{100 * float((beyond == 0).mean()):.1f} ({score:.2f})"


def main() -> None:
    """Print a line for each series, part and choice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*ASKED, []])
    for name in parser.parse_args().names or TABLE:
        whole = make_plan(data_of(name), options_of(name))
        cut = tuple(one.until(len(one.ds) * 8 // 10) for one in whole.panel.series)
        before = plan_of(replace(whole.panel, series=cut, notes=()), options_of(name))
        for part, plan in (("test", whole), ("before", before)):
            network = trained(Recipe.of(plan, start(plan)), 0)
            held_out, tested = (
                abs(predict(network, windows) - windows.targets())
                for windows in (plan.validation, plan.test)
            )
            for said, choice in CHOICES.items():
                print(f"{name}, {part}, {said}: {told(plan, choice, (held_out, tested))}")


if __name__ == "__main__":
    main()
