"""Trains one network: the loop, early stopping, averaged weights, a state that resumes exactly.

Batches are cut by index from arrays in memory; Hugging Face accelerate chooses the device. All
randomness after the initial weights is one generator, whose state is part of the training state: a
run that goes on from a saved state has the same bits as one that never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch.optim.swa_utils import AveragedModel

from glasscell.inspect.film.film import Film
from glasscell.tasks.forecast.network import Forecaster
from glasscell.tasks.forecast.windows import Windows

DECAY = 0.998
"""How much of the averaged weights stays at each step, once warmed up."""

SKIP_RATE = 0.1
"""Part of the learning rate that the skip takes: it starts at its optimum, the rest at nothing."""

EVALUATION_BATCH = 1024


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How one network is trained.

    Args:
        epochs: The most passes over the training windows.
        batch_size: Windows per step.
        learning_rate: Adam's, at its highest; it rises over the first 15 % of the steps and falls
            to nothing over the rest.
        patience: Epochs without a better validation error before training stops.
        max_windows: The most training windows in one epoch; a fresh choice each epoch.
        clip: Largest norm of the gradient; longer ones are shortened to it.
        near: Rows, counted back from the last, that the recurrent layer reads in the first
            three quarters of the epochs; None: all rows in all epochs.
    """

    epochs: int = 20
    batch_size: int = 128
    learning_rate: float = 0.01
    patience: int = 8
    max_windows: int = 30_000
    clip: float = 1.0
    near: int | None = None

    @property
    def near_epochs(self) -> int:
        """Epochs that read near rows alone."""
        return 0 if self.near is None else 3 * self.epochs // 4


@dataclass(frozen=True)
class Epoch:
    """One line of the log: mean absolute errors of scaled values."""

    epoch: int
    train: float
    validation: float
    seconds: float


