"""Writes text with a finished run, symbol by symbol; needs no torch."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from glasscell.arrays import Array
from glasscell.data.text.alphabet import LINE
from glasscell.data.text.vocabulary import Vocabulary
from glasscell.data.wording import count, few
from glasscell.errors import DataError
from glasscell.model.model import load
from glasscell.tasks.text.preprocessing import read_vocabulary

LENGTH = 500
"""Symbols that are written unless another number is asked for."""


def sample(
    run: str | os.PathLike[str],
    prime: str = "",
    length: int = LENGTH,
    seed: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
) -> str:
    """Write a text that goes on from a beginning.

    ``p(w) ~ exp(score_w / temperature)`` over the `top_k` symbols with the highest scores.

    Args:
        run: A run folder that `fit` wrote.
        prime: The beginning; default a line's end, if the run knows one.
        length: Symbols to write.
        seed: Of the draws: the same one gives the same text.
        temperature: Below 1 likelier symbols are drawn more often; 0: always the likeliest.
        top_k: How many of the likeliest symbols may be drawn; None: all.

    Returns:
        What was written, without the beginning.

    Raises:
        DataError: There is no run of a text, or a number is out of its bounds.
    """
    drawing = Drawing(seed=seed, temperature=temperature, top_k=top_k)
    return "".join(write_on(run, prime, length, drawing))


class Drawing:
    """Draws the next symbol from scores.

    Args:
        seed: Of the draws.
        temperature: As of `sample`.
        top_k: As of `sample`.

    Raises:
        DataError: A number is out of its bounds.

    >>> Drawing(temperature=0)(np.array([0.1, 2.0, 0.3]))
    1
    """

    def __init__(
        self, *, seed: int = 0, temperature: float = 1.0, top_k: int | None = None
    ) -> None:
        if seed < 0:
            raise DataError(f"--seed: expected at least 0, got {seed}")
        if not 0 <= temperature < float("inf"):
            raise DataError(f"--temperature: expected a number from 0, got {temperature}")
        if top_k is not None and top_k < 1:
            raise DataError(f"--top-k: expected at least 1, got {top_k}")
        self.temperature, self.top_k = temperature, top_k
        self.generator = np.random.default_rng(seed)

    def __call__(self, scores: Array) -> int:
        """Draw one index."""
        scores = scores.astype(np.float64)
        if self.temperature == 0:
            return int(np.argmax(scores))
        if self.top_k is not None and self.top_k < len(scores):
            least = np.partition(scores, -self.top_k)[-self.top_k]
            scores = np.where(scores >= least, scores, -np.inf)
        # Before the division: a temperature near 0 must not make infinity less infinity.
        weights = np.exp((scores - scores.max()) / self.temperature)
        sums = np.cumsum(weights)
        place = np.searchsorted(sums, self.generator.random() * sums[-1], side="right")
        return int(min(place, np.flatnonzero(weights)[-1]))


def write_on(
    run: str | os.PathLike[str],
    prime: str,
    length: int,
    drawing: Drawing,
    say: Callable[[str], None] | None = None,
) -> Iterator[str]:
    """Give the text piece by piece, as it is drawn; arguments are checked before the first piece.

    Args:
        run: As of `sample`.
        prime: As of `sample`.
        length: As of `sample`.
        drawing: How to draw.
        say: Called with a sentence on symbols of the beginning that the run does not know.
    """
    if length < 0:
        raise DataError(f"--length: expected at least 0, got {length}")
    try:
        prime.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"--prime: expected text in UTF-8, got none at character {error.start:,}; write it in "
            "UTF-8"
        ) from error
    folder = Path(run)
    vocabulary = read_vocabulary(folder)
    stream = load(folder).stream()
    read = vocabulary.encode(prime)
    if not len(read):
        read = np.array([vocabulary.index.get(LINE, len(vocabulary) - 1)], np.int64)
    elif say is not None and vocabulary.unknown is not None:
        _tell_unknown(vocabulary, prime, read, say)
    return _written(stream, vocabulary, read, length, drawing)


def _tell_unknown(
    vocabulary: Vocabulary, prime: str, read: Array, say: Callable[[str], None]
) -> None:
    places = np.flatnonzero(read == vocabulary.unknown)
    if not len(places):
        return
    known = vocabulary.index
    if vocabulary.reading.unit == "char":
        lost = list(dict.fromkeys(repr(symbol) for symbol in prime if symbol not in known))
        what = f": {few(lost)}"
    else:
        what = ""
    say(
        f"--prime: {count(len(places), 'symbol')} not in the vocabulary of the run{what}; read as "
        "its unknown symbol"
    )


def _written(
    stream: object, vocabulary: Vocabulary, read: Array, length: int, drawing: Drawing
) -> Iterator[str]:
    decoded = codecs.getincrementaldecoder("utf-8")(errors="replace")
    unit, separator = vocabulary.reading.unit, vocabulary.reading.separator
    scores = None
    for index in read:
        scores = stream.step(int(index))  # type: ignore[attr-defined]
    fresh = True
    for place in range(length):
        allowed = np.array(scores, np.float64)
        if vocabulary.unknown is not None:
            allowed[vocabulary.unknown] = -np.inf  # nobody could read it
        index = drawing(allowed)
        symbol = vocabulary.symbols[index]
        if unit == "byte":
            yield decoded.decode(bytes([index]), final=place == length - 1)
        elif unit == "char":
            yield symbol
        elif separator == LINE:
            yield symbol + LINE
        else:
            yield symbol if fresh or symbol == LINE else separator + symbol
            fresh = symbol == LINE
        scores = stream.step(index)  # type: ignore[attr-defined]
