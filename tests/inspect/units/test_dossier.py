"""Dossiers say of each unit what it follows, what it is like, and what leaving it out costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations

import glasscell
from glasscell import nn
from glasscell.errors import DataError, ShapeError
from glasscell.inspect import LayerTrace, ablation, dossier


def rnn(hidden: np.ndarray, **fields: Any) -> LayerTrace:
    return LayerTrace(*[None] * 5, hidden=hidden, mode="RNN_TANH", **fields)


def test_correlations_are_numpys() -> None:
    chance = np.random.default_rng(0)
    hidden, x = chance.normal(size=(30, 4, 5)), chance.normal(size=(30, 4, 2))
    found = dossier(rnn(hidden), x, neighbours=4)
    together = np.corrcoef(np.hstack([hidden.reshape(-1, 5), x.reshape(-1, 2)]).T)
    np.testing.assert_allclose(found.correlation, together[:5, 5:], atol=1e-12)
    for unit in range(5):
        others = sorted((v for v in range(5) if v != unit), key=lambda v: -abs(together[unit, v]))
        np.testing.assert_array_equal(found.nearest[unit], others)
        np.testing.assert_allclose(found.similarity[unit], together[unit, others], atol=1e-12)
    np.testing.assert_allclose(found.deviation, hidden.reshape(-1, 5).std(axis=0))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_unit_that_repeats_an_input_later_is_found_at_that_lag(reverse: bool) -> None:
    x = np.random.default_rng(1).normal(size=(40, 3, 2))
    hidden = np.zeros((40, 3, 1))
    # A reverse layer read what lies ahead first.
    if reverse:
        hidden[:-3, :, 0] = -x[3:, :, 1]
    else:
        hidden[3:, :, 0] = -x[:-3, :, 1]
    found = dossier(rnn(hidden, reverse=reverse), x, lags=range(6))
    assert found.lag[0, 1] == 3
    assert found.correlation[0, 1] == pytest.approx(-1)
    assert abs(found.correlation[0, 0]) < 0.5


def test_padding_does_not_count() -> None:
    chance = np.random.default_rng(2)
    hidden, x = chance.normal(size=(9, 2, 3)), chance.normal(size=(9, 2, 1))
    hidden[4:, 1], x[4:, 1] = 1e6, -1e6
    found = dossier(rnn(hidden, lengths=np.array([9, 4])), x, lags=(0, 2))
    rows = np.concatenate([hidden[:, 0], hidden[:4, 1]])
    np.testing.assert_allclose(found.mean, rows.mean(axis=0))
    assert (abs(found.correlation) <= 1).all()
    assert found.deviation.max() < 5


def test_constant_units_and_inputs_have_no_correlation() -> None:
    hidden = np.stack([np.full(9, 0.1), np.arange(9.0)], axis=1)
    found = dossier(rnn(hidden, layout="TH"), np.stack([np.ones(9), np.arange(9.0)], 1))
    np.testing.assert_array_equal(np.isnan(found.correlation), [[True, True], [True, False]])
    assert "r = " not in found.unit(0)


def test_the_loss_without_a_unit_is_the_loss_with_its_output_set_to_zero() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential()
    lstm = torch.nn.LSTM(2, 3, dtype=torch.float64)
    model.add_module("lstm", lstm)
    x = torch.randn(7, 2, 2, dtype=torch.float64)

    @torch.no_grad()
    def by_hand(unit: int | None) -> float:
        mask = torch.ones(3, dtype=torch.float64)
        if unit is not None:
            mask[unit] = 0
        h = c = torch.zeros(2, 3, dtype=torch.float64)
        total = 0.0
        for step in x:
            gates = step @ lstm.weight_ih_l0.T + h @ lstm.weight_hh_l0.T
            i, f, g, o = (gates + lstm.bias_ih_l0 + lstm.bias_hh_l0).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh() * mask
            total += float((h - 0.3).square().sum())
        return total

    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = ablation(model, x, lambda out: (out[0] - 0.3).square().sum())["lstm.l0"]
    np.testing.assert_allclose(found, [by_hand(u) - by_hand(None) for u in range(3)], rtol=1e-9)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("mode", ["tanh", "relu"])
def test_an_rnn_and_the_reverse_direction_lose_units_too(mode: str) -> None:
    model = nn.RNN(2, 3, nonlinearity=mode, bidirectional=True, dropout=0.0).train()
    outputs: list[torch.Tensor] = []

    def loss(out: Any) -> torch.Tensor:
        outputs.append(out[0])
        return out[0].sum()

    ablation(model, torch.randn(5, 2, 2), loss, "l0_reverse")
    for unit, output in enumerate(outputs[1:]):
        assert (output[..., 3 + unit] == 0).all()
        assert torch.equal(output[..., :3], outputs[0][..., :3])
    assert model.training


def test_an_error_in_the_loss_leaves_the_weights_as_they_were() -> None:
    model, calls = nn.LSTM(2, 3), []
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def loss(out: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise ZeroDivisionError
        return out[0].sum()

    with pytest.raises(ZeroDivisionError):
        ablation(model, torch.randn(4, 1, 2), loss)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_unit_that_carries_the_answer_comes_first() -> None:
    model, x = nn.LSTM(2, 4), torch.randn(12, 5, 2)
    wanted = model(x)[0][..., 2].detach()
    cost = ablation(model, x, lambda out: (out[0][..., 2] - wanted).square().mean())["l0"]
    with glasscell.trace(model) as trace:
        model(x)
    found = dossier(trace["l0"], x.numpy(), ablation=cost, quantity="cell", names=["a", "b"])
    assert found.ranked()[0] == 2
    assert "without it the loss changes by +" in found.unit(2)
    assert str(found).startswith("unit 2: ")
    assert found.half_life is not None


def test_what_does_not_fit_is_refused() -> None:
    layer = rnn(np.zeros((5, 2, 3)))
    with pytest.raises(ShapeError, match=r"laid out as the trace \(TBH\), \(5, 2, 'I'\)"):
        dossier(layer, np.zeros((2, 5, 1)))
    with pytest.raises(ShapeError, match=r"lags in 0 … 4, got \[5\]"):
        dossier(layer, np.zeros((5, 2, 1)), lags=[5])
    with pytest.raises(ShapeError, match="expected 1 names"):
        dossier(layer, np.zeros((5, 2, 1)), names=["a", "b"])
    with pytest.raises(ShapeError, match=r"ablation \(H,\) = \(3,\)"):
        dossier(layer, ablation=np.zeros(2))
    with pytest.raises(DataError, match="expected quantity as"):
        dossier(layer, quantity="cell")
    with pytest.raises(ValueError, match="the layer 'l7' in the model; it has: l0"):
        ablation(nn.LSTM(1, 2), torch.zeros(3, 1, 1), lambda out: out[0].sum(), "l7")
    with pytest.raises(ValueError, match="with biases"):
        ablation(nn.LSTM(1, 2, bias=False), torch.zeros(3, 1, 1), lambda out: out[0].sum())


@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.LSTM, nn.RNN, nn.LSTM])
@pytest.mark.parametrize("weight", ["weight_ih_l0", "weight_hh_l0"])
def test_a_parametrized_weight_loses_its_units_as_a_plain_one_does(kind: Any, weight: str) -> None:
    """Weight norm at its start gives the weights that it was put on."""
    torch.manual_seed(0)
    model, x = kind(2, 3, dtype=torch.float64), torch.randn(5, 1, 2, dtype=torch.float64)

    def loss(out: Any) -> torch.Tensor:
        return out[0].square().sum()

    plain = ablation(model, x, loss)["l0"]
    parametrizations.weight_norm(model, weight)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    np.testing.assert_allclose(ablation(model, x, loss)["l0"], plain, rtol=1e-12)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_weights_that_a_hook_makes_anew_at_every_call_are_refused() -> None:
    model = torch.nn.utils.weight_norm(torch.nn.LSTM(2, 3), "weight_hh_l0")
    with pytest.raises(ValueError, match="expected weight_hh_l0 to stay as it was set, got one"):
        ablation(model, torch.randn(4, 1, 2), lambda out: out[0].sum())


def test_over_no_steps_nothing_is_known() -> None:
    found = dossier(rnn(np.zeros((4, 2, 3)), lengths=np.array([0, 0])), np.ones((4, 2, 1)))
    assert np.isnan([*found.mean, *found.deviation, *found.correlation.ravel()]).all()
    assert dossier(rnn(np.zeros((0, 3)), layout="TH")).mean.shape == (3,)
    with pytest.raises(ShapeError, match=r"expected lags in 0 … 0, got \[1\]"):
        dossier(rnn(np.zeros((0, 3)), layout="TH"), lags=[1])


def test_lags_may_be_an_array() -> None:
    x = np.random.default_rng(0).normal(size=(9, 1))
    layer = rnn(np.roll(x, 1), layout="TH")
    assert dossier(layer, x, lags=np.arange(3)).lag.tolist() == [[1]]
    with pytest.raises(ShapeError, match=r"expected lags in 0 … 8, got \[\]"):
        dossier(layer, x, lags=[])