class Trainer:
    """One network in training; `step_epoch` goes on by one epoch.

    Args:
        network: A fresh network; it is moved to accelerate's device.
        train: Windows to fit.
        validation: Windows that decide which epoch is kept.
        schedule: How to train.
        seed: Seed of the order of the windows.
        film: Training steps between two frames of a film of gates and gradients; None: no film.

    Notes:
        What is validated, kept and given back are the averaged weights (exponential moving
        average), which are less noisy than the last step's. The loss is the mean absolute error.
    """

    def __init__(
        self,
        network: Forecaster,
        train: Windows,
        validation: Windows,
        schedule: Schedule,
        seed: int,
        film: int | None = None,
    ) -> None:
        accelerator = Accelerator()
        if accelerator.num_processes > 1:
            raise ValueError(
                "expected one process, got several; start glasscell fit without a launcher"
            )
        self.device, self.schedule = accelerator.device, schedule
        self.windows, self.validation = _Batches(train, self.device), validation
        self.batches = math.ceil(min(len(train), schedule.max_windows) / schedule.batch_size)
        network.to(self.device)
        rates = [schedule.learning_rate, schedule.learning_rate * SKIP_RATE]
        fitted = list(network.skip.parameters())
        rest = [*network.recurrent.parameters(), *network.head.parameters()]
        optimizer = torch.optim.Adam(
            [{"params": p, "lr": rate} for p, rate in zip((rest, fitted), rates, strict=True)],
            fused=True,  # a third of a millisecond a step; small networks take two
        )
        self.network, self.optimizer = network, optimizer
        self.average = AveragedModel(self.network, multi_avg_fn=_average)
        self.rates = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            rates,
            total_steps=schedule.epochs * self.batches,
            pct_start=0.15,
            cycle_momentum=False,
        )
        self.generator = torch.Generator().manual_seed(seed)
        self.history: list[Epoch] = []
        self.best: dict[str, torch.Tensor] = _weights(network)
        self.best_validation = self.error(validation)
        self.best_epoch = 0
        self.film = None if film is None else Film(self.network, every=film)

    @property
    def finished(self) -> bool:
        """True once all epochs are done or early stopping has struck.

        Validation reads all rows, so patience begins when training does.
        """
        done = len(self.history)
        since = max(self.best_epoch, self.schedule.near_epochs)
        return done >= self.schedule.epochs or done - since >= self.schedule.patience

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
        order = torch.randperm(len(self.windows), generator=self.generator)
        batches = torch.split(order[: self.schedule.max_windows], self.schedule.batch_size)
        total = torch.zeros((), device=self.device)
        near = self.schedule.near if len(self.history) < self.schedule.near_epochs else None
        for number, rows in enumerate(batches, 1):
            total += self._step(rows, near) * len(rows)
            if not after_batch(number / len(batches)):
                return False
        validation = self.error(self.validation)
        if validation < self.best_validation:
            self.best_validation, self.best_epoch = validation, len(self.history) + 1
            self.best = _weights(self.average.module)
        train = float(total) / sum(map(len, batches))
        seconds = time.perf_counter() - started
        self.history.append(Epoch(len(self.history) + 1, train, validation, seconds))
        return True

    def _step(self, rows: torch.Tensor, near: int | None) -> torch.Tensor:
        inputs, targets = self.windows.take(rows)
        loss = torch.nn.functional.l1_loss(self.network(inputs, near), targets)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.film is not None:
            if near is not None and self.film.due:
                self._show_all_rows(self.film, inputs, targets)
            self.film.step(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip)
        self.optimizer.step()
        self.rates.step()
        self.average.update_parameters(self.network)
        return loss.detach()

    def _show_all_rows(self, film: Film, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Run what a film looks at over all rows, so that its frames have the same lags."""
        x, y = inputs[: film.sequences], targets[: film.sequences]
        loss = torch.nn.functional.l1_loss(self.network(x), y) * (len(x) / len(inputs))
        torch.autograd.grad(loss, list(self.network.recurrent.parameters()))

    def error(self, windows: Windows) -> float:
        """Mean absolute error of the averaged weights on scaled windows."""
        forecast = predict(self.average, windows, self.device)
        return float(np.mean(abs(forecast - windows.targets())))

    def state_dict(self) -> dict[str, Any]:
        """Give everything that decides how training goes on, as tensors and plain values."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rates": {k: v for k, v in self.rates.state_dict().items() if not callable(v)},
            "generator": self.generator.get_state(),
            **self.outcome(),
        }

    def outcome(self) -> dict[str, Any]:
        """Give what training found so far, in the same form: all that a finished one is asked."""
        return {
            "history": [[e.epoch, e.train, e.validation, e.seconds] for e in self.history],
            "best": self.best,
            "best_validation": self.best_validation,
            "best_epoch": self.best_epoch,
            "film": None if self.film is None else self.film.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.rates.load_state_dict(state["rates"])
        self.generator.set_state(state["generator"])
        self.history = [Epoch(*entry) for entry in state["history"]]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_validation = state["best_validation"]
        if self.film is not None:
            self.film.load_state_dict(state["film"])


class _Batches:
    """Training windows as tensors on the device, taken by index."""

    def __init__(self, windows: Windows, device: torch.device) -> None:
        self.values = torch.from_numpy(windows.values).to(device)
        self.origins = torch.from_numpy(windows.origins).to(device)
        self.back = torch.arange(-windows.lookback, 0, device=device)
        self.ahead = torch.arange(windows.horizon, device=device)

    def __len__(self) -> int:
        return len(self.origins)

    def take(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        origins = self.origins[rows.to(self.origins.device)][:, None]
        return self.values[origins + self.back], self.values[origins + self.ahead, 0]


def predict(
    network: torch.nn.Module, windows: Windows, device: torch.device | str = "cpu"
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Forecast all windows in batches: (M, horizon) scaled values."""
    forecasts = [np.zeros((0, windows.horizon), np.float32)]
    with torch.no_grad():
        for first in range(0, len(windows), EVALUATION_BATCH):
            inputs = windows.inputs(slice(first, first + EVALUATION_BATCH))
            output = network(torch.from_numpy(inputs).to(device))
            forecasts.append(output.cpu().numpy())
    return np.concatenate(forecasts)


def _average(averaged: Any, current: Any, seen: torch.Tensor | int) -> None:
    """Move the averaged weights; early on they follow faster, so that the start is forgotten."""
    count = int(seen)
    decay = min(DECAY, (1 + count) / (10 + count))
    torch._foreach_lerp_(averaged, current, 1 - decay)


def _weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}
