"""How good probabilities and numbers are against the truth: one definition for fit and evaluate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    log_loss,
    r2_score,
)

from glasscell.arrays import Array

BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""


def metrics(goal: str, truth: Array, said: Array, scale: Array) -> dict[str, float]:
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
    >>> calibration_error(np.arange(10) < 3, np.full(10, 0.3))
    0.0
    """
    place = np.clip(np.ceil(sure * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gap = np.bincount(place, right.astype(np.float64) - sure, minlength=BINS)
    # What is left of a sum that comes out even, some 1e-17, is no error.
    return round(float(abs(gap).sum() / len(sure)), 12)


@contextmanager
def _absent_classes() -> Iterator[None]:
    """Keep scikit-learn from warning of a class that is told and not there, or the reverse."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
        warnings.filterwarnings("ignore", "A single label was found", UserWarning)
        yield
