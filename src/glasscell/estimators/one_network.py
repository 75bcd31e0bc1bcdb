"""Trains the one network of an estimator with the recipe and the trainer of `glasscell fit`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.errors import DataError
from glasscell.estimators.fitted_network import FittedNetwork
from glasscell.model.nodes.grams import Alphabet
from glasscell.nn.saving import describe
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences.averaging import averaged
from glasscell.tasks.sequences.network import SequenceNetwork
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import FEW, Plan, resolved
from glasscell.tasks.sequences.preprocessing import preprocessing
from glasscell.tasks.sequences.recipe import Recipe
from glasscell.tasks.sequences.ridge import LinearStart
from glasscell.tasks.sequences.splits import VALIDATION, Round, hold_out
from glasscell.training.campaign import Candidate
from glasscell.training.kinds import KINDS, Kind
from glasscell.training.progress import Reporter
from glasscell.training.trainer import Epoch, Schedule, Trainer
from glasscell.training.workers import one_thread

__all__ = ["fit", "pass_over"]

NOTHING = np.zeros(0, np.int64)

SAME = (
    *("cell", "hidden_size", "layers", "bidirectional", "pooling", "stride", "dropout", "augment"),
    *("learning_rate", "batch_size", "patience", "layout", "missing"),
)
"""Hyper-parameters that are options of a run by the same name."""

CALLED = {"--epochs": "max_epochs", "--seed": "random_state"}
"""What an estimator calls an option otherwise."""


@dataclass(frozen=True, eq=False)
class ScaledPlan(Plan):
    """A plan with the scales of an earlier fit, if there was one."""

    before: FittedNetwork | None = None

    def scaler(self, part: Round) -> Scaler:
        """Give the features' scales."""
        return super().scaler(part) if self.before is None else self.before.predictor.scaler

    @property
    def grams(self) -> Alphabet | None:
        """Numbers of the n-grams that the network's linear path reads, or None."""
        if self.before is None:
            return super().grams
        node = self.before.tree["skip"]
        if node is None or node["type"] != "Grams":
            return None
        return Alphabet(node["features"], node["order"], node["rows"])

    def target_scaler(self, part: Round) -> Scaler | None:
        """Give the scales of the numbers to tell."""
        told = None if self.before is None else self.before.predictor.told
        return super().target_scaler(part) if told is None else told.scaler


@dataclass(frozen=True, eq=False)
class WarmRecipe(Recipe):
    """A recipe whose networks begin with given weights, if there are any.

    Args:
        weights: Those, by name.
        watched: Whether faults of the gradient are looked for, a quarter of a short fit: where
            somebody reads of them.
    """

    weights: Mapping[str, Array] = field(default_factory=dict)
    watched: bool = False

    def part(self, seed: int) -> Round:
        """Give what is trained on and validated on: what the estimator was told, however few."""
        return self.plan.round(seed)

    @cached_property
    def starts(self) -> tuple[LinearStart | None, ...]:
        """The linear model that a network without given weights starts at."""
        return (None,) if self.weights else super().starts

    @property
    def alone(self) -> bool:
        """Whether recurrent layers learn without the linear path; given weights learn together."""
        return super().alone and not self.weights

    def network(self, kind: Kind, seed: int) -> SequenceNetwork:
        """Make the network that training begins with."""
        network = super().network(kind, seed)
        if self.weights:
            network.load_state_dict({name: _tensor(w) for name, w in self.weights.items()})
        return network

    def trainer(self, kind: Kind, seed: int) -> Trainer:
        """Make a network ready for training."""
        trainer = super().trainer(kind, seed)
        if not self.watched:
            trainer.watch = None
        return trainer


def fit(
    estimator: Any, sequences: Sequences, weights: Array | None, before: FittedNetwork | None
) -> FittedNetwork:
    """Train a network and keep its best epoch.

    Args:
        estimator: Whose hyper-parameters count.
        sequences: What to train on, with labels.
        weights: (n,) what each counts in the loss, or with labels a step each step; None: all
            alike.
        before: What to begin with; None: fresh weights.

    Raises:
        DataError: A hyper-parameter is out of its bounds.
    """
    recipe, candidate = _prepared(estimator, sequences, weights, before)
    trainer = recipe.trainer(candidate.kind, candidate.seed)
    reporter = Reporter(quiet=not estimator.verbose)
    with one_thread(), reporter:
        reporter.start(1, recipe.epochs)
        while not trainer.finished:
            trainer.step_epoch()
            latest = trainer.history[-1]
            best = latest.epoch == trainer.best_epoch
            reporter.epoch(candidate.name, latest, recipe.epochs, best)
            for warning in trainer.warnings:
                reporter.say(f"epoch {latest.epoch}: {warning}")
            reporter.within(candidate.name, latest.epoch)
    network = recipe.network(candidate.kind, candidate.seed)
    network.load_state_dict(trainer.best)
    return _fitted(recipe, candidate, network, trainer.history, trainer.best_epoch)


