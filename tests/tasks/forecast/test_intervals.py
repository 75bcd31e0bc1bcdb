"""Conformal intervals: against crepes, against exact distributions, on data with a known answer."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from crepes import ConformalRegressor
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from glasscell.errors import DataError
from glasscell.model.nodes.telling import Telling
from glasscell.tasks.forecast.intervals import (
    GAMMA,
    RECENT,
    Calibration,
    Tracker,
    interval,
    least,
    quantiles_of,
    rank,
    require_levels,
    track,
)

LEVELS = (80.0, 90.0)
STUDENT = Telling("student-t")


def calibrated(errors, levels=LEVELS, **options):
    return Calibration.of(np.zeros_like(errors), errors, levels, **options)[0]


@pytest.mark.parametrize("known", [10, 11, 99, 137])
@pytest.mark.parametrize("level", [50.0, 80.0, 90.0])
def test_margins_are_those_of_crepes_with_the_step_as_bin(known, level):
    errors = np.random.default_rng(known).normal(size=(known, 3)).astype(np.float32)
    ours = calibrated(errors, (level,)).margins("")[0]
    steps = np.tile(np.arange(3), known)
    crepes = ConformalRegressor().fit(errors.ravel(), bins=steps)
    # A hair less than the level: crepes rounds (1 - c) (n + 1) down in float64, also from 0.99….
    ends = crepes.predict_int(np.zeros(3), bins=np.arange(3), confidence=level / 100 - 1e-12)
    np.testing.assert_array_equal(ours, ends[:, 1])


def test_scaled_margins_are_those_of_crepes_with_difficulties():
    rng = np.random.default_rng(0)
    scale, told = rng.uniform(1, 3, (80, 2)), rng.normal(size=(80, 2))
    truth = told + scale * rng.normal(size=(80, 2))
    three = np.stack([told, scale, np.full_like(told, 5.0)], axis=-1)
    found, _ = Calibration.of(three, truth, (90.0,), STUDENT)
    steps = np.tile(np.arange(2), 80)
    crepes = ConformalRegressor()
    crepes.fit((truth - told).ravel(), sigmas=scale.ravel(), bins=steps)
    ends = crepes.predict_int(np.zeros(2), np.array([1.0, 2.0]), np.arange(2), 0.9 - 1e-12)
    low, high = interval(
        np.array([[[0.0, 1.0, 5.0], [0.0, 2.0, 5.0]]]), STUDENT, 90.0, found.margins("")[0]
    )
    np.testing.assert_allclose(np.stack([low[0], high[0]], 1), ends, rtol=1e-6)


@given(st.integers(1, 400), st.floats(1, 99.9))
def test_there_is_a_margin_from_the_least_count_on(known, level):
    assert (rank(level, known) <= known) == (known >= least(level))


def test_too_few_errors_leave_the_level_out_and_say_what_it_needs():
    found, notes = Calibration.of(np.zeros((9, 2)), np.ones((9, 2)), (80.0, 90.0, 99.0))
    assert found.levels == (80.0, 90.0)
    assert notes == [
        "There is no 99 % interval: it needs 99 validation errors of each step, there are 9; give "
        "a longer history."
    ]
    kept, later = found.among([80.0, 95.0])
    assert (kept.levels, len(later)) == ((80.0,), 1)


def test_unmeasured_values_count_for_nothing():
    errors = np.arange(40.0).reshape(20, 2)
    errors[3:, 1] = np.nan
    found, notes = Calibration.of(np.zeros((20, 2)), errors, (70.0, 80.0))
    assert (found.levels, found.known, len(notes)) == ((70.0,), 3, 1)
    np.testing.assert_array_equal(found.margins("")[0], [errors[14, 0], errors[2, 1]])


@pytest.mark.parametrize("bad", [0, 100, -5, 101, "90", True, None, float("nan"), 0.9])
def test_levels_outside_are_refused(bad):
    with pytest.raises(DataError, match="--level"):
        require_levels([80, bad])


def test_a_share_in_place_of_percent_is_told():
    with pytest.raises(DataError, match=r"such as 90, got 0\.9"):
        require_levels([0.9])


def test_coverage_has_the_exact_beta_distribution():
    # Of uniform scores the coverage of a margin is the margin itself (Vovk 2012, prop. 2a).
    rng, n = np.random.default_rng(0), 39
    held = [
        float(calibrated(rng.uniform(size=(n, 1)), (90.0,)).margins("")[0, 0]) for _ in range(1500)
    ]
    k = rank(90.0, n)
    assert stats.kstest(held, stats.beta(k, n + 1 - k).cdf).pvalue > 0.01


def followed(errors, begin, adaptive, levels=(90.0,)):
    start = calibrated(errors[:begin], levels, adaptive=adaptive)
    later = errors[begin:]
    rows = np.arange(len(later))
    return later, track(Tracker(start, "a"), rows, np.zeros_like(later), later)


@pytest.mark.parametrize("adaptive", [False, True])
def test_noise_that_stays_as_it_is_is_covered(adaptive):
    errors = np.random.default_rng(3).normal(size=(5000, 2))
    later, margins = followed(errors, 2000, adaptive)
    assert np.mean(abs(later) <= margins[:, 0]) == pytest.approx(0.9, abs=0.01)


def test_where_the_noise_grows_only_adaptive_intervals_hold():
    rng = np.random.default_rng(4)
    errors = rng.normal(size=(4000, 2)) * np.linspace(1, 5, 4000)[:, None]
    held = {}
    for adaptive in (False, True):
        later, margins = followed(errors, 1000, adaptive)
        held[adaptive] = np.mean(abs(later) <= margins[:, 0])
    assert held[False] < 0.7
    assert held[True] == pytest.approx(0.9, abs=0.02)


def test_known_scales_cover_quiet_and_loud_times_alike():
    rng = np.random.default_rng(5)
    scale = np.where(rng.uniform(size=(6000, 1)) < 0.5, 1.0, 4.0)
    truth = scale * rng.normal(size=(6000, 1))
    told = np.stack([np.zeros_like(scale), scale, np.full_like(scale, 9.0)], axis=-1)
    found, _ = Calibration.of(told[:3000], truth[:3000], (90.0,), STUDENT)
    low, high = interval(told[3000:], STUDENT, 90.0, found.margins("")[0])
    inside, later = (low <= truth[3000:]) & (truth[3000:] <= high), scale[3000:]
    for size in (1.0, 4.0):
        assert inside[later == size].mean() == pytest.approx(0.9, abs=0.025)


def test_quantiles_that_are_off_are_put_right():
    rng = np.random.default_rng(6)
    truth = rng.normal(size=(8000, 1))
    tells = Telling("quantiles", quantiles_of(LEVELS))
    told = np.tile(np.array([-0.7, -0.5, 0.0, 0.5, 0.7]), (8000, 1, 1))
    found, _ = Calibration.of(told[:4000], truth[:4000], LEVELS, tells)
    for at, level in enumerate(LEVELS):
        low, high = interval(told[4000:], tells, level, found.margins("")[at])
        inside = (low <= truth[4000:]) & (truth[4000:] <= high)
        assert inside.mean() == pytest.approx(level / 100, abs=0.015)
    with pytest.raises(DataError, match="fit with another --level"):
        found.among([50.0])


def test_ends_never_cross():
    tells = Telling("quantiles", quantiles_of([80.0]))
    low, high = interval(np.array([[[0.0, 1.0, 2.0]]]), tells, 80.0, np.array([-5.0]))
    assert low == high == 1.0


def test_adaptive_margins_are_those_of_the_recurrence():
    """The paper's recurrence, written out for each step by itself."""
    rng = np.random.default_rng(7)
    errors = rng.normal(size=(260, 3)) * np.linspace(1, 3, 260)[:, None]
    later, margins = followed(errors, 60, True)
    for step in range(3):
        pool, alpha, expected = abs(errors[:60, step]).astype(np.float32).tolist(), 0.1, []
        for row in range(200):
            if row > step:
                then = row - 1 - step
                score = abs(later[then, step])
                alpha += GAMMA / (step + 1) * (0.1 - (score > expected[then]))
                alpha = min(max(alpha, 0), 1)
                pool = [*pool, float(np.float32(score))][-RECENT:]
            k = int(np.ceil((1 - alpha) * (len(pool) + 1) - 1e-9))
            expected.append(sorted(pool)[min(max(k, 1), len(pool)) - 1])
        np.testing.assert_array_equal(margins[:, 0, step], expected)


