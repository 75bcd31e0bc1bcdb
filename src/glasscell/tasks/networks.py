"""Trains the LSTMs and their plain twins, seed after seed, and can stop and go on at any epoch."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from glasscell.errors import DataError
from glasscell.inspect.reel import Reel
from glasscell.tasks.baselines import LinearForecast
from glasscell.tasks.network import Forecaster, Kind, twin_hidden_size
from glasscell.tasks.plan import Plan
from glasscell.tasks.progress import Reporter, Stop
from glasscell.tasks.runs import CHECKPOINT, RunFolder
from glasscell.tasks.training import Epoch, Schedule, Trainer

RATES: dict[Kind, float] = {"LSTM": 1.0, "RNN": 0.3}
"""Part of the learning rate that each kind takes: a plain RNN diverges at the rate that suits an
LSTM, and a rival trained badly would prove nothing."""

NAMES: dict[Kind, str] = {"LSTM": "LSTM", "RNN": "plain RNN"}


UNREADABLE = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    EOFError,
    UnpicklingError,
    struct.error,
)
"""What torch raises for a file that it did not write, or that was cut short."""


@dataclass(frozen=True, eq=False)
class Trained:
    """One trained network.

    Args:
        kind: "LSTM" or "RNN".
        seed: Its seed.
        network: The network with the weights that were best on validation, on the CPU.
        validation: Its validation error.
        best_epoch: The epoch that was kept; 0 is the linear model it started from.
        history: One entry per epoch.
        film: What its gates and gradients did in training, if asked for.
    """

    kind: Kind
    seed: int
    network: Forecaster
    validation: float
    best_epoch: int
    history: tuple[Epoch, ...]
    film: Reel | None = None

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.network.parameters())

    @property
    def seconds(self) -> float:
        """Time spent in training."""
        return sum(epoch.seconds for epoch in self.history)

    def log(self) -> list[dict[str, Any]]:
        """Give the lines of log.jsonl."""
        name = NAMES[self.kind]
        return [
            {
                "network": name,
                "seed": self.seed,
                "epoch": e.epoch,
                "train_mae_scaled": e.train,
                "validation_mae_scaled": e.validation,
                "seconds": round(e.seconds, 3),
            }
            for e in self.history
        ]


class Campaign:
    """All networks of one run.

    Args:
        plan: Data and options.
        linear: The linear model that every network's skip starts from.
        reporter: Shows progress.
        folder: Where checkpoints go; None: nowhere.
    """

    def __init__(
        self, plan: Plan, linear: LinearForecast, reporter: Reporter, folder: RunFolder | None
    ) -> None:
        self.plan, self.linear, self.reporter, self.folder = plan, linear, reporter, folder
        options = plan.options
        seeds = range(options.seed, options.seed + options.seeds)
        kinds: tuple[Kind, ...] = ("LSTM", "RNN")
        self.jobs: list[tuple[Kind, int]] = [(kind, seed) for kind in kinds for seed in seeds]
        self.done: list[Trained] = []
        self._finished: list[dict[str, Any]] = []
        self._fingerprint = plan.fingerprint()

    def run(self, stop: Stop) -> bool:
        """Train what is not trained yet.

        Args:
            stop: Watched after every batch.

        Returns:
            False if it was stopped; then the network in training is the last of `done`.
        """
        saved = self._load()
        self.reporter.start(len(self.jobs) * self.plan.options.epochs)
        for kind, seed in self.jobs[len(self.done) :]:
            trainer = self._trainer(kind, seed)
            if saved is not None:
                trainer.load_state_dict(saved)
                saved = None
            whole = self._train(kind, seed, trainer, stop)
            self.done.append(self._trained(kind, seed, trainer))
            self._finished.append(trainer.state_dict())
            if not whole:
                return False
        return True

    def _train(self, kind: Kind, seed: int, trainer: Trainer, stop: Stop) -> bool:
        epochs, name = self.plan.options.epochs, f"{NAMES[kind]}, seed {seed}"
        before = len(self.done) * epochs

        def after_batch(part: float) -> bool:
            self.reporter.within(name, before + len(trainer.history) + part)
            return not stop.pressed

        while not trainer.finished:
            if not trainer.step_epoch(after_batch):
                return False
            latest = trainer.history[-1]
            self.reporter.epoch(name, latest, epochs, latest.epoch == trainer.best_epoch)
            self._save(trainer)
        return True

    def network(self, kind: Kind, seed: int) -> Forecaster:
        """Make a network with the initial weights of a seed; the global random state stays."""
        plan, size = self.plan, self.plan.options.hidden_size
        channels = len(plan.channels)
        if kind == "RNN":
            size = twin_hidden_size(channels, size, plan.lookback, plan.horizon)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Forecaster(kind, channels, size, plan.lookback, plan.horizon)
        network.start_from(self.linear)
        return network

    def _trainer(self, kind: Kind, seed: int) -> Trainer:
        options = self.plan.options
        assert options.batch_size is not None
        schedule = Schedule(
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate * RATES[kind],
            patience=options.patience,
            max_windows=options.max_windows,
        )
        network = self.network(kind, seed)
        plan = self.plan
        return Trainer(network, plan.train, plan.validation, schedule, seed, options.film)

    def _trained(self, kind: Kind, seed: int, trainer: Trainer) -> Trained:
        network = self.network(kind, seed)
        network.load_state_dict(trainer.best)
        network.eval()
        return Trained(
            kind,
            seed,
            network,
            trainer.best_validation,
            trainer.best_epoch,
            tuple(trainer.history),
            None if trainer.film is None else trainer.film.reel,
        )

    def _save(self, trainer: Trainer) -> None:
        if self.folder is None:
            return
        buffer = io.BytesIO()
        state = {
            "fingerprint": self._fingerprint,
            "finished": self._finished,
            "current": trainer.state_dict(),
        }
        torch.save(state, buffer)
        self.folder.write_bytes(CHECKPOINT, buffer.getvalue())

    def _load(self) -> dict[str, Any] | None:
        """Take up a saved campaign: finished networks, and the state of the one in training."""
        if self.folder is None or self.folder.saved is None:
            return None
        state = _read_checkpoint(self.folder.saved)
        if state["fingerprint"] != self._fingerprint:
            raise DataError(
                f"--resume: {self.folder.saved} was written with other options or other data; give "
                "the same ones, or start afresh with --force"
            )
        for (kind, seed), finished in zip(self.jobs, state["finished"], strict=False):
            trainer = self._trainer(kind, seed)
            trainer.load_state_dict(finished)
            self.done.append(self._trained(kind, seed, trainer))
            self._finished.append(finished)
        current: dict[str, Any] = state["current"]
        return current


def _read_checkpoint(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return {key: state[key] for key in ("fingerprint", "finished", "current")}
    except UNREADABLE as error:
        raise DataError(
            f"--resume: {path} is damaged ({error}); start afresh with --force"
        ) from error
