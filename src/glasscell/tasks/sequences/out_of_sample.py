"""What metrics.json says of single predictions: where they go wrong, how sure they are when right.

Every prediction is by a network that has not seen the sequence.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.errors import DataError
from glasscell.tasks.sequences.kept_sequences import surety

__all__ = ["out_of_sample"]

MISTAKES: Final = 100
"""Listed at most."""
POINTS: Final = 2000
"""Residuals kept at most."""
BINS: Final = 10


def out_of_sample(sequences: Sequences, tested: Array, outputs: Array) -> dict[str, Any]:
    """Give the confusion matrix, the calibration and the surest mistakes.

    Args:
        sequences: All that were read, with labels.
        tested: (m,) which sequences were predicted, round by round; one may come several times.
        outputs: Probabilities (m, K), or numbers (m, D) in the data's unit; with a label a step a
            row a step, in the order of `sequences.steps(tested)`.

    Returns:
        For classes and labels `confusion`: `classes`, `precision`, `recall` (None where there is
        none) and `number` of each, and of classes `counts` [truth][predicted]; for numbers
        `residuals`: `names`, `sequences`, `truth` and `predicted`, a row a
        prediction. `calibration`: `confidence`, `accuracy`, `count` of bins that hold any.
        `mistakes`, the surest first, a sequence once: `sequence`, `step` (of labels a step the
        surest wrong one), `truth`, `predicted`, `probability`, `wrong` of `times`.

    >>> labels = Labels("class", np.array([0, 1]), ("no", "yes"))
    >>> two = Sequences(np.ones((2, 1), np.float32), np.arange(3), ("x",), np.array(["a", "b"]),
    ...                 labels)
    >>> said = out_of_sample(two, np.arange(2), np.array([[0.9, 0.1], [0.8, 0.2]]))
    >>> said["confusion"]["counts"]
    [[1, 0], [1, 0]]
    >>> said["mistakes"][0]["sequence"], said["mistakes"][0]["probability"]
    ('b', 0.8)
    """
    labels = sequences.labels
    if labels is None:
        raise DataError("expected sequences with labels, got none")
    tested = np.asarray(tested, np.int64)
    owners, steps = tested, np.zeros(len(tested), np.int64)
    if labels.per_step:
        rows, lengths = sequences.steps(tested), sequences.lengths[tested]
        owners = np.repeat(tested, lengths)
        steps = rows - sequences.offsets[owners]
        truth = labels.values[rows]
    else:
        truth = labels.values[tested]
    names = np.array([str(sequences.names[owner]) for owner in owners], np.str_)
    if labels.kind == "number":
        return _numbers(labels, names, steps, truth, outputs)
    return {
        "confusion": _confusion(labels, truth, outputs),
        "calibration": _calibration(labels, truth, outputs),
        "mistakes": _mistakes(labels, owners, names, steps, truth, outputs),
    }


def _confusion(labels: Labels, truth: Array, outputs: Array) -> dict[str, Any]:
    every = np.arange(len(labels.names))
    said = outputs.argmax(axis=1) if labels.kind == "class" else outputs > 0.5
    precision, recall, _, number = precision_recall_fscore_support(
        truth, said, labels=every, zero_division=np.nan
    )
    found: dict[str, Any] = {"classes": list(labels.names)}
    for name, values in (("precision", precision), ("recall", recall)):
        found[name] = [None if np.isnan(value) else float(value) for value in values]
    found["number"] = number.tolist()
    if labels.kind == "class":
        found["counts"] = confusion_matrix(truth, said, labels=every).tolist()
    return found


def _calibration(labels: Labels, truth: Array, outputs: Array) -> dict[str, Any]:
    """How often the network is right where it is so sure, in ten bins of equal width."""
    if labels.kind == "class":
        sure, right = outputs.max(axis=1), outputs.argmax(axis=1) == truth
    else:
        sure = np.maximum(outputs, 1 - outputs).ravel()
        right = ((outputs > 0.5) == truth).ravel()
    sure = np.clip(sure, 0.0, 1.0)
    accuracy, confidence = calibration_curve(right, sure, n_bins=BINS, pos_label=True)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    # As calibration_curve bins: a value on an edge belongs to the bin below it.
    count = np.bincount(np.searchsorted(edges[1:-1], sure), minlength=BINS)
    return {
        "confidence": confidence.tolist(),
        "accuracy": accuracy.tolist(),
        "count": count[count > 0].tolist(),
    }


def _mistakes(
    labels: Labels, owners: Array, names: Array, steps: Array, truth: Array, outputs: Array
) -> list[dict[str, Any]]:
    sure, wrong, _ = surety(labels.kind, truth, outputs)
    times = dict(
        zip(*(part.tolist() for part in np.unique(owners, return_counts=True)), strict=True)
    )
    amiss, counts = np.unique(owners[wrong], return_counts=True)
    errors = dict(zip(amiss.tolist(), counts.tolist(), strict=True))
    listed: dict[int, dict[str, Any]] = {}
    places = np.flatnonzero(wrong)
    for place in places[np.argsort(-sure[places], kind="stable")].tolist():
        owner = int(owners[place])
        if owner in listed:
            continue
        listed[owner] = {
            "sequence": str(names[place]),
            "step": int(steps[place]) if labels.per_step else None,
            "truth": _said(labels, truth[place]),
            "predicted": _said(
                labels, outputs[place].argmax() if labels.kind == "class" else outputs[place] > 0.5
            ),
            "probability": float(sure[place]),
            "wrong": errors[owner],
            "times": times[owner],
        }
        if len(listed) == MISTAKES:
            break
    return list(listed.values())


def _said(labels: Labels, value: Array) -> str:
    if labels.kind == "class":
        return labels.names[int(value)]
    return ", ".join(name for name, yes in zip(labels.names, value, strict=True) if yes) or "–"


def _numbers(
    labels: Labels, names: Array, steps: Array, truth: Array, outputs: Array
) -> dict[str, Any]:
    sure, _, _ = surety("number", truth, outputs)
    worst = np.argsort(sure, kind="stable")[:MISTAKES]
    every = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), POINTS)).round().astype(int))
    return {
        "residuals": {
            "names": list(labels.names),
            "sequences": names[every].tolist(),
            "truth": truth[every].tolist(),
            "predicted": outputs[every].tolist(),
        },
        "mistakes": [
            {
                "sequence": str(names[place]),
                "step": int(steps[place]) if labels.per_step else None,
                "truth": truth[place].tolist(),
                "predicted": outputs[place].tolist(),
            }
            for place in worst.tolist()
        ],
    }
