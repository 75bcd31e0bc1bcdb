"""Reads a column of categories as places in its list of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.numerals import is_missing
from glasscell.data.rawtable import Table
from glasscell.data.wording import count, few
from glasscell.errors import DataError

NONE = "none"
"""The word of an empty cell: most days have no holiday."""
MOST_WORDS = 10_000
"""Categories of one column; more of them name rows, not kinds of rows."""


def categories(
    table: Table, name: str, words: Sequence[str] | None = None
) -> tuple[tuple[str, ...], Array]:
    """Read a column of categories.

    Args:
        table: The table.
        name: The column.
        words: Its words, as a finished run knows them; None: found, in alphabetical order.

    Returns:
        The words, and (n,) float64 the place of each cell's word; an empty cell's is NONE.

    Raises:
        DataError: A word that the run does not know, or more words than can be kinds of rows.
    """
    cells = pd.Series([_word(cell) for cell in table.text(name)], dtype=object)
    found = sorted(cells.unique())
    if words is None and len(found) > MOST_WORDS:
        raise DataError(
            f"column {name!r}: expected at most {MOST_WORDS:,} categories, got {len(found):,}; "
            "leave it out, or put rare ones together"
        )
    words = tuple(found if words is None else words)
    strange = sorted(set(found) - set(words))
    if strange:
        first = int(np.flatnonzero(cells.isin(strange))[0])
        raise DataError(
            f"column {name!r}, {table.where(first)}: expected a category that the run has seen "
            f"({few(list(words), 12)}), got {cells[first]!r}"
            + (
                f" ({count(len(strange), 'such category', 'such categories')})"
                if strange[1:]
                else ""
            )
            + "; correct it, or fit again with data that have it"
        )
    places = cells.map({word: place for place, word in enumerate(words)})
    return words, places.to_numpy(np.float64)


def _word(cell: str | None) -> str:
    """Give a cell as a word: whole numbers without their .0, which frames add and files do not."""
    if cell is None or is_missing(cell):
        return NONE
    whole = cell.removesuffix(".0")
    return whole if whole.lstrip("-").isdigit() else cell
