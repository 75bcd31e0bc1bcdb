"""Fits a forecasting LSTM and its rivals: a CSV file or frame in, an honest table and a run out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

import glasscell
from glasscell.files import STANDARD_INPUT
from glasscell.report.page import write
from glasscell.tasks.fit_call import FitCall, fit_call
from glasscell.tasks.forecast import kept_windows
from glasscell.tasks.forecast.baselines import baselines
from glasscell.tasks.forecast.coverage import Sureness, sureness
from glasscell.tasks.forecast.data_summary import summary_lines
from glasscell.tasks.forecast.heads import telling_of
from glasscell.tasks.forecast.linear import LinearForecast
from glasscell.tasks.forecast.network import Recipe, tell
from glasscell.tasks.forecast.network import predict as forecast_windows
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.page import Shown
from glasscell.tasks.forecast.plan import Plan, make_plan
from glasscell.tasks.forecast.predict import predict
from glasscell.tasks.forecast.preprocessing import preprocessing
from glasscell.tasks.forecast.result import FitResult
from glasscell.tasks.forecast.ridge import ridge
from glasscell.tasks.forecast.room import require_room
from glasscell.tasks.forecast.scores import Scoreboard
from glasscell.tasks.forecast.verdict import verdict
from glasscell.tasks.inspect_run import look
from glasscell.training import run_folder
from glasscell.training.campaign import Campaign, best_of_each, candidates, hire
from glasscell.training.kinds import KINDS, NAMES, Kind
from glasscell.training.progress import Reporter, stop_on_interrupt
from glasscell.training.trainer import environment
from glasscell.training.workers import Workers

__all__ = ["FitResult", "fit", "keep_network", "predict", "start"]


def fit(
    data: Any,
    out: str | os.PathLike[str] | None = None,
    options: ForecastOptions | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    reporter: Reporter | None = None,
    jobs: int | Workers | None = None,
    **changes: Any,
) -> FitResult:
    """Train LSTMs, compare them with baselines, and write the run folder.

    Args:
        data: Path of a CSV file (plain or gz), or a pandas or polars frame: long (unique_id, ds, y)
            or wide (a time column and one column per series).
        out: The run folder to write; None: nothing is written.
        options: The options; None: the defaults.
        force: Replace a run that is there; default False.
        resume: Go on with a run that was stopped or killed, to the same bits; default False.
        reporter: Shows progress; None: silent.
        jobs: Networks to train side by side, each on one thread in a process of its own; 1: in
            turn, in this process; or `Workers` to train with. Default: one a core that this process
            may use, or 1 where training takes no longer than starting processes, shares a GPU, or
            runs under a launcher. The results have the same bits with any number.
        **changes: Single options by name, e.g. ``horizon=12``.

    Returns:
        The results; `FitResult.folder` is the run folder.

    Raises:
        DataError: The data or options cannot be used; nothing is written then.
        WorkerError: A process was killed, most often for want of memory; what was trained stays
            for `resume`.

    Notes:
        Each series is split in time into 70 % training, 10 % validation and 20 % test, scaled on
        its training part, and cut into windows, in that order. Ctrl-C ends training after the batch
        and keeps what there is. The saved LSTM is the one with the best validation error of all
        seeds; the table gives the mean over seeds.

        Under a launcher (``torchrun --nproc-per-node 2 -m glasscell fit ...``) every process runs
        its share of each batch, and the first one writes; the result is that of one process up to
        the order of sums.
    """
    with fit_call(
        ForecastOptions,
        out,
        options,
        changes,
        force=force,
        resume=resume,
        reporter=reporter,
        jobs=jobs,
    ) as call:
        return _fit(data, call)


def _fit(data: Any, call: FitCall[ForecastOptions]) -> FitResult:
    options, folder, reporter = call.options, call.folder, call.reporter
    plan = make_plan(data, options)
    for note in (*summary_lines(plan), *plan.notes):
        reporter.say(note)
    require_room(plan)
    board = Scoreboard(plan.dataset, plan.test, plan.season)
    held = Scoreboard(plan.dataset, plan.validation, plan.season)
    methods, forecasts = baselines(plan, board, held)
    recipe = Recipe.of(plan, start(plan))
    networks = candidates(options.seed, options.seeds, options.cell)
    with (
        hire(call.jobs, len(networks), recipe.work) as workers,
        reporter,
        stop_on_interrupt() as stop,
    ):
        campaign = Campaign(recipe, networks, reporter, folder, workers)
        whole = campaign.run(stop)
    best = best_of_each(campaign.done)
    cell = KINDS[options.cell]
    sure: dict[Kind, Sureness] = {}
    for kind in _in_order(cell):
        mine = [one for one in campaign.done if one.kind == kind]
        if not mine:
            continue
        of_seeds = [board.restore(forecast_windows(one.network, plan.test)) for one in mine]
        forecasts[NAMES[kind]] = of_seeds[mine.index(best[kind])]
        method = board.score(
            NAMES[kind],
            of_seeds,
            parameters=mine[0].parameters,
            seconds=float(np.mean([one.seconds for one in mine])),
            linear=sum(one.best_epoch == 0 for one in mine),
        )
        sure[kind] = _sureness(best[kind].network, plan, (held, board))
        methods.append(sure[kind].beside(method))
    result = FitResult(
        plan,
        tuple(methods),
        verdict(methods, board.weights(), plan.horizon, plan.options.unit, NAMES[cell]),
        tuple(campaign.done),
        best[cell],
        best.get("RNN") if cell != "RNN" else None,
        forecasts,
        board,
        not whole,
        call.seconds,
        folder.out if folder else None,
        sure[cell],
    )
    if folder is not None:
        _write(result, folder, data)
    return result


def _sureness(
    network: torch.nn.Module, plan: Plan, boards: tuple[Scoreboard, Scoreboard]
) -> Sureness:
    """Measure how sure a network is."""
    options, tells = plan.options, telling_of(plan.options)
    told = forecast_windows if tells is None else tell
    return sureness(
        boards,
        (told(network, plan.validation), told(network, plan.test)),
        options.level,
        tells,
        options.calibration == "adaptive",
    )


def _in_order(cell: Kind) -> list[Kind]:
    """Give the kinds of networks as the table lists them: the plain rival, then the cell."""
    return list(dict.fromkeys(("RNN", cell)))


def start(plan: Plan) -> LinearForecast:
    """Fit what the linear path starts from: the target's changes, and what is known ahead."""
    train = plan.train.thinned(plan.options.max_windows)
    return ridge(train, plan.validation, level=False, extra=False)


