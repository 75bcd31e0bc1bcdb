"""Trains the LSTMs and their plain twins of all seeds, and can stop and go on at any epoch.

Each network is a task for `Workers`. After every epoch it tells its whole state, so nothing that is
written depends on which process trained it, nor on which was done first.
"""

from __future__ import annotations

import io
import struct
import time
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from glasscell.errors import DataError
from glasscell.inspect.film.film import Film
from glasscell.inspect.film.reel import Reel
from glasscell.tasks.forecast.autoregression import LinearForecast
from glasscell.tasks.forecast.network import Forecaster, Kind, twin_hidden_size
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.windows import Windows
from glasscell.training.progress import Reporter, Stop
from glasscell.training.run_folder import CHECKPOINT, RunFolder
from glasscell.training.trainer import Epoch, Schedule, Trainer
from glasscell.training.workers import Line, WorkerError, Workers

RATES: dict[Kind, float] = {"LSTM": 1.0, "RNN": 0.3}
"""Part of the learning rate that each kind takes: a plain RNN diverges at the rate that suits an
LSTM, and a rival trained badly would prove nothing."""

LONG = 1e11
"""Products of a weight and a number from which on training counts as long: about ten seconds."""

PAUSE = 0.05
"""Seconds between two reports within an epoch."""

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


@dataclass(frozen=True, eq=False)
class Recipe:
    """What the networks of one run have in common.

    Args:
        options: The resolved options.
        channels: C, channels of a row.
        train: Windows to fit.
        validation: Windows that decide which epoch is kept.
        linear: The linear model that every network's skip starts from.
    """

    options: ForecastOptions
    channels: int
    train: Windows
    validation: Windows
    linear: LinearForecast

    @classmethod
    def of(cls, plan: Plan, linear: LinearForecast) -> Recipe:
        """Take what training needs from a plan."""
        return cls(plan.options, len(plan.channels), plan.train, plan.validation, linear)

    def network(self, kind: Kind, seed: int) -> Forecaster:
        """Make a network with the initial weights of a seed; the global random state stays."""
        size, lookback, horizon = (
            self.options.hidden_size,
            self.train.lookback,
            self.train.horizon,
        )
        if kind == "RNN":
            size = twin_hidden_size(self.channels, size, lookback, horizon)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Forecaster(kind, self.channels, size, lookback, horizon)
        network.start_from(self.linear)
        return network

    def trainer(self, kind: Kind, seed: int) -> Trainer:
        """Make a network ready for training."""
        options = self.options
        assert options.batch_size is not None
        schedule = Schedule(
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate * RATES[kind],
            patience=options.patience,
            max_windows=options.max_windows,
            near=options.near,
        )
        network = self.network(kind, seed)
        return Trainer(network, self.train, self.validation, schedule, seed, options.film)

    def trained(self, kind: Kind, seed: int, state: bytes) -> Trained:
        """Build the network that a state keeps as the best."""
        kept = _unpacked(state)
        network = self.network(kind, seed)
        reel = None
        if self.options.film is not None:
            film = Film(network, self.options.film)
            film.load_state_dict(kept["film"])
            reel = film.reel
            film.close()
        network.load_state_dict(kept["best"])
        history = tuple(Epoch(*entry) for entry in kept["history"])
        best = kept["best_validation"], kept["best_epoch"]
        return Trained(kind, seed, network.eval(), *best, history, reel)


@dataclass(frozen=True)
class Task:
    """One network to train.

    Args:
        kind: "LSTM" or "RNN".
        seed: Its seed.
        state: What it goes on from; None: it begins.
    """

    kind: Kind
    seed: int
    state: bytes | None = None

    @property
    def name(self) -> str:
        """What the terminal calls it."""
        return f"{NAMES[self.kind]}, seed {self.seed}"


@dataclass(frozen=True)
class Within:
    """Told within an epoch.

    Args:
        epochs: Epochs done, with a fraction.
    """

    epochs: float


@dataclass(frozen=True)
class After:
    """Told after an epoch.

    Args:
        epoch: What it gave.
        best: Whether it is the best so far.
        finished: Whether it is the last.
        state: What training goes on from; of a finished one, what it gives.
    """

    epoch: Epoch
    best: bool
    finished: bool
    state: bytes


def train(recipe: Recipe, task: Task, line: Line) -> None:
    """Train one network; what `Workers` call.

    Args:
        recipe: What it has in common with the others.
        task: Which network.
        line: Is told `Within` and `After`.
    """
    trainer = recipe.trainer(task.kind, task.seed)
    if task.state is not None:
        trainer.load_state_dict(_unpacked(task.state))
    told = -PAUSE

    def after_batch(part: float) -> bool:
        nonlocal told
        if time.monotonic() - told >= PAUSE:
            told = time.monotonic()
            line.tell(Within(len(trainer.history) + part))
        return not line.stopped

    while not trainer.finished and trainer.step_epoch(after_batch):
        latest = trainer.history[-1]
        state = trainer.outcome() if trainer.finished else trainer.state_dict()
        best = latest.epoch == trainer.best_epoch
        line.tell(After(latest, best, trainer.finished, _packed(state)))


