"""Two marked numbers far apart are to be added or multiplied, in the forms of 1997 and of 2015."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glasscell.arrays import Array
from glasscell.data.problems import adding_sequences
from glasscell.reproduce.problems.examples import Examples, at_the_end


def adding_1997(length: int, count: int, chance: np.random.Generator) -> Examples:
    """Add two marked numbers: experiment 4.

    Each step shows a number in [-1, 1] and a marker: 1 at two steps, -1 at the first and the last
    step, else 0. The first marked step is one of the first ten, the second one of the first
    T/2 - 1 that is not marked yet; where the first step itself is marked, its number counts as 0.
    The answer is ``0.5 + (X1 + X2) / 4``, in [0, 1].

    Args:
        length: T, at least 24; a sequence has T … T + T/10 steps.
        count: Sequences.
        chance: Source of chance.

    Returns:
        x is 2 wide, target 1 wide, asked for after the last step.

    Notes:
        Hochreiter and Schmidhuber (1997), section 5.4: the lag is at least T/2. A marked first
        step keeps the marker -1 of its place, as only one fits.

    >>> examples = adding_1997(40, 2, np.random.default_rng(0))
    >>> x, target = examples.sequence(0)
    >>> x[[0, -1], 1].tolist(), len(x) - int(np.isnan(target).sum())
    ([-1.0, -1.0], 1)
    """
    return _marked(length, count, chance, -1.0, lambda one, two: 0.5 + (one + two) / 4)


def multiplication(length: int, count: int, chance: np.random.Generator) -> Examples:
    """Multiply two marked numbers of [0, 1]: experiment 5; else as `adding_1997`.

    Where the first step is marked, its number counts as 1.

    Notes:
        Hochreiter and Schmidhuber (1997), section 5.5: it cannot be solved by adding alone, as a
        cell without gates could.
    """
    return _marked(length, count, chance, 0.0, lambda one, two: one * two, neutral=1.0)


def adding(length: int, count: int, chance: np.random.Generator) -> Examples:
    """Add two marked numbers of [0, 1], one in each half: the form of 2015.

    Always answering 1 has a mean squared error of 1/6.

    Args:
        length: T, steps of every sequence.
        count: Sequences.
        chance: Source of chance.

    Notes:
        Le, Jaitly and Hinton (2015), arXiv:1504.00941, section 4.1; Arjovsky, Shah and Bengio
        (2016), arXiv:1511.06464.
    """
    x, y = adding_sequences(length, count, chance, np.float64)
    ends = length * np.arange(1, count + 1)
    return at_the_end(x.swapaxes(0, 1).reshape(-1, 2), ends, y[:, None])


def _marked(
    length: int,
    count: int,
    chance: np.random.Generator,
    lowest: float,
    answer: Callable[[Array, Array], Array],
    neutral: float = 0.0,
) -> Examples:
    lengths = chance.integers(length, length + length // 10 + 1, count)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    x = np.zeros((int(lengths.sum()), 2))
    x[:, 0] = chance.uniform(lowest, 1.0, len(x))
    first = chance.integers(0, 10, count)
    second = chance.integers(0, length // 2 - 2, count)
    second += second >= first  # one of those that are not marked yet
    one, two = x[starts + first, 0], x[starts + second, 0]
    one, two = np.where(first == 0, neutral, one), np.where(second == 0, neutral, two)
    x[starts + first, 1] = x[starts + second, 1] = 1.0
    x[starts, 1] = x[ends - 1, 1] = -1.0
    return at_the_end(x, ends, answer(one, two)[:, None])
