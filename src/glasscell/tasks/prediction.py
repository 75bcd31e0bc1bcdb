"""Forecasts with a finished run: reads the same data checks, runs the model without torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import glasscell
from glasscell.errors import DataError
from glasscell.tasks import runs
from glasscell.tasks.csvfile import open_sheet
from glasscell.tasks.frames import Panel, ReadOptions, Series, read_panel
from glasscell.tasks.frequency import future
from glasscell.tasks.gaps import GapRule, Policy
from glasscell.tasks.windows import Scaler, channels

Array = np.ndarray[Any, Any]


def predict(
    run: str | os.PathLike[str],
    data: Any,
    *,
    time: str | None = None,
    target: str | None = None,
    series: str | None = None,
    gaps: Policy | None = None,
    max_gap: str | None = None,
    say: Any = None,
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

    Returns:
        A frame with unique_id, ds (the forecast's time), horizon (1, 2 ...) and forecast, in the
        data's unit.

    Raises:
        DataError: The run or the data cannot be used: another frequency, too few rows, a gap in the
            last rows.
        WeightFormatError: The model in the run is damaged.
    """
    folder = Path(run)
    told = say or (lambda _: None)
    settings = runs.read_preprocessing(folder)
    model = glasscell.load(folder)
    chosen: dict[str, Any] = {"time": time, "target": target, "series": series}
    rule = (
        GapRule(settings["gaps"], settings["max_gap"]) if gaps is None else GapRule(gaps, max_gap)
    )
    panel = read_like(data, settings, chosen, rule)
    for note in panel.notes:
        told(note)
    known = settings["scalers"]
    unseen = [s.unique_id for s in panel.series if s.unique_id not in known]
    if unseen:
        told(
            f"{len(unseen)} series were not in the training data and are scaled on their own "
            f"history: {', '.join(unseen[:5])}{' ...' if len(unseen) > 5 else ''}."
        )
    parts = [_forecast(model, s, settings, panel) for s in panel.series]
    return pd.concat(parts, ignore_index=True)


def read_like(data: Any, settings: dict[str, Any], chosen: dict[str, Any], rule: GapRule) -> Panel:
    """Read data with a run's columns where they are there and nothing else is named.

    Args:
        data: Path of a CSV file or a frame.
        settings: preprocessing.json of the run.
        chosen: "time", "target" and "series", None where the run decides.
        rule: What happens where values are missing.
    """
    columns = settings["columns"]
    names = set(_names(data))
    if chosen["time"] is None and columns["time"] in names:
        chosen["time"] = columns["time"]
    if chosen["series"] is None and columns["series"] in names:
        chosen["series"] = columns["series"]
    single = settings["layout"] != "wide" and len(columns["targets"]) == 1
    if chosen["target"] is None and single and columns["targets"][0] in names:
        chosen["target"] = columns["targets"][0]
    missing = [name for name in columns["covariates"] if name not in names]
    if missing:
        raise DataError(
            f"expected the covariates {', '.join(columns['covariates'])} that the run was trained "
            f"with, found no column {', '.join(missing)}; the columns found are {', '.join(names)}"
        )
    options = ReadOptions(
        **chosen,
        covariates=columns["covariates"],
        freq=settings["frequency"],
        freq_origin="the run",
        gaps=rule,
        resample=settings["resample"],
    )
    return read_panel(data, options)


def _names(data: Any) -> tuple[str, ...]:
    if isinstance(data, str | Path):
        return open_sheet(Path(data)).names
    return tuple(str(name) for name in getattr(data, "columns", ()))


def _forecast(model: Any, series: Series, settings: dict[str, Any], panel: Panel) -> pd.DataFrame:
    """Forecast one series from its last row on."""
    lookback, horizon = settings["lookback"], settings["horizon"]
    who = f"series {series.unique_id!r}"
    if len(series.ds) < lookback:
        raise DataError(
            f"{who}: expected at least {lookback} time steps, the lookback of the run, got "
            f"{len(series.ds)}; give a longer history"
        )
    last = series.values[-lookback:]
    if np.isnan(last).any():
        missing = np.isnan(last).any(axis=1)
        raise DataError(
            f"{who}: {int(missing.sum())} of the last {lookback} time steps have no value, first "
            f"{series.ds[-lookback:][int(np.argmax(missing))]}; fill them with --gaps interpolate"
        )
    known = settings["scalers"].get(series.unique_id)
    scaler = (
        Scaler.fit(series.values)
        if known is None
        else Scaler(np.array(known["mean"]), np.array(known["scale"]))
    )
    window = channels(scaler.apply(last), settings["level"])
    forecast = scaler.restore(model.run(window[None]).output[0].astype(np.float64))
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
