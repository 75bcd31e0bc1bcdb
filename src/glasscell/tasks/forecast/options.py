"""Options of a forecasting run: one definition for Python, the command line and run.yaml."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from glasscell.data.read import ReadOptions
from glasscell.data.read_options import GapRule, Policy
from glasscell.errors import DataError
from glasscell.tasks.option_checks import plain, require_within

MOST = 2**31 - 1
BOUNDS = {
    **dict.fromkeys(("horizon", "lookback", "season", "batch_size", "patience"), (1, MOST)),
    **dict.fromkeys(("near", "max_windows", "film"), (1, MOST)),
    "seeds": (1, 1000),
    "seed": (0, MOST),
    "epochs": (1, 1_000_000),
    "hidden_size": (1, 4096),
}
"""Least and most of every whole number."""


@dataclass(frozen=True, kw_only=True)
class ForecastOptions:
    """How to read the data, cut the windows and train.

    Args:
        horizon: Time steps to forecast. Default: one season, at most 24.
        lookback: Time steps that the models read. Default: the longer of 3 horizons and 2 seasons,
            at most 128, and shorter if the data are short.
        target: Column to forecast. Default: y or target; else every column beside the time is a
            series.
        time: Time column, or with commas the columns of its parts (Date,Time or year,month).
            Default: ds, timestamp, date ..., or the first column with dates.
        series: Column that names the series. Default: unique_id or item_id.
        covariates: Columns read beside the target (past values only). Default: with --target and no
            series column, every other column of numbers; [] for none.
        freq: Frequency as a pandas offset (5min, h, D, W-SUN, MS), or a step of integer times.
            Default: found.
        gaps: Missing values: refuse them, interpolate them linearly in time, or drop the windows
            that touch them.
        max_gap: Longest time between two values that is interpolated, e.g. 30min. Default: any.
        resample: Average rows into bins of --freq first.
        decimal: Decimal mark of the file, . or , (Default: found).
        date_format: How times are written, as for strptime (%d.%m.%Y %H:%M), or excel, unix or
            unix-ms. Default: found.
        day_first: Whether 1/2/2024 is the first of February, true or false. Default: found from the
            whole column.
        missing: Further marks of a missing value, with commas, such as -999,x. The well-known ones
            (empty, ., ?, :, NA, NULL, #N/A ...) need no naming.
        season: Time steps of one season. Default: from the frequency, or from the autocorrelation.
        seeds: Networks of each kind to train, to see the spread.
        seed: The first seed; the others follow it.
        epochs: Most passes over the training windows.
        hidden_size: Units of the LSTM. The plain RNN gets as many as give it the same parameter
            count.
        batch_size: Windows per training step. Default: 128, fewer if there are few windows.
        learning_rate: Adam's for the LSTM, at its highest; the plain RNN takes 0.3 of it.
        patience: Epochs without a better validation error before training stops.
        max_windows: Most windows in one epoch, in validation, in test and for ridge; where there
            are more, the run says so.
        near: Time steps, counted back from the last, that the recurrent layers read in the first
            three quarters of the epochs; what is near is learnt first, and faster. Default: all.
        level: Show the networks and ridge the level of the target beside its changes. Default: if
            validation stays within the range of training.
        unit: Unit of the target, for the report.
        film: Training steps between two frames of the training film (gates, memory and gradients of
            the saved network, in film.npz). Default: no film.
    """

    horizon: int | None = None
    lookback: int | None = None
    target: str | None = None
    time: str | None = None
    series: str | None = None
    covariates: list[str] | None = None
    freq: str | None = None
    gaps: Policy = "raise"
    max_gap: str | None = None
    resample: bool = False
    decimal: str | None = None
    date_format: str | None = None
    day_first: bool | None = None
    missing: str | list[str] | None = None
    season: int | None = None
    seeds: int = 3
    seed: int = 0
    epochs: int = 20
    hidden_size: int = 32
    batch_size: int | None = None
    learning_rate: float = 0.01
    patience: int = 8
    max_windows: int = 30_000
    near: int | None = None
    level: bool | None = None
    unit: str = ""
    film: int | None = None

    def __post_init__(self) -> None:
        for name, value in plain(self).items():
            object.__setattr__(self, name, value)
        require_within(self, BOUNDS)
        if not 0 < self.learning_rate < 10:
            raise DataError(f"--learning-rate: expected between 0 and 10, got {self.learning_rate}")
        if self.decimal not in (None, ".", ","):
            raise DataError(f"--decimal: expected . or , got {self.decimal!r}")

    def reading(self) -> ReadOptions:
        """Give the part that reading the data needs."""
        return ReadOptions(
            time=self.time,
            target=self.target,
            series=self.series,
            covariates=self.covariates,
            freq=self.freq,
            gaps=GapRule(self.gaps, self.max_gap),
            resample=self.resample,
            decimal=self.decimal,
            date_format=self.date_format,
            day_first=self.day_first,
            missing=self._marks(),
        )

    def _marks(self) -> list[str]:
        """Give the further marks of a missing value, however they were listed."""
        listed = self.missing.split(",") if isinstance(self.missing, str) else self.missing or ()
        return [str(mark).strip() for mark in listed]

    def record(self) -> dict[str, Any]:
        """Give all options as plain values."""
        return asdict(self)
