"""Forecasting with a finished run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.predict import predict

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
    ends = [f"forecast-{end}-{level}" for level in (80, 90) for end in ("lo", "hi")]
    assert list(found.columns) == ["unique_id", "ds", "horizon", "forecast", *ends]
    assert found["horizon"].tolist() == [1, 2, 3]


def test_series_that_training_did_not_see_are_scaled_on_their_own_and_said_so(run):
    said = []
    other = waves(name="b").assign(y=lambda d: 1000 * d.y)
    found = predict(run.folder, pd.concat([waves(), other]), say=said.append)
    assert "1 series was not in the training data" in said[0]
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
    with pytest.raises(DataError, match="1 of 200 time steps has no value"):
        predict(run.folder, gappy)
    with pytest.raises(DataError, match="1 of the last 8 time steps has no value"):
        predict(run.folder, gappy, gaps="drop")
    assert len(predict(run.folder, gappy, gaps="interpolate")) == 3


def test_series_that_cannot_be_forecast_are_left_out_and_said_so(run):
    said = []
    short = waves(5, name="b")
    gappy = waves(name="c").assign(y=lambda d: d.y.mask(d.index == 195))
    found = predict(run.folder, pd.concat([waves(), short, gappy]), gaps="drop", say=said.append)
    assert set(found.unique_id) == {"a"}
    assert "Left out, series 'b': expected at least 8 time steps" in "".join(said)
    assert "Left out, series 'c': 1 of the last 8 time steps has no value" in "".join(said)


def test_nothing_is_forecast_where_every_series_is_too_short(run):
    with pytest.raises(DataError, match=r"lookback of the run, got 5 \(likewise 1 other series\)"):
        predict(run.folder, pd.concat([waves(5), waves(3, name="b")]))


def test_many_series_left_out_are_not_all_named(run):
    said = []
    short = [waves(5, name=f"s{i}") for i in range(9)]
    predict(run.folder, pd.concat([waves(), *short]), say=said.append)
    assert len(said) < 9
    assert "4 more of 10 series" in said[-1]


def test_data_with_another_kind_of_time_are_told_so(run, tmp_path):
    numbered = waves().assign(ds=np.arange(200))
    with pytest.raises(DataError, match="the run has daily dates, column 'ds' has integers"):
        predict(run.folder, numbered)
    fit(numbered, tmp_path / "run", **SMALL)
    with pytest.raises(DataError, match="the run has whole numbers, column 'ds' has dates"):
        predict(tmp_path / "run", waves())


def test_rows_at_the_end_without_a_value_are_the_future(run):
    later = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2020-07-19", periods=3)})
    found = predict(run.folder, pd.concat([waves(), later]))
    pd.testing.assert_frame_equal(found, predict(run.folder, waves()))
    with pytest.raises(DataError, match="no value"):
        predict(run.folder, waves().assign(y=np.nan))


def test_columns_may_be_in_another_order_and_there_may_be_more(run, tmp_path):
    more = waves().assign(note="text", other=1.0)
    expected = predict(run.folder, waves())
    pd.testing.assert_frame_equal(predict(run.folder, more[more.columns[::-1]]), expected)
    wide = pd.DataFrame({"ds": waves().ds, "a": waves().y, "b": waves().y + 1})
    fit(wide, tmp_path / "run", **SMALL)
    said = []
    found = predict(tmp_path / "run", wide.assign(note="text", c=1.0), say=said.append)
    assert set(found.unique_id) == {"a", "b"}
    assert said == ["Columns not read: note, c."]
    said.clear()
    assert set(predict(tmp_path / "run", wide[["ds", "b"]], say=said.append).unique_id) == {"b"}
    assert said == ["The data have no column a."]


def test_every_way_of_writing_that_the_run_was_read_with_is_kept(tmp_path):
    text = waves().assign(y=lambda d: d.y.map("{:.3f}".format).str.replace(".", ","))
    text[["ds", "y"]].to_csv(tmp_path / "comma.csv", sep=";", index=False)
    waves()[["ds", "y"]].to_csv(tmp_path / "point.csv", sep=";", index=False)
    given = ForecastOptions(**SMALL, decimal=",")
    result = fit(tmp_path / "comma.csv", tmp_path / "run", given)
    kept = json.loads((result.folder / "preprocessing.json").read_text())["reading"]
    assert kept == given.reading().manner()
    assert {"decimal", "resample"} <= set(kept)
    found = predict(result.folder, tmp_path / "comma.csv")
    assert len(found) == 3
    other = predict(result.folder, tmp_path / "point.csv", decimal=".")
    np.testing.assert_allclose(other["forecast"], found["forecast"], atol=1e-3)
    with pytest.raises(DataError, match="--decimal"):
        predict(result.folder, tmp_path / "point.csv", decimal=";")


def test_a_damaged_or_newer_description_is_refused_in_words(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "run")
    path = tmp_path / "run" / "preprocessing.json"
    whole = json.loads(path.read_text())
    for name in ("columns", "frequency", "lookback", "scalers"):
        path.write_text(json.dumps({key: whole[key] for key in whole if key != name}))
        with pytest.raises(DataError, match=f"damaged: it has no {name}"):
            predict(tmp_path / "run", waves())
    path.write_text(json.dumps({**whole, "reading": {"runes": True}}))
    with pytest.raises(DataError, match=r"runes.*update"):
        predict(tmp_path / "run", waves())
    older = {key: whole[key] for key in whole if key != "reading"}
    path.write_text(json.dumps({**older, "resample": False}))
    pd.testing.assert_frame_equal(predict(tmp_path / "run", waves()), predict(run.folder, waves()))


@pytest.mark.parametrize("run", [None, 3, "/none", "/dev/null"])
def test_what_is_no_run_is_refused_in_words(run):
    with pytest.raises(DataError, match=r"expected .*run folder"):
        predict(run, waves())


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
        "import sys; from glasscell.tasks.forecast.predict import predict;"
        f"predict({str(run.folder)!r}, {str(tmp_path / 'data.csv')!r});"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def tables():
    """Yield tables whose times are spread over columns or column names, and the time after them."""
    y = np.round(10 + np.sin(np.arange(240) * np.pi / 6), 3)
    months = pd.date_range("2000-01-01", periods=240, freq="MS")
    crossed = pd.DataFrame(y.reshape(20, 12), columns=list(months[:12].strftime("%b")))
    crossed.insert(0, "YEAR", range(2000, 2020))
    yield "months", crossed, "2020-01-01"
    parts = pd.DataFrame({"year": months.year, "month": months.month, "y": y})
    yield "year,month", parts, "2020-01-01"
    number = np.arange(240)
    parts = pd.DataFrame({"year": 1960 + number // 4, "quarter": 1 + number % 4, "y": y})
    yield "year,quarter", parts, "2020-01-01"
    hours = pd.date_range("2020-03-01", periods=240, freq="h")
    date, clock = hours.strftime("%d/%m/%Y"), hours.strftime("%H:%M")
    yield "date,clock", pd.DataFrame({"Date": date, "Time": clock, "y": y}), "2020-03-11"
    years = [*map(str, range(1960, 2020))]
    wide = pd.DataFrame([["Aland", "GDP", *y[:60]]], columns=["Country", "Kind", *years])
    yield "years", wide, 2020


@pytest.mark.parametrize(("table", "after"), [pytest.param(t, a, id=n) for n, t, a in tables()])
def test_times_spread_over_columns_are_read_as_in_the_run(tmp_path, table, after):
    table.to_csv(tmp_path / "data.csv", index=False)
    fit(tmp_path / "data.csv", tmp_path / "run", **{**SMALL, "lookback": 12})
    said = []
    found = predict(tmp_path / "run", tmp_path / "data.csv", say=said.append)
    assert found["ds"][0] == (after if isinstance(after, int) else pd.Timestamp(after))
    assert not [sentence for sentence in said if "not in the training data" in sentence]


def test_a_part_of_a_table_has_the_names_of_the_whole(tmp_path):
    y = 10 + np.sin(np.arange(60) / 3)
    rows = [
        [place, kind, *(y + size)]
        for size, (place, kind) in enumerate(
            (place, kind) for place in ("Aland", "Bland") for kind in ("GDP", "population")
        )
    ]
    table = pd.DataFrame(rows, columns=["Country", "Indicator", *map(str, range(1960, 2020))])
    table.to_csv(tmp_path / "all.csv", index=False)
    table[:1].to_csv(tmp_path / "one.csv", index=False)
    said = []
    result = fit(tmp_path / "all.csv", tmp_path / "run", **SMALL)
    one = predict(result.folder, tmp_path / "one.csv", say=said.append)
    assert one["unique_id"].unique() == ["Aland GDP"]
    assert not [sentence for sentence in said if "not in the training data" in sentence]
    known = json.loads((result.folder / "metrics.json").read_text())["data"]
    assert known["series_column"] == "Country, Indicator"


def test_a_run_says_how_it_read_where_other_data_do_not_fit(tmp_path):
    text = waves().assign(ds=lambda d: d.ds.dt.strftime("%m/%d/%Y"))
    text.to_csv(tmp_path / "data.csv", index=False)
    fit(tmp_path / "data.csv", tmp_path / "run", **SMALL, missing=["-9", "x"])
    text.assign(ds="31/12/2020").to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(DataError, match=r"--day-first=false --missing=-9,x; give another"):
        predict(tmp_path / "run", tmp_path / "other.csv")


def test_a_frame_indexed_by_dates_and_options_that_a_run_decides(run):
    indexed = waves().set_index("ds")
    pd.testing.assert_frame_equal(predict(run.folder, indexed), predict(run.folder, waves()))
    with pytest.raises(TypeError, match=r"got lookback; the others are as the run has them"):
        predict(run.folder, waves(), lookback=5)
    with pytest.raises(DataError, match=r"data frame, got NoneType; make one with [^;]*$"):
        predict(run.folder, None)
    with pytest.raises(DataError, match="at least 8 time steps, got 1"):
        predict(run.folder, waves(rows=1))
