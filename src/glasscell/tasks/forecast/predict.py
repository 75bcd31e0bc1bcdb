"""Forecasts with a finished run: reads the same data checks, runs the model without torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

import glasscell
from glasscell.arrays import Array
from glasscell.data.frequency import future as times_after
from glasscell.data.frequency import rhythm
from glasscell.data.future_rows import require_future, with_future
from glasscell.data.read import Panel, ReadOptions, Series, read_panel
from glasscell.data.readers import open_source
from glasscell.data.wording import count, few, share, time_text
from glasscell.errors import DataError
from glasscell.model.model import Model
from glasscell.tasks.forecast.history import margins_now
from glasscell.tasks.forecast.intervals import (
    Calibration,
    interval,
    level_name,
    require_levels,
)
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.preprocessing import read_preprocessing, scaler_of
from glasscell.tasks.forecast.told import AT_ONCE, point_of, told_of_windows
from glasscell.tasks.forecast.windows import Windows
from glasscell.tasks.hub import OnHub
from glasscell.tasks.option_checks import flag
from glasscell.tasks.scaling import Scaler
from glasscell.training import run_folder

__all__ = ["Forecaster", "predict", "read_like"]

SAID = 5
"""Series that are named one by one where they are left out."""
READ = ("time", "target", "series", "gaps", "max_gap", "sheet")
"""What a prediction may read otherwise than the run did, beside how the file is written."""


class NothingToForecastError(DataError):
    """No series is long enough, or all have a gap in what is read."""


@dataclass(frozen=True, eq=False)
class Forecaster(OnHub):
    """A finished forecasting run, loaded once: it forecasts with NumPy and pandas, without torch.

    Args:
        model: The network.
        settings: preprocessing.json: how data are read and scaled.
        calibration: What intervals are made of; None: there are none.

    Notes:
        Every call gives the same bits, however many series it is given at once and from however
        many threads it is called.

    >>> import tempfile
    >>> times = pd.date_range("2024-01-01", periods=120, freq="D")
    >>> days = pd.DataFrame({"ds": times, "y": np.arange(120) % 7.0})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fitted = glasscell.tasks.forecast.fit(
    ...         days, f"{folder}/run", horizon=2, lookback=7, epochs=1, seeds=1
    ...     )
    ...     forecaster = Forecaster.load(fitted.folder)
    >>> forecaster.predict(days, level=[]).round({"forecast": 1})
      unique_id         ds  horizon  forecast
    0         y 2024-04-30        1       1.0
    1         y 2024-05-01        2       2.0
    """

    model: Model
    settings: dict[str, Any]
    calibration: Calibration | None = None

    @classmethod
    def load(cls, run: str | os.PathLike[str]) -> Self:
        """Load a run folder that `glasscell fit` wrote.

        Args:
            run: The folder.

        Raises:
            DataError: It is no run on series.
            WeightFormatError: The model in it is damaged.
        """
        if not isinstance(run, str | os.PathLike):
            raise DataError(f"run: expected the path of a run folder, got {run!r}")
        folder = Path(run)
        settings = read_preprocessing(folder)
        calibration = Calibration.load(folder / run_folder.CALIBRATION)
        return cls(glasscell.load(folder), settings, calibration)

    def predict(
        self,
        data: Any,
        *,
        level: Sequence[float] | None = None,
        future: Any = None,
        horizon: int | None = None,
        say: Callable[[str], None] | None = None,
        **reading: Any,
    ) -> pd.DataFrame:
        """Forecast every series of the data from its last row on.

        Args:
            data: Path of a file or a frame, with at least `lookback` time steps per series.
            level: Percent of the intervals, each in (0, 100); [] for none; None: as in the run.
            future: Path of a file or a frame with what is known ahead: a row for each time step
                after the history (and series), with the time and the columns that the run knows
                ahead. Default: rows below the data that have no target.
            horizon: Steps to forecast. Default: those that the run was trained for; for more of
                them its own forecasts are read as history, again and again.
            say: Called with each sentence on what was done; None: silent.
            **reading: How the data are read, by the names of `ForecastOptions`: ``time``,
                ``target``, ``series``, ``gaps``, ``max_gap``, ``decimal`` ...; None: as in the run.

        Returns:
            A frame with unique_id, ds (the forecast's time), horizon (1, 2 ...) and forecast, in
            the data's unit. A series that is shorter than the lookback or has a gap in it is left
            out.

        Raises:
            DataError: The data cannot be used: another frequency or kind of time, no series that is
                long enough, gaps.
            TypeError: An option is none about how the data are read.
        """
        known = (*READ, *ReadOptions().manner())
        if strange := [name for name in reading if name not in known]:
            raise TypeError(
                "predict: expected options about how the data are written "
                f"({', '.join(known)}), got {', '.join(strange)}; the others are as the run has "
                "them"
            )
        panel = self.read(data, say, future=future, horizon=horizon, **reading)
        return self.forecast(panel, say, horizon, self.levels(level, say))

    def levels(
        self, level: Sequence[float] | None, say: Callable[[str], None] | None = None
    ) -> Calibration | None:
        """Give what intervals of some levels are made of; None where there are to be none.

        Args:
            level: Percent; None: as in the run.
            say: Called with a sentence on each level that cannot be had.

        Raises:
            DataError: A level is outside (0, 100), or the run has no intervals.
        """
        wanted = None if level is None else require_levels(level)
        if wanted == [] or (wanted is None and self.calibration is None):
            return None
        if self.calibration is None:
            raise DataError(
                "--level: the run was fitted without intervals, or by an older version; fit again"
            )
        found, notes = self.calibration.among(wanted)
        for note in notes:
            (say or (lambda _: None))(note)
        return found if found.levels else None

    def read(self, data: Any, say: Callable[[str], None] | None = None, **reading: Any) -> Panel:
        """Read data as the run's were read; see `read_like`."""
        return read_like(data, self.settings, say, **reading)

    def forecast(
        self,
        panel: Panel,
        say: Callable[[str], None] | None = None,
        horizon: int | None = None,
        sure: Calibration | None = None,
    ) -> pd.DataFrame:
        """Forecast every series that was read; see `predict`.

        Args:
            panel: The series.
            say: Called with each sentence on what was done; None: silent.
            horizon: Steps to forecast; None: those that the run was trained for.
            sure: What intervals are made of, from `levels`; None: there are none.
        """
        tell = say or (lambda _: None)
        own = self.settings["horizon"]
        steps = _steps(horizon, self.settings, tell)
        series, scalers = self.ready(panel, say, steps)
        levels = () if sure is None else sure.levels
        ends = np.full((len(levels), 2, len(series), max(steps, own)), np.nan)
        told, ends[..., :own] = self._told(panel, series, scalers, sure)
        if levels and steps > own:
            tell(
                f"Intervals end at step {own}, the last whose errors the run has measured; beyond "
                "it they are empty."
            )
        histories = series
        while told.shape[1] < steps:
            last = told[:, -own:]
            histories = [_continued(*pair, panel) for pair in zip(histories, last, strict=True)]
            told = np.concatenate([told, self._told(panel, histories, scalers)[0]], axis=1)
        times = [times_after(one.ds[-1], panel.freq, steps) for one in series]
        return pd.DataFrame(
            {
                "unique_id": np.repeat(np.array([s.unique_id for s in series], object), steps),
                "ds": panel.stamps(times[0].append(times[1:])),
                "horizon": np.tile(np.arange(1, steps + 1), len(series)),
                "forecast": told[:, :steps].ravel(),
                **{
                    f"forecast-{name}-{level_name(level)}": end[:, :steps].ravel()
                    for level, both in zip(levels, ends, strict=True)
                    for name, end in zip(("lo", "hi"), both, strict=True)
                },
            }
        )

    def ready(
        self, panel: Panel, say: Callable[[str], None] | None = None, steps: int | None = None
    ) -> tuple[list[Series], list[Scaler]]:
        """Give the series that can be forecast, and their scalers.

        Args:
            panel: The series.
            say: Called with each sentence on those that cannot; None: silent.
            steps: Steps to forecast; None: those that the run was trained for.

        Raises:
            DataError: There is none, or what is known ahead of one is missing.
        """
        series = _long_enough(panel, self.settings, say or (lambda _: None))
        require_future(panel, series, steps or self.settings["horizon"])
        return series, [scaler_of(one, self.settings) for one in series]

    def windows(self, panel: Panel, series: Sequence[Series], scalers: Sequence[Scaler]) -> Windows:
        """Cut the last window of each series.

        Args:
            panel: Their panel.
            series: Those that are ready.
            scalers: One for each.
        """
        lookback, horizon = self.settings["lookback"], self.settings["horizon"]
        layout = Layout.read(self.settings)
        more, ahead = (horizon if layout.known else 0), layout.of_network()
        rows = [
            layout.rows(one.last(lookback), scaler, panel, more)
            for one, scaler in zip(series, scalers, strict=True)
        ]
        origins = lookback + (lookback + more) * np.arange(len(series))
        return Windows(np.concatenate(rows), origins, lookback, horizon, ahead)

    def _told(
        self,
        panel: Panel,
        series: list[Series],
        scalers: list[Scaler],
        sure: Calibration | None = None,
    ) -> tuple[Array, Array]:
        """Tell of the steps that the network forecasts, in the data's unit.

        Returns:
            (S, horizon) forecasts, and (levels, 2, S, horizon) lower and upper ends.
        """
        levels = () if sure is None else sure.levels
        forecasts = np.empty((len(series), self.settings["horizon"]))
        ends = np.empty((len(levels), 2, *forecasts.shape))
        for first in range(0, len(series), AT_ONCE):
            some = series[first : first + AT_ONCE]
            windows = self.windows(panel, some, scalers[first : first + AT_ONCE])
            told, tells = told_of_windows(self.model, windows)
            for place, point in enumerate(point_of(told, tells).astype(np.float64), first):
                forecasts[place] = scalers[place].restore(point, column=0)
            if sure is None:
                continue
            margins = [margins_now(self.model, self.settings, sure, one, panel) for one in some]
            for at, level in enumerate(levels):
                both = interval(told, tells, level, np.stack([of[at] for of in margins]))
                for side, values in enumerate(both):
                    for place, end in enumerate(values.astype(np.float64), first):
                        ends[at, side, place] = scalers[place].restore(end, column=0)
        return forecasts, ends


def predict(
    run: str | os.PathLike[str],
    data: Any,
    *,
    say: Callable[[str], None] | None = None,
    **reading: Any,
) -> pd.DataFrame:
    """Forecast every series of the data from its last row on.

    Args:
        run: A run folder written by `fit`.
        data: Path of a file or a frame, with at least `lookback` time steps per series.
        say: Called with each sentence on what was done; None: silent.
        **reading: Further arguments of `Forecaster.predict`.

    Returns:
        What `Forecaster.predict` gives; where there are many calls, load the run once.

    Raises:
        DataError: The run or the data cannot be used.
        WeightFormatError: The model in the run is damaged.
        TypeError: An argument is none of `Forecaster.predict`.
    """
    return Forecaster.load(run).predict(data, say=say, **reading)


def read_like(
    data: Any,
    settings: dict[str, Any],
    say: Callable[[str], None] | None = None,
    *,
    future: Any = None,
    horizon: int | None = None,
    **changes: Any,
) -> Panel:
    """Read data as a run's were read, where they have its columns and nothing else is given.

    Args:
        data: Path of a table, or a frame.
        settings: preprocessing.json of the run.
        say: Called with each sentence on what was done; None: silent.
        future: Path of a file or a frame with what is known after the data; None: none.
        horizon: Steps after the data that are to be known of it; None: those of the run.
        **changes: Options by the names of `ForecastOptions`; None: as in the run.

    Raises:
        DataError: The data cannot be read, lack a covariate of the run, or have another frequency
            or kind of time.
    """
    columns = settings["columns"]
    data = open_source(data, changes.get("sheet"))
    names = data.names
    chosen = {name: value for name, value in changes.items() if value is not None}
    if "gaps" not in chosen:
        chosen = {"gaps": settings["gaps"], "max_gap": settings["max_gap"], **chosen}
    if columns["time"] in names or set(columns["time"].split(",")) <= set(names):
        chosen.setdefault("time", columns["time"])
    labels = columns.get("labels", [])
    if columns["series"] in names and not labels:
        chosen.setdefault("series", columns["series"])
    targets_there = [name for name in columns["targets"] if name in names]
    targets = targets_there if "target" not in chosen else []
    layout = Layout.read(settings)
    _require_columns(layout, names, future)
    manner = settings.get("reading", {"resample": settings.get("resample", False)})
    defaults = ReadOptions().manner()
    if unknown := [name for name in manner if name not in defaults]:
        raise DataError(
            f"the run was read with {few(unknown)}, which this glasscell does not know; update it"
        )
    options = ForecastOptions(**{**manner, **chosen, "covariates": columns["covariates"]})
    reading = replace(
        options.reading(),
        future_covariates=layout.ahead,
        static=layout.static,
        vocabulary=layout.vocabulary,
        targets=targets or None,
        labels=labels if labels and set(labels) <= set(names) else None,
        freq=settings["frequency"],
        freq_origin="the run",
        needed=settings["lookback"],
        open_end=True,
    )
    flags = [
        _as_flag(name, value)
        for name, value in manner.items()
        if name not in chosen and value not in (None, []) and value != defaults[name]
    ]
    try:
        panel = _read(data, reading)
    except DataError as error:
        if not flags:
            raise
        raise DataError(
            f"{error} (read as the run's data were, with {' '.join(flags)}; give another if these "
            "differ)"
        ) from error
    notes = [*panel.notes]
    if future is not None:
        panel = with_future(panel, future, reading, horizon or settings["horizon"], notes)
    absent = [name for name in columns["targets"] if targets and name not in targets]
    notes += [f"The data have no column {few(absent)}."] if absent else []
    for note in notes:
        (say or (lambda _: None))(note)
    return panel


def _require_columns(layout: Layout, names: Sequence[str], future: Any) -> None:
    """Refuse data without a column that the run reads, and a future of which it reads nothing."""
    if missing := [name for name in layout.columns if name not in names]:
        raise DataError(
            f"expected the covariates {', '.join(layout.columns)} that the run was trained "
            f"with, found no column {', '.join(missing)}; the columns found are {', '.join(names)}"
        )
    if future is not None and not layout.ahead:
        raise DataError(
            "--future: the run reads no column that is known ahead; leave it out, or fit with "
            "--future-covariates"
        )


def _read(data: Any, options: ReadOptions) -> Panel:
    """Read; where that fails because the times are of another kind, say so."""
    try:
        return read_panel(data, options)
    except DataError:
        try:
            other = read_panel(data, replace(options, freq=None, resample=False))
        except DataError:
            other = None
        if other is None or isinstance(other.freq, int) == isinstance(options.freq, int):
            raise
        assert options.freq is not None
        kind = "integers" if isinstance(other.freq, int) else "dates"
        raise DataError(
            f"the run has {rhythm(options.freq)}, column {other.roles.time!r} has {kind}; give "
            "data with times as in the run, name another column with --time, or fit on these data"
        ) from None


def _as_flag(name: str, value: Any) -> str:
    """Write how a run's data were read as the command line takes it."""
    if name == "resample":
        return flag(name)
    words = ",".join(value) if isinstance(value, list) else str(value)
    return f"{flag(name)}={words.lower() if isinstance(value, bool) else words}"


def _steps(horizon: int | None, settings: dict[str, Any], tell: Callable[[str], None]) -> int:
    """Find how many steps to forecast, and say how where they are more than the network tells.

    Raises:
        DataError: No number of steps, or more of them with columns whose past alone is known.
    """
    own, past = settings["horizon"], settings["columns"]["covariates"]
    if horizon is None:
        return int(own)
    if type(horizon) is not int or horizon < 1:
        raise DataError(f"--horizon: expected a whole number of steps >= 1, got {horizon!r}")
    if horizon > own and past:
        raise DataError(
            f"--horizon {horizon}: the run forecasts {count(own, 'step')} and reads "
            f"{', '.join(past)}, of which nothing is known after the data, so its own forecasts "
            "cannot be read as history; fit again with a longer --horizon, or with these columns "
            "among --future-covariates"
        )
    if horizon > own:
        tell(
            f"The run forecasts {count(own, 'step')} at once; for {horizon:,} its own forecasts "
            f"were read as history {count(-(-horizon // own) - 1, 'time')}, and errors add up."
        )
    return horizon


def _continued(series: Series, told: Array, panel: Panel) -> Series:
    """Append forecasts to a history."""
    times = series.ds.append(times_after(series.ds[-1], panel.freq, len(told)))
    values = np.concatenate([series.values, told[:, None]])
    measured = np.concatenate([series.measured, np.full(len(told), True)])
    known, static = series.known, len(panel.roles.static)
    if known is not None and static:
        n, more = len(series.ds), max(len(times) - len(known), 0)
        known = np.pad(known, ((0, more), (0, 0)), constant_values=np.nan)
        known[n:, -static:] = known[n - 1, -static:]
    return Series(series.unique_id, times, values, measured, known)


def _lacks(series: Series, lookback: int) -> str:
    """Say what a series lacks to be forecast; empty where nothing."""
    if len(series.ds) < lookback:
        return (
            f"expected at least {count(lookback, 'time step')}, the lookback of the run, got "
            f"{len(series.ds)}"
        )
    missing = series.holes[-lookback:]
    if not missing.any():
        return ""
    return (
        f"{share(int(missing.sum()), lookback, 'time step', 'has', 'have', 'last')} no value, "
        f"first {time_text(series.ds[-lookback:][int(np.argmax(missing))])}"
    )


def _long_enough(
    panel: Panel, settings: dict[str, Any], tell: Callable[[str], None]
) -> list[Series]:
    """Give the series that can be forecast, and tell of the others.

    Raises:
        DataError: None can.
    """
    lacks = {s.unique_id: _lacks(s, settings["lookback"]) for s in panel.series}
    long_enough = [s for s in panel.series if not lacks[s.unique_id]]
    if not long_enough:
        name, what = next(iter(lacks.items()))
        rest = count(len(lacks) - 1, "other series", "other series")
        others = f" (likewise {rest})" if len(lacks) > 1 else ""
        raise NothingToForecastError(
            f"series {name!r}: {what}{others}; give a longer history, or fill gaps with "
            "--gaps interpolate"
        )
    sentences = [f"Left out, series {name!r}: {what}." for name, what in lacks.items() if what]
    for sentence in sentences[:SAID]:
        tell(sentence)
    if len(sentences) > SAID:
        tell(f"Left out for the same reasons: {len(sentences) - SAID} more of {len(lacks)} series.")
    unseen = [s.unique_id for s in long_enough if s.unique_id not in settings["scalers"]]
    if unseen:
        were = count(len(unseen), "series was", "series were")
        their = "its" if len(unseen) == 1 else "their"
        tell(f"{were} not in the training data and scaled on {their} own history: {few(unseen)}.")
    return long_enough
