"""Forecasts from what is known ahead: a future file, the calendar, longer horizons, other cells."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.tasks.forecast.calendar_choice import candidates
from glasscell.tasks.forecast.evaluation import evaluate
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.predict import predict
from glasscell.tasks.inspect_run import look

SMALL = {
    "horizon": 3,
    "lookback": 8,
    "epochs": 1,
    "seeds": 1,
    "hidden_size": 4,
    "jobs": 1,
    "calendar": [],
}
ROWS, STEPS = 160, 3


def shop(rows=ROWS):
    """Two series that a promotion lifts by 10 and a sale by 5, known on every day."""
    chance = np.random.default_rng(0)
    parts = []
    for name, base in (("a", 50.0), ("b", 20.0)):
        promo, mood = chance.integers(0, 2, rows), chance.integers(0, 2, rows)
        y = base + 10 * promo + 5 * mood + chance.normal(size=rows) / 10
        days = pd.date_range("2024-01-01", periods=rows)
        frame = {"unique_id": name, "ds": days, "y": y, "promo": promo, "town": f"town {name}"}
        parts.append(pd.DataFrame(frame).assign(mood=np.where(mood, "sale", "plain")))
    return pd.concat(parts, ignore_index=True)


WHOLE = shop(ROWS + STEPS)
PAST = WHOLE.groupby("unique_id").head(ROWS)
FUTURE = WHOLE.groupby("unique_id").tail(STEPS).drop(columns="y")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fit(
        PAST,
        tmp_path_factory.mktemp("runs") / "run",
        future_covariates=["promo", "mood"],
        static=["town"],
        **SMALL,
    )


def test_what_is_known_ahead_is_found_exactly_and_no_method_without_it_does(run):
    errors = {method.name: method.mae for method in run.methods}
    assert errors["ridge"] < 0.5
    assert errors["LSTM"] < 0.5
    assert errors["naive"] > 4


def test_a_future_file_gives_what_rows_below_the_data_give(run, tmp_path):
    FUTURE.to_csv(tmp_path / "future.csv", index=False)
    told = predict(run.folder, PAST, future=tmp_path / "future.csv")
    below = WHOLE.assign(y=WHOLE.y.where(~WHOLE.index.isin(FUTURE.index)))
    pd.testing.assert_frame_equal(told, predict(run.folder, below))
    truth = told.merge(WHOLE, on=["unique_id", "ds"])
    assert abs(truth.forecast - truth.y).mean() < 0.5


def test_rows_that_are_not_needed_are_said(run):
    said = []
    told = predict(run.folder, PAST, future=FUTURE, horizon=2, say=said.append)
    assert told.groupby("unique_id").size().tolist() == [2, 2]
    assert said == ["2 rows of --future outside the 2 time steps after the history: not read."]


@pytest.mark.parametrize(
    ("future", "message"),
    [
        (None, r"series 'a' has no promo, mood at 3 of the 3 time steps .* first at 2024-06-09"),
        (FUTURE.drop(FUTURE.index[1]), r"'a' has no promo, mood at 1 of the 3 .* at 2024-06-10"),
        (FUTURE.assign(promo=np.nan), r"has no promo at 3 of the 3 .*\(likewise 1 other series\)"),
        (
            FUTURE.drop(columns="mood"),
            "expected the columns ds, unique_id, promo, mood, found no m",
        ),
        (FUTURE.replace({"a": "z"}), r"expected the series of the data \(a, b\), got also z"),
        (pd.concat([FUTURE, FUTURE[:1]]), "'a': expected one row per time stamp, got 1 repeated"),
        (FUTURE.replace({"sale": "odd", "plain": "odd"}), r"seen \(plain, sale\), got 'odd'"),
        (FUTURE.assign(ds=np.arange(6)), "expected times as the data have them"),
    ],
)
def test_a_future_that_does_not_do_is_refused_with_what_it_lacks(run, future, message):
    with pytest.raises(DataError, match=message):
        predict(run.folder, PAST, future=future)


def test_data_without_a_column_that_is_known_ahead_or_static_are_refused(run):
    with pytest.raises(DataError, match="found no column promo, town"):
        predict(run.folder, PAST.drop(columns=["promo", "town"]))


def test_a_static_column_that_changes_is_refused():
    other = PAST.assign(town=PAST.town.mask(PAST.index == 5, "elsewhere"))
    with pytest.raises(DataError, match=r"'a', static column 'town': expected one value .*-01-06"):
        make_plan(other, ForecastOptions(static=["town"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"future_covariates": ["price"]}, "--future-covariates 'price': there is no such column"),
        ({"target": "y", "static": ["y"]}, "--static 'y': this column is a target already"),
        ({"covariates": ["promo"], "future_covariates": ["promo"]}, "one of --covariates, whose p"),
        ({"categories": ["promo"]}, "--categories 'promo': expected one of --covariates"),
        ({"calendar": ["moon"]}, "--calendar: expected names among hour"),
    ],
)
def test_columns_that_cannot_be_what_they_are_named_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        make_plan(PAST, ForecastOptions(**options))


def test_new_series_and_new_data_are_evaluated_and_looked_at(run, tmp_path):
    new = PAST[PAST.unique_id == "a"].assign(unique_id="new")
    found = evaluate(run.folder, new)
    network = {method["name"]: method["mae"] for method in found["methods"]}["LSTM"]
    assert network < 0.5
    new.to_csv(tmp_path / "new.csv", index=False)
    page = look(run.folder, tmp_path / "new.csv")
    assert page.series[0].x.shape == (8 + STEPS, len(run.plan.channels))
    assert page.series[0].labels[-1].endswith("(+3)")


def test_a_longer_horizon_reads_its_own_forecasts_as_history_and_says_so(tmp_path):
    times = pd.date_range("2024-01-01", periods=120)
    data = pd.DataFrame({"ds": times, "y": np.sin(np.arange(120) / 4)})
    folder = fit(data, tmp_path / "run", **SMALL).folder
    said = []
    told = predict(folder, data, horizon=7, say=said.append)
    assert "own forecasts were read as history 2 times" in said[0]
    short = predict(folder, data)
    pd.testing.assert_frame_equal(told[:3], short)
    grown = pd.concat([data, short[["ds", "forecast"]].rename(columns={"forecast": "y"})])
    again = predict(folder, grown)
    np.testing.assert_allclose(told.forecast[3:6], again.forecast, rtol=1e-6)


@pytest.mark.parametrize("known", [None, ["promo"]])
def test_what_is_said_of_a_series_holds_beyond_the_horizon(known, tmp_path):
    folder = fit(PAST, tmp_path / "run", static=["town"], future_covariates=known, **SMALL).folder
    days = pd.date_range(PAST.ds.max(), periods=9)[1:]
    coming = pd.DataFrame({"ds": [*days, *days], "unique_id": np.repeat(["a", "b"], 8)})
    coming = coming.assign(promo=np.arange(16) % 2, town="town " + coming.unique_id)
    future = None if known is None else coming.drop(columns="town")
    told = predict(folder, PAST, future=future, horizon=8)
    assert np.isfinite(told.forecast).all()
    grown, steps = PAST, []
    for start in (0, 3, 6):
        steps.append(predict(folder, grown, future=future, horizon=min(3, 8 - start)))
        more = steps[-1].rename(columns={"forecast": "y"})[["unique_id", "ds", "y"]]
        grown = pd.concat([grown, more.merge(coming, on=["unique_id", "ds"])])
    expected = pd.concat(steps).sort_values(["unique_id", "ds"], kind="stable")
    np.testing.assert_allclose(told.forecast, expected.forecast, rtol=1e-6)


def test_past_covariates_end_where_the_data_end(tmp_path):
    data = PAST[PAST.unique_id == "a"]
    folder = fit(data, tmp_path / "run", target="y", covariates=["promo"], **SMALL).folder
    with pytest.raises(DataError, match="--horizon 4: the run forecasts 3 steps and reads promo"):
        predict(folder, data, horizon=4)
    with pytest.raises(DataError, match=r"--strategy recursive .* of promo nothing is forecast"):
        fit(data, target="y", covariates=["promo"], strategy="recursive", **SMALL)


@pytest.mark.parametrize("known", [None, ["promo", "mood"]])
def test_recursive_forecasts_repeat_one_step(known, tmp_path):
    result = fit(PAST, tmp_path / "run", future_covariates=known, strategy="recursive", **SMALL)
    assert result.best.network.horizon == 1
    assert result.forecasts["LSTM"].shape[1] == STEPS
    future = None if known is None else FUTURE
    told = predict(result.folder, PAST, future=future)
    step, data = [], PAST
    for k in range(STEPS):
        one = predict(result.folder, data, future=future, horizon=1)
        step.append(one.forecast.to_numpy())
        day = WHOLE.groupby("unique_id").nth(ROWS + k).sort_values("unique_id")
        data = pd.concat([data, day.assign(y=step[-1])])
    np.testing.assert_allclose(told.forecast, np.transpose(step).ravel(), rtol=1e-5)
    found = evaluate(result.folder, PAST)["methods"]
    assert {method["name"] for method in found} == {"naive", "LSTM"}


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_the_table_and_the_verdict_name_the_cell(cell, tmp_path):
    result = fit(PAST, tmp_path / "run", cell=cell, future_covariates=["promo"], **SMALL)
    name = {"gru": "GRU", "rnn": "plain RNN"}[cell]
    assert result.methods[-1].name == name
    assert name in result.verdict
    assert (result.rival is None) == (cell == "rnn")
    kept = json.loads((result.folder / "metrics.json").read_text())
    assert kept["network"] == name
    assert "LSTM" not in {method["name"] for method in kept["methods"]}


def test_the_calendar_is_read_where_it_helps_and_not_in_noise():
    days = pd.date_range("2022-01-01", periods=500)
    noise = np.random.default_rng(0).normal(size=500)
    weekly = pd.DataFrame({"ds": days, "y": noise + 4 * (days.day_of_week >= 5)})
    plan = make_plan(weekly, ForecastOptions(horizon=3, lookback=2))
    assert plan.options.calendar == ["weekday"]
    plan = make_plan(weekly.assign(y=noise), ForecastOptions(horizon=3, lookback=2))
    assert plan.options.calendar == []


def test_a_year_comes_into_question_only_once_training_has_seen_two():
    assert "year-day" in candidates(pd.date_range("2020-01-01", periods=1200), 840)
    assert "year-day" not in candidates(pd.date_range("2020-01-01", periods=900), 630)
    assert candidates(pd.RangeIndex(500), 350) == ()
