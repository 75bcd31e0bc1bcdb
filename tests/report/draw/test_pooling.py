"""What a page may lose of an array: digits, never a spike, never a NaN."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glasscell.report.draw.pooling import encode, pool

LEVELS = {"f32": "<f4", "i16": "<i2", "u8": "u1"}
GAPS = {"i16": -32768, "u8": 255}


def decoded(data, entry):
    """Do what the page's script does."""
    raw = np.frombuffer(data, LEVELS[entry["type"]]).reshape(entry["shape"]).astype(float)
    if entry["type"] == "f32":
        return raw
    scale, offset = (np.array(entry[name])[:, None] for name in ("scale", "offset"))
    values = raw.reshape(len(scale), -1)
    values = np.where(values == GAPS[entry["type"]], np.nan, values * scale + offset)
    return values.reshape(entry["shape"])


@pytest.mark.parametrize(("kind", "steps"), [("f32", np.inf), ("i16", 65534), ("u8", 254)])
@given(
    values=arrays(
        np.float32, (3, 7), elements=st.floats(-1e6, 1e6, width=32) | st.just(np.float32("nan"))
    )
)
def test_a_decoded_value_is_within_half_a_level_and_a_gap_stays_a_gap(kind, steps, values):
    back = decoded(*encode(values, kind))
    assert (np.isnan(back) == np.isnan(values)).all()
    for row, original in zip(back, values, strict=True):
        known = original[~np.isnan(original)].astype(float)
        if len(known):
            room = (known.max() - known.min()) / steps / 2 + 1e-6 * np.abs(known).max()
            assert np.nanmax(np.abs(row - original)) <= room


def test_infinity_becomes_a_gap_where_levels_are_few():
    assert np.isnan(decoded(*encode(np.array([[1.0, np.inf, -np.inf]]), "i16"))[0, 1:]).all()


@pytest.mark.parametrize("rest", [0.0, 1.0])
def test_one_spike_in_five_thousand_steps_survives(rest):
    values = np.full((2, 5000), rest)
    values[1, 3777] = 1.0 - rest
    pooled = pool(values, 9)
    assert pooled.shape == (2, 556)
    assert (pooled[0] == rest).all()
    assert pooled[1, 3777 // 9] == 1.0 - rest
    assert (pooled[1] == rest).sum() == 555


def test_a_column_is_a_gap_only_if_all_its_steps_are():
    values = np.array([[1.0, np.nan, np.nan, np.nan, 5.0]])
    assert np.array_equal(pool(values, 2), [[1.0, np.nan, 5.0]], equal_nan=True)


def test_pooling_by_one_step_changes_nothing():
    values = np.random.default_rng(0).normal(size=(4, 9)).astype(np.float32)
    assert np.array_equal(pool(values, 1), values)
