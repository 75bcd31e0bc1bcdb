"""How the networks of a run on labelled sequences are trained: batches, losses, rates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.data.sequences.reading_options import Goal
from glasscell.model.nodes.pooled_steps import Summary
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences.augmentation import Changes, left_out
from glasscell.tasks.sequences.batches import (
    ScaledSteps,
    by_length,
    lengths_and_places,
    padded_steps,
    unpadded,
)
from glasscell.tasks.sequences.gram_model import GramModel
from glasscell.tasks.sequences.network import SequenceNetwork, Shape
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import FEW, Plan
from glasscell.tasks.sequences.ridge import LinearStart
from glasscell.tasks.sequences.splits import Round
from glasscell.training import distribution
from glasscell.training.kinds import KINDS, RATES, Kind
from glasscell.training.trainer import Batch, Loss, Schedule, Trainer

AVERAGE = 0.99
"""How much of the averaged weights stays at each step, once warmed up."""

SKIP_RATE = 0.1
"""Part of the learning rate that the skip takes: it starts at its optimum, the head at nothing."""

SHARE = 0.5
"""Part of the scores that is the linear model of n-grams; recurrent layers tell the rest.

They learn by themselves, and the scores of the two are averaged, which is the geometric mean of
their probabilities: layers that learn on top of a model that knows its training part learn too
little.
"""

WARM_UP = 0.15
"""Part of the steps over which the learning rate rises; over the rest it falls to nothing."""

NEIGHBOURS = 10
"""Batches' worth of sequences, drawn at random, that are put in order of length before they are
cut into batches: so that each holds sequences of nearly one length, and no two epochs the same.

Of lengths that are uniform from 0 a batch of n neighbours is 1 - 1 / (n + 1) full: .91.
"""

Index = npt.NDArray[np.int64]


def padded(
    sequences: Sequences, scaler: Scaler, chosen: npt.ArrayLike
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut sequences out of the array that holds them all, as a network reads them.

    Args:
        sequences: All of them.
        scaler: Of their features.
        chosen: (B,) numbers.

    Returns:
        (B, T, F) scaled steps, zeros after the end of each, and (B,) int64 lengths.
    """
    x, lengths = padded_steps(sequences, scaler, chosen)
    return torch.from_numpy(x), torch.from_numpy(lengths)


def predict_scores(
    network: torch.nn.Module,
    sequences: Sequences,
    scaler: Scaler,
    chosen: npt.ArrayLike,
    device: torch.device | str = "cpu",
) -> npt.NDArray[np.float32]:
    """Score the chosen sequences in batches.

    Returns:
        (m, O), or a row for each of their steps, one sequence after another.
    """
    chosen = np.asarray(chosen, np.int64)
    lengths = sequences.lengths[chosen]
    scores: Array | None = None
    training = network.training
    network.eval()
    with torch.no_grad():
        for batch in by_length(sequences, chosen):
            x, steps = padded(sequences, scaler, chosen[batch])
            output = network(x.to(device), steps).cpu().numpy()
            rows, places = unpadded(output, batch, lengths)
            if scores is None:
                count = len(chosen) if output.ndim == 2 else int(lengths.sum())
                scores = np.empty((count, output.shape[-1]), np.float32)
            scores[places] = rows
    network.train(training)
    return np.zeros((0, 0), np.float32) if scores is None else scores


