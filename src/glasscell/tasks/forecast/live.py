"""A forecasting run, row by row as values come: forecasts, intervals, anomalies; NumPy alone."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import glasscell
from glasscell.arrays import Array
from glasscell.data.calendar_channels import calendar_channels
from glasscell.data.wording import count, few
from glasscell.errors import DataError
from glasscell.tasks.forecast.clock import Clock, Wall, duration
from glasscell.tasks.forecast.intervals import (
    Calibration,
    Tracker,
    interval,
    level_name,
    require_levels,
    scores,
)
from glasscell.tasks.forecast.told import point_of, told_of
from glasscell.tasks.live_streams import MOST, numbers_of, read_states, whose, write_states
from glasscell.tasks.scaling import Scaler
from glasscell.training import run_folder

__all__ = ["Live"]

OF_ROW = ("expected", "lo", "hi", "p", "anomaly")
"""What is told of the row itself, by the forecast that was made one row before."""
NEVER = np.iinfo(np.int64).min


@dataclass
class _Series:
    """One series: its last rows, and the forecasts whose rows are still to come.

    Args:
        scaler: The run's, or of the first rows of a series that the run has not seen.
        tracker: Margins of its intervals.
        rows: (lookback, F) last values, NaN where one is missing or has not come yet.
        times: (lookback,) of these rows.
        told: (horizon, horizon) or (horizon, horizon, P), scaled: the last forecasts, NaN where
            none was made; the latest one last.
        margins: (horizon, levels, horizon) that stood beside them.
        known: (F,) last value of each column; NaN before the first.
        known_at: (F,) its time; NEVER before the first.
        last: Time of the last row; NEVER before the first.
    """

    scaler: Scaler | None
    tracker: Tracker | None
    rows: Array
    times: Array
    told: Array
    margins: Array
    known: Array
    known_at: Array
    last: int = NEVER


class Live:
    """Any number of live series through the network of a forecasting run, one row a call.

    What is told after a row is what `glasscell predict` tells of the last `lookback` rows up to it;
    of the row itself, how it stands to the forecast that was made one row before.

    Args:
        run: Run folder that `fit` wrote on series.
        steps: Steps of the forecast that are told, from 1 on.
        level: Percent of the intervals; None: as in the run.
        most: Series that may be open at a time.

    Raises:
        DataError: The run cannot be used.

    Notes:
        Rows of a series come in order of time. Where rows or values are missing the run's gap
        policy holds: raise refuses the row, interpolate fills the gap once the next value is there,
        drop waits for a whole lookback. A series that the run has not seen is scaled by its first
        `lookback` rows.

    Attributes:
        rows: Rows that were read so far, which the file carries along; the caller counts them.
    """

    def __init__(
        self,
        run: str | os.PathLike[str],
        steps: int = 1,
        level: Sequence[float] | None = None,
        most: int = MOST,
    ) -> None:
        folder = Path(run)
        self.settings = run_folder.read_preprocessing(folder, "forecast", run_folder.OF_FORECAST)
        self._model = glasscell.load(run)
        self.lookback, self.horizon = self.settings["lookback"], self.settings["horizon"]
        if self._model.root.writes != self.horizon:
            raise DataError(
                f"{run}: the run forecasts one step again and again (--strategy recursive), which "
                "a stream cannot; glasscell predict can, or fit with --strategy direct"
            )
        if not 1 <= steps <= self.horizon:
            raise DataError(
                f"--steps: expected 1 to {self.horizon}, the horizon of the run, got {steps}"
            )
        self._steps, self._most, self.rows = steps, most, 0
        columns, self._ahead_of = self.settings["columns"], self.settings.get("ahead") or {}
        if more := [n for key in ("ahead", "static") for n in self._ahead_of.get(key, ())]:
            raise DataError(
                f"{run}: the run reads {few(more)} up to its last step, which a row of a stream "
                "does not tell; glasscell predict --future takes them, or fit with the calendar "
                "alone, which a stream knows from the times"
            )
        if coded := [n for n in columns["covariates"] if n in self._ahead_of.get("vocabulary", {})]:
            raise DataError(f"{run}: {few(coded)} are categories, which a stream cannot read")
        self._calendar = tuple(self._ahead_of.get("calendar", ()))
        zone = self.settings.get("reading", {}).get("time_zone")
        if zone is not None:
            raise DataError(
                f"{run}: the run reads times on the clocks of {zone}, which a stream cannot yet; "
                "fit on times in UTC"
            )
        target = columns["targets"][0] if len(columns["targets"]) == 1 else "y"
        self.features: tuple[str, ...] = (target, *columns["covariates"])
        self.single = target if columns["series"] is None and target != "y" else None
        self._clock = Clock(self.settings["frequency"])
        self._policy, limit = self.settings["gaps"], self.settings["max_gap"]
        whole = isinstance(self.settings["frequency"], int)
        self._limit = None if limit is None else duration(limit, whole)
        calibration = Calibration.load(folder / run_folder.CALIBRATION)
        wanted = None if level is None else require_levels(level)
        if wanted and calibration is None:
            raise DataError("--level: the run was fitted without intervals; fit again")
        empty = Calibration((), ())
        self._sure, self.notes = (calibration or empty).among(wanted)
        self._names = [level_name(level) for level in self._sure.levels]
        text = json.dumps(self.settings, sort_keys=True) + repr((wanted, self._sure.adaptive))
        self._whose = whose(self._model, text)
        self._all: dict[str, _Series] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what `step` gives."""
        of_row = OF_ROW if self._names else OF_ROW[:1]
        ahead = []
        for step in range(1, self._steps + 1):
            name = "forecast" if step == 1 else f"forecast-{step}"
            ends = [f"{name}-{end}-{level}" for level in self._names for end in ("lo", "hi")]
            ahead += [name, *ends]
        return (*of_row, *ahead)

    @property
    def streams(self) -> Live:
        """Itself: the states, to save and restore."""
        return self

    def __len__(self) -> int:
        return len(self._all)

    def step(
        self, row: Mapping[str, Any] | Sequence[float] | Array, name: str = "", time: Any = None
    ) -> list[Any]:
        """Read one row of one series.

        Args:
            row: Its value and its covariates by name, or in the order of `features`; NaN or None
                where missing.
            name: Which series; a new name begins one. Default: the only one.
            time: Its time; None: one step after the row before.

        Returns:
            In the order of `columns`: what was expected of the row, the outermost interval around
            it, its p-value and whether it is an anomaly; then the forecasts of what comes, each
            with its intervals. None where there is nothing to tell.

        Raises:
            DataError: The row is no row, out of order, off the grid, or there is a gap that the
                run's policy refuses; the series goes on after it, with a gap where the row was.
        """
        values = self._values(row)
        one = self._open(name)
        missing = self._on(one, time)
        gap = bool(np.isnan(values).any())
        told = self._of_row(one, values[0])
        self._push(one, values)
        if self._policy == "interpolate":
            self._fill(one, values)
        cells = [*told, *self._ahead(one, name)]
        known = ~np.isnan(values)
        one.known[known], one.known_at[known] = values[known], one.last
        if self._policy == "raise" and (missing or gap):
            what = (
                f"{count(missing, 'time step')} before it"
                if missing
                else ", ".join(n for n, lacks in zip(self.features, ~known, strict=True) if lacks)
            )
            raise DataError(
                f"{what} is missing, which the run refuses; fit with --gaps interpolate or --gaps "
                f"drop, or go on with --on-error skip: forecasts begin again after "
                f"{count(self.lookback, 'whole row')}"
            )
        return cells

    def reset(self, name: str | None = None) -> None:
        """End one series, or all; the next row of the name begins anew."""
        for each in list(self._all) if name is None else [name]:
            self._all.pop(each, None)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the states of all series to a file, which is replaced whole or not at all.

        Raises:
            DataError: The file cannot be written.
        """
        every = list(self._all.values())
        arrays = {
            key: np.array([getattr(one, key) for one in every])
            for key in ("rows", "times", "told", "margins", "known", "known_at")
        }
        width = len(self.features)
        scalers = np.full((len(every), 2, width), np.nan)
        for place, one in enumerate(every):
            if one.scaler is not None:
                scalers[place] = one.scaler.mean, one.scaler.scale
            if one.tracker is not None and self._sure.adaptive:
                arrays[f"alphas/{place}"] = one.tracker.alphas
                for pool, steps in enumerate(one.tracker.scored):
                    for step, scored in enumerate(steps):
                        arrays[f"scores/{place}/{pool}/{step}"] = np.array(scored, np.float32)
        arrays["scalers"] = scalers
        about = {
            "run": self._whose,
            "rows": self.rows,
            "names": list(self._all),
            "last": [one.last for one in every],
        }
        write_states(path, about, arrays)

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file of `save`, to the same bits as if there had been no break.

        Raises:
            DataError: The file is missing, damaged, no state, or one of another run.
        """
        about, arrays = read_states(path, self._whose)
        self._all = {}
        for place, name in enumerate(about["names"]):
            one = self._new(name)
            for key in ("rows", "times", "told", "margins", "known", "known_at"):
                setattr(one, key, arrays[key][place].copy())
            mean, scale = arrays["scalers"][place]
            if not np.isnan(mean).any():
                one.scaler = Scaler(mean.copy(), scale.copy())
            if one.tracker is not None and self._sure.adaptive:
                scored = [
                    [
                        arrays[f"scores/{place}/{pool}/{step}"].astype(np.float64).tolist()
                        for step in range(self.horizon)
                    ]
                    for pool in range(len(self._sure.pools))
                ]
                one.tracker.go_on(arrays[f"alphas/{place}"], scored)
            one.last = about["last"][place]
            self._all[name] = one
        self.rows = about["rows"]

    def _open(self, name: str) -> _Series:
        if name not in self._all:
            if len(self._all) == self._most:
                raise DataError(
                    f"expected at most {self._most:,} series at a time, got one more, {name!r}; "
                    "end some by a reset"
                )
            self._all[name] = self._new(name)
        return self._all[name]

    def _new(self, name: str) -> _Series:
        width, levels, horizon = len(self.features), len(self._sure.levels), self.horizon
        called = name or (self.single or "")
        kept = self.settings["scalers"].get(called)
        if kept is None and not name and len(self.settings["scalers"]) == 1:
            called, kept = next(iter(self.settings["scalers"].items()))
        tells = getattr(self._model.root, "tells", None)
        numbers = () if tells is None else (len(tells.quantiles) or 3,)
        return _Series(
            None if kept is None else Scaler(np.array(kept["mean"]), np.array(kept["scale"])),
            Tracker(self._sure, called) if levels else None,
            np.full((self.lookback, width), np.nan),
            np.full(self.lookback, NEVER),
            np.full((horizon, horizon, *numbers), np.nan, np.float32),
            np.full((horizon, levels, horizon), np.nan),
            np.full(width, np.nan),
            np.full(width, NEVER),
        )

    def _values(self, row: Mapping[str, Any] | Sequence[float] | Array) -> Array:
        values = numbers_of(row, self.features)
        if np.isinf(values).any():
            raise DataError(f"expected finite numbers, got {values.tolist()}")
        return values

    def _on(self, one: _Series, time: Any) -> int:
        """Go on to the time of a row; give how many rows are missing before it."""
        if time is None and self._calendar:
            raise DataError(
                f"expected rows with a time, as the run reads the calendar "
                f"({', '.join(self._calendar)})"
            )
        if time is None and one.last == NEVER:
            one.last = 0
            return 0
        if time is None:
            one.last += 1
            return 0
        now = self._clock.read(time, offset=not self._calendar)
        if one.last == NEVER:
            one.last = now
            return 0
        steps = self._clock.steps(one.last, now)
        if steps is None:
            raise DataError(f"{time} does not lie on the run's grid of {self._clock.freq} steps")
        if steps < 1:
            when = "the same time as" if steps == 0 else "before"
            raise DataError(f"expected rows in order of time, got {time}, {when} the row before")
        nothing = np.full(len(self.features), np.nan)
        # What lies further back than the lookback is forgotten anyway.
        for at in self._clock.after(one.last, steps - 1, self.lookback + self.horizon):
            one.last = at
            self._push(one, nothing)
            self._forget(one)
        one.last = now
        return steps - 1

    def _of_row(self, one: _Series, value: float) -> list[Any]:
        """Tell how a value stands to the forecast of one row before, and learn from all of them."""
        told = one.told[-1, :1][None]
        nothing: list[Any] = [None] * (len(OF_ROW) if self._names else 1)
        if one.scaler is None or np.isnan(told).any():
            expected = nothing
        else:
            expected = self._compared(one, told, one.margins[-1, :, :1], value)
        if one.tracker is None or one.scaler is None or math.isnan(value):
            return expected
        if one.tracker.adaptive:
            truth = np.array((value - one.scaler.mean[0]) / one.scaler.scale[0])
            steps = np.arange(self.horizon)
            then, stood = one.told[-1 - steps, steps][None], one.margins[-1 - steps, :, steps]
            each = [scores(then, self._sure.tells, level, truth)[0] for level in self._sure.levels]
            for step, found in enumerate(np.array(each).T.tolist()):
                one.tracker.learn(step, found, stood[step].tolist())
        return expected

    def _compared(self, one: _Series, told: Array, margins: Array, value: float) -> list[Any]:
        assert one.scaler is not None
        tells = self._sure.tells
        point = float(self._restored(one, point_of(told, tells))[0, 0])
        if one.tracker is None:
            return [point]
        widest = self._sure.levels[-1]
        low, high = (
            float(self._restored(one, end)[0, 0])
            for end in interval(told, tells, widest, margins[-1])
        )
        if math.isnan(value):
            return [point, low, high, None, None]
        truth = np.array((value - one.scaler.mean[0]) / one.scaler.scale[0])
        score = float(scores(told, tells, widest, truth)[0, 0])
        outside = int(value < low or value > high)
        return [point, low, high, one.tracker.p_value(score), outside]

    def _restored(self, one: _Series, scaled: Array) -> Array:
        assert one.scaler is not None
        return one.scaler.restore(scaled.astype(np.float64), column=0)

    def _push(self, one: _Series, values: Array) -> None:
        one.rows = np.concatenate([one.rows[1:], values[None]])
        one.times = np.append(one.times[1:], one.last)

    def _forget(self, one: _Series, told: Array | None = None) -> None:
        """Put one more forecast at the end, or that there is none."""
        shape = one.told.shape[1:]
        newest = np.full(shape, np.nan, np.float32) if told is None else told
        one.told = np.concatenate([one.told[1:], newest[None]])
        margins = np.full(one.margins.shape[1:], np.nan)
        if told is not None and one.tracker is not None:
            margins = one.tracker.margins()
        one.margins = np.concatenate([one.margins[1:], margins[None]])

    def _fill(self, one: _Series, values: Array) -> None:
        """Fill what is missing before a value, linearly in time, where the run's policy allows."""
        for column, value in enumerate(values.tolist()):
            began = int(one.known_at[column])
            if math.isnan(value) or began == NEVER:
                continue
            if self._limit is not None and one.last - began > self._limit:
                continue
            inside = (one.times > began) & (one.times < one.last)
            ends = one.known[column], value
            one.rows[inside, column] = np.interp(
                one.times[inside] - began, (0, one.last - began), ends
            )

    def _window(self, one: _Series, scaler: Scaler) -> Array:
        """Lay the last rows out as the network reads them, with the calendar of rows ahead."""
        scaled = scaler.apply(one.rows)
        columns = [scaled[:, :1]] * (1 + self.settings["level"]) + [scaled[:, 1:]]
        window = np.concatenate(columns, axis=1)
        if self._calendar:
            later = self._clock.after(one.last, self.horizon)
            clock = Wall(np.append(one.times, later))
            past = np.pad(window, ((0, self.horizon), (0, 0)))
            flag = (np.arange(len(past)) >= self.lookback)[:, None]
            window = np.concatenate([past, calendar_channels(clock, self._calendar), flag], axis=1)
        laid: Array = window.astype(np.float32)
        return laid

    def _ahead(self, one: _Series, name: str) -> list[Any]:
        """Forecast from the last row on, where there is a whole lookback."""
        cells = self._steps * (1 + 2 * len(self._names))
        if np.isnan(one.rows).any():
            self._forget(one)
            return [None] * cells
        if one.scaler is None:
            one.scaler = Scaler.fit(one.rows)
        told, tells = told_of(self._model, self._window(one, one.scaler)[None])
        self._forget(one, told[0])
        lines = [self._restored(one, point_of(told, tells))[0]]
        for at, level in enumerate(self._sure.levels):
            ends = interval(told, tells, level, one.margins[-1, at])
            lines += [self._restored(one, end)[0] for end in ends]
        return [float(line[step]) for step in range(self._steps) for line in lines]
