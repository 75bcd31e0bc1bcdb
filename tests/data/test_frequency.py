"""Frequencies and seasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.data.frequency import (
    check_frequency,
    find_frequency,
    future,
    grid,
    on_grid,
    season_length,
)
from glasscell.errors import DataError

FREQUENCIES = ["5min", "h", "D", "B", "W-SUN", "W-WED", "MS", "ME", "QS-JAN", "YS-JAN"]


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_the_frequency_of_a_series_is_found(freq):
    assert find_frequency(pd.date_range("2020-01-01", periods=60, freq=freq)) == freq


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_gaps_do_not_hide_the_frequency(freq):
    times = pd.date_range("2020-01-01", periods=60, freq=freq)
    kept = times.delete([5, 6, 20])
    found = find_frequency(kept)
    assert on_grid(kept, found).all()
    assert (grid(kept[0], kept[-1], found) == times).all()


@pytest.mark.parametrize(
    ("freq", "season"),
    [
        *[("h", 24), ("15min", 96), ("2h", 12), ("7min", 1440), ("s", 60), ("D", 7), ("B", 5)],
        *[("W-SAT", 52), ("MS", 12), ("ME", 12), ("QS-JAN", 4), ("YS-JAN", 1)],
    ],
)
def test_the_season_is_that_of_the_calendar(freq, season):
    assert season_length(freq, np.zeros(0)) == season


def test_the_season_of_numbered_steps_is_the_peak_of_the_autocorrelation():
    values = np.sin(2 * np.pi * np.arange(330) / 11)
    assert season_length(1, values) == 11
    assert season_length(1, np.random.default_rng(0).normal(size=300).cumsum()) == 1
    assert season_length(1, np.ones(100)) == 1


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_the_future_goes_on_from_the_last_time(freq):
    times = pd.date_range("2020-01-01", periods=10, freq=freq)
    assert (future(times[5], freq, 4) == times[6:]).all()


def noise(kind, rng, rows):
    if kind == "skewed":
        return rng.exponential(size=rows) ** 2
    drawn = rng.normal(size=rows)
    return drawn.cumsum() if kind == "random walk" else drawn


@pytest.mark.parametrize("rows", [10, 14, 20, 35, 50, 100, 200, 500, 2000])
@pytest.mark.parametrize("kind", ["white", "skewed", "random walk"])
def test_seasons_are_not_found_in_noise(kind, rows):
    """At most 5 % may be; 400 draws of such a rate stay below 7.5 % but once in a hundred tests."""
    draws = 400 if rows <= 200 else 60
    found = [season_length(1, noise(kind, np.random.default_rng(s), rows)) for s in range(draws)]
    assert np.mean(np.array(found) > 1) <= (0.075 if rows <= 200 else 0.0)


@pytest.mark.parametrize(("season", "rows"), [(4, 30), (4, 60), (7, 35), (12, 60), (24, 200)])
@pytest.mark.parametrize("trend", [0.0, 0.5])
def test_seasons_that_are_there_are_found(season, rows, trend):
    rng = np.random.default_rng(7)
    shape = rng.normal(size=season)
    found = [
        season_length(
            1,
            shape[np.arange(rows) % season] + trend * np.arange(rows) + 0.1 * rng.normal(size=rows),
        )
        for _ in range(20)
    ]
    assert np.mean(np.array(found) == season) >= 0.9


def test_one_outlier_makes_no_season():
    values = np.random.default_rng(0).normal(size=60)
    values[[10, 20, 30]] += 1e6
    assert season_length(1, values) in (1, 10)
    values[[20, 30]] -= 1e6
    assert season_length(1, values) == 1


@pytest.mark.parametrize("freq", ["h", "MS", "ME", "QS-JAN", "D"])
def test_most_rows_may_be_missing(freq):
    times = pd.date_range("2010-01-01", periods=200, freq=freq)
    kept = times[np.sort(np.random.default_rng(0).choice(200, 80, replace=False))]
    assert find_frequency(kept) == freq


def test_missing_steps_do_not_hide_the_step_of_numbers():
    assert find_frequency(pd.Index([0, 1, 3, 5, 7, 8])) == 1
    assert find_frequency(pd.Index([0, 10, 20, 40])) == 10


@pytest.mark.parametrize(
    ("named", "first", "expected"),
    [
        ("H", "2020-01-01", "h"),
        ("15T", "2020-01-01", "15min"),
        ("M", "2020-01-31", "ME"),
        ("M", "2020-01-01", "MS"),
        ("W", "2020-01-01", "W-WED"),
        ("Q", "2020-02-01", "QS-FEB"),
        ("QS", "2020-02-01", "QS-FEB"),
        ("A", "2020-12-31", "YE-DEC"),
        ("2W", "2020-01-01", "2W-WED"),
    ],
)
def test_a_named_frequency_stands_on_the_calendar_of_the_rows(named, first, expected):
    times = pd.date_range(first, periods=8, freq=expected)
    assert check_frequency(named, times) == expected


@pytest.mark.parametrize(("freq", "message"), [("often", "pandas offset"), ("-1D", "positive")])
def test_no_frequency_is_refused_in_words(freq, message):
    with pytest.raises(DataError, match=message) as refusal:
        check_frequency(freq, pd.date_range("2020-01-01", periods=8))
    assert "Invalid" not in str(refusal.value)


def test_data_with_another_step_than_the_run_are_refused():
    days = pd.date_range("2020-01-01", periods=40)
    with pytest.raises(DataError, match="the run has frequency 'h', the data have 'D'"):
        check_frequency("h", days, "the run")
    sparse = pd.date_range("2020-01-01", periods=40, freq="h")[[0, 1, 5, 9, 20]]
    assert check_frequency("h", sparse, "the run") == "h"
