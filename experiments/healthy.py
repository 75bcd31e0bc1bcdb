"""Healthy networks: started as one should, and trained until they solve their problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from glasscell.cells import Textbook
from glasscell.data.problems import Problem, adding, echo, recall, sign, wave
from glasscell.reproduce.solvers import Network, train

SOLVED = 0.1
"""Share of the memoryless baseline's error below which a problem counts as solved."""

STEPS = 900


@dataclass(frozen=True)
class Design:
    """One network to be.

    Args:
        kind: "LSTM", "tanh" or "relu".
        problem: what it is to learn.
        hidden_size: H.
        layers: L.
        start: "chrono", "one" (forget bias 1), "zero" (torch's own), or "orthogonal" or "identity"
            (of an RNN's recurrent matrix).
        seed: of weights and sequences.
        enough: share of the baseline's error at which training stops.
    """

    kind: str
    problem: Problem
    hidden_size: int
    layers: int
    start: str
    seed: int
    enough: float = SOLVED

    def network(self) -> Network:
        """Make it, untrained; the global random state is set."""
        torch.manual_seed(self.seed)
        network = Network(self.kind, self.problem.inputs, self.hidden_size, self.layers)
        for layer in range(self.layers):
            start(network, layer, self.start, self.problem.lag)
        return network

    def chance(self) -> np.random.Generator:
        """Its own sequences."""
        return np.random.default_rng([self.seed, 1])

    @property
    def label(self) -> str:
        """For the list of networks."""
        size = f"H={self.hidden_size} L={self.layers}"
        return f"{self.kind} {self.start} {size} {self.problem.name} T={self.problem.steps}"


@torch.no_grad()
def start(network: Network, layer: int, how: str, lag: int) -> None:
    """Set initial weights of one layer."""
    recurrent = network.recurrent
    if network.kind != "LSTM":
        weight = getattr(recurrent, f"weight_hh_l{layer}")
        (torch.nn.init.orthogonal_ if how == "orthogonal" else torch.nn.init.eye_)(weight)
        return
    book, H = Textbook(recurrent, f"l{layer}"), recurrent.hidden_size
    if how == "chrono":
        book.b_f = (1 + torch.rand(H) * 2 * lag).log().numpy()
        book.b_i = -book.b_f
    elif how == "one":
        book.b_f = np.ones(H, np.float32)


LSTM_CASES = (
    (adding(30), "chrono"), (adding(50), "chrono"), (recall(30), "chrono"), (recall(60), "chrono"),
    (sign(40), "chrono"), (sign(20), "one"), (recall(15), "one"), (recall(12), "zero"),
    (echo(40, 5), "one"), (echo(30, 3), "zero"), (wave(50), "one"), (wave(30), "zero"),
)  # fmt: skip
RNN_CASES = (
    ("tanh", recall(25), "orthogonal"), ("tanh", sign(20), "orthogonal"),
    ("tanh", echo(40, 4), "orthogonal"), ("tanh", wave(40), "orthogonal"),
    ("relu", adding(25), "identity"), ("relu", recall(25), "identity"),
)  # fmt: skip
SIZES = (8, 16, 32, 64)


def designs(seed: int) -> list[Design]:
    """One design per case; sizes and layers go round with the seed."""
    listed = []
    for k, (problem, how) in enumerate(LSTM_CASES):
        size, layers = SIZES[(k + seed) % 4], 2 if (k + seed) % 5 == 0 else 1
        enough = SOLVED if (k + seed) % 2 else SOLVED / 5
        listed.append(Design("LSTM", problem, size, layers, how, 100 * seed + k, enough))
    for k, (kind, problem, how) in enumerate(RNN_CASES):
        size = SIZES[1 + (k + seed) % 3]
        listed.append(Design(kind, problem, size, 1, how, 100 * seed + 50 + k))
    return listed


def untrained(seed: int) -> list[Design]:
    """Designs with long lags and answers at every step, to plant faults in; nobody trains them."""
    size = SIZES[seed % 4]
    echoes = echo(60, 30), echo(100, 60)
    return [
        Design("LSTM", echoes[seed % 2], size, 1, "one", 100 * seed + 70),
        Design("LSTM", adding(100), size, 1, "zero", 100 * seed + 71),
        Design("tanh", echoes[1 - seed % 2], max(size, 16), 1, "orthogonal", 100 * seed + 72),
        Design("relu", recall(80), max(size, 16), 1, "identity", 100 * seed + 73),
    ]


def trained(design: Design) -> tuple[Network, float]:
    """Train a network; give it and its share of the baseline's error."""
    network = design.network()
    rate = 0.01 if design.kind == "LSTM" else 0.002
    share = train(network, design.problem, design.chance(), STEPS, rate, enough=design.enough)
    return network, share
