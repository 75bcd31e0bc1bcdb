"""Forecasts out of a file: on the same windows, or refused in words."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from glasscell.errors import DataError
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.foreign import foreign
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.results_table import results
from glasscell.tasks.forecast.scores import Scoreboard

HORIZON = 3
SMALL = {"horizon": HORIZON, "lookback": 8, "epochs": 1, "seeds": 1, "hidden_size": 2}


def data(names=("a", "b"), rows=200):
    times = pd.date_range("2020-01-01", periods=rows, freq="D")
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame({"unique_id": name, "ds": times, "y": rng.normal(size=rows).cumsum()})
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)


def told(frame, origins, error=0.5):
    """The truth and a constant error, for each series and origin, as nixtla lays it out."""
    parts = []
    for _, one in frame.groupby("unique_id"):
        for origin in origins:
            part = one.iloc[origin : origin + HORIZON].copy()
            part["cutoff"] = one.ds.iloc[origin - 1]
            parts.append(part.assign(Other=part.y + error))
    return pd.concat(parts, ignore_index=True)


def read(frame, given, tmp_path, **options):
    plan = make_plan(frame, ForecastOptions(**{**SMALL, **options}))
    board = Scoreboard(plan.dataset, plan.test, plan.season)
    path = str(tmp_path / "others.csv")
    given.to_csv(path, index=False)
    return *foreign(plan, board, path), board


def test_forecasts_of_every_test_window_are_a_row_of_the_table(tmp_path):
    frame = data()
    given = told(frame, range(160, 198)).sample(frac=1.0, random_state=0)
    (entry,), notes, board = read(frame, given, tmp_path)
    assert entry.name == "Other (others.csv)"
    assert entry.windows is None
    np.testing.assert_allclose(entry.forecasts[0], board.truth + 0.5)
    assert board.scored(entry).mae == pytest.approx(0.5)
    assert not notes


def test_one_origin_is_compared_there_with_all_others_again(tmp_path):
    frame = data()
    given = told(frame, [197]).drop(columns=["cutoff", "y"])
    given.to_parquet(tmp_path / "others.parquet")
    result = fit(frame, tmp_path / "run", **SMALL, compare=str(tmp_path / "others.parquet"))
    main, part = result.standings
    assert "Other (others.parquet)" not in [m.name for m in main.methods]
    scored = {m.name: m.mae for m in part.methods}
    assert part.windows == 2
    assert scored["Other (others.parquet)"] == pytest.approx(0.5)
    assert list(scored)[-1] == "LSTM"
    last = frame.groupby("unique_id").y.apply(lambda y: abs(y.iloc[197:] - y.iloc[196]).mean())
    assert scored["naive"] == pytest.approx(last.mean())
    record = result.metrics()["standings"][0]
    assert record["windows"] == 2
    assert record["where"][0] == "the 2 of 76 test windows that Other (others.parquet) forecasts"
    assert record["why"][0] == (
        "Every other method is measured again here: compare numbers within this table, not with "
        "the table above."
    )
    shown = io.StringIO()
    Console(file=shown, width=200).print(results(result))
    assert " ".join(shown.getvalue().split()).count(record["why"][0]) == 1


def test_columns_of_other_tools_are_known_by_their_names(tmp_path):
    frame = data(("only",))
    given = told(frame, range(160, 198)).rename(columns={"unique_id": "item_id", "ds": "timestamp"})
    given = given.assign(**{"Other-lo-90": 0.0, "Other-hi-90": 1.0, "0.9": 3.0})
    plan = make_plan(frame, ForecastOptions(**SMALL))
    given.reset_index().to_parquet(tmp_path / "others.parquet")
    board = Scoreboard(plan.dataset, plan.test, plan.season)
    (entry,), _ = foreign(plan, board, str(tmp_path / "others.parquet"))
    assert entry.name == "Other (others.parquet)"
    # darts: a time and the forecast under the target's name
    one = given[given.cutoff == given.cutoff.max()][["timestamp", "Other"]]
    (entry,), _, board = read(frame, one.set_axis(["time", "y"], axis=1), tmp_path)
    assert board.of(entry.windows).scored(entry.of(entry.windows)).mae == pytest.approx(0.5)


def test_longer_and_other_forecasts_are_left_out_and_said(tmp_path):
    frame = data()
    given = told(frame, [50, 165])
    longer = given[given.cutoff == given.cutoff.max()].groupby("unique_id").tail(1)
    given = pd.concat([given, longer.assign(ds=longer.ds + pd.Timedelta("1D"))])
    (entry,), notes, _ = read(frame, given, tmp_path)
    assert entry.windows.sum() == 2
    assert "2 forecasts are of no test window" in notes[0]
    assert "steps after the 3" in notes[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g.assign(ds=g.ds + pd.Timedelta("6h")), r"228 times of 228 .* none of the data"),
        (lambda g: g.assign(ds=g.ds + pd.Timedelta("900D")), "none of the data's, first 2022-"),
        (lambda g: pd.concat([g, g.tail(2)]), "found 2 rows again, first 'b' at 2020-07-17"),
        (lambda g: g.assign(unique_id="c"), "found 1 other in column 'unique_id': c"),
        (lambda g: g.drop(index=[5, 7]), "2 rows of 2 test windows are missing, first after"),
        (lambda g: g.drop(columns="cutoff"), "several origins need a column cutoff"),
        (lambda g: g.drop(columns="Other")[["unique_id", "ds"]], "one for each method"),
        (lambda g: g.drop(columns="unique_id"), "a column unique_id that names which of 2 series"),
        (lambda g: g.assign(cutoff=g.cutoff + pd.Timedelta("1D")), "at or before it"),
        (lambda g: g.assign(Other=g.Other.where(g.index != 4)), "found 1 row without, first in"),
        (lambda g: g[g.cutoff < "2020-01-02"], "no rows"),
        (lambda g: g.assign(Other="much"), "a number"),
        (lambda g: g.assign(ds=np.arange(len(g))), "expected dates in column 'ds'"),
    ],
)
def test_what_does_not_fit_is_refused_with_count_and_first(tmp_path, change, words):
    frame = data()
    with pytest.raises(DataError, match=words):
        read(frame, change(told(frame, range(160, 198))), tmp_path)


def test_forecasts_of_no_test_window_are_refused_before_anything_is_trained(tmp_path):
    frame = data()
    told(frame, [50]).to_csv(tmp_path / "others.csv", index=False)
    with pytest.raises(DataError, match=r"found none of 76 test windows; .* 2020-06-08"):
        fit(frame, tmp_path / "run", **SMALL, compare=str(tmp_path / "others.csv"))
    assert not (tmp_path / "run").exists()
