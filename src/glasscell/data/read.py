"""Reads a file or a data frame as regular time series, or says exactly why it cannot."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.calendar import Times
from glasscell.data.categories import categories
from glasscell.data.columns import Roles, counters, resolve, without_bystanders
from glasscell.data.dates import parse_times
from glasscell.data.frequency import (
    Frequency,
    at_least_a_day,
    check_frequency,
    find_frequency,
    months_of_days,
    require_bounded,
    years_as_times,
)
from glasscell.data.numerals import sentinel
from glasscell.data.panel import Panel, Series
from glasscell.data.rawtable import Source, Table, filled_cells
from glasscell.data.read_options import ReadOptions
from glasscell.data.readers import open_source
from glasscell.data.regular import (
    Piece,
    between_values,
    regular,
    repeated,
    repeated_times,
    resampled,
    up_to_last_value,
)
from glasscell.data.spread_times import JoinedTimes, TimesInNames, find_spread_times
from glasscell.data.timeparts import kind_of_part, names_part
from glasscell.data.wording import count, time_text
from glasscell.data.zones import Placed, on_clock, placed, seems_clock_change
from glasscell.errors import DataError

__all__ = ["Panel", "ReadOptions", "Series", "read_panel"]

MOST_NAMES = 20


def read_panel(source: Any, options: ReadOptions | None = None) -> Panel:
    """Read series from a file or a frame.

    Args:
        source: Path of a CSV file (plain or gz), or a pandas, polars or other narwhals frame.
        options: Columns, frequency and gap policy; None: found, gaps refused.

    Returns:
        Every series on one regular grid, sorted by name and time.

    Raises:
        DataError: The file or its values cannot be used; the message says where and what to do.
    """
    options = options or ReadOptions()
    opened = open_source(source, options.sheet)
    spread = find_spread_times(opened, options)
    table, roles, times, notes = timed(opened, spread, options)
    if options.resample and roles.categories:
        raise DataError(
            f"--resample: expected columns of numbers, but {', '.join(roles.categories)} "
            "holds categories, which have no mean; bring the rows to one step yourself"
        )
    rows = len(times.index)
    vocabulary: dict[str, tuple[str, ...]] = {}
    values = values_of(table, roles, options, vocabulary)
    roles, why_not = without_bystanders(roles, values, times.index)
    notes += [*table.said(), *_notes(roles, why_not, options)]
    if options.freq_origin == "--freq":
        # A run has said so of its own columns.
        notes += counters(roles, values)
    numeric = [name for name in roles.read if name not in vocabulary]
    notes += filter(None, (sentinel(values[name], name) for name in numeric))
    pieces = list(pieces_of(table, roles, times, values))
    if isinstance(spread, TimesInNames):
        pieces = between_values(pieces, notes)
    if options.open_end and not roles.ahead:
        pieces = [up_to_last_value(piece) for piece in pieces]
    if options.resample:
        pieces = [resampled(piece, options.freq) for piece in pieces]
    for piece in pieces:
        twice = repeated(piece, table)
        if twice:
            raise DataError(f"{twice}; {_apart(opened, roles, times, repeated_times(piece))}")
    freq = _frequency(pieces, options)
    series = tuple(regular(piece, freq, options, roles, table, notes) for piece in pieces)
    detected: dict[str, Any] = {} if table.decimal == "." else {"decimal": table.decimal}
    if times.day_first is not None:
        detected["day_first"] = times.day_first
    if roles.time in table.zones:
        detected["time_zone"] = times.zone
    return Panel(
        *(series, freq, roles, times.utc, tuple(notes), table.source, rows),
        detected=detected,
        vocabulary=vocabulary,
        zone=times.zone,
    )


def timed(
    opened: Source, spread: JoinedTimes | TimesInNames | None, options: ReadOptions
) -> tuple[Table, Roles, Times, list[str]]:
    """Read the columns that have a role, and the times.

    Args:
        opened: The file or frame.
        spread: Where its times are spread over columns.
        options: How to read it.

    Returns:
        The table, the roles, the time of each row, and sentences on what was done.
    """
    table, roles, cells, layout_notes = _columns(opened, spread, options)
    notes = [*opened.notes, *layout_notes]
    if len(cells) == 0:
        raise DataError(f"{table.source}: no rows below the header; expected one row per time step")
    zone = options.time_zone or table.zones.get(roles.time)
    times = parse_times(cells, roles.time, table.where, replace(options, time_zone=zone))
    there = _placed(times, table, roles, options)
    times, table = there.times, table if there.kept is None else table.only(there.kept)
    notes += times.notes
    return table, roles, _in_months(times, options, notes), notes


def values_of(
    table: Table, roles: Roles, options: ReadOptions, vocabulary: dict[str, tuple[str, ...]]
) -> dict[str, Array]:
    """Read every column of values; categories as places of their words in `vocabulary`."""
    values = {name: table.numbers(name) for name in roles.read if name not in roles.categories}
    for name in roles.categories:
        words, coded = categories(table, name, (options.vocabulary or {}).get(name))
        vocabulary[name], values[name] = words, coded
    return values


def _placed(times: Times, table: Table, roles: Roles, options: ReadOptions) -> Placed:
    """Find the moments that local times mean; bins of days and longer are those of the clock."""
    named = options.time_zone is not None
    if options.resample and times.zone is not None and at_least_a_day(options.freq):
        index = on_clock(times.index, times.zone) if times.utc else times.index
        return Placed(replace(times, index=index, utc=False))
    owners = None if roles.series is None else table.columns[roles.series]
    return placed(times, owners, table.where, options.clock_change, named)


def _columns(
    source: Source, spread: JoinedTimes | TimesInNames | None, options: ReadOptions
) -> tuple[Table, Roles, Array, list[str]]:
    """Read the columns that have a role.

    Returns:
        The table, the roles, the cells of the time, and sentences on what was done.
    """
    if isinstance(spread, TimesInNames):
        if beside := [*(options.future_covariates or ()), *(options.static or ())]:
            raise DataError(
                f"--future-covariates and --static: expected a row per time step, but the times "
                f"stand in the column names, so {', '.join(beside)} cannot be read; give a table "
                "with a time column"
            )
        table, roles, notes = spread.melted(source, options)
        return table, roles, table.text(roles.time), notes
    cells = filled_cells(source.names, source.sample)
    parts: list[str] = []
    if spread is not None:
        # The parts of the time stand for one column.
        parts, options = list(spread.parts.values()), replace(options, time=spread.name)
        rest = {name: filled for name, filled in cells.items() if name not in parts}
        cells = {spread.name: [], **rest}
    roles = resolve(cells, options)
    text = [*(parts or [roles.time]), *([roles.series] if roles.series else []), *roles.categories]
    numeric = [name for name in roles.read if name not in roles.categories]
    table = source.body(numeric, text, options.decimal, options.missing)
    if spread is None:
        stamps = table.stamps(roles.time) if options.date_format is None else None
        return table, roles, table.text(roles.time) if stamps is None else stamps, []
    table, times, notes = spread.joined(table)
    return table, roles, times, notes


def _in_months(times: Times, options: ReadOptions, notes: list[str]) -> Times:
    """Read rows of one day in each month as months, and years as dates if a frequency says so."""
    years = years_as_times(times.index, options.freq)
    if years is not None:
        return replace(times, index=years)
    months = None if options.freq is not None or options.resample else months_of_days(times.index)
    if months is None:
        return times
    notes.append(
        f"All times are on day {times.index[0].day} of a month; they were read as months, so "
        f"{time_text(times.index[0])} is {time_text(months[0])}."
    )
    return replace(times, index=months)


def pieces_of(table: Table, roles: Roles, at: Times, values: dict[str, Array]) -> Iterator[Piece]:
    """Cut the table into one piece per series, each sorted by time."""
    times, zone = at.index, at.zone if at.utc else None
    order = np.argsort(times.to_numpy(), kind="stable")
    if roles.series is None:
        for name in sorted(roles.targets):
            columns = [values[n] for n in replace(roles, targets=(name,)).read]
            yield Piece(name, times[order], np.stack(columns, axis=1)[order], order, zone)
        return
    names, codes = table.labels(roles.series)
    if (codes < 0).any():
        first = int(np.argmax(codes < 0))
        raise DataError(
            f"series column {roles.series!r}, {table.where(first)}: "
            "expected the name of a series, got nothing"
        )
    stacked = np.stack([values[n] for n in roles.read], axis=1)
    order = order[np.argsort(codes[order], kind="stable")]
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for place, name in enumerate(names):
        rows = order[bounds[place] : bounds[place + 1]]
        yield Piece(str(name), times[rows], stacked[rows], rows, zone)


def _apart(source: Source, roles: Roles, at: Times, twice: Any) -> str:
    """Say which column, or which two together, name each row once beside its time."""
    if at.zone is None and seems_clock_change(twice):
        return (
            "these seem to be the hour that clocks show twice when summer time ends: name their "
            "zone, such as --time-zone Europe/Berlin"
        )
    times = at.index
    used = {*roles.time.split(","), roles.series}
    used |= {n for n in roles.targets if n not in roles.unasked or roles.layout == "single"}
    cells = filled_cells(source.names, source.sample)
    names = [n for n in cells if n not in used and not kind_of_part(n, cells[n])]
    keys = pd.DataFrame(source.body([], names).columns)
    kinds = keys.nunique()
    labels = [n for n in names if 1 < kinds[n] <= len(times) / 2]
    labels = sorted(labels, key=lambda n: int(kinds[n]))[:10]
    for size in (1, 2):
        for group in map(list, combinations(labels, size)):
            if roles.series is None and not keys[group].assign(_time=times).duplicated().any():
                inside = [n for n in group if names_part(n)]
                if inside:
                    return (
                        f"the column {inside[0]} tells them apart: it seems to be a part of the "
                        "time; write the whole time in one column, such as 2024-01-31"
                    )
                if size == 1:
                    return (
                        f"the column {group[0]} tells them apart: pass --series "
                        f"{shlex.quote(group[0])}"
                    )
                return (
                    f"the columns {' and '.join(group)} together tell them apart: join them in one "
                    "column and name it with --series"
                )
    return "remove them, or average them with --resample --freq"


def _frequency(pieces: Sequence[Piece], options: ReadOptions) -> Frequency:
    longest = max(pieces, key=lambda piece: len(piece.times))
    if len(longest.times) < 2:
        raise DataError(
            f"series {longest.unique_id!r}: expected a history of at least "
            f"{count(max(options.needed, 2), 'time step')}, got {len(longest.times)}; "
            "give one row per time step"
        )
    if options.freq is None:
        freq = find_frequency(longest.times)
    else:
        freq = check_frequency(options.freq, longest.times, options.freq_origin)
    for piece in pieces:
        require_bounded(piece.times, freq, f"series {piece.unique_id!r}")
    return freq


def _notes(roles: Roles, why_not: dict[str, str], options: ReadOptions) -> list[str]:
    """Say which columns were not read and why, and what was averaged."""
    notes = []
    listed = [f"{n} ({why_not[n]})" if n in why_not else n for n in roles.ignored]
    if listed:
        more = f" and {len(listed) - MOST_NAMES} more" if len(listed) > MOST_NAMES else ""
        notes.append(f"Columns not read: {', '.join(listed[:MOST_NAMES])}{more}.")
    if options.resample:
        notes.append(f"Rows were averaged into bins of {options.freq}.")
    return notes