@dataclass(frozen=True, eq=False)
class Targets:
    """What the networks of one round are to give, and how much each of it counts.

    Args:
        goal: What is told.
        values: (·) int64 classes, (·, K) bool, or (·, D) float64 scaled numbers; by sequence, or
            by step of all sequences.
        outputs: K or D.
        per_step: Whether there is one a step.
        class_weights: (K,) what each class counts; of several labels at once (2, K), where they do
            not hold and where they do. None: one.
        weights: What each sequence counts, or with `per_step` each step; None: one.
    """

    goal: Goal
    values: Array
    outputs: int
    per_step: bool
    class_weights: Array | None = None
    weights: Array | None = None

    @classmethod
    def of(cls, plan: Plan, part: Round) -> Targets:
        """Take the targets of a round: numbers are scaled as in its training part."""
        labels = plan.labels
        values, weights = labels.values, None
        scaler = plan.target_scaler(plan.round(part.seed))
        if scaler is not None:
            values = scaler.apply(values.reshape(len(values), -1))
        elif plan.options.class_weight == "balanced":
            rows = plan.sequences.steps(part.train) if labels.per_step else part.train
            weights = balanced(values[rows], plan.outputs)
        return cls(plan.goal, values, plan.outputs, labels.per_step, weights, plan.weights)

    def cut(self, sequences: Sequences, chosen: Index) -> torch.Tensor:
        """Give what `loss` reads of the chosen sequences.

        Args:
            sequences: All of them.
            chosen: (B,) numbers.

        Returns:
            Of classes (B, K), or (B, T, K), what the sequence or step counts, at its class: zero
            after the end. Else (B, D, 2), or (B, T, D, 2), numbers, and what each
            counts.
        """
        rows, counts = chosen, np.ones(len(chosen))
        if self.per_step:
            lengths, places = lengths_and_places(sequences, chosen)
            rows = sequences.offsets[chosen][:, None] + np.minimum(places, lengths[:, None] - 1)
            counts = (places < lengths[:, None]).astype(np.float64)
        if self.weights is not None:
            counts = counts * self.weights[rows]
        values = self.values[rows]
        if self.goal == "classify":
            if self.class_weights is not None:
                counts = counts * self.class_weights[values]
            shares = np.zeros((*values.shape, self.outputs), np.float32)
            np.put_along_axis(shares, values[..., None], counts[..., None], axis=-1)
            return torch.from_numpy(shares)
        each = np.broadcast_to(counts[..., None], values.shape)
        if self.class_weights is not None:
            each = each * np.where(values, self.class_weights[1], self.class_weights[0])
        return torch.from_numpy(np.stack([values, each], axis=-1).astype(np.float32))

    @property
    def loss(self) -> Loss:
        """Cross entropy; of several labels the mean binary one; of numbers Huber's."""
        return {"classify": cross_entropy, "multilabel": binary, "regress": huber}[self.goal]


def balanced(values: Array, outputs: int) -> Array:
    """Weigh classes so that all count alike, and the values together as many as they are.

    Args:
        values: (n,) classes, giving (K,); or (n, K) whether each holds, giving (2, K).
        outputs: K.

    >>> balanced(np.array([0, 0, 0, 1]), 2)
    array([0.66666667, 2.        ])
    """
    if values.ndim == 2:
        holds = values.sum(axis=0)
        return np.asarray(len(values) / (2 * np.maximum([len(values) - holds, holds], 1)))
    counts = np.bincount(values, minlength=outputs)
    return np.asarray(len(values) / (np.count_nonzero(counts) * np.maximum(counts, 1)))


