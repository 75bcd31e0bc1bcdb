"""Makes the rows of one series regular: sorted rows in, a whole grid of times out, gaps treated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.columns import Roles
from glasscell.data.frequency import Frequency, grid, named_offset, on_grid
from glasscell.data.panel import Series
from glasscell.data.rawtable import Table
from glasscell.data.read_options import GapRule, ReadOptions
from glasscell.data.wording import count, share, time_text, was
from glasscell.data.zones import in_zone, seems_clock_change
from glasscell.errors import DataError


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one series as read: sorted by time, not yet regular.

    Args:
        unique_id: Name of the series.
        times: (n,) times.
        values: (n, F) values, the target first, and last what is known ahead.
        rows: (n,) row of each in the table.
        zone: Where the clocks are by which messages tell its times, which are in UTC then.
    """

    unique_id: str
    times: Any
    values: Array
    rows: Array
    zone: str | None = None

    def told(self, time: Any) -> str:
        """Write a time as the data have it."""
        return time_text(time if self.zone is None else in_zone(time, self.zone))

    @property
    def has_target(self) -> Any:
        """The (n,) rows whose target is known."""
        return ~np.isnan(self.values[:, 0])

    def cut(self, part: slice) -> Piece:
        """Keep some rows that follow each other."""
        return replace(self, times=self.times[part], values=self.values[part], rows=self.rows[part])


def _first_to_last(known: Any) -> slice:
    """Give the part from the first True to the last; nothing where there is none."""
    places = np.flatnonzero(known)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0)


def up_to_last_value(piece: Piece) -> Piece:
    """Cut off the last rows that have no target; a series without any keeps all, to be refused."""
    return piece.cut(slice(_first_to_last(piece.has_target).stop or None))


def between_values(pieces: Sequence[Piece], notes: list[str]) -> list[Piece]:
    """Leave out what a table must leave empty: series without any value, and their ends.

    Args:
        pieces: The series.
        notes: Gets a sentence for each thing that was left out.

    Raises:
        DataError: No series has a value.
    """
    filled = [piece for piece in pieces if piece.has_target.any()]
    if not filled:
        raise DataError("expected values, got none in any row")
    kept = [piece.cut(_first_to_last(piece.has_target)) for piece in filled]
    cut = sum(len(piece.rows) for piece in filled) - sum(len(piece.rows) for piece in kept)
    if cut:
        cells = count(cut, "cell")
        notes.append(f"{cells} without a value at the ends of series {was(cut)} left out.")
    if len(kept) < len(pieces):
        empty = [piece.unique_id for piece in pieces if not piece.has_target.any()]
        listed = ", ".join(empty[:5]) + (" ..." if len(empty) > 5 else "")
        series = count(len(empty), "series", "series")
        notes.append(f"{series} without any value {was(len(empty))} left out: {listed}.")
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
    return replace(piece, times=binned.index, values=binned.to_numpy(), rows=piece.rows[rows])


def repeated(piece: Piece, table: Table) -> str:
    """Say which times of a series occur in two rows; "" for none."""
    twice = repeated_times(piece)
    if not len(twice):
        return ""
    row = int(np.argmax(piece.times[1:] == piece.times[:-1])) + 1
    return (
        f"series {piece.unique_id!r}: expected one row per time stamp, got {len(twice)} repeated "
        f"ones, first {piece.told(twice[0])} "
        f"({table.where(int(piece.rows[row]))})"
    )


