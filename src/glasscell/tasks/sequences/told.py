"""What scores of a network come to: classes with their probabilities, labels, or numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.errors import DataError
from glasscell.tasks.scaling import Scaler

__all__ = ["Told", "probabilities", "told"]

BOTH = ";"
"""What stands between several labels."""


def probabilities(goal: str, scores: Array) -> npt.NDArray[np.float64]:
    """Give softmax of scores for one class, their logistic function for several labels.

    Args:
        goal: "classify" or "multilabel".
        scores: (..., K).

    >>> probabilities("classify", np.array([[0.0, np.log(3.0)]])).round(4)
    array([[0.25, 0.75]])
    """
    scores = np.asarray(scores, np.float64)
    if goal == "multilabel":
        # Of -|s|, so that no exponential is larger than 1.
        small = np.exp(-abs(scores))
        held: npt.NDArray[np.float64] = np.where(scores < 0, small, 1.0) / (1.0 + small)
        return held
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: npt.NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return shares


@dataclass(frozen=True, eq=False)
class Told:
    """Turns the scores of one sequence, or of one step, into what a user reads.

    Args:
        goal: "classify", "multilabel" or "regress".
        names: Classes, labels or targets.
        scaler: Of the numbers to tell; None for classes.
    """

    goal: str
    names: tuple[str, ...]
    scaler: Scaler | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what `row` gives."""
        if self.goal == "regress":
            return self.names
        return ("predicted", *(f"p({name})" for name in self.names))

    def row(self, scores: Array) -> list[Any]:
        """Give what the scores (K,) come to, in the order of `columns`.

        >>> Told("classify", ("no", "yes")).row(np.array([0.0, 0.0]))
        ['no', 0.5, 0.5]
        """
        if self.scaler is not None:
            restored: list[Any] = self.scaler.restore(scores.astype(np.float64)).tolist()
            return restored
        shares = probabilities(self.goal, scores)
        if self.goal == "multilabel":
            held = [name for name, share in zip(self.names, shares, strict=True) if share > 0.5]
            return [BOTH.join(held), *shares.tolist()]
        return [self.names[int(np.argmax(scores))], *shares.tolist()]


def told(settings: Mapping[str, Any]) -> Told:
    """Make it from preprocessing.json of a run.

    Raises:
        DataError: The file lacks what it takes.
    """
    goal = settings.get("goal")
    names = settings.get("targets" if goal == "regress" else "classes")
    if goal not in ("classify", "multilabel", "regress") or not names:
        raise DataError("preprocessing.json of the run is damaged: it has no goal or classes")
    kept = settings.get("target_scaler")
    scaler = None if kept is None else Scaler(np.array(kept["mean"]), np.array(kept["scale"]))
    return Told(goal, tuple(map(str, names)), scaler)
