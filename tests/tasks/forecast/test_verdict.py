"""Verdicts that are true either way, for any results."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell.tasks.forecast.scores import LSTM, PLAIN_RNN, Method
from glasscell.tasks.forecast.verdict import Blocks, compare, stretches, verdict

HORIZON, WINDOWS = 2, 200
WEIGHTS = np.full(WINDOWS, 1 / WINDOWS)


def made(name, mae, spread=math.nan, seeds=0, noise=0.0, linear=0, errors=None):
    if errors is None:
        errors = mae + noise * np.random.default_rng(0).normal(size=WINDOWS)
    return Method(
        name=name, mae=mae, rmse=1, mase=1, mae_sd=spread, seeds=seeds, errors=errors, linear=linear
    )


def blocks(horizon=HORIZON):
    return Blocks(WEIGHTS, stretches(np.arange(WINDOWS), horizon))


def say(*methods, horizon=HORIZON):
    return verdict(methods, blocks(horizon), "mg/dL")


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


def test_within_one_per_cent_there_is_no_clear_difference():
    text = say(made("ridge", 1.0), made(LSTM, 0.995))
    assert text.startswith("No clear difference")
    assert "0.5 % smaller" in text


def stretch(size):
    """Errors that exceed the others' by far in a tenth of the windows, and nowhere else."""
    errors = np.ones(WINDOWS)
    errors[-WINDOWS // 10 :] += 10 * size
    return errors


@pytest.mark.parametrize(
    ("lstm", "horizon", "words"),
    [
        (made(LSTM, 1.05, spread=0.1, seeds=3), HORIZON, "behind .* 5.0 % larger.*the seeds"),
        (made(LSTM, 0.9, noise=3.0), HORIZON, "ahead of .* 10.0 % smaller.*varies as much"),
        (made(LSTM, 1.7, errors=stretch(0.7)), 10, "behind .* 70.0 % larger.*one stretch"),
        (made(LSTM, 1.7), WINDOWS // 2 + 1, "behind .* 70.0 % larger.*too few"),
    ],
    ids=["seeds", "windows", "one stretch", "few windows"],
)
def test_a_difference_that_is_hidden_is_told_with_sign_and_reason(lstm, horizon, words):
    text = say(made("ridge", 1.0), lstm, horizon=horizon)
    assert re.search(rf"{words}", text), text
    assert "not clearly" in text


def test_a_tie_with_the_plain_rnn_still_says_how_both_stand_to_the_rest():
    text = say(made("ridge", 16.3), made(PLAIN_RNN, 14.79), made(LSTM, 14.78))
    assert text.startswith("No clear difference")
    assert "the LSTM's error is 9.3 % smaller than that of ridge (16.3)" in text
    tie = say(made("ridge", 14.78), made(PLAIN_RNN, 14.75), made(LSTM, 14.76))
    assert tie.endswith("no clear difference to ridge (14.78) either.")


def test_a_perfect_baseline_divides_nothing_by_zero():
    assert "which makes no error" in say(made("naive", 0.0), made(LSTM, 0.5))
    assert say(made("naive", 0.0), made(LSTM, 0.0)).startswith("No clear difference")


def test_an_lstm_that_is_its_linear_start_is_called_so():
    text = say(made("ridge", 1.0), made(LSTM, 1.5, 0.0, 3, linear=3))
    assert "(its linear start, MAE 1.5 mg/dL)" in text
    assert "The LSTM part adds nothing: no epoch of any of 3 seeds" in text
    assert "no epoch was" in say(made("ridge", 1.0), made(LSTM, 1.5, seeds=1, linear=1))
    partly = say(made("ridge", 1.0), made(LSTM, 1.5, 0.01, 3, linear=2))
    assert "With 2 of 3 seeds the LSTM part adds nothing" in partly
    assert "its linear start" not in partly


def test_a_rival_that_is_the_same_linear_model_decides_nothing():
    rival = made(PLAIN_RNN, 1.5, 0.0, 3, linear=3)
    text = say(made("ridge", 1.6), rival, made(LSTM, 1.5, 0.0, 3, linear=3))
    assert "beats the best baseline, ridge" in text
    assert PLAIN_RNN not in text


def test_an_error_many_times_as_large_is_told_as_a_multiple():
    assert "its error is 21 times as large" in say(made("naive", 1.0), made(LSTM, 21.0))
    assert "many times as large" in say(made("naive", 5e-324), made(LSTM, 21.0))
    beside = say(made("ridge", 0.1), made(PLAIN_RNN, 0.09), made(LSTM, 2.0))
    assert "the LSTM's error is 20 times that of ridge (0.1)" in beside


def test_errors_that_are_not_finite_are_not_compared():
    assert "not finite" in say(made("naive", 1.0), made(LSTM, math.inf))
    text = say(made("drift", math.inf), made("naive", 1.0), made(LSTM, 0.5))
    assert "naive" in text
    assert "drift" not in text
    assert "No other method" in say(made("drift", math.nan), made(LSTM, 0.5))


errors = st.floats(0, 1e6, allow_subnormal=False)


@st.composite
def results(draw):
    methods = []
    for name in ("naive", "ridge", PLAIN_RNN, LSTM):
        network = name in (LSTM, PLAIN_RNN)
        seeds = draw(st.integers(1, 3)) if network else 0
        mae = draw(st.one_of(errors, st.floats(0.9, 1.1)))
        spread = draw(st.floats(0, 1)) if seeds > 1 else math.nan
        linear = draw(st.integers(0, seeds))
        noise = draw(st.sampled_from([0.0, 0.01, 1.0, 100.0]))
        methods.append(made(name, mae, spread, seeds, noise, linear))
    return methods, draw(st.sampled_from([1, 2, 50, 150]))


@settings(max_examples=300)
@given(results())
def test_no_verdict_contradicts_its_results(drawn):
    methods, horizon = drawn
    text = say(*methods, horizon=horizon)
    lstm = methods[-1]
    same_model = lstm.all_linear and methods[-2].all_linear
    rivals = methods[:-2] if same_model else methods[:-1]
    best = min(rivals, key=lambda m: m.mae)
    first = text.split(";")[0].split(". ")[0]
    pair = compare(lstm, best, blocks(horizon), len(rivals))
    assert ("either" in text) <= text.startswith("No clear difference")
    assert text.startswith("No clear difference") == (pair.outcome == "same")
    if abs(pair.change) > 0.02 and best.mae > 0:
        nearly_all = -1 < pair.change <= -0.9995
        size = "more than 99.9 %" if nearly_all else f"{100 * abs(pair.change):,.1f} %"
        assert (size in first) == (pair.change <= 10)
        larger = "larger" in first or "times as large" in first
        smaller = "smaller" in first or "beats" in first
        assert (larger, smaller) == (lstm.mae > best.mae, lstm.mae < best.mae)
    if "beats" in first:
        assert pair.outcome == "clear"
        assert lstm.mae < best.mae
    assert ("adds nothing" in text) == (lstm.linear > 0)
    assert "nan" not in text
    assert "inf" not in text


def test_what_is_said_of_a_rival_stands_in_one_pair_of_brackets():
    rival = made(PLAIN_RNN, 0.5, spread=0.1, seeds=3, linear=1)
    text = say(made("ridge", 1.0), rival, made(LSTM, 0.8))
    assert "plain RNN (1 of 3 seeds: the linear start, 0.5 ± 0.1 over 3 seeds)" in text
    assert "± " not in say(made("ridge", 1.0), made(LSTM, 0.5, spread=math.inf, seeds=2))


def test_only_no_error_at_all_is_smaller_by_all_of_it():
    assert "by more than 99.9 %" in say(made("ridge", 1.0), made(LSTM, 1e-9))
    assert "by 100.0 %" in say(made("ridge", 1.0), made(LSTM, 0.0))
    assert "100.0 % larger" in say(made("ridge", 1.0), made(LSTM, 2.0))


def test_a_spread_between_seeds_far_above_the_errors_overflows_nothing():
    lstm, rival = made(LSTM, 1e-300, 1e200, 3), made("naive", 3e-300)
    assert compare(lstm, rival, blocks()).outcome == "seeds"


def _autocorrelated(chance, rows, columns, phi):
    errors = np.zeros((rows, columns))
    for t in range(1, columns):
        errors[:, t] = phi * errors[:, t - 1] + chance.normal(size=rows)
    return np.abs(errors)


@pytest.mark.parametrize("phi", [0.0, 0.9])
def test_equal_forecasts_are_seldom_told_apart(phi):
    chance, windows, horizon, trials = np.random.default_rng(0), 500, 12, 300
    weights = np.full(windows, 1 / windows)
    blocks = Blocks(weights, stretches(np.arange(windows), horizon))
    kernel = np.ones(horizon) / horizon
    found = 0
    for _ in range(trials):
        one, other = (
            np.convolve(row, kernel, "valid")
            for row in _autocorrelated(chance, 2, windows + horizon - 1, phi)
        )
        methods = [
            Method(name=name, mae=float(e.mean()), rmse=1.0, mase=1.0, errors=e)
            for name, e in ((LSTM, one), ("ridge", other))
        ]
        found += compare(*methods, blocks).p < 0.05
    # Meant are 5 %; three standard errors of so many trials more are chance.
    assert found / trials <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)