def repeated_times(piece: Piece) -> Any:
    """Give the times of a series that occur in a row after the first that has them."""
    return piece.times[1:][piece.times[1:] == piece.times[:-1]]


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
        piece: The rows; where columns are known ahead, those after the last target are not history
            but say what is known.
        freq: Their frequency.
        options: The gap policy, and who named the frequency.
        roles: Columns, for messages.
        table: The file, for messages.
        notes: Gets a sentence for each thing that was done.

    Raises:
        DataError: A time stamp lies off the grid, or a value is missing and may not be.
    """
    off = ~on_grid(piece.times, freq)
    if off.any():
        first = int(np.argmax(off))
        advice = "name the frequency with --freq, or average the rows into bins with --resample"
        if options.freq is not None:
            advice = (
                f"correct these rows, or average the rows into bins with --resample --freq {freq}"
            )
        raise DataError(
            f"series {piece.unique_id!r}: "
            f"{share(int(off.sum()), len(off), 'time stamp', 'is', 'are')} not on the "
            f"regular grid of frequency {freq} that starts at {piece.told(piece.times[0])}, first "
            f"{piece.told(piece.times[first])} ({table.where(int(piece.rows[first]))}); {advice}"
        )
    times = grid(piece.times[0], piece.times[-1], freq)
    values = piece.values
    if len(values) < len(times) or roles.static:
        values = np.full((len(times), piece.values.shape[1]), np.nan)
        values[times.get_indexer(piece.times)] = piece.values
    told = [*roles.ahead, *roles.static]
    names = [piece.unique_id if roles.layout == "wide" else roles.targets[0], *roles.covariates]
    names += told
    if roles.static:
        _fill_static(values, names, roles, piece, table)
    known = values[:, len(names) - len(told) :].copy() if told else None
    if roles.ahead and not np.isnan(values[:, 0]).all():
        end = _first_to_last(~np.isnan(values[:, 0])).stop
        times, values = times[:end], values[:end]
    if options.gaps.policy == "raise":
        _refuse_missing(values, times, names, piece, table)
    coded = [place for place, name in enumerate(names) if name in roles.categories]
    series = Series(piece.unique_id, times, values, ~np.isnan(values[:, 0]), known)
    return _trimmed(series, options.gaps, notes, coded)


def _fill_static(
    values: Array, names: Sequence[str], roles: Roles, piece: Piece, table: Table
) -> None:
    """Give every row of a series its static values, which all rows that have one must agree on."""
    for place in range(len(names) - len(roles.static), len(names)):
        column = piece.values[:, place]
        filled = np.flatnonzero(~np.isnan(column))
        where = f"series {piece.unique_id!r}, static column {names[place]!r}"
        if not len(filled):
            raise DataError(f"{where}: expected a value in one row at least, got none")
        others = filled[column[filled] != column[filled[0]]]
        if len(others):
            time, line = piece.told(piece.times[others[0]]), table.where(int(piece.rows[others[0]]))
            raise DataError(
                f"{where}: expected one value in all rows, got another at {time} ({line}); "
                "a column that changes in time belongs to --covariates or --future-covariates"
            )
        values[:, place] = column[filled[0]]


def _refuse_missing(
    values: Array, times: Any, names: Sequence[str], piece: Piece, table: Table
) -> None:
    missing = np.isnan(values)
    if not missing.any():
        return
    column = int(np.argmax(missing.any(axis=0)))
    row = int(np.argmax(missing[:, column]))
    place = np.flatnonzero(piece.times == times[row])
    where = table.where(int(piece.rows[place[0]])) if len(place) else "no such row"
    holes = times[missing.any(axis=1) & ~times.isin(piece.times)]
    hint = ""
    if piece.zone is None and seems_clock_change(holes):
        hint = (
            "if this is the hour that clocks skip when summer time begins, name their zone, such "
            "as --time-zone Europe/Berlin; else "
        )
    raise DataError(
        f"series {piece.unique_id!r}, column {names[column]!r}: "
        f"{share(int(missing[:, column].sum()), len(values), 'time step', 'has', 'have')} "
        f"no value, first {piece.told(times[row])} ({where}); {hint}choose what to do with "
        "--gaps interpolate (linear in time; --max-gap limits it) or --gaps drop (windows that "
        "touch a gap are left out)"
    )


def _trimmed(series: Series, rule: GapRule, notes: list[str], coded: Sequence[int] = ()) -> Series:
    """Cut missing rows off both ends, then fill what the rule allows.

    Args:
        series: The series; its values hold what is known ahead last, which `known` has whole.
        rule: The policy.
        notes: Gets a sentence for each thing that was done.
        coded: Columns of categories: a gap in one is filled with the category before it.
    """
    part = _first_to_last(~np.isnan(series.values).any(axis=1))
    if not part.stop:
        raise DataError(f"series {series.unique_id!r}: expected values, got none at any time step")
    ds, values, measured = series.ds, series.values[part], series.measured[part]
    ds = ds if len(values) == len(ds) else ds[part]
    missing = int(np.isnan(values).any(axis=1).sum())
    filled = interpolated(values, ds, rule, coded)
    left = int(np.isnan(filled).any(axis=1).sum())
    if missing:
        these = share(missing, len(values), "time step")
        notes.append(
            f"Series {series.unique_id!r}: {these} had no value; "
            f"{missing - left:,} interpolated, {left:,} left as gaps that no window touches."
        )
    cut = len(series.values) - len(values)
    if cut:
        notes.append(
            f"Series {series.unique_id!r}: {count(cut, 'time step')} without a value at the ends "
            f"{was(cut)} cut off."
        )
    if series.known is None:
        return Series(series.unique_id, ds, filled, measured)
    width = filled.shape[1] - series.known.shape[1]
    known = np.concatenate([filled[:, width:], series.known[part.stop :]])
    return Series(series.unique_id, ds, filled[:, :width], measured, known)


def interpolated(values: Array, times: Any, rule: GapRule, coded: Sequence[int] = ()) -> Array:
    """Fill the gaps that the rule allows; what stays missing stays NaN.

    Args:
        values: (n, F) values on the grid, NaN where missing.
        times: (n,) the grid.
        rule: The policy; without "interpolate" nothing is filled.
        coded: Columns that are filled with the last value before the gap.

    Returns:
        (n, F) a copy.

    >>> values = np.array([[0.0], [np.nan], [2.0]])
    >>> interpolated(values, pd.RangeIndex(3), GapRule("interpolate")).ravel()
    array([0., 1., 2.])
    """
    filled = np.array(values)
    if rule.policy != "interpolate":
        return filled
    limit = rule.limit(pd.api.types.is_integer_dtype(times.dtype))
    clock = times.to_numpy().astype(np.int64)
    for place, column in enumerate(filled.T):
        known = np.flatnonzero(~np.isnan(column))
        missing = np.flatnonzero(np.isnan(column))
        if not len(known) or not len(missing):
            continue
        after = np.searchsorted(known, missing)
        inside = (after > 0) & (after < len(known))
        missing, after = missing[inside], after[inside]
        width = clock[known[after]] - clock[known[after - 1]]
        within = np.full(len(missing), True) if limit is None else width <= limit
        missing, after = missing[within], after[within]
        if place in coded:
            column[missing] = column[known[after - 1]]
            continue
        # Counted from the first row: nanoseconds since 1970 are too large for float64's 53 bits.
        column[missing] = np.interp(
            clock[missing] - clock[0], clock[known] - clock[0], column[known]
        )
    return filled