def cross_entropy(scores: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Give the mean cross entropy of scores (..., K) by the shares of the classes."""
    return -(shares * scores.log_softmax(-1)).sum() / shares.sum()


def binary(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Give the mean binary cross entropy of scores (..., K), targets (..., K, 2)."""
    losses = functional.binary_cross_entropy_with_logits(scores, targets[..., 0], reduction="none")
    return (losses * targets[..., 1]).sum() / targets[..., 1].sum()


def huber(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Give Huber's mean loss of scores (..., D), targets (..., D, 2)."""
    losses = functional.smooth_l1_loss(scores, targets[..., 0], reduction="none")
    return (losses * targets[..., 1]).sum() / targets[..., 1].sum()


def by_itself(loss: Loss, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Give the loss of recurrent layers alone, whose scores are a part of the whole."""
    return loss(scores / (1 - SHARE), targets)


class SequenceObjective:
    """Batches of sequences of similar length, cut by number from the array that holds all steps.

    Args:
        recipe: Data and options.
        seed: Of the round, and of all chance.
        device: Where the network is trained.
        width: What the head reads, for dropout.
    """

    def __init__(self, recipe: Recipe, seed: int, device: torch.device, width: int) -> None:
        plan = recipe.plan
        self.recipe, self.device, self.width = recipe, device, width
        self.sequences, self.part = plan.sequences, recipe.part(seed)
        self.symbols = plan.of_symbols
        self.scaled = ScaledSteps(plan.sequences, plan.scaler(plan.round(seed)))
        self.targets = Targets.of(plan, self.part)
        loss = self.targets.loss
        self.loss: Loss = partial(by_itself, loss) if recipe.alone else loss
        self.size = plan.options.batch_size or 1
        self.steps = math.ceil(len(self.part.train) / self.size)
        self.generator = torch.Generator().manual_seed(seed)

    @cached_property
    def linear(self) -> torch.Tensor | None:
        """(n, 4 F) what the skip reads of each training sequence: the same in all epochs.

        Of n-grams zeros (n, outputs), which stand for what it adds; None: it reads the batch.
        """
        if self.recipe.alone:
            return torch.zeros(len(self.part.train), self.targets.outputs)
        if not self.recipe.shape.skip or self.recipe.shape.grams is not None:
            return None
        how = Summary(len(self.sequences.features))
        found = np.empty((len(self.part.train), how.gives), np.float32)
        for rows in by_length(self.sequences, self.part.train):
            x, lengths = self.scaled.cut(self.part.train[rows])
            found[rows] = how.absorb(how.begin(len(x)), x, lengths)
        return torch.from_numpy(found)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Cut the batches of an epoch."""
        order = self._permutation(len(self.part.train))
        lengths = self.sequences.lengths[self.part.train[order]]
        changes: Changes | None = None
        if self.recipe.options.augment:
            # Drawn before the cut: what is read has their lengths.
            features = len(self.sequences.features)
            changes = Changes.draw(torch.from_numpy(lengths), features, self.generator)
            lengths = changes.steps.numpy()
        batches: list[Index] = []
        for first in range(0, len(order), NEIGHBOURS * self.size):
            near = lengths[first : first + NEIGHBOURS * self.size]
            places = first + np.argsort(near, kind="stable")
            batches += np.split(places, range(self.size, len(places), self.size))
        for number in self._permutation(len(batches)).tolist():
            places = batches[number]
            yield self._batch(order[places], None if changes is None else changes.of(places))

    def _permutation(self, count: int) -> Index:
        return np.asarray(torch.randperm(count, generator=self.generator).numpy())

    def _batch(self, places: Index, changes: Changes | None) -> Batch:
        """Give a batch of training sequences, by their places among them."""
        chosen = self.part.train[places]
        x, lengths = map(torch.from_numpy, self.scaled.cut(chosen))
        targets = self.targets.cut(self.sequences, chosen)
        if changes is not None:
            x, lengths = changes.apply(x, lengths), changes.steps
        dropout, noise = self.recipe.options.dropout or 0.0, self.recipe.options.noise or 0.0
        kept = added = linear = None
        if dropout:
            drawn = torch.rand(len(x), self.width, generator=self.generator)
            kept = ((drawn >= dropout) / (1 - dropout)).to(self.device)
        if noise:
            # What stands after the end of a sequence changes nothing.
            if self.symbols:
                added = left_out(x, noise, self.generator)
            else:
                added = noise * torch.randn(x.shape, generator=self.generator)
            added = added.to(self.device)
        if self.linear is not None:
            linear = self.linear[torch.from_numpy(places)].to(self.device)
        options = {"lengths": lengths, "kept": kept, "noise": added, "linear": linear}
        weights = _weights(targets, self.targets.goal)
        return Batch(x.to(self.device), targets.to(self.device), options, weights)

    def error(self, network: torch.nn.Module) -> float:
        """Give the loss on validation; on training, where there is no validation part."""
        chosen = self.part.validation if len(self.part.validation) else self.part.train
        held_out = self.recipe.held_out(self.part.seed) if len(self.part.validation) else None
        total = weight = 0.0
        training = network.training
        network.eval()
        with torch.no_grad():
            for rows in by_length(self.sequences, chosen):
                x, lengths = map(torch.from_numpy, self.scaled.cut(chosen[rows]))
                targets = self.targets.cut(self.sequences, chosen[rows])
                linear = None if held_out is None else held_out[torch.from_numpy(rows)]
                scores = network(
                    x.to(self.device),
                    lengths,
                    linear=None if linear is None else linear.to(self.device),
                )
                counts = float(_weights(targets, self.targets.goal).sum())
                total += float(self.targets.loss(scores, targets.to(self.device))) * counts
                weight += counts
        network.train(training)
        return total / weight


def _weights(targets: torch.Tensor, goal: Goal) -> torch.Tensor:
    """Give (B,) what each sequence counts in the mean that the loss is."""
    counted = targets if goal == "classify" else targets[..., 1]
    return counted.reshape(len(targets), -1).sum(1)


@dataclass(frozen=True, eq=False)
class Recipe:
    """What the networks of one run have in common.

    Args:
        plan: Data, parts and options.
    """

    plan: Plan

    @classmethod
    def of(cls, plan: Plan) -> Recipe:
        """Take what training needs from a plan."""
        recipe = cls(plan)
        # Here, so that no process that trains has to.
        _ = recipe.starts
        return recipe

    @cached_property
    def starts(self) -> tuple[LinearStart | None, ...]:
        """The linear model that the networks of each round start at, where they have a skip."""
        if not (self.shape.skip and self.shape.pooling):
            return (None,) * len(self.plan.rounds)
        return tuple(self._start(part) for part in self.plan.rounds)

    def _start(self, part: Round) -> LinearStart:
        if self.shape.grams is None:
            return LinearStart.of(self.plan, part, self.part(part.seed).train)
        model = GramModel.of(self.plan, part)
        return LinearStart(*(SHARE * one for one in (model.weight, model.bias, model.held_out)))

    def start(self, seed: int) -> LinearStart | None:
        """Give the linear model that the networks of a seed start at."""
        return self.starts[seed - self.plan.rounds[0].seed]

    def held_out(self, seed: int) -> torch.Tensor | None:
        """Give what the linear path adds to the scores of a validation part that it did not see.

        Returns:
            (v, O), or None where it learnt from the training part alone.
        """
        start = self.start(seed) if self.alone else None
        if start is None or start.held_out is None:
            return None
        return torch.from_numpy(start.held_out.astype(np.float32))

    @property
    def alone(self) -> bool:
        """Whether recurrent layers learn without the linear path, which is whole from the start."""
        return self.shape.skip and self.shape.grams is not None

    @property
    def options(self) -> SequenceOptions:
        """The resolved options."""
        return self.plan.options

    @cached_property
    def fingerprint(self) -> str:
        """A digest of options and data, by which a resumed run knows its own."""
        return self.plan.fingerprint()

    @property
    def epochs(self) -> int:
        """The most epochs of a network."""
        return self.options.epochs

    @property
    def film(self) -> int | None:
        """Training steps between two frames of the film."""
        return self.options.film

    def part(self, seed: int) -> Round:
        """Give what the networks of a seed are trained on; of `FEW`, validation is part of it."""
        part = self.plan.round(seed)
        learning = np.union1d(part.train, part.validation)
        if len(learning) >= FEW:
            return part
        return replace(part, train=learning, validation=part.validation[:0])

    @property
    def shape(self) -> Shape:
        """What the networks have in common."""
        options = self.options
        return Shape(
            features=len(self.plan.sequences.features),
            outputs=self.plan.outputs,
            layers=options.layers,
            bidirectional=bool(options.bidirectional),
            pooling=tuple(options.pooling or ()),
            skip=options.skip,
            grams=self.plan.grams if options.skip else None,
        )

    @property
    def work(self) -> float:
        """Products of a weight and a number that training all networks takes."""
        shape = replace(self.shape, skip=False)
        weights = shape.parameters(KINDS[self.options.cell], self.options.hidden_size or 1)
        steps = sum(int(self.plan.sequences.lengths[part.train].sum()) for part in self.plan.rounds)
        return 2 * 3.0 * steps * self.epochs * weights

    def network(self, kind: Kind, seed: int) -> SequenceNetwork:
        """Make a network with the initial weights of a seed; the global random state stays."""
        size = self.options.hidden_size or 1
        if kind != KINDS[self.options.cell]:
            size = self.shape.twin(KINDS[self.options.cell], size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = SequenceNetwork(kind, size, self.shape)
        start = self.start(seed)
        if start is not None:
            network.start_from(start.weight, start.bias)
        return network

    def groups(self, network: torch.nn.Module, kind: Kind) -> list[dict[str, Any]]:
        """Give the weights of a network and their highest learning rates, for an optimizer."""
        rate = self.options.learning_rate * RATES[kind]
        named = dict(network.named_parameters())
        linear = [named.pop(name) for name in list(named) if name.startswith("skip.")]
        groups = [
            {"params": list(named.values()), "lr": rate},
            {"params": linear, "lr": rate * SKIP_RATE},
        ]
        return groups if linear else groups[:1]

    def trainer(self, kind: Kind, seed: int) -> Trainer:
        """Make a network ready for training, on the device that accelerate chooses."""
        device = distribution.device()
        network = self.network(kind, seed).to(device)
        objective = SequenceObjective(self, seed, device, network.width)
        groups = self.groups(network, kind)
        optimizer = torch.optim.Adam(groups, fused=True)
        rates = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            [group["lr"] for group in groups],
            total_steps=self.epochs * objective.steps,
            pct_start=WARM_UP,
            cycle_momentum=False,
        )
        patience = self.options.patience if len(objective.part.validation) else None
        schedule = Schedule(
            epochs=self.epochs, patience=patience, average=AVERAGE, keep_start=self.shape.skip
        )
        return Trainer(network, objective, optimizer, schedule, rates, self.film)
