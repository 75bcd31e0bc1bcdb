"""The Reber grammar, embedded in itself and without an end: experiment 1 of 1997, and Gers 2000.

Reber (1967); the embedded form is of Cleeremans, Servan-Schreiber and McClelland (1989), and of
Fahlman (1991).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glasscell.arrays import Array
from glasscell.reproduce.problems.examples import Examples, joined, one_hot

SYMBOLS = "BTPSXVE"
GRAPH = (
    {"T": 1, "P": 2},
    {"S": 1, "X": 3},
    {"T": 2, "V": 4},
    {"X": 2, "S": 5},
    {"P": 3, "V": 5},
)
"""From each node, by which symbol to which node; at node 5 the word is over, but for its E."""


def reber(chance: np.random.Generator) -> tuple[str, list[str]]:
    """Draw a word of the Reber grammar.

    Args:
        chance: Source of chance; both ways out of a node are alike.

    Returns:
        The word, B … E; and after each of its symbols but the last, those that may come next.

    >>> reber(np.random.default_rng(0))
    ('BPVVE', ['TP', 'TV', 'PV', 'E'])
    """
    word, following, node = "B", [], 0
    while node < len(GRAPH):
        ways = GRAPH[node]
        following.append("".join(ways))
        symbol = list(ways)[chance.integers(0, 2)]
        word, node = word + symbol, ways[symbol]
    return word + "E", [*following, "E"]


def embedded_reber(chance: np.random.Generator) -> tuple[str, list[str]]:
    """Draw a word of the embedded Reber grammar: B (T or P) word (the same T or P) E.

    To know the last symbol but one, its twin at the start must be kept over the whole inner word,
    of 5 symbols at least.

    >>> embedded_reber(np.random.default_rng(0))[0]
    'BPBPVPXTTTTVVEPE'
    """
    outer = "TP"[chance.integers(0, 2)]
    inner, following = reber(chance)
    return f"B{outer}{inner}{outer}E", ["TP", "B", *following, outer, "E"]


def embedded_reber_strings(count: int, chance: np.random.Generator) -> list[tuple[str, list[str]]]:
    """Draw different words of the embedded Reber grammar.

    Args:
        count: How many.
        chance: Source of chance.
    """
    words: dict[str, list[str]] = {}
    while len(words) < count:
        word, following = embedded_reber(chance)
        words.setdefault(word, following)
    return list(words.items())


def predictions(words: list[tuple[str, list[str]]], legal: bool = False) -> Examples:
    """Ask, after each symbol of words, for the next one.

    Args:
        words: Words and what may follow their symbols, as `embedded_reber` gives them.
        legal: Ask for all symbols that may come next, not for the one that comes.

    Returns:
        x and target are 7 wide (B T P S X V E).
    """
    return joined(
        [
            (one_hot(_codes(word[:-1]), 7), may if legal else one_hot(_codes(word[1:]), 7))
            for word, following in words
            for may in [legal_targets(following)]
        ]
    )


def legal_targets(following: list[str]) -> Array:
    """Write what may come next as (T, 7) of 0 and 1."""
    return np.array([[float(symbol in may) for symbol in SYMBOLS] for may in following])


def legal_first(outputs: Array, examples: Examples) -> Array:
    """Tell of each string whether after each symbol those that may come next lead: (n,) bool.

    Args:
        outputs: (N, 7) what the network gave.
        examples: What may come next is 1, all else 0.

    >>> may = Examples(np.eye(2), np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1, 2]))
    >>> legal_first(np.array([[0.3, 0.2], [0.3, 0.2]]), may).tolist()
    [True, False]
    """
    may = examples.target == 1
    least, most = (np.where(m, outputs, end).T for m, end in ((may, np.inf), (~may, -np.inf)))
    right = least.min(axis=0) > most.max(axis=0)
    led: Array = np.logical_and.reduceat(right, examples.ends - examples.lengths)
    return led


def continual_reber(chance: np.random.Generator) -> Iterator[tuple[str, list[str]]]:
    """Draw embedded Reber words one after another, without a mark between them: Gers et al. (2000).

    A network reads them as one stream: nobody resets its state, so it must forget by itself.

    Yields:
        A word, and what may follow each of its symbols, B after the last E.

    Notes:
        Gers, Schmidhuber and Cummins (2000), "Learning to Forget", section 4.
    """
    while True:
        word, following = embedded_reber(chance)
        yield word, [*following, "B"]


def reber_stream(steps: int, chance: np.random.Generator) -> tuple[Array, Array]:
    """Give at least so many steps of `continual_reber`, whole words: x (T, 7) and target (T, 7).

    The targets are all symbols that may come next.
    """
    words = ""
    following: list[str] = []
    for word, may in continual_reber(chance):
        if len(words) >= steps:
            break
        words, following = words + word, following + may
    return one_hot(_codes(words), 7), legal_targets(following)


def reber_streams(steps: int, count: int, chance: np.random.Generator) -> Examples:
    """Give the first steps of so many streams of `continual_reber`, asked as `reber_stream` asks.

    Args:
        steps: T of every stream; the last word may be cut.
        count: Streams.
        chance: Source of chance.
    """
    streams = [reber_stream(steps, chance) for _ in range(count)]
    return joined([(x[:steps], target[:steps]) for x, target in streams])


def _codes(word: str) -> Array:
    return np.array([SYMBOLS.index(symbol) for symbol in word], np.int64)
