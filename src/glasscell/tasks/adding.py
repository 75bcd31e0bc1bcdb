"""The adding problem: two numbers far apart to be added, on which LSTM and plain RNN fight a duel.

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

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

import glasscell
from glasscell.gates import Textbook
from glasscell.inspect.flow import LayerFlow
from glasscell.nn import LSTM, RNN, Linear
from glasscell.tasks.network import Kind

ALWAYS_ONE = 1 / 6
"""Mean squared error of the answer 1: the variance of a sum of two uniform numbers."""

SOLVED = 0.01
"""Below this mean squared error on held-out sequences the problem counts as solved."""

LAYER = "recurrent.l0"


@dataclass(frozen=True, kw_only=True)
class DuelOptions:
    """How the duel is fought.

    Args:
        length: T, steps of a sequence.
        hidden_size: Units of the LSTM. The plain RNN gets as many as give it as many parameters.
        rates: Adam's learning rates; one try each, the LSTM has the first only.
        steps: Training steps of a try, unless it ends early.
        batch_size: Sequences per training step.
        clip: Largest norm of the gradient; longer ones are shortened to it.
        check_every: Training steps between two looks at the validation sequences.
        enough: A try ends when its validation error is below.
        validation: Validation sequences.
        held_out: Sequences that score the result.
        seed: Seed of weights and sequences.
    """

    length: int = 100
    hidden_size: int = 32
    rates: tuple[float, ...] = (0.01, 0.003, 0.001)
    steps: int = 2000
    batch_size: int = 64
    clip: float = 1.0
    check_every: int = 50
    enough: float = 0.002
    validation: int = 500
    held_out: int = 10_000
    seed: int = 0


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
    (torch.Size([10, 3, 2]), [3, 9])
    >>> bool(torch.allclose((x[:, :, 0] * x[:, :, 1]).sum(0), y))
    True
    """
    rows = np.arange(count)
    x = np.zeros((length, count, 2), np.float32)
    x[:, :, 0] = generator.random((length, count), dtype=np.float32)
    first = generator.integers(0, length // 2, count)
    second = generator.integers(length // 2, length, count)
    x[first, rows, 1] = x[second, rows, 1] = 1
    return torch.from_numpy(x), torch.from_numpy(x[first, rows, 0] + x[second, rows, 0])


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
        if kind == "LSTM":
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
    gates = {"LSTM": 4, "RNN": 1}[kind]
    return gates * hidden_size * (2 + hidden_size + 2) + hidden_size + 1


@dataclass(frozen=True, eq=False)
class Try:
    """One network after training.

    Args:
        kind: "LSTM" or "RNN".
        learning_rate: Adam's.
        network: With the weights that were best on validation.
        hidden_size: H.
        steps: Training steps it took.
        validation: Best mean squared error on the validation sequences.
        error: Mean squared error on the held-out sequences.
        seconds: Time in training.
        history: (step, validation error) at every look.
        before: Gradient flow at a fixed batch before training.
        after: The same after training.
    """

    kind: Kind
    learning_rate: float
    network: Adder
    hidden_size: int
    steps: int
    validation: float
    error: float
    seconds: float
    history: tuple[tuple[int, float], ...]
    before: LayerFlow
    after: LayerFlow

    @property
    def solved(self) -> bool:
        """Whether the error is below `SOLVED`."""
        return self.error < SOLVED

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return count_parameters(self.kind, self.hidden_size)


class Watch(Protocol):
    """Told how a try goes on."""

    def __call__(self, kind: Kind, rate: float, step: int, error: float) -> None:
        """Take note of the validation error after a training step."""


@dataclass(frozen=True, eq=False)
class Duel:
    """Result of the duel.

    Args:
        options: How it was fought.
        lstm: The LSTM.
        rnns: The plain RNN, one try per learning rate.
    """

    options: DuelOptions
    lstm: Try
    rnns: tuple[Try, ...] = field(default_factory=tuple)

    @property
    def rnn(self) -> Try:
        """The plain RNN's best try on validation."""
        return min(self.rnns, key=lambda one: one.validation)


def duel(
    options: DuelOptions | None = None, watch: Watch = lambda kind, rate, step, error: None
) -> Duel:
    """Train the LSTM, then the plain RNN at every learning rate, on the same sequences.

    Args:
        options: How; default a duel of less than a minute at T = 100.
        watch: Told the validation error at every look.

    Returns:
        The networks, their errors on held-out sequences, their gradients before and after.

    Notes:
        All tries see the same sequences in the same order. Each try of the plain RNN gets
        `options.steps`, or as many as the LSTM took if that is more.
    """
    options = options or DuelOptions()
    lstm = train("LSTM", options.rates[0], options, watch)
    rnns = tuple(train("RNN", rate, options, watch) for rate in options.rates)
    return Duel(options, lstm, rnns)


def train(kind: Kind, rate: float, options: DuelOptions, watch: Watch) -> Try:
    """Train one network; the global random state stays as it was."""
    size = options.hidden_size if kind == "LSTM" else twin_size(options.hidden_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = Adder(kind, size, options.length)
    before = flow(network, options)
    began = time.perf_counter()
    history, best = _fit(network, rate, options, lambda *seen: watch(kind, rate, *seen))
    seconds = time.perf_counter() - began
    network.load_state_dict(best)
    held_out = draw(options.length, options.held_out, _chance(options, "held out"))
    return Try(
        kind,
        rate,
        network.eval(),
        size,
        history[-1][0],
        min(error for _, error in history),
        mean_squared_error(network, *held_out),
        seconds,
        history,
        before,
        flow(network, options),
    )


def flow(network: Adder, options: DuelOptions) -> LayerFlow:
    """Measure how the error's gradient travels back, at one fixed batch."""
    x, y = draw(options.length, options.batch_size, _chance(options, "flow"))
    measured = glasscell.gradient_flow(
        network, x, lambda answer: torch.nn.functional.mse_loss(answer, y)
    )
    return measured[LAYER]


@torch.no_grad()
def mean_squared_error(network: Adder, x: torch.Tensor, y: torch.Tensor) -> float:
    """Score a network, a thousand sequences at a time."""
    errors = [
        (network(part) - wanted).square()
        for part, wanted in zip(x.split(1000, dim=1), y.split(1000), strict=True)
    ]
    return float(torch.cat(errors).mean())


def _fit(
    network: Adder, rate: float, options: DuelOptions, watch: Callable[[int, float], None]
) -> tuple[tuple[tuple[int, float], ...], dict[str, torch.Tensor]]:
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    chance = _chance(options, "training")
    validation = draw(options.length, options.validation, _chance(options, "validation"))
    history: list[tuple[int, float]] = []
    best: dict[str, torch.Tensor] = {}
    lowest = float("inf")
    for step in range(1, options.steps + 1):
        x, y = draw(options.length, options.batch_size, chance)
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(x), y).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), options.clip)
        optimizer.step()
        if step % options.check_every and step < options.steps:
            continue
        history.append((step, mean_squared_error(network, *validation)))
        watch(*history[-1])
        if history[-1][1] < lowest:
            lowest = history[-1][1]
            best = {name: value.clone() for name, value in network.state_dict().items()}
        if lowest < options.enough:
            break
    return tuple(history), best


def _chance(options: DuelOptions, purpose: str) -> np.random.Generator:
    """Give each purpose its own stream of chance."""
    purposes = ("training", "validation", "held out", "flow")
    return np.random.default_rng([options.seed, purposes.index(purpose)])
