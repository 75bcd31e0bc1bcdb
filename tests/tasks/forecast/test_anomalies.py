"""Anomalies: found where they were planted, and no more elsewhere than chance has it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from glasscell.errors import DataError
from glasscell.tasks.forecast.anomalies import anomalies, discoveries
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.predict import predict

FAST = {"horizon": 2, "lookback": 6, "epochs": 1, "seeds": 1, "hidden_size": 2, "jobs": 1}


def waves(rows, seed=0, name="a"):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "unique_id": name,
            "ds": pd.date_range("2020-01-01", periods=rows, freq="D"),
            "y": 10 + np.sin(np.arange(rows) / 3) + 0.1 * rng.normal(size=rows),
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    fit(waves(400), folder, calibration="conformal", **FAST)
    return folder


def test_what_was_planted_is_found_and_little_else(run):
    data = waves(1200, seed=5, name="b")
    data.loc[[700, 900], "y"] += 3.0
    said = []
    found = anomalies(run, data, say=said.append)
    assert list(found.columns) == ["unique_id", "ds", "y", "forecast", "lo", "hi", "p", "anomaly"]
    assert len(found) == 1200 - 6
    flagged = found.set_index("ds")["anomaly"]
    assert flagged[data["ds"][[700, 900]]].all()
    # The cold series' scale is that of its own history: chance has a tenth, give or take.
    assert 0.05 < found["anomaly"].mean() < 0.16
    assert "by chance about 119 would be" in said[-1]


def test_a_value_is_flagged_where_it_lies_outside_and_its_p_value_says_so(run):
    found = anomalies(run, waves(300, seed=2), level=[80])
    outside = (found["y"] < found["lo"]) | (found["y"] > found["hi"])
    assert (found["anomaly"] == outside).all()
    assert (found["anomaly"] == (found["p"] <= 0.2 + 1e-12)).all()


def test_the_forecast_of_a_row_is_that_of_predict_from_the_rows_before(run):
    data = waves(300, seed=2)
    found = anomalies(run, data).set_index("ds")
    one = predict(run, data[:200]).iloc[0]
    row = found.loc[one["ds"]]
    assert row["forecast"] == one["forecast"]
    assert (row["lo"], row["hi"]) == (one["forecast-lo-90"], one["forecast-hi-90"])


def test_gaps_are_not_judged(run):
    data = waves(100, seed=2)
    data.loc[50, "y"] = np.nan
    found = anomalies(run, data, gaps="interpolate")
    assert data["ds"][50] not in set(found["ds"])
    assert len(found) == 100 - 6 - 2  # the row after it has no measured value before it
    dropped = anomalies(run, data, gaps="drop")
    assert len(dropped) == 100 - 6 - 1 - 6


def test_discoveries_are_those_of_scipy():
    p = np.random.default_rng(0).uniform(size=200) ** 3
    for rate in (0.01, 0.1, 0.3):
        np.testing.assert_array_equal(
            discoveries(p, rate), false_discovery_control(p, method="bh") <= rate
        )


def test_with_few_errors_to_compare_with_a_low_rate_is_told_to_be_out_of_reach(run):
    said = []
    found = anomalies(run, waves(300, seed=2), fdr=0.001, say=said.append)
    assert not found["anomaly"].any()
    assert "no p-value is below" in said[-1]


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        (100, {"level": [99.9]}, "expected a run with intervals"),
        (6, {}, "expected a series with 7 time steps in a row"),
        (100, {"level": [100]}, "--level"),
        (100, {"level": []}, "expected a run with intervals and a --level"),
        (100, {"fdr": 1.5}, "--fdr"),
    ],
)
def test_bad_input_is_told(run, rows, options, said):
    with pytest.raises(DataError, match=said):
        anomalies(run, waves(rows), **options)


def test_a_run_without_intervals_has_no_anomalies(tmp_path):
    fit(waves(200), tmp_path / "run", level=[], **FAST)
    with pytest.raises(DataError, match="expected a run with intervals"):
        anomalies(tmp_path / "run", waves(100))
    assert "forecast-lo-90" not in predict(tmp_path / "run", waves(100))
