"""What metrics.json says of single predictions."""

import numpy as np
import pytest

from glasscell.tasks.sequences.out_of_sample import out_of_sample
from labelled_sequences import made, sure


def test_a_row_of_the_matrix_is_what_is_right():
    found = out_of_sample(
        made([0, 0, 1, 2], [1] * 4), np.arange(4), sure(3, [0, 1, 1, 0], [0.9] * 4)
    )
    assert found["confusion"] == {
        "classes": ["a", "b", "c"], "counts": [[1, 1, 0], [0, 1, 0], [1, 0, 0]],
        "precision": [0.5, 0.5, None], "recall": [0.5, 1.0, 0.0], "number": [2, 1, 1],
    }  # fmt: skip


def test_a_sequence_tested_several_times_is_one_mistake_at_its_surest():
    tested = np.array([0, 1, 0, 1, 0, 1])
    outputs = sure(3, [1, 1, 2, 1, 0, 1], [0.6, 0.9, 0.8, 0.9, 0.7, 0.9])
    found = out_of_sample(made([0, 1], [1, 1]), tested, outputs)
    assert found["mistakes"] == [
        {"sequence": "s0", "step": None, "truth": "a", "predicted": "c",
         "probability": pytest.approx(0.8), "wrong": 2, "times": 3}
    ]  # fmt: skip
    assert np.sum(found["confusion"]["counts"]) == 6


def test_of_labels_a_step_the_surest_wrong_step_is_named():
    sequences = made([0, 1, 2, 2, 2], [2, 3], per_step=True)
    tested = np.array([1, 0])
    outputs = sure(3, [2, 0, 1, 0, 1], [0.9, 0.6, 0.7, 0.9, 0.9])
    found = out_of_sample(sequences, tested, outputs)
    (mistake,) = found["mistakes"]
    assert (mistake["sequence"], mistake["step"], mistake["predicted"]) == ("s1", 2, "b")
    assert (mistake["wrong"], mistake["times"]) == (2, 3)


def test_calibration_counts_every_prediction_and_is_right_as_often_as_it_is():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 500)
    outputs = random.dirichlet([1, 1, 1], 500)
    found = out_of_sample(made(truth, [1] * 500), np.arange(500), outputs)["calibration"]
    assert sum(found["count"]) == 500
    right = sum(a * n for a, n in zip(found["accuracy"], found["count"], strict=True))
    assert right == pytest.approx((outputs.argmax(axis=1) == truth).sum())
    meant = sum(c * n for c, n in zip(found["confidence"], found["count"], strict=True))
    assert meant == pytest.approx(outputs.max(axis=1).sum())


def test_several_labels_at_once_have_a_table_each():
    truth = np.array([[1, 0], [1, 1], [0, 1]], bool)
    outputs = np.array([[0.9, 0.8], [0.2, 0.7], [0.1, 0.9]])
    found = out_of_sample(made(truth, [1] * 3, ("a", "b"), "multilabel"), np.arange(3), outputs)
    assert found["confusion"] == {
        "classes": ["a", "b"], "precision": [1.0, pytest.approx(2 / 3)], "recall": [0.5, 1.0],
        "number": [2, 2],
    }  # fmt: skip
    assert [one["predicted"] for one in found["mistakes"]] == ["a, b", "b"]


def test_of_numbers_the_worst_are_listed():
    truth = np.array([[1.0, 2.0], [3.0, 5.0]])
    outputs = truth + np.array([[0.5, 0], [0.1, 0]])
    found = out_of_sample(made(truth, [1, 1], ("u", "v"), "number"), np.arange(2), outputs)
    assert found["residuals"]["truth"] == truth.tolist()
    assert [one["sequence"] for one in found["mistakes"]] == ["s0", "s1"]
