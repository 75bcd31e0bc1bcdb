"""Reads Parquet files, one or several of a folder, column by column and in batches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from glasscell.arrays import Array
from glasscell.data.rawtable import SAMPLE_ROWS, FrameSource, Names, Table
from glasscell.data.wording import few
from glasscell.errors import DataError

MAGIC = b"PAR1"
BATCH_ROWS = 1 << 14


@dataclass(frozen=True, eq=False)
class ParquetParts:
    """Opened Parquet files that have the same columns.

    Args:
        paths: The files, in order.
        counts: Rows of each file, by what it says of itself.
        names: Column names in order.
        sample: The first rows as text, "" where a cell is missing.
        title: What messages call them.
        stored: The name in the files of columns that are called otherwise there.
        fixed: Of each file the columns that its folders name, as in region=north.
        zones: The time zones of columns that have one, by name.
        notes: Nothing is passed over on opening.
    """

    paths: tuple[Path, ...]
    counts: tuple[int, ...]
    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    title: str
    stored: dict[str, str]
    fixed: tuple[dict[str, str], ...]
    zones: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(self.counts)

    def tables(
        self,
        columns: Sequence[str],
        missing: tuple[str, ...] = (),
        among: tuple[str, Sequence[Any]] | None = None,
    ) -> Iterator[Table]:
        """Give the rows of some columns, some thousands at a time.

        Args:
            columns: Names of columns.
            missing: Further marks of a missing number.
            among: A column and some of its cells, sorted: parts of a file that tell of themselves
                that they have none of these are passed over.

        Raises:
            DataError: A file is damaged, or a column holds lists.
        """
        distinct = list(dict.fromkeys(columns))
        for number, path in enumerate(self.paths):
            first, here = 0, f" of {path.name}" if len(self.paths) > 1 else ""
            fixed = self.fixed[number]
            inside = {name: self.stored.get(name, name) for name in distinct if name not in fixed}
            if among is not None and among[0] in fixed and fixed[among[0]] not in among[1]:
                continue
            limits = None
            if among is not None and among[0] in inside:
                limits = (inside[among[0]], among[1][0], among[1][-1])
            for batch in _batches(path, list(inside.values()), limits=limits):
                cells = {
                    name: pd.Categorical([fixed[name]] * batch.num_rows)
                    if name in fixed
                    else _cells(batch.column(inside[name]), name, path.name)
                    for name in distinct
                }

                def where(row: int, first: int = first, here: str = here) -> str:
                    return f"row {first + row + 1}{here}"

                yield Table(cells, where, self.title, missing=missing, marks_flag="--marks")
                first += batch.num_rows

    def body(
        self, numeric: Names, text: Names, decimal: str | None = None, missing: Names = ()
    ) -> Table:
        """Read whole columns, one after the other; memory holds these alone."""
        columns = {name: self._whole(name) for name in dict.fromkeys((*text, *numeric))}
        ends = np.cumsum(self.counts)

        def where(row: int) -> str:
            file = int(np.searchsorted(ends, row, side="right"))
            here = f" of {self.paths[file].name}" if len(self.paths) > 1 else ""
            return f"row {row - int(ends[file]) + self.counts[file] + 1}{here}"

        source = FrameSource(self.names, columns, self.sample, self.title, (), self.zones, where)
        return source.body(numeric, text, decimal, missing)

    def groups(self, by: str, columns: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
        """Give all rows of some groups at a time, in the order of the groups' names.

        Args:
            by: The column that names the groups.
            columns: What else to read.
            rows: About as many rows as a frame may have; one group is never cut.

        Notes:
            Memory holds one frame. The files are looked through once for the names, and once for
            every frame; of what is sorted by the groups' names only the parts that hold them are
            read again.
        """
        for names in _bundles(self._rows_of(by), rows):
            parts: dict[str, list[Any]] = {name: [] for name in dict.fromkeys([by, *columns])}
            for table in self.tables(list(parts), among=(by, names)):
                chosen = _among(table.columns[by], names)
                if chosen.any():
                    for name, kept in parts.items():
                        kept.append(table.columns[name][chosen])
            yield pd.DataFrame({name: _joined(kept) for name, kept in parts.items()})

    def _rows_of(self, by: str) -> dict[Any, int]:
        """Count the rows of each group.

        Raises:
            DataError: A row is of none.
        """
        counts: Counter[Any] = Counter()
        for table in self.tables([by]):
            there = pd.Series(table.columns[by])
            if there.isna().any():
                row = int(np.argmax(there.isna()))
                raise DataError(
                    f"{self.title}, {table.where(row)}: expected a name in column {by!r}, got "
                    "nothing"
                )
            counts.update({k: n for k, n in there.value_counts().items() if n})
        return dict(counts)

    def _whole(self, name: str) -> Any:
        return _joined([table.columns[name] for table in self.tables([name])])


def open_parquet(path: Path, head: bytes) -> ParquetParts | None:
    """Open a Parquet file, of which columns are read once they are asked for.

    Args:
        path: The file.
        head: Its first bytes.

    Raises:
        DataError: pyarrow is not installed, or the file is damaged.
    """
    return open_parts([path], path.name) if head.startswith(MAGIC) else None


def files_of(folder: Path) -> list[Path]:
    """List the Parquet files of a folder and of folders such as region=north in it."""
    found = []
    for file in folder.rglob("*.parquet"):
        *folders, name = file.relative_to(folder).parts
        hidden = any(part.startswith((".", "_")) for part in (*folders, name))
        if not hidden and all("=" in part for part in folders):
            found.append(file)
    return sorted(found)


def open_parts(paths: Sequence[Path], title: str, folder: Path | None = None) -> ParquetParts:
    """Open Parquet files that are parts of one table.

    Args:
        paths: The files, in order.
        title: What messages call them.
        folder: Where they lie; folders below it such as region=north name a column.

    Raises:
        DataError: One is damaged, or has other columns or kinds of them than the first.
    """
    require_pyarrow(paths[0], "Parquet files")
    counts, fixed, schemas = [], [], []
    for path in paths:
        with _opened(path) as file:
            counts.append(file.metadata.num_rows)
            schemas.append(file.schema_arrow)
    # The first part of a table is often an empty one, which says little of its columns.
    filled = next((number for number, count in enumerate(counts) if count), 0)
    schema = schemas[filled]
    for path, here in zip(paths, schemas, strict=True):
        repeated = sorted({name for name in here.names if here.names.count(name) > 1})
        if repeated:
            raise DataError(f"{path}: expected distinct column names, got {few(repeated)} twice")
        _require_alike(here, schema, path, paths[filled], title)
        fixed.append(_in_folders(path, folder, here.names))
    if any(each.keys() != fixed[0].keys() for each in fixed):
        raise DataError(
            f"{title}: expected folders that name the same columns, got "
            f"{few(sorted({', '.join(each) or 'none' for each in fixed}))}"
        )
    stored = _index_columns(schema)
    names = [n for n in _called(schema, stored) if n]
    names += [name for name in fixed[0] if name not in names]
    inside = [stored.get(name, name) for name in names if name not in fixed[0]]
    batches = _batches(paths[filled], inside, SAMPLE_ROWS)
    batch = next((batch for batch in batches if batch.num_rows), None)
    columns = [] if batch is None else [batch.column(name).to_pylist() for name in inside]
    columns += [[value] * (batch.num_rows if batch else 0) for value in fixed[0].values()]
    sample = tuple(
        tuple("" if cell is None or cell != cell else str(cell) for cell in row)
        for row in zip(*columns, strict=True)
    )
    zones = {
        name: str(schema.field(stored.get(name, name)).type.tz)
        for name in names
        if name not in fixed[0] and getattr(schema.field(stored.get(name, name)).type, "tz", None)
    }
    return ParquetParts(
        tuple(paths), tuple(counts), tuple(names), sample, title, stored, tuple(fixed), zones
    )


def _require_alike(here: Any, first: Any, path: Path, other: Path, title: str) -> None:
    odd = sorted(set(here.names) ^ set(first.names))
    if odd:
        raise DataError(
            f"{title}: columns come and go between the files: {few(odd)} "
            f"{'is' if len(odd) == 1 else 'are'} in one of {other.name} and {path.name} "
            "only; write the same columns into each"
        )
    for name in here.names:
        kinds = [_sort_of(schema.field(name).type) for schema in (first, here)]
        # A column of a part in which nothing stands in it has no kind.
        if kinds[0] != kinds[1] and "null" not in kinds:
            raise DataError(
                f"{title}: column {name!r} holds {kinds[0]} in {other.name} and {kinds[1]} in "
                f"{path.name}; write the same kind into each"
            )


def _sort_of(kind: Any) -> str:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numbers"
    if types.is_string(kind) or types.is_large_string(kind):
        return "text"
    if types.is_timestamp(kind):
        return "times" if kind.tz is None else f"times of {kind.tz}"
    return str(kind)


def _in_folders(path: Path, folder: Path | None, names: Sequence[str]) -> dict[str, str]:
    """Give the columns that the folders above a file name, unless the file has them itself."""
    if folder is None:
        return {}
    parts = (part.partition("=") for part in path.relative_to(folder).parts[:-1])
    return {name: unquote(value) for name, mark, value in parts if mark and name not in names}


def _index_columns(schema: Any) -> dict[str, str]:
    """Give what columns of a pandas index without a name are called, and as what they are stored.

    An index that only numbers the rows is called nothing.
    """
    from pyarrow import types

    nameless = [name for name in schema.names if re.fullmatch(r"__index_level_\d+__", name)]
    numbered = len(nameless) == 1 and types.is_integer(schema.field(nameless[0]).type)
    if numbered:
        return {"": nameless[0]}
    return {f"index{number or ''}": name for number, name in enumerate(nameless)}


def _called(schema: Any, stored: dict[str, str]) -> list[str]:
    said = {inside: name for name, inside in stored.items()}
    index = [said[name] for name in schema.names if name in said]
    return index + [name for name in schema.names if name not in said]


def _batches(
    path: Path,
    columns: list[str],
    rows: int = BATCH_ROWS,
    limits: tuple[str, Any, Any] | None = None,
) -> Iterator[Any]:
    """Give the rows, without groups of them whose column lies beyond limits by what they say."""
    with _opened(path) as file:
        groups = None if limits is None else list(_groups_within(file.metadata, *limits))
        yield from file.iter_batches(
            batch_size=rows, columns=columns, use_threads=False, row_groups=groups
        )


def _groups_within(metadata: Any, column: str, least: Any, most: Any) -> Iterator[int]:
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = map(group.column, range(group.num_columns))
        told = next(chunk.statistics for chunk in chunks if chunk.path_in_schema == column)
        known = told is not None and told.has_min_max
        if not known or (told.min <= most and told.max >= least):
            yield number


def _bundles(counts: dict[Any, int], rows: int) -> Iterator[list[Any]]:
    """Put names together, in order, until they have so many rows."""
    bundle: list[Any] = []
    held = 0
    for name in sorted(counts):
        if bundle and held + counts[name] > rows:
            yield bundle
            bundle, held = [], 0
        bundle.append(name)
        held += counts[name]
    if bundle:
        yield bundle


def _among(cells: Any, names: Sequence[Any]) -> Array:
    if isinstance(cells, pd.Categorical):
        known = cells.categories.isin(names)
        of_rows: Array = np.append(known, False)[cells.codes]
        return of_rows
    chosen: Array = pd.Series(cells).isin(names).to_numpy()
    return chosen


def _joined(parts: list[Any]) -> Any:
    if not parts:
        return np.array([], object)
    if all(isinstance(part, pd.Categorical) for part in parts):
        return union_categoricals(parts)
    return pd.concat([pd.Series(part) for part in parts], ignore_index=True).array


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
    if isinstance(kind, pyarrow.BaseExtensionType):
        native = column.to_pandas()
        periods = isinstance(native.dtype, pd.PeriodDtype)
        return (native.dt.to_timestamp() if periods else native).to_numpy()
    if pyarrow.types.is_timestamp(kind) and kind.tz is not None:
        utc = pd.DatetimeIndex(column.to_numpy(zero_copy_only=False)).tz_localize("UTC")
        return utc.tz_convert(kind.tz).array
    if pyarrow.types.is_decimal(kind) or pyarrow.types.is_null(kind):
        column = column.cast(pyarrow.float64())
    return column.to_numpy(zero_copy_only=False)


def require_pyarrow(path: Path, what: str) -> Any:
    """Give pyarrow.

    Raises:
        DataError: It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            f"{path}: {what} are read by pyarrow, which is not installed; "
            "pip install 'glasscell[parquet]', or export the file as CSV"
        ) from error
    return pyarrow


def _damaged(path: Path | str, error: Exception) -> DataError:
    reason = str(error).splitlines()[0].rstrip(".")
    return DataError(
        f"{path}: expected a Parquet file, got a damaged one ({reason}); write it again"
    )
