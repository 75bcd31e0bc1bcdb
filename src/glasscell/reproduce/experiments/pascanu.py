"""Vanishing and exploding: the gradient's norm by lag for chosen matrices, and what clipping saves.

The norm is that of the product of actual Jacobians, ``sigma_1(J_{t+lag} … J_{t+1})``: by how much
the gradient of a plain RNN grows or shrinks over so many steps in its best direction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

import glasscell
from glasscell.arrays import Array
from glasscell.inspect import fan, layer_weights
from glasscell.inspect.dynamics.spectrum import stretch
from glasscell.nn import RNN
from glasscell.reproduce.laboratory import Row, Tell, Trial, rows_of, spread
from glasscell.reproduce.problems import temporal_order
from glasscell.reproduce.side_by_side import SEQUENCES, Entry, SideBySide, Test, mean_of, right
from glasscell.reproduce.today import Today

NAME = "pascanu"
TITLE = ("Gradients that vanish and explode", "消失与爆炸的梯度")
SOURCE = "Pascanu, Mikolov & Bengio (2013), sections 2.1, 2.2, 3.2 and 4.1"
COLUMNS = (
    ("at_10", ("log10 of the norm, 10 steps", "10 步后范数的 log10")),
    ("at_100", ("100 steps", "100 步")),
    ("radius", ("spectral radius of W", "W 的谱半径")),
    ("norm", ("largest singular value", "最大奇异值")),
    ("right", ("right, %", "答对，%")),
    SEQUENCES,
)
LAGS = (10, 100)
UNITS = 50


@dataclass(frozen=True)
class Matrix:
    """A plain RNN of chosen W, and the most that theory lets its gradient grow.

    Args:
        name: What the row is called.
        make: Makes W (H, H) and the bias (H,) from a source of chance.
        noise: Standard deviation of the inputs; 0: the network is at rest.
        start: (H,) the hidden state that it begins in; None: 0.
        says: What was published of such a matrix.
    """

    name: str
    make: Callable[[np.random.Generator], tuple[Array, Array]]
    noise: float
    says: str
    start: tuple[float, ...] | None = None

    def measure(self, seed: int) -> dict[str, float]:
        """Measure the norm over each lag, and W."""
        chance = np.random.default_rng([seed, 2013])
        W, bias = self.make(chance)
        layer = plain_rnn(W, bias, chance)
        x = torch.from_numpy(self.noise * chance.normal(size=(max(LAGS) + 1, 1, len(W))))
        begin = torch.zeros(1, 1, len(W), dtype=torch.float64)
        if self.start is not None:
            begin[:] = torch.tensor(self.start)
        with glasscell.trace(layer) as seen:
            layer(x, begin)
        found = fan(seen["l0"].sequence(0), layer_weights(layer, "l0"), columns=1, lags=LAGS)
        told = {f"at_{lag}": float(found.log10_sigma[n, 0]) for n, lag in enumerate(LAGS)}
        of = stretch(W)
        return {**told, "radius": float(of.radius or 0), "norm": float(of.norm or 0)}


def plain_rnn(W: Array, bias: Array, chance: np.random.Generator) -> torch.nn.Module:
    """Make a tanh network of a recurrent matrix, float64, each unit with an input of its own."""
    layer = RNN(len(W), len(W)).double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.eye(len(W)))
        layer.weight_hh_l0.copy_(torch.from_numpy(W))
        layer.bias_ih_l0.copy_(torch.from_numpy(bias))
        layer.bias_hh_l0.zero_()
    return layer
