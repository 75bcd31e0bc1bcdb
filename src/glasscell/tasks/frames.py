"""Reads a CSV file or a data frame as regular time series, or says exactly why it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from glasscell.errors import DataError
from glasscell.tasks.columns import Roles, resolve
from glasscell.tasks.csvfile import SAMPLE_RECORDS, Table, open_sheet, read_body
from glasscell.tasks.dates import parse_times, utc
from glasscell.tasks.frequency import Frequency, check_frequency, find_frequency, require_bounded
from glasscell.tasks.panel import Panel, ReadOptions, Series
from glasscell.tasks.regular import (
    Piece,
    refuse_duplicates,
    regular,
    resampled,
    up_to_last_value,
)

__all__ = ["Panel", "ReadOptions", "Series", "read_panel"]

Array = np.ndarray[Any, Any]


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
    if options.open_end:
        pieces = [up_to_last_value(piece) for piece in pieces]
    if options.resample:
        pieces = [resampled(piece, options.freq) for piece in pieces]
    refuse_duplicates(pieces, table)
    freq = _frequency(pieces, options)
    notes = _notes(roles, options)
    series = tuple(regular(piece, freq, options.gaps, roles, table, notes) for piece in pieces)
    in_utc = utc(cells)
    if in_utc:
        notes.append("Time stamps with offsets were converted to UTC.")
    return Panel(series, freq, roles, in_utc, tuple(notes), table.source, len(cells))


def _read_table(source: Any, options: ReadOptions) -> tuple[Table, Roles]:
    chosen = {
        "time": options.time,
        "target": options.target,
        "series": options.series,
        "covariates": options.covariates,
        "targets": options.targets,
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


def _pieces(table: Table, roles: Roles, times: Any) -> Iterator[Piece]:
    """Cut the table into one piece per series, each sorted by time."""
    hint = {
        "wide": "if the column names the series, pass --series; to forecast one, pass --target",
    }.get(roles.layout, "")
    values = {name: table.numbers(name, hint) for name in (*roles.targets, *roles.covariates)}
    order = np.argsort(times.to_numpy(), kind="stable")
    if roles.series is None:
        for name in sorted(roles.targets):
            columns = [values[n] for n in (name, *roles.covariates)]
            yield Piece(name, times[order], np.stack(columns, axis=1)[order], order)
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
        yield Piece(str(name), times[rows], stacked[rows], rows)


def _frequency(pieces: Sequence[Piece], options: ReadOptions) -> Frequency:
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


def _notes(roles: Roles, options: ReadOptions) -> list[str]:
    notes = []
    if roles.ignored:
        notes.append(f"Columns not read: {', '.join(roles.ignored)}.")
    if options.resample:
        notes.append(f"Rows were averaged into bins of {options.freq}.")
    return notes
