"""Reads Parquet files: one as a frame, or one or several in batches that memory hardly notices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from glasscell.data.rawtable import SAMPLE_ROWS, FrameSource, Table, open_frame
from glasscell.data.wording import few
from glasscell.errors import DataError

MAGIC = b"PAR1"
BATCH_ROWS = 1 << 14


@dataclass(frozen=True, eq=False)
class ParquetParts:
    """Opened Parquet files that have the same columns.

    Args:
        paths: The files, in order.
        rows: Rows of all files, by what they say of themselves.
        names: Column names in order.
        sample: The first rows as text, "" where a cell is missing.
        title: What messages call them.
        notes: Nothing is passed over on opening.
    """

    paths: tuple[Path, ...]
    rows: int
    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    title: str
    notes: tuple[str, ...] = ()

    def tables(self, columns: Sequence[str], missing: tuple[str, ...] = ()) -> Iterator[Table]:
        """Give the rows of some columns, some thousands at a time.

        Raises:
            DataError: A file is damaged, or a column holds lists.
        """
        distinct = list(dict.fromkeys(columns))
        for path in self.paths:
            first, here = 0, f" of {path.name}" if len(self.paths) > 1 else ""
            for batch in _batches(path, distinct):
                cells = {each: _cells(batch.column(each), each, path.name) for each in distinct}

                def where(row: int, first: int = first, here: str = here) -> str:
                    return f"row {first + row + 1}{here}"

                yield Table(cells, where, self.title, missing=missing, marks_flag="--marks")
                first += batch.num_rows


def open_parquet(path: Path, head: bytes) -> FrameSource | None:
    """Open a Parquet file as the frame that was written, with its index.

    Args:
        path: The file.
        head: Its first bytes.

    Raises:
        DataError: pyarrow is not installed, or the file is damaged.
    """
    if not head.startswith(MAGIC):
        return None
    pyarrow = _pyarrow(path)
    try:
        frame = pd.read_parquet(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    return open_frame(frame, path.name)


def open_parts(paths: Sequence[Path], title: str) -> ParquetParts:
    """Open Parquet files that are parts of one table.

    Args:
        paths: The files, in order.
        title: What messages call them.

    Raises:
        DataError: One is damaged, or has other columns than the first.
    """
    _pyarrow(paths[0])
    names: tuple[str, ...] = ()
    rows = 0
    for path in paths:
        with _opened(path) as file:
            rows += file.metadata.num_rows
            here = tuple(file.schema_arrow.names)
        repeated = sorted({name for name in here if here.count(name) > 1})
        if repeated:
            raise DataError(f"{path}: expected distinct column names, got {few(repeated)} twice")
        names = names or here
        odd = sorted(set(here) ^ set(names))
        if odd:
            raise DataError(
                f"{title}: columns come and go between the files: {few(odd)} "
                f"{'is' if len(odd) == 1 else 'are'} in one of {paths[0].name} and {path.name} "
                "only; write the same columns into each"
            )
    batch = next(_batches(paths[0], list(names), SAMPLE_ROWS), None)
    columns = [] if batch is None else [batch.column(name).to_pylist() for name in names]
    sample = tuple(
        tuple("" if cell is None or cell != cell else str(cell) for cell in row)
        for row in zip(*columns, strict=True)
    )
    return ParquetParts(tuple(paths), rows, names, sample, title)


def _batches(path: Path, columns: list[str], rows: int = BATCH_ROWS) -> Iterator[Any]:
    with _opened(path) as file:
        yield from file.iter_batches(batch_size=rows, columns=columns, use_threads=False)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file for one pass over it, as pyarrow keeps pages of all columns that it has seen.

    Raises:
        DataError: It is damaged.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    # pyarrow's own pool keeps tens of megabytes that it does not use.
    before = pyarrow.default_memory_pool()
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    try:
        # Without a buffer of its own pyarrow holds all pages of a group of rows.
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 16) as file:
            yield file
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    finally:
        pyarrow.set_memory_pool(before)


def _cells(column: Any, name: str, file: str) -> Any:
    """Give a column as NumPy values, missing numbers as NaN, and text as a pandas Categorical."""
    import pyarrow

    kind = column.type
    if pyarrow.types.is_nested(kind):
        raise DataError(
            f"{file}: column {name!r} holds {kind} in each cell; expected one row per step and a "
            "column that names the sequence (explode of pandas or polars makes them)"
        )
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        column = column.dictionary_encode()
    if pyarrow.types.is_dictionary(column.type):
        codes = column.indices.fill_null(-1).to_numpy()
        return pd.Categorical.from_codes(codes, column.dictionary.to_pandas().astype(object))
    if pyarrow.types.is_decimal(kind) or pyarrow.types.is_null(kind):
        column = column.cast(pyarrow.float64())
    return column.to_numpy(zero_copy_only=False)


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            f"{path}: Parquet files are read by pyarrow, which is not installed; "
            "pip install 'glasscell[parquet]', or export the file as CSV"
        ) from error
    return pyarrow


def _damaged(path: Path | str, error: Exception) -> DataError:
    reason = str(error).splitlines()[0].rstrip(".")
    return DataError(
        f"{path}: expected a Parquet file, got a damaged one ({reason}); write it again"
    )
