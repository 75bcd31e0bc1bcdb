"""Tables as they come: sources of named columns, data frames among them, and their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import narwhals as nw
import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.numerals import LARGEST, find_decimal, read_numbers
from glasscell.errors import DataError

SAMPLE_ROWS = 200
Names = Sequence[str]


@runtime_checkable
class Source(Protocol):
    """An opened file or frame: named columns, of which some rows are known and the rest follow."""

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""

    @property
    def sample(self) -> tuple[tuple[str, ...], ...]:
        """The first rows as text, at most `SAMPLE_ROWS`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was passed over on opening, one sentence each."""

    def body(
        self, numeric: Names, text: Names, decimal: str | None = None, missing: Names = ()
    ) -> Table:
        """Read whole columns.

        Args:
            numeric: Columns that should hold numbers.
            text: Columns to leave as text.
            decimal: Decimal mark, "." or ","; None: found from the cells.
            missing: Further marks of a missing number.
        """


def filled_cells(names: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """Give, of each column, the cells that hold something.

    >>> filled_cells(["a", "b"], [["1", " "], ["2"]])
    {'a': ['1', '2'], 'b': []}
    """
    return {
        name: [cell for row in rows if place < len(row) and (cell := row[place].strip())]
        for place, name in enumerate(names)
    }


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one file or frame, and where each row came from.

    Args:
        columns: Name to cells: numbers where the whole column is numeric, else text.
        where: Row index to its place: "line 7" of a file, from 1, or "row 6" of a frame.
        source: Name of the file, or "the frame".
        decimal: Decimal mark of cells that are text.
        missing: Further marks of a missing number, beside the well-known ones.
        notes: What reading the cells took for granted; empty ones are nothing.
        left_out: Gets what `numbers` left out of cells, such as percent signs: the first such cell
            and the columns.
        marks_flag: The option that names further marks, for messages.
        zones: The time zones of columns that say theirs, by name.
    """

    columns: dict[str, Any]
    where: Callable[[int], str]
    source: str
    decimal: str = "."
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    marks_flag: str = "--missing"
    zones: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> Array:
        """Give a column as stripped text, None where the cell is empty."""
        cells = pd.Series(self.columns[name])
        text = cells.astype(object).where(cells.notna(), None)
        return np.array([None if cell is None else str(cell).strip() for cell in text], object)

    def stamps(self, name: str) -> Any:
        """Give a column of times as a DatetimeIndex; None where it is of text or has holes."""
        cells = pd.Series(self.columns[name])
        if not pd.api.types.is_datetime64_any_dtype(cells.dtype) or cells.isna().any():
            return None
        return pd.DatetimeIndex(cells)

    def labels(self, name: str) -> tuple[Array, Array]:
        """Give the distinct cells of a column as sorted text, and which of them each row has.

        Returns:
            The names, and (n,) their places, -1 where a cell is empty.
        """
        codes, distinct = pd.factorize(pd.Series(self.columns[name]))
        text = Table({name: distinct}, self.where, self.source).text(name)
        empty = np.array([cell in (None, "") for cell in text], bool)
        names, places = np.unique(text[~empty].astype(str), return_inverse=True)
        place = np.full(len(text) + 1, -1)
        place[:-1][~empty] = places
        return names, place[codes]

    def numbers(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Give a column as float64, NaN where a value is missing.

        Raises:
            DataError: A cell holds text, an infinity or a number beyond 1e304.
        """
        cells = pd.Series(self.columns[name])
        if pd.api.types.is_any_real_numeric_dtype(cells.dtype):
            numbers = np.array(cells.to_numpy(np.float64, na_value=np.nan))
        else:
            read = read_numbers(self.text(name), self.decimal, self.missing)
            self._refuse(name, read.unread, "a number")
            numbers = np.array(read.values)
            for what, cell in read.left_out.items():
                self.left_out.setdefault(what, (cell, []))[1].append(name)
        marks = pd.to_numeric(pd.Series(self.missing, dtype=object), errors="coerce").dropna()
        numbers[np.isin(numbers, marks)] = np.nan
        self._refuse(name, np.isinf(numbers), "a finite number")
        self._refuse(name, np.abs(numbers) > LARGEST, f"a number below {LARGEST:g} in size")
        return numbers

    def said(self) -> list[str]:
        """Give a sentence for each thing that was read otherwise than it stands there."""
        return [*filter(None, self.notes)] + [
            f"{what}, as in {cell!r}, were left out ({', '.join(names[:5])}"
            f"{' …' if len(names) > 5 else ''})."
            for what, (cell, names) in self.left_out.items()
        ]

    def only(self, rows: Array) -> Table:
        """Keep some rows, by their indices."""
        columns = {name: pd.Series(cells).iloc[rows].array for name, cells in self.columns.items()}
        return replace(self, columns=columns, where=lambda i: self.where(int(rows[i])))

    def _refuse(self, name: str, bad: Array, wanted: str) -> None:
        if not bad.any():
            return
        first = int(np.argmax(bad))
        cell = str(pd.Series(self.columns[name]).iloc[first])
        written = repr(cell)
        if len(written) > 60:
            written = f"{written[:50]}…' ({len(cell)} characters)"
        raise DataError(
            f"column {name!r}, {self.where(first)}: expected {wanted}, got {written}"
            + (f" ({int(bad.sum())} such cells in this column)" if bad.sum() > 1 else "")
            + f"; correct the data, or name a mark of missing values with {self.marks_flag}"
        )


def _row(row: int) -> str:
    return f"row {row + 1}"


@dataclass(frozen=True, eq=False)
class FrameSource:
    """Columns that are in memory.

    Args:
        names: Column names in order.
        columns: Name to values.
        sample: The first rows as text, "" where a cell is missing.
        title: What messages call it: "the frame", or the name of the file that it was read from.
        notes: What was passed over on opening.
        zones: The time zones of columns that have one, by name.
        where: Row index to its place, for messages.
    """

    names: tuple[str, ...]
    columns: dict[str, Any]
    sample: tuple[tuple[str, ...], ...]
    title: str = "the frame"
    notes: tuple[str, ...] = ()
    zones: dict[str, str] = field(default_factory=dict)
    where: Callable[[int], str] = _row

    def body(
        self, numeric: Names, text: Names, decimal: str | None = None, missing: Names = ()
    ) -> Table:
        """Give the columns asked for; text in them is read as in a file."""
        note = ""
        if decimal is None:
            written = (pd.Series(self.columns[name]) for name in numeric)
            cells = (
                column.astype(object)
                for column in written
                if not pd.api.types.is_any_real_numeric_dtype(column.dtype)
            )
            decimal, note = find_decimal(
                (c[c.map(lambda v: isinstance(v, str))] for c in cells), ""
            )
        columns = {name: self.columns[name] for name in (*text, *numeric)}
        marks = tuple(missing)
        return Table(columns, self.where, self.title, decimal, marks, (note,), zones=self.zones)


def open_frame(data: Any, title: str = "the frame", notes: tuple[str, ...] = ()) -> FrameSource:
    """Open a data frame, or a file that another library read as one.

    Args:
        data: A pandas, polars or other narwhals frame, or a pandas Series.
        title: What messages call it.
        notes: What was passed over on opening.

    Raises:
        DataError: It is no frame, or its columns have no distinct names of text.
    """
    if isinstance(data, pd.Series):
        data = data.to_frame("y" if data.name is None else data.name)
    if isinstance(data, pd.DataFrame):
        data = _with_index(data)
    try:
        # Lazy frames are computed here.
        of_dask = type(data).__module__.startswith("dask")
        native = nw.from_native(data.compute() if of_dask else data)
        frame = native.collect() if isinstance(native, nw.LazyFrame) else native
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
    sample = tuple(zip(*cells, strict=True)) if cells else ()
    zones = {
        name: str(dtype.time_zone)
        for name, dtype in frame.schema.items()
        if isinstance(dtype, nw.Datetime) and dtype.time_zone
    }
    return FrameSource(names, columns, sample, title, notes, zones)


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
        return native.array
    if isinstance(column.dtype, nw.Datetime) and column.dtype.time_zone:
        # Polars and Arrow give the time in UTC.
        times = pd.Series(column.to_numpy()).dt.tz_localize("UTC")
        return times.dt.tz_convert(column.dtype.time_zone).array
    return column.to_numpy()
