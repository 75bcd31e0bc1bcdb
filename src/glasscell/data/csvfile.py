"""Reads a CSV file as a table: encoding, separator and decimal mark found, line numbers kept."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.dates import dated, recognised
from glasscell.data.numerals import (
    MISSING,
    find_decimal,
    is_missing,
    looks_like_number,
)
from glasscell.data.rawtable import SAMPLE_ROWS, Names, Table
from glasscell.data.refused_formats import EXPECTED, refuse_text
from glasscell.data.wording import count
from glasscell.errors import DataError

CHUNK_ROWS = 100_000
"""Rows read at a time where the decimal mark is not in the sample."""
FEW_CELLS = 2_000
"""Cells of the sample looked at together, as a few nearly always tell the decimal mark."""
LONGEST_PREAMBLE = 30
"""Lines above the names, or between them and the rows, that may be passed over."""
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
            where = _place(self, first + np.flatnonzero(filled))
            yield Table(columns, where, self.path.name, decimal, tuple(missing), (note,))
            first += len(frame)


def open_csv(path: Path, head: bytes) -> Sheet:
    """Find a file's encoding, separator and column names.

    Args:
        path: The file, plain or gz.
        head: Its first bytes.

    Raises:
        DataError: It is empty or no table in text, or its header is unusable.
    """
    encoding = _encoding(head)
    try:
        with _text(path, encoding) as stream:
            lines = [line for _, line in zip(range(SAMPLE_ROWS + 1), stream, strict=False)]
    except (UnicodeError, gzip.BadGzipFile, EOFError, zlib.error) as error:
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
    header, cells = _header(records, path)
    below = _below_names(records[header + 1 :])
    other = records[header + below]
    blank = [cell for cell in cells[1:] if not cell.strip()]
    if below and (len(cells) != len(records[-1]) == len(other) or (blank and all(other))):
        header, cells, below = header + below, records[header + below], 0
    body = [r for r in records[header + 1 + below :] if any(c.strip() for c in r)]
    if body and all(len(r) == len(cells) + 1 and not r[-1].strip() for r in body):
        cells = [*cells, ""]
    notes = [
        f"Lines {where} were not read ({len(said)}): {' '.join(said[0])[:60]!r} …"
        for where, passed in (
            ("above the table", records[:header]),
            ("between the names and the rows", records[header + 1 :][:below]),
        )
        if (said := [filled for r in passed if (filled := [c for c in r if c.strip()])])
    ]
    return Sheet(
        path, _names(cells, path), tuple(map(tuple, body)), separator, header + 1 + below, encoding,
        tuple(notes),
    )  # fmt: skip


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
        return f"{path}: expected text, plain or gz, got a damaged gz file; download it again"
    byte = error.object[error.start]
    return (
        f"{path}: expected text in UTF-8, got the byte 0x{byte:02x}, which is none; save the file "
        "as UTF-8, for instance with iconv -f GB18030 -t UTF-8 (Chinese) or -f LATIN1 (Western)"
    )


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    opener: Any = gzip.open if packed else open
    return io.TextIOWrapper(opener(path, "rb"), encoding=encoding, newline="")


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


def _header(records: Sequence[Sequence[str]], path: Path) -> tuple[int, list[str]]:
    """Find the record with the names: the first, or below a title the first as wide as the rows."""
    filled = [i for i, record in enumerate(records) if any(c.strip() for c in record)]
    counts = np.bincount([len(records[i]) for i in filled])
    if counts[2:].sum() > 2:
        counts[1] = 0
    width = int(counts.argmax())
    comments = [i for i in filled if records[i][0].startswith("#") and len(records[i]) != width]
    marked = list(takewhile(lambda i: records[i][0].startswith("#"), filled))
    below = records[filled[len(marked)]] if len(marked) < len(filled) else []
    if len(marked) > 1 and len(below) == width and not any(map(_is_value, below)):
        comments = marked
    # Excel's own line, which names the separator.
    comments += [i for i in filled[:1] if records[i][0] == "sep="]
    first = next((i for i in filled if i not in comments), filled[0])
    names = list(records[first])
    under = _under_title(records, filled, width)
    if under > first:
        return under, list(records[under])
    if len(names) >= width or len(filled) < 4:
        return first, names
    wide = next(i for i in filled if len(records[i]) == width)
    above = [i for i in filled if first <= i < wide]
    if len(above) > LONGEST_PREAMBLE:
        return first, names
    if len(names) == width - 1 and len(above) == 1 and _values(records[wide]):
        if all(not records[i][-1].strip() for i in filled if len(records[i]) == width):
            return first, [*names, ""]
        # R's write.table names no column of row names.
        return first, ["", *names]
    return wide, list(records[wide])


def _under_title(records: Sequence[Sequence[str]], filled: Sequence[int], width: int) -> int:
    """Find names under a title that is as wide as they are or wider; -1 if there is none.

    They are as wide as the rows, below a line of another width, and rows of numbers follow.
    """
    for before, here, after in zip(filled, filled[1:], filled[2:], strict=False):
        if here > LONGEST_PREAMBLE or len(records[before]) == width == len(records[here]):
            return -1
        if len(records[here]) == width == len(records[after]):
            named = all(c.strip() for c in records[here]) and not _values(records[here])
            return here if named and _values(records[after]) else -1
    return -1


def _below_names(rows: Sequence[Sequence[str]]) -> int:
    """Count the lines with units, sources and the like between the names and the first time.

    Only lines without numbers may be passed over: one slip in the first row is no reason to lose
    it.
    """
    filled = [i for i, row in enumerate(rows) if any(c.strip() for c in row)]
    if len(filled) < 4:
        return 0
    last = rows[filled[-1]]
    for place in range(min(len(last), 12)):
        cells = [rows[i][place].strip() if place < len(rows[i]) else "" for i in filled]
        if not dated([cells[-1]]) and not dated([cells[len(cells) // 2]]):
            continue
        first = next(i for i, cell in enumerate(cells) if dated([cell]))
        above = [rows[i] for i in filled[:first]]
        numbers = sum(_values([c for k, c in enumerate(row) if k != place]) for row in above)
        follow = sum(dated([cell]) for cell in cells[first : first + 3])
        if first == 0:
            return 0
        if first <= LONGEST_PREAMBLE and 2 * numbers <= first and follow == 3:
            return filled[first]
    units = next((n for n, i in enumerate(filled) if not _only_words(rows[i])), 0)
    numbered = all(re.search(r"\d", "".join(rows[i])) for i in filled[units:])
    return filled[units] if 0 < units <= 3 and numbered else 0


def _only_words(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    comment = cells[0].startswith("#")
    return (len(filled) > 1 or comment) and not any(
        re.search(r"\d", cell) or is_missing(cell) for cell in filled
    )


def _is_value(cell: str) -> bool:
    return looks_like_number(cell) or recognised([cell])


def _values(cells: Sequence[str]) -> bool:
    return any(map(looks_like_number, cells))


def _names(cells: Sequence[str], path: Path) -> tuple[str, ...]:
    # "# date" is the header behind a mark of comments; "#Passengers" is a name.
    cells = [re.sub(r"^# +", "", cells[0].strip()), *cells[1:]]
    names = [cell.strip() or f"column {i + 1}" for i, cell in enumerate(cells)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{path}: expected distinct column names, got {', '.join(repeated)} twice")
    values = [re.fullmatch(r"[-+\d.,:/T ]+", name) is not None for name in names]
    dates = sum(re.match(r"\d{4}-\d\d-\d\d", name) is not None for name in names)
    decimals = any(re.match(r"\d+\.\d+$", name) for name in names)
    # Several dates above columns are times of a wide table.
    if all(values) or decimals or 0 < dates < 3:
        raise DataError(
            f"{path}: expected column names in the first line, got values ({', '.join(names)}); "
            + (
                "add a header such as unique_id,ds,y"
                if len(names) < 4
                else f"add a first line with {len(names)} names of columns, ds for the time"
            )
        )
    return tuple(names)


def _place(sheet: Sheet, rows: Array) -> Callable[[int], str]:
    # As small numbers: one may be kept for each row of a file.
    rows = rows.astype(np.int32)
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
