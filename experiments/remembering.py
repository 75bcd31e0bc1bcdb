"""Healthy networks that remember in a loop: trained to latch a bit, or latches made by hand.

A latch pulls its state back to one of two places. Small changes die out, so its gradient vanishes,
and its forget gates may be shut: only its answers show that it remembers, and they decide here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from planted import Case

from glasscell.data.problems import sign
from glasscell.reproduce.solvers import Network, batch, squared_error, train

LATCHED = 0.99
"""Share of right answers on fresh sequences from which on a network counts as one that latches."""

FRESH = 512
GROWING = 30
"""Training steps after which sequences grow by two steps."""


def remembering(seed: int) -> Iterator[tuple[str, Case | None]]:
    """Make them; None in place of one that does not answer right."""
    chance = np.random.default_rng([seed, 4])
    for how, network, steps in (*_trained(seed), *_by_hand(seed, chance)):
        problem = sign(steps)
        fresh, shown = batch(problem, chance, FRESH), batch(problem, chance)
        right = accuracy(network, fresh.inputs, fresh.targets)
        loss = partial(squared_error(problem), y=shown.targets)
        label = f"{how}: sign T={steps}"
        case = Case("healthy", label, network, shown.inputs, loss, problem.lag)
        yield label, case if right >= LATCHED else None


@torch.no_grad()
def accuracy(network: Any, x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of sequences whose last answer has the right sign."""
    return float((network(x)[-1].sign() == y).double().mean())


def _trained(seed: int) -> Iterator[tuple[str, Network, int]]:
    """Torch's own start, where forget gates let go in a few steps, and sequences that grow."""
    for k, (size, layers, steps) in enumerate(
        ((16, 1, 40), (8 * 2 ** (seed % 4), 1 + seed % 2, 60))
    ):
        torch.manual_seed(1000 + 10 * seed + k)
        network = Network("LSTM", 2, size, layers)
        chance = np.random.default_rng([seed, 5, k])
        for length in range(6, steps + 1, 2):
            train(network, sign(length), chance, GROWING, 0.005, enough=0.0)
        yield f"trained latch, LSTM H={size} L={layers}", network, steps


def _by_hand(seed: int, chance: np.random.Generator) -> Iterator[tuple[str, Network, int]]:
    steps = int(chance.integers(20, 200))
    gain, write = chance.uniform(1.6, 8), chance.uniform(3, 8)
    size = int(chance.integers(1, 9))
    network = _blank("tanh", size)
    network.recurrent.weight_hh_l0.data = torch.eye(size) * gain
    network.recurrent.weight_ih_l0.data[:, 0] = write * min(1.0, 0.3 * (gain - 1))
    yield f"tanh latch, gain {gain:.1f}", network, steps
    for forget in (chance.uniform(-8, -2), chance.uniform(-1, 2)):
        network, open_ = _blank("LSTM", size), chance.uniform(2, 7)
        H, recurrent = size, network.recurrent
        recurrent.bias_ih_l0.data[:H] = recurrent.bias_ih_l0.data[3 * H :] = open_
        recurrent.bias_ih_l0.data[H : 2 * H] = forget
        recurrent.weight_hh_l0.data[2 * H : 3 * H] = torch.eye(H) * chance.uniform(3, 8)
        recurrent.weight_ih_l0.data[2 * H : 3 * H, 0] = chance.uniform(1, 2)
        yield f"bistable LSTM, forget bias {forget:.1f}", network, steps


def _blank(kind: str, size: int) -> Network:
    """All weights at 0, and an answer that adds up the units."""
    network = Network(kind, 2, size)
    for parameter in network.parameters():
        parameter.data.zero_()
    network.head.weight.data.fill_(1 / size)
    return network
