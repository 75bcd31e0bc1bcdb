"""The data of the demo."""

from __future__ import annotations

import numpy as np
import pandas as pd

from glasscell.demo.glucose import HORIZON, LOOKBACK, OPTIONS, load_glucose
from glasscell.tasks.forecast.plan import make_plan


def test_the_readings_are_prepared_as_the_demo_says():
    readings = load_glucose()
    assert readings.shape == (52_281, 2)
    plan = make_plan(readings, OPTIONS)
    (series,) = plan.panel.series
    assert series.ds[0] == pd.Timestamp("2010-03-24 09:50")
    assert (np.diff(series.ds) == np.timedelta64(5, "m")).all()
    missing = np.isnan(series.target)
    filled = ~missing & ~series.measured
    assert (missing.sum(), filled.sum()) == (5479, 208)
    assert (len(plan.train), len(plan.validation), len(plan.test)) == (28_896, 3_987, 9_707)
    assert (plan.lookback, plan.horizon, plan.season) == (LOOKBACK, HORIZON, 288)
    assert plan.dataset.level


def test_no_filled_gap_is_longer_than_half_an_hour():
    plan = make_plan(load_glucose(), OPTIONS)
    (series,) = plan.panel.series
    filled = ~np.isnan(series.target) & ~series.measured
    edges = np.flatnonzero(np.diff(np.concatenate([[0], filled.astype(int), [0]])))
    assert (edges[1::2] - edges[::2]).max() <= 5
