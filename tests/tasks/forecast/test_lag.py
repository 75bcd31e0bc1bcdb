"""How far back the data help: series whose lag is known, the rule, the lookback that follows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from glasscell.errors import DataError
from glasscell.report.page.frame_words import table
from glasscell.tasks.forecast.fitting import fit
from glasscell.tasks.forecast.lag import Curve, Lag, measure, read_back, rungs
from glasscell.tasks.forecast.network import Recipe
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan
from glasscell.tasks.forecast.preprocessing import read_preprocessing
from glasscell.tasks.forecast.windows import build
from glasscell.tasks.inspect_run import look


def copied(lag=7, rows=1200):
    """A column x of noise, and y that repeats it so many steps later."""
    chance = np.random.default_rng(0)
    x = chance.normal(size=rows)
    y = np.roll(x, lag) + 0.1 * chance.normal(size=rows)
    return pd.DataFrame({"ds": np.arange(rows), "y": y, "x": x})


def autoregression(weights, rows=1500, noise=1.0, seed=1):
    chance = np.random.default_rng(seed)
    y = noise * chance.normal(size=rows)
    for t in range(max(weights), rows):
        y[t] += sum(weight * y[t - back] for back, weight in weights.items())
    return pd.DataFrame({"ds": np.arange(rows), "y": y})


def measured(data, horizon=1, longest=32, season=1, **options):
    plan = make_plan(data, ForecastOptions(lookback=2, horizon=horizon, **options))
    return measure(build(plan.panel, longest, horizon), season)


def test_a_copy_seven_steps_later_is_found_at_seven():
    lag = measured(copied(), target="y")
    assert lag.back == lag.curves[0].back == 7
    assert lag.agree
    assert lag.in_words() == "The data help back to 7 steps (two rivals agree)."


def test_with_a_longer_horizon_the_first_step_still_needs_all_seven():
    assert measured(copied(), horizon=3, target="y").back == 7


@pytest.mark.parametrize(("weights", "back"), [({1: 0.8}, 1), ({1: 0.6, 2: -0.5, 3: 0.4}, 3)])
def test_an_autoregression_is_found_at_its_order(weights, back):
    assert measured(autoregression(weights)).curves[0].back == back


def test_a_season_is_found_though_nothing_before_it_helps():
    data = autoregression({24: 0.9}, noise=0.44)
    lag = measured(data, horizon=6, longest=64, season=24)
    assert lag.back == 24
    assert lag.lookback(48) == 24


def test_what_a_linear_model_cannot_see_the_trees_see():
    """y is the sign of the product of what x was 1 and 4 steps before."""
    chance = np.random.default_rng(0)
    x = chance.choice([-1.0, 1.0], 3000) + 0.1 * chance.normal(size=3000)
    y = np.roll(np.roll(np.sign(x), 1) * np.sign(x), 3) + 0.1 * chance.normal(size=3000)
    lag = measured(pd.DataFrame({"ds": np.arange(3000), "y": y, "x": x}), longest=16, target="y")
    linear, trees = lag.curves
    assert min(linear.errors) > 0.9 * linear.errors[0]
    assert trees.back == lag.back == 4


def test_the_rule_is_one_standard_error_of_the_paired_difference():
    chance = np.random.default_rng(0)
    common = 10 + 5 * chance.normal(size=400)  # hides a gain of 1 from an unpaired error
    errors = np.stack([common + 1 + 0.5 * chance.normal(size=400), common, common + 1e-6])
    curve = Curve.of("linear", [1, 2, 4], errors, span=400)
    assert curve.back == 2
    apart = (errors[0] - errors[1]).reshape(20, 20).sum(axis=1)
    expected = np.sqrt(20 * apart.var(ddof=1)) / 400
    assert curve.doubts[0] == pytest.approx(expected)
    assert curve.errors[0] == pytest.approx(errors[0].mean())


def test_a_gain_below_one_percent_is_none():
    errors = np.stack([np.full(100, 1.009), np.full(100, 1.0)])
    assert Curve.of("linear", [1, 2], errors, span=100).back == 1
    errors[0] = 1.02
    assert Curve.of("linear", [1, 2], errors, span=100).back == 2


def test_the_test_part_is_not_looked_at():
    data = copied()
    other = data.copy()
    other.loc[960:, ["y", "x"]] = 1e3 * np.random.default_rng(1).normal(size=(240, 2))
    assert measured(data, target="y").record() == measured(other, target="y").record()


def test_too_few_windows_tell_nothing():
    plan = make_plan(copied(rows=60), ForecastOptions(target="y", horizon=2))
    assert plan.lag is None
    assert plan.lookback == 6  # three horizons, as no season is seen in 60 rows of noise


def test_auto_is_the_default_and_chooses_what_is_needed():
    plan = make_plan(copied(), ForecastOptions(target="y", horizon=1))
    assert plan.lookback == plan.lag.back == 7
    assert plan.options.lookback == 7  # in run.yaml stands what was chosen


def test_a_lookback_that_is_named_holds_and_bounds_what_is_tried():
    plan = make_plan(copied(), ForecastOptions(target="y", horizon=1, lookback=5))
    assert plan.lookback == plan.lag.longest == 5


def test_a_lookback_that_is_neither_is_refused():
    with pytest.raises(DataError, match=r"--lookback: expected a whole number or auto, got 'all'"):
        ForecastOptions(lookback="all")
    with pytest.raises(DataError, match=r"--lookback: expected at least 1, got 0"):
        ForecastOptions(lookback=0)


def test_the_ladder_holds_the_seasons():
    assert {11, 12, 22, 23} <= set(rungs(64, 11))
    assert max(rungs(64, 11)) == 64


def test_a_record_reads_back():
    lag = measured(copied(), target="y")
    again = Lag.of_record(json.loads(json.dumps(lag.record())))
    assert again.record() == lag.record()
    assert again.in_words("zh") == "数据在 7 步之内有帮助（两个对照一致）。"


def test_rows_that_a_forecast_does_not_read_make_no_difference():
    plan = make_plan(copied(), ForecastOptions(target="y", horizon=2, lookback=12))

    def of_three_rows(windows):
        inputs = windows.inputs()
        return inputs[:, -1:, 0] + inputs[:, -3, -1:] * np.ones(2, np.float32)

    curve = read_back(of_three_rows, plan.validation, "three rows")
    errors = dict(zip(curve.steps, curve.errors, strict=True))
    assert errors[3] == pytest.approx(errors[12])
    assert errors[2] != pytest.approx(errors[12])


def test_exchanged_windows_keep_their_own_last_rows_and_value():
    plan = make_plan(copied(), ForecastOptions(target="y", horizon=2, lookback=12))
    own, seen = plan.validation, []
    read_back(lambda w: seen.append(w.inputs()) or w.targets() * 0, own, "any")
    whole = own.inputs()
    for inputs in seen:
        np.testing.assert_array_equal(inputs[:, -1], whole[:, -1])
    assert any((inputs[:, -2] == whole[:, -2]).all() for inputs in seen)
    assert any((inputs[:, -2] != whole[:, -2]).any() for inputs in seen)


@pytest.mark.parametrize("bias", [1.5, "chrono"])
def test_the_forget_bias_is_where_it_is_wanted(bias):
    options = ForecastOptions(target="y", horizon=1, hidden_size=200, forget_bias=bias)
    plan = make_plan(copied(), options)
    recipe = Recipe.of(plan, _linear(plan))
    forget = recipe.network("LSTM", 0).recurrent.bias_ih_l0.detach().numpy()[200:400]
    if bias == "chrono":  # log of uniform in 1 … lag - 1, lag 7
        assert 0 <= forget.min() < 0.1
        assert np.log(5.5) < forget.max() <= np.log(6)
    else:
        assert (forget == 1.5).all()
    plain = recipe.network("RNN", 0)
    assert abs(plain.recurrent.bias_ih_l0).max() < 1


def _linear(plan):
    from glasscell.tasks.forecast.fitting import start

    return start(plan)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    small = {"horizon": 1, "epochs": 6, "seeds": 1, "hidden_size": 8, "batch_size": 32, "jobs": 1}
    return fit(copied(rows=600), tmp_path_factory.mktemp("lag") / "run", target="y", **small)


def test_a_run_tells_both_everywhere(run):
    said = run.lag.in_words()
    assert said.startswith("The data help back to 7 steps")
    assert said in run.remarks
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert metrics["lag"] == read_preprocessing(run.folder)["lag"] == run.lag.record()
    assert said in metrics["notes"]


def test_the_verdict_is_given_the_lag_that_was_measured(run):
    page = look(run.folder)
    assert page.measures["lag"] == 6
    assert not any(one.assumed for one in page.findings)
    assert look(run.folder, lag=3).measures["lag"] == 3


def test_the_page_shows_it(run):
    page = look(run.folder)
    reach = page.measures["reach"]
    assert reach["back"] == 7
    assert reach["said"][0] == run.lag.in_words()
    linear = page.arrays["lag/0"]
    assert linear[0] == 1.0
    assert linear[reach["steps"].index(7)] < 0.3
    html = (run.folder / "report.html").read_text(encoding="utf-8")
    assert table()["view.lag"][0] in html
