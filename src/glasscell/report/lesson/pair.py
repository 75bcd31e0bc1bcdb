"""The two trained networks that the lesson carries, and what they answer; needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from glasscell.arrays import Array
from glasscell.data.problems import adding_sequences
from glasscell.model.model import Model, load

__all__ = ["ALWAYS_ONE", "Answers", "Pair", "carried"]

ALWAYS_ONE = 1 / 6
"""Mean squared error of the answer 1: the variance of a sum of two uniform numbers."""

_TEST_SEED = 2025


@dataclass(frozen=True, eq=False)
class Answers:
    """What both networks answer to sequences that neither was trained on.

    Args:
        truth: (N,) the sums.
        lstm: (N,) the LSTM's answers.
        rnn: (N,) the plain RNN's.
    """

    truth: Array
    lstm: Array
    rnn: Array

    def error(self, name: str) -> float:
        """Mean squared error of "lstm" or "rnn"."""
        return float(np.mean((getattr(self, name) - self.truth) ** 2))


@dataclass(frozen=True, eq=False)
class Pair:
    """An LSTM and a plain RNN with as many weights, trained alike on the adding problem.

    Args:
        folder: Where the folders of both are, "lstm" and "rnn".
        lstm: Sequential(LSTM, Linear), answers after every step.
        rnn: Sequential(RNN, Linear), the same.
        x: (B, T, 2) float32, the sequences that the lesson shows: value and marker.
    """

    folder: Path
    lstm: Model
    rnn: Model
    x: Array

    @property
    def steps(self) -> int:
        """T."""
        return int(self.x.shape[1])

    def targets(self) -> Array:
        """(B,) the right answers to `x`."""
        return np.asarray((self.x[:, :, 0] * self.x[:, :, 1]).sum(1))

    def answers(self, count: int = 400, seed: int = _TEST_SEED) -> Answers:
        """Let both answer sequences that they have not seen.

        Args:
            count: N, how many.
            seed: Of the sequences.
        """
        x, truth = adding_sequences(self.steps, count, np.random.default_rng(seed))
        lstm, rnn = (model.run(x).output[-1, :, 0] for model in (self.lstm, self.rnn))
        return Answers(truth, lstm, rnn)


@cache
def carried() -> Pair:
    """Load the pair that is part of glasscell.

    >>> pair = carried()
    >>> pair.steps, pair.lstm.parameters, pair.rnn.parameters
    (80, 393, 415)
    """
    folder = Path(str(resources.files(__package__) / "carried"))
    return Pair(
        folder, load(folder / "lstm"), load(folder / "rnn"), np.load(folder / "sequences.npy")
    )
