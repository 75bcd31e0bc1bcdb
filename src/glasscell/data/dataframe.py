"""Opens data frames, and what other libraries read as one, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from glasscell.data.numerals import find_decimal
from glasscell.data.rawtable import SAMPLE_ROWS, Names, Table
from glasscell.errors import DataError


@dataclass(frozen=True, eq=False)
class FrameSource:
    """Columns that are in memory.

    Args:
        names: Column names in order.
        columns: Name to values.
        sample: The first rows as text, "" where a cell is missing.
        title: What messages call it: "the frame", or the name of the file that it was read from.
        notes: What was passed over on opening.
    """

    names: tuple[str, ...]
    columns: dict[str, Any]
    sample: tuple[tuple[str, ...], ...]
    title: str = "the frame"
    notes: tuple[str, ...] = ()

    def body(
        self, numeric: Names, text: Names, decimal: str | None = None, missing: Names = ()
    ) -> Table:
        """Give the columns asked for; text in them is read as in a file."""
        note = ""
        if decimal is None:
            cells = (pd.Series(self.columns[name], dtype=object) for name in numeric)
            decimal, note = find_decimal(
                (c[c.map(lambda v: isinstance(v, str))] for c in cells), ""
            )
        columns = {name: self.columns[name] for name in (*text, *numeric)}
        marks = tuple(missing)
        return Table(columns, lambda i: f"row {i + 1}", self.title, decimal, marks, (note,))


def open_frame(data: Any, title: str = "the frame") -> FrameSource:
    """Open a data frame, or a file that another library read as one.

    Args:
        data: A pandas, polars or other narwhals frame, or a pandas Series.
        title: What messages call it.

    Raises:
        DataError: It is no frame, or its columns have no distinct names of text.
    """
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
    first = [pd.Series(columns[name][:SAMPLE_ROWS]) for name in names]
    cells = [
        ["" if missing else str(cell) for cell, missing in zip(part, part.isna(), strict=True)]
        for part in first
    ]
    return FrameSource(names, columns, tuple(zip(*cells, strict=True)) if cells else (), title)


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
    dtype = native.dtype if isinstance(native, pd.Series) else None
    if isinstance(dtype, pd.PeriodDtype):
        return native.dt.to_timestamp().to_numpy()
    if isinstance(dtype, pd.DatetimeTZDtype | pd.CategoricalDtype):
        return native.astype(object).to_numpy()
    return column.to_numpy()
