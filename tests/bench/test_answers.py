"""What counts as an answer."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell import reference
from glasscell.bench import answers
from glasscell.bench import numbers as data
from glasscell.bench.cases import Case
from glasscell.cells.parameters import LayerWeights


def case_of(task, **more):
    return Case("LSTM", task, task, 4, 3, 5, 6, **more)


def weights_of(numbers):
    return LayerWeights(**{name: a.astype(np.float64) for name, a in numbers.weights.items()})


def test_an_output_within_rounding_is_an_answer_and_one_beyond_is_not():
    case = case_of("inference")
    truth = answers.expected(case, data.make(case))
    good = answers.check(case, truth.astype(np.float32), truth)
    assert good.passed
    wrong = truth.copy()
    wrong[2, 1, 3] += 2 * good.allowed * np.abs(truth).max()
    assert not answers.check(case, wrong, truth).passed


@pytest.mark.parametrize("spoil", [lambda y: y[:-1], lambda y: np.full_like(y, np.nan)])
def test_a_wrong_shape_or_nan_is_no_answer(spoil):
    case = case_of("inference")
    truth = answers.expected(case, data.make(case))
    assert answers.check(case, spoil(truth), truth).error == np.inf


def test_stored_weights_may_differ_by_their_own_rounding():
    case, coarse = case_of("step"), case_of("step", weights="int8")
    truth = answers.expected(case, data.make(case))
    off = truth + 0.01 * np.abs(truth).max()
    assert answers.check(coarse, off, truth).passed
    assert not answers.check(case, off, truth).passed


def test_a_batch_is_computed_in_parts_without_a_trace_in_the_answer(monkeypatch):
    whole = {}
    for task in ("inference", "training", "trace"):
        case = case_of(task, ragged=task == "inference")
        whole[task] = case, answers.expected(case, data.make(case))
    monkeypatch.setattr(answers, "ROWS", 2)
    for case, truth in whole.values():
        np.testing.assert_allclose(answers.expected(case, data.make(case)), truth, rtol=1e-12)


def test_training_answers_with_the_gradients_side_by_side():
    case = case_of("training")
    numbers = data.make(case)
    run = reference.lstm(weights_of(numbers), numbers.x.astype(np.float64))
    found = reference.lstm_backward(run, numbers.dy.astype(np.float64))
    answer = answers.expected(case, numbers)
    np.testing.assert_allclose(answer[:, :5], found.dweight_ih, rtol=1e-12)
    np.testing.assert_allclose(answer[:, 5:11], found.dweight_hh, rtol=1e-12)
    np.testing.assert_allclose(answer[:, 11], found.dbias_ih, rtol=1e-12)


def test_one_step_answers_with_steps_that_carry_the_state_on():
    case = Case("RNN", "step", "step", 1, 1, 5, 6)
    first, second, third = answers.expected(case, data.make(case))
    assert not np.allclose(first, second)
    assert not np.allclose(second, third)
