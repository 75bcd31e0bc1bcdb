"""Lines of standard input as rows: CSV with a header, JSON lines, or bare numbers."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from glasscell.errors import DataError

__all__ = ["Form", "Row", "RowLines", "TextLines"]

Form = Literal["csv", "json", "numbers"]
SEPARATORS = ",;\t|"
MISSING = ("", "nan", "na", "n/a", "null", "none", "?", "-")
"""Cells that hold no number, in any case of letters."""
YES, NO = ("1", "true", "yes", "t", "y"), ("0", "false", "no", "f", "n", "", "0.0", "none")


@dataclass(frozen=True)
class Row:
    """One row of one sequence.

    Args:
        values: Numbers in the order of the features, NaN where one is missing; or a line of text.
        name: Which sequence it belongs to; empty where there is one alone.
        begins: Whether it is the first of a new sequence.
        kept: What else is to be written beside its scores.
        time: Its time, as it was written; None where it has none.
    """

    values: list[float] | str
    name: str = ""
    begins: bool = False
    kept: tuple[Any, ...] = ()
    time: Any = None


@dataclass
class RowLines:
    """Reads rows line by line; the first line tells the form.

    Args:
        features: Names of the numbers of a row, in order.
        id: Column that names the sequence; None: there is one.
        reset: Column that says where a sequence begins; None: none does.
        keep: Further columns to hand on.
        marks: Further marks of a missing number.
        form: How lines are written; None: found.
        time: Column of the time, for lines that have it.
        timed: Whether all lines must have it.

    >>> lines = RowLines(("x", "y"), id="pump")
    >>> lines.read("pump,y,x"), lines.read("7,2,1")
    (None, Row(values=[1.0, 2.0], name='7', begins=False, kept=(), time=None))
    """

    features: Sequence[str]
    id: str | None = None
    reset: str | None = None
    keep: Sequence[str] = ()
    marks: Sequence[str] = ()
    form: Form | None = None
    time: str | None = None
    timed: bool = False
    _names: list[str] = field(default_factory=list)
    _mark: str = ","
    empty_ends = True

    def read(self, line: str) -> Row | None:
        """Give the row of a line; None for the header.

        Raises:
            DataError: It is no row, or the header lacks a column.
        """
        if self.header_missing:
            self.form = self.form or self._found(line)
            if self.form == "csv":
                self._begin(line)
                return None
        cells = self._cells(line)
        return Row(
            [self._number(name, cells[name]) for name in self.features],
            "" if self.id is None else str(cells[self.id]).strip(),
            self.reset is not None and self._switch(cells[self.reset]),
            tuple(cells[name] for name in self.keep),
            None if self.time is None else cells.get(self.time),
        )

    @property
    def header_missing(self) -> bool:
        """Whether no line has told yet what the others hold."""
        return self.form is None or (self.form == "csv" and not self._names)

    @property
    def _further(self) -> list[str]:
        return [name for name in (self.id, self.reset, *self.keep) if name is not None] + (
            [self.time] if self.timed and self.time is not None else []
        )

    def _found(self, line: str) -> Form:
        if line.lstrip()[:1] in ("{", "["):
            return "json"
        cells = re.split(r"[\s,;|]+", line.strip())
        numbers = all(_is_number(cell) or cell.lower() in MISSING for cell in cells)
        return "numbers" if numbers else "csv"

    def _begin(self, line: str) -> None:
        """Take a line as the header."""
        self._mark = max(SEPARATORS, key=line.count)
        names = [name.strip() for name in next(csv.reader([line], delimiter=self._mark))]
        self._require(names, "the columns are " + ", ".join(names))
        if len(set(names)) < len(names):
            raise DataError(f"expected a header with each column once, got {', '.join(names)}")
        self._names = names

    def _cells(self, line: str) -> dict[str, Any]:
        if self.form == "json":
            return self._of_json(line)
        if self.form == "numbers":
            return self._by_order(re.split(r"\s*[,;|]\s*|\s+", line.strip()))
        try:
            cells = next(csv.reader([line], delimiter=self._mark, strict=True))
        except (csv.Error, StopIteration) as error:
            raise DataError(f"expected one row of CSV, got {line!r} ({error})") from error
        if len(cells) != len(self._names):
            raise DataError(
                f"expected {len(self._names)} cells as the header has, got {len(cells)}"
            )
        return dict(zip(self._names, cells, strict=True))

    def _of_json(self, line: str) -> dict[str, Any]:
        try:
            held = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"expected one JSON object or list a line, got {line!r}") from error
        if isinstance(held, list):
            return self._by_order(held)
        if not isinstance(held, dict):
            raise DataError(f"expected one JSON object or list a line, got {line!r}")
        self._require(list(held), "the line has " + ", ".join(held))
        return held

    def _by_order(self, cells: list[Any]) -> dict[str, Any]:
        if self._further:
            raise DataError(
                f"expected lines with names, a CSV header or JSON objects, for the column "
                f"{self._further[0]}; got bare numbers"
            )
        if len(cells) != len(self.features):
            raise DataError(
                f"expected {len(self.features)} numbers ({', '.join(self.features)}), got "
                f"{len(cells)}"
            )
        return dict(zip(self.features, cells, strict=True))

    def _require(self, names: Sequence[str], there: str) -> None:
        absent = [name for name in (*self.features, *self._further) if name not in names]
        if absent:
            raise DataError(f"expected the column {absent[0]!r}, found none; {there}")

    def _number(self, name: str, cell: Any) -> float:
        if cell is None or (
            isinstance(cell, str)
            and (cell.strip().lower() in MISSING or cell.strip() in self.marks)
        ):
            return math.nan
        if isinstance(cell, bool | int | float) or (isinstance(cell, str) and _is_number(cell)):
            return float(cell)
        raise DataError(f"{name}: expected a number, got {cell!r}")

    def _switch(self, cell: Any) -> bool:
        word = str(cell).strip().lower()
        if word not in YES + NO:
            raise DataError(f"{self.reset}: expected 1 or 0, true or false, got {cell!r}")
        return word in YES


class TextLines:
    """Reads lines of a text: each is a row with its end."""

    empty_ends = False
    header_missing = False
    keep: Sequence[str] = ()

    def read(self, line: str) -> Row:
        """Give the line as a row."""
        return Row(f"{line}\n")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
