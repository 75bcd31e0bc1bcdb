"""How a run prepared its data, in preprocessing.json: what a forecast on new data has to repeat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from glasscell.data.panel import Series
from glasscell.tasks.forecast.lag import Lag
from glasscell.tasks.forecast.layout import Layout
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.scaling import Scaler
from glasscell.training import run_folder


def preprocessing(plan: Plan, lag: Lag | None = None) -> dict[str, Any]:
    """Give what preprocessing.json holds.

    Args:
        plan: Of the run.
        lag: How far back the data help and the network reads; None: too few data to tell.
    """
    roles, options = plan.panel.roles, plan.options
    return {
        **run_folder.task_format("forecast"),
        "layout": roles.layout,
        "columns": {
            "time": roles.time,
            "series": roles.series,
            "labels": list(roles.labels),
            "targets": list(roles.targets),
            "covariates": list(roles.covariates),
        },
        "frequency": plan.panel.freq,
        "gaps": options.gaps,
        "max_gap": options.max_gap,
        "reading": options.reading().manner(),
        "lookback": plan.lookback,
        "horizon": plan.horizon,
        "at_once": plan.at_once,
        "level": plan.dataset.level,
        "ahead": plan.dataset.layout.record(),
        "channels": plan.channels,
        "unit": options.unit,
        "lag": None if lag is None else lag.record(),
        "scalers": {
            series.unique_id: {"mean": scaler.mean.tolist(), "scale": scaler.scale.tolist()}
            for series, scaler in zip(plan.dataset.series, plan.dataset.scalers, strict=True)
        },
    }


def read_preprocessing(run: Path) -> dict[str, Any]:
    """Read preprocessing.json of a run.

    Raises:
        DataError: The folder or the file is missing, damaged, of another task or a newer version.
    """
    return run_folder.read_preprocessing(run, "forecast", run_folder.OF_FORECAST)


def scaler_of(series: Series, settings: dict[str, Any]) -> Scaler:
    """Give the scaler of a series: the run's, or one of its own history if the run has none."""
    kept = settings["scalers"].get(series.unique_id)
    if kept is None:
        return Layout.read(settings).scaler(series)
    return Scaler(np.array(kept["mean"]), np.array(kept["scale"]))
