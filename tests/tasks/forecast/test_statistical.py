"""ETS, Theta and ARIMA: the numbers of statsforecast itself, and nothing of the future."""

from __future__ import annotations

import io
import sys
import warnings
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from glasscell.tasks.forecast import statistical
from glasscell.tasks.forecast.baselines import baselines
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.scores import Scoreboard
from glasscell.training.progress import Reporter

SMALL = {"horizon": 3, "lookback": 8, "season": 4}


@pytest.fixture(autouse=True)
def statsforecast(monkeypatch):
    monkeypatch.delitem(sys.modules, "statsforecast", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = import_module("statsforecast.models")
    yield found
    for name in [name for name in sys.modules if name.split(".")[0] == "statsforecast"]:
        del sys.modules[name]


def quarters(rows=160, seed=0):
    rng = np.random.default_rng(seed)
    y = 20 + np.tile([1.0, 3.0, -2.0, 0.0], rows // 4) + rng.normal(size=rows).cumsum()
    return pd.DataFrame({"ds": np.arange(rows), "y": y})


def planned(data, **options):
    plan = make_plan(data, ForecastOptions(**{**SMALL, **options}))
    return plan, Scoreboard(plan.dataset, plan.test, plan.season)


def test_forecasts_are_those_of_statsforecast(statsforecast):
    data = quarters()
    plan, board = planned(data)
    models = {
        "ETS": statsforecast.AutoETS(season_length=4),
        "Theta": statsforecast.DynamicOptimizedTheta(season_length=4),
        "ARIMA": statsforecast.AutoARIMA(season_length=4, approximation=True),
    }
    y = data.y.to_numpy()
    unit = 2.0 ** np.floor(np.log2(y[:128].max()))
    y = y / unit
    for name, model in models.items():
        entry = statistical.statistical(plan, board, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(y[:128])
        for window in (0, len(board.rows) - 1):
            expected = model.forward(y[: board.rows[window]], 3)["mean"] * unit
            np.testing.assert_allclose(entry.forecasts[0][window], expected, rtol=1e-9)
        assert entry.windows is None
        assert entry.parameters > 0


def test_a_forecast_knows_nothing_after_its_origin():
    plan, board = planned(quarters())
    window = 5
    later = quarters()
    later.loc[later.index >= board.rows[window], "y"] += 1000.0
    other, other_board = planned(later)
    for name in statistical.NAMES:
        one = statistical.statistical(plan, board, name).forecasts[0][window]
        two = statistical.statistical(other, other_board, name).forecasts[0][window]
        np.testing.assert_array_equal(one, two)


def test_of_many_windows_evenly_spaced_ones_of_a_few_series_are_forecast(monkeypatch):
    monkeypatch.setattr(statistical, "SERIES", 2)
    monkeypatch.setattr(statistical, "WINDOWS", 6)
    data = pd.concat([quarters(seed=k).assign(unique_id=f"s{k}") for k in range(4)])
    plan, board = planned(data, baselines=["theta"])
    entries, notes = baselines(plan, board)
    theta = entries[-1]
    assert theta.name == "Theta"
    assert theta.windows.sum() == 6
    assert set(board.owners[theta.windows]) == {0, 3}
    assert np.isfinite(theta.forecasts[0][theta.windows]).all()
    assert not notes


def test_a_series_that_cannot_be_fitted_leaves_the_method_out_in_words(monkeypatch):
    def broken(*_):
        raise ValueError("no model able to be fitted.")

    monkeypatch.setattr(statistical, "_model", broken)
    plan, board = planned(quarters(), baselines=["ets"])
    entries, notes = baselines(plan, board)
    assert "ETS" not in [entry.name for entry in entries]
    assert notes == [
        "ETS is left out: statsforecast cannot fit series y: no model able to be fitted."
    ]


def test_long_seasons_are_taken_out_first_or_said_to_be_too_long(statsforecast):
    assert isinstance(statistical._model("ETS", 48), statsforecast.MSTL)
    assert isinstance(statistical._model("ARIMA", 288), statsforecast.AutoARIMA)
    assert "STL" in statistical._note("ETS", 48)
    assert "288 steps are too many" in statistical._note("ARIMA", 288)


def test_gaps_are_bridged_by_what_lies_before_the_origin():
    values = np.array([np.nan, 1.0, np.nan, 3.0, np.nan, 9.0])
    assert statistical._before(values, 4, 10).tolist() == [1.0, 2.0, 3.0]


def test_what_was_asked_for_and_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(statistical, "installed", lambda: False)
    plan, board = planned(quarters(), baselines=["ets", "arima"])
    entries, notes = baselines(plan, board)
    assert [entry.name for entry in entries][-1] == "ridge"
    assert notes == ["ETS, ARIMA: statsforecast, which has them, is not installed."]
    assert baselines(*planned(quarters(), baselines=[]))[1] == []


def test_a_fit_by_default_has_them_on_windows_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(statistical, "WINDOWS", 10)
    options = {"epochs": 1, "seeds": 1, "hidden_size": 4, "jobs": 1}
    shown = io.StringIO()
    reporter = Reporter(console=Console(file=shown, width=200))
    result = fit(quarters(), tmp_path / "run", **SMALL, **options, reporter=reporter)
    windows = len(result.plan.test)
    assert f"ETS, Theta, ARIMA on 10 of {windows} test windows (statsf" in shown.getvalue()
    usual = ["naive", "seasonal naive", "drift", "ridge", "trees"]
    networks = ["plain RNN", "LSTM"]
    assert [method.name for method in result.methods] == [*usual, *networks]
    (own,) = result.metrics()["standings"]
    assert own["windows"] == 10
    names = [method["name"] for method in own["methods"]]
    assert names == [*usual, "ETS", "Theta", "ARIMA", *networks]
    html = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert own["where"][0] == f"the 10 of {windows} test windows that ETS, Theta, ARIMA forecast"
    assert own["why"][0].startswith("To forecast all of them would take long. Every other method")
    assert all(text in html for text in (*own["where"], *own["why"]))
