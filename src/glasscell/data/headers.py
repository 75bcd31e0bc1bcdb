"""Finds the names of columns in the first rows of a table, below titles and above units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np

from glasscell.data.dates import dated, recognised
from glasscell.data.numerals import is_missing, looks_like_number
from glasscell.errors import DataError

LONGEST_PREAMBLE = 30
"""Lines above the names, or between them and the rows, that may be passed over."""


@dataclass(frozen=True)
class Header:
    """Where the rows of a table begin.

    Args:
        names: Column names in order, stripped.
        first: Index of the first record below the names, and below lines with units.
        rows: The records from there on that are not blank.
        notes: What was passed over, one sentence each.
    """

    names: tuple[str, ...]
    first: int
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def find_header(records: Sequence[Sequence[str]], path: Path) -> Header:
    """Find the names in the first records of a table.

    Args:
        records: Cells as text.
        path: The file, for messages.

    Raises:
        DataError: Names are repeated, or there are none.

    >>> rows = [["Load, 2024"], ["ds", "y"], ["2024-01-01", "1"], ["2024-01-02", "2"]]
    >>> find_header(rows, Path("a.csv")).names
    ('ds', 'y')
    """
    header, cells = _header(records, path)
    below = _below_names(records[header + 1 :])
    other = records[header + below]
    blank = [cell for cell in cells[1:] if not cell.strip()]
    if below and (len(cells) != len(records[-1]) == len(other) or (blank and all(other))):
        header, cells, below = header + below, list(records[header + below]), 0
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
    return Header(_names(cells, path), header + 1 + below, tuple(map(tuple, body)), tuple(notes))


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
    values = [
        re.fullmatch(r"[-+\d.,:/T ]+", name) is not None or looks_like_number(name)
        for name in names
    ]
    dates = sum(re.match(r"\d{4}-\d\d-\d\d", name) is not None for name in names)
    decimals = any(re.match(r"\d+\.\d+$", name) for name in names)
    # Several dates above columns are times of a wide table.
    if all(values) or decimals or 0 < dates < 3:
        raise DataError(
            f"{path}: expected column names in the first line, got values ({', '.join(names)}); "
            + (
                "add a header such as unique_id,ds,y, or one with a name for each feature"
                if len(names) < 4
                else f"add a first line with {len(names)} names of columns, ds for the time"
            )
        )
    return tuple(names)
