"""Reads a CSV file as a table: encoding, separator and decimal mark found, line numbers kept."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glasscell.errors import DataError

SAMPLE_RECORDS = 200
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "-")
"""What stands for a missing number; in a time or series column only an empty cell does."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one file or frame, and where each row came from.

    Args:
        columns: Name to cells: numbers where the whole column is numeric, else text.
        line: Row index to its line in the file, from 1, or to its place in the frame.
        source: Name of the file, or "the frame".
        place: "line" of a file or "row" of a frame.
    """

    columns: dict[str, Any]
    line: Callable[[int], int]
    source: str
    place: str = "line"

    def text(self, name: str) -> np.ndarray[Any, Any]:
        """Give a column as stripped text, None where the cell is empty."""
        cells = pd.Series(self.columns[name])
        text = cells.astype(object).where(cells.notna(), None)
        return np.array([None if cell is None else str(cell).strip() for cell in text], object)

    def numbers(self, name: str, hint: str = "") -> np.ndarray[Any, np.dtype[np.float64]]:
        """Give a column as float64, NaN where the cell is empty.

        Raises:
            DataError: A cell holds text or an infinity.
        """
        cells = pd.Series(self.columns[name])
        if pd.api.types.is_bool_dtype(cells.dtype):
            cells = cells.astype(str)
        coerced = pd.to_numeric(cells, errors="coerce")
        numbers: np.ndarray[Any, Any] = coerced.to_numpy(np.float64, na_value=np.nan)
        self._refuse(name, np.isnan(numbers) & cells.notna().to_numpy(), "a number", hint)
        self._refuse(name, np.isinf(numbers), "a finite number", "")
        return numbers

    def _refuse(self, name: str, bad: np.ndarray[Any, Any], wanted: str, hint: str) -> None:
        if not bad.any():
            return
        first = int(np.argmax(bad))
        raise DataError(
            f"column {name!r}, {self.place} {self.line(first)}: expected {wanted}, got "
            f"{str(pd.Series(self.columns[name]).iloc[first])!r}"
            + (f" ({int(bad.sum())} such cells in this column)" if bad.sum() > 1 else "")
            + "; correct the data"
            + (f", or: {hint}" if hint else "")
        )


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
    """

    path: Path
    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    separator: str
    header: int
    encoding: str


def open_sheet(path: Path) -> Sheet:
    """Find a file's encoding, separator and column names.

    Raises:
        DataError: There is no such file, it is empty or no text, or its header is unusable.
    """
    if not path.is_file():
        raise DataError(
            f"{path}: expected a CSV file, found {'a folder' if path.is_dir() else 'nothing'}"
        )
    encoding = _encoding(path)
    try:
        with _text(path, encoding) as stream:
            lines = [line for _, line in zip(range(SAMPLE_RECORDS + 1), stream, strict=False)]
    except (UnicodeError, gzip.BadGzipFile, EOFError) as error:
        raise DataError(
            f"{path}: expected text in UTF-8; {error}; save the file as UTF-8"
        ) from error
    if any("\0" in line for line in lines):
        raise DataError(f"{path}: expected a text file with separated values, got binary data")
    if not any(line.strip() for line in lines):
        raise DataError(
            f"{path}: the file is empty; expected a header line and one row per time step"
        )
    separator = _separator(lines)
    records = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    header = next(i for i, record in enumerate(records) if any(c.strip() for c in record))
    names = _names(records[header], path)
    sample = tuple(tuple(r) for r in records[header + 1 :] if any(c.strip() for c in r))
    return Sheet(path, names, sample, separator, header + 1, encoding)


