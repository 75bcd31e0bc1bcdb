"""Steep rises of blood glucose, and what gates do at events."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.demo.meals import RisesInTest, find_rises
from glasscell.inspect.units.events import count_events, in_words, movements
from glasscell.traces.layer import LayerTrace


def meal(height=60.0, at=20, n=60):
    readings = np.full(n, 100.0)
    readings[at : at + 7] += np.linspace(0, height, 7)
    readings[at + 7 :] += height
    return readings


def test_a_meal_is_found_where_it_begins():
    assert find_rises(meal()).tolist() == [20]


def test_a_slow_rise_is_no_meal():
    assert find_rises(np.linspace(80, 200, 60)).tolist() == []


def test_two_meals_are_two_rises_and_one_long_rise_is_one():
    twice = np.concatenate([meal(at=10, n=40), meal(at=20)])
    assert find_rises(twice).tolist() == [10, 60]
    assert find_rises(100 + 8.0 * np.arange(40)).tolist() == [0]


def test_a_gap_is_no_rise():
    readings = meal()
    readings[18:30] = np.nan
    assert find_rises(readings).tolist() == []
    assert find_rises(np.full(50, np.nan)).tolist() == []


def windows(readings):
    readings = np.asarray(readings)
    marks = np.zeros(readings.shape, bool)
    for row, mark in zip(readings, marks, strict=True):
        mark[find_rises(row)] = True
    return RisesInTest(readings, marks, ~marks & False, 60 * np.arange(1, len(readings) + 1))


def test_the_window_shown_has_a_rise_and_no_jump_of_the_sensor():
    jump = meal()
    jump[40:] += 150
    assert windows([np.full(60, 100.0), jump, meal(), np.full(60, 90.0)]).richest() == 2


def test_windows_apart_share_no_step():
    found = windows([np.full(60, 100.0)] * 4)
    close = RisesInTest(found.readings, found.rises, found.falls, np.array([60, 70, 120, 121]))
    assert close.apart().tolist() == [0, 2]


@pytest.fixture
def answering():
    """Windows in which all gates of unit 0 open at events, on a little noise."""
    rng = np.random.default_rng(0)
    events = np.zeros((40, 60), bool)
    events[np.arange(40), rng.integers(20, 50, 40)] = True
    values = 0.001 * rng.normal(size=(40, 60, 3))
    for window, step in zip(*np.nonzero(events), strict=True):
        values[window, step + 1 :, 0] += 0.5
    return LayerTrace(*[values] * 6, layout="BTH"), events


def test_gates_that_open_at_events_are_seen_to_move(answering):
    trace, events = answering
    found = movements(trace, events, ~events & False, span=6)
    gate = found["input"]
    assert gate.ratio > 5 > gate.by_chance
    assert (gate.unit, gate.opens, gate.closes) == (0, 1, 0)
    assert gate.change[0] == pytest.approx(0.5, abs=0.01)
    assert count_events(events, 6) == 40


def test_the_sentence_names_the_strongest_unit(answering):
    trace, events = answering
    words = in_words(movements(trace, events, events, span=6), 40, "rises", "falls")
    assert words.startswith("At 40 rises its gates move")
    assert "unit 0 answers most: its forget gate opens by 0.50" in words


def test_noise_moves_no_more_at_events_than_by_chance():
    rng = np.random.default_rng(1)
    trace = LayerTrace(*rng.normal(size=(6, 30, 60, 4)), layout="BTH")
    events = rng.random((30, 60)) < 0.02
    found = movements(trace, events, ~events & False, span=6)
    assert "not every gate moves more than by chance" in in_words(found, 9, "rises", "falls")
