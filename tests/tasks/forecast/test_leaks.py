"""Planted leaks are found and said; what is none is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.tasks.forecast.leaks import leaks
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import make_plan


def frame(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    y = 10 + np.sin(np.arange(rows) / 3) + 0.5 * rng.normal(size=rows)
    return pd.DataFrame({"ds": pd.date_range("2020", periods=rows, freq="D"), "y": y})


def found(data, **options):
    return leaks(make_plan(data, ForecastOptions(horizon=4, lookback=8, target="y", **options)))


@pytest.mark.parametrize("steps", [1, 3])
def test_a_covariate_that_is_the_target_from_the_future_is_named(steps):
    data = frame().assign(spy=lambda d: 3 * d.y.shift(-steps).ffill() + 1, weather=frame(seed=1).y)
    (sentence,) = found(data)
    assert sentence.startswith(f"The column spy alone tells the target {steps} step")
    assert "weather" not in sentence


def test_a_column_known_ahead_that_is_the_target_is_named():
    data = frame().assign(spy=lambda d: -d.y)
    (sentence,) = found(data, future_covariates=["spy"])
    assert sentence.startswith("The column spy, taken as known ahead, alone tells the target.")


def test_a_column_that_moves_the_target_or_repeats_its_past_is_no_leak():
    rng = np.random.default_rng(1)
    weather = rng.normal(size=300)
    data = frame().assign(
        y=lambda d: d.y + weather, weather=weather + 0.2 * rng.normal(size=300), same=frame().y
    )
    assert found(data, future_covariates=["weather"]) == []


def test_copies_of_a_series_shifted_in_time_are_counted_and_named():
    one, other = frame().assign(unique_id="a"), frame(seed=2).assign(unique_id="c")
    late = one.assign(unique_id="b", y=np.r_[frame(seed=5).y[:120], one.y[:180]])
    (sentence,) = found(pd.concat([one, late, other]), series="unique_id")
    assert "(b in a)" in sentence
    assert found(pd.concat([one, other]), series="unique_id") == []


def test_series_that_stand_still_or_count_are_no_copies():
    rng = np.random.default_rng(0)
    still = [frame().assign(unique_id=f"s{k}", y=1.0 + (rng.random(300) > 0.98)) for k in range(3)]
    assert found(pd.concat(still), series="unique_id") == []
