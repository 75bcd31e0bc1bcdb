"""The list of cases, and the numbers that a case computes with."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from glasscell.bench import numbers
from glasscell.bench.cases import CASES, Case, select
from glasscell.errors import DataError


def test_no_two_rows_have_the_same_label():
    labels = [case.label for case in CASES]
    assert len(set(labels)) == len(labels) > 50


@pytest.mark.parametrize("mode", ["GRU", "RNN"])
def test_every_row_of_the_lstm_that_is_about_speed_has_one_of_the_others(mode):
    names = ("one step", "inference", "training")
    speed = {
        (case.task, case.sizes)
        for case in CASES
        if case.mode == "LSTM" and case.name in names and case.H % 16 == 0
    }
    assert {(c.task, c.sizes) for c in CASES if c.mode == mode and c.name in names} == speed


def test_quick_rows_are_few_and_of_many_kinds():
    quick = select(quick=True)
    assert len(quick) <= 20
    assert {case.task for case in quick} >= {"step", "inference", "training", "trace"}


def test_a_row_is_found_by_all_of_its_words_in_any_order():
    assert [case.label for case in select("512, training LSTM")] == [
        "LSTM training (100, 64, 512, 512)"
    ]


def test_words_that_no_row_has_are_refused_with_what_there_is():
    with pytest.raises(
        DataError, match=r"has all words of 'mlstm'; there are LSTM one step, .*RNN"
    ):
        select("mlstm")
    with pytest.raises(DataError, match="no case among the --quick ones"):
        select("pool", quick=True)


@pytest.mark.parametrize(
    ("task", "times"), [("inference", 2 * 16 + 2 * 24), ("training", 4 * 16 + 6 * 24)]
)
def test_flop_count_the_products_forward_and_backward(task, times):
    case = Case("LSTM", task, task, 5, 3, 16, 24)
    assert case.flop == 5 * 3 * 4 * 24 * times
    assert Case("RNN", task, task, 5, 3, 16, 24).flop * 4 == case.flop


def test_flop_of_a_ragged_batch_count_the_steps_that_are_there():
    dense = Case("LSTM", "inference", "inference", 20, 8, 16, 24)
    ragged = Case("LSTM", "inference", "inference", 20, 8, 16, 24, ragged=True)
    assert ragged.lengths.min() >= 1
    assert ragged.lengths.max() == 20
    assert ragged.flop * 160 == dense.flop * int(ragged.lengths.sum())


def test_beside_a_row_stands_the_same_work_another_way():
    def of(name, **more):
        return Case("LSTM", name, name, 9, 4, 24, 16, **more).beside

    assert of("inference") is None
    assert of("trace")[1].task == "inference"
    assert not of("inference", ragged=True)[1].ragged
    assert of("step", weights="int8")[1].weights == "float32"
    assert not of("training", checkpoint=True)[1].checkpoint
    assert of("training", checkpoint=True, measure="memory") is None


def test_an_odd_size_stands_beside_the_next_multiple_of_8():
    both = Case("LSTM", "inference", "inference", 9, 4, 50, 50).beside
    assert (both[0], both[1].sizes) == ("H = 56, per FLOP", (9, 4, 56, 56))
    own_input = Case("LSTM", "inference", "inference", 9, 4, 3, 200).beside[1]
    assert own_input.sizes == (9, 4, 3, 208)


def test_a_case_has_the_same_numbers_in_another_process():
    case = Case("LSTM", "inference", "inference", 6, 5, 3, 4, ragged=True)
    other = pickle.loads(pickle.dumps(case))
    assert other == case
    for a, b in zip(numbers.make(case), numbers.make(other), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_array_equal(a, b)


def test_no_gradient_arrives_after_the_end_of_a_sequence():
    case = Case("LSTM", "training", "training", 6, 5, 3, 4, ragged=True)
    dy = numbers.make(case).dy
    for b, length in enumerate(case.lengths):
        assert (dy[:length, b] != 0).all()
        assert (dy[length:, b] == 0).all()
