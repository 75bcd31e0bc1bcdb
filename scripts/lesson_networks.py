"""Trains the two networks that `glasscell explain` carries, and writes them into the package.

    python scripts/lesson_networks.py [FOLDER]      default: src/glasscell/report/lesson/carried

The adding problem over 80 steps: an LSTM of 8 units, and a plain tanh RNN with as many weights (18
units), same sequences in the same order, same optimiser, same seed. The LSTM trains at one learning
rate, the RNN at three, and its best try on validation is kept; each try may take 3000 steps. About
twenty seconds on one core; the same bits on the same machine, and on any other a pair of which
tests/report/lesson/test_pair.py must hold: the LSTM solves the problem, the RNN does not.

Of seeds 0, 1 and 2 the plain RNN does best with seed 1, so that is the one that is carried: it has
learnt to add the later number and guesses the earlier one.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

import glasscell
from glasscell.data.problems import adding_sequences
from glasscell.reproduce.duel import Duel, DuelOptions, Try, duel

OPTIONS = DuelOptions(length=80, hidden_size=8, steps=3000, enough=0.0005, seed=1)
FOLDER = Path(__file__).parents[1] / "src/glasscell/report/lesson/carried"

# The sequences that the lesson shows: steps of the two marks, and the values there. Each has a
# first number far from 0.5, so that guessing it shows.
SHOWN = (
    ((8, 46), (0.90, 0.85)),
    ((17, 71), (0.07, 0.64)),
    ((35, 44), (0.15, 0.95)),
    ((2, 77), (0.10, 0.15)),
)


def sequences() -> np.ndarray:
    """(B, T, 2) float32: random values, the marks of SHOWN."""
    x, _ = adding_sequences(OPTIONS.length, len(SHOWN), np.random.default_rng(20))
    x[:, :, 1] = 0
    for row, (steps, values) in enumerate(SHOWN):
        x[list(steps), row, 0] = values
        x[list(steps), row, 1] = 1
    return np.ascontiguousarray(x.swapaxes(0, 1))


def keep(one: Try, name: str, folder: Path) -> None:
    """Save a network under names that tell the two apart on one page: lstm.l0, rnn.l0."""
    parts = OrderedDict([(name, one.network.recurrent), ("head", one.network.head)])
    glasscell.save(torch.nn.Sequential(parts), folder / name, force=True)


def write(fought: Duel, folder: Path) -> None:
    """Write both networks and the sequences."""
    keep(fought.lstm, "lstm", folder)
    keep(fought.rnn, "rnn", folder)
    np.save(folder / "sequences.npy", sequences())


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    fought = duel(OPTIONS)
    write(fought, target)
    for one in (fought.lstm, *fought.rnns):
        print(
            f"{one.kind} rate {one.learning_rate:g}: {one.hidden_size} units, {one.parameters} "
            f"weights, {one.steps} steps, error {one.error:.4f}"
        )
