"""Truncated gradients against a network unrolled by hand whose state is detached every k steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import glasscell
from glasscell.inspect import truncation


def by_hand(model: Any, x: torch.Tensor, loss: Any, k: int) -> np.ndarray:
    """Gradient of all weights of one layer; pieces of k steps, counted from the end."""
    lstm = model.mode == "LSTM"
    cell: Any = (nn.LSTMCell if lstm else nn.RNNCell)(3, 4, dtype=x.dtype)
    for name, weight in cell.named_parameters():
        weight.data = getattr(model, f"{name}_l0").data
    h = c = torch.zeros(x.shape[1], 4, dtype=x.dtype)
    outputs = []
    for t, row in enumerate(x):
        if (len(x) - t) % k == 0:
            h, c = h.detach(), c.detach()
        if lstm:
            h, c = cell(row, (h, c))
        else:
            h = cell(row, h)
        outputs.append(h)
    loss((torch.stack(outputs), None)).backward()
    return np.concatenate([weight.grad.numpy().ravel() for weight in cell.parameters()])


def every(out: Any) -> torch.Tensor:
    return out[0].sin().sum()


def last(out: Any) -> torch.Tensor:
    return out[0][-1].sin().sum()


@pytest.mark.parametrize("loss", [every, last])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.RNN, glasscell.nn.LSTM])
def test_cosine_and_ratio_are_those_of_gradients_cut_by_hand(kind: Any, loss: Any) -> None:
    model, x = kind(3, 4, dtype=torch.float64), torch.randn(11, 2, 3, dtype=torch.float64)
    found = truncation(model, x, loss, lengths=[11, 3, 5, 1])
    assert found.lengths.tolist() == [1, 3, 5, 11]
    full = by_hand(model, x, loss, 11)
    for place, k in enumerate(found.lengths.tolist()):
        cut = by_hand(model, x, loss, k)
        cosine = cut @ full / np.linalg.norm(cut) / np.linalg.norm(full)
        assert found.cosine[place] == pytest.approx(cosine, abs=1e-10)
        assert found.ratio[place] == pytest.approx(np.linalg.norm(cut) / np.linalg.norm(full))
    assert found.cosine[-1] == pytest.approx(1, abs=1e-12)


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.3)
        self.second = nn.RNN(4, 5, batch_first=True)
        self.head = nn.Linear(5, 1)

    def forward(self, x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return scale * self.head(self.second(self.first(x)[0])[0])


def test_a_stack_is_cut_in_all_its_layers_and_left_as_it_was() -> None:
    model = Deep().eval()
    model.first.weight_hh_l0.requires_grad_(False)
    x = torch.randn(2, 40, 3)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    with torch.no_grad():
        found = truncation(model, (x, 2.0), lambda out: out[:, -1].sum())
    assert found.lengths.tolist() == [1, 2, 4, 8, 16, 32, 40]
    assert 0.1 < found.cosine[0] < 0.97
    assert found.cosine[-1] == pytest.approx(1, abs=1e-6)
    assert found.shortest(0.99) in (4, 8, 16, 32)
    assert torch.equal(random, torch.get_rng_state())
    for module in model.modules():
        assert "forward" not in vars(module)
    for name, parameter in model.named_parameters():
        assert parameter.grad is None
        assert torch.equal(parameter, state[name])
        assert parameter.requires_grad == (name != "first.weight_hh_l0")


def test_a_network_that_needs_the_first_step_says_so() -> None:
    """A linear layer that adds up: what the first step wrote counts as much as the last."""
    model = nn.RNN(1, 1, nonlinearity="relu", bias=False, dtype=torch.float64)
    for weight in model.parameters():
        weight.data.fill_(1)
    x = torch.zeros(32, 1, 1, dtype=torch.float64)
    x[0], x[1:] = 40.0, -1.0
    found = truncation(model, x, last)
    assert found.shortest(0.999) == 32


def test_no_length_is_enough_and_nothing_to_compare() -> None:
    model = nn.RNN(3, 4)
    found = truncation(model, torch.randn(9, 1, 3), last, lengths=[1])
    assert found.shortest(1.1) is None
    none = truncation(model, torch.randn(9, 1, 3), lambda out: 0 * last(out), lengths=[1, 9])
    assert np.isnan(none.cosine).all()
    assert truncation(model, torch.randn(1, 3), last).lengths.tolist() == [1]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.LSTM(3, 4, bidirectional=True), "'' is bidirectional"),
        (nn.Sequential(nn.LSTMCell(3, 4)), "'0' is a cell"),
        (nn.LSTM(3, 4, num_layers=2, dropout=0.5), "draws dropout"),
    ],
)
def test_layers_that_cannot_be_cut_are_refused(model: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        truncation(model, torch.randn(9, 1, 3), last)


def test_calls_that_cannot_be_cut_are_refused() -> None:
    packed = nn.utils.rnn.pack_sequence([torch.randn(5, 3)])
    with pytest.raises(ValueError, match=r"got PackedSequence; pad the sequences"):
        truncation(nn.LSTM(3, 4), packed, last)
    with pytest.raises(ValueError, match=r"expected lengths >= 1, got \[0, 4\]"):
        truncation(nn.LSTM(3, 4), torch.randn(5, 1, 3), last, lengths=[4, 0])
    with pytest.raises(ValueError, match="expected loss to return a scalar"):
        truncation(nn.LSTM(3, 4), torch.randn(5, 1, 3), lambda out: out[0])