def pass_over(
    estimator: Any, sequences: Sequences, weights: Array | None, before: FittedNetwork | None
) -> FittedNetwork:
    """Train on every sequence once, with the weights and Adam's memory of the passes before.

    Args:
        estimator: As of `fit`.
        sequences: As of `fit`.
        weights: As of `fit`.
        before: As of `fit`.

    Raises:
        DataError: As of `fit`.
    """
    recipe, candidate = _prepared(estimator, sequences, weights, before, whole=True)
    planned = recipe.trainer(candidate.kind, candidate.seed)
    groups = recipe.groups(planned.network, candidate.kind)
    optimizer = torch.optim.Adam(groups, fused=True)
    done: tuple[dict[str, float], ...] = ()
    if before is not None:
        done = before.history
        if before.optimizer is not None:
            optimizer.load_state_dict(_mapped(before.optimizer, np.ndarray, _tensor))
    objective = planned.objective
    trainer = Trainer(planned.network, objective, optimizer, Schedule(epochs=1), watch=False)
    with one_thread():
        trainer.step_epoch()
    number = len(done) + 1
    history = [replace(trainer.history[0], epoch=number)]
    fitted = _fitted(recipe, candidate, trainer.network, history, number)
    memory = _mapped(optimizer.state_dict(), torch.Tensor, lambda one: one.cpu().numpy())
    return replace(fitted, history=(*done, *fitted.history), optimizer=memory)


def _prepared(
    estimator: Any,
    sequences: Sequences,
    weights: Array | None,
    before: FittedNetwork | None,
    whole: bool = False,
) -> tuple[WarmRecipe, Candidate]:
    """Plan the training of one network; `whole`: no sequence is held out."""
    options = _options(estimator)
    part = _parts(estimator, sequences, weights, options.seed, whole)
    if before is not None:
        options = replace(options, stride=before.settings.get("stride") or 1)
    options = resolved(options, sequences, (part,))
    sequences = averaged(sequences, options.stride or 1)
    plan = ScaledPlan(sequences, options, (part,), weights=weights, before=before)
    begin = {} if before is None else before.weights
    recipe = WarmRecipe(plan, weights=begin, watched=bool(estimator.verbose))
    return recipe, Candidate(KINDS[options.cell], options.seed)


def _options(estimator: Any) -> SequenceOptions:
    """Take the hyper-parameters as options of a run with one round."""
    chosen = estimator.random_state
    whole = isinstance(chosen, int | np.integer) and not isinstance(chosen, bool)
    seed = int(chosen) if whole else int(check_random_state(chosen).randint(2**31 - 1))
    try:
        return SequenceOptions(
            **{name: getattr(estimator, name) for name in SAME},
            epochs=estimator.max_epochs,
            seed=seed,
            rounds=1,
        )
    except DataError as error:
        # Options speak of flags; an estimator has parameters.
        flag, colon, rest = str(error).partition(":")
        name = CALLED.get(flag, flag.removeprefix("--").replace("-", "_"))
        raise DataError(f"{name}{colon}{rest}") from error


def _parts(
    estimator: Any, sequences: Sequences, weights: Array | None, seed: int, whole: bool
) -> Round:
    """Set some sequences apart to validate on; those that count nothing are left out."""
    fraction = estimator.validation_fraction
    counted = np.arange(len(sequences))
    if weights is not None:
        assert sequences.labels is not None
        by_step = sequences.labels.per_step
        counted = np.flatnonzero(
            np.add.reduceat(weights, sequences.offsets[:-1]) if by_step else weights
        )
    if fraction is None:
        fraction = 1 / VALIDATION if len(counted) >= FEW else 0
    if isinstance(fraction, bool) or not 0 <= fraction <= 0.5:
        raise DataError(f"validation_fraction: expected from 0 (none) to 0.5, got {fraction!r}")
    if whole or not fraction:
        return Round(seed, counted, NOTHING, NOTHING)
    train, validation = hold_out(sequences, counted, seed, round(1 / fraction))
    return Round(seed, train, validation, NOTHING)


def _fitted(
    recipe: WarmRecipe,
    candidate: Candidate,
    network: torch.nn.Module,
    history: Iterable[Epoch],
    best_epoch: int,
) -> FittedNetwork:
    tree, weights = describe(network)
    settings = preprocessing(recipe.plan, recipe.plan.round(candidate.seed))
    return FittedNetwork(tree, weights, settings, tuple(map(asdict, history)), best_epoch)


def _tensor(array: Array) -> torch.Tensor:
    return torch.tensor(array)


def _mapped(value: Any, kind: type, change: Any) -> Any:
    """Change what is of a kind, anywhere in nested dicts and lists."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(one, kind, change) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(one, kind, change) for one in value]
    return value
