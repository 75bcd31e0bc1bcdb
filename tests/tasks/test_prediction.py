"""Forecasting with a finished run."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.tasks.forecast import fit
from glasscell.tasks.prediction import predict

SMALL = {"horizon": 3, "lookback": 8, "epochs": 1, "seeds": 1, "hidden_size": 4}


def waves(rows=200, name="a", freq="D"):
    times = pd.date_range("2020-01-01", periods=rows, freq=freq)
    return pd.DataFrame({"unique_id": name, "ds": times, "y": 10 + np.sin(np.arange(rows) / 3)})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fit(waves(), tmp_path_factory.mktemp("runs") / "run", **SMALL)


def test_a_forecast_is_what_the_test_table_scored(run):
    board, forecasts = run.board, run.forecasts["LSTM"]
    for window in (0, len(forecasts) - 1):
        history = waves().iloc[: board.rows[window]]
        found = predict(run.folder, history)
        np.testing.assert_allclose(found["forecast"], forecasts[window], rtol=1e-6)
        truth = waves().iloc[board.rows[window] :][:3]
        assert found["ds"].tolist() == truth["ds"].tolist()


def test_the_columns_are_those_promised(run):
    found = predict(run.folder, waves())
    assert list(found.columns) == ["unique_id", "ds", "horizon", "forecast"]
    assert found["horizon"].tolist() == [1, 2, 3]


def test_series_that_training_did_not_see_are_scaled_on_their_own_and_said_so(run):
    said = []
    other = waves(name="b").assign(y=lambda d: 1000 * d.y)
    found = predict(run.folder, pd.concat([waves(), other]), say=said.append)
    assert "1 series were not in the training data" in said[0]
    a, b = (found[found.unique_id == name]["forecast"].to_numpy() for name in "ab")
    np.testing.assert_allclose(b / 1000, a, rtol=0.02)


def test_another_frequency_is_refused(run):
    with pytest.raises(DataError, match="the run has frequency 'D', the data have 'h'"):
        predict(run.folder, waves(freq="h"))


def test_too_short_a_history_is_refused(run):
    with pytest.raises(DataError, match="at least 8 time steps, the lookback of the run, got 5"):
        predict(run.folder, waves(5))


def test_the_gap_policy_of_the_run_holds_and_can_be_changed(run):
    gappy = waves().drop(index=[197])
    with pytest.raises(DataError, match="1 of 200 time steps have no value"):
        predict(run.folder, gappy)
    with pytest.raises(DataError, match="1 of the last 8 time steps have no value"):
        predict(run.folder, gappy, gaps="drop")
    assert len(predict(run.folder, gappy, gaps="interpolate")) == 3


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected a run folder"):
        predict(tmp_path, waves())


def test_covariates_of_the_run_must_be_there(tmp_path):
    data = waves().drop(columns="unique_id").assign(price=lambda d: 2 * d.y)
    fit(data, tmp_path / "run", **SMALL, target="y")
    assert len(predict(tmp_path / "run", data)) == 3
    with pytest.raises(DataError, match="found no column price"):
        predict(tmp_path / "run", data.drop(columns="price"))


def test_forecasting_needs_no_torch(run, tmp_path):
    waves().to_csv(tmp_path / "data.csv", index=False)
    code = (
        "import sys; from glasscell.tasks.prediction import predict;"
        f"predict({str(run.folder)!r}, {str(tmp_path / 'data.csv')!r});"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
