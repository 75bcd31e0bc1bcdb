"""What quantities do around events: known answers for known movements."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.inspect.units.events import course


def test_a_quantity_that_only_moves_at_the_events_is_found():
    moving = np.full((60, 3), 0.5)
    moving[:, 1] += 0.01 * np.sin(np.arange(60))
    moving[30:34, 1] += [0.2, 0.4, 0.2, 0.1]
    found = course(moving, [30])
    assert found.unit == 1
    assert found.ratio > 5


def test_levels_are_means_near_and_elsewhere():
    values = np.zeros((24, 2))
    values[12:15] = 1.0
    found = course(values, [12])
    assert found.level_near == 1.0
    assert found.level_elsewhere == 0.0
    assert found.curve.tolist() == [0.0, 1.0, 1.0, 1.0]


def test_the_band_holds_the_courses_of_shifted_events():
    values = np.random.default_rng(0).normal(size=(200, 1))
    found = course(values, [50, 120])
    inside = (found.lower <= found.curve) & (found.curve <= found.upper)
    assert inside.mean() > 0.5
    assert (found.lower < found.upper).all()


@pytest.mark.parametrize("event", [0, 39])
def test_events_at_the_edges_are_fine(event):
    values = np.random.default_rng(1).random((40, 2))
    assert np.isfinite(course(values, [event]).ratio)


def test_what_is_missing_is_left_out():
    values = np.random.default_rng(2).random((40, 2))
    values[10:12] = np.nan
    found = course(values, [10])
    assert np.isfinite(found.level_near)
    assert np.isnan(course(np.full((40, 2), np.nan), [10]).curve).all()
