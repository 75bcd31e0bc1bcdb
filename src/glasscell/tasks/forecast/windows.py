"""Splits series in time, scales them on the training part, and cuts windows: in that order.

The first 70 % of the rows of each series train, the next 10 % validate, the last 20 % test, unless
a backtest names its origins. Scaling uses the training rows alone. A window belongs to the part
that holds all its targets; its lookback may reach back into the part before, as it would in use,
where the past is known. No window touches a gap, and its last input is a measured value, so that no
interpolated input knows the future.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from glasscell.arrays import Array
from glasscell.data.read import Panel, Series
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.tasks.forecast.layout import Ahead, Layout
from glasscell.tasks.scaling import Scaler

TRAIN, VALIDATION, TEST = "train", "validation", "test"
TENTHS = (7, 8)
"""Where training and validation end, in tenths of the rows."""

Boundaries = tuple[int, int]
"""The first row of validation and of test."""

Split = Callable[[int], Boundaries]
"""Gives the boundaries of a series of so many rows."""


def boundaries(rows: int) -> Boundaries:
    """Give the first row of validation and of test where nothing else is asked for.

    >>> boundaries(100)
    (70, 80)
    """
    return rows * TENTHS[0] // 10, rows * TENTHS[1] // 10


@dataclass(frozen=True)
class Backtest:
    """The split of a backtest: what lies before its first origin, in the same shares.

    Args:
        windows: Origins.
        step: Rows between two.
        horizon: Rows that each forecasts.

    >>> Backtest(windows=3, step=4, horizon=12)(100)
    (70, 80)
    """

    windows: int
    step: int
    horizon: int

    def __call__(self, rows: int) -> Boundaries:
        """Give the boundaries of a series of so many rows."""
        first = max(rows - self.horizon - (self.windows - 1) * self.step, 0)
        return first * TENTHS[0] // TENTHS[1], first


def shortest(lookback: int, horizon: int) -> int:
    """Count the rows from which on every part has at least one window.

    >>> shortest(24, 12)
    117
    """
    train = -(-10 * (lookback + horizon) // TENTHS[0])
    # Of 10q + r rows, q validate, one more for some r; r = 6 is the last that has no more, so
    # 10 (horizon - 1) + 6 is the longest history whose validation part is too short.
    return max(train, 10 * (horizon - 1) + 7)


def fewest(lookback: int, horizon: int, split: Split) -> int:
    """Count the rows that a split needs, of which the test part may be empty.

    >>> fewest(24, 12, boundaries), fewest(24, 12, lambda rows: (rows - 12, rows))
    (117, 48)
    """
    if split is boundaries:
        return shortest(lookback, horizon)
    least = lookback + 2 * horizon
    enough = (rows for rows in range(least, 10 * least) if fits(rows, lookback, horizon, split))
    return next(enough, 10 * least)


def fits(rows: int, lookback: int, horizon: int, split: Split) -> bool:
    """Tell whether every part of a series of so many rows has room for a window, or is no test."""
    first, second = split(rows)
    tested = second == rows or rows - second >= horizon
    return first >= lookback + horizon and second - first >= horizon and tested


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one part, of all series, as places in one shared array.

    Args:
        values: (N, C) float32, all series one after another, scaled, in the network's channels.
        origins: (M,) row in `values` of each window's first target.
        lookback: Rows before the origin that are read.
        horizon: Rows from the origin on that are forecast.
        ahead: Which channels are known ahead; None: none.
    """

    values: Array
    origins: Array
    lookback: int
    horizon: int
    ahead: Ahead | None = None

    def __len__(self) -> int:
        return len(self.origins)

    @property
    def known(self) -> int:
        """K, channels that are known ahead."""
        return 0 if self.ahead is None else self.ahead.known

    def inputs(self, which: slice | Array = slice(None)) -> Array:
        """Copy out what the network reads of some windows.

        Returns:
            (m, lookback, C); with channels that are known ahead (m, lookback + horizon, C), where
            rows ahead have 0 in the past's channels and 1 in the last.
        """
        if not self.known:
            return self._cut(which, -self.lookback, 0, self.values)
        rows = self._cut(which, -self.lookback, self.horizon, self.values)
        rows[:, self.lookback :, : -1 - self.known] = 0.0
        rows[:, self.lookback :, -1] = 1.0
        return rows

    def targets(self, which: slice | Array = slice(None)) -> Array:
        """Copy out the (m, horizon) scaled targets of some windows."""
        return self._cut(which, 0, self.horizon, self.values[:, 0])

    def told_by(
        self, run: Callable[[Array], Array], steps: int, which: slice | Array = slice(None)
    ) -> Array:
        """Forecast some windows with a network that tells all steps, or one after the other.

        Args:
            run: Gives (m, steps) scaled forecasts of inputs.
            steps: The horizon; or 1: each forecast is then read as history of the next.
            which: Which windows.

        Returns:
            (m, horizon) scaled forecasts.
        """
        if steps == self.horizon:
            return run(self.inputs(which))
        rows = self.inputs(which)
        more = 0 if self.known else self.horizon
        rows = np.concatenate([rows, np.zeros_like(rows[:, :1]).repeat(more, axis=1)], axis=1)
        # What is no past covariate and neither known ahead nor the flag is the target.
        target = slice(rows.shape[2] - (1 + self.known if self.known else 0))
        for step in range(self.horizon):
            here = self.lookback + step
            window = rows[:, step : here + bool(self.known)]
            rows[:, here, target] = run(np.ascontiguousarray(window))
            if self.known:
                rows[:, here, -1] = 0.0
        return rows[:, self.lookback :, 0]

    def _cut(self, which: slice | Array, first: int, last: int, values: Array) -> Array:
        cut: Array = values[self.origins[which][:, None] + np.arange(first, last)]
        return cut

    def thinned(self, most: int) -> Windows:
        """Keep at most so many windows, evenly spaced in time."""
        if len(self) <= most:
            return self
        kept = np.linspace(0, len(self) - 1, most).round().astype(np.int64)
        return replace(self, origins=self.origins[kept])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Everything that is cut from a panel for one lookback and horizon.

    Args:
        series: The series that are long enough, in order.
        offsets: (S + 1,) first row of each series in the shared arrays.
        scalers: One per series.
        parts: "train", "validation" and "test" to their windows.
        layout: Which column is which channels.
        left_out: Names of series that are too short for a window in every part.
        boundaries: The first row of validation and of test of each series.
    """

    series: tuple[Series, ...]
    offsets: Array
    scalers: tuple[Scaler, ...]
    parts: dict[str, Windows]
    layout: Layout
    left_out: tuple[str, ...]
    boundaries: tuple[Boundaries, ...]

    @property
    def level(self) -> bool:
        """Whether channel 1 repeats the target's level."""
        return self.layout.level

    def owner(self, origins: Array) -> Array:
        """Give the index of the series that each origin lies in."""
        return np.asarray(np.searchsorted(self.offsets, origins, side="right") - 1)

    def origin_numbers(self, origins: Array, horizon: int, step: int) -> Array:
        """Give by how many steps of a backtest each origin lies before the last of its series."""
        return np.asarray(self.rows_behind(origins, horizon) // step)

    def rows_behind(self, origins: Array, horizon: int) -> Array:
        """Count the rows of each origin's series behind its forecast."""
        return np.asarray(self.offsets[self.owner(origins) + 1] - horizon - origins)

    @property
    def training(self) -> list[Array]:
        """The (n,) targets of each series' training part."""
        pairs = zip(self.series, self.boundaries, strict=True)
        return [one.target[:first] for one, (first, _) in pairs]


def build(
    panel: Panel,
    lookback: int,
    horizon: int,
    level: bool | None = None,
    split: Split = boundaries,
    calendar: Sequence[str] = (),
) -> Dataset:
    """Split, scale and cut a panel.

    Args:
        panel: The series.
        lookback: Rows that a window reads.
        horizon: Rows that it forecasts.
        level: Show the network the target's level too; None: if validation stays in the range of
            training, as it does for a quantity that comes back to its mean.
        split: Gives the first row of validation and of test.
        calendar: What the time stamps are to say.

    Raises:
        DataError: No series is long enough; the message gives the least length.
    """
    enough = {s.unique_id: fits(len(s.ds), lookback, horizon, split) for s in panel.series}
    long = tuple(s for s in panel.series if enough[s.unique_id])
    short = tuple(s.unique_id for s in panel.series if not enough[s.unique_id])
    if not long:
        longest = max(panel.series, key=lambda s: len(s.ds))
        if isinstance(split, Backtest):
            left = split(len(longest.ds))[1]
            least = _least_history(lookback, horizon)
            raise DataError(
                f"the first origin of the backtest leaves {count(left, 'time step')} of the "
                f"longest series, {longest.unique_id!r}, to train and validate on (7 to 1); "
                f"lookback {lookback:,} and horizon {horizon:,} need at least "
                f"{count(least, 'time step')}; give more data, fewer --windows, or a smaller "
                "--step, --lookback or --horizon"
            )
        need = fewest(lookback, horizon, split)
        raise DataError(
            f"expected at least {count(need, 'time step')} for lookback {lookback:,} and horizon "
            f"{horizon:,} ({_said(split)}, at least one window each); the "
            f"longest series, {longest.unique_id!r}, has {len(longest.ds):,}; give more data, or a "
            "smaller --lookback or --horizon"
        )
    ends = tuple(split(len(s.ds)) for s in long)
    pairs = list(zip(long, ends, strict=True))
    training = [slice(first) for first, _ in ends]
    level = _comes_back([s.target for s in long], ends) if level is None else level
    layout = Layout.of(replace(panel, series=long), training, level, calendar)
    scalers = tuple(map(layout.scaler, long, training))
    rows = [layout.rows(s, scaler, panel) for s, scaler in zip(long, scalers, strict=True)]
    values = np.concatenate(rows)
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in rows])])
    ahead = layout.of_network()
    parts = {}
    for part in (TRAIN, VALIDATION, TEST):
        origins_of = [_origins(s, end, part, lookback, horizon) for s, end in pairs]
        origins = np.concatenate([o + at for o, at in zip(origins_of, offsets[:-1], strict=True)])
        parts[part] = Windows(values, origins, lookback, horizon, ahead)
        if not len(origins) and not (part == TEST and all(e[1] == len(s.ds) for s, e in pairs)):
            raise DataError(
                f"no window of {lookback} + {horizon} rows without a gap lies in the {part} part; "
                "fill gaps with --gaps interpolate (and a longer --max-gap), or take a smaller "
                "--lookback or --horizon"
            )
    return Dataset(long, offsets, scalers, parts, layout, short, ends)


