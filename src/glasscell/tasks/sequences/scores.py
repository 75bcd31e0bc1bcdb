"""Scores what methods say of the test parts: right or wrong, by class, and how sure they are.

Where every round has a test part of its own, the rounds are put together first, so that each
sequence counts once; where they share one, every round is scored and the mean is given.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    r2_score,
)

from glasscell.arrays import Array
from glasscell.tasks.sequences.options import Goal
from glasscell.tasks.sequences.plan import Plan
from glasscell.tasks.sequences.splits import Index

CLASSES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece")
METRICS: dict[Goal, tuple[str, ...]] = {
    "classify": CLASSES,
    "multilabel": ("accuracy", "exact_match", *CLASSES[1:]),
    "regress": ("mae", "rmse", "r2"),
}
"""What is measured of each goal; the first decides which baseline is the best."""

BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""


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
        said: What it said in each round.
    """

    name: str
    metrics: dict[str, float]
    spread: float = math.nan
    rounds: int = 1
    parameters: int = 0
    seconds: float = 0.0
    marks: Array
    said: tuple[Array, ...] = field(repr=False)

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
        self, name: str, said: Sequence[Array], *, parameters: int = 0, seconds: float = 0.0
    ) -> Method:
        """Score one method.

        Args:
            name: Its name.
            said: For each round in turn (m, K) probabilities or (m, D) numbers in the data's unit;
                only the first round's where nothing changes between them.
            parameters: Numbers that were fitted.
            seconds: Time to fit.
        """
        used = list(zip(self.truths, said, self.scales, strict=False))
        by_round = [metrics(self.goal, *one) for one in used]
        mean = {key: float(np.mean([one[key] for one in by_round])) for key in by_round[0]}
        if self.apart:
            wide = [np.broadcast_to(scale, (len(truth), len(scale))) for truth, _, scale in used]
            parts = ([one[0] for one in used], [one[1] for one in used], wide)
            mean = metrics(self.goal, *map(np.concatenate, parts))
        first = [next(iter(one.values())) for one in by_round]
        marks = np.full((len(used), len(self.units)), math.nan)
        for row, test, one in zip(marks, self.tests, used, strict=False):
            row[np.searchsorted(self.units, test)] = self._by_unit(test, *one)
        return Method(
            name=name,
            metrics=mean,
            spread=float(np.std(first, ddof=1)) if len(first) > 1 else math.nan,
            rounds=len(used),
            parameters=parameters,
            seconds=seconds,
            marks=marks,
            said=tuple(said),
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
            return values
        lengths = self.plan.sequences.lengths[test]
        ends = np.cumsum(lengths)
        of_steps: Array = np.add.reduceat(values, ends - lengths)
        return of_steps / lengths

    def weights(self) -> Array:
        """(U,) what each tested sequence counts: its steps, if each has a label, else 1."""
        if self.plan.labels.per_step:
            return self.plan.sequences.lengths[self.units].astype(np.float64)
        return np.ones(len(self.units))

    def confusion(self, method: Method) -> dict[str, Any]:
        """Count which class was taken for which, over all rounds; empty without classes."""
        if self.goal != "classify":
            return {}
        names = self.plan.labels.names
        truth = np.concatenate(self.truths[: method.rounds])
        said = np.concatenate([one.argmax(axis=1) for one in method.said])
        counts = confusion_matrix(truth, said, labels=np.arange(len(names)))
        return {
            "of": method.name,
            "rounds": method.rounds,
            "classes": list(names),
            "counts": counts.tolist(),
        }

    def by_class(self, method: Method) -> list[dict[str, Any]]:
        """Give precision, recall and F1 of every class or label, or the errors of every number."""
        names = self.plan.labels.names
        truth = np.concatenate(self.truths[: method.rounds])
        said = np.concatenate(method.said)
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


def metrics(goal: Goal, truth: Array, said: Array, scale: Array) -> dict[str, float]:
    """Measure what was said against the truth.

    Args:
        goal: One class, several labels or numbers.
        truth: (m,) classes, (m, K) whether labels hold, or (m, D) numbers.
        said: (m, K) probabilities or (m, D) numbers.
        scale: What an error of 1 is, by number; of use to `goal` regress alone.

    >>> metrics("classify", np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]]), np.ones(1))[
    ...     "accuracy"]
    0.5
    """
    if goal == "regress":
        error = (said - truth) / scale
        r2 = r2_score(truth, said) if len(truth) > 1 else math.nan
        return {
            "mae": float(abs(error).mean()),
            "rmse": float(np.sqrt((error**2).mean())),
            "r2": float(r2),
        }
    with _absent_classes():
        if goal == "multilabel":
            holds = said > 0.5
            columns = range(truth.shape[1])
            return {
                "accuracy": float((holds == truth).mean()),
                "exact_match": float((holds == truth).all(axis=1).mean()),
                "balanced_accuracy": float(
                    np.mean([balanced_accuracy_score(truth[:, k], holds[:, k]) for k in columns])
                ),
                "macro_f1": float(f1_score(truth, holds, average="macro", zero_division=0)),
                "log_loss": float(
                    np.mean([log_loss(truth[:, k], said[:, k], labels=[0, 1]) for k in columns])
                ),
                "ece": calibration_error(truth.ravel(), said.ravel()),
            }
        told = said.argmax(axis=1)
        return {
            "accuracy": float(accuracy_score(truth, told)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, told)),
            "macro_f1": float(f1_score(truth, told, average="macro", zero_division=0)),
            "log_loss": float(log_loss(truth, said, labels=np.arange(said.shape[1]))),
            "ece": calibration_error(told == truth, said.max(axis=1)),
        }


def calibration_error(right: Array, sure: Array) -> float:
    """Give the expected calibration error: how far the said probability is from the rate.

    ECE = Σ_b |B_b| / m · |rate(B_b) − mean probability(B_b)| over 15 bins of equal width.

    Args:
        right: (m,) whether it came true.
        sure: (m,) the probability that was said.

    >>> calibration_error(np.array([True, True, False, False]), np.full(4, 0.75))
    0.25
    """
    place = np.clip(np.ceil(sure * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gap = np.bincount(place, right.astype(np.float64) - sure, minlength=BINS)
    return float(abs(gap).sum() / len(sure))


@contextmanager
def _absent_classes() -> Iterator[None]:
    """Keep scikit-learn from warning of a class that is told and not there, or the reverse."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
        warnings.filterwarnings("ignore", "A single label was found", UserWarning)
        yield
