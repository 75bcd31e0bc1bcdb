"""Rate, reach and growth of profiles that were made up to have them."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.inspect import decay


@pytest.mark.parametrize(("factor", "reach"), [(0.5, 14), (0.1, 5), (0.9, 88)])
def test_a_straight_line_has_its_own_slope_and_reach(factor: float, reach: int) -> None:
    found = decay(7.0 * factor ** np.arange(100.0))
    assert found.rate == pytest.approx(factor)
    assert found.reach in (reach - 1, reach)
    assert (found.lag, found.start, found.largest) == (99, 7.0, 1.0)
    assert found.change == pytest.approx(factor**99)


def test_a_floor_of_rounding_does_not_flatten_the_slope() -> None:
    found = decay(np.maximum(0.1 ** np.arange(60.0), 1e-9))
    assert found.rate == pytest.approx(0.1)
    assert decay(0.99 ** np.arange(50)).reach is None


def test_growth_and_overflow_are_told_apart_from_decay() -> None:
    found = decay(2.0 ** np.arange(9))
    assert (found.largest, found.reach, found.overflows) == (256.0, None, None)
    broken = decay(np.array([1.0, 10.0, np.inf, np.nan]))
    assert (broken.largest, broken.overflows) == (10.0, 2)
    assert broken.rate == pytest.approx(10)


def test_too_little_has_no_slope() -> None:
    assert np.isnan(decay(np.array([3.0])).rate)
    assert np.isnan(decay(np.array([3.0, 0.0])).rate)
    with pytest.raises(ValueError, match="at least one value, got none"):
        decay(np.zeros(0))