class Campaign:
    """All networks of one run.

    Args:
        plan: Data and options.
        linear: The linear model that every network's skip starts from.
        reporter: Shows progress.
        folder: Where checkpoints go; None: nowhere.
        workers: Who trains.
    """

    def __init__(
        self,
        plan: Plan,
        linear: LinearForecast,
        reporter: Reporter,
        folder: RunFolder | None,
        workers: Workers,
    ) -> None:
        self.recipe, self.reporter = Recipe.of(plan, linear), reporter
        self.folder, self.workers = folder, workers
        self.tasks = tasks(plan.options)
        self.done: list[Trained] = []
        self._states: dict[str, bytes] = {}
        self._finished: set[str] = set()
        self._fingerprint = plan.fingerprint()

    def run(self, stop: Stop) -> bool:
        """Train what is not trained yet; `done` then has the networks in the order of `tasks`.

        Args:
            stop: Watched after every batch.

        Returns:
            False if it was stopped; then `done` has those with an epoch behind them, or else the
            first as it began.

        Raises:
            WorkerError: A process was killed; the folder keeps what was trained.
        """
        self._load()
        epochs = self.recipe.options.epochs
        self.reporter.start(len(self.tasks), epochs)
        for name in self._finished:
            self.reporter.finish(name)
        left = [
            replace(task, state=self._states.get(task.name))
            for task in self.tasks
            if task.name not in self._finished
        ]
        names = [task.name for task in left]

        def hear(number: int, message: Within | After) -> None:
            name = names[number]
            if isinstance(message, Within):
                self.reporter.within(name, message.epochs)
                return
            self._states[name] = message.state
            if message.finished:
                self._finished.add(name)
            self._save()
            self.reporter.epoch(name, message.epoch, epochs, message.best)
            if message.finished:
                self.reporter.finish(name)

        try:
            self.workers.call(train, self.recipe, left, hear, lambda: stop.pressed, names)
        except WorkerError as lost:
            if self.folder is None or not self._states:
                raise
            raise WorkerError(f"{lost}; what was trained is kept, go on with --resume") from lost
        kept = [task for task in self.tasks if task.name in self._states]
        if not any(task.kind == "LSTM" for task in kept):
            first = self.tasks[0]
            self._states[first.name] = _packed(
                self.recipe.trainer(first.kind, first.seed).outcome()
            )
            kept.insert(0, first)
        self.done = [self.recipe.trained(t.kind, t.seed, self._states[t.name]) for t in kept]
        return len(self._finished) == len(self.tasks)

    def _save(self) -> None:
        if self.folder is None:
            return
        buffer = io.BytesIO()
        state = {
            "fingerprint": self._fingerprint,
            "finished": sorted(self._finished),
            "networks": {
                name: torch.frombuffer(bytearray(state), dtype=torch.uint8)
                for name, state in self._states.items()
            },
        }
        torch.save(state, buffer)
        self.folder.write_bytes(CHECKPOINT, buffer.getvalue())

    def _load(self) -> None:
        """Take up a saved campaign."""
        if self.folder is None or self.folder.saved is None:
            return
        state = _read_checkpoint(self.folder.saved)
        if state["fingerprint"] != self._fingerprint:
            raise DataError(
                f"--resume: {self.folder.saved} was written with other options or other data; give "
                "the same ones, or start afresh with --force"
            )
        self._states = {name: bytes(value.numpy()) for name, value in state["networks"].items()}
        self._finished = set(state["finished"])


def tasks(options: ForecastOptions) -> list[Task]:
    """List the networks of a run: all LSTMs, then all plain RNNs, by seed."""
    seeds = range(options.seed, options.seed + options.seeds)
    kinds: tuple[Kind, ...] = ("LSTM", "RNN")
    return [Task(kind, seed) for kind in kinds for seed in seeds]


def is_long(plan: Plan) -> bool:
    """Tell whether training takes so long that starting processes for it, some 5 s, pays."""
    options = plan.options
    windows = min(len(plan.train), options.max_windows)
    weights = 4 * options.hidden_size * (options.hidden_size + len(plan.channels))
    steps = len(tasks(options)) * options.epochs * windows * plan.lookback
    return 3 * steps * weights > LONG


def _packed(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _unpacked(state: bytes) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    return found


def _read_checkpoint(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return {key: state[key] for key in ("fingerprint", "finished", "networks")}
    except UNREADABLE as error:
        raise DataError(
            f"--resume: {path} is damaged ({error}); start afresh with --force"
        ) from error
