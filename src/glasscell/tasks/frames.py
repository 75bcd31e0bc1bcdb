"""Reads a CSV file or a data frame as regular time series, or says exactly why it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from glasscell.errors import DataError
from glasscell.tasks.columns import Roles, resolve
from glasscell.tasks.csvfile import SAMPLE_RECORDS, Table, open_sheet, read_body
from glasscell.tasks.dates import parse_times, utc
from glasscell.tasks.frequency import (
    Frequency,
    check_frequency,
    find_frequency,
    grid,
    on_grid,
    require_bounded,
)
from glasscell.tasks.gaps import GapRule, fill, refuse_missing, shown

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read the data; every field has a flag of the same name.

    Args:
        time: Name of the time column; None: found.
        target: Name of the column to forecast; None: found.
        series: Name of the column that names the series; None: found.
        covariates: Names of the columns read beside the target; None: found.
        freq: Frequency; None: found.
        freq_origin: Where `freq` comes from: "--freq", or "the run", whose data had it.
        gaps: What happens where values are missing.
        resample: Average the rows into bins of `freq` first.
        decimal: Decimal mark of the file; None: found.
        needed: Least time steps of the longest series, to say so at once.
    """

    time: str | None = None
    target: str | None = None
    series: str | None = None
    covariates: Sequence[str] | None = None
    freq: Frequency | None = None
    freq_origin: str = "--freq"
    gaps: GapRule = field(default_factory=GapRule)
    resample: bool = False
    decimal: str | None = None
    needed: int = 2


@dataclass(frozen=True, eq=False)
class Series:
    """One series on a regular grid of times.

    Args:
        unique_id: Its name.
        ds: (n,) times, DatetimeIndex or Index of integers.
        values: (n, F) float64, the target first, NaN where missing after the gap policy.
        measured: (n,) False where the target was missing in the data.
    """

    unique_id: str
    ds: Any
    values: Array
    measured: Array

    @property
    def target(self) -> Array:
        """The (n,) values to forecast."""
        return self.values[:, 0]


