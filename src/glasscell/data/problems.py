"""Small problems whose lag is known, in NumPy: what is shown, and what is to be answered.

One generator for each problem, for the lesson, the duel and the experiments alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from glasscell.arrays import Array

__all__ = ["Problem", "adding", "adding_sequences", "echo", "recall", "sign", "wave"]

Sequences = tuple[Array, Array]
Draw = Callable[[np.random.Generator, int], Sequences]


@dataclass(frozen=True)
class Problem:
    """What is to be learnt.

    Args:
        name: Of the problem.
        steps: T.
        lag: How many steps lie between what must be remembered and the answer.
        every_step: Whether every step has an answer, or the last one alone.
        inputs: I.
        draw: Gives x (T, B, I) and y, (B,) or (T, B).
        baseline: Mean squared error of the best answer that remembers nothing.
    """

    name: str
    steps: int
    lag: int
    every_step: bool
    inputs: int
    draw: Draw
    baseline: float


def adding_sequences(
    length: int, count: int, generator: np.random.Generator, dtype: DTypeLike = np.float32
) -> Sequences:
    """Draw sequences of the adding problem: add two marked numbers of many.

    Hochreiter and Schmidhuber (1997), experiment 4; see `glasscell.reproduce.adder`.

    Args:
        length: T, at least 2.
        count: B.
        generator: Source of chance.
        dtype: Of the numbers; float64 takes twice as many bits from the generator as float32.

    Returns:
        x (T, B, 2), value and marker; y (B,), the sums.

    >>> x, y = adding_sequences(10, 3, np.random.default_rng(0))
    >>> x.shape, x[:, 0, 1].nonzero()[0].tolist()
    ((10, 3, 2), [4, 9])
    >>> bool(np.allclose((x[:, :, 0] * x[:, :, 1]).sum(0), y))
    True
    """
    rows = np.arange(count)
    x = np.zeros((length, count, 2), dtype)
    x[:, :, 0] = generator.random((length, count), dtype=x.dtype.type)
    first = generator.integers(0, length // 2, count)
    second = generator.integers(length // 2, length, count)
    x[first, rows, 1] = x[second, rows, 1] = 1
    return x, x[first, rows, 0] + x[second, rows, 0]


def adding(steps: int) -> Problem:
    """Add two marked numbers."""

    def draw(chance: np.random.Generator, count: int) -> Sequences:
        return adding_sequences(steps, count, chance, np.float64)

    return Problem("adding", steps, steps - 1, False, 2, draw, 1 / 6)


def recall(steps: int) -> Problem:
    """Say at the end which number was shown first, after steps of noise."""

    def draw(chance: np.random.Generator, count: int) -> Sequences:
        x = _noise(0.2, steps, chance, count)
        return _shown_first(x, chance.uniform(-1, 1, count))

    return Problem("recall", steps, steps - 1, False, 2, draw, 1 / 3)


def sign(steps: int) -> Problem:
    """Say at the end, as +1 or -1, the sign of what was shown first: a bit to latch."""

    def draw(chance: np.random.Generator, count: int) -> Sequences:
        x = _noise(0.3, steps, chance, count)
        return _shown_first(x, chance.choice([-1.0, 1.0], count))

    return Problem("sign", steps, steps - 1, False, 2, draw, 1.0)


def echo(steps: int, delay: int) -> Problem:
    """Repeat at every step the number shown some steps ago."""

    def draw(chance: np.random.Generator, count: int) -> Sequences:
        x = chance.uniform(-1, 1, (steps, count, 1))
        y = np.zeros((steps, count))
        y[delay:] = x[:-delay, :, 0]
        return x, y

    return Problem("echo", steps, delay, True, 1, draw, (1 - delay / steps) / 3)


def wave(steps: int) -> Problem:
    """Forecast a noisy sine of unknown frequency, one step ahead, at every step."""

    def draw(chance: np.random.Generator, count: int) -> Sequences:
        phase, speed = chance.uniform(0, 6.28, count), chance.uniform(0.3, 0.9, count)
        y = np.sin(phase + speed * np.arange(steps + 1)[:, None])
        y += 0.05 * chance.normal(size=y.shape)
        return y[:-1, :, None], y[1:]

    return Problem("wave", steps, 3, True, 1, draw, 0.5)


def _noise(size: float, steps: int, chance: np.random.Generator, count: int) -> Array:
    """Noise (T, B, 2) in channel 0; channel 1 will mark the step that counts."""
    x = np.zeros((steps, count, 2))
    x[:, :, 0] = size * chance.normal(size=(steps, count))
    return x


def _shown_first(x: Array, answers: Array) -> Sequences:
    x[0, :, 0], x[0, :, 1] = answers, 1
    return x, answers
