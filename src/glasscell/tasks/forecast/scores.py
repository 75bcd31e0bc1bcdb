"""Scores forecasts on the test part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from utilsforecast.losses import mae, mase, rmse

from glasscell.arrays import Array
from glasscell.data.wording import count, few
from glasscell.tasks.forecast.intervals import Calibration
from glasscell.tasks.forecast.windows import Dataset, Windows
from glasscell.tasks.scaling import Scaler
from glasscell.training.kinds import NAMES

METRICS = ("mae", "rmse", "mase")
LSTM, PLAIN_RNN = NAMES["LSTM"], NAMES["RNN"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Span:
    """How sure a method said it was, window by window, in the data's unit.

    Args:
        low: Level in percent to the (M, horizon) lower ends of its intervals.
        high: Likewise, the upper ends.
        ranked: (M, horizon) continuous ranked probability scores.
        calibration: What the intervals of later forecasts are made of.
        notes: Levels that there are too few validation errors for, a sentence each.
    """

    low: Mapping[float, Array]
    high: Mapping[float, Array]
    ranked: Array
    calibration: Calibration
    notes: tuple[str, ...] = ()

    def of(self, windows: Array) -> Span:
        """Give what was said of some of the test windows."""
        low, high = (
            {level: end[windows] for level, end in ends.items()} for ends in (self.low, self.high)
        )
        return replace(self, low=low, high=high, ranked=self.ranked[windows])


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """What one method forecast, before it is scored.

    Args:
        name: "naive", "ridge", "LSTM" ...
        forecasts: (M, horizon) in the data's unit, one, or one per seed.
        windows: (M,) the test windows that it forecast; None: all.
        parameters: Numbers that were fitted.
        seconds: Time to fit, mean over seeds and origins.
        linear: How many of them come from a network kept as its linear start.
        note: What a reader of the table should know of it; may be empty.
        saved: Which of the forecasts is that of the network that is saved.
        span: How sure it was, with the network that is saved; None: it does not say.
    """

    name: str
    forecasts: tuple[Array, ...]
    windows: Array | None = None
    parameters: int = 0
    seconds: float = 0.0
    linear: int = 0
    note: str = ""
    saved: int = 0
    span: Span | None = None

    def of(self, windows: Array) -> Entry:
        """Give what it forecast for some of the test windows."""
        forecasts = tuple(one[windows] for one in self.forecasts)
        kept = (
            None if self.windows is None or self.windows[windows].all() else self.windows[windows]
        )
        span = None if self.span is None else self.span.of(windows)
        return replace(self, forecasts=forecasts, windows=kept, span=span)


@dataclass(frozen=True, kw_only=True)
class Method:
    """Test results of one method.

    Args:
        name: "naive", "ridge", "LSTM" ...
        mae: Mean absolute error in the data's unit, mean over series and seeds.
        rmse: Root mean squared error, likewise.
        mase: MAE over the in-sample MAE of the seasonal naive forecast, likewise; NaN if that is 0.
        mae_sd: Standard deviation of the MAE between seeds; NaN with one seed.
        seeds: How many seeds; 0 for a method without chance.
        parameters: Numbers that were fitted.
        seconds: Time to fit, mean over seeds.
        errors: (M,) mean absolute error of each test window, mean over seeds.
        linear: Seeds whose network was kept as the linear model that its training starts from.
        by_horizon: (horizon,) mean absolute error of each step ahead, mean over series and seeds.
        coverage: Level in percent to the share of test values in its intervals, in percent, mean
            over series; of the saved network where there are several.
        width: Level to the mean width of its intervals, likewise, in the data's unit.
        crps: Continuous ranked probability score, likewise; NaN where nothing says how sure it is.
    """

    name: str
    mae: float
    rmse: float
    mase: float
    mae_sd: float = math.nan
    seeds: int = 0
    parameters: int = 0
    seconds: float = 0.0
    errors: Array
    linear: int = 0
    by_horizon: Array = field(default_factory=lambda: np.empty(0))
    coverage: Mapping[float, float] = field(default_factory=dict)
    width: Mapping[float, float] = field(default_factory=dict)
    crps: float = math.nan

    @property
    def all_linear(self) -> bool:
        """Whether training added nothing to the linear model with any seed."""
        return self.linear > 0 and self.linear == self.seeds

    def record(self) -> dict[str, Any]:
        """Give the numbers for metrics.json; what is not a number becomes None."""
        numbers = {key: getattr(self, key) for key in (*METRICS, "mae_sd", "seconds")}
        finite = {k: float(v) if math.isfinite(v) else None for k, v in numbers.items()}
        whole = ("seeds", "parameters")
        kept: dict[str, Any] = {"seeds_at_linear_start": self.linear} if self.seeds else {}
        if self.coverage:
            kept["coverage"] = {f"{level:g}": share for level, share in self.coverage.items()}
            kept["width"] = {f"{level:g}": wide for level, wide in self.width.items()}
        if math.isfinite(self.crps):
            kept["crps"] = self.crps
        return {"name": self.name, **finite, **{k: getattr(self, k) for k in whole}, **kept}


class Scoreboard:
    """The truth of the test windows, against which forecasts are scored.

    Args:
        dataset: Series and scalers.
        windows: The test windows.
        season: Rows of one season, for MASE.
    """

    def __init__(self, dataset: Dataset, windows: Windows, season: int) -> None:
        self.dataset, self.windows, self.season = dataset, windows, season
        self.owners = dataset.owner(windows.origins)
        self.rows = windows.origins - dataset.offsets[self.owners]
        steps = self.rows[:, None] + np.arange(windows.horizon)
        self.truth = np.empty(steps.shape)
        self.measured = np.empty(steps.shape, bool)
        for owner, series in enumerate(dataset.series):
            mine = self.owners == owner
            self.truth[mine] = series.target[steps[mine]]
            self.measured[mine] = series.measured[steps[mine]]
        # A power of two, which changes no bit: squared errors stay within float64.
        largest = np.abs(self.truth).max(where=self.measured, initial=0.0)
        self.unit = float(np.ldexp(1.0, np.frexp(largest)[1] - 1))

    def of(self, windows: Array) -> Scoreboard:
        """Give the board of some of the test windows."""
        chosen = replace(self.windows, origins=self.windows.origins[windows])
        return Scoreboard(self.dataset, chosen, self.season)

    def scored(self, entry: Entry) -> Method:
        """Score what a method forecast for all test windows."""
        method = self.score(
            entry.name,
            entry.forecasts,
            parameters=entry.parameters,
            seconds=entry.seconds,
            linear=entry.linear,
        )
        span = entry.span
        if span is None:
            return method
        return replace(
            method,
            coverage={
                level: 100 * self.mean((low <= self.truth) & (self.truth <= span.high[level]))
                for level, low in span.low.items()
            },
            width={level: self.mean(span.high[level] - low) for level, low in span.low.items()},
            crps=self.mean(span.ranked),
        )

    @property
    def cutoffs(self) -> Array:
        """(M,) time of the last value that each test window knows."""
        times = [np.asarray(series.ds) for series in self.dataset.series]
        return np.array(
            [times[owner][row - 1] for owner, row in zip(self.owners, self.rows, strict=True)]
        )

    @cached_property
    def _scaler(self) -> Scaler:
        """Scales of the target, (M, 1) by test window."""
        pairs = np.array([(s.mean[0], s.scale[0]) for s in self.dataset.scalers])
        mean, scale = pairs[self.owners].T[..., None]
        return Scaler(mean, scale)

    def scaled(self, values: Array) -> Array:
        """Bring (M, horizon) values in the data's unit to the scale of the networks."""
        return self._scaler.apply(values)

    def mean(self, values: Array) -> float:
        """Give the mean over series of the mean of (M, horizon) numbers at measured values."""
        sums, counts = (
            np.bincount(self.owners, weights=np.where(self.measured, numbers, 0.0).sum(axis=1))
            for numbers in (values, np.ones_like(values, np.float64))
        )
        return float(np.mean(sums[counts > 0] / counts[counts > 0])) if counts.any() else math.nan

    def restore(self, scaled: Array) -> Array:
        """Bring (M, horizon) scaled forecasts back to the data's unit."""
        return self._scaler.restore(scaled.astype(np.float64))

    def score(
        self,
        name: str,
        forecasts: Sequence[Array],
        *,
        parameters: int = 0,
        seconds: float = 0.0,
        linear: int = 0,
    ) -> Method:
        """Score one method.

        Args:
            name: Its name.
            forecasts: (M, horizon) forecasts in the data's unit: one, or one per seed.
            parameters: Numbers that were fitted.
            seconds: Time to fit.
            linear: How many of them come from a network kept as its linear start.

        Returns:
            Its metrics over measured values only.
        """
        columns = {f"run{i}": forecast for i, forecast in enumerate(forecasts)}
        table = self._metrics(columns)
        degree = 1 if len(forecasts) > 1 else 0
        spread = self.unit * float(np.std(table["mae"] / self.unit, ddof=degree))
        absolute = [np.abs((f - self.truth) * self.measured) for f in forecasts]
        counts = np.maximum(self.measured.sum(axis=1), 1)
        windows = [error.sum(axis=1) / counts for error in absolute]
        mean = np.mean([error / self.unit for error in absolute], axis=0)
        return Method(
            name=name,
            mae=float(np.mean(table["mae"])),
            rmse=float(np.mean(table["rmse"])),
            mase=float(np.mean(table["mase"])),
            mae_sd=spread if degree else math.nan,
            seeds=len(forecasts) if name in NAMES.values() else 0,
            parameters=parameters,
            seconds=seconds,
            errors=np.mean(windows, axis=0),
            linear=linear,
            by_horizon=self.unit * self._by_horizon(mean),
        )

    def _by_horizon(self, absolute: Array) -> Array:
        """Give the mean of (M, horizon) absolute errors at each step, mean over series."""
        of_series = []
        for owner in np.unique(self.owners):
            mine = self.owners == owner
            counts = self.measured[mine].sum(axis=0)
            of_series.append(
                np.where(counts > 0, absolute[mine].sum(axis=0) / np.maximum(counts, 1), np.nan)
            )
        there = np.isfinite(of_series)
        found: Array = np.sum(of_series, axis=0, where=there) / np.maximum(there.sum(axis=0), 1)
        return np.where(there.any(axis=0), found, np.nan)

    def _metrics(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Give each metric of each column, mean over series."""
        measured = self.measured.ravel()
        unit = self.unit
        names = np.array([s.unique_id for s in self.dataset.series])
        frame = pd.DataFrame(
            {
                "unique_id": np.repeat(names[self.owners], self.windows.horizon)[measured],
                "y": self.truth.ravel()[measured] / unit,
                **{name: values.ravel()[measured] / unit for name, values in columns.items()},
            }
        )
        models = list(columns)
        scores = {
            "mae": mae(frame, models),
            "rmse": rmse(frame, models),
            "mase": mase(frame, models, seasonality=self.season, train_df=self._training()),
        }
        scores["mase"] = scores["mase"].replace(np.inf, np.nan)
        means = {key: scores[key][models].mean().to_numpy(np.float64) for key in METRICS}
        return {"mae": means["mae"] * unit, "rmse": means["rmse"] * unit, "mase": means["mase"]}

    def _training(self) -> Any:
        parts = [
            pd.DataFrame({"unique_id": s.unique_id, "y": target / self.unit})
            for s, target in zip(self.dataset.series, self.dataset.training, strict=True)
        ]
        return pd.concat(parts, ignore_index=True)

    def without_mase(self) -> str:
        """Say which series have no MASE and why; empty where all have one."""
        scored, training = np.unique(self.owners), self.dataset.training
        scales = {
            self.dataset.series[owner].unique_id: self._scale(training[owner]) for owner in scored
        }
        missing = [name for name, scale in scales.items() if not scale > 0]
        if not missing:
            return ""
        steps = count(self.season, "step")
        why = (
            f"the training part has no two values {steps} apart that differ, so there is no error "
            "to divide by"
        )
        if len(missing) == len(scored):
            return f"There is no MASE: {why}."
        return (
            f"MASE is a mean over {len(scored) - len(missing)} of {len(scored)} series, without "
            f"{few(missing)}: {why}."
        )

    def _scale(self, train: Array) -> float:
        steps = np.abs(train[self.season :] - train[: -self.season])
        return float(np.nanmean(steps)) if np.isfinite(steps).any() else math.nan

    def weights(self) -> Array:
        """Give each test window's share in the mean over series."""
        counts = np.bincount(self.owners, minlength=len(self.dataset.series))
        return 1.0 / (np.count_nonzero(counts) * counts[self.owners])
