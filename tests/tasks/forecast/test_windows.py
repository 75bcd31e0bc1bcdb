"""Split, scaling and windows: nothing of the future leaks into the past."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell.data.columns import Roles
from glasscell.data.read import Panel, Series
from glasscell.errors import DataError
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.windows import (
    TEST,
    TRAIN,
    VALIDATION,
    boundaries,
    build,
    shortest,
)
from glasscell.tasks.scaling import Scaler


def panel(*targets, measured=None):
    series = tuple(
        Series(f"s{i}", pd.RangeIndex(len(y)), y[:, None].astype(float), ~np.isnan(y))
        for i, y in enumerate(targets)
    )
    return Panel(series, 1, Roles("t", "id", ("y",)), False, (), "made up")


def test_scaling_and_windows_of_training_ignore_everything_later():
    past = np.random.default_rng(0).normal(size=200)
    first, _ = boundaries(200)
    other = past.copy()
    other[first:] = 1e6
    one, two = (build(panel(y), 12, 4, level=True) for y in (past, other))
    np.testing.assert_array_equal(one.scalers[0].mean, two.scalers[0].mean)
    np.testing.assert_array_equal(one.parts[TRAIN].inputs(), two.parts[TRAIN].inputs())
    np.testing.assert_array_equal(one.parts[TRAIN].targets(), two.parts[TRAIN].targets())


@given(st.integers(1, 60), st.integers(1, 60))
def test_from_the_shortest_length_on_every_part_has_a_window_and_just_below_not(lookback, horizon):
    def fits(rows):
        first, second = boundaries(rows)
        return first >= lookback + horizon and min(second - first, rows - second) >= horizon

    need = shortest(lookback, horizon)
    assert all(fits(rows) for rows in range(need, need + 30))
    assert not fits(need - 1)


def test_the_shortest_length_of_a_huge_horizon_is_told_at_once():
    assert shortest(1, 10**12) == 10**13 - 3


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 12), st.integers(1, 6))
def test_no_target_lies_in_two_parts_and_no_window_touches_a_gap(data, lookback, horizon):
    need = shortest(lookback, horizon)
    rows = data.draw(st.integers(need + 20, need + 200))
    y = np.arange(rows, dtype=float)
    for gap in data.draw(st.lists(st.integers(0, rows - 1), max_size=3)):
        y[gap] = np.nan
    try:
        dataset = build(panel(y), lookback, horizon)
    except DataError:
        return
    first, second = boundaries(rows)
    limits = {TRAIN: (0, first), VALIDATION: (first, second), TEST: (second, rows)}
    for part, windows in dataset.parts.items():
        low, high = limits[part]
        assert (windows.origins >= max(low, lookback)).all()
        assert (windows.origins + horizon <= high).all()
        assert np.isfinite(windows.inputs()).all()
        assert np.isfinite(windows.targets()).all()
        step = np.diff(np.concatenate([windows.inputs()[:, :, 0], windows.targets()], axis=1))
        np.testing.assert_allclose(step, step[0, 0], rtol=1e-2)


def test_the_last_input_of_a_window_is_measured():
    y = np.arange(100.0)
    source = panel(y)
    source.series[0].measured[[20, 21, 22]] = False
    origins = build(source, 5, 2).parts[TRAIN].origins
    assert not {21, 22, 23} & set(origins.tolist())
    assert {20, 24} <= set(origins.tolist())


def test_no_window_crosses_from_one_series_into_the_next():
    dataset = build(panel(np.zeros(100), np.ones(100) * np.arange(100)), 5, 2)
    for windows in dataset.parts.values():
        owner = dataset.owner(windows.origins)
        assert (dataset.owner(windows.origins - 5) == owner).all()
        assert (dataset.owner(windows.origins + 1) == owner).all()


def test_a_constant_series_is_scaled_without_division_by_zero():
    scaler = Scaler.fit(np.full((50, 1), 1e8 + 0.1))
    assert scaler.scale.tolist() == [1.0]
    np.testing.assert_allclose(scaler.apply(np.full((50, 1), 1e8 + 0.1)), 0, atol=1e-6)


def test_scaling_back_undoes_scaling():
    values = np.random.default_rng(1).normal(5, 3, size=(40, 2))
    scaler = Scaler.fit(values)
    np.testing.assert_allclose(scaler.restore(scaler.apply(values)[:, 0], column=0), values[:, 0])


def test_too_short_a_history_is_answered_with_the_length_it_needs():
    with pytest.raises(DataError, match=r"at least 117 time steps for lookback 24 and horizon 12"):
        build(panel(np.arange(116.0)), 24, 12)
    assert len(build(panel(np.arange(117.0)), 24, 12).parts[TRAIN]) >= 1


def test_short_series_among_long_ones_are_left_out_by_name():
    dataset = build(panel(np.arange(100.0), np.arange(9.0)), 5, 2)
    assert dataset.left_out == ("s1",)


def test_the_level_is_shown_only_if_the_series_comes_back_to_it():
    noise = np.random.default_rng(2).normal(size=400)
    assert build(panel(noise), 12, 4).level
    assert not build(panel(np.arange(400) + noise), 12, 4).level


def test_the_level_is_channel_one():
    values = np.array([[1.0, 7.0], [2.0, 8.0]])
    series = Series("s", pd.RangeIndex(2), values, np.full(2, True))
    laid = Layout(level=True, past=("x",)).rows(
        series, Scaler(np.zeros(2), np.ones(2)), panel(values[:, 0])
    )
    np.testing.assert_array_equal(laid, [[1, 1, 7], [2, 2, 8]])


def test_thinning_keeps_the_first_and_last_window_and_says_how_many_there_were():
    windows = build(panel(np.arange(400.0)), 5, 2).parts[TRAIN]
    thin = windows.thinned(10)
    assert len(thin) == 10
    assert thin.origins[[0, -1]].tolist() == windows.origins[[0, -1]].tolist()
