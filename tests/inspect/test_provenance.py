"""Every cell state is the sum of what its steps wrote, exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import glasscell
from glasscell.errors import ShapeError
from glasscell.inspect import provenance


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
