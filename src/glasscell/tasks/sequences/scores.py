"""Scores what methods say of the test parts: right or wrong, by class, and how sure they are.

Where every round has a test part of its own, the rounds are put together first, so that each
sequence counts once; where they share one, every round is scored and the mean is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from glasscell.arrays import Array
from glasscell.tasks.sequences.measures import metrics
from glasscell.tasks.sequences.plan import Plan
from glasscell.tasks.sequences.splits import Index


@dataclass(frozen=True, kw_only=True, eq=False)
class Method:
    """Test results of one method.

    Args:
        name: "majority", "ridge", "LSTM" ...
        metrics: Its mean metrics by name.
        spread: Standard deviation of the first of them between rounds; NaN with one.
        rounds: Rounds it was fitted in; 1 where nothing changes between them.
        parameters: Numbers that were fitted.
        seconds: Time to fit, mean over rounds.
        marks: (rounds, units) of each tested sequence the part that is right, or the mean absolute
            error; NaN where a round does not test it.
        said: What it said, by the number of the round.
    """

    name: str
    metrics: dict[str, float]
    spread: float = math.nan
    rounds: int = 1
    parameters: int = 0
    seconds: float = 0.0
    marks: Array
    said: Mapping[int, Array] = field(repr=False)

    @property
    def headline(self) -> float:
        """The first metric, by which methods are compared."""
        return next(iter(self.metrics.values()))

    def record(self) -> dict[str, Any]:
        """Give the numbers for metrics.json; what is not a number becomes None."""
        numbers = {**self.metrics, f"{next(iter(self.metrics))}_sd": self.spread}
        return {
            "name": self.name,
            **{key: float(v) if math.isfinite(v) else None for key, v in numbers.items()},
            "rounds": self.rounds,
            "parameters": self.parameters,
            "seconds": round(self.seconds, 3),
        }


class Scoreboard:
    """The truth of the test parts, against which methods are scored.

    Args:
        plan: Sequences, labels and rounds.

    Attributes:
        units: (U,) the sequences that are tested in any round.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.goal = plan, plan.goal
        self.apart = plan.scheme == "folds"
        """Whether every round tests other sequences."""
        self.tests = [part.test for part in plan.rounds]
        self.truths = [self.truth(test) for test in self.tests]
        self.units = np.unique(np.concatenate(self.tests))
        scales = [plan.target_scaler(part) for part in plan.rounds]
        # Several numbers have no common unit: each counts in its standard deviations in training.
        several = plan.outputs > 1
        self.scales = [scale.scale if scale and several else np.ones(1) for scale in scales]

    def truth(self, chosen: Index) -> Array:
        """Give the labels of sequences, or of their steps, one after another."""
        labels = self.plan.labels
        values: Array = labels.values[
            self.plan.sequences.steps(chosen) if labels.per_step else chosen
        ]
        return values if labels.kind == "class" else values.reshape(len(values), -1)

    def score(
        self, name: str, said: Mapping[int, Array], *, parameters: int = 0, seconds: float = 0.0
    ) -> Method:
        """Score one method.

        Args:
            name: Its name.
            said: By the number of the round (m, K) probabilities or (m, D) numbers in the data's
                unit; one round's is enough where nothing changes between them.
            parameters: Numbers that were fitted.
            seconds: Time to fit.
        """
        used = [(self.truths[r], one, self.scales[r]) for r, one in said.items()]
        by_round = [metrics(self.goal, *one) for one in used]
        mean = {key: float(np.mean([one[key] for one in by_round])) for key in by_round[0]}
        if self.apart:
            wide = [np.broadcast_to(scale, (len(truth), len(scale))) for truth, _, scale in used]
            parts = ([one[0] for one in used], [one[1] for one in used], wide)
            mean = metrics(self.goal, *map(np.concatenate, parts))
        first = [next(iter(one.values())) for one in by_round]
        marks = np.full((len(used), len(self.units)), math.nan)
        for row, number, one in zip(marks, said, used, strict=True):
            test = self.tests[number]
            row[np.searchsorted(self.units, test)] = self._by_unit(test, *one)
        return Method(
            name=name,
            metrics=mean,
            spread=float(np.std(first, ddof=1)) if len(first) > 1 else math.nan,
            rounds=len(used),
            parameters=parameters,
            seconds=seconds,
            marks=marks,
            said=dict(said),
        )

    def _by_unit(self, test: Index, truth: Array, said: Array, scale: Array) -> Array:
        """Of each tested sequence the part that is right, or its mean absolute error."""
        if self.goal == "classify":
            values = (said.argmax(axis=1) == truth).astype(np.float64)
        elif self.goal == "multilabel":
            values = np.asarray(((said > 0.5) == truth).mean(axis=1))
        else:
            values = np.asarray((abs(said - truth) / scale).mean(axis=1))
        if not self.plan.labels.per_step:
            return np.asarray(values)
        lengths = self.plan.sequences.lengths[test]
        ends = np.cumsum(lengths)
        of_steps: Array = np.asarray(np.add.reduceat(values, ends - lengths) / lengths)
        return of_steps

    def weights(self) -> Array:
        """(U,) what each tested sequence counts: its steps, if each has a label, else 1."""
        if self.plan.labels.per_step:
            return self.plan.sequences.lengths[self.units].astype(np.float64)
        return np.ones(len(self.units))

    def by_class(self, method: Method) -> list[dict[str, Any]]:
        """Give precision, recall and F1 of every class or label, or the errors of every number."""
        names = self.plan.labels.names
        truth = np.concatenate([self.truths[number] for number in method.said])
        said = np.concatenate(list(method.said.values()))
        if self.goal == "regress":
            return [
                {"target": name, **metrics("regress", truth[:, [d]], said[:, [d]], np.ones(1))}
                for d, name in enumerate(names)
            ]
        if self.goal == "classify":
            truth, said = np.eye(len(names), dtype=bool)[truth], said.argmax(axis=1)
            said = np.eye(len(names), dtype=bool)[said]
        else:
            said = said > 0.5
        columns = precision_recall_fscore_support(truth, said, average=None, zero_division=0)
        return [
            {
                "class": name,
                "precision": float(p),
                "recall": float(r),
                "f1": float(f),
                "support": int(s),
            }
            for name, p, r, f, s in zip(names, *columns, strict=True)
        ]
