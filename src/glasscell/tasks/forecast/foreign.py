"""Forecasts that others made, out of a file: rows of the table on the same test windows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.dates import parse_times
from glasscell.data.frequency import rhythm, years_as_times
from glasscell.data.rawtable import Table
from glasscell.data.readers import open_source
from glasscell.data.wording import count, few, time_text
from glasscell.errors import DataError
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.scores import Entry, Scoreboard

SERIES = ("unique_id", "item_id", "series", "series_id", "id")
TIME = ("ds", "timestamp", "time", "date", "datetime")
CUTOFF = "cutoff"

BESIDE = re.compile(r"|unnamed: ?\d+|index|step|horizon|.*-(lo|hi)-\d+(\.\d+)?|0?\.\d+")
"""Columns that are no point forecasts: an index, the truth, bounds and quantiles."""


def foreign(plan: Plan, board: Scoreboard, path: str) -> tuple[list[Entry], list[str]]:
    """Read forecasts that others made for test windows of a plan.

    Args:
        plan: Series, frequency and horizon.
        board: The test windows.
        path: CSV or Parquet file: unique_id, ds and a column for each method; cutoff, the time of
            the last value that a forecast knew, where there are several origins.

    Returns:
        An entry for each column of forecasts, and notes on what was left out.

    Raises:
        DataError: The file has other series, other time stamps, some twice, too few of them, or
            none of a test window.
    """
    source = open_source(path)
    label, when, cutoff = (_named(source.names, role, plan) for role in ("series", "time", CUTOFF))
    taken, truth = {label, when, cutoff}, {"y", *plan.panel.roles.targets}
    others = [n for n in source.names if n not in taken and not BESIDE.fullmatch(n.lower())]
    # A file of one column beside the time has forecasts under the target's own name, as of darts.
    methods = [name for name in others if name not in truth] or others[:1]
    if when is None or not methods:
        raise DataError(
            f"--compare {path}: expected columns unique_id, ds, one for each method and, where "
            f"there are several origins, cutoff; found {', '.join(source.names)}"
        )
    text = [name for name in (label, when, cutoff) if name is not None]
    table = source.body(methods, text, plan.options.decimal)
    if not len(table.text(when)):
        raise DataError(f"--compare {path}: no rows below the header; expected forecasts")
    owners = _owners(table, label, len(table.text(when)), plan, path)
    rows = _rows(table, when, owners, plan, path)
    frame = pd.DataFrame({"owner": owners, "row": rows})
    if cutoff is not None:
        frame["origin"] = _rows(table, cutoff, owners, plan, path) + 1
    else:
        frame["origin"] = frame.groupby("owner")["row"].transform("min")
    _refuse_twice(frame, plan, path, cutoff is not None)
    frame["step"] = frame["row"] - frame["origin"]
    windows, places, notes = _windows(frame, plan, board, path, cutoff is not None)
    stem = path.replace("\\", "/").rsplit("/", 1)[-1]
    entries = []
    for method in methods:
        values = table.numbers(method)
        missing = np.isnan(values)
        if missing.any():
            first = table.where(int(np.argmax(missing)))
            raise DataError(
                f"--compare {path}: expected a number in each row of {method!r}, found "
                f"{count(int(missing.sum()), 'row')} without, first in {first}"
            )
        forecast = np.full(board.truth.shape, np.nan)
        used = places >= 0
        forecast[places[used], frame["step"].to_numpy()[used]] = values[used]
        entries.append(
            Entry(
                name=f"{method} ({stem})",
                forecasts=(forecast,),
                windows=None if windows.all() else windows,
            )
        )
    return entries, notes


def _named(names: Sequence[str], role: str, plan: Plan) -> str | None:
    """Find the column of a role: by the run's name for it, or a well-known one."""
    roles = plan.panel.roles
    known = {"series": (roles.series, *SERIES), "time": (roles.time, *TIME), CUTOFF: (CUTOFF,)}
    lower = [one.lower() for one in known[role] if one is not None]
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[one] for one in lower if one in by_lower), None)


def _owners(table: Table, name: str | None, rows: int, plan: Plan, path: str) -> Array:
    """Give the number of the series that each row is about."""
    series = [one.unique_id for one in plan.dataset.series]
    if name is None:
        if len(series) > 1:
            raise DataError(
                f"--compare {path}: expected a column unique_id that names which of "
                f"{count(len(series), 'series', 'series')} a row is about, found none"
            )
        return np.zeros(rows, np.int64)
    told = table.text(name)
    places = pd.Index(series).get_indexer(pd.Index(told))
    if len(series) == 1 and (places < 0).all() and len(set(told)) == 1:
        return np.zeros(len(told), np.int64)  # the only one, whatever it is called there
    unknown = list(dict.fromkeys(str(one) for one in told[places < 0]))
    if unknown:
        raise DataError(
            f"--compare {path}: expected the series of the run ({few(series)}), found "
            f"{count(len(unknown), 'other')} in column {name!r}: {few(unknown)}"
        )
    return np.asarray(places)


