"""Every cell state is the sum of what its steps wrote, exactly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import glasscell
from glasscell.errors import ShapeError
from glasscell.inspect import layer_provenance, provenance, provenance_triangle
from traced import order, traced


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_the_parts_add_up_to_the_cell_state_at_every_step(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    f, i = rng.random((2, steps, 2, 3))
    f[rng.random(f.shape) < 0.1] = 0
    g, c0 = rng.uniform(-1, 1, (steps, 2, 3)), rng.normal(size=(2, 3))
    c = c0
    for t in range(steps):
        c = f[t] * c + i[t] * g[t]
        split = provenance(f, i, g, c0, step=t)
        assert split.written.shape == (t + 1, 2, 3)
        np.testing.assert_allclose(split.total, c, rtol=1e-12, atol=1e-13)


def test_a_gate_at_zero_wipes_what_was_before_and_nothing_else() -> None:
    f = np.array([[1.0], [0.0], [0.5], [1.0]])
    split = provenance(f, np.ones((4, 1)), np.ones((4, 1)), np.array([7.0]))
    assert split.initial.tolist() == [0.0]
    assert split.written[:, 0].tolist() == [0.0, 0.5, 1.0, 1.0]
    assert split.log_kept[:, 0].tolist() == [-np.inf, np.log(0.5), 0.0, 0.0]


def test_a_long_lag_stays_visible_in_the_logarithm() -> None:
    ones = np.ones((5000, 1), dtype=np.float32)
    split = provenance(0.5 * ones, ones, ones)
    assert split.written[0, 0] == 0
    np.testing.assert_allclose(split.log_kept[0], 4999 * np.log(0.5))


@pytest.mark.parametrize("name", ["l0", "l0_reverse"])
def test_it_explains_a_traced_network(name: str) -> None:
    model = torch.nn.LSTM(3, 4, bidirectional=True, dtype=torch.float64)
    with glasscell.trace(model) as trace:
        model(torch.randn(12, 2, 3, dtype=torch.float64))
    layer, way = trace[name], -1 if name.endswith("reverse") else 1
    split = provenance(layer.forget[::way], layer.input[::way], layer.candidate[::way])
    np.testing.assert_allclose(split.total, layer.cell[::way][-1], rtol=1e-12)


def test_gates_of_different_shapes_and_missing_steps_are_refused() -> None:
    ones = np.ones((3, 1))
    with pytest.raises(ShapeError, match=r"got forget \(3, 1\), input \(2, 1\)"):
        provenance(ones, ones[:2], ones)
    with pytest.raises(IndexError):
        provenance(ones, ones, ones, step=3)


@pytest.mark.parametrize("low", [0.0, 0.9, 0.999])
def test_each_part_is_exact_to_rounding(low: float) -> None:
    """Against fractions, which do not round at all; 300 steps."""
    rng = np.random.default_rng(0)
    f, i, g = rng.uniform(low, 1, 300), rng.random(300), rng.uniform(-1, 1, 300)
    split = provenance(f[:, None], i[:, None], g[:, None])
    kept, total, size = Fraction(1), Fraction(0), Fraction(0)
    for s in reversed(range(300)):
        part = kept * Fraction(i[s]) * Fraction(g[s])
        # |log kept| is below 700, so its rounding is 1e-13 of the part at most.
        assert abs(Fraction(split.written[s, 0]) - part) <= abs(part) * Fraction(2, 10**13)
        total, size = total + part, size + abs(part)
        kept *= Fraction(f[s])
    assert abs(Fraction(split.total[0]) - total) <= size * Fraction(1, 10**15) * 4


@pytest.mark.parametrize("kind", ["lstm", "projection", "reverse", "reset", "reverse-reset"])
def test_a_traced_layer_is_split_at_any_step(kind: str) -> None:
    layer = traced(kind, T=11).layer
    steps = order(layer)
    for place, t in enumerate(steps):
        split = layer_provenance(layer, t)
        assert split.written.shape == split.log_kept.shape == (11, layer.cell.shape[1])
        np.testing.assert_allclose(split.total, layer.cell[t], rtol=1e-12, atol=1e-14)
        assert not split.written[steps[place + 1 :]].any()
        assert np.isneginf(split.log_kept[steps[place + 1 :]]).all()
        for unit in (0, 1):
            row = provenance_triangle(layer, unit)[t]
            np.testing.assert_allclose(row, split.written[:, unit], rtol=1e-12, atol=1e-300)
    np.testing.assert_array_equal(layer_provenance(layer).total, split.total)


def test_what_was_before_a_reset_is_gone() -> None:
    layer = traced("reset", T=10).layer
    split = layer_provenance(layer)
    assert not split.written[:5].any()
    assert split.written[5:].all()
    kept = np.prod(layer.forget[5:], axis=0)
    np.testing.assert_allclose(split.initial, kept * layer.initial_cell[0])


def test_a_batch_an_rnn_and_missing_steps_of_a_layer_are_refused() -> None:
    layer = traced().layer
    for measure in (layer_provenance, lambda trace: provenance_triangle(trace, 0)):
        with pytest.raises(ShapeError, match="take one of the batch"):
            measure(replace(layer, layout="BTH"))
        with pytest.raises(
            ValueError, match="expected a layer that stores something by itself, got RNN"
        ):
            measure(traced("tanh").layer)
    with pytest.raises(IndexError):
        layer_provenance(layer, 9)
