"""Metrics against their definitions, and verdicts that are true either way."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from glasscell.tasks.columns import Roles
from glasscell.tasks.evaluate import LSTM, PLAIN_RNN, Method, Scoreboard, verdict
from glasscell.tasks.frames import Panel, Series
from glasscell.tasks.windows import TEST, boundaries, build

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


def made(name, mae, spread=math.nan, seeds=0, noise=0.0, seed=0):
    errors = mae + noise * np.random.default_rng(seed).normal(size=200)
    return Method(name=name, mae=mae, rmse=1, mase=1, mae_sd=spread, seeds=seeds, errors=errors)


WEIGHTS = np.full(200, 1 / 200)


def say(*methods):
    return verdict(methods, WEIGHTS, HORIZON, "mg/dL")


def test_a_clear_lead_is_called_a_lead():
    text = say(made("ridge", 16.3), made(LSTM, 14.8, 0.05, 3))
    assert text == (
        "The LSTM (MAE 14.8 mg/dL ± 0.05 over 3 seeds) beats the best baseline, ridge (16.3), by "
        "9.2 %."
    )


def test_a_loss_is_called_a_loss():
    assert "does not beat the best baseline, ridge (1): its error is 50.0 % larger" in say(
        made("naive", 2.0), made("ridge", 1.0), made(LSTM, 1.5, 0.01, 3)
    )


@pytest.mark.parametrize(
    "lstm",
    [
        made(LSTM, 1.05, spread=0.1, seeds=3),
        made(LSTM, 0.995),
        made(LSTM, 0.9, noise=3.0),
    ],
    ids=["within the seeds", "within one per cent", "within the noise of the test windows"],
)
def test_a_small_difference_is_no_difference(lstm):
    assert say(made("ridge", 1.0), lstm).startswith("No clear difference")


def test_a_tie_with_the_plain_rnn_still_says_how_both_stand_to_the_rest():
    text = say(made("ridge", 16.3), made(PLAIN_RNN, 14.79), made(LSTM, 14.78))
    assert "No clear difference" in text
    assert "the LSTM's error is 9.3 % smaller than that of ridge (16.3)" in text


def test_a_perfect_baseline_divides_nothing_by_zero():
    assert "which makes no error" in say(made("naive", 0.0), made(LSTM, 0.5))
    assert say(made("naive", 0.0), made(LSTM, 0.0)).startswith("No clear difference")
