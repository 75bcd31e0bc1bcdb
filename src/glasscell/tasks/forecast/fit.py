"""Fits a forecasting LSTM and its rivals: a CSV file or frame in, an honest table and a run out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.data.read import Series
from glasscell.errors import DataError
from glasscell.tasks.forecast.autoregression import LinearForecast
from glasscell.tasks.forecast.baselines import drift, naive, ridge, seasonal_naive
from glasscell.tasks.forecast.data_summary import summary_lines
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.forecast.plan import Plan, make_plan
from glasscell.tasks.forecast.predict import predict
from glasscell.tasks.forecast.result import FitResult
from glasscell.tasks.forecast.room import require_room
from glasscell.tasks.forecast.scores import LSTM, PLAIN_RNN, Method, Scoreboard
from glasscell.tasks.forecast.verdict import verdict
from glasscell.tasks.forecast.writing import write_run
from glasscell.training import run_folder
from glasscell.training.campaign import Campaign, Trained, is_long, tasks
from glasscell.training.progress import Reporter, stop_on_interrupt
from glasscell.training.trainer import predict as forecast_windows
from glasscell.training.workers import Workers, count

__all__ = ["FitResult", "fit", "predict"]


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
    """
    started = time.perf_counter()
    reporter = reporter or Reporter(quiet=True)
    if not isinstance(options, ForecastOptions | None):
        raise DataError(f"options: expected ForecastOptions or None, got {type(options).__name__}")
    for name, switch in (("force", force), ("resume", resume)):
        if not isinstance(switch, bool):
            raise DataError(f"{name}: expected True or False, got {switch!r}")
    options = ForecastOptions(**{**(options.record() if options else {}), **changes})
    if not isinstance(jobs, Workers):
        count(jobs, 1)
    if out is None:
        return _fit(data, options, None, reporter, started, jobs)
    with run_folder.RunFolder(out, force=force, resume=resume) as folder:
        return _fit(data, options, folder, reporter, started, jobs)


def _fit(
    data: Any,
    options: ForecastOptions,
    folder: run_folder.RunFolder | None,
    reporter: Reporter,
    started: float,
    jobs: int | Workers | None,
) -> FitResult:
    plan = make_plan(data, options)
    for note in (*summary_lines(plan), *plan.notes):
        reporter.say(note)
    require_room(plan)
    board = Scoreboard(plan.dataset, plan.test, plan.season)
    methods, forecasts = _baselines(plan, board)
    with _workers(jobs, plan) as workers, reporter, stop_on_interrupt() as stop:
        campaign = Campaign(plan, _start(plan), reporter, folder, workers)
        whole = campaign.run(stop)
    trained = _best(campaign.done)
    for kind, name in (("RNN", PLAIN_RNN), ("LSTM", LSTM)):
        mine = [t for t in campaign.done if t.kind == kind]
        if mine:
            runs_of_kind = [board.restore(forecast_windows(t.network, plan.test)) for t in mine]
            forecasts[name] = runs_of_kind[mine.index(trained[kind])]
            seconds = float(np.mean([t.seconds for t in mine]))
            methods.append(
                board.score(
                    name,
                    runs_of_kind,
                    parameters=mine[0].parameters,
                    seconds=seconds,
                    linear=sum(t.best_epoch == 0 for t in mine),
                )
            )
    result = FitResult(
        plan,
        tuple(methods),
        verdict(methods, board.weights(), plan.horizon, plan.options.unit),
        tuple(campaign.done),
        trained["LSTM"],
        trained.get("RNN"),
        forecasts,
        board,
        not whole,
        time.perf_counter() - started,
        folder.out if folder else None,
    )
    if folder is not None:
        write_run(result, folder, data)
    return result


def _workers(jobs: int | Workers | None, plan: Plan) -> AbstractContextManager[Workers]:
    """Give those who train; ones that came from outside stay when training is over."""
    if isinstance(jobs, Workers):
        return nullcontext(jobs)
    if jobs is None and not is_long(plan):
        return Workers(1)
    return Workers(count(jobs, len(tasks(plan.options))))


def _baselines(plan: Plan, board: Scoreboard) -> tuple[list[Method], dict[str, Array]]:
    """Score the forecasts that need no network."""
    horizon, season = plan.horizon, plan.season
    rules: dict[str, Callable[[Series, Array, int], Array]] = {"naive": naive}
    if season > 1:
        rules["seasonal naive"] = partial(seasonal_naive, season=season)
    rules["drift"] = drift
    forecasts: dict[str, Array] = {}
    for name, rule in rules.items():
        forecasts[name] = np.empty(board.truth.shape)
        for owner, series in enumerate(plan.dataset.series):
            mine = board.owners == owner
            forecasts[name][mine] = rule(series, board.rows[mine], horizon)
    methods = [board.score(name, [forecast]) for name, forecast in forecasts.items()]
    began = time.perf_counter()
    linear = ridge(
        plan.train.thinned(plan.options.max_windows), plan.validation, plan.dataset.level
    )
    seconds = time.perf_counter() - began
    forecasts["ridge"] = board.restore(linear.forecast(plan.test.inputs()))
    methods.append(
        board.score("ridge", [forecasts["ridge"]], parameters=linear.parameters, seconds=seconds)
    )
    return methods, forecasts


def _start(plan: Plan) -> LinearForecast:
    """Fit the linear model that the skip starts from: it reads the target's changes alone."""
    train = plan.train.thinned(plan.options.max_windows)
    target, seen = (replace(w, values=w.values[:, :1]) for w in (train, plan.validation))
    return ridge(target, seen, level=False, extra=False)


def _best(done: list[Trained]) -> dict[str, Trained]:
    """Give the best network of each kind on validation."""
    best: dict[str, Trained] = {}
    for trained in done:
        if trained.kind not in best or trained.validation < best[trained.kind].validation:
            best[trained.kind] = trained
    return best
