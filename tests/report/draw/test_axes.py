"""Ticks stand at round places and say what is there."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.report.draw import axes


def clock(start, count, step, unit):
    return np.datetime64(start) + np.arange(count) * np.timedelta64(step, unit)


def test_clock_ticks_are_at_round_times():
    ticks = axes.time_ticks(clock("2024-03-01T06:05", 217, 5, "m"), 217)
    assert [tick.text for tick in ticks] == ["09:00", "12:00", "15:00", "18:00", "21:00", "03-02"]
    assert ticks[0].at == pytest.approx((35 + 0.5) / 217)


def test_iso_text_counts_as_times():
    text = [str(t) for t in clock("2024-03-01T06:00", 10, 1, "h")]
    assert axes.time_ticks(text, 10) == axes.time_ticks(clock("2024-03-01T06:00", 10, 1, "h"), 10)


def test_weekly_data_shows_months_or_days():
    ticks = axes.time_ticks(clock("2020-01-06", 104, 7, "D"), 104)
    assert 3 <= len(ticks) <= 9
    assert all(tick.text.startswith("20") for tick in ticks)


def test_labels_drop_seconds_and_midnights_that_say_nothing():
    assert axes.step_labels(clock("2024-03-01T06:00", 2, 5, "m"), 2)[1] == "2024-03-01 06:05"
    assert axes.step_labels(clock("2024-03-01", 2, 1, "D"), 2)[1] == "2024-03-02"
    assert axes.step_labels([], 3) == ["0", "1", "2"]


@pytest.mark.parametrize("times", [[], ["a"], np.array(["2024-01-01"], "datetime64[D]")])
def test_one_step_has_one_tick_or_none(times):
    assert len(axes.time_ticks(times, 1)) <= 1


def test_times_that_run_backwards_are_plain_labels():
    assert axes.as_datetimes(clock("2024-03-01", 4, 1, "D")[::-1]) is None
    assert axes.as_datetimes(np.array(["NaT", "2024-01-01"], "datetime64[s]")) is None


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1.07, 1.07), (63, 287), (1e-9, 3e-9), (5, 5)])
def test_number_ticks_lie_inside_and_are_at_least_two_for_a_range(low, high):
    ticks = axes.number_ticks(low, high, 2)
    assert all(low - 1e-12 <= tick <= high + 1e-12 for tick in ticks)
    assert len(ticks) >= (2 if high > low else 1)


def test_ranges_of_nothing_and_of_constants_are_not_empty():
    assert axes.padded_range([]) == (0.0, 1.0)
    assert axes.padded_range([np.array([np.nan])]) == (0.0, 1.0)
    low, high = axes.padded_range([np.full(3, 7.0)])
    assert low < 7.0 < high
