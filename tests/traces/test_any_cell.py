"""Traces of GRUs and of cells of the user's own: every quantity by its name, and every layout."""

import copy
import pickle
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from tests.inspect.looked_at import CELLS
from torch.nn.utils.rnn import pack_sequence

import glasscell
from glasscell import nn
from glasscell.cells.definition import OF_TRACES
from glasscell.traces.layer import LayerTrace


def gru(**options):
    torch.manual_seed(0)
    return torch.nn.GRU(3, 4, **options).double()


def seen(model, *inputs):
    with glasscell.trace(model) as trace:
        model(*inputs)
    return trace


def equations(module, x, h, suffix="l0"):
    """Reset, update, candidate and hidden state of every step, in torch's operations."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    W, R, b, c = (getattr(module, f"{name}_{suffix}").detach() for name in names)
    steps = []
    for row in x:
        (r, z, n), (k, m, p) = (row @ W.T + b).chunk(3, -1), (h @ R.T + c).chunk(3, -1)
        r, z = torch.sigmoid(r + k), torch.sigmoid(z + m)
        n = torch.tanh(n + r * p)
        h = (1 - z) * n + z * h
        steps.append(torch.stack([r, z, n, h]))
    return torch.stack(steps, 1).numpy()


def test_every_quantity_of_a_gru_is_that_of_its_equations():
    model, x, h = gru(), torch.randn(9, 2, 3).double(), torch.randn(1, 2, 4).double()
    layer = seen(model, x, h)["l0"]
    wanted = equations(model, x, h[0])
    for name, array in zip(("reset", "update", "candidate", "hidden"), wanted, strict=True):
        np.testing.assert_allclose(getattr(layer, name), array, rtol=0, atol=1e-14)
    assert repr(layer) == "LayerTrace(GRU, r z n h, TBH (9, 2, 4))"
    np.testing.assert_array_equal(layer.stored, layer.hidden)


def test_what_a_cell_does_not_have_is_refused_with_what_it_has():
    layer = seen(gru(), torch.randn(5, 2, 3).double())["l0"]
    with pytest.raises(AttributeError, match="one of reset, update, candidate, hidden of a GRU"):
        _ = layer.forget
    with pytest.raises(ValueError, match="has cell, got one of GRU, which has reset, update"):
        layer.quantity("cell")
    plain = seen(torch.nn.RNN(3, 4), torch.randn(5, 2, 3))["l0"]
    assert plain.forget is None
    assert not plain.quantities
    with pytest.raises(
        TypeError, match=r"quantities of GRU \(reset, update, candidate\), got cell"
    ):
        LayerTrace(cell=np.zeros(3), hidden=np.zeros(3), mode="GRU")


@pytest.mark.parametrize("first", [False, True])
def test_both_directions_and_layouts_of_a_gru_agree_with_one_sequence_alone(first):
    model, x = gru(bidirectional=True, batch_first=first), torch.randn(6, 2, 3).double()
    whole = seen(model, x.transpose(0, 1) if first else x)
    for name in ("l0", "l0_reverse"):
        for row in range(2):
            alone = seen(model, x[:, row])[name]
            part = whole[name].sequence(row)
            for quantity in (*alone.quantities, "hidden"):
                np.testing.assert_array_equal(part.quantity(quantity), alone.quantity(quantity))


def test_packed_sequences_of_a_gru_come_out_one_by_one():
    model = gru()
    rows = [torch.randn(T, 3).double() for T in (3, 6, 4)]
    layer = seen(model, pack_sequence(rows, enforce_sorted=False))["l0"]
    for k, row in enumerate(rows):
        alone = seen(model, row)["l0"]
        np.testing.assert_array_equal(layer.sequence(k).update, alone.update)


def test_a_loop_over_a_gru_cell_is_one_sequence():
    torch.manual_seed(0)
    cell, x = torch.nn.GRUCell(3, 4), torch.randn(7, 2, 3)
    layer = torch.nn.GRU(3, 4)
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            getattr(layer, f"{name}_l0").copy_(parameter)
    with glasscell.trace(cell) as trace:
        h = torch.zeros(2, 4)
        for row in x:
            h = cell(row, h)
    whole, loop = seen(layer, x)["l0"], trace["cell"]
    assert loop.hidden.shape == (7, 2, 4)
    for name in ("reset", "update", "candidate", "hidden"):
        np.testing.assert_array_equal(loop.quantity(name), whole.quantity(name))
    assert len(loop.kept) == len(whole.kept) == 1


@pytest.mark.parametrize("name", ["leaky", "minGRU", "odd", "sLSTM", "peephole"])
def test_a_layer_called_in_pieces_is_one_sequence_with_all_its_states(name):
    torch.manual_seed(0)
    model, x = nn.Recurrent(CELLS[name], 3, 4), torch.randn(8, 2, 3)
    whole = seen(model, x)["l0"]
    with glasscell.trace(model) as trace:
        state = model(x[:5])[1]
        model(x[5:], state)
    pieces = trace["l0"]
    assert pieces.hidden.shape == (8, 2, 4)
    for quantity in (*whole.quantities, "hidden"):
        np.testing.assert_array_equal(pieces.quantity(quantity), whole.quantity(quantity))


@pytest.mark.parametrize("name", ["GRU", "leaky", "minGRU", "coupled", "peephole", "odd", "sLSTM"])
def test_every_cell_shows_the_quantities_of_its_step_by_name(name):
    cell = CELLS[name]
    layer = seen(nn.Recurrent(cell, 3, 4), torch.randn(5, 2, 3))["l0"]
    assert {*layer.quantities} == {*cell.quantities}
    for quantity in cell.quantities:
        assert getattr(layer, quantity).shape == (5, 2, 4)
    assert layer.recurrence == cell


def test_a_trace_of_any_cell_can_be_copied_and_pickled():
    for model in (torch.nn.GRU(3, 4), nn.Recurrent(CELLS["decay"], 3, 4)):
        layer = seen(model, torch.randn(5, 2, 3))["l0"]
        for other in (copy.deepcopy(layer), replace(layer)):
            for quantity in (*layer.quantities, "hidden"):
                np.testing.assert_array_equal(other.quantity(quantity), layer.quantity(quantity))
    again = pickle.loads(pickle.dumps(seen(torch.nn.GRU(3, 4), torch.randn(5, 2, 3))["l0"]))
    assert again.update.shape == (5, 2, 4)
    assert seen(nn.Recurrent(CELLS["decay"], 3, 4), torch.randn(5, 2, 3))["l0"].vectors.keys() == {
        "d"
    }


def test_a_saved_gru_shows_the_same_without_torch(tmp_path):
    model, x = gru().float(), torch.randn(5, 2, 3)
    live = seen(model, x)["l0"]
    glasscell.save(model, tmp_path / "gru")
    run = glasscell.load(tmp_path / "gru").run(x.numpy(), trace=True)
    for quantity in ("reset", "update", "candidate", "hidden"):
        np.testing.assert_array_equal(run.trace["l0"].quantity(quantity), live.quantity(quantity))


def test_no_gate_can_be_called_as_what_a_trace_has_beside_them():
    own = {name for name in dir(LayerTrace) if not name.startswith("_")}
    own |= {field.name for field in fields(LayerTrace)}
    assert own - {"hidden"} == set(OF_TRACES)