@given(st.integers(5, 55), st.integers(0, 2**16))
def test_no_margin_knows_what_comes_after(cut, seed):
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(100, 3))
    _, margins = followed(errors, 40, True, LEVELS)
    # Row `cut` is the first target of origin `cut`: what it and all later rows are must not matter.
    other = errors.copy()
    rows = np.arange(60)[:, None] + np.arange(3)
    other[40:][rows >= cut] = 100.0
    _, changed = followed(other, 40, True, LEVELS)
    np.testing.assert_array_equal(margins[: cut + 1], changed[: cut + 1])


def test_wider_levels_are_never_narrower():
    errors = np.random.default_rng(8).standard_t(2, size=(900, 2))
    _, margins = followed(errors, 100, True, (50.0, 80.0, 90.0))
    assert (np.diff(margins, axis=1) >= 0).all()


def test_p_values_are_those_of_crepes_and_say_what_the_interval_says():
    rng = np.random.default_rng(9)
    errors, new = rng.normal(size=(59, 1)).astype(np.float32), rng.normal(size=400) * 2
    new = new.astype(np.float32).astype(float)
    tracker = Tracker(calibrated(errors, (90.0,)), "")
    ours = np.array([tracker.p_value(score) for score in abs(new)])
    crepes = ConformalRegressor().fit(errors.ravel())
    theirs = crepes.predict_p(np.zeros(400), new, smoothing=False)
    np.testing.assert_allclose(ours, theirs)
    np.testing.assert_array_equal(ours <= 0.1 + 1e-12, abs(new) > tracker.margins()[0, 0])


@pytest.mark.parametrize("tells", [None, STUDENT, Telling("quantiles", quantiles_of(LEVELS))])
def test_what_is_saved_is_loaded(tmp_path, tells):
    rng = np.random.default_rng(1)
    shape = (30, 2) if tells is None else (30, 2, len(tells.quantiles) or 3)
    told = np.sort(rng.uniform(1, 2, shape), axis=-1)
    found, _ = Calibration.of(told, rng.normal(size=(30, 2)), LEVELS, tells, True)
    found = Calibration(
        found.levels, found.pools, tells, True, {"a": np.full((2, 2), 0.2)}, {"a": "2020-01-01"}
    )
    found.save(tmp_path / "c.npz")
    again = Calibration.load(tmp_path / "c.npz")
    assert (again.levels, again.tells, again.until) == (found.levels, tells, found.until)
    for name in ("a", "b"):
        np.testing.assert_array_equal(again.margins(name), found.margins(name))


def test_damaged_files_are_told(tmp_path):
    assert Calibration.load(tmp_path / "none.npz") is None
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match="damaged"):
        Calibration.load(tmp_path / "c.npz")


def test_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = calibrated(np.full((12, 2), np.nan))
    assert found.levels == ()
