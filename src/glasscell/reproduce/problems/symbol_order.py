"""The order of a few symbols far apart decides the class: experiment 6 of 1997."""

from __future__ import annotations

from itertools import product

import numpy as np

from glasscell.arrays import Array
from glasscell.reproduce.problems.examples import Examples, at_the_end, one_hot

SYMBOLS = ("a", "b", "c", "d", "X", "Y", "B", "E")
X, BEGIN, END = 4, 6, 7
PLACES = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}
"""Where the telling symbols of sequences of 100 … 110 steps stand, both ends included."""


def temporal_order(
    telling: int, count: int, chance: np.random.Generator, scale: float = 1.0
) -> Examples:
    """Tell in which order X and Y came: experiments 6a (two symbols) and 6b (three).

    A sequence begins with B, ends with E, and has a, b, c, d at random in between, but for the
    telling symbols, each X or Y.

    Args:
        telling: 2 (6a: XX, XY, YX, YY) or 3 (6b: eight classes).
        count: Sequences.
        chance: Source of chance.
        scale: Stretches the lengths and places of 1997: 100 … 110 steps, the telling symbols in
            10-20 and 50-60 (6a), or 10-20, 33-43 and 66-76 (6b).

    Returns:
        x is 8 wide, target 4 or 8 wide, asked for after E.

    Notes:
        Hochreiter and Schmidhuber (1997), section 5.6.

    >>> examples = temporal_order(2, 3, np.random.default_rng(0))
    >>> x, target = examples.sequence(0)
    >>> SYMBOLS[x[0].argmax()], SYMBOLS[x[-1].argmax()], int((x[:, 4:6].sum(1)).sum())
    ('B', 'E', 2)
    """
    lengths = _stretched(chance.integers(100, 111, count), scale)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    symbols = chance.integers(0, 4, int(lengths.sum()))
    kinds = chance.integers(0, 2, (count, telling))
    for number, (low, high) in enumerate(PLACES[telling]):
        places = _stretched(chance.integers(low, high + 1, count), scale)
        symbols[starts + places] = X + kinds[:, number]
    symbols[starts], symbols[ends - 1] = BEGIN, END
    classes = kinds @ (2 ** np.arange(telling)[::-1])
    return at_the_end(one_hot(symbols, len(SYMBOLS)), ends, one_hot(classes, 2**telling))


def classes(telling: int) -> list[str]:
    """Name the classes in the order of the targets.

    >>> classes(2)
    ['XX', 'XY', 'YX', 'YY']
    """
    return ["".join(word) for word in product("XY", repeat=telling)]


def _stretched(steps: Array, scale: float) -> Array:
    stretched: Array = np.rint(steps * scale).astype(np.int64)
    return stretched
