"""`torch.jit.script` takes torch's own modules and leaves the eager model as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.jit import _recursive

import glasscell.nn
from glasscell.nn import LSTM, GRUCell, LSTMCell, RNNCell, convert
from nn.cases import HIDDEN, INPUT

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.* is deprecated")


class Plain(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(INPUT, HIDDEN)
        self.inner = torch.nn.Sequential(RNNCell(HIDDEN, HIDDEN))
        self.shared = self.lstm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(self.lstm(x)[0][-1])


class WithLengths(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.lstm = LSTMCell(INPUT, INPUT), LSTM(INPUT, HIDDEN)

    def forward(self, x: Any, lengths: Any) -> Any:
        return self.lstm(x, lengths=lengths)[0]


def _layers(model: torch.nn.Module) -> list[tuple[str, int, type]]:
    return [(name, id(each), type(each)) for name, each in model.named_modules()]


def test_the_eager_models_layers_stay_the_same_objects_of_the_same_class() -> None:
    model, x = Plain(), torch.randn(4, 2, INPUT)
    before, expected, create = _layers(model), model(x), _recursive.create_script_module
    scripted = torch.jit.script(model)
    assert _layers(model) == before
    assert torch.allclose(scripted(x), expected, atol=1e-6)
    assert torch.equal(model(x), expected)
    assert _recursive.create_script_module is create
    assert _layers(model) == before
    torch.jit.script(model)
    assert _layers(model) == before


def test_they_stay_where_scripting_fails() -> None:
    model, x = WithLengths(), torch.randn(4, 2, INPUT)
    before, expected = _layers(model), model(x, [4, 2])
    with pytest.raises(RuntimeError, match="lengths"):
        torch.jit.script(model)
    assert _layers(model) == before
    assert torch.equal(model(x, [4, 2]), expected)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_converted_models(kind: str) -> None:
    model = convert(torch.nn.Sequential(getattr(torch.nn, kind)(INPUT, HIDDEN)))
    before, x = _layers(model), torch.randn(4, 2, INPUT)
    scripted = torch.jit.script(model)
    assert _layers(model) == before
    assert torch.allclose(scripted(x)[0], model(x)[0], atol=1e-6)


@pytest.mark.parametrize("kind", [LSTMCell, GRUCell])
def test_a_cell_alone(kind: Any) -> None:
    cell, x = kind(INPUT, HIDDEN), torch.randn(2, INPUT)
    assert torch.allclose(torch.jit.script(cell)(x)[0], cell(x)[0], atol=1e-6)
    assert type(cell) is kind


def test_a_layer_that_is_kept_as_a_plain_attribute_stays_too() -> None:
    model, hidden = Plain(), LSTM(INPUT, HIDDEN)
    model.__dict__["aside"] = torch.nn.Sequential(hidden)
    torch.jit.script(model)
    assert model.__dict__["aside"][0] is hidden


def test_a_scripted_module_is_not_saved_and_it_is_said_why(tmp_path: Any) -> None:
    scripted = torch.jit.script(torch.nn.Sequential(torch.nn.LSTM(INPUT, HIDDEN)))
    traced = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    for module in (scripted, traced):
        with pytest.raises(glasscell.WeightFormatError, match="scripted or traced; save the eager"):
            glasscell.save(module, tmp_path / "model")
    assert not (tmp_path / "model").exists()
