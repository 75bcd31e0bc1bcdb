"""Baselines against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.data.columns import Roles
from glasscell.data.read import Panel, Series
from glasscell.tasks.forecast.linear import features
from glasscell.tasks.forecast.ridge import ridge
from glasscell.tasks.forecast.rules import drift, naive, seasonal_naive
from glasscell.tasks.forecast.windows import TEST, TRAIN, VALIDATION, build


def made(y):
    y = np.asarray(y, float)
    return Series("s", pd.RangeIndex(len(y)), y[:, None], ~np.isnan(y))


ORIGIN = np.array([4])


def test_naive_repeats_the_last_value():
    assert naive(made([1, 2, 4, 8, 16]), ORIGIN, 3).tolist() == [[8, 8, 8]]


def test_drift_goes_on_with_the_mean_step():
    np.testing.assert_allclose(drift(made([1, 9, 9, 7, 0]), ORIGIN, 3), [[9, 11, 13]])


def test_seasonal_naive_repeats_the_last_season_again_and_again():
    assert seasonal_naive(made([1, 2, 3, 4, 0]), ORIGIN, 5, season=2).tolist() == [[3, 4, 3, 4, 3]]


def test_seasonal_naive_falls_back_on_the_last_value_where_the_season_is_missing():
    assert seasonal_naive(made([1, 2, np.nan, 4]), ORIGIN, 2, season=2).tolist() == [[4, 4]]
    assert seasonal_naive(made([1, 2, 3, 4]), ORIGIN, 2, season=9).tolist() == [[4, 4]]


@pytest.mark.parametrize("level", [False, True])
def test_ridge_learns_a_linear_recurrence(level):
    rng, y = np.random.default_rng(0), [0.0, 1.0]
    for _ in range(600):
        y.append(1.6 * y[-1] - 0.8 * y[-2] + 0.01 * rng.normal())
    panel = Panel((made(y),), 1, Roles("t", None, ("y",)), False, (), "made up")
    dataset = build(panel, 4, 1, level=level)
    model = ridge(dataset.parts[TRAIN], dataset.parts[VALIDATION], level)
    test = dataset.parts[TEST]
    error = np.abs(model.forecast(test.inputs()) - test.targets()).mean()
    noise = 0.01 * np.sqrt(2 / np.pi) / dataset.scalers[0].scale[0]
    assert error < 1.3 * noise
    assert model.parameters == 4 + level + 1


def test_features_hold_the_level_once_and_the_covariates_whole():
    inputs = np.arange(12.0).reshape(1, 4, 3)
    assert features(inputs, level=True, extra=True).shape == (1, 4 + 1 + 4)
    assert features(inputs, level=False, extra=False).tolist() == [[-9, -6, -3, 0]]
