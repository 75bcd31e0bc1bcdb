"""What cells keep, and by which step it was written, for every cell that has a belt."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.inspect.looked_at import CELLS, run, weights_of

import glasscell
from glasscell import nn
from glasscell.cells.direct import direct_path
from glasscell.inspect.memory.exchange import exchange
from glasscell.inspect.memory.provenance import layer_provenance, provenance_triangle
from glasscell.inspect.memory.timescales import half_lives, timescales
from glasscell.inspect.units.cell_numbers import cell_numbers
from glasscell.inspect.units.order import orders

T, H = 9, 3

ADDING = [n for n in CELLS if (path := direct_path(CELLS[n])) and path.adds]


def made(name, seed=0):
    cell = CELLS[name]
    weights = weights_of(cell, 2, H, seed)
    generator = np.random.default_rng(seed + 1)
    start = [np.abs(generator.normal(size=(1, H))) for _ in cell.states]
    x = generator.normal(size=(T, 1, 2))
    return cell, weights, x, start, run(cell, x, weights, start).sequence(0)


@pytest.mark.parametrize("name", ADDING)
def test_what_each_step_wrote_adds_up_to_the_stored_state(name):
    cell, _, _, start, layer = made(name)
    path = direct_path(cell)
    for step in (0, 4, T - 1):
        found = layer_provenance(layer, step)
        np.testing.assert_allclose(found.total, layer.stored[step], rtol=1e-10, atol=1e-12)
        assert not found.written[step + 1 :].any()
    for unit in range(H):
        triangle = provenance_triangle(layer, unit)
        written = np.array([layer_provenance(layer, step).written[:, unit] for step in range(T)])
        np.testing.assert_allclose(triangle, written, rtol=1e-9, atol=1e-13)
    assert layer.stored is layer.quantity(path.name)
    del start


def test_a_gru_writes_what_its_update_gate_lets_in():
    _, _, _, start, layer = made("GRU")
    found = layer_provenance(layer)
    z, n = layer.update, layer.candidate
    kept = np.array([z[t + 1 :].prod(0) for t in range(T)])
    np.testing.assert_allclose(found.written, kept * (1 - z) * n, rtol=1e-12)
    np.testing.assert_allclose(found.initial, z.prod(0) * start[0][0], rtol=1e-12)
    lives = np.log(0.5) / np.log(z).mean(0)
    np.testing.assert_allclose(half_lives(layer), lives, rtol=1e-12)
    scales = timescales(layer, 5)
    assert list(scales.saturation) == ["update", "reset"]
    np.testing.assert_allclose(scales.half_life, lives, rtol=1e-12)


@pytest.mark.parametrize("name", ["tanh IndRNN", "RNN"])
def test_what_does_not_add_to_what_it_keeps_has_no_provenance(name):
    *_, layer = made(name)
    with pytest.raises(ValueError, match="expected a layer"):
        layer_provenance(layer)
    assert (half_lives(layer) is None) == (name == "RNN")
    assert half_lives(replace(layer, vectors=None)) is None


@pytest.mark.parametrize("name", CELLS)
def test_the_numbers_of_a_unit_are_those_of_its_program(name):
    cell, weights, x, start, layer = made(name)
    others = np.concatenate(start[1:]) if start[1:] else None
    for step in (0, 3):
        found = cell_numbers(weights, layer, x[:, 0], unit=1, step=step, h0=start[0][0], c0=others)
        for quantity in layer.quantities:
            assert getattr(found, quantity) == pytest.approx(layer.quantity(quantity)[step, 1])
        assert found.wires["hidden"] == pytest.approx(layer.hidden[step, 1])
        path = direct_path(cell)
        if path is not None and path.adds:
            stored = layer.stored[step, 1]
            assert found.wires["kept"] + found.wires["written"] == pytest.approx(stored)
    assert set(orders(layer, None)) >= {"similarity"}


@pytest.mark.parametrize("bias", [-4.0, 4.0])
def test_another_past_shows_in_a_gru_that_keeps_and_not_in_one_that_drops(bias):
    torch.manual_seed(0)
    model, x = torch.nn.GRU(2, 8), torch.randn(60, 6, 2)
    with torch.no_grad():
        model.bias_ih_l0[8:16] = bias
        with glasscell.trace(model) as trace:
            model(x)
    weights = glasscell.inspect.layer_weights(model, "l0")
    found = exchange(trace["l0"], weights, lag=20)
    assert (found.held > 0.3) == (bias > 0)
    assert found.reads > 0.1


@pytest.mark.parametrize("given", [False, True])
def test_the_first_step_of_an_slstm_has_nothing_to_keep(given):
    torch.manual_seed(0)
    model, x = nn.sLSTM(2, 4), torch.randn(20, 3, 2)
    start = tuple(torch.rand(1, 3, 4) + 0.5 for _ in range(4)) if given else None
    with glasscell.trace(model) as trace:
        model(x, start)
    lives = half_lives(trace["l0"])
    assert (lives > 0).all()
    assert np.isfinite(lives).all()
