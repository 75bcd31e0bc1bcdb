"""What moved a forecast: sums that add up, causes that are known, and what taking them out does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import glasscell
from glasscell.__main__ import main
from glasscell.errors import DataError
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.network import Forecaster
from glasscell.tasks.forecast.predict import predict
from glasscell.tasks.forecast.reasons import of_window, reasons
from glasscell.tasks.inspect_run import look


def promoted(rows=500):
    """Days on which a promotion, known ahead, adds 4, and half of that the day after."""
    chance = np.random.default_rng(0)
    promo = (chance.random(rows) < 0.25).astype(float)
    y = 10 + 4 * promo + 2 * np.roll(promo, 1) + 0.2 * chance.normal(size=rows)
    days = pd.date_range("2024-01-01", periods=rows, freq="D")
    return pd.DataFrame({"ds": days, "y": y, "promo": promo})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    small = {"horizon": 2, "lookback": 4, "epochs": 8, "seeds": 1, "hidden_size": 8, "jobs": 1}
    return fit(
        promoted(),
        tmp_path_factory.mktemp("reasons") / "run",
        target="y",
        future_covariates=["promo"],
        **small,
    ).folder


def told(run, promo=(0.0, 1.0), **more):
    data = promoted()
    future = data.tail(2).assign(promo=promo)[["ds", "promo"]]
    return reasons(run, data[:-2], future=future, **more)


def test_the_promotion_ahead_is_what_moves_the_forecast(run):
    (found,) = told(run)
    first = found.parts[0]
    assert (first.column, first.first, first.last) == ("promo", 2, 2)
    assert 2.5 < first.added < 5
    assert "promo 2 steps ahead (+" in found.in_words()
    (without,) = told(run, promo=(0.0, 0.0))
    assert all((part.column, part.last) != ("promo", 2) for part in without.parts)


def test_contributions_add_up_to_the_forecast_that_predict_gives(run):
    (found,) = told(run)
    data = promoted()
    forecast = predict(run, data[:-2], future=data.tail(2).assign(promo=[0.0, 1.0]))
    assert found.forecast == pytest.approx(forecast["forecast"].iloc[-1], rel=1e-6)
    assert found.time == "2025-05-14"
    assert found.last == pytest.approx(data["y"].iloc[-3])
    assert abs(found.error) <= 0.01 * abs(found.forecast - found.base)


def test_taking_a_part_out_is_tried_on_the_network(run):
    """The promotion ahead is off in the baseline, so without it the forecast is the other one."""
    (found,), (without,) = told(run), told(run, promo=(0.0, 0.0))
    assert found.parts[0].fell == pytest.approx(found.forecast - without.forecast, rel=1e-4)


def test_a_step_and_a_series_are_chosen(run):
    (first,) = told(run, promo=(1.0, 0.0), step=1)
    assert first.step == 1
    assert (first.parts[0].column, first.parts[0].first) == ("promo", 1)
    with pytest.raises(DataError, match="step: expected 1 to 2, what the run tells at once, got 3"):
        told(run, step=3)
    with pytest.raises(DataError, match="series: expected one of y, got 'z'"):
        told(run, series="z")


def test_a_recursive_run_explains_the_one_step_that_its_network_tells(tmp_path):
    data = promoted(200)
    small = {"lookback": 4, "epochs": 2, "seeds": 1, "hidden_size": 4, "jobs": 1, "calendar": []}
    options = {"target": "y", "future_covariates": ["promo"], "strategy": "recursive"}
    folder = fit(data[:-3], tmp_path / "run", horizon=3, **options, **small).folder
    future = data.tail(3)[["ds", "promo"]]
    (found,) = reasons(folder, data[:-3], future=future)
    forecast = predict(folder, data[:-3], future=future)["forecast"]
    assert (found.step, found.forecast) == (1, pytest.approx(forecast[0], rel=1e-6))
    with pytest.raises(DataError, match="step: expected 1 to 1, what the run tells at once, got 2"):
        reasons(folder, data[:-3], future=future, step=2)


def test_the_page_has_them_for_every_window_it_shows(run):
    page = look(run)
    assert len(page.measures["reasons"]) == len(page.series)
    for s, series in enumerate(page.series):
        one = page.measures["reasons"][str(s)]
        added = page.arrays[f"{s}/reasons"]
        assert added.shape == (2, series.steps)
        assert added.sum() == pytest.approx(one["forecast"] - one["base"], abs=0.01)
        np.testing.assert_allclose(page.arrays[f"{s}/moved"][0], added.sum(axis=0))


def network(seed, lookback=6, horizon=2, size=5):
    torch.manual_seed(seed)
    made = Forecaster("LSTM", 2, size, lookback=lookback, horizon=horizon)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.0)
    return made


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 3.0))
def test_completeness_and_memory_of_any_network(tmp_path_factory, seed, scale):
    folder = tmp_path_factory.mktemp("net") / "model"
    made = network(seed)
    glasscell.save(made, folder)
    x = (scale * np.random.default_rng(seed).normal(size=(6, 2))).astype(np.float32)
    layout = Layout(level=False, past=("x",))
    found = of_window(SavedModel.read(folder), x, layout, (10.0, 2.0), step=1)
    with torch.no_grad():
        forecast = float(made(torch.from_numpy(x[None]))[0, 0])
        z = torch.from_numpy(x[None] - np.array([x[-1, 0], 0.0], np.float32))
        hidden = made.recurrent(z)[0][:, -1]
        recurrent = float((made.head(hidden) - made.head.bias)[0, 0])
    assert found.forecast == pytest.approx(10 + 2 * forecast, rel=1e-5)
    room = 0.02 * abs(found.forecast - found.base) + 1e-4
    assert abs(found.error) <= room
    # What the memory added is an identity: the head's product with the last hidden state.
    assert found.remembered.sum() == pytest.approx(2 * recurrent, abs=1e-4)


def test_without_a_gate_that_keeps_there_is_no_memory_to_split(tmp_path):
    torch.manual_seed(0)
    glasscell.save(Forecaster("RNN", 1, 3, lookback=4, horizon=1), tmp_path / "rnn")
    x = np.ones((4, 1), np.float32)
    found = of_window(SavedModel.read(tmp_path / "rnn"), x, Layout(level=False), (0.0, 1.0))
    assert found.remembered is None


def test_a_window_in_which_nothing_moves_has_no_reasons(tmp_path):
    glasscell.save(network(0), tmp_path / "model")
    x = np.array([[1.5, 0.0]] * 6, np.float32)
    layout = Layout(level=False, past=("x",))
    found = of_window(SavedModel.read(tmp_path / "model"), x, layout, (0.0, 1.0))
    assert found.parts == ()
    assert found.fell == 0.0
    assert found.in_words().endswith("and nothing in the window does.")


def test_the_command_says_a_sentence_a_series(run, tmp_path, capsys):
    data = promoted()
    data[:-2].to_csv(tmp_path / "data.csv", index=False)
    data.tail(2)[["ds", "promo"]].to_csv(tmp_path / "future.csv", index=False)
    assert main([
        "predict", str(run), str(tmp_path / "data.csv"), "--out", "-",
        "--future", str(tmp_path / "future.csv"), "--reasons",
    ]) == 0  # fmt: skip
    said = capsys.readouterr()
    assert "from the last value" in said.err
    assert said.out.startswith("unique_id,ds,horizon,forecast")
