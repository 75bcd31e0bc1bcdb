"""Inputs that do not fit are refused with what was expected and what came."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell import reference
from glasscell.cells.parameters import Config
from glasscell.errors import DtypeError, ShapeError
from strategies import make_problem, network_weights

LSTM = make_problem(Config(mode="LSTM", input_size=2, hidden_size=3), T=4, B=5)
RNN = make_problem(Config(mode="RNN_TANH", input_size=2, hidden_size=3), T=4, B=5)


def call(problem=LSTM, **changes):
    arguments = {"x": problem.x} | changes
    return (reference.lstm if problem is LSTM else reference.rnn)(problem.weights, **arguments)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": np.zeros((4, 2))}, ShapeError, r"x of shape \(T, B, I\) with I = 2, got \(4, 2\)"),
        ({"x": np.zeros((4, 5, 3))}, ShapeError, r"got \(4, 5, 3\)"),
        ({"x": np.zeros((4, 5, 2), int)}, DtypeError, "x of a floating dtype, got int64"),
        ({"x": np.zeros((4, 5, 2), np.float32)}, DtypeError, "of the dtype of x, float32"),
        ({"h0": np.zeros((5, 2))}, ShapeError, r"h0 of shape \(5, 3\), got \(5, 2\)"),
        ({"h0": np.zeros((5, 3), np.float32)}, DtypeError, "h0 of the dtype of x"),
        ({"lengths": [1, 2]}, ShapeError, r"lengths of shape \(5,\), got \(2,\)"),
        ({"lengths": [0, 1, 2, 3, 5]}, ShapeError, "lengths between 0 and T = 4"),
        ({"lengths": [0, 1, 2, 3, -1]}, ShapeError, "lengths between 0 and T = 4"),
        ({"lengths": [0.0, 1, 2, 3, 4]}, DtypeError, "lengths of an integer dtype, got float64"),
        ({"reset": np.zeros((5, 4), bool)}, ShapeError, r"\(T, B\) = \(4, 5\), got \(5, 4\)"),
        ({"reset": np.zeros((4, 5))}, DtypeError, "reset of dtype bool, got float64"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("problem", [LSTM, RNN], ids=["lstm", "rnn"])
def test_an_input_that_does_not_fit_is_refused(problem, changes, error, message):
    with pytest.raises(error, match=message):
        call(problem, **changes)


def test_a_cell_state_that_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"expected c0 of shape \(5, 3\), got \(3, 5\)"):
        call(c0=np.zeros((3, 5)))


def test_a_gradient_that_does_not_fit_is_refused():
    run = call()
    with pytest.raises(ShapeError, match=r"expected dy of shape \(4, 5, 3\), got \(4, 5, 1\)"):
        reference.lstm_backward(run, np.zeros((4, 5, 1)))
    with pytest.raises(DtypeError, match="expected dc_n of dtype float64, got float32"):
        reference.lstm_backward(run, np.zeros((4, 5, 3)), dc_n=np.zeros((5, 3), np.float32))


def test_an_unknown_nonlinearity_is_refused():
    with pytest.raises(ValueError, match=r"expected nonlinearity out of .*got 'gelu'"):
        call(RNN, nonlinearity="gelu")


@pytest.mark.parametrize(("T", "B"), [(0, 5), (4, 0), (0, 0)])
def test_no_steps_or_no_sequences_give_empty_outputs_and_the_initial_state(T, B):
    problem = make_problem(LSTM.config, T, B)
    run = reference.lstm(problem.weights, problem.x, problem.h0, problem.c0)
    assert run.h.shape == (T, B, 3)
    back = reference.lstm_backward(run, np.zeros_like(run.h), np.ones_like(run.h_n))
    assert back.dx.shape == (T, B, 2)
    if T == 0:
        np.testing.assert_array_equal(run.h_n, problem.h0)
        np.testing.assert_array_equal(back.dh0, np.ones((B, 3)))


def test_a_network_refuses_states_of_another_network():
    config = Config(mode="RNN_TANH", input_size=2, hidden_size=3, num_layers=2)
    layers = network_weights(config, np.random.default_rng(0))
    with pytest.raises(ShapeError, match=r"expected h0 with L\*D = 2 on its first axis"):
        reference.forward(config, layers, RNN.x, np.zeros((1, 5, 3)))
    with pytest.raises(ShapeError, match="RNN_TANH has no cell state"):
        reference.forward(config, layers, RNN.x, c0=np.zeros((2, 5, 3)))


def test_inputs_are_left_as_they_were():
    kept = LSTM.x.copy(), LSTM.h0.copy(), LSTM.c0.copy()
    run = call(h0=LSTM.h0, c0=LSTM.c0, lengths=[4, 0, 2, 1, 3])
    reference.lstm_backward(run, np.ones_like(run.h), np.ones_like(run.h_n))
    for array, copy in zip((LSTM.x, LSTM.h0, LSTM.c0), kept, strict=True):
        np.testing.assert_array_equal(array, copy)