@dataclass(frozen=True, eq=False)
class Panel:
    """All series of one file or frame.

    Args:
        series: One entry per series, sorted by name.
        freq: Their common frequency.
        roles: What each column was taken for.
        utc: True if the times came with offsets and were converted to UTC.
        notes: What was done to the data, one sentence each.
        source: Name of the file.
    """

    series: tuple[Series, ...]
    freq: Frequency
    roles: Roles
    utc: bool
    notes: tuple[str, ...]
    source: str

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the value columns after the target."""
        return self.roles.covariates


def read_panel(source: Any, options: ReadOptions | None = None) -> Panel:
    """Read series from a CSV file or a frame.

    Args:
        source: Path of a CSV file (plain or gz), or a pandas, polars or other narwhals frame.
        options: Columns, frequency and gap policy; None: found, gaps refused.

    Returns:
        Every series on one regular grid, sorted by name and time.

    Raises:
        DataError: The file or its values cannot be used; the message says where and what to do.
    """
    options = options or ReadOptions()
    table, roles = _read_table(source, options)
    cells = table.text(roles.time)
    if len(cells) == 0:
        raise DataError(f"{table.source}: no rows below the header; expected one row per time step")
    times = parse_times(cells, roles.time, lambda i: f"{table.place} {table.line(i)}")
    pieces = list(_pieces(table, roles, times))
    if options.resample:
        pieces = [_resampled(piece, options.freq) for piece in pieces]
    _refuse_duplicates(pieces, table)
    freq = _frequency(pieces, options)
    notes = _notes(roles, options)
    series = tuple(_regular(piece, freq, options.gaps, roles, table, notes) for piece in pieces)
    in_utc = utc(cells)
    if in_utc:
        notes.append("Time stamps with offsets were converted to UTC.")
    return Panel(series, freq, roles, in_utc, tuple(notes), table.source)


@dataclass(frozen=True, eq=False)
class _Piece:
    """Rows of one series as read: sorted by time, not yet regular."""

    unique_id: str
    times: Any
    values: Array
    rows: Array


def _read_table(source: Any, options: ReadOptions) -> tuple[Table, Roles]:
    chosen = {
        "time": options.time,
        "target": options.target,
        "series": options.series,
        "covariates": options.covariates,
    }
    if not isinstance(source, str | Path):
        return _from_frame(source, chosen)
    sheet = open_sheet(Path(source))
    roles = resolve(sheet.names, sheet.sample, **chosen)  # type: ignore[arg-type]
    text = [roles.time, *([roles.series] if roles.series else [])]
    return read_body(sheet, [*roles.targets, *roles.covariates], text, options.decimal), roles


def _from_frame(source: Any, chosen: dict[str, Any]) -> tuple[Table, Roles]:
    try:
        frame = nw.from_native(source, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"expected the path of a CSV file or a data frame, got {type(source).__name__}"
        ) from error
    columns = {str(name): frame[name].to_numpy() for name in frame.columns}
    sample = [[str(cell) for cell in row] for row in frame.head(SAMPLE_RECORDS).iter_rows()]
    return Table(columns, lambda i: i + 1, "the frame", "row"), resolve(
        list(columns), sample, **chosen
    )


def _pieces(table: Table, roles: Roles, times: Any) -> Iterator[_Piece]:
    """Cut the table into one piece per series, each sorted by time."""
    hint = {
        "wide": "if the column names the series, pass --series; to forecast one, pass --target",
    }.get(roles.layout, "")
    values = {name: table.numbers(name, hint) for name in (*roles.targets, *roles.covariates)}
    order = np.argsort(times.to_numpy(), kind="stable")
    if roles.series is None:
        for name in sorted(roles.targets):
            columns = [values[n] for n in (name, *roles.covariates)]
            yield _Piece(name, times[order], np.stack(columns, axis=1)[order], order)
        return
    ids = table.text(roles.series)
    if any(cell is None for cell in ids):
        first = next(i for i, cell in enumerate(ids) if cell is None)
        raise DataError(
            f"series column {roles.series!r}, {table.place} {table.line(first)}: "
            "expected the name of a series, got nothing"
        )
    stacked = np.stack([values[n] for n in (*roles.targets, *roles.covariates)], axis=1)
    names, codes = np.unique(ids.astype(str), return_inverse=True)
    order = order[np.argsort(codes[order], kind="stable")]
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for place, name in enumerate(names):
        rows = order[bounds[place] : bounds[place + 1]]
        yield _Piece(str(name), times[rows], stacked[rows], rows)


def _resampled(piece: _Piece, freq: Frequency | None) -> _Piece:
    if freq is None or pd.api.types.is_integer_dtype(piece.times.dtype):
        raise DataError("--resample: expected --freq with a duration such as 5min, and dates")
    try:
        binned = pd.DataFrame(piece.values, index=piece.times).resample(freq).mean()
    except ValueError as error:
        raise DataError(f"--freq {freq!r} with --resample: {error}") from error
    binned.index = binned.index.as_unit("ns")
    rows = np.searchsorted(piece.times, binned.index).clip(max=len(piece.rows) - 1)
    return _Piece(piece.unique_id, binned.index, binned.to_numpy(), piece.rows[rows])


def _refuse_duplicates(pieces: Sequence[_Piece], table: Table) -> None:
    for piece in pieces:
        twice = np.flatnonzero(piece.times.to_numpy()[1:] == piece.times.to_numpy()[:-1])
        if len(twice):
            raise DataError(
                f"series {piece.unique_id!r}: expected one row per time stamp, got {len(twice)} "
                f"repeated ones, first {shown(piece.times[twice[0]])} ({table.place} "
                f"{table.line(int(piece.rows[twice[0] + 1]))}); remove them, or name the column "
                "that tells the series apart with --series"
            )


def _frequency(pieces: Sequence[_Piece], options: ReadOptions) -> Frequency:
    longest = max(pieces, key=lambda piece: len(piece.times))
    if len(longest.times) < 2:
        raise DataError(
            f"series {longest.unique_id!r}: expected a history of at least {options.needed} time "
            f"steps, got {len(longest.times)}; give one row per time step"
        )
    if options.freq is None:
        freq = find_frequency(longest.times)
    else:
        freq = check_frequency(options.freq, longest.times, options.freq_origin)
    for piece in pieces:
        require_bounded(piece.times, freq, f"series {piece.unique_id!r}")
    return freq


def _regular(
    piece: _Piece, freq: Frequency, rule: GapRule, roles: Roles, table: Table, notes: list[str]
) -> Series:
    """Put one piece on its grid and apply the gap policy."""
    who = f"series {piece.unique_id!r}"
    off = ~on_grid(piece.times, freq)
    if off.any():
        first = int(np.argmax(off))
        raise DataError(
            f"{who}: {int(off.sum())} of {len(off)} time stamps are not on the regular grid of "
            f"frequency {freq} that starts at {piece.times[0]}, first {piece.times[first]} "
            f"({table.place} {table.line(int(piece.rows[first]))}); name the frequency with "
            "--freq, or average the rows into regular bins with --resample --freq"
        )
    times = grid(piece.times[0], piece.times[-1], freq)
    values = np.full((len(times), piece.values.shape[1]), np.nan)
    values[times.get_indexer(piece.times)] = piece.values
    if rule.policy == "raise":
        names = [piece.unique_id if roles.layout == "wide" else roles.targets[0], *roles.covariates]
        place = dict(zip(piece.times, piece.rows, strict=True)) if np.isnan(values).any() else {}

        def where(row: int) -> str:
            known = times[row] in place
            return f"{table.place} {table.line(int(place[times[row]]))}" if known else "no such row"

        refuse_missing(values, times, names, who, where)
    return _trimmed(Series(piece.unique_id, times, values, ~np.isnan(values[:, 0])), rule, notes)


def _trimmed(series: Series, rule: GapRule, notes: list[str]) -> Series:
    """Cut missing rows off both ends, then fill what the rule allows."""
    known = np.flatnonzero(~np.isnan(series.values).any(axis=1))
    if not len(known):
        raise DataError(f"series {series.unique_id!r}: expected values, got none at any time step")
    part = slice(int(known[0]), int(known[-1]) + 1)
    ds, values, measured = series.ds[part], series.values[part], series.measured[part]
    missing = int(np.isnan(values).any(axis=1).sum())
    filled = fill(values, ds, rule)
    left = int(np.isnan(filled).any(axis=1).sum())
    if missing:
        notes.append(
            f"Series {series.unique_id!r}: {missing} of {len(values)} time steps had no value; "
            f"{missing - left} interpolated, {left} left as gaps that no window touches."
        )
    if len(values) < len(series.values):
        notes.append(
            f"Series {series.unique_id!r}: {len(series.values) - len(values)} time steps without a "
            "value at the ends were cut off."
        )
    return Series(series.unique_id, ds, filled, measured)


def _notes(roles: Roles, options: ReadOptions) -> list[str]:
    notes = []
    if roles.ignored:
        notes.append(f"Columns not read: {', '.join(roles.ignored)}.")
    if options.resample:
        notes.append(f"Rows were averaged into bins of {options.freq}.")
    return notes
