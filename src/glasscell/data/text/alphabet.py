"""Cuts a file into symbols piece by piece: characters, bytes, or tokens between separators."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Literal, TypeAlias, cast

import numpy as np

from glasscell.arrays import Array
from glasscell.errors import DataError

Unit: TypeAlias = Literal["char", "byte", "token"]

PIECE = 1 << 20
"""Bytes that are decoded at a time."""

CODE_POINTS = 0x110000
GZIP = b"\x1f\x8b"
LINE = "\n"


class Symbols:
    """Numbers symbols in the order in which they come, and keeps the numbers in few bytes.

    Args:
        unit: What a symbol is.
        separator: What stands between two tokens; a line's end always does.

    Attributes:
        known: Every symbol so far by its number: characters or tokens; of bytes the 256 values.

    >>> symbols = Symbols("char")
    >>> symbols.number("abba").tolist(), symbols.known
    ([0, 1, 1, 0], ['a', 'b'])
    """

    def __init__(self, unit: Unit, separator: str = LINE) -> None:
        self.unit, self.separator = unit, separator
        self.known = [chr(value) for value in range(256)] if unit == "byte" else []
        self._place = np.full(CODE_POINTS, -1, np.int32) if unit == "char" else None
        self._tokens: dict[str, int] = {}

    def number(self, text: str) -> Array:
        """Give the number of each character or token of a text."""
        if self._place is None:
            places = [self._tokens.setdefault(t, len(self._tokens)) for t in self.tokens(text)]
            self.known = list(self._tokens)
            return self._small(np.array(places, np.int32))
        codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        unseen, first = np.unique(codes[self._place[codes] < 0], return_index=True)
        unseen = unseen[np.argsort(first)]
        self._place[unseen] = np.arange(len(self.known), len(self.known) + len(unseen))
        self.known += [chr(code) for code in unseen]
        return self._small(self._place[codes])

    def tokens(self, text: str) -> list[str]:
        r"""Cut a text into tokens; between other separators a line's end is a token itself.

        >>> Symbols("token").tokens("red\r\nblue\n")
        ['red', 'blue']
        >>> Symbols("token", " ").tokens("one  two\nthree")
        ['one', 'two', '\n', 'three']
        """
        text = text.replace("\r\n", LINE)
        if self.separator == LINE:
            return text.removesuffix(LINE).split(LINE) if text else []
        apart = text.replace(LINE, f"{self.separator}{LINE}{self.separator}")
        return [token for token in apart.split(self.separator) if token]

    def _small(self, places: Array) -> Array:
        return places.astype(smallest(len(self.known)))

    def of_file(self, path: Path, encoding: str) -> Iterator[Array]:
        """Give the numbers of a file's symbols, a piece after the other.

        Raises:
            DataError: The file cannot be read, or is no text in this encoding.
        """
        with _opened(path) as file:
            if self.unit == "byte":
                for piece in _pieces(file, path):
                    yield np.frombuffer(piece, np.uint8)
                return
            rest = ""
            for text in _decoded(file, path, encoding):
                if self.unit == "char":
                    yield self.number(text)
                    continue
                rest += text
                end = max(rest.rfind(LINE) + 1, rest.rfind(self.separator) + len(self.separator))
                if end >= len(self.separator):
                    yield self.number(rest[:end])
                    rest = rest[end:]
            if rest:
                yield self.number(rest)


def smallest(symbols: int) -> type[np.uint8] | type[np.uint16] | type[np.int32]:
    """Give the smallest type that numbers so many symbols.

    >>> smallest(256).__name__, smallest(257).__name__, smallest(10**6).__name__
    ('uint8', 'uint16', 'int32')
    """
    return np.uint8 if symbols <= 1 << 8 else np.uint16 if symbols <= 1 << 16 else np.int32


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP
    return cast("IO[bytes]", gzip.open(path)) if zipped else path.open("rb")


def _pieces(file: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        while piece := file.read(PIECE):
            yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: this gz file is damaged ({error}); unpack it anew") from error


def _decoded(file: IO[bytes], path: Path, encoding: str) -> Iterator[str]:
    try:
        # A mark of the byte order at the start is no character of the text.
        name = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
        decoder = codecs.getincrementaldecoder(name)()
    except LookupError:
        raise DataError(
            f"--encoding: expected a name such as utf-8, latin-1 or gb18030, got {encoding!r}"
        ) from None
    read = 0
    for piece in chain(_pieces(file, path), (b"",)):
        try:
            yield decoder.decode(piece, final=not piece)
        except UnicodeError as error:
            seen = getattr(error, "object", piece)
            # Without the mark of the byte order, if the decoder has just taken that off.
            begin = read + len(piece) - len(seen)
            place = begin + getattr(error, "start", 0)
            byte = f" (0x{seen[place - begin]:02X})" if place - begin < len(seen) else ""
            raise DataError(
                f"{path}: expected text in {encoding}, found none at byte {place:,}{byte}, counted "
                "from 0; name another --encoding such as latin-1, gb18030 or utf-16, or read the "
                "bytes as they are with --unit byte"
            ) from None
        read += len(piece)
