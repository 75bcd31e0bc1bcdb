"""Trains any network: one step, the loop over epochs, and a state that resumes to the same bits.

A task hands in the network, its optimizer and an `Objective`: batches, loss, and the error that
decides which epoch is kept. All chance after the initial weights is the objective's, and its state
is part of the training state, so a run that goes on from a saved state has the same bits as one
that never stopped.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel

import glasscell
from glasscell.inspect.film.film import Film
from glasscell.training import distribution
from glasscell.training.gradient_watch import SEQUENCES, GradientWatch

Chance = torch.Generator | np.random.Generator

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Takes what a network gave and what it should have given."""


@dataclass(frozen=True)
class Batch:
    """What one training step reads.

    Args:
        inputs: What the network reads.
        targets: What it should give, one for each sequence.
        options: Further arguments of the network, for this batch alone; tensors, such as lengths,
            have an entry for each sequence and come in the order in which the network takes them,
            None where one is left at its default.
        weights: (B,) what each sequence counts for in the mean that the loss is, such as its steps
            or the weight of its class; None: all alike.
        axis: Axis of `inputs` along which the sequences lie: 1 where time comes first.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: torch.Tensor | None = None
    axis: int = 0

    @property
    def weight(self) -> float:
        """What the loss of the batch is a mean over."""
        return len(self.targets) if self.weights is None else float(self.weights.sum())

    def share(self, rank: int, size: int) -> Batch:
        """Give every `size`-th sequence from number `rank` on."""
        mine = slice(rank, None, size)
        return Batch(
            self.inputs[mine] if self.axis == 0 else self.inputs[:, mine],
            self.targets[mine],
            {
                name: value[mine] if isinstance(value, torch.Tensor) else value
                for name, value in self.options.items()
            },
            None if self.weights is None else self.weights[mine],
            self.axis,
        )


class Objective(Protocol):
    """What a network is trained for; a task's own."""

    loss: Loss
    """What training makes smaller."""

    steps: int
    """Batches of an epoch."""

    @property
    def generator(self) -> Chance:
        """Draws the batches; its state is part of the training state."""

    def batches(self, epoch: int) -> Iterable[Batch]:
        """Give the batches of an epoch, the first of which is 0, in a fresh order."""

    def error(self, network: torch.nn.Module) -> float:
        """Score a network on validation; the epoch with the least is kept."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long one network is trained, and which weights are kept.

    Args:
        epochs: The most epochs.
        patience: Epochs without a better validation error before training stops; None: all epochs.
        patient_from: The epoch at which patience begins at the earliest.
        clip: Largest norm of the gradient; longer ones are shortened to it.
        average: How much of the exponential moving average of the weights stays at each step. The
            average is then what is validated and kept: it is less noisy than the last step's
            weights. None: the weights themselves are.
        keep_start: Whether the untrained network is kept where no epoch is better.
    """

    epochs: int
    patience: int | None = None
    patient_from: int = 0
    clip: float | None = 1.0
    average: float | None = None
    keep_start: bool = False


@dataclass(frozen=True)
class Epoch:
    """One line of the log: mean training loss, and the validation error after it."""

    epoch: int
    train: float
    validation: float
    seconds: float


def environment() -> dict[str, str]:
    """Say what trained here, for the file of results."""
    return {
        "glasscell": glasscell.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
        "processes": str(distribution.size()),
    }


