"""What the inspect page measures of the way from step to step, and of a training film."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import glasscell
from glasscell import inspect
from glasscell.inspect.film.reel import Reel
from glasscell.inspect.subjects.subject import Recording
from glasscell.report.page import seen as page_seen
from glasscell.report.page.measured import Recorded, joined
from glasscell.report.page.seen import FEWEST, PROBES, Seen
from glasscell.report.views.fan import data as fan
from glasscell.report.views.film.data import measure_film
from glasscell.report.views.influence import data as influence
from glasscell.report.views.path import data as path


def seen(model, steps, batch=1, hole=False):
    """Every layer of a model on random sequences."""
    torch.manual_seed(0)
    x = torch.randn(steps, batch, model.input_size)
    if hole:
        x[steps // 2] = float("nan")
    with glasscell.trace(model) as trace, torch.no_grad():
        model(x)
    weights = [inspect.layer_weights(model, name) for name in trace]
    return {
        f"{s}/{k}": Seen(trace=trace[name].sequence(s), weights=weights[k])
        for s in range(batch)
        for k, name in enumerate(trace)
    }


def measure_flow(some):
    """What the three views measure of layers on sequences."""
    recorded = Recorded(run=Recording(traces={}), layers=[], seen=some)
    return joined([view.measure(recorded) for view in (influence, path, fan)])


def test_a_short_sequence_is_measured_whole():
    one = seen(torch.nn.LSTM(2, 5), 30)
    arrays = measure_flow(one).arrays
    trace, weights = one["0/0"].trace, one["0/0"].weights
    expected = inspect.influence(trace, weights)
    shown = arrays["0/0/influence"]
    lower = np.tril(np.ones((30, 30), bool))
    strong = lower & (expected > expected.max() - influence.DECADES)
    np.testing.assert_allclose(shown[strong], expected[strong])
    assert np.isnan(shown[~lower]).all()
    assert not np.isnan(shown[lower]).any()
    split = inspect.path_split(trace, weights)
    np.testing.assert_array_equal(arrays["0/0/path_share"], split.share)
    products = inspect.fan(trace, weights, columns=fan.DIRECTIONS)
    np.testing.assert_allclose(arrays["0/0/fan"], products.log10_sigma)
    assert arrays["0/0/fan_lags"].tolist() == products.lags.tolist()


def test_what_a_reverse_layer_reads_later_is_left_blank():
    arrays = measure_flow(seen(torch.nn.LSTM(2, 4, bidirectional=True), 12)).arrays
    upper = np.triu(np.ones((12, 12), bool), 1)
    assert np.isnan(arrays["0/0/influence"][upper]).all()
    assert np.isnan(arrays["0/1/influence"][upper.T]).all()
    assert not np.isnan(arrays["0/1/influence"][~upper.T]).any()


def test_an_rnn_has_no_conveyor_belt_to_split():
    arrays = measure_flow(seen(torch.nn.RNN(2, 4), 12)).arrays
    assert {"0/0/influence", "0/0/fan"} <= arrays.keys()
    assert not [key for key in arrays if "path" in key]


def test_one_step_has_no_lag_to_grow_over():
    arrays = measure_flow(seen(torch.nn.LSTM(2, 4), 1)).arrays
    assert arrays["0/0/influence"].shape == (1, 1)
    assert "0/0/fan" not in arrays


def test_nan_inside_and_unknown_weights_are_left_out():
    assert measure_flow(seen(torch.nn.LSTM(2, 4), 12, hole=True)).arrays == {}
    bare = {key: Seen(trace=one.trace) for key, one in seen(torch.nn.LSTM(2, 4), 12).items()}
    assert measure_flow(bare).arrays == {}


def test_a_budget_thins_a_long_sequence_and_leaves_later_series_out(monkeypatch):
    several = seen(torch.nn.LSTM(2, 8), 300, batch=2)
    everything = measure_flow(several).arrays
    assert "1/0/influence" in everything
    monkeypatch.setattr(page_seen, "FLOPS", 3e7)
    some = measure_flow(several).arrays
    assert "1/0/influence" not in some
    rows, columns = some["0/0/influence"].shape
    assert rows == influence.PIXELS
    assert FEWEST <= columns < rows
    monkeypatch.setattr(page_seen, "FLOPS", 1e3)
    assert measure_flow(several).arrays == {}


@pytest.mark.parametrize("model", [torch.nn.LSTM(2, 24), torch.nn.LSTM(2, 24, bidirectional=True)])
def test_of_a_long_sequence_through_a_wide_layer_the_end_is_measured(model, monkeypatch):
    monkeypatch.setattr(page_seen, "FLOPS", 2e7)
    for key, one in seen(model, 2000).items():
        found = measure_flow({"0/0": one})
        part = found.numbers["influence"]["0/0"]
        first, steps = part["first"], part["steps"]
        assert FEWEST <= steps < 100
        assert first == (0 if key == "0/1" else 2000 - steps)
        shown = found.arrays["0/0/influence"]
        outputs = range(first, first + steps)
        whole = inspect.influence(one.trace, one.weights, list(outputs), list(outputs), PROBES)
        strong = np.isfinite(shown) & (whole > np.nanmax(whole) - influence.DECADES)
        assert strong.any()
        np.testing.assert_allclose(shown[strong], whole[strong], atol=1e-6)
        lags = found.arrays["0/0/path_lags"]
        assert FEWEST <= len(lags) < 2000
        split = inspect.path_split(one.trace, one.weights)
        np.testing.assert_allclose(
            found.arrays["0/0/path_belt"], split.log10_belt[: len(lags)], rtol=1e-5
        )


def test_where_the_layer_began_anew_nothing_is_measured_from_a_state_that_it_left(monkeypatch):
    monkeypatch.setattr(page_seen, "FLOPS", 2e7)
    [one] = seen(torch.nn.LSTM(2, 24), 2000).values()
    reset = np.zeros((2000, 1), bool)
    anew = Seen(trace=dataclasses.replace(one.trace, reset=reset), weights=one.weights)
    assert not {"0/0/influence", "0/0/path_lags"} & measure_flow({"0/0": anew}).arrays.keys()


def test_wide_layers_are_followed_over_powers_of_two():
    wide = seen(torch.nn.LSTM(2, 80), 40)
    lags = measure_flow(wide).arrays["0/0/fan_lags"]
    assert lags.tolist() == [1, 2, 4, 8, 16, 32]


@pytest.mark.parametrize("frames", [1, 3, 1200])
def test_a_film_is_cut_to_the_pages_layers_and_thinned(frames):
    rng = np.random.default_rng(0)
    film = {
        "format": np.array(1),
        "steps": np.arange(frames) * 10 + 1,
        "loss": rng.random(frames),
        "layers": np.array(["other", "l0"]),
        "0/rate": rng.random(frames),
        "1/half_life": rng.random((frames, 6)),
        "1/closed": rng.random((frames, 3, 6)),
        "1/open": rng.random((frames, 3, 6)),
        "1/rate": rng.random(frames),
        "1/lags": np.arange(9),
        "1/profile": rng.random((frames, 9)),
        "1/kind": np.array(["healthy"] * frames),
    }
    found = measure_film(Reel.of_arrays(film), ["l0", "l1"])
    shown = min(frames, 500)
    assert found.arrays["film/steps"][[0, -1]].tolist() == [1, film["steps"][-1]]
    assert found.arrays["film/0/half_life"].shape == (5, shown)
    assert found.arrays["film/0/open"].shape == (3, shown)
    assert found.arrays["film/0/profile"].shape == (shown, 9)
    np.testing.assert_allclose(found.arrays["film/0/open"][1, 0], film["1/open"][0, 1].mean())
    assert found.numbers["film"]["kinds"] == {"0": ["healthy"] * shown}
    assert not [key for key in found.arrays if key.startswith("film/1/")]
