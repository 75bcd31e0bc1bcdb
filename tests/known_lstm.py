"""A small LSTM with known weights, run by its equations."""

from __future__ import annotations

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.traces.layer import LayerTrace


def sigmoid(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


def lstm(T: int, H: int, inputs: int = 2, seed: int = 0) -> tuple[LayerWeights, Array, LayerTrace]:
    """Random weights, a random walk to read, and the trace that the equations give."""
    rng = np.random.default_rng(seed)
    weights = LayerWeights(
        weight_ih=rng.normal(0, 0.7, (4 * H, inputs)),
        weight_hh=rng.normal(0, 0.7 / np.sqrt(H), (4 * H, H)),
        bias_ih=rng.normal(0, 0.3, 4 * H),
        bias_hh=rng.normal(0, 0.3, 4 * H),
    )
    x = rng.normal(size=(T, inputs)).cumsum(axis=0) / 3
    h, c, kept = np.zeros(H), np.zeros(H), []
    for x_t in x:
        a = weights.weight_ih @ x_t + weights.weight_hh @ h + weights.bias_ih + weights.bias_hh
        i, f, g, o = np.split(a, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        kept.append((f, i, g, o, c, h))
    arrays = dict(
        zip(
            ("forget", "input", "candidate", "output", "cell", "hidden"),
            (np.array(a) for a in zip(*kept, strict=True)),
            strict=True,
        )
    )
    return weights, x, LayerTrace(**arrays)
