"""The windows of a run that `glasscell inspect` looks at: kept in the run, or cut from new data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from glasscell.arrays import Array
from glasscell.data.frequency import Frequency, future
from glasscell.data.read import Panel, Series
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.report.draw.axes import step_labels
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.preprocessing import scaler_of
from glasscell.tasks.forecast.windows import Windows

MOST = 64
"""Windows that gradients and correlations are measured on; a page shows the first of them."""
LIVELY = 3
LATER = ("center", "scale")
"""What files of older versions do not hold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Specimens:
    """Windows as the network reads them, the most telling ones first.

    Args:
        x: (M, lookback, C) float32, scaled; lookback + horizon rows where columns are known ahead.
        y: (M, horizon) float32, scaled targets, NaN where the future is not known.
        names: (M,) series and time of the last row of each that is past.
        labels: (M, rows) times of the rows.
        channels: (C,) names of the network's inputs.
        center: (M,) what 0 of `y` stands for, in the data's unit; None in runs of older versions.
        scale: (M,) what 1 of `y` is more than that.
    """

    x: Array
    y: Array
    names: Array
    labels: Array
    channels: Array
    center: Array | None = None
    scale: Array | None = None

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        arrays = {name: array for name, array in vars(self).items() if array is not None}
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Specimens:
        """Read what `save` wrote.

        Raises:
            DataError: The file is damaged.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                later = [name for name in LATER if name not in file]
                wanted = [field.name for field in fields(cls) if field.name not in later]
                return cls(**{name: file[name] for name in wanted})
        except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
            raise DataError(
                f"{path} is damaged: {error}; fit again, or give DATA to look at"
            ) from error

    def loss(self, output: Array) -> tuple[float, Array]:
        """Mean absolute error of the forecasts whose targets are known, and its gradient."""
        known = ~np.isnan(self.y)
        error = np.where(known, output - np.where(known, self.y, 0.0), 0.0)
        count = max(int(known.sum()), 1)
        return float(abs(error).sum() / count), np.sign(error) / count

    def scale_of(self, row: int) -> tuple[float, float]:
        """Give what 0 of a window's targets stands for, and what 1 is more than that."""
        if self.center is None or self.scale is None:
            return 0.0, 1.0
        return float(self.center[row]), float(self.scale[row])

    @property
    def scored(self) -> bool:
        """Whether any target is known."""
        return not bool(np.isnan(self.y).all())


def telling(plan: Plan, front: Sequence[int] = ()) -> Array:
    """Choose windows of the test part: those in front, the liveliest, then evenly spaced ones."""
    kept = _spread(len(plan.test))
    chosen = _telling(kept, plan.test.inputs(kept)[:, : plan.lookback, 0])
    return np.array([*front, *(index for index in chosen if index not in front)], np.int64)


def of_plan(plan: Plan, chosen: Array | None = None) -> Specimens:
    """Take windows of the test part; default those of `telling`."""
    test, dataset = plan.once(plan.test), plan.dataset
    chosen = telling(plan) if chosen is None else chosen
    owners = dataset.owner(test.origins[chosen])
    rows = test.origins[chosen] - dataset.offsets[owners]
    lookback, steps = plan.lookback, plan.lookback + (test.horizon if test.known else 0)
    times = [
        step_labels(dataset.series[owner].ds[row - lookback : row - lookback + steps], steps)
        for owner, row in zip(owners, rows, strict=True)
    ]
    return Specimens(
        x=test.inputs(chosen),
        y=test.targets(chosen),
        names=_names([dataset.series[owner].unique_id for owner in owners], times, lookback),
        labels=_labels(times, lookback),
        channels=np.array(plan.channels, np.str_),
        center=np.array([dataset.scalers[owner].mean[0] for owner in owners]),
        scale=np.array([dataset.scalers[owner].scale[0] for owner in owners]),
    )


