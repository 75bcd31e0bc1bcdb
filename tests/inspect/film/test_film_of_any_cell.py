"""Films of GRUs and of cells of the user's own name their gates, also out of a file."""

import numpy as np
import pytest
import torch
from tests.inspect.looked_at import CELLS

import glasscell
from glasscell import nn
from glasscell.inspect import Film, Reel


def filmed(model, frames=3):
    torch.manual_seed(1)
    film = Film(model, every=1)
    for _ in range(frames):
        loss = model(torch.randn(20, 4, 3))[0][-1].square().mean()
        loss.backward()
        film.step(loss)
    return film


@pytest.mark.parametrize(
    ("make", "gates"),
    [
        (lambda: torch.nn.GRU(3, 5), ("update", "reset")),
        (lambda: nn.LSTM(3, 5, proj_size=2), ("forget", "input", "output")),
        (lambda: nn.Recurrent(CELLS["leaky"], 3, 5), ("forget",)),
        (lambda: nn.Recurrent(CELLS["odd"], 3, 5), ("pull",)),
        (lambda: nn.sLSTM(3, 6, heads=2), ("output",)),
        (lambda: nn.GRU(3, 5, layer_norm=True), ("update", "reset")),
        (lambda: torch.nn.RNN(3, 5, nonlinearity="relu"), ()),
    ],
)
def test_a_film_has_the_gates_of_its_cell(make, gates, tmp_path):
    torch.manual_seed(0)
    model = make()
    film = filmed(model)
    layer = film.reel.layers["l0"]
    assert layer.gate_names == gates
    if gates:
        assert layer.closed.shape == (3, len(gates), model.hidden_size)
    read = Reel.load(film.save(tmp_path / "film.npz")).layers["l0"]
    assert read.gate_names == gates
    again = Film(model)
    again.load_state_dict(film.state_dict())
    for name in ("closed", "half_life", "extreme", "profile"):
        for other in (read, again.reel.layers["l0"]):
            np.testing.assert_array_equal(getattr(other, name), getattr(layer, name))


def test_half_lives_of_a_frame_are_those_of_a_trace():
    torch.manual_seed(0)
    model = torch.nn.GRU(3, 5)
    film = Film(model, every=1)
    x = torch.randn(20, 4, 3)
    loss = model(x)[0][-1].square().mean()
    loss.backward()
    film.step(loss)
    with glasscell.trace(model) as trace:
        model(x)
    lives = glasscell.inspect.half_life(trace["l0"].update)
    np.testing.assert_allclose(film.reel.layers["l0"].half_life[0], lives, rtol=1e-6)


def test_a_film_from_before_gates_were_named_is_one_of_an_lstm():
    reel = filmed(torch.nn.LSTM(3, 5)).reel
    arrays = {name: array for name, array in reel.arrays().items() if not name.endswith("/gates")}
    assert Reel.of_arrays(arrays).layers["l0"].gate_names == ("forget", "input", "output")
