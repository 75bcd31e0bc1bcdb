"""Fits a network on text and its rivals: files in, an honest table and a run folder out."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import glasscell
from glasscell.files import STANDARD_INPUT
from glasscell.report.page import write
from glasscell.tasks.fit_call import FitCall, fit_call
from glasscell.tasks.inspect_run import look
from glasscell.tasks.model_card import write_card
from glasscell.tasks.text import baselines
from glasscell.tasks.text.kept_text import keep
from glasscell.tasks.text.network import Recipe, bits
from glasscell.tasks.text.options import TextOptions
from glasscell.tasks.text.plan import UNITS, Plan, make_plan
from glasscell.tasks.text.preprocessing import preprocessing
from glasscell.tasks.text.reach import Reach, measure
from glasscell.tasks.text.result import FitResult
from glasscell.tasks.text.sampling import sample
from glasscell.tasks.text.scores import Method, scored
from glasscell.tasks.text.tracking import tracking_units
from glasscell.tasks.text.verdict import verdict
from glasscell.training import run_folder
from glasscell.training.campaign import Campaign, best_of_each, candidates, hire
from glasscell.training.kinds import KINDS, NAMES, Kind
from glasscell.training.progress import Reporter, Stop, stop_on_interrupt
from glasscell.training.trainer import environment
from glasscell.training.workers import Workers

__all__ = ["FitResult", "fit"]

SAMPLE = "sample.txt"

STRETCHES, STEPS = 4, 500
"""Of the test text, for the page."""

HISTORY = 2000
"""Symbols before the test part that a network reads before it is scored."""


def fit(
    data: Any,
    out: str | os.PathLike[str] | None = None,
    options: TextOptions | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    reporter: Reporter | None = None,
    jobs: int | Workers | None = None,
    **changes: Any,
) -> FitResult:
    """Train networks that foretell a text, compare them with baselines, and write the run folder.

    Args:
        data: Path of a text file (plain or gz) or of a folder of such, or a list of texts.
        out: The run folder to write; None: nothing is written.
        options: The options; None: the defaults.
        force: Replace a run that is there; default False.
        resume: Go on with a run that was stopped or killed, to the same bits; default False.
        reporter: Shows progress; None: silent.
        jobs: Networks to train side by side, each on one thread in a process of its own; default
            one a core, or 1 where training is short.
        **changes: Single options by name, e.g. ``unit="byte"``.

    Returns:
        The results; `FitResult.folder` is the run folder.

    Raises:
        DataError: The text or options cannot be used; nothing is written then.
        WorkerError: A process was killed; what was trained stays for `resume`.

    Notes:
        90 % of the text are learnt from, the next 5 % decide which epoch is kept, the last 5 % are
        scored: whole files, or of each file its end. Streams lie side by side in the training part
        and carry their state on; gradients travel back `truncation` steps. Validation and test are
        read as one stream. Ctrl-C ends training after the batch and keeps what there is.
    """
    with fit_call(
        TextOptions, out, options, changes, force=force, resume=resume, reporter=reporter, jobs=jobs
    ) as call:
        return _fit(data, call)


def _fit(data: Any, call: FitCall[TextOptions]) -> FitResult:
    options, folder, reporter = call.options, call.folder, call.reporter
    plan = make_plan(data, options)
    if len(plan.train) > baselines.MOST:
        shortened = (
            f"The n-grams and compressors read the last {baselines.MOST:,} symbols of the training "
            "part."
        )
        plan = replace(plan, notes=(*plan.notes, shortened))
    for note in (*plan.lines(), *plan.notes):
        reporter.say(note)
    networks = candidates(options.seed, options.seeds, options.cell)
    with reporter, stop_on_interrupt() as stop:
        plan, reach = _truncated(plan, reporter, stop)
        recipe = Recipe.of(plan)
        with hire(call.jobs, len(networks), recipe.work) as workers:
            workers.start(len(networks))
            methods = _baselines(plan)
            campaign = Campaign(recipe, networks, reporter, folder, workers)
            whole = campaign.run(stop)
    best = best_of_each(campaign.done)
    own = KINDS[options.cell]
    kinds: tuple[Kind, ...] = ("RNN", own) if own != "RNN" else (own,)
    for kind in kinds:
        mine = [one for one in campaign.done if one.kind == kind]
        if mine:
            history = plan.validation[-HISTORY:]
            methods.append(
                scored(
                    NAMES[kind],
                    [bits(one.network, plan.test, history) for one in mine],
                    plan,
                    seeds=len(mine),
                    parameters=mine[0].parameters,
                    seconds=float(np.mean([one.seconds for one in mine])),
                )
            )
    result = FitResult(
        plan,
        tuple(methods),
        verdict(methods, UNITS[options.unit]),
        tuple(campaign.done),
        best[own],
        best.get("RNN") if own != "RNN" else None,
        reach,
        not whole,
        call.seconds,
        folder.out if folder else None,
    )
    return result if folder is None else _write(result, folder, data)


def _truncated(plan: Plan, reporter: Reporter, stop: Stop) -> tuple[Plan, Reach | None]:
    """Fill in the truncation: the one that is given, or what is measured."""
    if plan.options.truncation is not None:
        return plan.truncated(plan.options.truncation), None
    reach = measure(plan, lambda: stop.pressed)
    said = reach.in_words(plan.options.unit)
    reporter.say(said)
    return replace(plan.truncated(reach.chosen), notes=(*plan.notes, said)), reach


def _baselines(plan: Plan) -> list[Method]:
    """Score what needs no network."""
    methods = []
    for order in (1, baselines.ORDER):
        began = time.perf_counter()
        parts = (plan.train, plan.validation, plan.test)
        costs, known = baselines.ngram(*parts, len(plan.vocabulary), order)
        name = "unigram" if order == 1 else f"{order}-gram"
        seconds = time.perf_counter() - began
        methods.append(scored(name, [costs], plan, parameters=known, seconds=seconds))
    plain = baselines.plain_bytes(plan.vocabulary)
    for name in baselines.COMPRESSORS:
        began = time.perf_counter()
        total = baselines.compressed_bits(name, plain, plan.train, plan.test)
        methods.append(scored(name, total, plan, seconds=time.perf_counter() - began))
    return methods


def _write(result: FitResult, folder: run_folder.RunFolder, data: Any) -> FitResult:
    """Write every file of the run folder and move it to its place.

    Args:
        result: What `fit` found.
        folder: The run folder in the making.
        data: What was fitted, to name it in run.yaml.
    """
    plan, draft = result.plan, folder.draft
    glasscell.save(result.best.network, draft, force=True)
    folder.write_json(run_folder.PREPROCESSING, preprocessing(plan))
    result = replace(result, units=tracking_units(draft, plan.vocabulary, plan.test))
    folder.write_settings({"task": "text", "data": _named(data), **plan.options.record()})
    folder.write_json(run_folder.METRICS, {**result.metrics(), "environment": environment()})
    folder.write_log(result.log())
    if result.best.film is not None:
        result.best.film.save(draft / run_folder.FILM)
    if result.rival is not None:
        glasscell.save(result.rival.network, draft / run_folder.RIVAL, force=True)
    folder.write_text(SAMPLE, sample(draft, seed=plan.options.seed))
    kept = keep(plan.test, plan.vocabulary.symbols, STRETCHES, STEPS)
    kept.save(draft / run_folder.TEXT)
    write_card(folder, plan.options)
    write(look(draft), draft / run_folder.REPORT, force=True)
    folder.commit(keep_checkpoint=result.interrupted)
    return result


def _named(data: Any) -> str:
    if not isinstance(data, str | Path):
        return str(getattr(data, "source", "texts"))
    return "-" if Path(data).name == STANDARD_INPUT else str(data)
