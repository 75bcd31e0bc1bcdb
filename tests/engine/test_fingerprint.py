"""A packed layer knows its weights again by sums over their bytes: any change must show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import engine

# (I, H): one line and less, rests after whole lines, more than one piece of 256 KB.
SIZES = [(1, 1), (3, 5), (16, 16), (33, 31), (200, 192)]


def weights_of(inputs, hidden, dtype):
    rng = np.random.default_rng(hidden)
    shapes = {"weight_ih": (4 * hidden, inputs), "weight_hh": (4 * hidden, hidden)}
    shapes |= {"bias_ih": (4 * hidden,), "bias_hh": (4 * hidden,)}
    arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return type("Weights", (), {**arrays, "weight_hr": None})


@pytest.mark.parametrize(("inputs", "hidden"), SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_changed_bit_anywhere_shows_and_changed_back_does_not(inputs, hidden, dtype, data):
    w = weights_of(inputs, hidden, dtype)
    layer = engine.pack("LSTM", w)
    assert engine.matches(layer, w)
    array = getattr(w, data.draw(st.sampled_from(["weight_ih", "weight_hh", "bias_ih", "bias_hh"])))
    at = data.draw(st.integers(0, array.nbytes - 1))
    bit = np.uint8(1 << data.draw(st.integers(0, 7)))
    raw = array.reshape(-1).view(np.uint8)
    raw[at] ^= bit
    assert not engine.matches(layer, w)
    raw[at] ^= bit
    assert engine.matches(layer, w)


@pytest.mark.parametrize(("inputs", "hidden"), SIZES[1:])
@pytest.mark.parametrize("name", ["weight_ih", "weight_hh"])
def test_rows_that_change_places_show(inputs, hidden, name):
    w = weights_of(inputs, hidden, np.float32)
    layer = engine.pack("LSTM", w)
    array = getattr(w, name)
    for one, other in ((0, 1), (0, 4 * hidden - 1), (hidden, 2 * hidden)):
        array[[one, other]] = array[[other, one]]
        assert not engine.matches(layer, w)
        array[[one, other]] = array[[other, one]]
    assert engine.matches(layer, w)


def test_numbers_that_change_places_between_arrays_show():
    w = weights_of(64, 64, np.float32)
    layer = engine.pack("LSTM", w)
    w.weight_ih, w.weight_hh = w.weight_hh, w.weight_ih
    assert not engine.matches(layer, w)


def test_minus_zero_is_not_zero():
    w = weights_of(3, 5, np.float32)
    w.bias_ih[:] = 0
    layer = engine.pack("LSTM", w)
    w.bias_ih[2] = -0.0
    assert not engine.matches(layer, w)


def test_all_threads_look_at_every_piece():
    w = weights_of(512, 512, np.float32)
    layer = engine.pack("LSTM", w)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    addresses = [getattr(w, name).ctypes.data for name in names]
    assert layer.matches_at(*addresses, 0, 8)
    for array in (w.weight_ih, w.weight_hh):
        for row in (0, 700, 1300, 2047):
            before = array[row, 7]
            array[row, 7] = before + 1
            assert not layer.matches_at(*addresses, 0, 8)
            array[row, 7] = before
    assert layer.matches_at(*addresses, 0, 8)