def of_panel(panel: Panel, settings: dict[str, Any]) -> Specimens:
    """Cut windows out of new data for a finished run, the last one of each series among them.

    Args:
        panel: The series.
        settings: preprocessing.json of the run.

    Raises:
        DataError: No series has a window without a gap.
    """
    lookback, layout = settings["lookback"], Layout.read(settings)
    horizon = settings.get("at_once", settings["horizon"])
    places: list[tuple[int, int]] = []
    scaled, scalers = [], []
    for number, series in enumerate(panel.series):
        scalers.append(scaler_of(series, settings))
        rows = layout.rows(series, scalers[-1], panel, horizon if layout.known else 0)
        scaled.append(rows)
        holes = np.concatenate([[0], np.cumsum(series.holes)])
        origins = np.arange(lookback, len(series.ds) + 1)
        whole = holes[origins] == holes[origins - lookback]
        if layout.known:
            unknown = np.concatenate([[0], np.cumsum(np.isnan(rows).any(axis=1))])
            whole &= unknown[origins + horizon] == unknown[origins]
        places += [(number, int(origin)) for origin in origins[whole]]
    if not places:
        longest = max(len(series.ds) for series in panel.series)
        raise DataError(
            f"{panel.source}: expected {count(lookback, 'time step')} in a row without a gap, the "
            f"lookback of the run; the longest of {len(panel.series):,} series has "
            f"{count(longest, 'time step')}; give a longer history, or fill gaps with "
            "--gaps interpolate"
        )
    kept = _spread(len(places))
    first = np.stack([scaled[s][row - lookback : row, 0] for s, row in (places[k] for k in kept)])
    chosen = [places[k] for k in _telling(kept, first)]
    ahead = layout.of_network()
    steps = lookback + (horizon if layout.known else 0)
    times = [
        step_labels(_times(panel.series[s], panel.freq, row, lookback, steps), steps)
        for s, row in chosen
    ]
    y = np.full((len(chosen), horizon), np.nan, np.float32)
    for window, (s, row) in zip(y, chosen, strict=True):
        later = scaled[s][row : min(row + horizon, len(panel.series[s].ds)), 0]
        window[: len(later)] = later
    x = [
        Windows(scaled[s], np.array([row]), lookback, horizon, ahead).inputs()[0]
        for s, row in chosen
    ]
    return Specimens(
        x=np.stack(x),
        y=y,
        names=_names([panel.series[s].unique_id for s, _ in chosen], times, lookback),
        labels=_labels(times, lookback),
        channels=np.array(settings["channels"], np.str_),
        center=np.array([scalers[s].mean[0] for s, _ in chosen]),
        scale=np.array([scalers[s].scale[0] for s, _ in chosen]),
    )


def _spread(count: int) -> Array:
    """Evenly spaced places, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(np.int64))


def _telling(kept: Array, first: Array) -> Array:
    """Put the windows whose first channel moves the most in front, then the last one."""
    lively = np.argsort(-first.std(axis=1), kind="stable")[:LIVELY]
    front = list(dict.fromkeys([*lively.tolist(), len(kept) - 1]))
    return kept[front + [k for k in range(len(kept)) if k not in front]]


def _times(series: Series, freq: Frequency, row: int, lookback: int, steps: int) -> Any:
    """Give the times of a window's rows, those ahead too."""
    times, more = series.ds[row - lookback : row - lookback + steps], row - lookback + steps
    more -= len(series.ds)
    return times if more <= 0 else times.append(future(series.ds[-1], freq, more))


def _labels(times: Sequence[Sequence[str]], lookback: int) -> Array:
    """Give the (M, rows) labels of rows, of those ahead with how many steps ahead they are."""
    marked = [
        [*row[:lookback], *(f"{time} (+{k})" for k, time in enumerate(row[lookback:], 1))]
        for row in times
    ]
    return np.array(marked, np.str_)


def _names(series: Sequence[str], times: Sequence[Sequence[str]], lookback: int) -> Array:
    """Name each window by its last time that is past, and by its series if there are several."""
    several = len(set(series)) > 1
    return np.array(
        [
            f"{name}, {row[lookback - 1]}" if several else row[lookback - 1]
            for name, row in zip(series, times, strict=True)
        ],
        np.str_,
    )
