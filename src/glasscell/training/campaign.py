"""Trains the networks of all seeds and their plain twins, and can stop and go on at any epoch.

Every network is one unit of work for `Workers`. After every epoch it tells its whole state, so
nothing that is written depends on which process trained it, nor on which was done first.
"""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pickle import UnpicklingError
from typing import Any, Protocol

import torch

from glasscell.errors import DataError
from glasscell.inspect.film.film import Film
from glasscell.inspect.film.reel import Reel
from glasscell.training import distribution
from glasscell.training.kinds import KINDS, NAMES, CellName, Kind
from glasscell.training.progress import Reporter, Stop
from glasscell.training.run_folder import CHECKPOINT, RunFolder
from glasscell.training.trainer import Epoch, Trainer
from glasscell.training.workers import Line, WorkerError, Workers, count

LONG = 1e11
"""Products of a weight and a number above which starting processes, some 5 s, pays: 10 seconds."""

PAUSE = 0.05
"""Seconds between two reports within an epoch."""

UNREADABLE: tuple[type[Exception], ...] = (OSError, RuntimeError, LookupError, ValueError)
UNREADABLE += (EOFError, UnpicklingError, struct.error)
"""What torch raises for a file that it did not write, or that was cut short."""


class Recipe(Protocol):
    """What the networks of one campaign have in common; a task's own, sent to the processes."""

    @property
    def fingerprint(self) -> str:
        """A digest of options and data, by which a resumed campaign knows its own."""

    @property
    def epochs(self) -> int:
        """The most epochs of a network."""

    @property
    def film(self) -> int | None:
        """Training steps between two frames of a film; None: no film."""

    def network(self, kind: Kind, seed: int) -> torch.nn.Module:
        """Make a network with the initial weights of a seed; the global random state stays."""

    def trainer(self, kind: Kind, seed: int) -> Trainer:
        """Make a network ready for training."""


