"""The cells of a table: columns as text or as numbers, and the place of every row in its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from glasscell.data.numerals import LARGEST, read_numbers
from glasscell.errors import DataError


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one file or frame, and where each row came from.

    Args:
        columns: Name to cells: numbers where the whole column is numeric, else text.
        line: Row index to its line in the file, from 1, or to its place in the frame.
        source: Name of the file, or "the frame".
        place: "line" of a file or "row" of a frame.
        decimal: Decimal mark of cells that are text.
        missing: Further marks of a missing number, beside the well-known ones.
        notes: What reading the cells took for granted.
        left_out: Gets what `numbers` left out of cells, such as percent signs: the first such cell
            and the columns.
    """

    columns: dict[str, Any]
    line: Callable[[int], int]
    source: str
    place: str = "line"
    decimal: str = "."
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def text(self, name: str) -> np.ndarray[Any, Any]:
        """Give a column as stripped text, None where the cell is empty."""
        cells = pd.Series(self.columns[name])
        text = cells.astype(object).where(cells.notna(), None)
        return np.array([None if cell is None else str(cell).strip() for cell in text], object)

    def numbers(self, name: str, hint: str = "") -> np.ndarray[Any, np.dtype[np.float64]]:
        """Give a column as float64, NaN where a value is missing.

        Raises:
            DataError: A cell holds text, an infinity or a number beyond 1e304.
        """
        cells = pd.Series(self.columns[name])
        if pd.api.types.is_any_real_numeric_dtype(cells.dtype):
            numbers = np.array(cells.to_numpy(np.float64, na_value=np.nan))
        else:
            read = read_numbers(self.text(name), self.decimal, self.missing)
            self._refuse(name, read.unread, "a number", hint)
            numbers = np.array(read.values)
            for what, cell in read.left_out.items():
                self.left_out.setdefault(what, (cell, []))[1].append(name)
        marks = pd.to_numeric(pd.Series(self.missing, dtype=object), errors="coerce").dropna()
        numbers[np.isin(numbers, marks)] = np.nan
        self._refuse(name, np.isinf(numbers), "a finite number", "")
        self._refuse(name, np.abs(numbers) > LARGEST, f"a number below {LARGEST:g} in size", "")
        return numbers

    def said(self) -> list[str]:
        """Give a sentence for each thing that was read otherwise than it stands there."""
        return [*self.notes] + [
            f"{what}, as in {cell!r}, were left out ({', '.join(names[:5])}"
            f"{' …' if len(names) > 5 else ''})."
            for what, (cell, names) in self.left_out.items()
        ]

    def only(self, rows: np.ndarray[Any, Any]) -> Table:
        """Keep some rows, by their indices."""
        columns = {name: np.asarray(cells)[rows] for name, cells in self.columns.items()}
        return replace(self, columns=columns, line=lambda i: self.line(int(rows[i])))

    def _refuse(self, name: str, bad: np.ndarray[Any, Any], wanted: str, hint: str) -> None:
        if not bad.any():
            return
        first = int(np.argmax(bad))
        raise DataError(
            f"column {name!r}, {self.place} {self.line(first)}: expected {wanted}, got "
            f"{_short(pd.Series(self.columns[name]).iloc[first])}"
            + (f" ({int(bad.sum())} such cells in this column)" if bad.sum() > 1 else "")
            + "; correct the data, or name a mark of missing values with --missing"
            + (f", or: {hint}" if hint else "")
        )


def _short(cell: Any) -> str:
    written = repr(str(cell))
    return written if len(written) <= 60 else f"{written[:50]}…' ({len(str(cell))} characters)"