class Descent:
    """Steps of gradient descent on one network.

    Args:
        network: What is trained.
        optimizer: Of its parameters.
        loss: What gets smaller.
        clip: Largest norm of the gradient; longer ones are shortened to it; None: any.
        film: Watches; it sees the gradient before it is clipped.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        clip: float | None = 1.0,
        film: Film | None = None,
    ) -> None:
        self.network, self.optimizer, self.loss = network, optimizer, loss
        self.parameters = list(network.parameters())  # to find them takes 1 ms in 30 of small steps
        self.clip, self.film = clip, film
        self.stop = False  # wanted by this process, after a step by any process of the launcher

    def step(self, batch: Batch) -> torch.Tensor:
        """Take one step and give the loss before it; under a launcher all take it together."""
        for parameter in self.parameters:
            parameter.grad = None
        loss = batch.targets.new_zeros((), dtype=torch.float32)
        if len(batch.targets):
            loss = self.loss(self.network(batch.inputs, **batch.options), batch.targets)
            loss.backward()  # type: ignore[no-untyped-call]
        if distribution.size() > 1:
            self.stop = distribution.mean_gradient(
                self.network.parameters(), batch.weight, self.stop
            )
        if self.film is not None:
            if batch.options and self.film.due:
                self._show_plainly(self.film, batch)
            self.film.step(loss)
        if self.clip is not None:
            shorten(self.parameters, self.clip)
        self.optimizer.step()
        return loss.detach()

    def _show_plainly(self, film: Film, batch: Batch) -> None:
        """Run what a film looks at without the batch's options, so that all frames have one length.

        The film keeps the last run with gradients before its step. `autograd.grad` leaves the
        gradient that the optimizer is about to use as it is.
        """
        x, y = batch.inputs[: film.sequences], batch.targets[: film.sequences]
        loss = self.loss(self.network(x), y) * (len(x) / len(batch.inputs))
        torch.autograd.grad(loss, list(self.network.parameters()))


class Trainer:
    """One network in training; `step_epoch` goes on by one epoch.

    Args:
        network: A fresh network, on the device where it is to be trained.
        objective: What it is trained for.
        optimizer: Of its parameters.
        schedule: How long, and which weights are kept.
        rates: Moves the learning rate after every step; None: it stays.
        film: Training steps between two frames of a film of gates and gradients; None: no film.
        watch: Whether to look for faults of the gradient's way through time while it trains.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        objective: Objective,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        rates: torch.optim.lr_scheduler.LRScheduler | None = None,
        film: int | None = None,
        watch: bool = True,
    ) -> None:
        distribution.same_weights(network)
        self.network, self.objective, self.schedule = network, objective, schedule
        self.optimizer, self.rates = optimizer, rates
        self.watch = GradientWatch() if watch else None
        self.warnings: list[str] = []
        # Before the film: the average is a deep copy, and the film's hooks are not to be in it.
        self.average = None if schedule.average is None else Averaged(network, schedule.average)
        self.history: list[Epoch] = []
        self.best = _weights(network)
        self.best_validation = self._validate() if schedule.keep_start else float("inf")
        self.best_epoch = 0
        # Of a launcher's processes the first films: all see the same weights.
        filmed = film is not None and distribution.rank() == 0
        self.film = Film(network, every=film) if film is not None and filmed else None
        self._descent = Descent(network, optimizer, objective.loss, schedule.clip, self.film)

    @property
    def judged(self) -> torch.nn.Module:
        """The network that is validated: the average of the weights, if there is one."""
        return self.network if self.average is None else self.average.module

    @property
    def finished(self) -> bool:
        """True once all epochs are done or early stopping has struck."""
        done, schedule = len(self.history), self.schedule
        if done >= schedule.epochs or schedule.patience is None:
            return done >= schedule.epochs
        return done - max(self.best_epoch, schedule.patient_from) >= schedule.patience

    @property
    def seconds(self) -> float:
        """Time spent in training so far."""
        return sum(epoch.seconds for epoch in self.history)

    def step_epoch(self, after_batch: Callable[[float], bool] = lambda _: True) -> bool:
        """Train one epoch and validate.

        Args:
            after_batch: Called after every batch with the part of the epoch that is done; False
                stops.

        Returns:
            False if it was stopped within the epoch.
        """
        started = time.perf_counter()
        total: Any = 0.0
        weight = 0.0
        several = distribution.size() > 1
        for number, batch in enumerate(self.objective.batches(len(self.history)), 1):
            mine = batch.share(distribution.rank(), distribution.size()) if several else batch
            total = total + self._descent.step(mine) * mine.weight
            weight += mine.weight
            if self.rates is not None:
                self.rates.step()
            if self.average is not None:
                self.average.update_parameters(self.network)
            go_on = after_batch(number / self.objective.steps)
            if self._descent.stop or not (go_on or several):
                return False
            self._descent.stop = not go_on
        validation = self._validate()
        if validation < self.best_validation:
            self.best_validation, self.best_epoch = validation, len(self.history) + 1
            self.best = _weights(self.judged)
        seconds = time.perf_counter() - started
        loss, weight = distribution.total(float(total), weight)
        self.history.append(Epoch(len(self.history) + 1, loss / weight, validation, seconds))
        self.warnings = self._look(batch)
        return True

    def _validate(self) -> float:
        return distribution.number_from_first(self.objective.error(self.judged))

    def _look(self, batch: Batch) -> list[str]:
        """Give new warnings about the gradient's way through time in the epoch's last batch."""
        if self.watch is None or not self.watch.due(len(self.history)) or distribution.rank() > 0:
            return []
        some = batch.share(0, max(len(batch.targets) // SEQUENCES, 1))
        further = [
            value
            for value in some.options.values()
            if value is None or isinstance(value, torch.Tensor)
        ]
        loss = self.objective.loss
        return self.watch.look(
            self.network, (some.inputs, *further), lambda output: loss(output, some.targets)
        )

    def state_dict(self) -> dict[str, Any]:
        """Give everything that decides how training goes on, as tensors and plain values."""
        parts = {"network": self.network, "average": self.average, "optimizer": self.optimizer}
        state = {name: part.state_dict() for name, part in parts.items() if part is not None}
        if self.rates is not None:
            # Its functions are no plain values; they are made anew with the scheduler.
            rates = self.rates.state_dict().items()
            state["rates"] = {name: value for name, value in rates if not callable(value)}
        return {**state, "generator": _chance(self.objective.generator), **self.outcome()}

    def outcome(self) -> dict[str, Any]:
        """Give what training found so far, in the same form: all that a finished one is asked."""
        return {
            "history": [[e.epoch, e.train, e.validation, e.seconds] for e in self.history],
            "best": self.best,
            "best_validation": self.best_validation,
            "best_epoch": self.best_epoch,
            "film": None if self.film is None else self.film.state_dict(),
            "watch": None if self.watch is None else self.watch.state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if self.rates is not None:
            self.rates.load_state_dict(state["rates"])
        _set_chance(self.objective.generator, state["generator"])
        self.history = [Epoch(*entry) for entry in state["history"]]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_validation = state["best_validation"]
        if self.film is not None:
            self.film.load_state_dict(state["film"])
        if self.watch is not None and state.get("watch") is not None:
            self.watch.load(state["watch"])


def shorten(parameters: Iterable[torch.nn.Parameter], most: float) -> None:
    """Shorten the gradient to a norm, if it is longer.

    Args:
        parameters: All of them, on one device.
        most: The norm.

    Notes:
        The bits of `torch.nn.utils.clip_grad_norm_`, whose sorting by device and dtype takes three
        quarters of its time where parameters are small.
    """
    gradients = [each.grad for each in parameters if each.grad is not None]
    if gradients:
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, torch.clamp(most / (norm + 1e-6), max=1.0))


class Averaged(AveragedModel):
    """An exponential moving average of a network's weights.

    Args:
        network: The network.
        most: How much of the average stays at each step, once warmed up. After n steps it is
            (1 + n) / (10 + n) if that is less, so that the untrained weights are soon forgotten.

    Notes:
        The bits of torch's class, which looks for all parameters anew at each step.
    """

    def __init__(self, network: torch.nn.Module, most: float) -> None:
        super().__init__(network)
        self._most = most
        self._pairs: Any = None

    @torch.no_grad()
    def update_parameters(self, model: torch.nn.Module) -> None:
        """Move the average towards the weights of the network that it is of."""
        if self._pairs is None:
            own, others = (list(one.parameters()) for one in (self.module, model))
            buffers = list(zip(self.module.buffers(), model.buffers(), strict=True))
            self._pairs = own, others, buffers
        own, others, buffers = self._pairs
        count = int(self.n_averaged)
        if count:
            stays = min(self._most, (1 + count) / (10 + count))
            torch._foreach_lerp_(own, others, 1 - stays)
        else:
            torch._foreach_copy_(own, others)
        for buffer, other in buffers:
            buffer.copy_(other)
        self.n_averaged += 1


def _weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def _chance(generator: Chance) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return dict(generator.bit_generator.state)


def _set_chance(generator: Chance, state: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    else:
        generator.bit_generator.state = state
