"""Scores, recomputed by hand on a few sequences."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.tasks.sequences.measures import calibration_error, metrics
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import plan_of
from glasscell.tasks.sequences.scores import Scoreboard
from made_sequences import made

ONE = np.ones(1)


def test_the_measures_of_classes_are_their_definitions():
    truth = np.array([0, 0, 0, 1])
    said = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    found = metrics("classify", truth, said, ONE)
    assert found["accuracy"] == 3 / 4
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    # F1 = 2 TP / (2 TP + FP + FN): of class 0 4 / 5, of class 1 2 / 3
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.8, 0.3, 0.6])))
    # Four bins of one each: |right - sure|
    assert found["ece"] == pytest.approx((0.1 + 0.2 + 0.7 + 0.4) / 4)


def test_the_measures_of_labels_are_means_over_labels():
    truth = np.array([[True, False], [False, False], [True, True], [False, True]])
    said = np.array([[0.9, 0.6], [0.2, 0.3], [0.7, 0.8], [0.1, 0.4]])
    found = metrics("multilabel", truth, said, ONE)
    assert found["accuracy"] == 6 / 8
    assert found["exact_match"] == 2 / 4
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["macro_f1"] == pytest.approx((1 + 1 / 2) / 2)
    likely = np.where(truth, said, 1 - said)
    assert found["log_loss"] == pytest.approx(-np.log(likely).mean())


def test_the_measures_of_numbers_are_in_the_given_unit():
    truth, said = np.array([[1.0], [3.0], [5.0]]), np.array([[2.0], [3.0], [3.0]])
    found = metrics("regress", truth, said, np.array([2.0]))
    assert found["mae"] == pytest.approx((1 + 0 + 2) / 3 / 2)
    assert found["rmse"] == pytest.approx(np.sqrt((1 + 0 + 4) / 3) / 2)
    assert found["r2"] == pytest.approx(1 - 5 / 8)


def test_calibration_of_what_is_as_often_right_as_it_says_is_perfect():
    rng = np.random.default_rng(0)
    sure = rng.uniform(size=200_000)
    right = rng.uniform(size=len(sure)) < sure
    # A bin of 13,333 has a rate within 0.5 / √13,333 = 0.0043 of the truth.
    assert calibration_error(right, sure) < 0.01
    assert calibration_error(right, sure**2) > 0.1


def test_folds_are_scored_together_and_a_shared_test_part_round_by_round():
    for test in (None, np.arange(36) >= 24):
        data = made(test=test)
        plan = plan_of(data, SequenceOptions(rounds=3))
        board = Scoreboard(plan)
        rng = np.random.default_rng(1)
        said = {r: rng.dirichlet([1, 1], len(part.test)) for r, part in enumerate(plan.rounds)}
        method = board.score("some", said)
        right = {
            r: one.argmax(axis=1) == data.labels.values[plan.rounds[r].test]
            for r, one in said.items()
        }
        rates = [one.mean() for one in right.values()]
        together = np.mean(np.concatenate(list(right.values())))
        assert method.metrics["accuracy"] == pytest.approx(
            together if test is None else np.mean(rates)
        )
        assert method.spread == pytest.approx(np.std(rates, ddof=1))
        known = np.isfinite(method.marks).sum(axis=0)
        assert (known == (1 if test is None else 3)).all()


def test_labels_per_step_are_marked_by_sequence():
    data = made(per_step=True, test=np.arange(36) >= 24)
    plan = plan_of(data, SequenceOptions(rounds=1))
    board = Scoreboard(plan)
    always_high = np.tile([0.0, 1.0], (int(data.lengths[24:].sum()), 1))
    marks = board.score("high", {0: always_high}).marks
    parts = [data.labels.values[data.offsets[k] : data.offsets[k + 1]] for k in range(24, 36)]
    np.testing.assert_allclose(marks[0], [part.mean() for part in parts])
    np.testing.assert_array_equal(board.weights(), data.lengths[24:])


def test_one_class_taken_for_the_other_shows_in_the_table_of_classes():
    data = made(test=np.arange(36) >= 24)
    board = Scoreboard(plan_of(data, SequenceOptions(rounds=1)))
    method = board.score("low", {0: np.tile([0.9, 0.1], (12, 1))})
    low, high = board.by_class(method)
    assert (low["precision"], low["recall"], low["support"]) == (0.5, 1.0, 6)
    assert (high["precision"], high["recall"], high["support"]) == (0.0, 0.0, 6)