@dataclass(frozen=True)
class Candidate:
    """One network to train.

    Args:
        kind: "LSTM", "GRU" or "RNN".
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


def candidates(seed: int, seeds: int, cell: CellName = "lstm") -> list[Candidate]:
    """List the networks of a campaign by seed: all of the cell, then their plain rivals.

    >>> [one.name for one in candidates(7, 1, "gru")]
    ['GRU, seed 7', 'plain RNN, seed 7']
    """
    kinds = dict.fromkeys((KINDS[cell], KINDS["rnn"]))
    return [Candidate(kind, number) for kind in kinds for number in range(seed, seed + seeds)]


@dataclass(frozen=True, eq=False)
class Trained:
    """One trained network.

    Args:
        kind: "LSTM", "GRU" or "RNN".
        seed: Its seed.
        network: The network with the weights that were best on validation, on the CPU.
        validation: Its validation error.
        best_epoch: The epoch that was kept; 0 is how it began.
        history: One entry per epoch.
        warnings: Faults of the gradient's way through time that were seen in training.
        film: What its gates and gradients did in training, if asked for.
    """

    kind: Kind
    seed: int
    network: Any
    validation: float
    best_epoch: int
    history: tuple[Epoch, ...]
    warnings: tuple[str, ...] = ()
    film: Reel | None = None

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.network.parameters())

    @property
    def seconds(self) -> float:
        """Time spent in training."""
        return sum(epoch.seconds for epoch in self.history)


def log_lines(networks: Iterable[Trained], error: str) -> list[dict[str, Any]]:
    """Give the lines of log.jsonl: an entry for each epoch of each network.

    Args:
        networks: The networks.
        error: What the errors of training and validation are called.
    """
    return [
        {
            "network": NAMES[trained.kind],
            "seed": trained.seed,
            "epoch": epoch.epoch,
            f"train_{error}": epoch.train,
            f"validation_{error}": epoch.validation,
            "seconds": round(epoch.seconds, 3),
        }
        for trained in networks
        for epoch in trained.history
    ]


def best_of_each(networks: Iterable[Trained]) -> dict[Kind, Trained]:
    """Give the best network of each kind on validation."""
    best: dict[Kind, Trained] = {}
    for trained in networks:
        if trained.kind not in best or trained.validation < best[trained.kind].validation:
            best[trained.kind] = trained
    return best


@dataclass(frozen=True)
class Told:
    """What a network in training tells, within an epoch and after one.

    Args:
        epochs: Epochs done, with a fraction.
        epoch: What the last one gave; None: it is not over.
        best: Whether that is the best so far.
        state: What training goes on from; of a finished network, what it gives.
        finished: Whether it was the last.
        warnings: New ones about the gradient's way through time.
    """

    epochs: float
    epoch: Epoch | None = None
    best: bool = False
    state: bytes = b""
    finished: bool = False
    warnings: tuple[str, ...] = ()


def train(recipe: Recipe, candidate: Candidate, line: Line) -> None:
    """Train one network; what `Workers` call.

    Args:
        recipe: What it has in common with the others.
        candidate: Which network.
        line: Hears what is `Told`.
    """
    trainer = recipe.trainer(candidate.kind, candidate.seed)
    if candidate.state is not None:
        trainer.load_state_dict(_unpacked(candidate.state))
    told = -PAUSE

    def after_batch(part: float) -> bool:
        nonlocal told
        if time.monotonic() - told >= PAUSE:
            told = time.monotonic()
            line.tell(Told(len(trainer.history) + part))
        return not line.stopped

    while not trainer.finished and trainer.step_epoch(after_batch):
        latest = trainer.history[-1]
        state = trainer.outcome() if trainer.finished else trainer.state_dict()
        best = latest.epoch == trainer.best_epoch
        new = tuple(trainer.warnings)
        line.tell(Told(latest.epoch, latest, best, _packed(state), trainer.finished, new))


def hire(jobs: int | Workers | None, networks: int, work: float) -> AbstractContextManager[Workers]:
    """Give those who train.

    Args:
        jobs: How many at a time; None: one a core where training is long, else one; or workers,
            which then stay when training is over.
        networks: How many networks there are.
        work: Products of a weight and a number that training them takes.
    """
    if isinstance(jobs, Workers):
        return nullcontext(jobs)
    return Workers(1 if jobs is None and work <= LONG else count(jobs, networks))


class Campaign:
    """All networks of one run.

    Args:
        recipe: What they have in common.
        networks: Which ones; the first is kept as it began if training stops before an epoch.
        reporter: Shows progress.
        folder: Where checkpoints go; None: nowhere.
        workers: Who trains.
    """

    def __init__(
        self,
        recipe: Recipe,
        networks: list[Candidate],
        reporter: Reporter,
        folder: RunFolder | None,
        workers: Workers,
    ) -> None:
        self.recipe, self.networks, self.reporter = recipe, networks, reporter
        self.folder, self.workers = folder, workers
        self.done: list[Trained] = []
        self._states: dict[str, bytes] = {}
        self._finished: set[str] = set()

    def run(self, stop: Stop) -> bool:
        """Train what is not trained yet; `done` then has the networks in their order.

        Args:
            stop: Watched after every batch.

        Returns:
            False if it was stopped; then `done` has those with an epoch behind them, or else the
            first as it began.

        Raises:
            WorkerError: A process was killed; the folder keeps what was trained.
        """
        self._load()
        epochs = self.recipe.epochs
        self.reporter.start(len(self.networks), epochs)
        for name in self._finished:
            self.reporter.finish(name)
        left = [
            replace(one, state=self._states.get(one.name))
            for one in self.networks
            if one.name not in self._finished
        ]
        names = [one.name for one in left]

        def hear(number: int, message: Told) -> None:
            name = names[number]
            if message.epoch is None:
                self.reporter.within(name, message.epochs)
                return
            self._states[name] = message.state
            if message.finished:
                self._finished.add(name)
            self._save()
            self.reporter.epoch(name, message.epoch, epochs, message.best)
            for warning in message.warnings:
                self.reporter.say(f"{name}, epoch {message.epoch.epoch}: {warning}")
            if message.finished:
                self.reporter.finish(name)

        try:
            self.workers.call(train, self.recipe, left, hear, lambda: stop.pressed, names)
        except WorkerError as lost:
            if self.folder is None or not self._states:
                raise
            raise WorkerError(f"{lost}; what was trained is kept, go on with --resume") from lost
        kept = [one for one in self.networks if one.name in self._states]
        first = self.networks[0]
        if not any(one.kind == first.kind for one in kept):
            outcome = self.recipe.trainer(first.kind, first.seed).outcome()
            self._states[first.name] = _packed(outcome)
            kept.insert(0, first)
        self.done = [self._trained(one) for one in kept]
        return len(self._finished) == len(self.networks)

    def _trained(self, candidate: Candidate) -> Trained:
        """Build the network that a state keeps as the best."""
        kept = _unpacked(self._states[candidate.name])
        network = self.recipe.network(candidate.kind, candidate.seed)
        reel = None
        if self.recipe.film is not None and kept["film"] is not None:
            film = Film(network, self.recipe.film)
            film.load_state_dict(kept["film"])
            reel = film.reel
            film.close()
        network.load_state_dict(kept["best"])
        return Trained(
            candidate.kind,
            candidate.seed,
            network.eval(),
            kept["best_validation"],
            kept["best_epoch"],
            tuple(Epoch(*entry) for entry in kept["history"]),
            tuple((kept.get("watch") or {"said": {}})["said"].values()),
            reel,
        )

    def _save(self) -> None:
        if self.folder is None:
            return
        state = {
            "fingerprint": self.recipe.fingerprint,
            "finished": sorted(self._finished),
            "networks": {
                name: torch.frombuffer(bytearray(state), dtype=torch.uint8)
                for name, state in self._states.items()
            },
        }
        self.folder.write_bytes(CHECKPOINT, _packed(state))

    def _load(self) -> None:
        """Take up a saved campaign; under a launcher all take up what the first process read."""
        path = None if self.folder is None else self.folder.saved
        content = distribution.from_first(b"" if path is None else path.read_bytes())
        if not content:
            return
        try:
            state = _unpacked(content)
            kept, states, finished = (state[k] for k in ("fingerprint", "networks", "finished"))
        except UNREADABLE as error:
            raise DataError(
                f"--resume: {path} is damaged ({error}); start afresh with --force"
            ) from error
        if kept != self.recipe.fingerprint:
            raise DataError(
                f"--resume: {path} was written with other options or other data; give the same "
                "ones, or start afresh with --force"
            )
        self._states = {name: bytes(value.numpy()) for name, value in states.items()}
        self._finished = set(finished)


def _packed(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _unpacked(state: bytes) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    return content
