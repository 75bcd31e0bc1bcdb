"""Fits a forecasting LSTM and its rivals: a table or frame in, an honest table and a run out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import glasscell
from glasscell.arrays import Array
from glasscell.files import STANDARD_INPUT
from glasscell.report.page import write
from glasscell.tasks.fit_call import FitCall, fit_call
from glasscell.tasks.forecast import backtest, kept_windows
from glasscell.tasks.forecast.baselines import baselines
from glasscell.tasks.forecast.coverage import span
from glasscell.tasks.forecast.data_summary import summary_lines
from glasscell.tasks.forecast.foreign import foreign
from glasscell.tasks.forecast.heads import telling_of
from glasscell.tasks.forecast.lag import Lag, read_back
from glasscell.tasks.forecast.leaks import leaks
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
from glasscell.tasks.forecast.scores import Entry, Scoreboard, Span
from glasscell.tasks.forecast.standings import by_origin, standings
from glasscell.tasks.forecast.verdict import Blocks, verdict
from glasscell.tasks.inspect_run import look
from glasscell.tasks.model_card import write_card
from glasscell.training import run_folder
from glasscell.training.campaign import Campaign, Trained, best_of_each, candidates, hire
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
        data: Path of a table (CSV, Parquet, Excel, JSON, Arrow ...), or a frame: long (unique_id,
            ds, y) or wide (a time column and one column per series).
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
        Each series is split in time into 70 % training, 10 % validation and 20 % test (with
        `windows` the origins of a backtest decide), scaled on its training part, and cut into
        windows, in that order. Ctrl-C ends training after the batch and keeps what there is. The
        saved LSTM is the one with the best validation error of all seeds; the table gives the mean
        over seeds.

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
    plan = make_plan(data, options, reporter.say)
    for note in (*summary_lines(plan), *plan.notes):
        reporter.say(note)
    require_room(plan)
    others, asides = _foreign(plan)
    for sentence in (warnings := leaks(plan)):
        reporter.say(sentence)
    rounds = backtest.rounds(plan)
    boards = [Scoreboard(one.dataset, one.test, one.season) for one in rounds]
    said = [baselines(one, board, reporter.say) for one, board in zip(rounds, boards, strict=True)]
    recipes = tuple(Recipe.of(one, start(one)) for one in rounds)
    recipe = recipes[0] if len(recipes) == 1 else backtest.Rolling(recipes)
    networks = candidates(options.seed, options.seeds * len(rounds), options.cell)
    cell = KINDS[options.cell]
    with (
        hire(call.jobs, len(networks), recipe.work) as workers,
        reporter,
        stop_on_interrupt() as stop,
    ):
        campaign = Campaign(recipe, networks, reporter, folder, workers)
        whole = campaign.run(stop)
    done = [[n for n in campaign.done if recipe.round_of(n.seed) == k] for k in range(len(rounds))]
    kept = [k for k in range(len(rounds)) if any(one.kind == cell for one in done[k])]
    entries = [[*said[k][0], *network_entries(rounds[k], boards[k], done[k], cell)] for k in kept]
    every = plan.test.origins
    plan, pooled = backtest.pooled(plan, [rounds[k] for k in kept], entries)
    tested = np.isin(every, plan.test.origins)
    pooled = [*(one.of(tested) for one in others), *pooled]
    last = kept[-1]
    best = best_of_each(done[last])
    board = Scoreboard(plan.dataset, plan.test, plan.season)
    compared = standings(plan, board, pooled)
    methods, blocks = compared[0].methods, Blocks.on(board)
    result = FitResult(
        plan,
        rounds[last],
        compared,
        by_origin(plan, board, pooled),
        verdict(methods, blocks, plan.options.unit, NAMES[cell]),
        tuple(campaign.done),
        best[cell],
        best.get("RNN") if cell != "RNN" else None,
        {one.name: one.forecasts[one.saved] for one in pooled},
        board,
        (*warnings, *said[last][1], *asides),
        not whole,
        call.seconds,
        folder.out if folder else None,
        _read_back(rounds[last], best[cell]),
        next((one.span for one in pooled if one.name == NAMES[cell]), None),
    )
    if folder is not None:
        _write(result, folder, data)
    return result


def _foreign(plan: Plan) -> tuple[list[Entry], list[str]]:
    """Read the forecasts of others, if there are any."""
    if plan.options.compare is None:
        return [], []
    board = Scoreboard(plan.dataset, plan.test, plan.season)
    return foreign(plan, board, plan.options.compare)


def network_entries(
    plan: Plan, board: Scoreboard, networks: Sequence[Trained], cell: Kind
) -> list[Entry]:
    """Forecast the test windows of a plan with its networks, the plain rival before the cell."""
    best = best_of_each(networks)
    entries = []
    for kind in dict.fromkeys(("RNN", cell)):
        mine = [one for one in networks if one.kind == kind]
        if mine:
            told = [forecast_windows(one.network, plan.test) for one in mine]
            saved = mine.index(best[kind])
            entries.append(
                Entry(
                    name=NAMES[kind],
                    forecasts=tuple(map(board.restore, told)),
                    parameters=mine[0].parameters,
                    seconds=float(np.mean([one.seconds for one in mine])),
                    linear=sum(one.best_epoch == 0 for one in mine),
                    saved=saved,
                    span=_span(best[kind].network, plan, board, told[saved]),
                )
            )
    return entries


def _span(network: torch.nn.Module, plan: Plan, board: Scoreboard, points: Array) -> Span:
    """Say how sure a network is, whose points of the test windows are known."""
    tells = telling_of(plan.options)
    if tells is None:
        return span(plan, board, (forecast_windows(network, plan.validation), points))
    return span(plan, board, (tell(network, plan.validation), tell(network, plan.test)), tells)


def _read_back(plan: Plan, best: Trained) -> Lag | None:
    """Add to how far back the data help how far back the saved network reads."""
    if plan.lag is None:
        return None
    forecast = partial(forecast_windows, best.network)
    name = NAMES[best.kind]
    curve = read_back(forecast, plan.validation, name, plan.season, plan.dataset.level)
    return replace(plan.lag, network=curve)


def start(plan: Plan) -> LinearForecast:
    """Fit what the linear path starts from: the target's changes, and what is known ahead."""
    train = plan.train.thinned(plan.options.max_windows)
    train, held_out = map(plan.once, (train, plan.validation))
    return ridge(train, held_out, level=False, extra=False)