def _write(result: FitResult, folder: run_folder.RunFolder, data: Any) -> None:
    """Write every file of the run folder and move it to its place.

    Args:
        result: What `fit` found.
        folder: The run folder in the making.
        data: What was fitted, to name it in run.yaml.
    """
    keep_network(folder, result.best.network, result.plan, _named(data))
    result.sureness.calibration.save(folder.draft / run_folder.CALIBRATION)
    folder.write_json(run_folder.METRICS, {**result.metrics(), "environment": environment()})
    folder.write_log(result.log())
    if result.best.film is not None:
        result.best.film.save(folder.draft / run_folder.FILM)
    if result.rival is not None:
        glasscell.save(result.rival.network, folder.draft / run_folder.RIVAL, force=True)
    kept_windows.of_plan(result.plan).save(folder.draft / run_folder.WINDOWS)
    Shown.of(result).save(folder.draft / run_folder.FORECASTS)
    write(look(folder.draft), folder.draft / run_folder.REPORT, force=True)
    folder.commit(keep_checkpoint=result.interrupted)


def keep_network(folder: run_folder.RunFolder, network: Any, plan: Plan, data: str) -> None:
    """Write what a forecast needs: the network, how data are prepared, and the options.

    Args:
        folder: The run folder in the making.
        network: The network.
        plan: What it was trained on.
        data: Name of the data.
    """
    glasscell.save(network, folder.draft, force=True)
    folder.write_json(run_folder.PREPROCESSING, preprocessing(plan))
    folder.write_settings({"task": "forecast", "data": data, **plan.options.record()})


def _named(data: Any) -> str:
    if not isinstance(data, str | Path):
        return str(getattr(data, "attrs", {}).get("source", "a frame"))
    return "-" if Path(data).name == STANDARD_INPUT else str(data)
