"""Opens files and data frames as tables: the list of file formats that are read.

A reader is one function in a file of its own. It gets the path of a file and its first 64 bytes,
and gives a `Source`, or None where the file is of another format. README.md shows one.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import narwhals as nw
import pandas as pd

from glasscell.data.rawtable import SAMPLE_ROWS, FrameSource, Source
from glasscell.errors import DataError

READERS = (
    "glasscell.data.refused_formats:refuse",
    "glasscell.data.csvfile:open_csv",
)
"""A line for each format; new ones go first. The first that knows a file opens it."""


class Reader(Protocol):
    """What an entry of `READERS` names."""

    def __call__(self, path: Path, head: bytes) -> Source | None:
        """Open a file, or give None where it is of another format.

        Raises:
            DataError: The file is of this format and cannot be used.
        """


def open_source(data: Any) -> Source:
    """Open a file or a frame.

    Args:
        data: Path of a file, or a pandas, polars or other narwhals frame, or a pandas Series. Dates
            in a pandas index become a column.

    Raises:
        DataError: The file cannot be used, or the frame's columns have no distinct names of text.
    """
    if not isinstance(data, str | Path):
        return open_frame(data)
    path = Path(data)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        if re.match(r"https?:/", str(path)):
            what = "a web address; download the file first"
        raise DataError(f"{path}: expected a CSV file, found {what}")
    with path.open("rb") as stream:
        head = stream.read(64)
    for entry in READERS:
        module, _, name = entry.partition(":")
        reader: Reader = getattr(import_module(module), name)
        source = reader(path, head)
        if source is not None:
            return source
    raise DataError(f"{path}: expected a file of a known format")


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
