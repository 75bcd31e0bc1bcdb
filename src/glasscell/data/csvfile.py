"""Reads a CSV file as a table: encoding, separator and decimal mark found, line numbers kept."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.headers import find_header
from glasscell.data.numerals import (
    MISSING,
    find_decimal,
    is_missing,
    looks_like_number,
)
from glasscell.data.packed import DAMAGES, beginning, damaged, unpacked
from glasscell.data.rawtable import SAMPLE_ROWS, Names, Table
from glasscell.data.refused_formats import EXPECTED, refuse_text
from glasscell.data.wording import count
from glasscell.errors import DataError

CHUNK_ROWS = 100_000
"""Rows read at a time where the decimal mark is not in the sample."""
FEW_CELLS = 2_000
"""Cells of the sample looked at together, as a few nearly always tell the decimal mark."""
EVEN_PART = 0.7
"""Part of the lines that must have as many words as each other to be a table parted by spaces."""


@dataclass(frozen=True)
class Sheet:
    """An opened CSV file before its body is read.

    Args:
        path: The file.
        names: Column names in order, stripped.
        sample: The first records below the header, as text.
        separator: One character between cells.
        header: Records above the first one of the body, blank ones included.
        encoding: Name of the text encoding.
        notes: What was passed over above the header.
    """

    path: Path
    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    separator: str
    header: int
    encoding: str
    notes: tuple[str, ...] = ()

    def body(
        self, numeric: Names, text: Names, decimal: str | None = None, missing: Names = ()
    ) -> Table:
        """Read the rows of the columns asked for.

        Raises:
            DataError: A line has more cells than the header, or the decimal mark is ambiguous.
        """
        (table,) = self.tables(numeric, text, decimal, missing)
        return table

    def tables(
        self,
        numeric: Names,
        text: Names,
        decimal: str | None = None,
        missing: Names = (),
        rows: int | None = None,
    ) -> Iterator[Table]:
        """Read as `body` does, but so many rows at a time; None: all at once."""
        note = ""
        if decimal is None:
            try:
                decimal, note = find_decimal(_cells(self, numeric, text), self.separator)
            except DataError as error:
                raise DataError(f"{self.path}: {error}") from error
        marks = {name: [*MISSING, *missing] for name in numeric}
        frames = _parse(
            self,
            decimal=decimal,
            dtype=dict.fromkeys([name for name in self.names if name not in numeric], str),
            na_values={**{name: [""] for name in self.names}, **marks},
            chunksize=rows,
        )
        first = 0
        for frame in frames:
            filled = frame.notna().any(axis=1).to_numpy()
            kept = frame if filled.all() else frame[filled]
            columns = {name: kept[name].to_numpy() for name in (*text, *numeric)}
            # A range: of each row of a file something may be kept.
            here: Any = range(first, first + len(frame))
            where = _place(self, here if filled.all() else first + np.flatnonzero(filled))
            yield Table(columns, where, self.path.name, decimal, tuple(missing), (note,))
            first += len(frame)


def open_csv(path: Path, head: bytes) -> Sheet:
    """Find a file's encoding, separator and column names.

    Args:
        path: The file, plain or packed.
        head: Its first bytes.

    Raises:
        DataError: It is empty or no table in text, or its header is unusable.
    """
    encoding = _encoding(beginning(path, head))
    try:
        with _text(path, encoding) as stream:
            lines = [line for _, line in zip(range(SAMPLE_ROWS + 1), stream, strict=False)]
    except (UnicodeError, *DAMAGES) as error:
        raise DataError(_no_text(path, error)) from error
    if any("\0" in line for line in lines):
        raise DataError(f"{path}: {EXPECTED}, got binary data (NUL bytes)")
    if not any(line.strip() for line in lines):
        raise DataError(
            f"{path}: the file is empty; expected a header line and one row per time step"
        )
    refuse_text(path, "".join(lines[:3]))
    return _sheet(path, encoding, lines)


def _sheet(path: Path, encoding: str, lines: Sequence[str]) -> Sheet:
    """Find the names, and the first row below them, in the first lines of a file."""
    separator = _separator(lines)
    records = _records(lines, separator, path)
    found = find_header(records, path)
    return Sheet(path, found.names, found.rows, separator, found.first, encoding, found.notes)


def _cells(sheet: Sheet, numeric: Sequence[str], text: Sequence[str]) -> Iterator[Any]:
    """Give the cells that may tell the decimal mark, those first that nearly always do.

    These are the sample of the columns of numbers, then all of their cells, then the sample of
    columns of numbers that are not read.
    """
    yield from _sampled(sheet, numeric)
    columns = list(dict.fromkeys(numeric))
    if columns and len(sheet.sample) >= SAMPLE_ROWS - sheet.header:
        for chunk in _parse(sheet, dtype=str, usecols=columns, chunksize=CHUNK_ROWS):
            yield pd.concat([chunk[name] for name in columns], ignore_index=True).astype(object)
    for name in sheet.names:
        if name not in numeric and name not in text:
            cells = pd.concat([*_sampled(sheet, [name]), pd.Series([], dtype=object)])
            if all(looks_like_number(cell) for cell in cells if not is_missing(cell)):
                yield cells


def _sampled(sheet: Sheet, names: Sequence[str]) -> Iterator[Any]:
    places = [sheet.names.index(name) for name in names]
    cells = [row[i] for row in sheet.sample for i in places if i < len(row)]
    for start in range(0, len(cells), FEW_CELLS):
        yield pd.Series(cells[start : start + FEW_CELLS], dtype=object)


def _parse(sheet: Sheet, **options: Any) -> Iterator[Any]:
    """Give the rows as one frame, or with `chunksize` as several."""
    try:
        with _text(sheet.path, sheet.encoding) as stream, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            parsed = pd.read_csv(
                stream,
                sep=sheet.separator if sheet.separator != " " else r"\s+",
                names=list(sheet.names),
                skiprows=sheet.header,
                header=None,
                index_col=False,
                keep_default_na=False,
                skip_blank_lines=False,
                skipinitialspace=True,
                low_memory=False,
                **options,
            )
            yield from ([parsed] if isinstance(parsed, pd.DataFrame) else parsed)
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeError) as error:
        raise _broken(sheet, error) from error
    except DAMAGES as error:
        raise damaged(sheet.path, error) from error
    except pd.errors.EmptyDataError:
        yield pd.DataFrame({name: [] for name in sheet.names})


def _broken(sheet: Sheet, error: Exception) -> DataError:
    if isinstance(error, UnicodeError):
        return DataError(_no_text(sheet.path, error))
    reason = " ".join(str(error).split())
    too_wide = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", reason)
    if too_wide:
        reason = f"line {too_wide[2]}, saw {count(int(too_wide[3]), 'cell')}"
    elif "EOF inside string" in reason:
        reason = "a quotation mark is opened and never closed"
    return DataError(
        f"{sheet.path}: a row does not fit the header of {count(len(sheet.names), 'column')} "
        f"({', '.join(sheet.names)}): {reason}; a cell that holds {sheet.separator!r} must be "
        "quoted"
    )


def _no_text(path: Path, error: Exception) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return str(damaged(path, error))
    byte = error.object[error.start]
    return (
        f"{path}: expected text in UTF-8, got the byte 0x{byte:02x}, which is none; save the file "
        "as UTF-8, for instance with iconv -f GB18030 -t UTF-8 (Chinese) or -f LATIN1 (Western)"
    )


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(unpacked(path), encoding=encoding, newline="")


def _encoding(head: bytes) -> str:
    """Tell the encoding by the mark at the start, or by the zero bytes of UTF-16."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if len(head) > 8 and not any(head[1:9:2]):
        return "utf-16-le"
    return "utf-16-be" if len(head) > 8 and not any(head[0:8:2]) else "utf-8-sig"


