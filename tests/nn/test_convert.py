"""`convert` and `restore` change the classes of a model's layers and nothing else."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch.nn.utils import parametrizations, parametrize

import glasscell.nn
from glasscell.nn import convert, restore
from nn.cases import HIDDEN, INPUT


class Tagger(torch.nn.Module):
    """A model as people write them: layers, cells and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.LSTM(INPUT, HIDDEN, bidirectional=True, batch_first=True)
        self.stack = torch.nn.ModuleList([torch.nn.RNN(2 * HIDDEN, HIDDEN, batch_first=True)])
        self.cell = torch.nn.LSTMCell(HIDDEN, HIDDEN)
        self.other = torch.nn.RNNCell(HIDDEN, HIDDEN)
        self.gru = torch.nn.GRU(HIDDEN, HIDDEN)
        self.head = torch.nn.Linear(HIDDEN, 3)

    def forward(self, x: torch.Tensor) -> Any:
        y = self.stack[0](self.encoder(x)[0])[0]
        h, c = self.cell(y[:, -1])
        h, c = self.cell(self.other(h, c), (h, c))
        return self.head(self.gru(h[None])[0][0])


class OwnInit(torch.nn.LSTM):
    """A user's subclass that changes no part of the forward pass."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        torch.nn.init.ones_(self.bias_ih_l0.data[HIDDEN : 2 * HIDDEN])

    def forget_bias(self) -> float:
        return self.bias_ih_l0[HIDDEN : 2 * HIDDEN].mean().item()


class OwnForward(torch.nn.LSTM):
    def forward(self, input: Any, hx: Any = None) -> Any:
        return super().forward(2 * input, hx)


class OwnCheck(torch.nn.RNN):
    def check_forward_args(self, *_: Any) -> None:
        raise RuntimeError("checked")


def test_a_model_computes_the_same_and_keeps_all_that_is_its_own() -> None:
    model, x = Tagger(), torch.randn(2, 6, INPUT)
    expected, before = model(x), copy.deepcopy(model)
    identities = {name: id(p) for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen: list[int] = []
    model.encoder.register_forward_hook(lambda *_: seen.append(1))
    assert convert(model) is model
    kinds = [model.encoder, model.stack[0], model.cell, model.other]
    names = ["LSTM", "RNN", "LSTMCell", "RNNCell"]
    assert [type(m) for m in kinds] == [getattr(glasscell.nn, n) for n in names]
    assert type(model.gru) is torch.nn.GRU
    assert torch.allclose(model(x), expected, atol=1e-6)
    assert seen == [1]
    assert {name: id(p) for name, p in model.named_parameters()} == identities
    model(x).sum().backward()
    optimizer.step()
    assert not torch.allclose(model(x), expected, atol=1e-6)
    assert restore(model) is model
    assert [type(m) for m in kinds] == [getattr(torch.nn, n) for n in names]
    assert all(
        vars(m).keys() == vars(n).keys()
        for m, n in zip(model.modules(), before.modules(), strict=True)
    )
    model.load_state_dict(before.state_dict())
    assert torch.equal(model(x), expected)


def test_a_layer_itself_is_converted_and_returned() -> None:
    layer = torch.nn.LSTM(INPUT, HIDDEN)
    assert convert(layer) is layer
    assert type(layer) is glasscell.nn.LSTM
    assert type(convert(layer)) is glasscell.nn.LSTM
    assert type(restore(layer)) is torch.nn.LSTM
    assert type(restore(layer)) is torch.nn.LSTM
    assert type(restore(glasscell.nn.RNNCell(2, 3))) is torch.nn.RNNCell


def test_a_shared_layer_is_converted_once_and_stays_shared() -> None:
    layer = torch.nn.LSTM(INPUT, HIDDEN)
    model = convert(torch.nn.ModuleList([layer, layer]))
    assert model[0] is model[1] is layer


def test_a_restored_model_pickles_without_glasscell() -> None:
    model = convert(torch.nn.Sequential(torch.nn.LSTM(INPUT, HIDDEN)))
    model(torch.randn(3, 1, INPUT))
    assert b"glasscell" in pickle.dumps(model)
    assert b"glasscell" not in pickle.dumps(restore(model))


def test_parametrized_layers_are_converted_and_go_on_as_such() -> None:
    layer = parametrizations.weight_norm(torch.nn.LSTM(INPUT, HIDDEN), "weight_hh_l0")
    x = torch.randn(4, 2, INPUT)
    expected = layer(x)[0]
    convert(layer)
    assert isinstance(layer, glasscell.nn.LSTM)
    assert parametrize.is_parametrized(layer, "weight_hh_l0")
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)
    parametrizations.spectral_norm(layer, "weight_ih_l0")
    parametrize.remove_parametrizations(layer, "weight_ih_l0", leave_parametrized=False)
    restore(layer)
    assert not isinstance(layer, glasscell.nn.LSTM)
    assert torch.equal(layer(x)[0], expected)
    convert(layer)
    parametrize.remove_parametrizations(layer, "weight_hh_l0")
    assert type(layer) is glasscell.nn.LSTM
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)


def test_ours_parametrized_can_be_restored() -> None:
    layer = parametrizations.weight_norm(glasscell.nn.LSTM(INPUT, HIDDEN), "weight_hh_l0")
    x = torch.randn(4, 2, INPUT)
    expected = layer(x)[0]
    # torch's own cannot be copied any more once it ran: it keeps the computed weight.
    assert torch.equal(copy.deepcopy(layer)(x)[0], expected)
    restore(layer)
    parametrize.remove_parametrizations(layer, "weight_hh_l0")
    assert type(layer) is torch.nn.LSTM
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)


def test_a_users_subclass_without_a_forward_of_its_own_is_converted_and_stays_one() -> None:
    layer, x = OwnInit(INPUT, HIDDEN), torch.randn(4, 2, INPUT)
    expected = layer(x)[0]
    convert(layer)
    assert isinstance(layer, OwnInit)
    assert isinstance(layer, glasscell.nn.LSTM)
    assert layer.forget_bias() == 1
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)
    assert repr(layer) == repr(OwnInit(INPUT, HIDDEN))
    for made in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert type(made) is type(layer)
        assert torch.equal(made(x)[0], layer(x)[0])
    assert type(restore(layer)) is OwnInit
    assert torch.equal(layer(x)[0], expected)


@pytest.mark.parametrize("kind", [OwnForward, OwnCheck])
def test_a_users_subclass_that_changes_the_forward_pass_is_left_alone(kind: Any) -> None:
    layer = convert(kind(INPUT, HIDDEN))
    assert type(layer) is kind


def test_a_layer_whose_forward_was_replaced_on_the_object_is_left_alone() -> None:
    layer = torch.nn.LSTM(INPUT, HIDDEN)
    layer.forward = lambda x: x  # type: ignore[method-assign]
    assert type(convert(layer)) is torch.nn.LSTM


def test_a_subclass_of_ours_is_left_alone_by_both() -> None:
    class Mine(glasscell.nn.LSTM):
        pass

    layer = Mine(INPUT, HIDDEN)
    assert type(convert(layer)) is Mine
    assert type(restore(layer)) is Mine
