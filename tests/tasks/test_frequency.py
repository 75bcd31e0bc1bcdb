"""Frequencies and seasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from glasscell.tasks.frequency import find_frequency, future, grid, on_grid, season_length

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