@contextmanager
def _any_length() -> Iterator[None]:
    """Lift the limit of the csv module on the length of a cell, which is 131,072 characters."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _records(lines: Sequence[str], separator: str, path: Path) -> list[list[str]]:
    try:
        with _any_length():
            return list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise DataError(f"{path}: {EXPECTED}; {error}; save it as CSV in UTF-8") from error


def _separator(lines: Sequence[str]) -> str:
    """Choose the separator that gives the most cells in most rows, and as many in the header."""
    filled = [line for line in lines if line.strip()]
    filled = [line for line in filled if not line.startswith("#")] or filled

    def score(separator: str) -> tuple[float, int]:
        with _any_length():
            read = csv.reader(filled, delimiter=separator, skipinitialspace=True)
            widths = [len(r) for r in read if r] or [1]
        width = int(np.bincount(widths).argmax())
        # Shared by all lines: a quotation mark within a cell swallows those below it.
        return (width > 1) * widths.count(width) / len(filled), width

    try:
        best = max((",", ";", "\t", "|"), key=score)
        spaces = score(" ") if score(best)[1] == 1 else (0, 1)
    except csv.Error:
        return ","
    return " " if spaces[0] >= EVEN_PART else best


def _place(sheet: Sheet, rows: Array | range) -> Callable[[int], str]:
    return lambda row: f"line {_line(sheet, int(rows[row]))}"


def _line(sheet: Sheet, row: int) -> int:
    """Count lines as an editor does; only an error asks, so the file is read again."""
    with _text(sheet.path, sheet.encoding) as stream, _any_length():
        reader = csv.reader(stream, delimiter=sheet.separator)
        before = 0
        for number, _ in enumerate(reader):
            if number == sheet.header + row:
                return before + 1
            before = reader.line_num
    return before
