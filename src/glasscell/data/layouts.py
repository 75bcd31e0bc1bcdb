"""Finds times that are spread: over a date and a clock, over year and month, over column names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from glasscell.arrays import Array
from glasscell.data.columns import TIME_NAMES
from glasscell.data.crossed import Crossed, find_crossed
from glasscell.data.panel import ReadOptions
from glasscell.data.rawtable import Table
from glasscell.data.sources import Source, column
from glasscell.data.timeparts import kind_of_part, together
from glasscell.data.wording import count, was
from glasscell.errors import DataError

__all__ = ["Crossed", "Joined", "find_layout"]

_AVERAGES = ("M13", "Q05", "S03")
"""Codes by which the BLS marks the mean of a year beside its parts."""


@dataclass(frozen=True)
class Joined:
    """Times of which each row holds the parts in several columns.

    Args:
        parts: Kind of part ("date", "clock", "year" …) to the column that holds it.
    """

    parts: dict[str, str]

    @property
    def name(self) -> str:
        """The columns, as --time takes them."""
        return ",".join(self.parts.values())

    def times(self, table: Table) -> tuple[Table, Array, list[str]]:
        """Put the times together.

        Returns:
            The table without rows that hold the mean of a year, the times as text, and sentences on
            what was done.
        """
        texts = {kind: table.text(name) for kind, name in self.parts.items()}
        notes = [f"Times were put together from the columns {', '.join(self.parts.values())}."]
        if "period" in texts:
            kept = np.flatnonzero(~np.isin(texts["period"].astype(str), _AVERAGES))
            if len(kept) < len(texts["period"]):
                left = len(texts["period"]) - len(kept)
                notes.append(
                    f"{count(left, 'row')} of yearly means (M13, Q05 or S03) {was(left)} left out."
                )
                table, texts = table.only(kept), {k: cells[kept] for k, cells in texts.items()}
        rows = zip(*texts.values(), strict=True)
        cells = [together(dict(zip(texts, row, strict=True))) for row in rows]
        return table, np.array(cells, object), notes


def find_layout(source: Source, options: ReadOptions) -> Joined | Crossed | None:
    """Find out whether the time is spread over columns or column names.

    Args:
        source: The opened table.
        options: What the user named; a column that has a role is no part of a time.

    Raises:
        DataError: --time names several columns that make no time together.
    """
    if options.time is not None and options.time not in source.names and "," in options.time:
        return _named(source, [name.strip() for name in options.time.split(",")])
    taken = {options.target, options.series, *(options.targets or ()), *(options.covariates or ())}
    free = [name for name in source.names if name not in taken]
    crossed = None if options.target or options.covariates else find_crossed(source, free, options)
    return crossed or _joined(source, free, options.time)


def _named(source: Source, names: Sequence[str]) -> Joined:
    for name in names:
        if name not in source.names:
            raise DataError(
                f"--time {','.join(names)}: there is no column {name!r}; the columns found are "
                f"{', '.join(source.names)}"
            )
    parts = {kind: name for name in names if (kind := kind_of_part(name, column(source, name)))}
    whole = "date" in parts or {"year", "month", "day"} <= parts.keys()
    known = "year" in parts or whole
    if len(parts) < len(names) or not known or ("clock" in parts and not whole):
        raise DataError(
            f"--time {','.join(names)}: expected a date and a clock, or a year and a month, "
            f"quarter, week or day, got {', '.join(parts) or 'none of these'}"
        )
    return Joined(parts)


def _joined(source: Source, free: Sequence[str], time: str | None) -> Joined | None:
    if time is not None:
        ahead = [time] if time in source.names else []
    else:
        known = [name for name in free if name.lower() in TIME_NAMES]
        ahead = [*known, *(name for name in free if name not in known)]
    date = next(
        (name for name in ahead if kind_of_part(name, column(source, name)) == "date"), None
    )
    if date is not None:
        cells = column(source, date)
        if any(":" in cell for cell in cells):
            return None
        parts = _clock_of(source, [name for name in free if name != date])
        clock = [column(source, name) for name in parts.values()]
        again = any(a == b for a, b in pairwise(cells))
        still = all(len(set(cells)) == 1 for cells in clock)
        return Joined({"date": date, **parts}) if parts and (again or still) else None
    parts = _parts(source, free)
    if "year" not in parts or (time is not None and time not in parts.values()):
        return None
    if "period" in parts:
        return Joined({"year": parts["year"], "period": parts["period"]})
    if "dayofyear" in parts and "month" not in parts:
        return Joined({k: parts[k] for k in ("year", "dayofyear", "hour", "minute") if k in parts})
    order = ("year", "month", "day", "hour", "minute", "second")
    length = next((n for n, kind in enumerate(order) if kind not in parts), len(order))
    if length > 1:
        behind = _clock_of(source, free) if length == 3 else {}
        return Joined({**{kind: parts[kind] for kind in order[:length]}, **behind})
    other = next((kind for kind in ("quarter", "week") if kind in parts), None)
    return Joined({"year": parts["year"], other: parts[other]}) if other else None


def _parts(source: Source, free: Sequence[str]) -> dict[str, str]:
    """Find the first column of each kind of part."""
    parts: dict[str, str] = {}
    for name in free:
        # MM is the month, and the minute behind the hour is mm.
        minute = name == "mm" and "hour" in parts
        kind = "minute" if minute else kind_of_part(name, column(source, name))
        if kind and kind not in parts and kind not in ("date", "clock"):
            parts[kind] = name
    return parts


def _clock_of(source: Source, free: Sequence[str]) -> dict[str, str]:
    """Find the column with clocks, or those with the hour and the minute."""
    kinds = {name: kind_of_part(name, column(source, name)) for name in free}
    for name, kind in kinds.items():
        if kind == "clock":
            return {"clock": name}
    found = {kind: name for name, kind in reversed(kinds.items()) if kind in ("hour", "minute")}
    return {kind: found[kind] for kind in ("hour", "minute") if kind in found and "hour" in found}
