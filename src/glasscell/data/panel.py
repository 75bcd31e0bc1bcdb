"""What reading data gives: regular series in a panel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.columns import Roles
from glasscell.data.frequency import Frequency
from glasscell.data.zones import in_zone, on_clock


@dataclass(frozen=True, eq=False)
class Series:
    """One series on a regular grid of times.

    Args:
        unique_id: Its name.
        ds: (n,) times, DatetimeIndex or Index of integers.
        values: (n, F) float64, the target first, NaN where missing after the gap policy.
        measured: (n,) False where the target was missing in the data.
        known: (m, A) float64, m ≥ n, what is known ahead, from ds[0] on and beyond the last of ds
            as far as the data say it: future covariates, then static columns; categories as places
            in `Panel.vocabulary`, NaN where missing. None: there are no such columns.
    """

    unique_id: str
    ds: Any
    values: Array
    measured: Array
    known: Array | None = None

    @property
    def target(self) -> Array:
        """The (n,) values to forecast."""
        return self.values[:, 0]

    def until(self, rows: int) -> Series:
        """Keep the first rows alone, of what is known ahead too."""
        cut = slice(rows)
        known = None if self.known is None else self.known[cut]
        return Series(self.unique_id, self.ds[cut], self.values[cut], self.measured[cut], known)

    def last(self, rows: int) -> Series:
        """Keep the last rows of the history, and all that is known after them."""
        cut = slice(max(len(self.ds) - rows, 0), None)
        known = None if self.known is None else self.known[cut]
        return Series(self.unique_id, self.ds[cut], self.values[cut], self.measured[cut], known)

    @property
    def holes(self) -> Array:
        """The (n,) rows in which something is missing, the target or what is read beside it."""
        beside = [] if self.known is None else [self.known[: len(self.values)]]
        missing: Array = np.isnan(np.concatenate([self.values, *beside], axis=1)).any(axis=1)
        return missing


@dataclass(frozen=True, eq=False)
class Panel:
    """All series of one file or frame.

    Args:
        series: One entry per series, sorted by name.
        freq: Their common frequency.
        roles: What each column was taken for.
        utc: True if the times are in UTC, because they came with offsets or their zone was named.
        notes: What was done to the data, one sentence each.
        source: Name of the file.
        rows: Rows below the header that were read.
        detected: Options about how the file is written that were found, by name: "decimal",
            "day_first"; a shorter file like this one may not tell them.
        vocabulary: Column of categories to its words; a cell is the place of its word.
        zone: The time zone of the data, such as Europe/Berlin; None: not known.
    """

    series: tuple[Series, ...]
    freq: Frequency
    roles: Roles
    utc: bool
    notes: tuple[str, ...]
    source: str
    rows: int = 0
    detected: dict[str, Any] = field(default_factory=dict)
    vocabulary: dict[str, tuple[str, ...]] = field(default_factory=dict)
    zone: str | None = None

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the value columns after the target."""
        return self.roles.covariates

    def clock(self, times: Any) -> Any:
        """Give times of the panel as clocks where the data are from show them."""
        return on_clock(times, self.zone) if self.utc else times

    def stamps(self, times: Any) -> Any:
        """Give times of the panel as the data write them: with their zone if it is known."""
        return in_zone(times, self.zone) if self.utc else times
