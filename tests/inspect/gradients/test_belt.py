"""Norms without underflow, lags counted from each sequence's own end, and the belt's recurrence."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.inspect.gradients import belt


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_norms_neither_underflow_nor_overflow(size: float) -> None:
    array = np.array([[[3.0, 0.0], [0.0, 4.0]]]) * size
    np.testing.assert_allclose(belt.per_step(array), [5.0 * size])


def test_norms_of_what_is_not_finite_are_not_finite_and_zero_is_zero() -> None:
    assert belt.norm(np.array([1.0, np.inf])) == np.inf
    assert np.isnan(belt.norm(np.array([1.0, np.nan])))
    assert belt.norm(np.zeros((0,))) == 0


def test_float32_norms_are_taken_in_float64() -> None:
    assert belt.norm(np.full(4, 1e-30, dtype=np.float32)) == pytest.approx(2e-30)


def test_a_cut_stops_the_belt() -> None:
    f, e = np.full((4, 1, 1), 0.5), np.zeros((4, 1, 1))
    e[3] = 8
    cut = np.array([[False], [False], [True], [False]])
    assert belt.along_belt(f, e, cut).ravel().tolist() == [0.0, 0.0, 4.0, 8.0]


def test_lags_count_from_each_sequences_own_last_step() -> None:
    alive = np.array([[True, True], [True, True], [False, True]])
    gradient = np.array([[[1.0], [1.0]], [[2.0], [2.0]], [[0.0], [4.0]]])
    expected = [np.sqrt((2**2 + 4**2) / 2), np.sqrt((1**2 + 2**2) / 2), 1.0]
    np.testing.assert_allclose(belt.per_lag(gradient, alive), expected)


def test_a_sequence_without_steps_has_no_last_one() -> None:
    alive = np.array([[False, True], [False, True]])
    assert belt.last_steps(alive).tolist() == [[False, False], [False, True]]
    np.testing.assert_allclose(belt.per_lag(np.ones((2, 2, 1)), alive), [1.0, 1.0])


def test_an_infinity_beside_what_overflows_when_squared_leaves_an_infinite_norm() -> None:
    assert belt.norm(np.array([np.inf, 1e200])) == np.inf
