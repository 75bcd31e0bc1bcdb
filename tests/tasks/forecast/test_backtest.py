"""Backtests: the origins asked for, nothing of the future, the same bits after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from glasscell.errors import DataError
from glasscell.tasks.forecast import backtest
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.ridge import ALPHAS
from glasscell.tasks.forecast.windows import TEST, TRAIN, VALIDATION
from glasscell.training.progress import Reporter

SMALL = {"horizon": 3, "lookback": 8, "epochs": 2, "seeds": 1, "hidden_size": 2, "season": 1}
ROWS, WINDOWS, STEP = 150, 3, 5
ORIGINS = [ROWS - 3 - STEP * k for k in (2, 1, 0)]
ROLLING = {**SMALL, "windows": WINDOWS, "step": STEP, "baselines": []}


def waves(rows=ROWS, names=("a", "b")):
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": pd.date_range("2020-01-01", periods=rows, freq="D"),
                "y": 10 + np.sin(np.arange(rows) / 3) + 0.1 * rng.normal(size=rows),
            }
        )
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def refitted(tmp_path_factory):
    return fit(waves(), tmp_path_factory.mktemp("runs") / "run", **ROLLING, refit=True)


def rows_of(plan):
    windows, dataset = plan.test, plan.dataset
    owners = dataset.owner(windows.origins)
    return owners.tolist(), (windows.origins - dataset.offsets[owners]).tolist()


def test_the_origins_are_those_asked_for_and_what_lies_before_the_first_is_learnt():
    plan = make_plan(waves(), ForecastOptions(**ROLLING))
    assert rows_of(plan) == ([0] * 3 + [1] * 3, ORIGINS * 2)
    assert plan.dataset.boundaries == ((ORIGINS[0] * 7 // 8, ORIGINS[0]),) * 2
    for part, last in ((TRAIN, ORIGINS[0] * 7 // 8), (VALIDATION, ORIGINS[0])):
        windows = plan.dataset.parts[part]
        owners = plan.dataset.owner(windows.origins)
        assert (windows.origins - plan.dataset.offsets[owners] + 3 <= last).all()


def test_with_refits_each_origin_has_parts_of_its_own_and_no_later_row():
    plan = make_plan(waves(), ForecastOptions(**ROLLING, refit=True))
    found = backtest.rounds(plan)
    assert [len(one.dataset.series[0].ds) for one in found] == [o + 3 for o in ORIGINS]
    assert [rows_of(one)[1] for one in found] == [[o, o] for o in ORIGINS]
    assert [one.dataset.boundaries[0] for one in found] == [(o * 7 // 8, o) for o in ORIGINS]
    assert len({one.dataset.scalers[0].mean[0] for one in found}) == 3


def test_nothing_after_an_origin_moves_its_forecast(refitted):
    for origin in ORIGINS:
        planted = waves()
        after = planted.groupby("unique_id").cumcount() >= origin
        planted.loc[after, "y"] = 1e6
        options = {**ROLLING, "show_level": refitted.plan.dataset.level}
        other = fit(planted, **options, refit=True)
        _, rows = rows_of(refitted.plan)
        here = np.array(rows) == origin
        for name in ("naive", "drift", "ridge", "plain RNN", "LSTM"):
            np.testing.assert_array_equal(
                other.forecasts[name][here], refitted.forecasts[name][here], err_msg=name
            )
        assert [one.windows for one in other.origins] == [2] * 3


def test_ridge_at_each_origin_is_that_of_scikit_learn(refitted):
    frame = waves()
    _, rows = rows_of(refitted.plan)
    for origin in ORIGINS:
        parts = []
        for name in "ab":
            y = frame[frame.unique_id == name].y.to_numpy()[: origin + 3]
            train = y[: origin * 7 // 8]
            parts.append(((y - train.mean()) / train.std()).astype(np.float32))
        cut = origin * 7 // 8

        def table(low, high, parts=tuple(parts)):
            places = [(z, o) for z in parts for o in range(max(low, 8), high - 2)]
            x = np.array([z[o - 8 : o] - z[o - 1] for z, o in places], np.float64)
            level = np.array([z[o - 1] for z, o in places], np.float64)
            x = np.column_stack([x, level]) if refitted.plan.dataset.level else x
            return x, np.array([z[o : o + 3] for z, o in places]) - level[:, None]

        (x, y), (x_val, y_val), (x_test, _) = (
            table(0, cut),
            table(cut, origin),
            table(origin, origin + 3),
        )
        models = [Ridge(alpha).fit(x, y) for alpha in ALPHAS]
        best = min(models, key=lambda m: abs(m.predict(x_val) - y_val).mean())
        last = np.array([z[origin - 1] for z in parts])[:, None]
        told = best.predict(x_test) + last
        here = np.array(rows) == origin
        for owner, name in enumerate("ab"):
            train = frame[frame.unique_id == name].y.to_numpy()[:cut]
            expected = told[owner] * train.std() + train.mean()
            np.testing.assert_allclose(
                refitted.forecasts["ridge"][here][owner], expected, rtol=1e-4
            )


def test_errors_are_told_origin_by_origin_and_pooled(refitted):
    kept = json.loads((refitted.folder / "metrics.json").read_text())
    assert {k: v for k, v in kept["backtest"].items() if k != "origins"} == {
        "windows": 3, "step": 5, "refit": True
    }  # fmt: skip
    assert [one["where"][0] for one in kept["backtest"]["origins"]] == [
        str(pd.Timestamp("2020-01-01") + pd.Timedelta(days=o - 1))[:10] for o in ORIGINS
    ]
    frame = waves().groupby("unique_id").y
    for name, naive in (("naive", True), ("LSTM", False)):
        pooled = next(m for m in kept["methods"] if m["name"] == name)["mae"]
        each = [
            next(m for m in one["methods"] if m["name"] == name)["mae"]
            for one in kept["backtest"]["origins"]
        ]
        assert pooled == pytest.approx(np.mean(each))
        if naive:
            by_hand = [
                np.mean([abs(y.iloc[o : o + 3] - y.iloc[o - 1]).mean() for _, y in frame])
                for o in ORIGINS
            ]
            np.testing.assert_allclose(each, by_hand)
    assert np.mean(kept["by_horizon"]["LSTM"]) == pytest.approx(pooled)
    assert len(kept["by_stretch"]["times"]) == 3
    assert [one["seed"] for one in kept["seeds"]] == [0, 1, 2] * 2


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


class Die(Reporter):
    """Kills its own process, as nothing can be caught, after so many epochs."""

    def __init__(self, after):
        super().__init__(quiet=True)
        self.left = after

    def epoch(self, *args):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_refitted_backtest_that_is_killed_goes_on_to_the_same_bits(refitted, tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_backtest import ROLLING, Die, fit, waves
fit(waves(), {str(tmp_path / "run")!r}, **ROLLING, refit=True, reporter=Die(5))
"""
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "run").exists()
    whole = fit(waves(), tmp_path / "run", **ROLLING, refit=True, resume=True)
    assert weights(whole.folder) == weights(refitted.folder)
    for name, forecast in refitted.forecasts.items():
        np.testing.assert_array_equal(whole.forecasts[name], forecast)


