"""The network: its equation, its start, its twin, and the same bits without torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import glasscell
from glasscell.model.nodes.telling import Telling
from glasscell.tasks.forecast.network import (
    Forecaster,
    LinearForecast,
    Sizes,
)


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
@pytest.mark.parametrize(
    "tells", [None, Telling("quantiles", (0.1, 0.5, 0.9)), Telling("student-t")]
)
def test_the_parameter_count_is_that_of_the_module(kind, tells):
    network = Forecaster(kind, 2, 7, lookback=9, horizon=3, tells=tells)
    counted = sum(p.numel() for p in network.parameters())
    beside = 0 if tells is None else tells.numbers
    assert counted == Sizes(2, 9, 3, beside=beside).parameters(kind, 7)


def test_the_twin_is_as_near_in_size_as_one_unit_allows():
    sizes = Sizes(2, 72, 12)
    wanted = sizes.parameters("LSTM", 32)
    gap = abs(sizes.parameters("RNN", sizes.twin("LSTM", 32)) - wanted)
    assert gap / wanted < 0.02


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_a_fresh_network_forecasts_what_its_linear_start_does(kind):
    rng = np.random.default_rng(0)
    linear = LinearForecast(rng.normal(size=(3, 9)), rng.normal(size=3), 1.0, False, False)
    network = Forecaster(kind, 2, 7, lookback=9, horizon=3)
    network.start_from(linear)
    x = rng.normal(size=(4, 9, 2)).astype(np.float32)
    with torch.no_grad():
        ours = network(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours, linear.forecast(x[:, :, :1]), rtol=1e-4, atol=1e-5)


def test_adding_a_constant_to_the_target_adds_it_to_the_forecast():
    network = Forecaster("LSTM", 1, 5, lookback=6, horizon=2).double()
    x = torch.randn(3, 6, 1, dtype=torch.float64)
    torch.testing.assert_close(network(x + 7), network(x) + 7)


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_a_saved_network_gives_the_same_bits_without_torch(kind, tmp_path):
    network = Forecaster(kind, 2, 7, lookback=9, horizon=3)
    glasscell.save(network, tmp_path / "model")
    x = torch.randn(5, 9, 2)
    with torch.no_grad():
        expected = network(x).numpy()
    model = glasscell.load(tmp_path / "model")
    np.testing.assert_array_equal(model.run(x.numpy()).output, expected)
    np.testing.assert_array_equal(model.run(x[:1].numpy()).output, expected[:1])


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_near_rows_alone_are_read_by_the_recurrent_layer_and_all_by_the_skip(kind):
    torch.manual_seed(0)
    network = Forecaster(kind, 2, 7, lookback=9, horizon=3)
    x = torch.randn(4, 9, 2)
    z = x.clone()
    z[:, :, 0] -= x[:, -1:, 0]
    with torch.no_grad():
        near = network(x, 4)
        output, _ = network.recurrent(z[:, -4:].contiguous())
        expected = x[:, -1:, 0] + network.skip(z[:, :, 0]) + network.head(output[:, -1])
        torch.testing.assert_close(near, expected)
        assert torch.equal(network(x, 9), network(x))
        assert not torch.equal(near, network(x))
