"""Symbols are to be given back after a pause: copy memory, and a single symbol to recall."""

from __future__ import annotations

import numpy as np

from glasscell.reproduce.problems.examples import Examples, at_the_end, one_hot

KINDS = 8
"""Symbols that may have to be copied."""
BLANK, SIGNAL = 8, 9
COPIED = 10
"""Symbols that have to be copied."""


def copy(length: int, count: int, chance: np.random.Generator) -> Examples:
    """Give ten symbols back after T blanks.

    Args:
        length: T. The input is ten symbols of eight, T - 1 blanks, a signal, ten blanks; the
            target T + 10 blanks, then the ten symbols.
        count: Sequences of T + 20 steps.
        chance: Source of chance.

    Returns:
        x is 10 wide, target 9 wide (eight symbols and the blank), after every step.

    Notes:
        Arjovsky, Shah and Bengio (2016), arXiv:1511.06464, section 4.1, after Hochreiter and
        Schmidhuber (1997). Without a memory the cross-entropy is ``10 ln 8 / (T + 20)``.

    >>> x, target = copy(3, 1, np.random.default_rng(0)).sequence(0)
    >>> x.argmax(1)[10:14].tolist(), (x.argmax(1)[:10] == target.argmax(1)[-10:]).all()
    ([8, 8, 9, 8], np.True_)
    """
    symbols = chance.integers(0, KINDS, (count, COPIED))
    shown = np.full((count, length + 2 * COPIED), BLANK)
    asked = np.full_like(shown, BLANK)
    shown[:, :COPIED] = asked[:, -COPIED:] = symbols
    shown[:, length + COPIED - 1] = SIGNAL
    ends = shown.shape[1] * np.arange(1, count + 1)
    return Examples(one_hot(shown.ravel(), KINDS + 2), one_hot(asked.ravel(), KINDS + 1), ends)


def memoryless(length: int) -> float:
    """Give the cross-entropy of the best answer to `copy` without a memory: 10 ln 8 / (T + 20).

    >>> round(memoryless(100), 5)
    0.17329
    """
    return float(COPIED * np.log(KINDS) / (length + 2 * COPIED))


def recall(
    length: int, count: int, chance: np.random.Generator, kinds: int = 2, *, apart: bool = True
) -> Examples:
    """Tell after the last step which symbol came first; all others are noise.

    Args:
        length: T.
        count: Sequences.
        chance: Source of chance.
        kinds: Symbols that may come first.
        apart: Whether the noise is drawn from as many other symbols, rather than from the same.

    Returns:
        x is 2 kinds wide (kinds, if not `apart`), target kinds wide, asked for after the last step.
    """
    first = chance.integers(0, kinds, count)
    lowest, width = (kinds, 2 * kinds) if apart else (0, kinds)
    symbols = chance.integers(lowest, width, (count, length))
    symbols[:, 0] = first
    ends = length * np.arange(1, count + 1)
    return at_the_end(one_hot(symbols.ravel(), width), ends, one_hot(first, kinds))
