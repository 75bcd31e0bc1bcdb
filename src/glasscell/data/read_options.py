"""How to read data: which columns, which times, which marks, and what to do with gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import pandas as pd

from glasscell.data.frequency import Frequency
from glasscell.data.zones import ClockChange
from glasscell.errors import DataError

Policy = Literal["raise", "interpolate", "drop"]


@dataclass(frozen=True)
class GapRule:
    """What happens where values are missing.

    Args:
        policy: "raise" refuses them; "interpolate" fills them linearly in time; "drop" fills
            nothing: windows that touch a gap are left out.
        max_gap: The longest time between two measured values that is still interpolated, e.g.
            "30min", or a whole number for integer times; None: any.
    """

    policy: Policy = "raise"
    max_gap: str | int | None = None

    def __post_init__(self) -> None:
        if self.max_gap is not None and self.policy != "interpolate":
            raise DataError("--max-gap limits --gaps interpolate; give both")

    def limit(self, integer: bool) -> Any:
        """Give `max_gap` as a number comparable with time differences, or None.

        Raises:
            DataError: It is no duration.
        """
        if self.max_gap is None:
            return None
        try:
            return int(self.max_gap) if integer else pd.Timedelta(self.max_gap).as_unit("ns").value
        except ValueError as error:
            raise DataError(
                f"--max-gap {self.max_gap!r}: expected "
                f"{'a whole number of time units' if integer else 'a duration such as 30min or 2D'}"
            ) from error


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read the data; every field has a flag of the same name.

    Args:
        time: Name of the time column; None: ds, timestamp, date ..., else the first with dates.
        target: Name of the column to forecast; None: y or target, else every other column.
        series: Name of the column that names the series; None: unique_id or item_id if there.
        covariates: Names of the columns read beside the target; None: with `target` given and no
            series column, every other column of numbers.
        future_covariates: Names of the columns that are known ahead, after the last target too.
        static: Names of the columns that say one thing about each series.
        categories: Names of covariates, future_covariates or static columns that are categories
            though written in numbers; what is written in words is one anyway.
        vocabulary: Column of categories to its words, as a finished run knows them; None: found.
        freq: Frequency; None: found. Where it is given, it also decides between days and months.
        freq_origin: Where `freq` comes from: "--freq", or "the run", whose data had it.
        gaps: What happens where values are missing.
        resample: Average the rows into bins of `freq` first.
        decimal: Decimal mark of the file; None: found.
        needed: Least time steps of the longest series, to say so at once.
        targets: Names of all columns to forecast, as a finished run knows them; None: `target`;
            empty: nothing is to be forecast, rows say what is known ahead.
        labels: Names of the columns that together name the series of a table with times as column
            names, as a finished run knows them; None: `series`, or found.
        open_end: Leave out the last rows of a series that have no target: a forecast starts there.
        date_format: How times are written, as for strptime, or excel, unix or unix-ms; None: found.
        day_first: Whether 1/2/2024 is the first of February; None: found from the whole column.
        missing: Further marks of a missing number.
        time_zone: The zone of times without an offset, and the one to tell times in; None: times
            without an offset stay as they are.
        clock_change: What happens to hours that the clocks of the zone repeat or skip.
        sheet: The sheet of a workbook, by name or number from 1; None: the one with a table.
    """

    time: str | None = None
    target: str | None = None
    series: str | None = None
    covariates: Sequence[str] | None = None
    future_covariates: Sequence[str] | None = None
    static: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    vocabulary: Mapping[str, Sequence[str]] | None = None
    freq: Frequency | None = None
    freq_origin: str = "--freq"
    gaps: GapRule = field(default_factory=GapRule)
    resample: bool = False
    decimal: str | None = None
    needed: int = 2
    targets: Sequence[str] | None = None
    labels: Sequence[str] | None = None
    open_end: bool = False
    date_format: str | None = None
    day_first: bool | None = None
    missing: Sequence[str] = ()
    time_zone: str | None = None
    clock_change: ClockChange = "order"
    sheet: str | None = None

    def manner(self) -> dict[str, Any]:
        """Give how a file is written, apart from its columns, times and gaps: what a run keeps."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in OF_ONE_FILE}


OF_ONE_FILE = (
    *("time", "target", "targets", "series", "covariates", "labels"),
    *("future_covariates", "static", "categories", "vocabulary"),
    *("freq", "freq_origin", "gaps", "needed", "open_end", "sheet"),
)
