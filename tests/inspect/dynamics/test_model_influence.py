"""Influence through whole models against autograd's Jacobians."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from glasscell.errors import ShapeError
from glasscell.inspect import model_influence
from traced import assert_logs, jacobian_norms


class Tagger(nn.Module):
    """Two bidirectional layers with something between and behind them."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        shape: dict[str, Any] = {"batch_first": batch_first, "dtype": torch.float64}
        self.first = nn.LSTM(3, 4, bidirectional=True, **shape)
        self.drop = nn.Dropout(0.5)
        self.second = nn.RNN(8, 5, **shape)
        self.head = nn.Linear(5, 2, dtype=torch.float64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(self.drop(self.first(x)[0]))[0])


@pytest.mark.parametrize("batch_first", [False, True])
def test_through_a_model_it_is_the_norm_of_the_derivative_by_each_input(batch_first: bool) -> None:
    model = Tagger(batch_first).train()
    x = torch.randn(7, 3, dtype=torch.float64)
    found = model_influence(model, x)
    assert all(module.training for module in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    batch = int(not batch_first)
    norms = jacobian_norms(lambda x: model.eval()(x.unsqueeze(batch)).squeeze(batch), x)
    assert_logs(found, norms)
    np.testing.assert_allclose(model_influence(model, x, outputs=[4, -1]), found[[4, 6]])


def test_many_copies_are_run_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = nn.LSTM(3, 4, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64)
    whole = model_influence(model, x)
    monkeypatch.setattr(sys.modules["glasscell.inspect.dynamics.influence"], "COPIES", 5)
    np.testing.assert_allclose(model_influence(model, x), whole)


def test_text_counts_from_what_the_embedding_gives() -> None:
    embed = nn.Embedding(11, 3, dtype=torch.float64)
    lstm = nn.LSTM(3, 4, dtype=torch.float64)
    model = nn.Sequential(embed, lstm)
    text = torch.randint(11, (6,))
    norms = jacobian_norms(lambda e: lstm(e[:, None])[0][:, 0], embed(text).detach())
    assert_logs(model_influence(model, text), norms)
    assert not embed._forward_hooks
    with pytest.raises(ValueError, match="expected an Embedding to run on integers x"):
        model_influence(OneHot(), text)


class OneHot(nn.LSTM):
    def __init__(self) -> None:
        super().__init__(11, 4)

    def forward(self, x: torch.Tensor, hx: Any = None) -> Any:
        return super().forward(nn.functional.one_hot(x, 11).float())


class LastStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 4), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][-1])


def test_an_output_without_time_is_one_row() -> None:
    model, x = LastStep(), torch.randn(6, 3)
    assert_close = np.testing.assert_allclose
    norms = jacobian_norms(lambda x: model(x[:, None]), x)
    assert_close(10.0 ** model_influence(model, x), norms, rtol=1e-4)
    picked = model_influence(model.lstm, x, read=lambda out: out[1][0][0])
    assert_close(picked[0], model_influence(model.lstm, x)[-1], rtol=1e-5)


def test_what_cannot_be_followed_is_refused() -> None:
    model, x = nn.LSTM(3, 4), torch.randn(6, 3)
    with pytest.raises(ShapeError, match=r"expected one sequence x \(T, I\).*got \(6, 1, 3\)"):
        model_influence(model, x[:, None])
    with pytest.raises(ShapeError, match="pick a tensor with `read`, or set `batch_first`"):
        model_influence(model, x, read=lambda out: out[0][0, 0])
    with pytest.raises(ValueError, match="detached"):
        model_influence(model, x, read=lambda out: out[0].detach())
    with pytest.raises(ValueError, match="at least one LSTM"):
        model_influence(nn.Linear(3, 4), x)
