"""Half-lives, the biases that give them, and saturation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import glasscell
from glasscell.inspect import forget_bias, half_life, saturation, timescales
from glasscell.reference import sigmoid
from traced import traced


@pytest.mark.parametrize(
    ("bias", "steps"), [(0, 1.0), (1, 2.21), (2, 5.46), (3, 14.27), (5, 103.22), (6.9, 688.1)]
)
def test_a_gate_at_its_bias_has_the_half_life_of_the_table(bias: float, steps: float) -> None:
    gate = np.full((3, 2, 4), sigmoid(np.array(float(bias))))
    np.testing.assert_allclose(half_life(gate), steps, rtol=2e-3)
    assert forget_bias(float(half_life(gate)[0])) == pytest.approx(bias, abs=1e-9)


def test_the_mean_is_that_of_the_logarithm() -> None:
    gate = np.array([[0.99], [0.01]])
    kept = np.prod(gate)
    assert half_life(gate)[0] == pytest.approx(2 * np.log(0.5) / np.log(kept))


def test_the_ends_of_the_scale() -> None:
    gate = np.array([[1.0, 0.0, 0.5], [1.0, 0.9, 0.5]], dtype=np.float32)
    assert half_life(gate).tolist() == [np.inf, 0.0, 1.0]


def test_steps_that_do_not_exist_do_not_count() -> None:
    gate = np.array([[[0.5], [0.5]], [[0.5], [0.0]]])
    alive = np.array([[True, True], [True, False]])
    assert half_life(gate, alive).tolist() == [1.0]
    assert saturation(gate, alive).closed.tolist() == [0.0]
    assert np.isnan(half_life(gate, np.zeros((2, 2), dtype=bool))).all()


def test_saturation_counts_the_steps_outside() -> None:
    gate = np.array([0.0, 0.05, 0.1, 0.5, 0.9, 0.95, 0.99, 1.0])[:, None]
    closed, opened = saturation(gate)
    assert (closed[0], opened[0]) == (2 / 8, 3 / 8)


def test_a_half_life_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a half-life in steps > 0, got 0"):
        forget_bias(0)


@pytest.mark.parametrize("layout", ["padded", "packed", "batch_first"])
def test_a_layers_time_scales_count_all_its_sequences_and_no_padding(layout: str) -> None:
    model = glasscell.nn.LSTM(3, 4, batch_first=layout == "batch_first")
    sequences = [torch.randn(n, 3) for n in (9, 4)]
    padded = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=model.batch_first)
    with glasscell.trace(model) as seen:
        if layout == "packed":
            model(torch.nn.utils.rnn.pack_sequence(sequences))
        else:
            model(padded, lengths=torch.tensor([9, 4]))
    found = timescales(seen["l0"], lag=1)
    parts = [seen["l0"].sequence(b) for b in (0, 1)]
    forget, output = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("forget", "output")
    )
    np.testing.assert_allclose(found.half_life, half_life(forget))
    np.testing.assert_allclose(found.saturation["output"].open, saturation(output).open)
    assert found.long_enough == np.mean(found.half_life >= 1)
    assert sorted(found.saturation) == ["forget", "input", "output"]


def test_a_lag_of_nothing_and_an_rnn_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a lag in steps > 0, got 0"):
        timescales(traced().layer, 0)
    with pytest.raises(
        ValueError, match="expected a layer that stores something by itself, got RNN"
    ):
        timescales(traced("tanh").layer, 5)


def test_half_lives_of_next_to_nothing_and_of_for_ever_have_their_biases() -> None:
    """Far below a step ``-ln(2^(1/steps) - 1)`` is ``-ln 2 / steps``, to 2^-10000 of it here."""
    assert forget_bias(1e-4) == pytest.approx(-1e4 * np.log(2.0), rel=1e-15)
    assert forget_bias(np.inf) == np.inf
    assert forget_bias(1e300) == pytest.approx(300 * np.log(10) - np.log(np.log(2)), rel=1e-15)
