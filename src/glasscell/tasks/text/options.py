"""Options of a run on text: one definition for Python, the command line and run.yaml."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from glasscell.data.text.corpus import TextReading
from glasscell.errors import DataError
from glasscell.tasks.option_checks import plain, require_within
from glasscell.training.kinds import CellName

MOST = 2**31 - 1
BOUNDS = {
    **dict.fromkeys(("batch_size", "patience", "film"), (1, MOST)),
    "truncation": (1, 100_000),
    "max_symbols": (100, MOST),
    "max_vocabulary": (3, 1_000_000),
    "seeds": (1, 1000),
    "seed": (0, MOST),
    "epochs": (1, 1_000_000),
    "hidden_size": (1, 4096),
    "layers": (1, 16),
}
"""Least and most of every whole number."""

ESCAPES = {r"\t": "\t", r"\n": "\n", r"\0": "\0"}
"""What a shell passes on as two characters."""


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    r"""How to read a text and train on it.

    Args:
        unit: What is read and foretold one after the other: characters (char), the bytes of the
            file (byte), or tokens such as words (token).
        encoding: Encoding of the files; it does not matter for bytes.
        separator: What stands between two tokens: \n (one token a line), a blank, \t ...
        max_vocabulary: Most different symbols; rarer ones than these share one, the unknown symbol.
        truncation: Steps that gradients travel back; the state itself is carried on. Default:
            measured on this text after a short training.
        cell: The recurrent layer: lstm, gru or rnn.
        hidden_size: Units of a layer. Default: 256, fewer for a short text. The plain RNN gets as
            many as give it the same parameter count.
        layers: Recurrent layers.
        dropout: Part of the outputs that is left out in training, at random. Default: 0.25
            where the text is read more than 12 times, 0.1 where more than four times, else none.
        seeds: Networks of each kind to train; two or more show the spread between them.
        seed: The first seed; the others follow it.
        epochs: Most passes over the training part. Default: from its length, for some eight million
            symbols in all.
        batch_size: Streams that are read side by side. Default: as many as read 1,024 symbols in a
            training step, fewer of a short text.
        learning_rate: Adam's at its highest; the plain RNN takes 0.3 of it.
        patience: Epochs without a better validation score before training stops.
        max_symbols: Most symbols of an epoch, of validation and of the test; a longer text is read
            in as many stretches as there are epochs, and the run says so.
        film: Training steps between two frames of the training film (gates, memory and gradients of
            the saved network, in film.npz). Default: no film.
    """

    unit: Literal["char", "byte", "token"] = "char"
    encoding: str = "utf-8"
    separator: str = "\n"
    max_vocabulary: int = 5000
    truncation: int | None = None
    cell: CellName = "lstm"
    hidden_size: int | None = None
    layers: int = 1
    dropout: float | None = None
    seeds: int = 1
    seed: int = 0
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float = 0.01
    patience: int = 5
    max_symbols: int = 1_000_000
    film: int | None = None

    def __post_init__(self) -> None:
        for name, value in plain(self).items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "separator", ESCAPES.get(self.separator, self.separator))
        require_within(self, BOUNDS)
        if not 0 < self.learning_rate < 10:
            raise DataError(f"--learning-rate: expected between 0 and 10, got {self.learning_rate}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise DataError(f"--dropout: expected from 0 to less than 1, got {self.dropout}")

    def reading(self) -> TextReading:
        """Give the part that reading the text needs."""
        return TextReading(unit=self.unit, encoding=self.encoding, separator=self.separator)

    def record(self) -> dict[str, Any]:
        """Give all options as plain values."""
        return asdict(self)
