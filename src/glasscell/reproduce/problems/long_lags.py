"""Experiments 2 and 3 of 1997: the first symbols must be kept over p steps, with and without noise.

Hochreiter and Schmidhuber (1997), "Long Short-Term Memory", sections 5.2 and 5.3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glasscell.arrays import Array
from glasscell.reproduce.problems.examples import Examples, at_the_end, joined, one_hot

CLASSES = (0.2, 0.8)
"""Targets of the two classes where the target itself is noisy (3c)."""


def noise_free_lag(lag: int, count: int, chance: np.random.Generator) -> Examples:
    """Predict each next symbol of (y, a1 … a_{p-1}, y) or (x, a1 … a_{p-1}, x): task 2a.

    All but the last symbol can be known from the one before; the last is the first one again.

    Args:
        lag: p, at least 2; there are p + 1 symbols: a1 … a_{p-1}, x, y.
        count: Sequences; both kinds come with equal chance.
        chance: Source of chance.

    Returns:
        x and target are p + 1 wide; p steps each, and a target after every one.

    Notes:
        Section 5.2, task 2a: no local regularity is broken, so a net without memory is wrong about
        the last symbol alone.

    >>> lesson = noise_free_lag(3, 1, np.random.default_rng(0))
    >>> x, target = lesson.sequence(0)
    >>> x.argmax(1).tolist(), target.argmax(1).tolist()
    ([3, 0, 1], [0, 1, 3])
    """
    middle = np.arange(lag - 1)
    return joined(
        [
            _predicted(np.concatenate([[first], middle, [first]]), lag + 1)
            for first in chance.integers(lag - 1, lag + 1, count)
        ]
    )


def random_distractors(lag: int, count: int, chance: np.random.Generator) -> Examples:
    """Predict the last symbol of (y, any, …, any, y) or (x, …, x): task 2b.

    As `noise_free_lag`, but the symbols between are drawn anew for every sequence: nothing local
    can be learnt, and what is in between cannot be compressed.

    Args:
        lag: p, at least 2.
        count: Sequences.
        chance: Source of chance.

    Returns:
        p + 1 wide, p steps each; a target after every step, as in 2a.
    """
    sequences = []
    for first in chance.integers(lag - 1, lag + 1, count):
        between = chance.integers(0, lag - 1, lag - 1)
        sequences.append(_predicted(np.concatenate([[first], between, [first]]), lag + 1))
    return joined(sequences)


def last_alone(
    problem: Callable[[int, int, np.random.Generator], Examples],
    count: int,
    chance: np.random.Generator,
    lag: int = 100,
) -> Examples:
    """Draw sequences of a problem, and ask for the last symbol alone.

    Args:
        problem: `noise_free_lag` or `random_distractors`.
        count: Sequences.
        chance: Source of chance.
        lag: p.

    >>> last_alone(random_distractors, 1, np.random.default_rng(0), lag=3).target[:, 2:]
    array([[nan, nan],
           [nan, nan],
           [ 0.,  1.]])
    """
    drawn = problem(lag, count, chance)
    return at_the_end(drawn.x, drawn.ends, drawn.target[drawn.ends - 1])


def very_long_lag(least: int, symbols: int, count: int, chance: np.random.Generator) -> Examples:
    """Tell x from y after at least q noisy steps of sequences without an end in sight: task 2c.

    A sequence is b (begin), then x or y, then q + k symbols a_i at random, then e (end), and then
    the second symbol again. k is drawn so that the end comes after each step with chance 1/10.

    Args:
        least: q, least number of symbols between.
        symbols: p, kinds of symbols between.
        count: Sequences.
        chance: Source of chance.

    Returns:
        x is p + 4 wide (a1 … ap, x, y, b, e), target 2 wide (x, y), asked for after e alone.

    Notes:
        Section 5.2, task 2c: the minimal time lag is q + 1. Table 3.
    """
    between = least + chance.geometric(0.1, count) - 1
    second = chance.integers(0, 2, count)
    rows = [
        np.concatenate(
            [[symbols + 2], [symbols + kind], chance.integers(0, symbols, steps), [symbols + 3]]
        )
        for kind, steps in zip(second, between, strict=True)
    ]
    x = one_hot(np.concatenate(rows), symbols + 4)
    return at_the_end(x, np.cumsum([len(row) for row in rows]), one_hot(second, 2))


def two_sequence(
    length: int,
    telling: int,
    count: int,
    chance: np.random.Generator,
    *,
    signal_noise: bool = False,
    target_noise: bool = False,
) -> Examples:
    """Tell class 1 from class 2 by the first N values, then keep it: tasks 3a, 3b and 3c.

    The first N values are +1 in class 1 and -1 in class 2; all others are Gaussian noise of mean 0
    and variance 0.2.

    Args:
        length: T, least length; a sequence has T … T + T/10 steps.
        telling: N, values that tell the class.
        count: Sequences; both classes come with equal chance.
        chance: Source of chance.
        signal_noise: Add the same noise to the values that tell the class (3b and 3c).
        target_noise: Ask for 0.2 in class 1 and 0.8 in class 2, plus noise of standard deviation
            0.32 (3c), in place of 1 in class 1 and 0 in class 2.

    Returns:
        x is 1 wide; target 1 wide, asked for after the last step.

    Notes:
        Section 5.3; Bengio et al. (1994) for 3a. The variance of the target's noise in 3c is 0.1.
    """
    lengths = chance.integers(length, length + length // 10 + 1, count)
    ends = np.cumsum(lengths)
    classes = chance.integers(0, 2, count)
    x = chance.normal(0.0, np.sqrt(0.2), (int(ends[-1]), 1)) if count else np.zeros((0, 1))
    first = (ends - lengths)[:, None] + np.arange(telling)
    signal = np.repeat(np.where(classes == 0, 1.0, -1.0)[:, None], telling, axis=1)
    x[first, 0] = signal + (x[first, 0] if signal_noise else 0.0)
    if target_noise:
        answers = np.where(classes == 0, *CLASSES) + chance.normal(0.0, np.sqrt(0.1), count)
    else:
        answers = np.where(classes == 0, 1.0, 0.0)
    return at_the_end(x, ends, answers[:, None])


def _predicted(symbols: Array, kinds: int) -> tuple[Array, Array]:
    """Ask after each symbol for the next one."""
    coded = one_hot(symbols, kinds)
    return coded[:-1], coded[1:]
