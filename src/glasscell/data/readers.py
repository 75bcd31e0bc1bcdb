"""Opens files and data frames as tables: the list of file formats that are read.

A reader is one function in a file of its own. It gets the path of a file and its first 64 bytes,
and gives a `Source`, or None where the file is of another format. README.md shows one.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from glasscell.data.packed import HEAD
from glasscell.data.parquet import files_of, open_parts
from glasscell.data.rawtable import Source, open_frame
from glasscell.data.workbook import Workbook
from glasscell.errors import DataError

READERS = (
    "glasscell.data.parquet:open_parquet",
    "glasscell.data.arrowfile:open_arrow",
    "glasscell.data.workbook:open_workbook",
    "glasscell.data.jsonfile:open_json",
    "glasscell.data.refused_formats:refuse",
    "glasscell.data.csvfile:open_csv",
)
"""A line for each format; new ones go first. The first that knows a file opens it."""


_ahead: dict[tuple[Path, int, int], Source | Workbook] = {}
"""The file that was opened ahead, by path, size and time of change."""


class Reader(Protocol):
    """What an entry of `READERS` names."""

    def __call__(self, path: Path, head: bytes) -> Source | Workbook | None:
        """Open a file, or give None where it is of another format.

        Raises:
            DataError: The file is of this format and cannot be used.
        """


def open_source(data: Any, sheet: str | None = None) -> Source:
    """Open a file or a frame.

    Args:
        data: Path of a file or of a folder of Parquet files; a frame of pandas, polars, Arrow or
            another library that narwhals knows, lazy or not; a pandas Series; or an opened source.
            Dates in a pandas index become a column.
        sheet: The sheet of a workbook, by name or by number from 1; None: the one with a table.

    Raises:
        DataError: The file cannot be used, or the frame's columns have no distinct names of text.
    """
    if isinstance(data, Source):
        return data
    opened = _opened(Path(data)) if isinstance(data, str | Path) else open_frame(data)
    if isinstance(opened, Workbook):
        return opened.sheet(sheet)
    if sheet is not None:
        got = data if isinstance(data, str | Path) else type(data).__name__
        raise DataError(f"--sheet {sheet!r}: expected a workbook, got {got}, which is none")
    return opened


def open_ahead(path: Path) -> Source:
    """Open a file to see what it holds; the next `open_source` of it takes what was opened.

    JSON and workbooks are parsed as a whole when they are opened, so once is enough.

    Raises:
        DataError: As `open_source`.
    """
    _ahead.clear()
    opened = _ahead[_state(path)] = _opened(path)
    return opened.sheet(None) if isinstance(opened, Workbook) else opened


def _state(path: Path) -> tuple[Path, int, int]:
    state = path.stat()
    return path.resolve(), state.st_size, state.st_mtime_ns


def _opened(path: Path) -> Source | Workbook:
    if path.is_dir() and (parts := files_of(path)):
        return open_parts(parts, path.name, path)
    if not path.is_file():
        what = "nothing"
        if path.is_dir():
            what = (
                "a folder without Parquet files; labelled sequences lie in a folder for each "
                "label, as in walk/one.csv, or in one table with a column that names the sequence"
            )
        if re.match(r"https?:/", str(path)):
            what = "a web address; download the file first"
        raise DataError(
            f"{path}: expected the file of a table, or a folder of Parquet files, found {what}"
        )
    ahead = _ahead.pop(_state(path), None)
    if ahead is not None:
        return ahead
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    for entry in READERS:
        source = reader(entry)(path, head)
        if source is not None:
            return source
    raise DataError(f"{path}: expected a file of a known format")


def reader(entry: str) -> Reader:
    """Give the function that an entry of `READERS` names as module:function."""
    module, _, name = entry.partition(":")
    function: Reader = getattr(import_module(module), name)
    return function
