"""Reads what is known of the time after a history, and says what of it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.frequency import future
from glasscell.data.panel import Panel, Series
from glasscell.data.read import pieces_of, timed, values_of
from glasscell.data.read_options import ReadOptions
from glasscell.data.readers import open_source
from glasscell.data.regular import Piece, repeated
from glasscell.data.spread_times import find_spread_times
from glasscell.data.wording import count, few, time_text
from glasscell.errors import DataError


def with_future(
    panel: Panel, source: Any, options: ReadOptions, steps: int, notes: list[str]
) -> Panel:
    """Add to every series what a file says of the steps after its history.

    Args:
        panel: The history.
        source: Path of a file, or a frame, with the time, the columns that are known ahead, and the
            column of the series if the history has one.
        options: How the history was read.
        steps: How many steps are to be known.
        notes: Gets a sentence on rows that were not needed.

    Raises:
        DataError: Columns are missing, times are of another kind or stand twice, or there is a
            series that the history has not.
    """
    rows = _rows(panel, source, options)
    known = {series.unique_id for series in panel.series}
    strange = [name for name in rows if name not in known]
    if panel.roles.series is not None and strange:
        raise DataError(
            f"--future: expected the series of the data "
            f"({few([s.unique_id for s in panel.series])}), got also {few(strange)}; leave them "
            "out, or give their history too"
        )
    unused, series = 0, []
    for one in panel.series:
        piece = rows.get(one.unique_id if panel.roles.series is not None else "")
        if piece is not None:
            one, passed = _filled(one, piece, future(one.ds[-1], panel.freq, steps))
            unused += passed
        series.append(one)
    if unused:
        notes.append(
            f"{count(unused, 'row')} of --future outside the {count(steps, 'time step')} after the "
            "history: not read."
        )
    return replace(panel, series=tuple(series))


def _rows(panel: Panel, source: Any, options: ReadOptions) -> dict[str, Piece]:
    """Read the rows of each series; "" is all series, where they have no column."""
    opened, roles = open_source(source), panel.roles
    wanted = [*roles.time.split(","), *([roles.series] if roles.series else []), *roles.ahead]
    if missing := [name for name in wanted if name not in opened.names]:
        raise DataError(
            f"--future: expected the columns {', '.join(wanted)}, found no {', '.join(missing)}; "
            f"the columns found are {', '.join(opened.names)}"
        )
    reading = replace(
        options,
        time=roles.time,
        target=None,
        targets=(),
        series=roles.series,
        labels=None,
        covariates=(),
        future_covariates=roles.ahead,
        static=None,
        categories=None,
        vocabulary=panel.vocabulary,
        freq=panel.freq,
    )
    spread = find_spread_times(opened, reading)
    table, found, times, _ = timed(opened, spread, reading)
    if times.utc != panel.utc or isinstance(panel.freq, int) != (times.index.dtype.kind == "i"):
        kind = "in UTC or with a zone" if panel.utc else "without a zone"
        whole = "whole numbers" if isinstance(panel.freq, int) else f"dates {kind}"
        raise DataError(
            f"--future, column {roles.time!r}: expected times as the data have them, {whole}, got "
            f"{table.text(found.time)[0] if found.time in table.columns else times.index[0]!r}"
        )
    values = values_of(table, found, reading, {})
    if found.series is None:
        # One piece under no name: it holds for every series.
        order = np.argsort(times.index.to_numpy(), kind="stable")
        stacked = np.stack([values[name] for name in found.read], axis=1)
        pieces = [
            Piece("", times.index[order], stacked[order], order, times.zone if times.utc else None)
        ]
    else:
        pieces = list(pieces_of(table, found, times, values))
    for piece in pieces:
        if twice := repeated(piece, table):
            raise DataError(f"--future, {twice}; keep one of them")
    return {piece.unique_id: piece for piece in pieces}


def _filled(series: Series, piece: Piece, times: Any) -> tuple[Series, int]:
    """Put the rows of a piece after the history, and count those that are not needed."""
    assert series.known is not None
    n, columns = len(series.ds), piece.values.shape[1]
    more = n + len(times) - len(series.known)
    known = np.pad(series.known, ((0, max(more, 0)), (0, 0)), constant_values=np.nan)
    places = times.get_indexer(piece.times)
    inside = places >= 0
    known[n + places[inside], :columns] = piece.values[inside]
    return replace(series, known=known), int((~inside).sum())


def require_future(panel: Panel, series: Sequence[Series], steps: int) -> None:
    """Refuse series of which something is not known at a step ahead.

    Args:
        panel: What they are of.
        series: Those that are to be forecast.
        steps: How many steps ahead.

    Raises:
        DataError: Something is missing; the message says of what, when and in which series.
    """
    names = panel.roles.ahead
    if not names:
        return
    lacks: dict[str, str] = {}
    for one in series:
        missing = _missing(one, len(names), steps)
        if missing.any():
            times = future(one.ds[-1], panel.freq, steps)
            rows = np.flatnonzero(missing.any(axis=1))
            columns = [names[place] for place in np.flatnonzero(missing.any(axis=0))]
            lacks[one.unique_id] = (
                f"{', '.join(columns)} at {len(rows)} of the {count(steps, 'time step')} after the "
                f"history, first at {time_text(panel.stamps(times[rows])[0])}"
            )
    if lacks:
        name, what = next(iter(lacks.items()))
        rest = count(len(lacks) - 1, "other series", "other series")
        raise DataError(
            f"the run reads what is known ahead ({', '.join(names)}); series {name!r} has no {what}"
            + (f" (likewise {rest})" if len(lacks) > 1 else "")
            + "; give the rows with --future FILE, or as rows without a target below the data"
        )


def _missing(series: Series, columns: int, steps: int) -> Array:
    """(steps, columns) True where nothing is known."""
    assert series.known is not None
    beyond = series.known[len(series.ds) : len(series.ds) + steps, :columns]
    missing = np.full((steps, columns), True)
    missing[: len(beyond)] = np.isnan(beyond)
    return missing
