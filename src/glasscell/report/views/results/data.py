"""Tables of results as the page gets them: text that the script and the static page both show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from glasscell.errors import ShapeError
from glasscell.report.draw.markup import column_decimals, grouped
from glasscell.report.page.exploration import Pair

__all__ = ["Table", "both", "results"]

MEASURES: Final = {
    "results": "{said: [text], tables: [{caption, columns, numeric, rows, highlight, note}], notes}"
}

Text: TypeAlias = str | Pair
"""The user's own text, or English and Chinese."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of results; numbers are shown with the precision that tells them apart.

    Args:
        caption: One sentence above the table.
        columns: Column heads.
        rows: One sequence per row, as long as `columns`; text or numbers (NaN: no value).
        highlight: Indices of the rows to bring forward, e.g. the model that the page is about.
        note: One sentence below the table, e.g. how many seeds stand behind it.

    Raises:
        ShapeError: A row has another number of cells than there are columns.

    >>> table = Table(caption="c", columns=["a"], rows=[[16.28123], [float("nan")]])
    >>> table.record()["rows"]
    [['16.28'], ['–']]
    """

    caption: Text
    columns: Sequence[Text]
    rows: Sequence[Sequence[str | float]]
    highlight: Sequence[int] = ()
    note: Text = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ShapeError(
                    f"table row {number}: expected {len(self.columns)} cells, one per column, "
                    f"got {len(row)}"
                )

    def record(self) -> dict[str, Any]:
        """Give the table for the page: every cell as text, and which columns hold numbers."""
        columns = [[row[k] for row in self.rows] for k in range(len(self.columns))]
        numbers = [[float(v) for v in column if _is_number(v)] for column in columns]
        decimals = [column_decimals(column) for column in numbers]
        return {
            "caption": both(self.caption),
            "columns": [both(name) for name in self.columns],
            "numeric": [bool(column) and len(column) == len(self.rows) for column in numbers],
            "rows": [
                [_cell(value, places) for value, places in zip(row, decimals, strict=True)]
                for row in self.rows
            ],
            "highlight": list(self.highlight),
            "note": both(self.note),
        }


def results(
    said: Sequence[Text] = (), tables: Sequence[Table] = (), notes: Sequence[Text] = ()
) -> dict[str, Any]:
    """Give `measures.results` of a page.

    Args:
        said: The answer first: a paragraph each.
        tables: What it rests on.
        notes: How it was made, and what it does not show.
    """
    return {
        "said": [both(text) for text in said],
        "tables": [table.record() for table in tables],
        "notes": [both(text) for text in notes],
    }


def both(text: Text) -> Pair:
    """Give a text in both languages; the user's own stays as it is."""
    return (text, text) if isinstance(text, str) else text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _cell(value: str | float, decimals: int) -> str:
    return grouped(float(value), decimals) if _is_number(value) else str(value)
