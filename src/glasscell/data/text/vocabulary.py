"""Which symbols a network knows: those of the training part, and one for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.text.alphabet import LINE, Symbols, smallest
from glasscell.data.text.corpus import Corpus, TextReading
from glasscell.errors import DataError

UNKNOWN = {"char": "\ufffd", "token": "<unk>"}
"""What stands for a symbol that the training part does not have, or seldom; bytes need none."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The symbols of a network by their index.

    Args:
        reading: How a text becomes symbols.
        symbols: Of bytes the 256 values as characters; else index 0 is the unknown symbol.
    """

    reading: TextReading
    symbols: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def of(cls, corpus: Corpus, counts: Array, most: int) -> Vocabulary:
        """Choose the symbols that the training part has, the frequent ones where they are many.

        Args:
            corpus: The text.
            counts: (K,) how often the training part has each symbol of `corpus.known`.
            most: Symbols at most, the unknown one among them.
        """
        if corpus.reading.unit == "byte":
            return cls(corpus.reading, corpus.known)
        order = np.argsort(-counts, kind="stable")[: most - 1]
        kept = np.sort(order[counts[order] > 0])
        unknown = UNKNOWN[corpus.reading.unit]
        known = (corpus.known[place] for place in kept)
        return cls(corpus.reading, (unknown, *(s for s in known if s != unknown)))

    @cached_property
    def index(self) -> dict[str, int]:
        """Symbol to its index."""
        return {symbol: index for index, symbol in enumerate(self.symbols)}

    @property
    def unknown(self) -> int | None:
        """Index of the unknown symbol; None: there is none."""
        return None if self.reading.unit == "byte" else 0

    def indices(self, corpus: Corpus) -> Array:
        """Give the (S,) indices of a corpus, as uint8, uint16 or int32."""
        if self.reading.unit == "byte":
            return corpus.symbols
        places = [self.index.get(symbol, 0) for symbol in corpus.known]
        return np.array(places, smallest(len(self)))[corpus.symbols]

    def encode(self, text: str) -> Array:
        """Give the (S,) int64 indices of a text in memory.

        >>> Vocabulary(TextReading(), ("?", "a", "b")).encode("abc").tolist()
        [1, 2, 0]
        """
        if self.reading.unit == "byte":
            return np.frombuffer(text.encode(), np.uint8).astype(np.int64)
        token = self.reading.unit == "token"
        parts = Symbols("token", self.reading.separator).tokens(text) if token else text
        return np.array([self.index.get(part, 0) for part in parts], np.int64)

    def shown(self, indices: Array) -> list[str]:
        """Give the text of each index by itself, as a page colours it; a byte as a character."""
        return [self.symbols[index] for index in indices]

    def record(self) -> dict[str, Any]:
        """Give what preprocessing.json holds of it."""
        reading = self.reading
        symbols = None if reading.unit == "byte" else list(self.symbols)
        return {
            "unit": reading.unit,
            "encoding": reading.encoding,
            "separator": reading.separator,
            "vocabulary": symbols,
            "unknown": UNKNOWN.get(reading.unit),
        }

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Vocabulary:
        """Take up what `record` gave.

        Raises:
            DataError: It is damaged.
        """
        unit, symbols = record["unit"], record["vocabulary"]
        if unit == "byte":
            symbols = Symbols("byte").known
        if unit not in ("char", "byte", "token") or not isinstance(symbols, list):
            raise DataError("the vocabulary is damaged; fit again")
        reading = TextReading(
            unit=unit, encoding=record["encoding"], separator=record["separator"] or LINE
        )
        return cls(reading, tuple(map(str, symbols)))
