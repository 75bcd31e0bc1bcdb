"""The duel on the adding problem: LSTM against plain RNN, same sequences, same optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

import glasscell
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.reproduce.adder import (
    ALWAYS_ONE,
    LAYER,
    SOLVED,
    Adder,
    count_parameters,
    draw,
    mean_squared_error,
    twin_size,
)
from glasscell.training.kinds import Kind
from glasscell.training.trainer import Batch, Loss, Schedule, Trainer
from glasscell.training.workers import Line, Workers, one_thread

LEARNT_SOMETHING = 0.8
"""Part of the error of always answering 1 below which a try has left it: beyond what chance does
to the validation sequences."""


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
        hopeless: A try is given up after so many training steps in a row in which it answers no
            better than always 1 and its gradient does not arrive; see `arrives`.
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
    hopeless: int = 1000
    validation: int = 500
    held_out: int = 10_000
    seed: int = 0


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
        given_up: Whether it was given up as hopeless.
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
    given_up: bool
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
    rnns: tuple[Try, ...]

    @property
    def rnn(self) -> Try:
        """The plain RNN's best try on validation."""
        return min(self.rnns, key=lambda one: one.validation)


def duel(
    options: DuelOptions | None = None,
    watch: Watch = lambda kind, rate, step, error: None,
    workers: Workers | None = None,
) -> Duel:
    """Train the LSTM, and the plain RNN at every learning rate, on the same sequences.

    Args:
        options: How; default a duel of less than a minute at T = 100.
        watch: Told the validation error at every look.
        workers: Who trains; None: this process, one try after the other.

    Returns:
        The networks, their errors on held-out sequences, their gradients before and after.

    Notes:
        All tries see the same sequences in the same order, and none takes more than
        `options.steps`. The rules by which one ends early are the same for both kinds.
    """
    options = options or DuelOptions()
    tries: list[tuple[Kind, float]] = [("LSTM", options.rates[0])]
    tries += [("RNN", rate) for rate in options.rates]
    lstm, *rnns = (workers or Workers(1)).call(
        _one_try, options, tries, lambda number, seen: watch(*tries[number], *seen)
    )
    return Duel(options, lstm, tuple(rnns))


def _one_try(options: DuelOptions, one: tuple[Kind, float], line: Line) -> Try:
    return train(*one, options, lambda kind, rate, step, error: line.tell((step, error)))


@one_thread()
def train(kind: Kind, rate: float, options: DuelOptions, watch: Watch) -> Try:
    """Train one network on one thread; the global random state stays as it was."""
    size = options.hidden_size if kind == "LSTM" else twin_size(options.hidden_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = Adder(kind, size, options.length)
    before = flow(network, options)
    trainer, history, given_up = _fit(
        network, rate, options, lambda *seen: watch(kind, rate, *seen)
    )
    network.load_state_dict(trainer.best)
    held_out = draw(options.length, options.held_out, _chance(options, "held out"))
    return Try(
        kind,
        rate,
        network.eval(),
        size,
        history[-1][0],
        trainer.best_validation,
        mean_squared_error(network, *held_out),
        trainer.seconds,
        history,
        given_up,
        before,
        flow(network, options),
    )


def flow(network: Adder, options: DuelOptions) -> LayerFlow:
    """Measure how the error's gradient travels back, at one fixed batch."""
    x, y = flow_batch(options)
    measured = glasscell.gradient_flow(
        network, x, lambda answer: torch.nn.functional.mse_loss(answer, y)
    )
    return measured[LAYER]


def flow_batch(options: DuelOptions) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw the batch on which gradients are measured: x (T, B, 2) and y (B,), never trained on."""
    return draw(options.length, options.batch_size, _chance(options, "flow"))


def arrives(network: Adder, options: DuelOptions) -> bool:
    """Tell whether enough of the gradient reaches the first half of the sequence to be added.

    The first of the two numbers lies there. A part of less than 2⁻²³ of what the last step gives is
    rounded away where the steps' parts are summed to the gradient of the weights (float32), so
    without more than that nothing can be learnt from the first number.
    """
    layer = flow(network, options)
    early = layer.stored[: options.length // 2].max()
    return bool(early > np.finfo(np.float32).eps * layer.stored[-1])


class Adding:
    """What both kinds are trained for: the same new sequences at every step, in the same order.

    Args:
        options: How the duel is fought.
    """

    def __init__(self, options: DuelOptions) -> None:
        self.options, self.steps = options, options.check_every
        self.loss: Loss = torch.nn.functional.mse_loss
        self.generator = _chance(options, "training")
        self._validation = draw(options.length, options.validation, _chance(options, "validation"))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Draw what is shown between two looks at the validation sequences."""
        options = self.options
        for _ in range(min(self.steps, options.steps - epoch * self.steps)):
            yield Batch(*draw(options.length, options.batch_size, self.generator), axis=1)

    def error(self, network: torch.nn.Module) -> float:
        """Mean squared error on the validation sequences."""
        return mean_squared_error(network, *self._validation)


def _fit(
    network: Adder, rate: float, options: DuelOptions, watch: Callable[[int, float], None]
) -> tuple[Trainer, tuple[tuple[int, float], ...], bool]:
    """Train until the steps are over, the answers are good enough, or the try is hopeless.

    Returns:
        The trainer; (step, validation error) at every look; whether the try was given up.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = Schedule(epochs=math.ceil(options.steps / options.check_every), clip=options.clip)
    trainer = Trainer(network, Adding(options), optimizer, schedule, watch=False)
    history: list[tuple[int, float]] = []
    hope = step = 0  # hope: the last step at which there was some
    # A try that has beaten always answering 1 keeps its hope whatever its gradient does later. One
    # that has not is given up only if for so long no gradient arrived that could teach it: a try
    # at the edge, whose gradient comes and goes, has its whole time.
    while not trainer.finished and step - hope < options.hopeless:
        trainer.step_epoch()
        step = min(len(trainer.history) * options.check_every, options.steps)
        history.append((step, trainer.history[-1].validation))
        watch(*history[-1])
        if trainer.best_validation < options.enough:
            break
        learnt = trainer.best_validation < LEARNT_SOMETHING * ALWAYS_ONE
        if learnt or arrives(network, options):
            hope = step
    return trainer, tuple(history), step - hope >= options.hopeless


def _chance(options: DuelOptions, purpose: str) -> np.random.Generator:
    """Give each purpose its own stream of chance."""
    purposes = ("training", "validation", "held out", "flow")
    return np.random.default_rng([options.seed, purposes.index(purpose)])
