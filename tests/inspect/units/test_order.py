"""Orders of units: permutations, and the ones that they promise."""

import itertools

import numpy as np

from glasscell.inspect.units.order import input_correlation, orders, similar_together
from report.page.made import lstm_trace


def test_every_order_has_each_unit_once():
    trace = lstm_trace(40, 9)
    found = orders(trace, np.random.default_rng(1).normal(size=(40, 2)))
    assert set(found) == {"half_life", "saturation", "similarity", "input"}
    assert all(sorted(order) == list(range(9)) for order in found.values())


def test_units_that_move_together_are_neighbours():
    t = np.linspace(0, 20, 300)
    noise = np.random.default_rng(0).normal(size=(300, 6)) * 0.01
    state = np.stack([np.sin(t), np.cos(t), np.sin(t), np.cos(t), np.sin(t), np.cos(t)], 1) + noise
    order = list(similar_together(state))
    kinds = [unit % 2 for unit in order]
    assert sum(a != b for a, b in itertools.pairwise(kinds)) == 1


def test_correlation_is_that_of_numpy_and_zero_for_what_never_moves():
    rng = np.random.default_rng(2)
    state, x = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    state[:, 2] = 7.0
    found = input_correlation(state, x)
    expected = np.abs(np.corrcoef(state[:, :2].T, x.T)[:2, 2:])
    assert np.allclose(found[:2], expected)
    assert (found[2] == 0).all()
