"""Fits networks on labelled sequences, and their rivals: data in, an honest table and a run out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import glasscell
from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.data.wording import count
from glasscell.files import STANDARD_INPUT
from glasscell.report.page import write
from glasscell.tasks.fit_call import FitCall, fit_call
from glasscell.tasks.inspect_run import look
from glasscell.tasks.model_card import write_card
from glasscell.tasks.sequences.baselines import Baseline, baselines, left_out
from glasscell.tasks.sequences.kept_sequences import keep
from glasscell.tasks.sequences.leaks import leaks
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.tasks.sequences.plan import Plan, make_plan
from glasscell.tasks.sequences.predict import evaluate, frame, outputs, predict
from glasscell.tasks.sequences.preprocessing import preprocessing
from glasscell.tasks.sequences.recipe import Recipe, predict_scores
from glasscell.tasks.sequences.result import FitResult
from glasscell.tasks.sequences.scores import Method, Scoreboard
from glasscell.tasks.sequences.told import Told, told
from glasscell.tasks.sequences.verdict import verdict
from glasscell.training import run_folder
from glasscell.training.campaign import Campaign, Trained, best_of_each, candidates, hire
from glasscell.training.kinds import KINDS, NAMES, Kind
from glasscell.training.progress import Reporter, stop_on_interrupt
from glasscell.training.trainer import environment
from glasscell.training.workers import Workers

__all__ = ["FitResult", "evaluate", "fit", "predict"]

PREDICTIONS = "predictions.csv"

MOST_ROWS = 1_000_000
"""Rows of predictions.csv from which on it holds those of the saved network alone."""


def fit(
    data: Any,
    out: str | os.PathLike[str] | None = None,
    options: SequenceOptions | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    reporter: Reporter | None = None,
    jobs: int | Workers | None = None,
    **changes: Any,
) -> FitResult:
    """Train networks on labelled sequences, compare them with baselines, write the run folder.

    Args:
        data: Anything that `read_sequences` takes: a long table (path or frame), a folder of
            classes, .npz, .npy, .ts, (X, y) or (X, y, groups) of arrays or lists, or `Sequences`.
        out: The run folder to write; None: nothing is written.
        options: The options; None: the defaults.
        force: Replace a run that is there; default False.
        resume: Go on with a run that was stopped or killed, to the same bits; default False.
        reporter: Shows progress; None: silent.
        jobs: Networks to train side by side, each on one thread in a process of its own; 1: in
            turn, in this process; or `Workers` to train with. Default: one a core where training
            is long, else 1. The results have the same bits with any number.
        **changes: Single options by name, e.g. ``cell="gru"``.

    Returns:
        The results; `FitResult.folder` is the run folder.

    Raises:
        DataError: The data or options cannot be used; nothing is written then.
        WorkerError: A process was killed, most often for want of memory; what was trained stays
            for `resume`.

    Notes:
        Every method is fitted and tested on the same parts, see `splits`. Ctrl-C ends training
        after the batch and keeps what there is. The saved network is the one with the least
        validation loss of all rounds; the table gives the mean over rounds, or, where each round
        has a test part of its own, the scores of all tested sequences together.
    """
    with fit_call(
        SequenceOptions,
        out,
        options,
        changes,
        force=force,
        resume=resume,
        reporter=reporter,
        jobs=jobs,
    ) as call:
        return _fit(data, call)


def _fit(data: Any, call: FitCall[SequenceOptions]) -> FitResult:
    options, folder, reporter = call.options, call.folder, call.reporter
    plan = make_plan(data, options)
    for line in (*summary_lines(plan), *plan.notes):
        reporter.say(line)
    found = leaks(plan.unaveraged)
    for line in found:
        reporter.say(line)
    rivals = baselines(plan.unaveraged, reporter.say)
    recipe = Recipe.of(plan)
    networks = candidates(plan.rounds[0].seed, len(plan.rounds), plan.options.cell)
    with (
        hire(call.jobs, len(networks), recipe.work) as workers,
        reporter,
        stop_on_interrupt() as stop,
    ):
        campaign = Campaign(recipe, networks, reporter, folder, workers)
        whole = campaign.run(stop)
    best = best_of_each(campaign.done)
    cell = KINDS[plan.options.cell]
    board = Scoreboard(plan)
    methods = _scored(plan, board, rivals, campaign.done)
    result = FitResult(
        plan=plan,
        methods=tuple(methods),
        judged=verdict(methods, NAMES[cell], board),
        networks=tuple(campaign.done),
        best=best[cell],
        rival=best.get("RNN") if cell != "RNN" else None,
        board=board,
        notes=tuple(
            note
            for note in (
                *found,
                *(rival.note for rival in rivals),
                left_out(plan),
                *best[cell].warnings,
            )
            if note
        ),
        interrupted=not whole,
        seconds=call.seconds,
        folder=folder.out if folder else None,
    )
    if folder is not None:
        _write(result, folder, data)
    return result


def _scored(
    plan: Plan, board: Scoreboard, rivals: list[Baseline], networks: list[Trained]
) -> list[Method]:
    """Score baselines and networks, on the rounds that the network was trained in."""
    cell = KINDS[plan.options.cell]
    first = plan.rounds[0].seed
    trained = [one.seed - first for one in networks if one.kind == cell]
    methods = []
    for rival in rivals:
        said = dict(enumerate(rival.said))
        said = {number: said[number] for number in trained} if board.apart else said
        methods.append(
            board.score(rival.name, said, parameters=rival.parameters, seconds=rival.seconds)
        )
    kinds: list[Kind] = [kind for kind in ("RNN", cell) if kind == cell or cell != "RNN"]
    for kind in dict.fromkeys(kinds):
        mine = {one.seed - first: one for one in networks if one.kind == kind}
        if not mine or (board.apart and not set(trained) <= set(mine)):
            continue  # stopped before: it would be scored on other sequences
        numbers = trained if board.apart else sorted(mine)
        methods.append(
            board.score(
                NAMES[kind],
                {number: said_by(plan, mine[number], board) for number in numbers},
                parameters=next(iter(mine.values())).parameters,
                seconds=float(np.mean([one.seconds for one in mine.values()])),
            )
        )
    return methods


def said_by(plan: Plan, trained: Trained, board: Scoreboard) -> Array:
    """Give what a network says of the test part of its round."""
    part = plan.round(trained.seed)
    scores = predict_scores(trained.network, plan.sequences, plan.scaler(part), part.test)
    return outputs(plan.goal, scores, plan.target_scaler(part))


def summary_lines(plan: Plan) -> list[str]:
    """Say what was understood of the data, a line each."""
    sequences, labels = plan.unaveraged.sequences, plan.labels
    lengths, part = sequences.lengths, plan.rounds[0]
    shortest, longest = int(lengths.min()), int(lengths.max())
    long = f"of {shortest:,} to {longest:,} steps" if shortest < longest else f"of {longest:,}"
    what = {"classify": "class", "multilabel": "label", "regress": "number"}[plan.goal]
    whole = count(len(labels.names), what, "classes" if what == "class" else "")
    names = ", ".join(labels.names[:8]) + (" …" if len(labels.names) > 8 else "")
    how = {
        "given": "the data's own test part",
        "part": "one part for all seeds",
        "folds": "each tested once",
    }[plan.scheme]
    facts = {
        "tell": f"{whole} of each {'step' if labels.per_step else 'sequence'}: {names}",
        "sequences": f"{len(sequences):,} {long}{' steps' if shortest == longest else ''}",
        "features": ", ".join(sequences.features[:8])
        + (f" … ({len(sequences.features)} in all)" if len(sequences.features) > 8 else ""),
        "rounds": f"{len(plan.rounds)}: {len(part.train):,} to train, {len(part.validation):,} to "
        f"validate, {len(part.test):,} to test ({how})",
        "network": f"{NAMES[KINDS[plan.options.cell]]} of {plan.options.hidden_size} units",
    }
    if sequences.groups is not None:
        facts["groups"] = f"{len(np.unique(sequences.groups)):,}, none in two parts"
    return [
        f"What was understood of {sequences.source or 'the data'}:",
        *(f"  {name:<10}  {text}" for name, text in facts.items()),
        "  To change it: --label, --sequence, --time, --features, --group, --per-step, --goal",
    ]


def _write(result: FitResult, folder: run_folder.RunFolder, data: Any) -> None:
    """Write every file of the run folder and move it to its place."""
    plan, part = result.plan, result.saved_round
    glasscell.save(result.best.network, folder.draft, force=True)
    settings = preprocessing(plan, part)
    folder.write_json(run_folder.PREPROCESSING, settings)
    folder.write_settings({"task": "sequences", "data": _named(data), **plan.options.record()})
    folder.write_json(run_folder.METRICS, {**result.metrics(), "environment": environment()})
    folder.write_log(result.log())
    if result.best.film is not None:
        result.best.film.save(folder.draft / run_folder.FILM)
    if result.rival is not None:
        glasscell.save(result.rival.network, folder.draft / run_folder.RIVAL, force=True)
    said = result.own.said[result.best.seed - plan.rounds[0].seed]
    keep(plan.sequences, part.test, said, plan.scaler(part).network_input).save(
        folder.draft / run_folder.SEQUENCES
    )
    table = predictions(result, told(settings))
    folder.write_text(PREDICTIONS, table.to_csv(index=False))
    write_card(folder, plan.options)
    write(look(folder.draft), folder.draft / run_folder.REPORT, force=True)
    folder.commit(keep_checkpoint=result.interrupted)


def predictions(result: FitResult, told: Told) -> pd.DataFrame:
    """Give what the networks said of the sequences that they were tested on, round by round."""
    said, saved = result.own.said, result.best.seed - result.plan.rounds[0].seed
    numbers = list(said) if sum(map(len, said.values())) <= MOST_ROWS else [saved]
    parts = []
    for number in numbers:
        table = frame(result.plan.sequences, result.board.tests[number], said[number], told)
        table.insert(1, "round", number)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _named(data: Any) -> str:
    if isinstance(data, Sequences):
        return data.source or "sequences"
    if not isinstance(data, str | Path):
        return str(getattr(data, "attrs", {}).get("source", type(data).__name__))
    return "-" if Path(data).name == STANDARD_INPUT else str(data)
