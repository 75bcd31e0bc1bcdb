"""Reads long tables: a row per step, a column that names the sequence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil  # type: ignore[import-untyped]

from glasscell.arrays import Array
from glasscell.data.csvfile import Sheet
from glasscell.data.dates import parse_times
from glasscell.data.parquet import MAGIC, ParquetParts
from glasscell.data.rawtable import Source, Table, filled_cells, open_frame
from glasscell.data.readers import open_source
from glasscell.data.sequences.array_forms import is_frame, with_labels
from glasscell.data.sequences.content import Content, Said, number_text, require_room, say
from glasscell.data.sequences.long_columns import Columns, find_columns
from glasscell.data.sequences.reading_options import Known, ReadingOptions, split_names
from glasscell.data.wording import count
from glasscell.errors import DataError

CHUNK_ROWS = 1 << 14
"""Rows that are read or compared at a time: a hundred columns of them take 13 MB."""

IRREGULAR = 1.5
"""Steps of time further from the usual one than this factor are worth a note."""


def read_long(data: Any, options: ReadingOptions, known: Known | None) -> Content | None:
    """Read a long table.

    Args:
        data: Path of a file, a data frame, or (frame, y) or (frame, y, groups) with one entry a
            sequence.
        options: Columns.
        known: What the run knows.

    Returns:
        The content, or None where the data are no table.

    Raises:
        DataError: A column is missing, or its cells cannot be used.
    """
    beside: tuple[Any, ...] = ()
    if isinstance(data, tuple) and data and is_frame(data[0]):
        data, *rest = data
        beside = tuple(rest)
    if not (isinstance(data, str | Path) or is_frame(data)):
        return None
    if isinstance(data, pd.DataFrame) and data.index.nlevels == 2 and None in data.index.names:
        data = data.rename_axis(index=["sequence", "time"])
    content = content_of_table(_opened(data), options, known, not beside)
    if not beside:
        return content
    return with_labels(content, beside[0], beside[1] if len(beside) > 1 else None, options)


def content_of_table(
    source: Source | ParquetParts, options: ReadingOptions, known: Known | None, labelled: bool
) -> Content:
    """Read the columns of an opened table.

    Args:
        source: The table.
        options: Columns.
        known: What the run knows.
        labelled: Whether a column has to say the labels.
    """
    cells = filled_cells(source.names, source.sample)
    columns = find_columns(cells, options, known, labelled=labelled)
    named = options.sequence is not None or known is not None
    gathered = Gathered(columns, options.per_step, getattr(source, "rows", None), named)
    if isinstance(source, ParquetParts):
        # A column at a time, as pages of each are a megabyte or more.
        marks = split_names(options.marks)
        for table in source.tables(columns.all_but_features, marks):
            gathered.add(table)
        for feature in columns.features:
            gathered.fill(feature, source.tables([feature], marks))
    else:
        for table in tables_of(source, columns, options):
            gathered.add(table)
    return gathered.content([*source.notes, *columns.notes])


def _opened(data: Any) -> Source | ParquetParts:
    """Open a table, Parquet in batches."""
    if not isinstance(data, str | Path):
        title = getattr(data, "attrs", {}).get("source", "the frame")
        return open_frame(data, str(title))
    path = Path(data)
    if path.is_file() and not _is_parquet(path):
        free = int(psutil.virtual_memory().available)
        if path.stat().st_size > free:
            raise DataError(
                f"{path}: the file is {path.stat().st_size / 2**30:,.1f} GiB, and "
                f"{free / 2**30:,.1f} GiB of memory are free; write it as Parquet, which is read "
                "in parts, or split it"
            )
    return open_source(path)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def tables_of(source: Source, columns: Columns, options: ReadingOptions) -> Iterator[Table]:
    """Give the rows of the columns that are read, in one table or several."""
    others, marks = columns.all_but_features, split_names(options.marks)
    numeric = [*columns.features, *(name for name in others if name in columns.numeric)]
    text = [name for name in others if name not in columns.numeric]
    if isinstance(source, Sheet):
        tables = source.tables(numeric, text, None, marks, CHUNK_ROWS)
    else:
        tables = iter([source.body(numeric, text, None, marks)])
    for table in tables:
        yield replace(table, marks_flag="--marks")


@dataclass
class Column:
    """Cells of a label, group or part column: of each run of rows the least and the largest."""

    name: str
    words: dict[str, int] = field(default_factory=dict)
    numbers: bool | None = None
    low: list[Array] = field(default_factory=list)
    high: list[Array] = field(default_factory=list)

    def add(self, cells: Any, starts: Array | None) -> None:
        """Take the cells of one table; `starts` are the first rows of its runs, None: keep all."""
        said = say(self.name, cells)
        values = said.values
        if said.words is not None:
            places = [self.words.setdefault(word, len(self.words)) for word in said.words]
            known = ~np.isnan(values)
            values[known] = np.array(places, np.float64)[values[known].astype(np.int64)]
        if self.numbers is None:
            self.numbers = said.words is None
        elif self.numbers != (said.words is None):
            # Text below numbers: all of it is text.
            if self.numbers:
                self.low, self.high = (list(map(self._as_words, e)) for e in (self.low, self.high))
            else:
                values = self._as_words(values)
            self.numbers = False
        if starts is None:
            self.low.append(values)
            return
        low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        self.low.append(low)
        self.high.append(low if np.array_equal(low, high, equal_nan=True) else high)

    def _as_words(self, values: Array) -> Array:
        numbers, places = np.unique(values, return_inverse=True)
        found = [
            np.nan if np.isnan(v) else self.words.setdefault(number_text(v), len(self.words))
            for v in numbers.tolist()
        ]
        words: Array = np.array(found, np.float64)[places]
        return words

    def said(self, values: Array) -> Said:
        """Give values with the words that they stand for."""
        return Said(self.name, values, None if self.numbers else tuple(self.words))


class Gathered:
    """Rows of a long table, put together from one or more tables of it.

    Args:
        columns: What each column is.
        per_step: Whether each step has a label.
        steps: Rows in all, where that is known.
        named: Whether the user said which column names the sequences, so that one step each is
            meant.
    """

    def __init__(
        self, columns: Columns, per_step: bool, steps: int | None = None, named: bool = False
    ) -> None:
        self.columns = columns
        self.named = named
        self.per_step = per_step
        self.steps = steps
        self.values: Array = np.empty((0, len(columns.features)), np.float32)
        self.rows = 0
        self.names: dict[str, int] = {}
        self.runs: list[Array] = []
        self.counts: list[Array] = []
        self.times: list[Array] = []
        self.dates = False
        self.labels = [Column(name) for name in columns.labels]
        self.beside = {name: Column(name) for name in (columns.group, columns.part) if name}
        self.places: list[tuple[int, Callable[[int], str]]] = []
        self.source = ""
        self.notes: dict[str, None] = {}

    def add(self, table: Table, name: str | None = None) -> None:
        """Take the rows of a table, which are one sequence where it has a name."""
        count_of_rows = len(next(iter(table.columns.values())))
        if not count_of_rows:
            return
        self.source = self.source or table.source
        codes = self._codes(table, count_of_rows, name)
        starts = np.concatenate([[0], np.flatnonzero(codes[1:] != codes[:-1]) + 1])
        self.runs.append(codes[starts])
        self.counts.append(np.diff(starts, append=count_of_rows).astype(np.int32))
        self.places.append((self.rows, table.where))
        features = self.columns.features
        if self.steps is not None and not len(self.values):
            require_room(self.steps, len(features), self.source)
            self.values = np.empty((self.steps, len(features)), np.float32)
        if self.steps is None:
            # In place: blocks that are put together at the end are there twice. Nobody else holds
            # the array.
            self.values.resize((self.rows + count_of_rows, len(features)), refcheck=False)
        here = self.values[self.rows : self.rows + count_of_rows]
        for place, feature in enumerate(features):
            if feature in table.columns:
                here[:, place] = _numbers(table, feature)
        if self.columns.time is not None:
            self.times.append(self._times(table, self.columns.time))
        for column in self.labels:
            column.add(table.columns[column.name], None if self.per_step else starts)
        for column in self.beside.values():
            column.add(table.columns[column.name], starts)
        self.rows += count_of_rows
        self.notes.update(dict.fromkeys(table.said()))

    def fill(self, feature: str, tables: Iterator[Table]) -> None:
        """Take one feature of all rows, whose other columns were added."""
        row, place = 0, self.columns.features.index(feature)
        for table in tables:
            numbers = _numbers(table, feature)
            self.values[row : row + len(numbers), place] = numbers
            row += len(numbers)
            self.notes.update(dict.fromkeys(table.said()))

    def _codes(self, table: Table, rows: int, name: str | None) -> Array:
        """Number the sequence of each row."""
        if name is not None:
            return np.full(rows, self.names.setdefault(name, len(self.names)), np.int32)
        factors = []
        for column in self.columns.sequence:
            codes, found = pd.factorize(pd.Series(table.columns[column]))
            kinds = list(found)
            if (codes < 0).any():
                raise DataError(
                    f"sequence column {column!r}, {table.where(int(np.argmax(codes < 0)))}: "
                    "expected the name of a sequence, got nothing"
                )
            factors.append((codes, kinds))
        (codes, kinds), *others = factors
        names = [_name(kind) for kind in kinds]
        for more, kinds in others:
            both, pairs = pd.factorize(codes.astype(np.int64) * len(kinds) + more)
            names = [f"{names[p // len(kinds)]}/{_name(kinds[p % len(kinds)])}" for p in pairs]
            codes = both
        places = [self.names.setdefault(name, len(self.names)) for name in names]
        numbered: Array = np.array(places, np.int32)[codes]
        return numbered

    def _times(self, table: Table, name: str) -> Array:
        cells = np.asarray(table.columns[name])
        if cells.dtype.kind in "iu":
            small = len(cells) and abs(cells).max() < 2**31
            return cells.astype(np.int32 if small else np.int64, copy=False)
        if cells.dtype.kind == "f":
            times = table.numbers(name)
            if np.isnan(times).any():
                raise DataError(
                    f"time column {name!r}, {table.where(int(np.argmax(np.isnan(times))))}: "
                    "expected a time, got nothing"
                )
            return times
        self.dates = True
        if cells.dtype.kind == "M" and not np.isnat(cells).any():
            return cells.astype("datetime64[ns]").view(np.int64)
        try:
            index = parse_times(table.text(name), name, table.where).index
        except DataError as error:
            # How dates are written is no option here.
            raise DataError(re.sub("say --day-first.* or write", "write", str(error))) from error
        self.dates = isinstance(index, pd.DatetimeIndex)
        found: Array = index.to_numpy()
        return found.view(np.int64) if self.dates else found

    def content(self, notes: Sequence[str]) -> Content:
        """Give the sequences, in the order in which they first appear, their steps in order."""
        if not self.rows:
            raise DataError(
                f"{self.source or 'the table'}: no rows below the header; expected one row per step"
            )
        runs, counts = np.concatenate(self.runs), np.concatenate(self.counts)
        lengths = np.bincount(runs, counts, len(self.names)).astype(np.int64)
        names = list(self.names)
        if not self.named and self.columns.sequence and len(names) > 1 and lengths.max() == 1:
            raise DataError(
                f"{self.source}: column {','.join(self.columns.sequence)!r} has another value in "
                "each row, so that no sequence has a second step; name the column of the "
                "sequences with --sequence, this one too if one step each is meant; a table of a "
                "row for each sequence is not read: save it as .npz of X (n, time) and y"
            )
        values, self.values = self.values, self.values[:0]
        said = list(notes) + list(self.notes)
        order = self._order(runs, counts, lengths, names, said)
        labels = [column.said(np.concatenate(column.low)) for column in self.labels]
        if not self.per_step:
            labels = [self._constant(column, runs, names) for column in self.labels]
        elif order is not None:
            labels = [Said(each.name, each.values[order], each.words) for each in labels]
        if order is not None:
            for place in range(values.shape[1]):
                values[:, place] = values[order, place]
        beside = {name: self._constant(c, runs, names) for name, c in self.beside.items()}
        self.names, self.runs, self.counts = {}, [], []
        columns = self.columns
        return Content(
            values=values,
            lengths=lengths,
            features=columns.features,
            named=True,
            names=names,
            labels=labels,
            group=beside.get(columns.group or ""),
            part=beside.get(columns.part or ""),
            source=self.source,
            where=lambda row: self._where(row if order is None else int(order[row])),
            notes=said,
            manner={
                "columns": {
                    "sequence": ",".join(columns.sequence) or None,
                    "time": columns.time,
                    "group": columns.group,
                }
            },
        )

    def _where(self, row: int) -> str:
        first, where = next(each for each in reversed(self.places) if each[0] <= row)
        return where(row - first)

    def _order(
        self, runs: Array, counts: Array, lengths: Array, names: Sequence[str], notes: list[str]
    ) -> Array | None:
        """Give the order of the rows in which sequences are together and in time, None: as is."""
        apart = np.bincount(runs[np.flatnonzero(np.diff(runs, prepend=-1))]) > 1
        if apart.any():
            first = names[int(np.argmax(apart))]
            notes.append(
                f"The rows of {count(int(apart.sum()), 'sequence')} stood apart, as those of "
                f"{first!r}: they were put together."
            )
        ends = np.cumsum(lengths)[:-1]
        if not self.times:
            if not apart.any():
                return None
            return _short(np.argsort(np.repeat(runs, counts), kind="stable"))
        times, self.times = self.times, []
        order: Array | None = None
        if apart.any() or not _rises(times, ends):
            whole = np.concatenate(times)
            times = []
            order = _short(np.lexsort((whole, np.repeat(runs, counts))))
            times = [whole[order]]
            if not apart.any():
                notes.append(
                    f"The rows of a sequence were put in the order of {self.columns.time!r}."
                )
            if not _rises(times, ends):
                raise DataError(self._repeated(times[0], order, ends, lengths, names))
        irregular = _irregular(times, ends)
        if irregular is not None:
            least, most = map(pd.Timedelta if self.dates else number_text, irregular)
            notes.append(
                f"The steps of {self.columns.time!r} are from {least} to {most}: the network sees "
                "steps, not times; a feature with the time since the last step tells them."
            )
        return order

    def _repeated(
        self, times: Array, order: Array, ends: Array, lengths: Array, names: Sequence[str]
    ) -> str:
        same = np.diff(times) == 0
        same[ends - 1] = False
        row = int(np.argmax(same))
        number = int(np.searchsorted(np.cumsum(lengths), row, side="right"))
        time = pd.Timestamp(times[row]) if self.dates else number_text(times[row])
        twice = count(int(same.sum()), "time stands", "times stand")
        return (
            f"{self.source}: sequence {names[number]!r} has the time {time} twice in column "
            f"{self.columns.time!r}: {self._where(int(order[row]))} and "
            f"{self._where(int(order[row + 1]))} ({twice} twice); remove rows, tell the "
            "sequences apart with --sequence (several columns with commas), or name another --time"
        )

    def _constant(self, column: Column, runs: Array, names: Sequence[str]) -> Said:
        """Give what a column says of each sequence, where it says the same in all of its rows."""
        low, high = (np.full(len(names), np.nan) for _ in range(2))
        np.fmin.at(low, runs, np.concatenate(column.low))
        np.fmax.at(high, runs, np.concatenate(column.high))
        differ = low < high
        if differ.any():
            first = int(np.argmax(differ))
            both = column.said(np.array([low[first], high[first]])).texts()
            role, advice = "group", "a sequence comes from one"
            if column in self.labels:
                role, advice = "label", "if each step has its own, say --per-step"
            elif column.name == self.columns.part:
                role, advice = "part", "a sequence lies in one"
            raise DataError(
                f"{self.source}: {role} {column.name!r} differs within sequence {names[first]!r}: "
                f"{both[0]!r} and {both[1]!r} ({count(int(differ.sum()), 'such sequence')}); "
                f"{advice}"
            )
        return column.said(low)


def _short(order: Array) -> Array:
    """Give row numbers in four bytes each, where they fit."""
    return order.astype(np.int32) if len(order) < 2**31 else order


def _numbers(table: Table, name: str) -> Array:
    """Give a column of numbers or bools as float64 that float32 can hold."""
    cells = np.asarray(table.columns[name])
    if cells.dtype.kind == "b":
        return cells.astype(np.float64)
    if cells.dtype == object:
        kinds = {type(cell) for cell in cells[:100]}
        if kinds & {list, tuple, np.ndarray, pd.Series}:
            raise DataError(
                f"{table.source}: column {name!r} holds a whole series in each cell; expected one "
                "row per step and a column that names the sequence"
            )
        switches = pd.Series(cells, dtype=object).map(_switch)
        if switches.notna().any():
            table.columns[name] = switches.where(switches.notna(), cells).to_numpy()
    numbers = table.numbers(name)
    limit = float(np.finfo(np.float32).max)
    if (np.abs(numbers) > limit).any():
        row = int(np.argmax(np.abs(numbers) > limit))
        raise DataError(
            f"column {name!r}, {table.where(row)}: expected numbers below {limit:.2g} in size, got "
            f"{numbers[row]:g}; divide the column"
        )
    return numbers


def _switch(cell: Any) -> float | None:
    known: Mapping[str, float] = {"true": 1.0, "false": 0.0}
    return known.get(str(cell).strip().lower())


def _name(kind: Any) -> str:
    if isinstance(kind, float | np.floating):
        return number_text(float(kind))
    return str(kind).strip()


def _differences(times: Sequence[Array], ends: Array) -> Iterator[Array]:
    """Give the steps of time within sequences, block by block.

    Args:
        times: Blocks of rows.
        ends: The first rows of all sequences but the first: no step leads there.
    """
    first, last = 0, None
    for block in times:
        for start in range(0, len(block), CHUNK_ROWS):
            part = block[start : start + CHUNK_ROWS]
            part = part.astype(np.float64 if part.dtype.kind == "f" else np.int64, copy=False)
            steps = np.diff(part) if last is None else np.diff(part, prepend=last)
            lowest = first + len(part) - len(steps)
            low, high = np.searchsorted(ends, (lowest, lowest + len(steps)))
            yield np.delete(steps, ends[low:high] - lowest)
            first, last = first + len(part), part[-1]


def _rises(times: Sequence[Array], ends: Array) -> bool:
    """Tell whether the times of each sequence rise; arguments as for `_differences`."""
    return all(bool((steps > 0).all()) for steps in _differences(times, ends))


def _irregular(times: Sequence[Array], ends: Array) -> tuple[Any, Any] | None:
    """Give the least and the largest step of time within a sequence, where they differ much."""
    found = [
        (steps.min(), steps.max(), np.median(steps))
        for steps in _differences(times, ends)
        if len(steps)
    ]
    if not found:
        return None
    least, most = min(each[0] for each in found), max(each[1] for each in found)
    usual = found[0][2]
    return (least, most) if most > IRREGULAR * usual or least < usual / IRREGULAR else None
