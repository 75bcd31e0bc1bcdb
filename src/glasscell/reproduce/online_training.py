"""Networks of memory blocks as papers before 2001 describe them, and how those papers trained them.

One sequence at a time, no momentum, no batch: after every sequence the weights move along the
truncated gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from glasscell.arrays import Array
from glasscell.engine.online import MemoryBlocks, OnlineRun
from glasscell.reference.memory_blocks import BlockSizes
from glasscell.reproduce.problems.examples import Examples

Hears = Literal["all", "cells", "nothing"]

AT_ONCE = 200
"""Sequences that are drawn and run in one call."""


class Online(Protocol):
    """A network that learns sequence by sequence, as `MemoryBlocks` does."""

    def run(
        self,
        x: Array,
        target: Array | None,
        ends: Array,
        *,
        rate: float = 0.0,
        per_step: bool = False,
    ) -> OnlineRun:
        """Run sequences one after another, and learn from each."""


class Beginning(Protocol):
    """How such a network begins."""

    def begin(self, chance: np.random.Generator) -> Online:
        """Make one with initial weights from `chance`."""


@dataclass(frozen=True, kw_only=True)
class BlockNetwork:
    """A network of memory blocks and how its weights begin.

    Args:
        sizes: What it is made of.
        hears: What cells and gates hear of the step before: all hidden units, the cells, nothing.
        biased: Which hidden units have a bias.
        output_bias: Whether the outputs have one.
        direct: Whether the outputs hear the inputs.
        spread: Weights begin uniformly in ±spread; a bias that is not named below too.
        input_biases: Initial bias of the input gate of each block; repeated where there are fewer.
        output_biases: The same of the output gates.
        forget_biases: The same of the forget gates.
    """

    sizes: BlockSizes
    hears: Hears = "all"
    biased: Literal["all", "gates", "nothing"] = "all"
    output_bias: bool = True
    direct: bool = False
    spread: float = 0.1
    input_biases: Sequence[float] | None = None
    output_biases: Sequence[float] | None = None
    forget_biases: Sequence[float] | None = None

    def masks(self) -> tuple[Array, Array]:
        """Give which weights exist: (U, M) and (O, K + I + 1) bool."""
        sizes = self.sizes
        I, K, n = sizes.inputs, sizes.cells, sizes.blocks  # noqa: E741
        gates = (sizes.input_gate, sizes.output_gate, sizes.forget_gate)
        there = np.concatenate([np.ones(K, bool), np.repeat(gates, n)])
        heard = {"all": there, "cells": np.arange(sizes.units) < K, "nothing": there & False}
        is_gate = np.arange(sizes.units) >= K
        biased = {"all": there, "gates": there & is_gate, "nothing": there & False}[self.biased]
        hidden = np.zeros((sizes.units, sizes.sources), bool)
        hidden[:, :I] = True
        hidden[:, I:-1] = heard[self.hears]
        hidden[~there] = False
        hidden[:, -1] = biased
        output = np.zeros((sizes.outputs, sizes.output_sources), bool)
        output[:, :K] = True
        output[:, K : K + I] = self.direct
        output[:, -1] = self.output_bias
        return hidden, output

    @property
    def weights(self) -> int:
        """How many weights there are."""
        return int(sum(mask.sum() for mask in self.masks()))

    def begin(self, chance: np.random.Generator) -> MemoryBlocks:
        """Make the network with initial weights from `chance`."""
        sizes, (hidden_mask, output_mask) = self.sizes, self.masks()
        hidden = chance.uniform(-self.spread, self.spread, hidden_mask.shape)
        output = chance.uniform(-self.spread, self.spread, output_mask.shape)
        every = (self.input_biases, self.output_biases, self.forget_biases)
        for number, biases in enumerate(every):
            if biases is not None:
                first = sizes.cells + number * sizes.blocks
                hidden[first : first + sizes.blocks, -1] = np.resize(biases, sizes.blocks)
        return MemoryBlocks(
            sizes, hidden * hidden_mask, output * output_mask, hidden_mask, output_mask
        )


@dataclass(frozen=True, kw_only=True)
class Goal:
    """When a network has learnt.

    Args:
        tolerance: A sequence is right if no error of an asked output reaches this.
        streak: Sequences in a row that must be right.
        allowed: Of which so many may be wrong all the same.
        mean_below: Mean absolute error of those sequences that must be kept as well.
        most: Sequences after which a trial has failed.
    """

    tolerance: float
    streak: int
    allowed: int = 0
    mean_below: float = np.inf
    most: int = 5_000_000


NEARLY = Goal(tolerance=np.inf, streak=1000, allowed=10)
"""99 of 100 right: from then on what is left to learn is the last of the errors."""


@dataclass(frozen=True)
class Learnt:
    """How a trial ended.

    Args:
        solved: Whether the goal was reached.
        after: Sequences that were shown before the streak of the goal began.
        shown: Sequences that were shown in all.
        nearly: Sequences that were shown when `NEARLY` all were right; None: they never were.
        mean: Mean absolute error over the last streak, or what there was of one.
    """

    solved: bool
    after: int
    shown: int
    nearly: int | None
    mean: float


def learn(
    network: Online,
    draw: Callable[[int], Examples],
    rate: float,
    goal: Goal,
    *,
    per_step: bool = False,
    tell: Callable[[int], None] = lambda shown: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Learnt:
    """Show new sequences one at a time until the goal is reached.

    Args:
        network: What learns.
        draw: Gives so many new sequences.
        rate: Learning rate.
        goal: When to stop.
        per_step: Change the weights after every step that has a target.
        tell: Told the sequences shown.
        stopped: Asked whether to give up.

    Returns:
        How it ended. Up to `AT_ONCE` - 1 sequences more than `shown` says have changed the weights:
        those that were drawn together.
    """
    largest, means = np.zeros(0), np.zeros(0)
    shown, nearly = 0, None
    while shown < goal.most and not stopped():
        examples = draw(min(AT_ONCE, goal.most - shown))
        run = network.run(examples.x, examples.target, examples.ends, rate=rate, per_step=per_step)
        kept = max(goal.streak, NEARLY.streak) - 1
        largest = np.concatenate([largest[len(largest) - min(kept, len(largest)) :], run.largest])
        means = np.concatenate(
            [means[len(means) - min(kept, len(means)) :], run.absolute / asked(examples)]
        )
        before = shown + len(examples) - len(largest)
        right = largest < goal.tolerance
        end = first_streak(right, means, goal)
        if nearly is None and (most := first_streak(right, means, NEARLY)) is not None:
            nearly = before + most
        shown += len(examples)
        tell(shown)
        if end is not None:
            mean = float(means[end - goal.streak : end].mean())
            return Learnt(True, before + end - goal.streak, before + end, nearly, mean)
    mean = float(means[-goal.streak :].mean()) if shown else np.nan
    return Learnt(False, shown, shown, nearly, mean)


def first_streak(right: Array, means: Array, goal: Goal) -> int | None:
    """Find the end of the first streak that meets the goal; None: there is none.

    >>> right = np.array([True, False, True, True])
    >>> first_streak(right, np.zeros(4), Goal(tolerance=1, streak=2))
    4
    """
    wrong = np.concatenate([[0], np.cumsum(~right)])
    total = np.concatenate([[0.0], np.cumsum(means)])
    ends = np.arange(goal.streak, len(right) + 1)
    met = wrong[ends] - wrong[ends - goal.streak] <= goal.allowed
    met &= (total[ends] - total[ends - goal.streak]) / goal.streak < goal.mean_below
    return int(ends[np.argmax(met)]) if met.any() else None


def asked(examples: Examples) -> Array:
    """Count the outputs that each sequence is asked for, at least one."""
    of_steps = np.concatenate([[0], np.cumsum((~np.isnan(examples.target)).sum(axis=1))])
    count: Array = of_steps[examples.ends] - of_steps[examples.ends - examples.lengths]
    return np.maximum(count, 1)


def wrong(network: Online, examples: Examples, tolerance: float) -> tuple[int, float]:
    """Test without learning: sequences with an error from `tolerance` on, mean squared error."""
    run = network.run(examples.x, examples.target, examples.ends)
    count = int((run.largest >= tolerance).sum())
    return count, float(run.squared.sum() / asked(examples).sum())
