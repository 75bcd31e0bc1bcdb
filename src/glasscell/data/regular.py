"""Makes the rows of one series regular: sorted rows in, a whole grid of times out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.columns import Roles
from glasscell.data.frequency import Frequency, grid, named_offset, on_grid
from glasscell.data.gaps import GapRule, fill, refuse_missing, shown
from glasscell.data.panel import ReadOptions, Series
from glasscell.data.rawtable import Table
from glasscell.data.wording import count, share, was
from glasscell.errors import DataError


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one series as read: sorted by time, not yet regular.

    Args:
        unique_id: Name of the series.
        times: (n,) times.
        values: (n, F) values.
        rows: (n,) row of each in the table.
    """

    unique_id: str
    times: Any
    values: Array
    rows: Array


def up_to_last_value(piece: Piece) -> Piece:
    """Cut off the last rows that have no target; a series without any keeps all, to be refused."""
    known = np.flatnonzero(~np.isnan(piece.values[:, 0]))
    end = int(known[-1]) + 1 if len(known) else len(piece.rows)
    return Piece(piece.unique_id, piece.times[:end], piece.values[:end], piece.rows[:end])


def between_values(pieces: Sequence[Piece], notes: list[str]) -> list[Piece]:
    """Leave out what a table must leave empty: series without any value, and their ends.

    Args:
        pieces: The series.
        notes: Gets a sentence for each thing that was left out.

    Raises:
        DataError: No series has a value.
    """
    kept, cut = [], 0
    for piece in pieces:
        known = np.flatnonzero(~np.isnan(piece.values[:, 0]))
        if len(known):
            part = slice(int(known[0]), int(known[-1]) + 1)
            cut += len(piece.rows) - (part.stop - part.start)
            kept.append(
                Piece(piece.unique_id, piece.times[part], piece.values[part], piece.rows[part])
            )
    if not kept:
        raise DataError("expected values, got none in any row")
    if cut:
        cells = count(cut, "cell")
        notes.append(f"{cells} without a value at the ends of series {was(cut)} left out.")
    if len(kept) < len(pieces):
        names = [piece.unique_id for piece in pieces if np.isnan(piece.values[:, 0]).all()]
        shown_names = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
        series = count(len(names), "series", "series")
        notes.append(f"{series} without any value {was(len(names))} left out: {shown_names}.")
    return kept


def resampled(piece: Piece, freq: Frequency | None) -> Piece:
    """Average the rows of a piece into bins of the frequency.

    Raises:
        DataError: There is no frequency, or it is not one of bins.
    """
    if not isinstance(freq, str) or pd.api.types.is_integer_dtype(piece.times.dtype):
        raise DataError("--resample: expected --freq with a duration such as 5min, and dates")
    try:
        binned = pd.DataFrame(piece.values, index=piece.times).resample(named_offset(freq)).mean()
    except ValueError as error:
        raise DataError(
            f"--freq {freq!r} with --resample: expected a pandas offset such as 5min, h, D, W or MS"
        ) from error
    binned.index = pd.DatetimeIndex(binned.index).as_unit("ns")
    rows = np.searchsorted(piece.times, binned.index).clip(max=len(piece.rows) - 1)
    return Piece(piece.unique_id, binned.index, binned.to_numpy(), piece.rows[rows])


def repeated(piece: Piece, table: Table) -> str:
    """Say which times of a series occur in two rows; "" for none."""
    twice = np.flatnonzero(piece.times.to_numpy()[1:] == piece.times.to_numpy()[:-1])
    if not len(twice):
        return ""
    return (
        f"series {piece.unique_id!r}: expected one row per time stamp, got {len(twice)} repeated "
        f"ones, first {shown(piece.times[twice[0]])} ({table.place} "
        f"{table.line(int(piece.rows[twice[0] + 1]))})"
    )


def regular(
    piece: Piece,
    freq: Frequency,
    options: ReadOptions,
    roles: Roles,
    table: Table,
    notes: list[str],
) -> Series:
    """Put one piece on its grid and apply the gap policy.

    Args:
        piece: The rows.
        freq: Their frequency.
        options: The gap policy, and who named the frequency.
        roles: Columns, for messages.
        table: The file, for messages.
        notes: Gets a sentence for each thing that was done.

    Raises:
        DataError: A time stamp lies off the grid, or a value is missing and may not be.
    """
    who = f"series {piece.unique_id!r}"
    rule = options.gaps
    off = ~on_grid(piece.times, freq)
    if off.any():
        first = int(np.argmax(off))
        advice = "name the frequency with --freq, or average the rows into bins with --resample"
        if options.freq is not None:
            advice = (
                f"correct these rows, or average the rows into bins with --resample --freq {freq}"
            )
        raise DataError(
            f"{who}: {share(int(off.sum()), len(off), 'time stamp', 'is', 'are')} not on the "
            f"regular grid of frequency {freq} that starts at {shown(piece.times[0])}, first "
            f"{shown(piece.times[first])} ({table.place} {table.line(int(piece.rows[first]))}); "
            f"{advice}"
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
        these = share(missing, len(values), "time step")
        notes.append(
            f"Series {series.unique_id!r}: {these} had no value; "
            f"{missing - left:,} interpolated, {left:,} left as gaps that no window touches."
        )
    if len(values) < len(series.values):
        cut = len(series.values) - len(values)
        notes.append(
            f"Series {series.unique_id!r}: {count(cut, 'time step')} without a value at the ends "
            f"{was(cut)} cut off."
        )
    return Series(series.unique_id, ds, filled, measured)
