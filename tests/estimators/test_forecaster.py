"""LSTMForecaster: frames of Nixtla's form in and out, by the rules of scikit-learn."""

from __future__ import annotations

import pickle
import pickletools
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import glasscell
from glasscell.errors import DataError
from glasscell.estimators import LSTMForecaster
from glasscell.tasks.forecast import plan
from glasscell.tasks.forecast.predict import predict

SMALL = LSTMForecaster(horizon=3, lookback=7, epochs=1, hidden_size=4, random_state=0)


def days(rows=90, names="ab"):
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "unique_id": name,
                    "ds": pd.date_range("2024-01-01", periods=rows),
                    "y": place + 10 + np.sin(np.arange(rows) * 0.9) + np.arange(rows) % 7,
                }
            )
            for place, name in enumerate(names)
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def fitted():
    return clone(SMALL).fit(days())


def test_forecasts_go_on_from_the_end_of_the_data(fitted):
    told = fitted.predict()
    assert list(told.columns) == ["unique_id", "ds", "LSTM"]
    assert told["ds"].tolist() == 2 * pd.date_range("2024-03-31", periods=3).tolist()
    pd.testing.assert_frame_equal(told, fitted.predict(days()))


def test_the_end_of_the_data_is_trained_on(fitted):
    other = days()
    other.loc[other.index[-20:], "y"] += 50.0
    assert not np.allclose(
        clone(SMALL).fit(other).predict(days())["LSTM"], fitted.predict()["LSTM"]
    )


def test_it_is_cloned_asked_and_told_as_scikit_learn_does():
    model = clone(SMALL).set_params(horizon=5, gaps="interpolate")
    assert model.get_params()["horizon"] == 5
    assert model.get_params()["epochs"] == 1
    assert repr(model).startswith("LSTMForecaster(epochs=1, gaps='interpolate'")
    with pytest.raises(NotFittedError):
        model.predict()
    with pytest.raises(TypeError, match="got horizons"):
        LSTMForecaster(horizons=3)


def test_same_seed_same_bits(fitted):
    again = clone(SMALL).fit(days())
    assert again.predict().equals(fitted.predict())


@pytest.mark.parametrize("kind", ["polars", "lazy", "arrow", "series", "period", "tz", "category"])
def test_what_goes_in_comes_out(kind, fitted):
    expected = fitted.predict()
    frame = days()
    if kind == "polars":
        given = pl.from_pandas(frame.assign(ds=frame["ds"].dt.date))
        told = fitted.predict(given)
        assert isinstance(told, pl.DataFrame)
        assert told.schema["ds"] == pl.Date
        values = told["LSTM"].to_numpy()
    elif kind == "lazy":
        told = fitted.predict(pl.from_pandas(frame).lazy())
        assert isinstance(told, pl.DataFrame)
        values = told["LSTM"].to_numpy()
    elif kind == "arrow":
        told = fitted.predict(pa.Table.from_pandas(frame, preserve_index=False))
        assert isinstance(told, pa.Table)
        values = told["LSTM"].to_numpy()
    elif kind == "series":
        one = frame[frame["unique_id"] == "a"].set_index("ds")["y"].rename("a")
        told, expected = fitted.predict(one), expected[:3]
        values = told["LSTM"]
    elif kind == "period":
        told = fitted.predict(frame.assign(ds=frame["ds"].dt.to_period("D")))
        assert told["ds"].dtype == "period[D]"
        values = told["LSTM"]
    elif kind == "tz":
        told = fitted.predict(frame.assign(ds=frame["ds"].dt.tz_localize("Asia/Tokyo")))
        assert told["ds"].dtype == "datetime64[ns, Asia/Tokyo]"
        values = told["LSTM"]
    else:
        names = frame["unique_id"].astype("category")
        told = fitted.predict(frame.assign(unique_id=names).sample(frac=1, random_state=0))
        assert told["unique_id"].dtype == names.dtype
        values = told["LSTM"]
    np.testing.assert_array_equal(values, expected["LSTM"])


def test_names_of_columns_and_of_series_stay():
    frame = days().rename(columns={"unique_id": "shop", "ds": "day", "y": "sold"})
    frame["shop"] = frame["shop"].map({"a": 7, "b": 12})
    model = clone(SMALL).set_params(series="shop", target="sold").fit(frame)
    told = model.predict()
    assert list(told.columns) == ["shop", "day", "LSTM"]
    assert told["shop"].tolist() == [12, 12, 12, 7, 7, 7]


def test_missing_values_of_nullable_columns_are_read_as_missing():
    frame = days()
    frame["y"] = frame["y"].round().astype("Int64")
    frame.loc[40, "y"] = pd.NA
    with pytest.raises(DataError, match="gaps interpolate"):
        clone(SMALL).fit(frame)
    assert len(clone(SMALL).set_params(gaps="interpolate").fit(frame).predict()) == 6


def test_messages_name_parameters():
    with pytest.raises(DataError, match=r"^horizon: expected at least 1, got 0"):
        clone(SMALL).set_params(horizon=0).fit(days())
    with pytest.raises(DataError, match="55 % train, 45 % validate, at least one"):
        clone(SMALL).set_params(horizon=45).fit(days())
    with pytest.raises(DataError, match="df: expected a data frame"):
        clone(SMALL).fit({"y": [1.0]})
    with pytest.raises(DataError, match="y: expected None"):
        clone(SMALL).fit(days(), [1.0])


