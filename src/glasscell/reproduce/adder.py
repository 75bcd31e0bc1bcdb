"""The adding problem, and the network that is to learn it: two numbers far apart are to be added.

Each step shows a value from 0 … 1 and a marker. Two markers are 1, one in each half of the
sequence; the answer, asked for after the last step, is the sum of the two values marked. Always
answering 1 has a mean squared error of 1/6 = 0.167. To do better, a network must keep a number for
50 to 100 steps, and its gradient must come back as far to teach it that.

The problem is experiment 4 of Hochreiter and Schmidhuber (1997), "Long Short-Term Memory", in the
form of Le, Jaitly and Hinton (2015), arXiv:1504.00941, and Arjovsky, Shah and Bengio (2016),
arXiv:1511.06464. Forget and input biases start as Tallec and Ollivier (2018), arXiv:1804.11188,
say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from glasscell import cells
from glasscell.cells import Textbook
from glasscell.data.problems import adding_sequences
from glasscell.nn import LSTM, RNN, Linear
from glasscell.training.kinds import MODES, Kind

ALWAYS_ONE = 1 / 6
"""Mean squared error of the answer 1: the variance of a sum of two uniform numbers."""

SOLVED = 0.01
"""Below this mean squared error on held-out sequences the problem counts as solved."""

LAYER = "recurrent.l0"


def draw(
    length: int, count: int, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw sequences.

    Args:
        length: T, at least 2.
        count: B.
        generator: Source of chance.

    Returns:
        x (T, B, 2) float32, value and marker; y (B,) float32, the sums.

    >>> x, y = draw(10, 3, np.random.default_rng(0))
    >>> x.shape, x[:, 0, 1].nonzero().flatten().tolist()
    (torch.Size([10, 3, 2]), [4, 9])
    >>> bool(torch.allclose((x[:, :, 0] * x[:, :, 1]).sum(0), y))
    True
    """
    x, y = adding_sequences(length, count, generator)
    return torch.from_numpy(x), torch.from_numpy(y)


class Adder(torch.nn.Module):
    """One recurrent layer, and a linear answer from its last hidden state.

    Args:
        kind: "LSTM" or "RNN" (tanh).
        hidden_size: H.
        length: T, the longest lag; the LSTM's biases start with memories of 1 … T - 1 steps.
    """

    def __init__(self, kind: Kind, hidden_size: int, length: int) -> None:
        super().__init__()
        self.recurrent = {"LSTM": LSTM, "RNN": RNN}[kind](2, hidden_size)
        self.head = Linear(hidden_size, 1)
        if isinstance(self.recurrent, LSTM):
            start_memories(self.recurrent, length)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Answer (B,) to sequences (T, B, 2)."""
        output, _ = self.recurrent(x)
        answer: torch.Tensor = self.head(output[-1])[:, 0]
        return answer

    def glasscell_node(self, child: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Give the node of config.json: loaded, the model answers after every step."""
        return {"type": "Sequential", "children": [child("recurrent"), child("head")]}


def start_memories(lstm: torch.nn.LSTM, longest: int) -> None:
    """Set the biases so that units remember for 1 … longest - 1 steps (chrono initialisation).

    ``b_f = log u``, ``b_i = -b_f`` with u uniform in 1 … longest - 1, from torch's random state.
    """
    span = torch.rand(lstm.hidden_size) * (longest - 2) + 1
    book = Textbook(lstm, "l0")
    book.b_f = span.log().numpy()
    book.b_i = -book.b_f


def twin_size(hidden_size: int) -> int:
    """Find the hidden size at which a plain RNN has as many parameters as the LSTM, or just more.

    >>> twin_size(32), count_parameters("LSTM", 32), count_parameters("RNN", 66)
    (66, 4641, 4687)
    """
    wanted = count_parameters("LSTM", hidden_size)
    return next(n for n in range(1, wanted) if count_parameters("RNN", n) >= wanted)


def count_parameters(kind: Kind, hidden_size: int) -> int:
    """Count the weights of an `Adder` without making one."""
    gates = cells.of(MODES[kind]).gate_count
    return gates * hidden_size * (2 + hidden_size + 2) + hidden_size + 1


@torch.no_grad()
def mean_squared_error(network: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Score a network, a thousand sequences at a time."""
    answers = [network(x[:, first : first + 1000]) for first in range(0, len(y), 1000)]
    return float((torch.cat(answers) - y).square().mean())
