"""How far back gradients must travel on this text: measured on a network trained for a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from glasscell.data.wording import count
from glasscell.inspect import truncation
from glasscell.tasks.text.network import Recipe, cross_entropy
from glasscell.tasks.text.plan import UNITS, Plan
from glasscell.training import distribution
from glasscell.training.kinds import KINDS
from glasscell.training.workers import one_thread

PIECE = 32
"""Steps of the pieces of the short training."""

STEPS = 200
"""Of the short training: some seven seconds of one core at 256 units."""

LENGTHS = (8, 16, 32, 64, 128)
"""What is tried; more than 128 steps cost memory and make fewer training steps."""

SEQUENCES, LONGEST = 16, 256
"""The validation text on which gradients are compared with those of `LONGEST` steps."""

NEAR = 0.996
"""Cosine from which on a truncated gradient counts as the full one: it then has lost less than an
eleventh, sqrt(1 - 0.996^2). After so short a training the network has only begun to use what is
further back; at 0.99, 16 characters of English would do."""


@dataclass(frozen=True)
class Reach:
    """What was measured.

    Args:
        chosen: The truncation.
        cosine: Length to the cosine between the truncated and the full gradient.
        trained: Steps of training before.
    """

    chosen: int
    cosine: dict[int, float]
    trained: int

    def in_words(self, unit: str) -> str:
        """Say what was chosen and why."""
        steps = count(self.chosen, UNITS[unit][0])
        seen = ", ".join(f"{cosine:.3f} at {length}" for length, cosine in self.cosine.items())
        enough = self.cosine[self.chosen] >= NEAR
        why = (
            f"the shortest with {NEAR}"
            if enough
            else f"the longest, though below {NEAR}: the text "
            "has longer ties, and the state is carried on beyond"
        )
        return (
            f"Truncation: {steps}. After {count(self.trained, 'step')} of training, the cosine "
            f"between a gradient cut short and that of {LONGEST} is {seen}; {why} (--truncation)."
        )


def measure(plan: Plan, stopped: Callable[[], bool] = lambda: False) -> Reach:
    """Train for a moment and compare truncated gradients with the full one.

    Args:
        plan: The plan, its truncation open.
        stopped: Asked after every step; the measure then uses what was learnt so far.

    Notes:
        The measure is `glasscell.inspect.truncation`, on the recurrent layers' weights.
    """
    brief = plan.truncated(PIECE)
    steps = replace(brief.options, epochs=1, film=None, dropout=0.0)
    recipe = Recipe.of(replace(brief, options=steps))
    kind = KINDS[plan.options.cell]
    done, last = 0, STEPS - (distribution.size() > 1)

    def after_batch(_: float) -> bool:
        nonlocal done
        done += 1
        # Processes of a launcher stop together, one step after the first of them asks to.
        return done < last and not stopped()

    with one_thread():
        trainer = recipe.trainer(kind, plan.options.seed)
        trainer.rates = None  # a schedule would begin with a rate at which nothing is learnt
        for group in trainer.optimizer.param_groups:
            group["lr"] = plan.options.learning_rate
        while trainer.step_epoch(after_batch):
            pass
        text = plan.validation
        sequences = max(min(SEQUENCES, (len(text) - 1) // LONGEST), 1)
        longest = min(LONGEST, (len(text) - 1) // sequences)
        rows = np.arange(sequences)[:, None] * longest + np.arange(longest + 1)
        read = torch.from_numpy(text[rows].astype(np.int64))
        lengths = [length for length in LENGTHS if length < longest] or [longest]
        found = truncation(
            trainer.network.cpu(),
            read[:, :-1],
            lambda scores: cross_entropy(scores, read[:, 1:]),
            lengths,
        )
    # Other machines may round otherwise; all must cut the text alike.
    chosen = int(distribution.number_from_first(found.shortest(NEAR) or lengths[-1]))
    cosine = {int(n): float(c) for n, c in zip(found.lengths, found.cosine, strict=True)}
    return Reach(chosen, cosine, done)
