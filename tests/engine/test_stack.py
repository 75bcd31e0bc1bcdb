"""Layers in one call have the bits of one layer after the other, as a wave or not."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell import engine
from glasscell.errors import DtypeError, ShapeError


def layers_of(count, inputs, hidden, mode="LSTM", dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    rows = 4 * hidden if mode == "LSTM" else hidden

    def packed(width):
        draw = lambda *shape: rng.uniform(-0.3, 0.3, shape).astype(dtype)  # noqa: E731
        arrays = {"weight_ih": draw(rows, width), "weight_hh": draw(rows, hidden)}
        arrays |= {"bias_ih": draw(rows), "bias_hh": draw(rows), "weight_hr": None}
        return engine.pack(mode, type("Weights", (), arrays))

    return [packed(inputs), *(packed(hidden) for _ in range(count - 1))]


def one_after_the_other(layers, x, h0, c0, **options):
    h_n, c_n = [], []
    for k, layer in enumerate(layers):
        state = (None if h0 is None else h0[k], None if c0 is None else c0[k])
        run = engine.forward(layer, x, *state, threads=1, **options)
        x = run.output
        h_n.append(run.h_n)
        c_n.append(run.c_n)
    return x, np.stack(h_n), None if c_n[0] is None else np.stack(c_n)


def assert_same(run, expected):
    for name, array, wanted in zip(run._fields, run, expected, strict=True):
        assert (array is None) == (wanted is None), name
        if array is not None:
            np.testing.assert_array_equal(array, wanted, err_msg=name)


@pytest.mark.parametrize("mode", ["LSTM", "RNN_TANH"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (5, 2), (64, 1), (101, 2), (333, 1), (70, 9)])
def test_a_stack_has_the_bits_of_its_layers(mode, dtype, count, steps, batch):
    rng = np.random.default_rng(steps)
    layers = layers_of(count, 5, 70, mode, dtype)
    x = rng.standard_normal((steps, batch, 5)).astype(dtype)
    h0, c0 = (rng.uniform(-1, 1, (count, batch, 70)).astype(dtype) for _ in range(2))
    c0 = c0 if mode == "LSTM" else None
    ragged = {"lengths": rng.integers(0, steps + 1, batch)}
    cut = {"reset": rng.random((steps, batch)) < 0.1}
    for options in ({}, ragged, cut, ragged | cut):
        expected = one_after_the_other(layers, x, h0, c0, **options)
        for threads in (1, 2, 3, 8):
            assert_same(
                engine.forward_stack(layers, x, h0, c0, threads=threads, **options), expected
            )


def test_states_are_zeros_by_default_and_an_output_may_be_given():
    layers = layers_of(2, 3, 64)
    x = np.random.default_rng(0).standard_normal((200, 1, 3)).astype(np.float32)
    out = np.full((1, 200, 64), np.nan, np.float32).swapaxes(0, 1)
    run = engine.forward_stack(layers, x, out=out, threads=2)
    assert run.output is out
    assert_same(run, one_after_the_other(layers, x, None, None))


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0)])
def test_nothing_to_run_leaves_the_initial_state(steps, batch):
    h0 = np.ones((2, batch, 4), np.float32)
    run = engine.forward_stack(layers_of(2, 3, 4), np.zeros((steps, batch, 3), np.float32), h0)
    assert run.output.shape == (steps, batch, 4)
    np.testing.assert_array_equal(run.h_n, h0)
    assert not run.c_n.any()


def test_layers_that_do_not_fit_and_wrong_states_are_refused():
    layers = layers_of(2, 3, 4)
    x = np.zeros((5, 1, 3), np.float32)
    with pytest.raises(ShapeError, match="each reading what the one below"):
        engine.forward_stack([layers[0], layers_of(1, 3, 4)[0]], x)
    with pytest.raises(ShapeError, match="h0"):
        engine.forward_stack(layers, x, np.zeros((1, 1, 4), np.float32))
    with pytest.raises(DtypeError):
        engine.forward_stack(layers, x.astype(np.float64))
