"""What the page gets of predictions that a network made of sequences that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array

__all__ = ["per_class", "per_label"]

MEASURES: Final = {
    "confusion": "{classes, counts: [truth][said]}, or of labels that hold at once {classes, each}",
    "calibration": "{confidence, accuracy, count} of bins that hold any prediction",
    "residuals": "{names, sequences, truth: [n][D], predicted: [n][D]} of numbers",
    "shown": "of each series {name, why, truth, said, probability}, texts; probability may be null",
}


def per_class(confusion: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """Give precision, recall and count of each class, NaN where nothing was said or there is none.

    >>> per_class({"counts": [[3, 1], [0, 2]]})
    (array([1.        , 0.66666667]), array([0.75, 1.  ]), array([4, 2]))
    """
    counts = np.asarray(confusion["counts"])
    with np.errstate(invalid="ignore"):
        right, of_truth, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
        return right / said, right / of_truth, of_truth


def per_label(confusion: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """As `per_class`, of labels any number of which hold at once."""
    _, wrong, missed, right = np.asarray(confusion["each"]).T
    with np.errstate(invalid="ignore"):
        return right / (right + wrong), right / (right + missed), right + missed
