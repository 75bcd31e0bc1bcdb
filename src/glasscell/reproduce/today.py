"""The same problems as one solves them today: batches, Adam, the whole gradient through time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from glasscell import cells
from glasscell.arrays import Array
from glasscell.nn import GRU, LSTM, RNN, Linear
from glasscell.reproduce.problems.examples import Examples
from glasscell.reproduce.specimen import LossName
from glasscell.training.trainer import Batch, Schedule, Trainer

Draw = Callable[[int, np.random.Generator], Examples]

LAYERS = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}
AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Today:
    """A network of today and how it is trained.

    Args:
        cell: "LSTM", "GRU" or "RNN" (tanh).
        hidden_size: H.
        loss: "squares" (mean squared error) or "classes" (cross-entropy), mean over asked steps.
        forget_bias: Initial forget bias of an LSTM, or "chrono" with `longest`; None: as torch.
        longest: Lag that "chrono" expects.
        variant: Options of the cell, such as {"without": "forget"}.
        layers: L, recurrent layers.
        identity: Start an RNN's recurrent matrix at the identity.
        rate: Learning rate.
        plain_steps: Stochastic gradient descent in place of Adam.
        weight_decay: Of AdamW; 0: Adam.
        cosine: Let the learning rate fall to 0 over `steps`, as half a cosine.
        batch_size: Sequences of a step.
        steps: The most training steps.
        clip: Largest norm of the gradient; None: any.
        check_every: Steps between two looks at the validation sequences.
        enough: Training ends when the validation error is below.
        validation: Sequences to validate on.
    """

    cell: str = "LSTM"
    hidden_size: int = 32
    loss: LossName = "squares"
    forget_bias: float | Literal["chrono"] | None = 1.0
    longest: int = 0
    variant: Mapping[str, Any] = field(default_factory=dict)
    layers: int = 1
    identity: bool = False
    rate: float = 0.01
    plain_steps: bool = False
    weight_decay: float = 0.0
    cosine: bool = False
    batch_size: int = 32
    steps: int = 2000
    clip: float | None = 1.0
    check_every: int = 100
    enough: float = 0.0
    validation: int = 500


class Answerer(torch.nn.Module):
    """Recurrent layers, and a linear answer after every step.

    Args:
        options: The layer and its start.
        inputs: I.
        outputs: O.
    """

    def __init__(self, options: Today, inputs: int, outputs: int) -> None:
        super().__init__()
        self.recurrent = recurrent(options, inputs)
        self.head = Linear(options.hidden_size, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Answer (T, B, O) to sequences (T, B, I)."""
        output, _ = self.recurrent(x)
        answers: torch.Tensor = self.head(output)
        return answers

    def glasscell_node(self, child: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """Give the node of config.json, for `glasscell.save`."""
        return {"type": "Sequential", "children": [child("recurrent"), child("head")]}


def recurrent(options: Today, inputs: int) -> torch.nn.Module:
    """Make the recurrent layers with the biases, or the matrix, with which they begin."""
    start: dict[str, Any] = {}
    if options.cell == "LSTM" and options.forget_bias == "chrono":
        start = {"init": "chrono", "lag": options.longest}
    elif options.cell == "LSTM":
        start = {"forget_bias": options.forget_bias}
    layer: torch.nn.Module = LAYERS[options.cell](
        inputs, options.hidden_size, num_layers=options.layers, **start, **options.variant
    )
    if options.identity:
        with torch.no_grad():
            torch.nn.init.eye_(layer.weight_hh_l0)  # type: ignore[arg-type]
    return layer


def parameters(cell: str, inputs: int, hidden_size: int, outputs: int) -> int:
    """Count the weights of an `Answerer`."""
    gates = cells.of("RNN_TANH" if cell == "RNN" else cell).gate_count
    return gates * hidden_size * (inputs + hidden_size + 2) + outputs * (hidden_size + 1)


def equal_size(cell: str, inputs: int, hidden_size: int, outputs: int) -> int:
    """Find the hidden size at which a cell has as many parameters as an LSTM, or just more.

    >>> equal_size("RNN", 2, 32, 1)
    66
    """
    wanted = parameters("LSTM", inputs, hidden_size, outputs)
    return next(n for n in range(1, wanted) if parameters(cell, inputs, n, outputs) >= wanted)


def loss_of(name: LossName) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Give a loss of answers (T, B, O) and targets (T, B, O), NaN where nothing is asked."""

    def squares(answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        asked = ~targets.isnan()
        return (answers[asked] - targets[asked]).square().mean()

    def classes(answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        asked = ~targets[..., 0].isnan()
        told = torch.nn.functional.log_softmax(answers[asked], dim=-1)
        return -(targets[asked] * told).sum(dim=-1).mean()

    return squares if name == "squares" else classes


@dataclass(frozen=True, eq=False)
class TrainedToday:
    """A network after training.

    Args:
        network: With the weights that were best on validation.
        validation: Its validation error.
        steps: Training steps it took.
        sequences: Sequences it was shown.
        history: [sequences shown, validation error] at every look, in four digits.
    """

    network: torch.nn.Module
    validation: float
    steps: int
    sequences: int
    history: list[list[float]]


def optimizer_of(options: Today, network: torch.nn.Module) -> torch.optim.Optimizer:
    """Make the optimizer of a network."""
    weights = network.parameters()
    if options.plain_steps:
        return torch.optim.SGD(weights, lr=options.rate)
    if options.weight_decay:
        return torch.optim.AdamW(
            weights, lr=options.rate, weight_decay=options.weight_decay, fused=True
        )
    return torch.optim.Adam(weights, lr=options.rate, fused=True)


class NewSequences:
    """What a network is trained for: sequences that are drawn anew at every step.

    Args:
        options: How it is trained.
        draw: Gives so many sequences.
        seed: Of the sequences.
    """

    def __init__(self, options: Today, draw: Draw, seed: int) -> None:
        self.options, self.draw, self.steps = options, draw, options.check_every
        self.loss = loss_of(options.loss)
        self.generator = np.random.default_rng([seed, 0])
        self.held_out = draw(options.validation, np.random.default_rng([seed, 1]))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Draw what is shown between two looks at the validation sequences."""
        options = self.options
        for _ in range(min(self.steps, options.steps - epoch * self.steps)):
            x, target, _ = self.draw(options.batch_size, self.generator).padded()
            yield Batch(torch.from_numpy(x), torch.from_numpy(target), axis=1)

    def error(self, network: torch.nn.Module) -> float:
        """Loss on the validation sequences."""
        return loss(network, self.held_out, self.options.loss)


def train(
    options: Today,
    draw: Draw,
    seed: int,
    *,
    network_of: Callable[[Today, int, int], torch.nn.Module] = Answerer,
    tell: Callable[[str], None] = lambda text: None,
    stopped: Callable[[], bool] = lambda: False,
) -> TrainedToday:
    """Train one network; the global random state stays as it was.

    Args:
        options: The network and how it is trained.
        draw: Gives so many new sequences from a source of chance.
        seed: Of weights and sequences.
        network_of: Makes the network, of the options, I and O.
        tell: Told how far it is.
        stopped: Asked after every step whether to end.
    """
    example = draw(1, np.random.default_rng(0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = network_of(options, example.x.shape[1], example.target.shape[1])
    optimizer = optimizer_of(options, network)
    rates = None
    if options.cosine:
        rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=options.steps)
    objective = NewSequences(options, draw, seed)
    schedule = Schedule(epochs=math.ceil(options.steps / options.check_every), clip=options.clip)
    trainer = Trainer(network, objective, optimizer, schedule, rates, watch=False)
    history: list[list[float]] = []
    step = 0
    while not trainer.finished and trainer.best_validation >= options.enough and not stopped():
        if not trainer.step_epoch(lambda _: not stopped()):
            break
        step = min(len(trainer.history) * options.check_every, options.steps)
        error = f"{trainer.history[-1].validation:.4g}"
        history.append([step * options.batch_size, float(error)])
        tell(f"{step} steps, {error}")
    network.load_state_dict(trainer.best)
    return TrainedToday(
        network.eval(), trainer.best_validation, step, step * options.batch_size, history
    )


@torch.no_grad()
def answers(network: torch.nn.Module, examples: Examples) -> Array:
    """Answer all steps of all sequences, one after another: (N, O) float64."""
    ends = [*range(AT_ONCE, len(examples), AT_ONCE), len(examples)]
    parts, first = [], 0
    for last in ends:
        some = examples.chosen(np.arange(first, last))
        x, _, lengths = some.padded()
        told = network(torch.from_numpy(x)).numpy().astype(np.float64)
        inside = np.arange(len(x))[:, None] < lengths
        parts.append(told.swapaxes(0, 1)[inside.T])
        first = last
    return np.concatenate(parts)


def loss(network: torch.nn.Module, examples: Examples, name: LossName) -> float:
    """Score a network on sequences."""
    told = torch.from_numpy(answers(network, examples))
    return float(loss_of(name)(told[:, None], torch.from_numpy(examples.target)[:, None]))
