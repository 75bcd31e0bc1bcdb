"""Options of `LSTM`, `GRU` and `RNN` that torch's layers have not."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

import glasscell
from cell_family import GREFF
from glasscell import cells
from glasscell.errors import CellError
from glasscell.nn import GRU, LSTM, RNN, Recurrent


@pytest.mark.parametrize(
    ("make", "cell"),
    [
        (lambda: LSTM(3, 4, peephole=True), cells.LSTM(peephole=True)),
        (lambda: LSTM(3, 4, coupled=True, clip=2.0), cells.LSTM(coupled=True, clip=2.0)),
        (lambda: LSTM(3, 4, without="input"), cells.LSTM(without="input")),
        (lambda: LSTM(3, 4, zoneout=0.1), cells.LSTM(zoneout=(0.1, 0.1))),
        (lambda: LSTM(3, 4, layer_norm=True), cells.LSTM(layer_norm=True)),
        (lambda: GRU(3, 4, zoneout=0.1), cells.GRU(zoneout=0.1)),
        (
            lambda: GRU(3, 4, recurrent_dropout=0.1, variational=True),
            cells.GRU(recurrent_dropout=0.1, variational=True),
        ),
        (lambda: RNN(3, 4, 1, "relu", zoneout=0.1), cells.RNN("relu", zoneout=0.1)),
        (lambda: RNN(3, 4, nonlinearity="relu", zoneout=0.1), cells.RNN("relu", zoneout=0.1)),
        (lambda: RNN(3, 4, zoneout=0.1), cells.RNN("tanh", zoneout=0.1)),
    ],
)
def test_an_option_of_the_step_makes_a_layer_of_that_cell(make, cell):
    layer = make()
    assert isinstance(layer, Recurrent)
    assert not isinstance(layer, torch.nn.RNNBase)
    assert layer.cell == cell
    output, _ = layer(torch.randn(5, 2, 3))
    output.sum().backward()
    assert all(w.grad is not None for w in layer.parameters())


def test_all_other_arguments_go_with_it():
    layer = LSTM(3, 4, 2, False, True, 0.1, True, peephole=True, dtype=torch.float64, checkpoint=2)
    said = "LSTM(peephole=True), 3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.1, "
    assert repr(layer) == f"Recurrent({said}bidirectional=True, checkpoint=2)"
    assert layer.weight_ih_l1_reverse.dtype is torch.float64
    assert layer(torch.randn(2, 5, 3, dtype=torch.float64))[0].shape == (2, 5, 8)
    assert RNN(3, 4, 2, "relu", False, zoneout=0.5).bias is False


@pytest.mark.parametrize(
    "layer",
    [
        LSTM(3, 4, peephole=False, clip=None, zoneout=0.0),
        GRU(3, 4, layer_norm=False),
        RNN(3, 4, nonlinearity="relu", zoneout=0),
    ],
)
def test_options_at_their_defaults_are_torchs_layer(layer):
    assert isinstance(layer, getattr(torch.nn, type(layer).__name__))
    assert type(glasscell.restore(layer)).__module__.startswith("torch.")


def test_every_variant_of_greff_is_an_option():
    made: dict[str, Any] = {
        "V": LSTM(3, 4, peephole=True),
        "NIG": LSTM(3, 4, peephole=True, without="input"),
        "NFG": LSTM(3, 4, peephole=True, without="forget"),
        "NOG": LSTM(3, 4, peephole=True, without="output"),
        "NIAF": LSTM(3, 4, peephole=True, without="candidate"),
        "NOAF": LSTM(3, 4, peephole=True, without="activation"),
        "CIFG": LSTM(3, 4, peephole=True, coupled=True),
    }
    assert {name: layer.cell for name, layer in made.items()} | {"NP": cells.LSTM()} == GREFF


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (lambda: LSTM(3, 4, peephole=True, proj_size=2), ValueError, "proj_size: expected 0"),
        (lambda: LSTM(3, 4, coupled=True, without="input"), CellError, "leave one of the two"),
        (lambda: LSTM(3, 4, peepholes=True), TypeError, "peepholes"),
        (lambda: GRU(3, 4, peephole=True), TypeError, "peephole"),
        (lambda: LSTM(3, 0, peephole=True), ValueError, "hidden_size: expected 1 or more"),
        (lambda: RNN(3, 4, forget_bias=1.0), ValueError, "a gate that says what a state keeps"),
        (lambda: LSTM(3, 4, forget_bias=1.0, bias=False), ValueError, "expected biases"),
        (lambda: LSTM(3, 4, init="chrono"), ValueError, "lag: expected the longest lag"),
    ],
)
def test_options_that_do_not_fit_are_refused(make, kind, said):
    with pytest.raises(kind) as error:
        make()
    assert said in str(error.value)


def test_a_class_that_extends_ours_is_told_what_to_extend():
    class Mine(LSTM):
        def __init__(self) -> None:
            super().__init__(3, 4, peephole=True)

    with pytest.raises(TypeError, match=r"extend glasscell\.nn\.Recurrent and give it LSTM"):
        Mine()


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_initial_values_have_names_in_torchs_layers_too(kind):
    layer = kind(3, 4, num_layers=2, init="orthogonal")
    for block in layer.weight_hh_l1.split(4):
        torch.testing.assert_close(block @ block.T, torch.eye(4), atol=1e-5, rtol=0)
    assert not layer.bias_hh_l1.any()
    torch.manual_seed(1)
    one = kind(3, 4, forget_bias=1.0)
    torch.manual_seed(1)
    two = kind(3, 4)
    differ = [k for k, w in one.state_dict().items() if not torch.equal(w, two.state_dict()[k])]
    assert differ == ["bias_ih_l0", "bias_hh_l0"]
    assert (one.bias_ih_l0[4:8] == 1).all()
    assert not one.bias_hh_l0[4:8].any()


def test_initial_values_are_set_again_and_go_with_a_copy():
    layer = LSTM(3, 50, init="chrono", lag=30)
    for one in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        one.reset_parameters()
        assert one.bias_ih_l0[50:100].exp().max() <= 29.001
        assert one.bias_ih_l0[50:100].exp().min() >= 0.999
    projected = LSTM(3, 8, proj_size=2, init="orthogonal", forget_bias=1.0)
    assert (projected.bias_ih_l0[8:16] == 1).all()
    assert projected.weight_hr_l0.any()
