"""Turns the cells of a time column into time stamps or integers; the column as a whole decides."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glasscell.arrays import Array
from glasscell.data.calendar import (
    MONTHS,
    Times,
    financial_years,
    first_of_ranges,
    month_number,
    read_periods,
    years_before_months,
)
from glasscell.data.numerals import looks_like_number
from glasscell.data.read_options import ReadOptions
from glasscell.data.timenumbers import read_time_numbers, seconds_since_1970
from glasscell.data.written_dates import Reading, chosen_reading, plain_iso, readings, tidied
from glasscell.data.zones import offset_zone, one_clock
from glasscell.errors import DataError

_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d.*)?")


def parse_times(
    cells: Array, name: str, where: Callable[[int], str], options: ReadOptions | None = None
) -> Times:
    """Read a time column.

    Args:
        cells: (n,) text of each cell, None where empty; or a DatetimeIndex.
        name: Name of the column, for messages.
        where: Row index to its place, e.g. "line 5".
        options: How the times are written, and the frequency that was named.

    Returns:
        The times; with offsets from UTC in UTC, or in local time if only there each row has the
        same clock.

    Raises:
        DataError: A cell is empty or no date, or day and month cannot be told apart.

    >>> parse_times(np.array(["1", "2"], object), "t", str).index
    Index([1, 2], dtype='int64')
    >>> cells = np.array(["1/1/2023", "4/1/2023", "7/1/2023", "10/1/2023", "1/1/2024"], object)
    >>> parse_times(cells, "t", str).index[1]
    Timestamp('2023-04-01 00:00:00')
    """
    options = options or ReadOptions()
    if isinstance(cells, pd.DatetimeIndex):
        times = _as_they_are(cells, name)
    else:
        times = _read(cells, name, where, options)
    return times if options.time_zone is None else replace(times, zone=options.time_zone)


def _read(cells: Array, name: str, where: Callable[[int], str], options: ReadOptions) -> Times:
    for i, cell in enumerate(cells):
        if cell is None or cell == "":
            raise DataError(f"time column {name!r}, {where(i)}: expected a time stamp, got nothing")
    text = first_of_ranges(pd.Series(cells, dtype=object))
    if options.date_format is not None:
        return _by_hand(text, name, where, options.date_format)
    undisputed = _undisputed(text, name)
    if undisputed is not None:
        return undisputed
    text = tidied(text)
    possible = readings(text)
    whole = [reading for reading in possible if not reading.wall.isna().any()]
    if not whole:
        raise DataError(f"time column {name!r}, {_refusal(text, cells, where, possible)}")
    chosen = chosen_reading(whole, text, name, options)
    notes = []
    dated = {reading.order for reading in possible} - {"name", "year"}
    if len(whole) > 1 and dated:
        notes.append(
            f"Dates such as {text.iloc[0]} were read {chosen.order} first "
            f"({chosen.wall.iloc[0].date()}); --day-first and --date-format read them otherwise."
        )
    first = None if not dated or chosen.order == "year" else chosen.order == "day"
    return _placed(chosen, name, first, notes)


def recognised(cells: Sequence[str], name: str = "") -> bool:
    """Tell whether some cells can be times and are more than plain numbers.

    >>> recognised(["1990M01", "1990M02"]), recognised(["1", "2"]), recognised(["north"])
    (True, False, False)
    """
    if not len(cells) or not all(re.search(r"\d", cell) for cell in cells):
        return False
    text = first_of_ranges(pd.Series(list(cells), dtype=object))
    try:
        numbers = read_time_numbers(text, name)
        if numbers is not None:
            return bool(numbers.notes)
        if _undisputed(text, name) is not None:
            return True
        return any(not reading.wall.isna().any() for reading in readings(tidied(text)))
    except DataError:
        return False


def dated(cells: Sequence[str], name: str = "") -> bool:
    """Tell whether some cells can be times that are not written as numbers.

    >>> dated(["2020-01-31"]), dated(["20200131"]), dated(["31"])
    (True, False, False)
    """
    return not all(map(looks_like_number, cells)) and recognised(cells, name)


def _undisputed(text: Any, name: str) -> Times | None:
    """Read what can be read in one way only."""
    numbers = read_time_numbers(text, name)
    if numbers is not None:
        return replace(numbers, index=_nanoseconds(numbers.index, name))
    if _ISO.fullmatch(text.iloc[0]):
        stamps = plain_iso(text)
        if stamps is not None:
            return _placed(stamps, name, None, [])
    years = financial_years(text)
    if years is not None:
        return Times(years, notes=(f"Years such as {text.iloc[0]} were read as {years[0]}.",))
    periods = read_periods(text)
    if periods is None:
        periods = years_before_months(text)
    if periods is not None and not periods.isna().any():
        return Times(_nanoseconds(periods, name), notes=_period_notes(text.iloc[0], periods))
    named = re.compile("|".join(month[:3] for month in MONTHS), re.IGNORECASE)
    if not named.search(text.iloc[0]):
        return None
    if readings(tidied(text)) or not text.str.contains(r"\d{1,2}\D.*\d{4}", regex=True).all():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        times = pd.to_datetime(text, errors="coerce", format="mixed", utc=False)
    return None if times.isna().any() or times.dt.tz is not None else Times(
        _nanoseconds(times, name)
    )  # fmt: skip


def _period_notes(cell: str, periods: Any) -> tuple[str, ...]:
    """Say what a code was read as where it holds no year of four digits."""
    if re.search(r"[12]\d{3}", cell):
        return ()
    return (f"Times such as {cell} were read as {periods.iloc[0].strftime('%B %Y')}.",)


def _by_hand(text: Any, name: str, where: Callable[[int], str], form: str) -> Times:
    utc = form.startswith("unix")
    if form in ("excel", "unix", "unix-ms"):
        numbers = pd.to_numeric(text.str.replace(",", ".", regex=False), errors="coerce")
        # Nanoseconds since 1970 in 64 bits reach 9.22e9 seconds to either side.
        bad = ~(seconds_since_1970(numbers, form).abs() < 9.2e9).to_numpy()
        micros = np.rint(1e6 * seconds_since_1970(numbers.where(~bad), form).fillna(0))
        times = pd.Series(micros.astype(np.int64).to_numpy().astype("datetime64[us]"))
    else:
        try:
            times = pd.Series(pd.to_datetime(text, format=form, errors="coerce", utc="%z" in form))
        except ValueError as error:
            raise DataError(
                f"--date-format {form!r}: expected a format as for strptime, such as %d.%m.%Y, or "
                f"excel, unix or unix-ms; {error}"
            ) from error
        if "%z" in form:
            utc, times = True, times.dt.tz_localize(None)
        bad = times.isna().to_numpy()
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"time column {name!r}, {where(row)}: expected a time written as --date-format {form}, "
            f"got {str(text.iloc[row])!r}"
        )
    return Times(_nanoseconds(times, name), utc)


def _nanoseconds(times: Any, name: str) -> Any:
    if isinstance(times, pd.Index) and pd.api.types.is_integer_dtype(times.dtype):
        return times
    try:
        return pd.DatetimeIndex(times).as_unit("ns")
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(
            f"time column {name!r}: expected dates from 1678 to 2261, got {pd.Index(times).min()} "
            f"to {pd.Index(times).max()}; number the years instead"
        ) from error


def _placed(chosen: Reading, name: str, first: bool | None, notes: list[str]) -> Times:
    """Choose between UTC and the clock on the wall where the cells have offsets."""
    wall = _nanoseconds(chosen.wall, name)
    if chosen.utc is None:
        return Times(wall, False, first, tuple(notes))
    utc = _nanoseconds(chosen.utc, name)
    if len(chosen.offsets) > 1 and one_clock(wall) and not one_clock(utc):
        note = f"Offsets from UTC ({', '.join(chosen.offsets)}) were left out: times are local."
        return Times(wall, False, first, (*notes, note))
    notes.append("Time stamps with offsets were converted to UTC.")
    zone = offset_zone(chosen.offsets[0]) if len(chosen.offsets) == 1 else None
    return Times(utc, True, first, tuple(notes), zone)


def _as_they_are(stamps: Any, name: str) -> Times:
    """Take times that are none of text."""
    if stamps.tz is None:
        return Times(_nanoseconds(stamps, name))
    wall = stamps.tz_localize(None)
    utc = stamps.tz_convert("UTC").tz_localize(None)
    offsets = [_offset(one) for one in np.unique((wall - utc).to_numpy())]
    reading = Reading("year", pd.Series(wall), pd.Series(utc), tuple(offsets))
    return _placed(reading, name, None, [])


def _offset(ahead: Any) -> str:
    """Write how far local time lies ahead of UTC.

    >>> _offset(np.timedelta64(-90, "m"))
    '-01:30'
    """
    minutes = int(ahead / np.timedelta64(1, "m"))
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _refusal(
    text: Any, cells: Array, where: Callable[[int], str], possible: Sequence[Reading]
) -> str:
    if text.str.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?( ?[ap]m)?").all():
        return (
            f"{where(0)}: expected a date, got {str(cells[0])!r}, a clock without a date; name the "
            "columns of both with --time DATE,CLOCK"
        )
    if text.str.fullmatch(r"[-+]?\d+[.,]\d*").any():
        row = int(np.argmax(text.str.fullmatch(r"[-+]?\d+[.,]\d*")))
        return (
            f"{where(row)}: expected dates or whole numbers, got {str(cells[row])!r}; number the "
            "steps 0, 1, 2 …, write dates as 2024-01-31, or for Excel's days give --date-format "
            "excel"
        )
    # pandas before 3 has no such dates at all; later ones are refused by `_nanoseconds`.
    outside = text.str.fullmatch(r"(0\d{3}|1[0-5]\d\d|16[0-6]\d|2[3-9]\d\d)-\d\d-\d\d.*", na=False)
    if outside.all():
        return f"expected dates from 1678 to 2261, got {cells[0]}"
    if possible:
        best = min(possible, key=lambda reading: int(reading.wall.isna().sum()))
        row = int(np.argmax(best.wall.isna()))
        bare = "an offset from UTC in every cell or in none, and " if best.offsets else ""
        like = f" as in the first row ({cells[0]})" if row else ""
        advice = "write dates as 2024-01-31, or say how they are written with --date-format"
        if re.search(r"\d [A-Z]{3,5}$", str(cells[row])):
            advice = "write the offset from UTC, as in +01:00, for the name of a time zone"
        return f"{where(row)}: expected {bare}a date{like}, got {str(cells[row])!r}; {advice}"
    words = text.str.extract(r"^(?:\d{1,2}[\s-])?([A-Za-z]{3,9})(?:[\s-]\d{1,2})?$", expand=False)
    if words.notna().all() and words.map(month_number).all():
        return f"{where(0)}: expected dates with a year, got {str(cells[0])!r}; add the year"
    # Most rows are of one form; the first that is not of it is to be corrected.
    periods = read_periods(text)
    no_period = np.ones(len(text), bool) if periods is None else periods.isna().to_numpy()
    not_iso = ~text.str.match(_ISO.pattern).to_numpy()
    row = int(np.argmax(no_period if not_iso.all() else not_iso))
    return (
        f"{where(row)}: expected a date such as 2024-01-31 or 2024-01-31 13:05, got "
        f"{str(cells[row])!r}; say how times are written with --date-format, e.g. %d.%m.%Y"
    )
