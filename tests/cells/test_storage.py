"""Rounding to bfloat16 and int8: to nearest, ties to even, and nothing that cannot be held."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell.cells import compact
from glasscell.cells.parameters import Config
from glasscell.errors import DtypeError, WeightFormatError
from strategies import layer_weights

CONFIG = Config(mode="LSTM", input_size=3, hidden_size=4, proj_size=2)


def bits_of(*values):
    return [int(b) for b in compact.to_bfloat16(np.array(values, np.uint32).view(np.float32))]


@pytest.mark.parametrize(
    ("float32", "bfloat16"),
    [
        (0x3F800000, 0x3F80),  # 1
        (0x3F807FFF, 0x3F80),  # just below a tie
        (0x3F808000, 0x3F80),  # a tie: down to even
        (0x3F808001, 0x3F81),  # just above
        (0x3F818000, 0x3F82),  # a tie: up to even
        (0xBF818000, 0xBF82),  # the same below zero
        (0x3FFFFFFF, 0x4000),  # a carry into the exponent
        (0x80000000, 0x8000),  # -0
        (0x00000001, 0x0000),  # the smallest subnormal
        (0x00008000, 0x0000),  # subnormal ties
        (0x00018000, 0x0002),
        (0x007FFFFF, 0x0080),  # the largest subnormal: up to the smallest normal number
        (0x7F7F7FFF, 0x7F7F),  # stays finite
        (0x7F7F8000, 0x7F80),  # beyond the largest: infinity
        (0x7F800000, 0x7F80),  # infinity
        (0xFF800000, 0xFF80),
        (0x7FC00000, 0x7FC0),  # NaN
        (0x7F800001, 0x7FC0),  # a NaN whose upper half alone is infinity's
        (0x7FFFFFFF, 0x7FFF),  # a NaN that a carry would turn into -0
        (0xFFFFFFFF, 0xFFFF),
    ],
    ids=hex,
)
def test_a_bfloat16_is_the_nearest_and_ties_go_to_even(float32, bfloat16):
    assert bits_of(float32) == [bfloat16]


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_bfloat16_is_nearer(pattern):
    x = np.array([pattern], np.uint32).view(np.float32)
    bits = compact.to_bfloat16(x)
    y = compact.from_bfloat16(bits)
    if np.isnan(x[0]):
        assert np.isnan(y[0])
        return
    assert np.signbit(x[0]) == np.signbit(y[0])
    if not np.isfinite(y[0]):
        assert abs(float(x[0])) >= float.fromhex("0x1.ffp127")  # half a step beyond the largest
        return
    below, above = (compact.from_bfloat16(bits + np.uint16(k)) for k in (0xFFFF, 1))
    distance = abs(float(x[0]) - float(y[0]))
    for other in (below[0], above[0]):
        if np.isfinite(other) and np.signbit(other) == np.signbit(x[0]):
            assert distance <= abs(float(x[0]) - float(other))


def test_every_bfloat16_survives_the_way_there_and_back():
    bits = np.arange(1 << 16, dtype=np.uint16)
    again = compact.to_bfloat16(compact.from_bfloat16(bits))
    signalling = np.isnan(compact.from_bfloat16(bits)) & (bits & 0x40 == 0)
    np.testing.assert_array_equal(again, np.where(signalling, bits | 0x40, bits))


def test_a_view_with_strides_is_rounded_as_a_copy():
    a = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    np.testing.assert_array_equal(
        compact.to_bfloat16(a[::2, ::3]), compact.to_bfloat16(a)[::2, ::3]
    )


def test_int8_ties_go_to_even_and_the_largest_is_127():
    row = np.array([[127, 0.5, 1.5, -0.5, -2.5, -127, 126.5]], np.float32) * np.float32(0.25)
    (q,), scale = compact.to_int8(row)
    assert scale.tolist() == [0.25]
    assert q.tolist() == [[127, 0, 2, 0, -2, -127, 126]]


def test_a_row_of_both_matrices_shares_a_scale():
    w = layer_weights(CONFIG, np.random.default_rng(1), np.float32)
    stored = compact.compress(w, "int8")
    both = np.concatenate([w.weight_hh, w.weight_ih], axis=1)
    np.testing.assert_array_equal(stored.scale, np.abs(both).max(axis=1) / np.float32(127))
    q = np.concatenate([stored.weight_hh, stored.weight_ih], axis=1)
    np.testing.assert_array_equal(np.abs(q).max(axis=1), np.full(len(q), 127))
    np.testing.assert_allclose(
        q * stored.scale[:, None], both, atol=stored.scale.max() / 2 * 1.0001
    )
    np.testing.assert_array_equal(
        stored.scale_hr, np.abs(w.weight_hr).max(axis=1) / np.float32(127)
    )


def test_a_row_of_zeros_stays_zero_and_a_row_of_subnormals_becomes_zero():
    rows = np.zeros((3, 2), np.float32)
    rows[1, 0], rows[2] = np.float32(1e-45), (3e-38, -1e-38)
    (q,), scale = compact.to_int8(rows)
    assert scale[:2].tolist() == [0, 0]
    assert q[:2].tolist() == [[0, 0], [0, 0]]
    assert scale[2] > 0
    assert q[2].tolist() == [127, -42]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("role", ["weight_ih", "weight_hh", "weight_hr"])
def test_int8_refuses_what_is_not_finite_and_bfloat16_keeps_it(bad, role):
    w = layer_weights(CONFIG, np.random.default_rng(2), np.float32)
    getattr(w, role)[1, 1] = bad
    with pytest.raises(
        WeightFormatError, match="expected finite weights, got NaN or infinity in row 1"
    ):
        compact.compress(w, "int8")
    kept = getattr(compact.expand(compact.compress(w, "bfloat16")), role)
    np.testing.assert_array_equal(kept[1, 1], np.float32(bad))


@pytest.mark.parametrize("kept", compact.COMPRESSED)
def test_only_float32_is_compressed(kept):
    w = layer_weights(CONFIG, np.random.default_rng(0), np.float64)
    with pytest.raises(DtypeError, match=f"{kept}: expected float32 weights, got float64"):
        compact.compress(w, kept)
    w = compact.compress(layer_weights(CONFIG, np.random.default_rng(0), np.float32), kept)
    with pytest.raises(DtypeError, match="expected float32 weights, got"):
        compact.compress(w, kept)


def test_an_unknown_storage_is_refused():
    w = layer_weights(CONFIG, np.random.default_rng(0), np.float32)
    for wrong in ("float32", "int4", "BF16"):
        with pytest.raises(
            ValueError, match=f"one of bfloat16, int8 to compress to, got '{wrong}'"
        ):
            compact.compress(w, wrong)


def test_weights_that_do_not_belong_together_are_refused():
    w = layer_weights(CONFIG, np.random.default_rng(0), np.float32)
    few, fewer = compact.compress(w, "bfloat16"), compact.compress(w, "int8")
    with pytest.raises(DtypeError, match=r"all uint16 .* or all int8, got bfloat16, int8"):
        compact.StoredWeights(weight_ih=few.weight_ih, weight_hh=fewer.weight_hh)
    with pytest.raises(DtypeError, match="got float32"):
        compact.StoredWeights(weight_ih=w.weight_ih, weight_hh=w.weight_hh)
    with pytest.raises(DtypeError, match="for int8 alone, scales"):
        compact.StoredWeights(weight_ih=fewer.weight_ih, weight_hh=fewer.weight_hh)
    with pytest.raises(DtypeError, match="for int8 alone, scales"):
        compact.StoredWeights(weight_ih=few.weight_ih, weight_hh=few.weight_hh, scale=fewer.scale)
    with pytest.raises(DtypeError, match="float32 biases"):
        compact.StoredWeights(
            weight_ih=few.weight_ih,
            weight_hh=few.weight_hh,
            bias_ih=np.zeros(16),
            bias_hh=np.zeros(16),
        )
