"""The numbers of one unit at one step are those of the equations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glasscell.errors import DataError, ShapeError
from glasscell.inspect.units.cell_numbers import cell_numbers
from known_lstm import lstm

H, T = 5, 12
NAMES = ("forget", "input", "candidate", "output", "cell", "hidden")


@pytest.fixture
def network():
    return lstm(T, H)


@pytest.mark.parametrize("step", [0, 1, T - 1])
def test_each_number_obeys_its_equation(network, step):
    weights, x, trace = network
    n = cell_numbers(weights, trace, x, unit=3, step=step)
    for gate, row in n.weights.items():
        total = row @ n.read + n.biases[gate]
        assert n.pre_activations[gate] == pytest.approx(total, abs=1e-12)
        answer = np.tanh(total) if gate == "candidate" else 1 / (1 + np.exp(-total))
        assert getattr(n, gate) == pytest.approx(answer, abs=1e-12)
    assert n.cell == pytest.approx(n.forget * n.cell_prev + n.input * n.candidate, abs=1e-12)
    wires = n.wires
    assert wires["cell"] == pytest.approx(wires["kept"] + wires["written"], abs=1e-12)
    assert wires["hidden"] == pytest.approx(n.output * wires["squashed"], abs=1e-12)
    assert wires["hidden"] == pytest.approx(trace.hidden[step, 3], abs=1e-12)


def test_rows_are_in_the_textbook_order_hidden_part_first(network):
    weights, x, trace = network
    n = cell_numbers(weights, trace, x, unit=1, step=2)
    np.testing.assert_array_equal(n.weights["candidate"][:H], weights.weight_hh[2 * H + 1])
    np.testing.assert_array_equal(n.weights["candidate"][H:], weights.weight_ih[2 * H + 1])


def test_the_first_step_starts_from_the_given_state(network):
    weights, x, trace = network
    later = replace(trace, **{name: getattr(trace, name)[4:] for name in NAMES})
    n = cell_numbers(weights, later, x[4:], unit=0, step=0, h0=trace.hidden[3], c0=trace.cell[3])
    assert n.cell_prev == trace.cell[3, 0]
    with pytest.raises(DataError, match="h0 and c0"):
        cell_numbers(weights, later, x[4:], unit=0, step=0)


def test_a_layer_that_reads_backwards_comes_from_the_step_after(network):
    weights, x, trace = network
    turned = replace(trace, **{n: getattr(trace, n)[::-1] for n in NAMES}, reverse=True)
    n = cell_numbers(weights, turned, x[::-1], unit=2, step=3)
    assert n.cell_prev == turned.cell[4, 2]


def test_negative_indices_count_from_the_end(network):
    weights, x, trace = network
    n = cell_numbers(weights, trace, x, unit=-1, step=-1)
    assert (n.unit, n.step) == (H - 1, T - 1)


def test_a_unit_that_is_not_there_is_refused(network):
    weights, x, trace = network
    with pytest.raises(ShapeError, match=r"unit: expected 0 … 4 \(H = 5\), got 5"):
        cell_numbers(weights, trace, x, unit=5, step=0)


def test_an_input_of_another_width_is_refused(network):
    weights, x, trace = network
    with pytest.raises(ShapeError, match=r"x: expected \(T, I\) = \(12, 2\), got \(12, 3\)"):
        cell_numbers(weights, trace, np.hstack([x, x[:, :1]]), unit=0, step=0)


def test_weights_of_another_network_are_refused(network):
    _, x, trace = network
    other, _, _ = lstm(T, H, seed=7)
    with pytest.raises(DataError, match="pass the weights"):
        cell_numbers(other, trace, x, unit=0, step=5)
