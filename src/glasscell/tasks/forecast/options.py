"""Options of a forecasting run: one definition for Python, the command line and run.yaml."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from glasscell.data.read import ReadOptions
from glasscell.data.read_options import GapRule, Policy
from glasscell.data.zones import ClockChange
from glasscell.errors import DataError
from glasscell.tasks.forecast.intervals import require_levels
from glasscell.tasks.option_checks import plain, require_within
from glasscell.training.kinds import CellName

MOST = 2**31 - 1
BOUNDS = {
    **dict.fromkeys(("horizon", "lookback", "season", "batch_size", "patience"), (1, MOST)),
    **dict.fromkeys(("near", "max_windows", "epoch_windows", "film"), (1, MOST)),
    **dict.fromkeys(("windows", "step"), (1, MOST)),
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
        lookback: Time steps that the models read. auto: as many as help forecasts of held-out
            training data, and up to the longer of 3 horizons and 2 seasons where more does no harm;
            at most 128, and fewer if the data are short.
        target: Column to forecast. Default: y or target; else every column beside the time is a
            series.
        time: Time column, or with commas the columns of its parts (Date,Time or year,month).
            Default: ds, timestamp, date ..., or the first column with dates.
        series: Column that names the series. Default: unique_id or item_id.
        covariates: Columns read beside the target (past values only). Default: with --target and no
            series column, every other column of numbers; [] for none.
        future_covariates: Columns that are known ahead (a price, a promotion), which the models
            read up to the last forecast step. Default: none.
        static: Columns that say one thing about each series, numbers or categories. Default: none.
        categories: Columns of covariates, future_covariates or static that are categories although
            they are written in numbers; what is written in words is one anyway.
        calendar: What the time stamps say, known ahead: hour, weekday, day, month, week, year-day,
            time-of-day; [] for none. Default: those that help ridge on validation.
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
        time_zone: Time zone of times that are written without an offset, such as Europe/Berlin;
            forecasts are told in it too. Default: none; times with offsets are read by these.
        clock_change: An hour that clocks repeat in autumn or skip in spring. order: of two equal
            times the first is summer time, and a time in the skipped hour is refused; drop: rows in
            the skipped hour are left out.
        sheet: Sheet of a workbook, by name or by number from 1. Default: the one with a table.
        season: Time steps of one season. Default: from the frequency, or from the autocorrelation.
        seeds: Networks of each kind to train, to see the spread.
        seed: The first seed; the others follow it.
        epochs: Most passes over the training windows.
        hidden_size: Units of the LSTM. The plain RNN gets as many as give it the same parameter
            count.
        batch_size: Windows per training step. Default: 128, fewer if there are few windows.
        learning_rate: Adam's for the LSTM, at its highest; the plain RNN takes 0.3 of it.
        patience: Epochs without a better validation error before training stops.
        max_windows: Most windows in validation, in test, and for ridge and trees; where there are
            more, the run says so.
        epoch_windows: Windows that an epoch draws at most, anew each time. Default: max_windows,
            and fewer where they are long or have many channels, so that training with the other
            defaults takes minutes.
        near: Time steps, counted back from the last, that the recurrent layers read in the first
            three quarters of the epochs; what is near is learnt first, and faster. Default: all.
        show_level: Show the networks and ridge the level of the target beside its changes. Default:
            if validation stays within the range of training.
        cell: The recurrent layer: lstm, gru or rnn.
        forget_bias: Initial bias of the gates that keep, an LSTM's forget gates or a GRU's update
            gates: a number, or chrono (Tallec & Ollivier 2018) from the lag that was measured.
            Default: as torch has it, uniform within 1 / sqrt(hidden size). A plain RNN has none.
        predicts: What the network tells: a point, quantiles, or a Student-t distribution.
        level: Percent of the intervals that are told, each in (0, 100); [] for none.
        calibration: How intervals are calibrated: adaptive, which follows the errors that came
            last, or conformal, by those of the validation part alone.
        strategy: Forecast all steps at once (direct), or one step again and again (recursive).
        windows: Origins of a backtest over the test part; default none: every origin, one fit.
        step: Time steps between two origins of the backtest. Default: the horizon.
        refit: Train anew at every origin of the backtest.
        compare: CSV or Parquet file of others' forecasts (unique_id, ds, a column each; cutoff
            where there are several origins), which become rows of the table.
        baselines: The baselines that take time: trees, ets, theta, arima; [] for none. Default:
            trees, and the others where statsforecast is installed.
        unit: Unit of the target, for the report.
        film: Training steps between two frames of the training film (gates, memory and gradients of
            the saved network, in film.npz). Default: no film.
    """

    horizon: int | None = None
    lookback: int | Literal["auto"] = "auto"
    target: str | None = None
    time: str | None = None
    series: str | None = None
    covariates: list[str] | None = None
    future_covariates: list[str] | None = None
    static: list[str] | None = None
    categories: list[str] | None = None
    calendar: list[str] | None = None
    freq: str | None = None
    gaps: Policy = "raise"
    max_gap: str | None = None
    resample: bool = False
    decimal: str | None = None
    date_format: str | None = None
    day_first: bool | None = None
    missing: str | list[str] | None = None
    time_zone: str | None = None
    clock_change: ClockChange = "order"
    sheet: str | None = None
    season: int | None = None
    seeds: int = 3
    seed: int = 0
    epochs: int = 20
    hidden_size: int = 32
    batch_size: int | None = None
    learning_rate: float = 0.01
    patience: int = 8
    max_windows: int = 30_000
    epoch_windows: int | None = None
    near: int | None = None
    show_level: bool | None = None
    cell: CellName = "lstm"
    forget_bias: float | Literal["chrono"] | None = None
    predicts: Literal["point", "quantiles", "student-t"] = "point"
    level: list[float] = field(default_factory=lambda: [80.0, 90.0])
    calibration: Literal["adaptive", "conformal"] = "adaptive"
    strategy: Literal["direct", "recursive"] = "direct"
    windows: int | None = None
    step: int | None = None
    refit: bool = False
    compare: str | None = None
    baselines: list[Literal["trees", "ets", "theta", "arima"]] | None = None
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
        object.__setattr__(self, "level", require_levels(self.level))
        if self.predicts == "quantiles" and not self.level:
            raise DataError("--predicts quantiles: expected a --level whose ends to tell, got none")

        if self.windows is None and (self.step is not None or self.refit):
            given = "--refit" if self.refit else "--step"
            raise DataError(
                f"{given} is about a backtest; say with --windows how many origins it has"
            )

    def reading(self) -> ReadOptions:
        """Give the part that reading the data needs."""
        return ReadOptions(
            time=self.time,
            target=self.target,
            series=self.series,
            covariates=self.covariates,
            future_covariates=self.future_covariates,
            static=self.static,
            categories=self.categories,
            freq=self.freq,
            gaps=GapRule(self.gaps, self.max_gap),
            resample=self.resample,
            decimal=self.decimal,
            date_format=self.date_format,
            day_first=self.day_first,
            missing=self._marks(),
            time_zone=self.time_zone,
            clock_change=self.clock_change,
            sheet=self.sheet,
        )

    def _marks(self) -> list[str]:
        """Give the further marks of a missing value, however they were listed."""
        listed = self.missing.split(",") if isinstance(self.missing, str) else self.missing or ()
        return [str(mark).strip() for mark in listed]

    def record(self) -> dict[str, Any]:
        """Give all options as plain values."""
        return asdict(self)
