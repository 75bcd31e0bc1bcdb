"""Single units of GRUs and other cells: dossier, orders, matches, events, by their own names."""

import numpy as np
import pytest
import torch
from tests.inspect.looked_at import CELLS

import glasscell
from glasscell import nn
from glasscell.errors import DataError
from glasscell.inspect import dossier, half_life, match
from glasscell.inspect.units.events import in_words, movements
from glasscell.inspect.units.order import liveliest, orders


def traced(model, steps=40, batch=4):
    torch.manual_seed(0)
    with glasscell.trace(model) as trace:
        model(torch.randn(steps, batch, 3))
    return trace["l0"]


def test_a_dossier_of_a_gru_has_its_half_lives_and_its_states():
    layer = traced(torch.nn.GRU(3, 5))
    found = dossier(layer, layer.x)
    np.testing.assert_allclose(found.half_life, half_life(layer.update), rtol=1e-6)
    assert "half-life" in found.unit(0)
    with pytest.raises(DataError, match=r"a state of GRU \(hidden\), got 'cell'"):
        dossier(layer, quantity="cell")
    odd = traced(nn.Recurrent(CELLS["odd"], 3, 5))
    assert dossier(odd, quantity="echo").quantity == "echo"


def test_units_of_a_gru_are_ordered_by_what_they_keep_and_how_stuck_they_are():
    layer = traced(torch.nn.GRU(3, 5)).sequence(0)
    found = orders(layer, layer.x)
    assert set(found) == {"similarity", "half_life", "saturation", "input"}
    lives = half_life(layer.update)
    assert found["half_life"] == np.argsort(-lives, kind="stable").tolist()
    unit, step = liveliest(layer)
    assert 0 <= unit < 5
    assert 0 <= step < 40
    assert "half_life" not in orders(traced(torch.nn.RNN(3, 5)).sequence(0), None)


def test_ranges_are_matched_by_any_quantity_of_a_gru():
    layer = traced(torch.nn.GRU(3, 5))
    threshold = float(layer.update[3:5].min(axis=(0, 1)).max())
    assert match(layer, (0, 3, 5), threshold, "update").units.size
    with pytest.raises(DataError, match="quantity as one of hidden, reset, update, candidate"):
        match(layer, (0, 3, 5), 0.0, "forget")


def test_gates_of_a_gru_move_at_events_by_their_own_names():
    rng = np.random.default_rng(0)
    events = np.zeros((40, 60), bool)
    events[np.arange(40), rng.integers(20, 50, 40)] = True
    values = 0.001 * rng.normal(size=(40, 60, 3))
    for window, step in zip(*np.nonzero(events), strict=True):
        values[window, step + 1 :, 0] += 0.5
    trace = glasscell.inspect.LayerTrace(
        quantities=dict.fromkeys(("reset", "update", "candidate"), values),
        hidden=values, mode="GRU", layout="BTH",
    )  # fmt: skip
    moved = movements(trace, events, events, span=6)
    assert list(moved) == ["reset", "update", "candidate", "hidden"]
    said = in_words(moved, 40, "rises", "falls")
    assert "gate opens by 0.50" in said
    assert "forget" not in said
