"""Writes everything that a fit found into its run folder."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch

import glasscell
from glasscell import report
from glasscell.tasks import runs, specimens
from glasscell.tasks.page import forecast_page
from glasscell.tasks.plan import Plan
from glasscell.tasks.result import FitResult


def write_run(result: FitResult, folder: runs.RunFolder, data: Any) -> None:
    """Write every file of the run folder and move it to its place.

    Args:
        result: What `fit` found.
        folder: The run folder in the making.
        data: What was fitted, to name it in run.yaml.
    """
    glasscell.save(result.best.network, folder.draft, force=True)
    folder.write_json(runs.PREPROCESSING, _preprocessing(result.plan))
    settings = {"task": "forecast", "data": _named(data)}
    folder.write_settings({**settings, **result.plan.options.record()})
    folder.write_json(runs.METRICS, {**result.metrics(), "environment": _environment()})
    folder.write_log(line for trained in result.networks for line in trained.log())
    if result.best.film is not None:
        result.best.film.save(folder.draft / runs.FILM)
    if result.rival is not None:
        glasscell.save(result.rival.network, folder.draft / runs.RIVAL, force=True)
    specimens.of_plan(result.plan).save(folder.draft / runs.WINDOWS)
    report.write(forecast_page(result), folder.draft / runs.REPORT, force=True)
    folder.commit(keep_checkpoint=result.interrupted)


def _named(data: Any) -> str:
    if not isinstance(data, str | Path):
        return "a frame"
    return "-" if Path(data).name == runs.STANDARD_INPUT else str(data)


def _preprocessing(plan: Plan) -> dict[str, Any]:
    roles, options = plan.panel.roles, plan.options
    return {
        "format": runs.FORMAT,
        "version": runs.VERSION,
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