def test_a_pickle_holds_no_torch_and_forecasts_without_it(fitted, tmp_path):
    held = pickle.dumps(fitted)
    named = {word for _, word, _ in pickletools.genops(held) if isinstance(word, str)}
    assert not any(word.startswith("torch") for word in named)
    (tmp_path / "model.pickle").write_bytes(held)
    script = (
        "import pickle, sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('torch', 'accelerate'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Without())\n"
        "model = pickle.loads(open(sys.argv[1], 'rb').read())\n"
        "print(model.predict()['LSTM'].tolist())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "model.pickle")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(fitted.predict()["LSTM"].tolist())


def test_a_saved_one_is_a_run(fitted, tmp_path):
    run = fitted.save(tmp_path / "run")
    told = predict(run, days())
    assert told["forecast"].tolist() == fitted.predict()["LSTM"].tolist()
    loaded = glasscell.Forecaster.load(run).predict(days())
    assert loaded["forecast"].tolist() == told["forecast"].tolist()


def test_warm_start_goes_on_from_the_weights():
    model = clone(SMALL).set_params(warm_start=True, epochs=3).fit(days())
    before = model._run.weights()
    more = days(120)
    model.set_params(epochs=1, learning_rate=1e-9).fit(more)
    after = model._run.weights()
    for name, weight in before.items():
        np.testing.assert_allclose(after[name], weight, atol=1e-6)
    assert model.predict()["ds"].min() == pd.Timestamp("2024-04-30")
    with pytest.raises(DataError, match="warm_start: expected a network of the same size"):
        model.set_params(hidden_size=5).fit(more)


def test_warm_start_keeps_the_lookback_that_the_first_data_chose():
    noise = np.random.default_rng(0).normal(size=700)
    y = noise.copy()
    for row in range(6, 700):
        y[row] += 0.9 * y[row - 6]
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=700), "y": y})
    small = LSTMForecaster(horizon=1, epochs=1, hidden_size=3, random_state=0)
    chosen, other = (
        clone(small).fit(frame[:rows]).forecaster_.settings["lookback"] for rows in (300, 700)
    )
    assert chosen != other
    going_on = clone(small).set_params(warm_start=True).fit(frame[:300]).fit(frame)
    assert going_on.forecaster_.settings["lookback"] == chosen


def test_cross_validation_forecasts_what_was_not_known(fitted):
    told = clone(SMALL).cross_validation(days(), windows=2, step=2)
    assert list(told.columns) == ["unique_id", "ds", "cutoff", "y", "LSTM"]
    assert sorted(set(told["cutoff"])) == list(pd.to_datetime(["2024-03-25", "2024-03-27"]))
    first = told[told["cutoff"] == told["cutoff"].min()]
    known = days()[lambda frame: frame["ds"] <= "2024-03-25"]
    expected = clone(SMALL).fit(known).predict()
    assert first["LSTM"].tolist() == expected["LSTM"].tolist()
    truth = days().set_index(["unique_id", "ds"])["y"]
    assert (
        told["y"].tolist()
        == truth.loc[list(zip(told["unique_id"], told["ds"], strict=True))].tolist()
    )


def test_score_is_the_gain_over_the_last_value(fitted):
    frame = days(40, "a")
    errors = {"naive": [], "LSTM": []}
    values = frame["y"].to_numpy()
    for row in range(7, 38):
        truth = values[row : row + 3]
        errors["naive"].append(np.abs(values[row - 1] - truth).mean())
        told = fitted.predict(frame[:row])["LSTM"].to_numpy()
        errors["LSTM"].append(np.abs(told - truth).mean())
    skill = 1 - np.mean(errors["LSTM"]) / np.mean(errors["naive"])
    assert fitted.score(frame) == pytest.approx(skill, rel=1e-5)


@pytest.mark.parametrize(
    ("named", "measured"),
    [({}, False), ({"lookback": "auto"}, True), ({"forget_bias": "chrono"}, True)],
)
def test_the_lag_is_measured_only_where_something_is_chosen_by_it(named, measured, monkeypatch):
    def seen(*given):
        raise AssertionError("measured")

    monkeypatch.setattr(plan, "measure", seen)
    with pytest.raises(AssertionError, match="measured") if measured else nullcontext():
        clone(SMALL).set_params(**named).fit(days())


def test_it_goes_into_a_pipeline_and_a_grid_search():
    frame = days(120, "a")
    steps = [
        ("doubled", FunctionTransformer(lambda f: f.assign(y=2 * f["y"]))),
        ("forecast", clone(SMALL)),
    ]
    told = Pipeline(steps).fit(frame).predict(frame)
    np.testing.assert_allclose(
        told["LSTM"], 2 * clone(SMALL).fit(frame).predict()["LSTM"], rtol=1e-5
    )
    search = GridSearchCV(clone(SMALL), {"lookback": [5, 7]}, cv=TimeSeriesSplit(2))
    search.fit(frame)
    means = []
    for lookback in (5, 7):
        scores = []
        for train, test in TimeSeriesSplit(2).split(frame):
            model = clone(SMALL).set_params(lookback=lookback).fit(frame.iloc[train])
            scores.append(model.score(frame.iloc[test]))
        means.append(np.mean(scores))
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], means)
    assert search.best_params_["lookback"] == (5, 7)[int(np.argmax(means))]


def test_intervals_widen_with_the_level_and_are_infinite_where_few_rows_validate(fitted):
    told = fitted.predict(level=[50, 80, 99.9])
    inner, outer = (told[f"LSTM-hi-{one}"] - told[f"LSTM-lo-{one}"] for one in (50, 80))
    assert (inner > 0).all()
    assert (outer >= inner).all()
    assert np.isinf(told["LSTM-hi-99.9"]).all()
    with pytest.raises(DataError, match="level: expected"):
        fitted.predict(level=[120])