def _least_history(lookback: int, horizon: int) -> int:
    """Count the rows before a first origin from which on training and validation have a window."""
    train = -(-TENTHS[1] * (lookback + horizon) // TENTHS[0])
    return max(train, TENTHS[1] * (horizon - 1) + 1)


def _said(split: Split) -> str:
    first, second = split(100)
    parts = {"train": first, "validate": second - first, "test": 100 - second}
    return ", ".join(f"{part} % {what}" for what, part in parts.items() if part)


def _origins(series: Series, ends: Boundaries, part: str, lookback: int, horizon: int) -> Array:
    """Find the first targets of a series' windows in one part."""
    rows = len(series.ds)
    first, second = ends
    low, high = {
        TRAIN: (lookback, first),
        VALIDATION: (max(first, lookback), second),
        TEST: (max(second, lookback), rows),
    }[part]
    return whole_windows(series, lookback, horizon, low, high)


def whole_windows(
    series: Series, lookback: int, horizon: int, low: int = 0, high: int | None = None
) -> Array:
    """Find the first targets of the windows of a series that have no gap.

    Args:
        series: The series.
        lookback: Rows before the first target.
        horizon: Rows from it on.
        low: First row that may be a target.
        high: Row after the last that may be one; None: all may.
    """
    high = len(series.ds) if high is None else high
    origins = np.arange(max(low, lookback), high - horizon + 1)
    missing = np.concatenate([[0], np.cumsum(series.holes)])
    whole = missing[origins + horizon] == missing[origins - lookback]
    return np.asarray(origins[whole & series.measured[origins - 1]])


def _comes_back(targets: Sequence[Array], ends: Sequence[Boundaries]) -> bool:
    """Tell whether most validation values lie in the middle 90 % of training."""
    inside = total = 0
    for values, (first, second) in zip(targets, ends, strict=True):
        train, later = values[:first], values[first:second]
        train, later = train[~np.isnan(train)], later[~np.isnan(later)]
        if len(train) and len(later):
            low, high = np.quantile(train, [0.05, 0.95])
            inside += int(((low <= later) & (later <= high)).sum())
            total += len(later)
    return total > 0 and inside >= total / 2
