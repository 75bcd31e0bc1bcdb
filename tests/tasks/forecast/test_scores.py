"""Metrics against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from glasscell.data.columns import Roles
from glasscell.data.read import Panel, Series
from glasscell.tasks.forecast.scores import LSTM, Scoreboard
from glasscell.tasks.forecast.windows import TEST, boundaries, build

HORIZON = 2


@pytest.fixture
def board():
    rng = np.random.default_rng(0)
    series = tuple(
        Series(name, pd.RangeIndex(100), rng.normal(size=(100, 1)), np.ones(100, bool))
        for name in "ab"
    )
    dataset = build(Panel(series, 1, Roles("t", "id", ("y",)), False, (), "x"), 5, HORIZON)
    return Scoreboard(dataset, dataset.parts[TEST], season=3)


def test_metrics_are_means_over_series(board):
    forecast = np.zeros_like(board.truth)
    method = board.score("naive", [forecast])
    per_series = [np.abs(board.truth[board.owners == i]).mean() for i in (0, 1)]
    assert method.mae == pytest.approx(np.mean(per_series))
    rmse = [np.sqrt((board.truth[board.owners == i] ** 2).mean()) for i in (0, 1)]
    assert method.rmse == pytest.approx(np.mean(rmse))
    scales = []
    for series in board.dataset.series:
        train = series.target[: boundaries(100)[0]]
        scales.append(np.abs(train[3:] - train[:-3]).mean())
    assert method.mase == pytest.approx(np.mean(np.array(per_series) / scales))


def test_interpolated_truth_is_not_scored(board):
    board.measured[:, 1] = False
    forecast = board.truth.copy()
    forecast[:, 1] = 1e9
    assert board.score("naive", [forecast]).mae == 0


def test_the_spread_between_seeds_is_the_sample_deviation(board):
    method = board.score(LSTM, [board.truth + 1, board.truth + 3])
    assert (method.mae, method.seeds) == (pytest.approx(2), 2)
    assert method.mae_sd == pytest.approx(math.sqrt(2))


def test_what_is_not_a_number_is_null_in_the_record(board):
    assert board.score("naive", [board.truth]).record()["mae_sd"] is None


def constant_beside(other, season):
    """A scoreboard of two series, the first constant, the second as given."""
    series = tuple(
        Series(name, pd.RangeIndex(100), values[:, None], np.ones(100, bool))
        for name, values in (("flat", np.ones(100)), ("other", other))
    )
    dataset = build(Panel(series, 1, Roles("t", "id", ("y",)), False, (), "x"), 5, HORIZON)
    return Scoreboard(dataset, dataset.parts[TEST], season)


def test_a_series_without_a_seasonal_error_is_left_out_of_mase_and_named():
    board = constant_beside(np.random.default_rng(1).normal(size=100), season=1)
    method = board.score("naive", [board.truth + 1.0])
    assert 0 < method.mase < np.inf
    assert "1 of 2 series, without flat" in board.without_mase()


def test_no_mase_at_all_is_explained():
    board = constant_beside(np.tile([1.0, 2.0], 50), season=2)
    assert math.isnan(board.score("naive", [board.truth]).mase)
    assert board.without_mase().startswith(
        "There is no MASE: the training part has no two values 2"
    )
    assert "apart" in constant_beside(np.arange(100.0), season=500).without_mase()


def test_a_mase_that_is_there_needs_no_explanation(board):
    assert board.without_mase() == ""
