"""Reads a text, a file or a folder of files, as numbered symbols in few bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.data.text.alphabet import LINE, Symbols, Unit, smallest
from glasscell.data.wording import count, few
from glasscell.errors import DataError
from glasscell.files import STANDARD_INPUT

HEAD = 8192
"""First bytes of a file of a folder that are looked at: one that has a zero among them is no text,
as git and grep judge too."""


@dataclass(frozen=True, kw_only=True)
class TextReading:
    r"""How a text is read.

    Args:
        unit: What a symbol is: char, byte or token.
        encoding: Of the files; UTF-8 unless named. Bytes have none.
        separator: What stands between tokens: a line's end, a blank, a tab ...
    """

    unit: Unit = "char"
    encoding: str = "utf-8"
    separator: str = LINE


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as numbers, all documents in one array.

    Args:
        symbols: (S,) uint8, uint16 or int32, places in `known`.
        known: Every symbol that occurs, in the order of its first use; of bytes all 256 values.
        offsets: (n + 1,) where each document begins, and the end of the last.
        names: n names of documents.
        reading: How it was read.
        source: What the data are called.
        notes: What was left out or found, one sentence each.
    """

    symbols: Array
    known: tuple[str, ...]
    offsets: npt.NDArray[np.int64]
    names: tuple[str, ...]
    reading: TextReading
    source: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.symbols)

    def sizes(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Give the characters and the UTF-8 bytes of every symbol of `known`.

        Of single bytes those count as a character that begin one in UTF-8.
        """
        if self.reading.unit == "byte":
            begins = np.arange(256) & 0xC0 != 0x80
            return begins.astype(np.int64), np.ones(256, np.int64)
        # Behind a token stands a separator, but none behind a line's end that is a token itself.
        gap = len(self.reading.separator) if self.reading.unit == "token" else 0
        gaps = [0 if symbol == LINE else gap for symbol in self.known]
        pairs = [(len(s), len(s.encode())) for s in self.known]
        both = np.array(pairs, np.int64).reshape(-1, 2) + np.array(gaps, np.int64)[:, None]
        return both[:, 0], both[:, 1]


def read_text(data: Any, reading: TextReading | None = None) -> Corpus:
    """Read a text.

    Args:
        data: Path of a file, plain or gz, or of a folder whose text files are read, those of its
            folders too, in the order of their names; or a list of texts.
        reading: How; default characters of UTF-8.

    Raises:
        DataError: There is nothing to read, or it is no text.

    >>> corpus = read_text(["to be", "or not"])
    >>> corpus.symbols.tolist()[:5], corpus.offsets.tolist(), corpus.symbols.dtype.name
    ([0, 1, 2, 3, 4], [0, 5, 11], 'uint8')
    """
    reading = reading or TextReading()
    numbers = Symbols(reading.unit, reading.separator)
    if not reading.separator:
        raise DataError("--separator: expected at least one character between tokens, got none")
    if isinstance(data, list | tuple):
        _require_texts(data)
        if reading.unit == "byte":
            parts = [[np.frombuffer(text.encode(), np.uint8)] for text in data]
        else:
            parts = [[numbers.number(text)] for text in data]
        names = [f"text {place}" for place in range(1, len(data) + 1)]
        return _joined(numbers, parts, names, reading, "a list of texts", ())
    if not isinstance(data, str | os.PathLike):
        raise DataError(
            f"expected the path of a text, a folder, or a list of texts, got {type(data).__name__}"
        )
    files, notes = _files(Path(data))
    parts = [list(numbers.of_file(file, reading.encoding)) for file in files]
    folder = Path(data)
    names = [file.name if file == folder else str(file.relative_to(folder)) for file in files]
    return _joined(numbers, parts, names, reading, str(data), notes)


def _require_texts(data: Sequence[Any]) -> None:
    for place, text in enumerate(data):
        if not isinstance(text, str):
            raise DataError(f"expected a list of texts, got {type(text).__name__} at [{place}]")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"text [{place}]: expected characters, got half a surrogate pair at "
                f"{error.start:,}; decode the text anew"
            ) from error


def _joined(
    numbers: Symbols,
    parts: Sequence[Sequence[Array]],
    names: Sequence[str],
    reading: TextReading,
    source: str,
    notes: tuple[str, ...],
) -> Corpus:
    lengths = [sum(map(len, pieces)) for pieces in parts]
    empty = [name for name, length in zip(names, lengths, strict=True) if not length]
    if len(empty) == len(names):
        raise DataError(f"{source}: expected a text, found an empty one")
    if empty:
        notes += (f"{count(len(empty), 'file is', 'files are')} empty: {few(empty)}.",)
    kept = [(n, p, length) for n, p, length in zip(names, parts, lengths, strict=True) if length]
    symbols = np.empty(sum(lengths), smallest(len(numbers.known)))
    np.concatenate([piece for _, pieces, _ in kept for piece in pieces], out=symbols)
    offsets = np.cumsum([0, *(length for _, _, length in kept)], dtype=np.int64)
    kept_names = tuple(name for name, _, _ in kept)
    return Corpus(symbols, tuple(numbers.known), offsets, kept_names, reading, source, notes)


def _files(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Give the files to read, and what was left out."""
    if path.is_file():
        return [path], ()
    if not path.is_dir():
        what = STANDARD_INPUT if path.name == STANDARD_INPUT else "nothing"
        raise DataError(f"{path}: expected a text file or a folder of such, found {what}")
    found = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file, path))
    places = {file.resolve() for file in found if not file.is_symlink()}
    # A link to a file of the folder is that file again, and would put a test text into training.
    single = [file for file in found if not (file.is_symlink() and file.resolve() in places)]
    texts = [file for file in single if not _is_binary(file)]
    others = [file.name for file in single if file not in set(texts)]
    if not texts:
        raise DataError(
            f"{path}: expected a folder of text files, found {_nothing(others)}; name a file to "
            "read it whatever it holds"
        )
    notes = []
    if others:
        notes.append(f"{count(len(others), 'file is', 'files are')} no text and left out: ")
        notes[-1] += f"{few(others)}."
    if links := len(found) - len(single):
        notes.append(f"{count(links, 'link')} to files of the same folder left out.")
    return texts, tuple(notes)


def _nothing(others: Iterable[str]) -> str:
    names = list(others)
    return f"only files with zero bytes ({few(names)})" if names else "no file"


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _is_binary(file: Path) -> bool:
    with file.open("rb") as opened:
        head = opened.read(HEAD)
    return b"\0" in head and not head.startswith((b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff"))