class PressCtrlC(Die):
    def epoch(self, *args):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_stopped_backtest_tells_of_the_origins_that_it_came_to(refitted, tmp_path):
    out = tmp_path / "run"
    stopped = fit(waves(), out, **ROLLING, refit=True, reporter=PressCtrlC(3))
    assert stopped.interrupted
    assert 0 < len(stopped.origins) < 3
    assert [m.name for m in stopped.methods] == ["naive", "drift", "ridge", "LSTM"]
    fit(waves(), out, **ROLLING, refit=True, resume=True)
    assert weights(out) == weights(refitted.folder)


def test_without_refits_one_network_forecasts_all_origins():
    found = fit(waves(), **ROLLING)
    assert found.saved is found.plan
    assert len(found.networks) == 2
    assert len(found.origins) == 3
    assert len(found.plan.dataset.parts[TEST]) > len(found.plan.test) == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"step": 4}, "--step is about a backtest"),
        ({"refit": True}, "--refit is about a backtest"),
        ({"windows": 0}, "--windows: expected at least 1, got 0"),
        ({"windows": 40, "step": 4}, r"leaves 0 time steps .* need at least 17 time steps"),
    ],
)
def test_backtests_that_cannot_be_are_refused(options, words):
    with pytest.raises(DataError, match=words):
        fit(waves(), **SMALL, **options)