def _write(result: FitResult, folder: run_folder.RunFolder, data: Any) -> None:
    """Write every file of the run folder and move it to its place.

    Args:
        result: What `fit` found.
        folder: The run folder in the making.
        data: What was fitted, to name it in run.yaml.
    """
    keep_network(folder, result.best.network, result.saved, _named(data), result.lag)
    if result.span is not None:
        result.span.calibration.save(folder.draft / run_folder.CALIBRATION)
    folder.write_json(run_folder.METRICS, {**result.metrics(), "environment": environment()})
    folder.write_log(result.log())
    if result.best.film is not None:
        result.best.film.save(folder.draft / run_folder.FILM)
    if result.rival is not None:
        glasscell.save(result.rival.network, folder.draft / run_folder.RIVAL, force=True)
    kept_windows.of_plan(result.saved).save(folder.draft / run_folder.WINDOWS)
    Shown.of(result).save(folder.draft / run_folder.FORECASTS)
    write_card(folder, result.plan.options)
    write(look(folder.draft), folder.draft / run_folder.REPORT, force=True)
    folder.commit(keep_checkpoint=result.interrupted)


def keep_network(
    folder: run_folder.RunFolder, network: Any, plan: Plan, data: str, lag: Lag | None = None
) -> None:
    """Write what a forecast needs: the network, how data are prepared, and the options.

    Args:
        folder: The run folder in the making.
        network: The network.
        plan: What it was trained on.
        data: Name of the data.
        lag: How far back the data help and the network reads; None: as the plan has it.
    """
    glasscell.save(network, folder.draft, force=True)
    folder.write_json(run_folder.PREPROCESSING, preprocessing(plan, lag or plan.lag))
    folder.write_settings({"task": "forecast", "data": data, **plan.options.record()})


def _named(data: Any) -> str:
    if not isinstance(data, str | Path):
        return str(getattr(data, "attrs", {}).get("source", "a frame"))
    return "-" if Path(data).name == STANDARD_INPUT else str(data)
