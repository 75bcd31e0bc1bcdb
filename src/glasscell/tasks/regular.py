"""Makes the rows of one series regular: sorted rows in, a whole grid of times out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glasscell.errors import DataError
from glasscell.tasks.columns import Roles
from glasscell.tasks.csvfile import Table
from glasscell.tasks.frequency import Frequency, grid, on_grid
from glasscell.tasks.gaps import GapRule, fill, refuse_missing, shown
from glasscell.tasks.panel import Series

Array = np.ndarray[Any, Any]


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


def resampled(piece: Piece, freq: Frequency | None) -> Piece:
    """Average the rows of a piece into bins of the frequency.

    Raises:
        DataError: There is no frequency, or it is not one of bins.
    """
    if not isinstance(freq, str) or pd.api.types.is_integer_dtype(piece.times.dtype):
        raise DataError("--resample: expected --freq with a duration such as 5min, and dates")
    try:
        binned = pd.DataFrame(piece.values, index=piece.times).resample(freq).mean()
    except ValueError as error:
        raise DataError(f"--freq {freq!r} with --resample: {error}") from error
    binned.index = pd.DatetimeIndex(binned.index).as_unit("ns")
    rows = np.searchsorted(piece.times, binned.index).clip(max=len(piece.rows) - 1)
    return Piece(piece.unique_id, binned.index, binned.to_numpy(), piece.rows[rows])


def refuse_duplicates(pieces: Sequence[Piece], table: Table) -> None:
    """Refuse two rows of one series with one time stamp.

    Raises:
        DataError: There are such rows.
    """
    for piece in pieces:
        twice = np.flatnonzero(piece.times.to_numpy()[1:] == piece.times.to_numpy()[:-1])
        if len(twice):
            raise DataError(
                f"series {piece.unique_id!r}: expected one row per time stamp, got {len(twice)} "
                f"repeated ones, first {shown(piece.times[twice[0]])} ({table.place} "
                f"{table.line(int(piece.rows[twice[0] + 1]))}); remove them, or name the column "
                "that tells the series apart with --series"
            )


def regular(
    piece: Piece, freq: Frequency, rule: GapRule, roles: Roles, table: Table, notes: list[str]
) -> Series:
    """Put one piece on its grid and apply the gap policy.

    Args:
        piece: The rows.
        freq: Their frequency.
        rule: The gap policy.
        roles: Columns, for messages.
        table: The file, for messages.
        notes: Gets a sentence for each thing that was done.

    Raises:
        DataError: A time stamp lies off the grid, or a value is missing and may not be.
    """
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