def read_body(
    sheet: Sheet, numeric: Sequence[str], text: Sequence[str], decimal: str | None = None
) -> Table:
    """Read the rows of the columns asked for.

    Args:
        sheet: What `open_sheet` found.
        numeric: Columns that should hold numbers.
        text: Columns to leave as text.
        decimal: Decimal mark, "." or ","; None: found from the cells.

    Raises:
        DataError: A line has more cells than the header, or the decimal mark is ambiguous.
    """
    wanted = [*text, *numeric]
    missing = {name: list(MISSING) for name in numeric}
    frame = _parse(
        sheet,
        decimal=decimal or _decimal(sheet, numeric),
        dtype=dict.fromkeys([name for name in sheet.names if name not in numeric], str),
        na_values={**{name: [""] for name in sheet.names}, **missing},
    )
    kept = frame.notna().any(axis=1).to_numpy()
    rows = np.flatnonzero(kept)
    frame = frame if kept.all() else frame[kept]
    columns = {name: frame[name].to_numpy() for name in wanted}
    return Table(columns, lambda i: _line(sheet, int(rows[i])), sheet.path.name)


def _parse(sheet: Sheet, **options: Any) -> Any:
    try:
        with _text(sheet.path, sheet.encoding) as stream, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                stream,
                sep=sheet.separator,
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
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(
            f"{sheet.path}: a row does not fit the header of {len(sheet.names)} columns "
            f"({', '.join(sheet.names)}): {' '.join(str(error).split())}"
        ) from error
    except pd.errors.EmptyDataError:
        return pd.DataFrame({name: [] for name in sheet.names})
    except UnicodeError as error:
        raise DataError(
            f"{sheet.path}: expected text in UTF-8; {error}; save it as UTF-8"
        ) from error


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    opener: Any = gzip.open if _magic(path)[:2] == b"\x1f\x8b" else open
    return io.TextIOWrapper(opener(path, "rb"), encoding=encoding, newline="")


def _magic(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4)


def _encoding(path: Path) -> str:
    return "utf-16" if _magic(path)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _separator(lines: Sequence[str]) -> str:
    """Choose the separator that gives the most cells in the header and as many in most rows."""
    filled = [line for line in lines if line.strip()]

    def score(separator: str) -> tuple[float, int]:
        widths = [len(record) for record in csv.reader(filled, delimiter=separator) if record]
        width = widths[0] if widths else 1
        return (width > 1) * float(np.mean([w == width for w in widths] or [False])), width

    return max((",", ";", "\t", "|"), key=score)


def _names(cells: Sequence[str], path: Path) -> tuple[str, ...]:
    names = [cell.strip() or f"column {i + 1}" for i, cell in enumerate(cells)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{path}: expected distinct column names, got {', '.join(repeated)} twice")
    values = [re.fullmatch(r"[-+\d.,:/T ]+", name) is not None for name in names]
    if all(values) or any(re.match(r"\d{4}-\d\d-\d\d|\d+\.\d+$", name) for name in names):
        raise DataError(
            f"{path}: expected column names in the first line, got values ({', '.join(names)}); "
            "add a header such as unique_id,ds,y"
        )
    return tuple(names)


def _decimal(sheet: Sheet, numeric: Sequence[str]) -> str:
    if sheet.separator == ",":
        return "."
    places = [sheet.names.index(name) for name in numeric]
    cells = [row[i].strip() for row in sheet.sample for i in places if i < len(row)]
    commas = [cell for cell in cells if re.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?", cell)]
    if not commas:
        return "."
    if all(re.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}", cell) for cell in commas):
        raise DataError(
            f"{sheet.path}: {commas[0]!r} may be a decimal comma or a thousands separator; "
            "say which with --decimal , or --decimal . (and no thousands separators)"
        )
    return ","


def _line(sheet: Sheet, row: int) -> int:
    """Count lines as an editor does; only an error asks, so the file is read again."""
    with _text(sheet.path, sheet.encoding) as stream:
        reader = csv.reader(stream, delimiter=sheet.separator)
        before = 0
        for number, _ in enumerate(reader):
            if number == sheet.header + row:
                return before + 1
            before = reader.line_num
    return before
