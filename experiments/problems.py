"""Small problems whose lag is known, and the networks that are to solve them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glasscell.nn import LSTM, RNN

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Problem:
    """What is to be learnt.

    Args:
        name: of the problem.
        steps: T.
        lag: how many steps lie between what must be remembered and the answer.
        every_step: whether every step has an answer, or the last one alone.
        inputs: I.
        draw: gives x (T, B, I) and y, (B,) or (T, B).
        baseline: mean squared error of the best answer that remembers nothing.
    """

    name: str
    steps: int
    lag: int
    every_step: bool
    inputs: int
    draw: Draw
    baseline: float

    def batch(self, chance: np.random.Generator, count: int = 32) -> tuple[Tensor, Tensor]:
        """Draw sequences as tensors."""
        x, y = self.draw(chance, count)
        return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.float32))


def adding(steps: int) -> Problem:
    """Add two marked numbers (Hochreiter and Schmidhuber 1997, experiment 4)."""

    def draw(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        x, rows = np.zeros((steps, count, 2)), np.arange(count)
        x[:, :, 0] = chance.random((steps, count))
        places = [chance.integers(0, steps // 2, count), chance.integers(steps // 2, steps, count)]
        for place in places:
            x[place, rows, 1] = 1
        return x, sum(x[place, rows, 0] for place in places)

    return Problem("adding", steps, steps - 1, False, 2, draw, 1 / 6)


def recall(steps: int) -> Problem:
    """Say at the end which number was shown first, after steps of noise."""

    def draw(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.zeros((steps, count, 2))
        x[:, :, 0] = 0.2 * chance.normal(size=(steps, count))
        x[0, :, 0], x[0, :, 1] = chance.uniform(-1, 1, count), 1
        return x, x[0, :, 0].copy()

    return Problem("recall", steps, steps - 1, False, 2, draw, 1 / 3)


def sign(steps: int) -> Problem:
    """Say at the end, as +1 or -1, the sign of what was shown first: a bit to latch."""

    def draw(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.zeros((steps, count, 2))
        x[:, :, 0] = 0.3 * chance.normal(size=(steps, count))
        x[0, :, 0], x[0, :, 1] = chance.choice([-1.0, 1.0], count), 1
        return x, x[0, :, 0].copy()

    return Problem("sign", steps, steps - 1, False, 2, draw, 1.0)


def echo(steps: int, delay: int) -> Problem:
    """Repeat at every step the number shown some steps ago."""

    def draw(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        x = chance.uniform(-1, 1, (steps, count, 1))
        y = np.zeros((steps, count))
        y[delay:] = x[:-delay, :, 0]
        return x, y

    return Problem("echo", steps, delay, True, 1, draw, (1 - delay / steps) / 3)


def wave(steps: int) -> Problem:
    """Forecast a noisy sine of unknown frequency, one step ahead, at every step."""

    def draw(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        phase, speed = chance.uniform(0, 6.28, count), chance.uniform(0.3, 0.9, count)
        y = np.sin(phase + speed * np.arange(steps + 1)[:, None])
        y += 0.05 * chance.normal(size=y.shape)
        return y[:-1, :, None], y[1:]

    return Problem("wave", steps, 3, True, 1, draw, 0.5)


class Network(torch.nn.Module):
    """A recurrent network with a linear answer.

    Args:
        kind: "LSTM", "tanh" or "relu".
        inputs: I.
        hidden_size: H.
        layers: L.
    """

    def __init__(self, kind: str, inputs: int, hidden_size: int, layers: int = 1) -> None:
        super().__init__()
        made: dict[str, Callable[[], torch.nn.Module]] = {
            "LSTM": lambda: LSTM(inputs, hidden_size, layers),
            "tanh": lambda: RNN(inputs, hidden_size, layers),
            "relu": lambda: RNN(inputs, hidden_size, layers, nonlinearity="relu"),
        }
        self.kind, self.recurrent = kind, made[kind]()
        self.head = torch.nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Answer at every step, (T, B)."""
        answers: Tensor = self.head(self.recurrent(x)[0])[..., 0]
        return answers


def loss_of(problem: Problem, y: Tensor) -> Callable[[Any], Tensor]:
    """Give the mean squared error of a network's answers."""

    def loss(answers: Tensor) -> Tensor:
        return (answers if problem.every_step else answers[-1]).sub(y).square().mean()

    return loss


def train(
    network: torch.nn.Module,
    problem: Problem,
    chance: np.random.Generator,
    steps: int,
    rate: float = 0.01,
    clip: float | None = 1.0,
    enough: float = 0.0,
) -> float:
    """Train with Adam until the error is below a share of the baseline; give that share."""
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    share = 1.0
    for step in range(steps):
        x, y = problem.batch(chance)
        loss = loss_of(problem, y)(network(x))
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        share += (0.1 if step else 1.0) * (float(loss.detach()) / problem.baseline - share)
        if share < enough:
            break
    return share
