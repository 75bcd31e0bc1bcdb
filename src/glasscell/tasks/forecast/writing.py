"""Writes everything that a fit found into its run folder."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch

import glasscell
from glasscell.report.page import write
from glasscell.tasks.forecast import kept_windows
from glasscell.tasks.forecast.page import Shown
from glasscell.tasks.forecast.plan import Plan
from glasscell.tasks.forecast.result import FitResult
from glasscell.tasks.inspect_run import look
from glasscell.training import run_folder


def write_run(result: FitResult, folder: run_folder.RunFolder, data: Any) -> None:
    """Write every file of the run folder and move it to its place.

    Args:
        result: What `fit` found.
        folder: The run folder in the making.
        data: What was fitted, to name it in run.yaml.
    """
    glasscell.save(result.best.network, folder.draft, force=True)
    folder.write_json(run_folder.PREPROCESSING, _preprocessing(result.plan))
    settings = {"task": "forecast", "data": _named(data)}
    folder.write_settings({**settings, **result.plan.options.record()})
    folder.write_json(run_folder.METRICS, {**result.metrics(), "environment": _environment()})
    folder.write_log(line for trained in result.networks for line in trained.log())
    if result.best.film is not None:
        result.best.film.save(folder.draft / run_folder.FILM)
    if result.rival is not None:
        glasscell.save(result.rival.network, folder.draft / run_folder.RIVAL, force=True)
    kept_windows.of_plan(result.plan).save(folder.draft / run_folder.WINDOWS)
    Shown.of(result).save(folder.draft / run_folder.FORECASTS)
    write(look(folder.draft), folder.draft / run_folder.REPORT, force=True)
    folder.commit(keep_checkpoint=result.interrupted)


def _named(data: Any) -> str:
    if not isinstance(data, str | Path):
        return "a frame"
    return "-" if Path(data).name == run_folder.STANDARD_INPUT else str(data)


def _preprocessing(plan: Plan) -> dict[str, Any]:
    roles, options = plan.panel.roles, plan.options
    return {
        "format": run_folder.FORMAT,
        "version": run_folder.VERSION,
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
        "level": plan.dataset.level,
        "channels": plan.channels,
        "unit": options.unit,
        "scalers": {
            series.unique_id: {"mean": scaler.mean.tolist(), "scale": scaler.scale.tolist()}
            for series, scaler in zip(plan.dataset.series, plan.dataset.scalers, strict=True)
        },
    }


def _environment() -> dict[str, str]:
    return {
        "glasscell": glasscell.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
    }
