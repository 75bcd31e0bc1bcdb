"""torch's layers are ours inside a block only, and themselves again whatever happens in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.parametrizations import weight_norm

import glasscell


def fingerprint(model: torch.nn.Module) -> Any:
    return [
        (
            name,
            type(module),
            set(module.__dict__),
            {k: id(v) for k, v in module._parameters.items()},
        )
        for name, module in model.named_modules()
    ]


@pytest.fixture
def model() -> torch.nn.Module:
    return torch.nn.ModuleDict(
        {
            "lstm": torch.nn.LSTM(3, 4),
            "rnn": torch.nn.RNN(4, 5),
            "cell": torch.nn.LSTMCell(3, 4),
            "ours": glasscell.nn.LSTM(3, 4),
            "head": torch.nn.Linear(4, 1),
        }
    )


def run(model: torch.nn.Module) -> None:
    x = torch.randn(5, 2, 3)
    model["rnn"](model["lstm"](x)[0])
    model["cell"](x[0])
    model["ours"](x)


def test_every_layer_is_itself_again_after_the_block(model: torch.nn.Module) -> None:
    run(model)
    before = fingerprint(model)
    with glasscell.trace(model) as trace:
        run(model)
        assert isinstance(model["lstm"], glasscell.nn.LSTM)
    assert fingerprint(model) == before
    assert list(trace) == ["lstm.l0", "rnn.l0", "cell", "ours.l0"]


def test_every_layer_is_itself_again_after_an_error(model: torch.nn.Module) -> None:
    run(model)
    before = fingerprint(model)
    with pytest.raises(RuntimeError, match="mat1 and mat2"), glasscell.trace(model):
        model["head"](torch.zeros(1, 7))
    with pytest.raises(NotImplementedError):
        glasscell.gradient_flow(model, torch.zeros(1), lambda out: out)
    assert fingerprint(model) == before


def test_a_parametrized_layer_and_a_subclass_are_traced_and_restored() -> None:
    class Mine(torch.nn.LSTM):
        pass

    model = torch.nn.ModuleList([weight_norm(torch.nn.LSTM(3, 4), "weight_hh_l0"), Mine(3, 4)])
    x = torch.randn(5, 2, 3)
    expected = [layer(x)[0] for layer in model]
    before = fingerprint(model)
    with glasscell.trace(model) as trace:
        for layer in model:
            layer(x)
    assert fingerprint(model) == before
    for name, output in zip(("0.l0", "1.l0"), expected, strict=True):
        np.testing.assert_allclose(trace[name].hidden, output.detach().numpy(), atol=1e-6)


def test_blocks_nest_and_the_inner_one_sees() -> None:
    model = torch.nn.LSTM(3, 4)
    with glasscell.trace(model) as outer:
        model(torch.randn(5, 2, 3))
        with glasscell.trace(model) as inner:
            model(torch.randn(7, 2, 3))
        model(torch.randn(6, 2, 3))
    assert [call.hidden.shape[0] for call in outer.calls["l0"]] == [5, 6]
    assert inner["l0"].hidden.shape[0] == 7
    assert type(model) is torch.nn.LSTM


def test_other_models_in_the_block_are_not_mixed_in() -> None:
    model, other = torch.nn.LSTM(3, 4), glasscell.nn.LSTM(3, 4)
    with glasscell.trace(model) as trace:
        model(torch.randn(5, 2, 3))
        other(torch.randn(9, 2, 3))
    assert trace["l0"].hidden.shape[0] == 5


def test_hooks_run_as_ever() -> None:
    model, seen = torch.nn.LSTM(3, 4), []
    model.register_forward_hook(lambda module, args, out: seen.append(out[0].shape))
    with glasscell.trace(model):
        model(torch.randn(5, 2, 3))
    assert seen == [(5, 2, 4)]