def _rows(table: Table, name: str, owners: Array, plan: Plan, path: str) -> Array:
    """Give the row of its series at which each time of a column lies."""
    options = replace(plan.options.reading(), freq=None)
    index = parse_times(table.text(name), name, table.where, options).index
    dates = isinstance(plan.dataset.series[0].ds, pd.DatetimeIndex)
    if dates and not isinstance(index, pd.DatetimeIndex):
        index = years_as_times(index, plan.panel.freq)
    if dates != isinstance(index, pd.DatetimeIndex):
        raise DataError(
            f"--compare {path}: expected {'dates' if dates else 'integers'} in column {name!r}, as "
            f"the run has them, got {'integers' if dates else 'dates'}"
        )
    rows = np.full(len(index), -1)
    for owner in np.unique(owners):
        mine = owners == owner
        rows[mine] = plan.dataset.series[owner].ds.get_indexer(index[mine])
    strange = rows < 0
    if strange.any():
        first = int(np.argmax(strange))
        series = plan.dataset.series[owners[first]]
        raise DataError(
            f"--compare {path}: {count(int(strange.sum()), 'time')} of {len(rows):,} in column "
            f"{name!r} {'is' if strange.sum() == 1 else 'are'} none of the data's, first "
            f"{time_text(index[first])} in {table.where(first)}; series {series.unique_id!r} has "
            f"{time_text(series.ds[0])} … {time_text(series.ds[-1])}, {rhythm(plan.panel.freq)}"
        )
    return rows


def _refuse_twice(frame: pd.DataFrame, plan: Plan, path: str, cutoffs: bool) -> None:
    again = frame.duplicated(["owner", "row", "origin"]).to_numpy()
    if again.any():
        first = frame.iloc[int(np.argmax(again))]
        series = plan.dataset.series[int(first["owner"])]
        raise DataError(
            f"--compare {path}: expected each time once for each series and cutoff, found "
            f"{count(int(again.sum()), 'row')} again, first {series.unique_id!r} at "
            f"{time_text(series.ds[int(first['row'])])}"
            + ("" if cutoffs else "; forecasts from several origins need a column cutoff")
        )


def _windows(
    frame: pd.DataFrame, plan: Plan, board: Scoreboard, path: str, cutoffs: bool
) -> tuple[Array, Array, list[str]]:
    """Find the test windows that are forecast whole.

    Returns:
        (M,) which test windows are forecast, the window of each row of the file (-1: none), and
        notes.
    """
    horizon = plan.horizon
    sizes = frame.groupby(["owner", "origin"]).size()
    if not cutoffs and (sizes > horizon).any():
        raise DataError(
            f"--compare {path}: expected {count(horizon, 'row')} for each series, the horizon of "
            f"the run, found up to {int(sizes.max()):,}; with forecasts from several origins a "
            "column cutoff has to say which was the last value that each of them knew"
        )
    if (frame["step"] < 0).any():
        number = int((frame["step"] < 0).sum())
        raise DataError(
            f"--compare {path}: expected times after their cutoff, found {count(number, 'row')} at "
            "or before it"
        )
    index = pd.MultiIndex.from_arrays([board.owners, board.rows])
    places = index.get_indexer(pd.MultiIndex.from_frame(frame[["owner", "origin"]]))
    longer = (frame["step"] >= horizon).to_numpy()
    places[longer] = -1
    found = np.bincount(places[places >= 0], minlength=len(board.rows))
    part = (found > 0) & (found < horizon)
    if part.any():
        first = int(np.argmax(part))
        missing = int((horizon - found[part]).sum())
        raise DataError(
            f"--compare {path}: expected {count(horizon, 'row')} after each cutoff, the horizon of "
            f"the run; {count(missing, 'row')} of {count(int(part.sum()), 'test window')} "
            f"{'is' if missing == 1 else 'are'} missing, first after {_cutoff(plan, board, first)}"
        )
    windows = found == horizon
    if not windows.any():
        raise DataError(
            f"--compare {path}: expected forecasts of test windows, found none of "
            f"{count(len(windows), 'test window')}; the first known values of these end at "
            f"{_cutoff(plan, board, 0)}, the last at {_cutoff(plan, board, len(windows) - 1)}"
        )
    notes = []
    others = len(sizes) - int(windows.sum())
    if others:
        notes.append(
            f"{path}: {count(others, 'forecast is', 'forecasts are')} of no test window and left "
            "out."
        )
    if longer.any():
        notes.append(f"{path}: steps after the {horizon} of the run are left out.")
    return windows, places, notes


def _cutoff(plan: Plan, board: Scoreboard, window: int) -> str:
    series = plan.dataset.series[board.owners[window]]
    when = time_text(series.ds[board.rows[window] - 1])
    return f"{when} (series {series.unique_id!r})" if len(plan.dataset.series) > 1 else when
