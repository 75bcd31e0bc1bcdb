"""Reads workbooks of Excel and LibreOffice (.xlsx, .xlsm, .xlsb, .xls, .ods) by python-calamine.

A cell is what its sheet shows last: of a formula the value that was computed when it was saved.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from glasscell.data.dates import dated
from glasscell.data.headers import LONGEST_PREAMBLE, find_header
from glasscell.data.numerals import is_missing, looks_like_number
from glasscell.data.rawtable import SAMPLE_ROWS, FrameSource
from glasscell.data.wording import count, few
from glasscell.errors import DataError

OLD = b"\xd0\xcf\x11\xe0"
"""First bytes of .xls, and of an .xlsx with a password."""
LEAST_ROWS = 3
"""Rows that a table has at least, its names included."""
SAVE = "open the workbook in Excel or LibreOffice and save it, which computes them"
MOST_FOOTNOTES = 10
SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
FINEST = timedelta(milliseconds=1)
"""Excel keeps times as parts of a day, which are right to some microseconds."""


@dataclass(frozen=True, eq=False)
class Workbook:
    """An opened workbook.

    Args:
        path: The file.
        sheets: Each sheet's cells by its name, rows of numbers and text, "" where one is empty.
        offsets: The number of each sheet's first row, from 1.
    """

    path: Path
    sheets: dict[str, list[list[Any]]]
    offsets: dict[str, int]

    def sheet(self, wanted: str | None) -> FrameSource:
        """Open one sheet as a table.

        Args:
            wanted: Its name or its number from 1; None: the one with a table.

        Raises:
            DataError: There is no such sheet, several have tables, or the sheet has none.
        """
        if wanted is not None:
            name = self._named(wanted)
            return self._table(name, [])
        shown = {
            name: _first_as_text(_without_footnotes(rows, [])) for name, rows in self.sheets.items()
        }
        filled = [name for name, rows in shown.items() if _is_table(rows)]
        timed = [name for name in filled if _has_dates(shown[name])]
        candidates = timed or filled
        if not candidates and _uncomputed(self.path):
            raise DataError(
                f"{self.path}: expected a sheet with numbers, got formulas without values; {SAVE}"
            )
        if not candidates:
            raise DataError(
                f"{self.path}: expected a sheet with a table (names of columns, and a row per time "
                f"step), got {self._listed()}"
            )
        if len(candidates) > 1:
            raise DataError(
                f"{self.path}: expected one sheet with a table, got {len(candidates)} "
                f"({few(candidates)}); choose one with --sheet"
            )
        others = [name for name in self.sheets if name != candidates[0]]
        notes = [f"Sheet {candidates[0]!r} was read, not {few(others)}."] if others else []
        return self._table(candidates[0], notes)

    def _named(self, wanted: str) -> str:
        names = list(self.sheets)
        if wanted in names:
            return wanted
        if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
            return names[int(wanted) - 1]
        raise DataError(f"--sheet {wanted!r}: {self.path.name} has {self._listed()}")

    def _listed(self) -> str:
        shown = [f"{name!r} ({count(len(rows), 'row')})" for name, rows in self.sheets.items()]
        return f"{count(len(shown), 'sheet')}: {', '.join(shown[:8])}"

    def _table(self, name: str, notes: list[str]) -> FrameSource:
        cells = _without_footnotes(self.sheets[name], notes)
        title = f"sheet {name!r} of {self.path.name}"
        if not cells:
            raise DataError(f"{self.path}: sheet {name!r} is empty; {self._listed()}")
        rows = _first_as_text(cells)
        joined = _two_rows_of_names(rows)
        if joined is not None:
            top, names = joined
            notes.append(f"Names stand in two rows, such as {few(names[1:3])}.")
            rows = [*([[""]] * (top + 1)), names, *rows[top + 2 :]]
        header = find_header(rows, self.path)
        notes.extend(header.notes)
        width, first = len(header.names), self.offsets[name]
        kept = [number for number in range(header.first, len(cells)) if cells[number]]
        wide = next((number for number in kept if len(cells[number]) > width), None)
        if wide is not None:
            raise DataError(
                f"{self.path}, sheet {name!r}, row {first + wide}: expected "
                f"{count(width, 'column')} ({few(header.names)}), got a cell beside them "
                f"({cells[wide][-1]!r}); remove it, or give it a name"
            )
        columns = {
            column: [_cell(cells[number], place) for number in kept]
            for place, column in enumerate(header.names)
        }
        self._require_computed(name, columns)
        return FrameSource(
            header.names,
            columns,
            header.rows,
            title,
            tuple(notes),
            where=lambda row: f"row {first + kept[row]}",
        )

    def _require_computed(self, name: str, columns: dict[str, list[Any]]) -> None:
        """Refuse columns of formulas that nothing ever computed, as programs write them."""
        empty = [n for n, cells in columns.items() if cells and set(cells) == {None}]
        if empty and _uncomputed(self.path):
            raise DataError(
                f"{self.path}, sheet {name!r}: column {few(empty)} holds formulas "
                f"without values; {SAVE}"
            )


def open_workbook(path: Path, head: bytes) -> Workbook | None:
    """Open a workbook.

    Args:
        path: The file.
        head: Its first bytes.

    Raises:
        DataError: python-calamine is not installed, or the file is damaged or has a password.
    """
    if not head.startswith(OLD) and not _is_book(path, head):
        return None
    try:
        import python_calamine as calamine
    except ImportError as error:
        raise DataError(
            f"{path}: workbooks are read by python-calamine, which is not installed; "
            "pip install 'glasscell[excel]', or save the sheet as CSV in UTF-8"
        ) from error
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        sheets, offsets = {}, {}
        for meta in book.sheets_metadata:
            if meta.typ == calamine.SheetTypeEnum.WorkSheet:
                sheet = book.get_sheet_by_name(meta.name)
                sheets[meta.name] = _cells(sheet)
                offsets[meta.name] = (sheet.start or (0, 0))[0] + 1
    except calamine.PasswordError as error:
        raise DataError(
            f"{path}: expected a workbook that anybody can open, got one with a password; save it "
            "without"
        ) from error
    except (calamine.CalamineError, OSError) as error:
        raise DataError(
            f"{path}: expected a workbook, got a damaged one ({error}); save it again, or save "
            "the sheet as CSV in UTF-8"
        ) from error
    return Workbook(path, sheets, offsets)


def _is_book(path: Path, head: bytes) -> bool:
    if not head.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return path.suffix.lower() in SUFFIXES
    book = any(name.startswith("xl/") for name in inside)
    return book or ("mimetype" in inside and "content.xml" in inside)


def _cells(sheet: Any) -> list[list[Any]]:
    """Give the used cells, numbers as numbers and all else as text, without empty ones at ends."""
    rows = [[_value(cell) for cell in row] for row in sheet.to_python(skip_empty_area=True)]
    down, right = sheet.start or (0, 0)
    for (top, left), (bottom, end) in _merged(sheet):
        held = rows[top - down][left - right]
        if bottom > top and held != "":
            # A name beside several rows belongs to each of them; a title above columns does not.
            for row in rows[top - down : bottom - down + 1]:
                row[left - right : end - right + 1] = [held] * (end - left + 1)
    for row in rows:
        while row and row[-1] == "":
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _merged(sheet: Any) -> Any:
    try:
        return sheet.merged_cell_ranges or []
    except Exception:  # of some formats calamine does not know them
        return []


def _value(cell: Any) -> Any:
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 1e15 else cell
    if isinstance(cell, datetime):
        cell = datetime.min + round((cell - datetime.min) / FINEST) * FINEST
    return cell if isinstance(cell, int) else str(cell).strip()


def _cell(row: Sequence[Any], place: int) -> Any:
    """Give a cell, None where it is empty."""
    return row[place] if place < len(row) and row[place] != "" else None


def _without_footnotes(rows: list[list[Any]], notes: list[str]) -> list[list[Any]]:
    """Leave out remarks below an empty row: rows of one cell with words."""
    last = next((number for number in range(len(rows) - 1, 0, -1) if not rows[number]), 0)
    below = rows[last + 1 :] if last else []
    words = [[cell for cell in row if cell != ""] for row in below]
    said = all(len(row) == 1 and not looks_like_number(str(row[0])) for row in words)
    dates = any(dated([str(cell)]) for row in words for cell in row)
    if not below or len(below) > MOST_FOOTNOTES or not said or dates:
        return rows
    notes.append(f"Lines below the table were not read ({len(below)}): {str(words[0][0])[:60]!r} …")
    return rows[:last]


def _first_as_text(rows: Sequence[Sequence[Any]]) -> list[list[str]]:
    return [[str(cell) for cell in row] or [""] for row in rows[: SAMPLE_ROWS + 1]]


def _is_table(rows: Sequence[Sequence[str]]) -> bool:
    wide = [row for row in rows if len([cell for cell in row if cell]) > 1]
    numbers = sum(any(map(looks_like_number, row)) for row in wide)
    return len(wide) >= LEAST_ROWS and numbers >= len(wide) / 2


def _has_dates(rows: Sequence[Sequence[str]]) -> bool:
    last = [row for row in rows if any(row)][-1]
    return any(dated([cell]) for cell in last if cell)


def _two_rows_of_names(rows: Sequence[list[str]]) -> tuple[int, list[str]] | None:
    """Join names in two rows, of groups and of columns; None where one row has them.

    Returns:
        The row of the groups, and the names.
    """
    width = max(map(len, rows))
    for top in range(min(LONGEST_PREAMBLE, len(rows) - 2)):
        upper, lower, below = ([*row, *[""] * (width - len(row))] for row in rows[top : top + 3])
        if not _are_names(lower) or sum(map(bool, lower)) < 2:
            continue
        if not any(looks_like_number(cell) or dated([cell]) for cell in below if cell):
            continue
        blank = any(up and not after for up, after in pairwise(upper))
        groups = sum(map(bool, upper))
        if not _are_names(upper) or groups < 2 or not blank:
            return None
        names, group = [], ""
        for up, low in zip(upper, lower, strict=True):
            group = up or group
            names.append(" ".join(filter(None, (group, low))) if low else up)
        return (top, names) if len(set(names)) == len(names) else None
    return None


def _are_names(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and not any(
        looks_like_number(cell) or is_missing(cell) or dated([cell]) for cell in filled
    )


def _uncomputed(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
            bare = rb"<f>[^<]*</f>\s*(<v\s*/>|<v></v>|</c>)"
            return any(re.search(bare, archive.read(name)) for name in parts)
    except (zipfile.BadZipFile, OSError):
        return False
