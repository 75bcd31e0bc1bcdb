"""Opens a CSV file or a data frame as named columns, with some rows to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import narwhals as nw
import pandas as pd

from glasscell.data.csvfile import SAMPLE_RECORDS, open_sheet
from glasscell.data.numerals import find_decimal
from glasscell.data.rawtable import Table
from glasscell.errors import DataError


class Source(Protocol):
    """Named columns, of which some rows are known and the rest can be read."""

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""

    @property
    def sample(self) -> tuple[tuple[str, ...], ...]:
        """The first rows as text."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was passed over on opening."""

    def body(
        self,
        numeric: Sequence[str],
        text: Sequence[str],
        decimal: str | None = None,
        missing: Sequence[str] = (),
    ) -> Table:
        """Read whole columns."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A data frame as a source.

    Args:
        names: Column names in order.
        columns: Name to values.
        sample: The first rows as text, "" where a cell is missing.
        notes: What was passed over on opening.
    """

    names: tuple[str, ...]
    columns: dict[str, Any]
    sample: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def body(
        self,
        numeric: Sequence[str],
        text: Sequence[str],
        decimal: str | None = None,
        missing: Sequence[str] = (),
    ) -> Table:
        """Give the columns asked for; text in them is read as in a file."""
        columns = {name: self.columns[name] for name in (*text, *numeric)}
        said = ""
        if decimal is None:
            cells = (pd.Series(self.columns[name], dtype=object) for name in numeric)
            decimal, said = find_decimal(
                (c[c.map(lambda v: isinstance(v, str))] for c in cells), ""
            )
        return Table(
            columns, lambda i: i + 1, "the frame", "row",
            decimal=decimal, missing=tuple(missing), notes=(said,) if said else (),
        )  # fmt: skip


def column(source: Source, name: str) -> list[str]:
    """Give the cells of a column in the sample that hold something.

    >>> frame = Frame(("a",), {}, (("1",), ("",)))
    >>> column(frame, "a")
    ['1']
    """
    place = source.names.index(name)
    cells = (row[place].strip() for row in source.sample if place < len(row))
    return [cell for cell in cells if cell]


def open_source(data: Any) -> Source:
    """Open a CSV file or a frame.

    Args:
        data: Path of a CSV file (plain or gz), or a pandas, polars or other narwhals frame, or a
            pandas Series. Dates in a pandas index become a column.

    Raises:
        DataError: The file cannot be used, or the frame's columns have no distinct names of text.
    """
    if isinstance(data, str | Path):
        return open_sheet(Path(data))
    if isinstance(data, pd.Series):
        data = data.to_frame("y" if data.name is None else data.name)
    if isinstance(data, pd.DataFrame):
        data = _with_index(data)
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"expected the path of a CSV file or a data frame, got {type(data).__name__}; make one "
            "with pandas.DataFrame(...)"
        ) from error
    except (nw.exceptions.NarwhalsError, ValueError) as error:
        raise DataError(f"expected a frame with distinct column names; {error}") from error
    names = tuple(frame.columns)
    columns = {name: _plain(frame[name]) for name in names}
    head = [pd.Series(columns[name][:SAMPLE_RECORDS]) for name in names]
    cells = [[("" if missing else str(cell)) for cell, missing in zip(c, c.isna(), strict=True)]
             for c in head]  # fmt: skip
    return Frame(names, columns, tuple(zip(*cells, strict=True)) if cells else ())


def _with_index(data: pd.DataFrame) -> pd.DataFrame:
    """Make a column of an index that says something: dates, a name, or several levels."""
    if isinstance(data.columns, pd.MultiIndex):
        raise DataError(
            "expected a frame with one level of column names, got "
            f"{data.columns.nlevels}, such as {data.columns[0]!r}; keep one: "
            "frame.columns = frame.columns.get_level_values(0)"
        )
    strange = [name for name in data.columns if not isinstance(name, str)]
    if strange:
        raise DataError(
            f"expected column names of text, got {', '.join(map(repr, strange[:5]))}; rename them: "
            "frame.rename(columns=str)"
        )
    twice = data.columns[data.columns.duplicated()]
    if len(twice):
        raise DataError(
            f"expected distinct column names, got {', '.join(twice.unique())} twice; drop or "
            "rename one"
        )
    index = data.index
    numbered = isinstance(index, pd.RangeIndex) or pd.api.types.is_integer_dtype(index.dtype)
    if index.nlevels == 1 and numbered and index.name is None:
        return data
    names = [name or f"index{i or ''}" for i, name in enumerate(index.names)]
    free = [name if name not in data.columns else f"{name} (index)" for name in map(str, names)]
    return data.rename_axis(index=free).reset_index()


def _plain(column: Any) -> Any:
    """Give a column as NumPy values; periods as the time at which they start."""
    native = column.to_native()
    if isinstance(native, pd.Series) and isinstance(native.dtype, pd.PeriodDtype):
        return native.dt.to_timestamp().to_numpy()
    if isinstance(native, pd.Series) and isinstance(native.dtype, pd.DatetimeTZDtype):
        return native.astype(object).to_numpy()
    if isinstance(native, pd.Series) and isinstance(native.dtype, pd.CategoricalDtype):
        return native.astype(object).to_numpy()
    return column.to_numpy()
