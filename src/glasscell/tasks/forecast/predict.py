"""Forecasts with a finished run: reads the same data checks, runs the model without torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import glasscell
from glasscell.data.frequency import future, rhythm
from glasscell.data.read import Panel, ReadOptions, Series, read_panel
from glasscell.data.read_options import Policy
from glasscell.data.readers import open_source
from glasscell.data.wording import count, few, share, time_text
from glasscell.errors import DataError
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.preprocessing import read_preprocessing, scaler_of
from glasscell.tasks.forecast.windows import Windows
from glasscell.tasks.option_checks import flag

SAID = 5
"""Series that are named one by one where they are left out."""


def predict(
    run: str | os.PathLike[str],
    data: Any,
    *,
    time: str | None = None,
    target: str | None = None,
    series: str | None = None,
    gaps: Policy | None = None,
    max_gap: str | None = None,
    say: Callable[[str], None] | None = None,
    **reading: Any,
) -> pd.DataFrame:
    """Forecast every series of the data from its last row on.

    Args:
        run: A run folder written by `fit`.
        data: Path of a CSV file or a frame, with at least `lookback` time steps per series.
        time: Time column; None: as in the run, if the data have it, else found.
        target: Column to forecast; None: likewise.
        series: Column that names the series; None: likewise.
        gaps: Gap policy; None: the run's.
        max_gap: Longest interpolated gap; None: the run's, if `gaps` is not given either.
        say: Called with each sentence on what was done; None: silent.
        **reading: How the file is written, by the names of `ForecastOptions` (``decimal=","``);
            None: as in the run.

    Returns:
        A frame with unique_id, ds (the forecast's time), horizon (1, 2 ...) and forecast, in the
        data's unit. A series that is shorter than the lookback or has a gap in it is left out.

    Raises:
        DataError: The run or the data cannot be used: another frequency or kind of time, no series
            that is long enough, gaps.
        WeightFormatError: The model in the run is damaged.
        TypeError: An option is none about how the data are written.
    """
    if not isinstance(run, str | os.PathLike):
        raise DataError(f"run: expected the path of a run folder, got {run!r}")
    defaults = ReadOptions().manner()
    if strange := [name for name in reading if name not in defaults]:
        raise TypeError(
            f"predict: expected options about how the data are written ({', '.join(defaults)}), "
            f"got {', '.join(strange)}; the others are as the run has them"
        )
    folder = Path(run)
    tell = say or (lambda _: None)
    settings = read_preprocessing(folder)
    model = glasscell.load(folder)
    chosen = {"time": time, "target": target, "series": series, "gaps": gaps, "max_gap": max_gap}
    panel = read_like(data, settings, say, **chosen, **reading)
    lookback = settings["lookback"]
    lacks = {s.unique_id: _lacks(s, lookback) for s in panel.series}
    long_enough = [s for s in panel.series if not lacks[s.unique_id]]
    if not long_enough:
        name, what = next(iter(lacks.items()))
        rest = count(len(lacks) - 1, "other series", "other series")
        others = f" (likewise {rest})" if len(lacks) > 1 else ""
        raise DataError(
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
    parts = [_forecast(model, s, settings, panel) for s in long_enough]
    return pd.concat(parts, ignore_index=True)


def read_like(
    data: Any, settings: dict[str, Any], say: Callable[[str], None] | None = None, **changes: Any
) -> Panel:
    """Read data as a run's were read, where they have its columns and nothing else is given.

    Args:
        data: Path of a CSV file or a frame.
        settings: preprocessing.json of the run.
        say: Called with each sentence on what was done; None: silent.
        **changes: Options by the names of `ForecastOptions`; None: as in the run.

    Raises:
        DataError: The data cannot be read, lack a covariate of the run, or have another frequency
            or kind of time.
    """
    columns, names = settings["columns"], open_source(data).names
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
    missing = [name for name in columns["covariates"] if name not in names]
    if missing:
        raise DataError(
            f"expected the covariates {', '.join(columns['covariates'])} that the run was trained "
            f"with, found no column {', '.join(missing)}; the columns found are {', '.join(names)}"
        )
    manner = settings.get("reading", {"resample": settings.get("resample", False)})
    defaults = ReadOptions().manner()
    if unknown := [name for name in manner if name not in defaults]:
        raise DataError(
            f"the run was read with {few(unknown)}, which this glasscell does not know; update it"
        )
    options = ForecastOptions(**{**manner, **chosen, "covariates": columns["covariates"]})
    reading = replace(
        options.reading(),
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
    absent = [name for name in columns["targets"] if targets and name not in targets]
    for note in (*panel.notes, *([f"The data have no column {few(absent)}."] if absent else [])):
        (say or (lambda _: None))(note)
    return panel


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


def _forecast(model: Any, series: Series, settings: dict[str, Any], panel: Panel) -> pd.DataFrame:
    """Forecast one series from its last row on."""
    lookback, horizon = settings["lookback"], settings["horizon"]
    scaler, layout = scaler_of(series, settings), Layout.read(settings)
    more = horizon if layout.known else 0
    rows = layout.rows(series.last(lookback), scaler, panel.freq, more)
    origin = np.array([lookback])
    windows = Windows(rows, origin, lookback, horizon, 1, layout.of_network())
    forecast = model.run(windows.inputs()).output[0].astype(np.float64)
    forecast = scaler.restore(forecast, column=0)
    times = future(series.ds[-1], panel.freq, horizon)
    if panel.utc:
        times = times.tz_localize("UTC")
    return pd.DataFrame(
        {
            "unique_id": series.unique_id,
            "ds": times,
            "horizon": np.arange(1, horizon + 1),
            "forecast": forecast,
        }
    )
