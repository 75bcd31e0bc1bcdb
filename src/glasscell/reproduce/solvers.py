"""Networks that are to solve problems of a known lag, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glasscell.data.problems import Problem
from glasscell.nn import LSTM, RNN
from glasscell.training.trainer import Batch, Descent


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
        self.kind = kind
        self.recurrent = (
            LSTM(inputs, hidden_size, layers)
            if kind == "LSTM"
            else RNN(inputs, hidden_size, layers, nonlinearity=kind)
        )
        self.head = torch.nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Answer at every step, (T, B)."""
        answers: Tensor = self.head(self.recurrent(x)[0])[..., 0]
        return answers


def batch(problem: Problem, chance: np.random.Generator, count: int = 32) -> Batch:
    """Draw sequences of a problem as float32 tensors."""
    x, y = problem.draw(chance, count)
    return Batch(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.float32)))


def squared_error(problem: Problem) -> Callable[[Tensor, Tensor], Tensor]:
    """Give the mean squared error of answers, at the last step or at every one."""

    def loss(answers: Tensor, y: Tensor) -> Tensor:
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
    optimizer: Any = torch.optim.Adam(network.parameters(), lr=rate)
    descent = Descent(network, optimizer, squared_error(problem), clip)
    share = 1.0
    for step in range(steps):
        loss = float(descent.step(batch(problem, chance)))
        share += (0.1 if step else 1.0) * (loss / problem.baseline - share)
        if share < enough:
            break
    return share
