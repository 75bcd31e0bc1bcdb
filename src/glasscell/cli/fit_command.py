"""Train an LSTM on series, labelled sequences or text, compare it with honest baselines."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import yaml

from glasscell.cli.flags import QUIET, add_flags, add_options, flags_of, read_options, scan
from glasscell.cli.terminal import STANDARD, print_json, readable, say, say_inspect
from glasscell.data.datasets.inventory import PREFIX, DataSet, find, named
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.tasks.detect import Task, detect

JOBS = (
    "Networks to train side by side, each in a process of its own on one thread; the results have "
    "the same bits with any number. Default: one a core, or 1 for a training of seconds."
)
DATA = (
    "CSV or JSON (plain, gz, bz2, xz, zst or zip), Parquet (a file or a folder of them), Excel, "
    "ODS, Arrow, .ts, .npz, a folder with one folder for each label, a text or a folder of "
    "texts, or the name of a data set (glasscell datasets); - for standard input."
)
WHAT = "What to fit. Default: what the data ask for; standard input is taken for series."
PER_GROUP = "Column that names groups: a model for each, a run folder of its own below --out."
ENGINE = (
    "Where groups are fitted: local (--jobs processes), dask, ray, spark, or the address of a Dask "
    "scheduler, whose workers share the disk of --out."
)
OPTIONS: dict[Task, str] = {
    "forecast": "glasscell.tasks.forecast.options:ForecastOptions",
    "sequences": "glasscell.tasks.sequences.options:SequenceOptions",
    "text": "glasscell.tasks.text.options:TextOptions",
}
"""Each task to the dataclass of its options."""

SUBJECTS = {
    "forecast": "Train an LSTM on the series of a table, compare it with honest baselines.",
    "sequences": "Train an LSTM on labelled sequences, compare it with honest baselines.",
    "text": "Train an LSTM on a text, symbol by symbol, compare it with honest baselines.",
}
GOALS: dict[str, tuple[Task, str | None]] = {
    "forecast": ("forecast", None),
    "classify": ("sequences", "classify"),
    "regress": ("sequences", "regress"),
    "sequences": ("sequences", None),
    "text": ("text", None),
}
"""Words of --task to the task, and the goal that they say as well."""

OWN = {
    **dict.fromkeys(("--config", "--data", "--out", "--task", "--jobs"), "1"),
    **dict.fromkeys(("--per-group", "--engine"), "1"),
    **dict.fromkeys(("--force", "--resume", "--json", "--quiet", "--help", "-h"), "0"),
    "--print_config": "?",
}
"""Flags that every task has, and how many values each takes."""


@dataclass(frozen=True)
class Glance:
    """What can be told of a call before its flags are known.

    Args:
        task: What is to be fitted; None: neither data nor --task say it.
        word: What says so, for messages.
        data: The data, if any are given.
        printed: The data as --print_config has written them, if they are given nowhere else.
        given: Flags that were given, on the command line or by a config file.
        helping: Whether --help is asked for.
    """

    task: Task | None
    word: str
    data: str | None
    printed: str | None
    given: tuple[str, ...]
    helping: bool


class NamedTexts(list[str]):
    """Texts that say where they come from.

    Args:
        texts: The texts.
        source: Where.
    """

    def __init__(self, texts: Sequence[str], source: str) -> None:
        super().__init__(texts)
        self.source = source


def add_arguments(parser: Any, arguments: Sequence[str]) -> None:
    """Add the flags of `glasscell fit`, and those of the task that is to be fitted.

    Raises:
        DataError: A flag is one of another task.
    """
    glance = look(arguments)
    task = glance.task or "forecast"
    parser.usage = "glasscell fit DATA --out RUN [--task TASK] [options]"
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    words = Literal["auto", "forecast", "classify", "regress", "sequences", "text"]
    add_flags(
        parser,
        ("file", str, glance.printed, DATA),
        ("--data", str | None, None, "The same, for YAML files."),
        ("--out", str, None, "Run folder to write."),
        ("--task", words, task, WHAT),
    )
    if glance.helping and glance.task is None:
        parser.formatter_class = type(
            "Formatter", (argparse.RawDescriptionHelpFormatter, parser.formatter_class), {}
        )
        parser.epilog = _overview()
    else:
        parser.description = SUBJECTS[task]
        _refuse_others(glance, task)
        add_options(parser, options_of(task))
    if task == "forecast":
        add_flags(
            parser,
            ("--per-group", str | None, None, PER_GROUP),
            ("--engine", str, "local", ENGINE),
        )
    resume = "Go on with a run that was stopped or killed, to the same bits."
    add_flags(
        parser,
        ("--jobs", int | None, None, JOBS),
        ("--force", bool, False, "Replace a run that is there."),
        ("--resume", bool, False, resume),
        ("--json", bool, False, "Print the metrics as JSON, and nothing else, on standard output."),
        QUIET,
    )


def run(args: Any) -> int:
    """Run `glasscell fit`; gives 130 if Ctrl-C ended training early."""
    data = args.file or args.data
    if data is None:
        raise DataError("expected the CSV file to learn from: glasscell fit DATA --out RUN")
    if args.out is None:
        raise DataError("expected --out RUN, the folder to write")
    task, goal = GOALS[args.task] if args.task != "auto" else (_parsed_for(args), None)
    chosen = read_options(args, options_of(task))
    if goal is not None:
        chosen["goal"] = _goal(goal, chosen["goal"])
    from glasscell.training import distribution
    from glasscell.training.progress import Reporter
    from glasscell.training.run_folder import METRICS

    fit = import_module(f"glasscell.tasks.{task}").fit
    known = data_set(data)
    if task == "forecast" and args.per_group is not None:
        return _each_group(args, data, known, chosen)
    if task == "forecast" and args.engine != "local":
        raise DataError("--engine says where groups are fitted; name their column with --per-group")
    more = {
        "force": args.force,
        "resume": args.resume,
        "reporter": Reporter(quiet=args.quiet),
        "jobs": args.jobs,
    }
    if known is not None:
        options = _with_needs(options_of(task), chosen, known)
        result = fit(_opened(known, options), args.out, options, **more)
    else:
        options = options_of(task)(**chosen)
        with readable(data) as file:
            result = fit(file, args.out, options, **more)
    if distribution.rank() > 0:
        return 130 if result.interrupted else 0
    if args.json:
        print_json(json.loads((result.folder / METRICS).read_text(encoding="utf-8")))
    elif not args.quiet:
        show(result, task)
    return 130 if result.interrupted else 0


def _each_group(args: Any, data: str, known: DataSet | None, chosen: dict[str, Any]) -> int:
    """Fit a model for each group; gives 1 if some failed."""
    from glasscell.tasks.forecast.many import TABLE, fit_groups

    kind = options_of("forecast")
    options = kind(**chosen) if known is None else _with_needs(kind, chosen, known)
    more = {
        "engine": args.engine,
        "jobs": args.jobs,
        "force": args.force,
        "resume": args.resume,
        "say": lambda text: print(text, file=sys.stderr),
    }
    with readable(data) as file:
        held = file if known is None else _opened(known, options)
        table = fit_groups(held, args.out, args.per_group, options, **more)
    failed = int((table["status"] == "failed").sum())
    if args.json:
        print_json(json.loads(table.to_json(orient="records")))
    elif not args.quiet:
        shown = [n for n in table if n in ("group", "status") or str(n).startswith("mae ")]
        print(table[shown].to_string(index=False, float_format="{:.4g}".format, na_rep="–"))
        print(f"{count(len(table) - failed, 'run')} of {len(table)}: {Path(args.out) / TABLE}")
    return 1 if failed else 0


def show(result: Any, task: Task) -> None:
    """Print the table, the verdict and where the run lies."""
    from rich.console import Console

    from glasscell.training.run_folder import CHECKPOINT

    laid_out = import_module(f"glasscell.tasks.{task}.results_table").results
    console = Console()
    if task == "text":
        console.print(laid_out(result.methods, result.plan.options.unit))
    else:
        console.print(laid_out(result))
    for text in (result.verdict, *result.remarks):
        say(console, text)
    if result.interrupted and result.folder is not None:
        kept = (result.folder / CHECKPOINT).is_file()
        on = "go on with --resume" if kept else "no epoch was done, so begin again with --force"
        console.print(f"Training was stopped early; {on}.", highlight=False)
    if result.folder is not None:
        console.print(
            f"{result.folder / 'report.html'}", highlight=False, markup=False, soft_wrap=True
        )
        say_inspect(console, result.folder)


def look(arguments: Sequence[str]) -> Glance:
    """Find the data, the task and the flags in arguments of which not all may be right.

    What is wrong with them is left to the parser that is made by what is found.
    """
    found = scan(arguments, _every_flag() | OWN)
    if found is None:
        return Glance(None, "", None, None, (), False)
    values, rest = found
    config = _config(values.pop("--config", None))
    data = next((word for word in rest if word == STANDARD or not word.startswith("-")), None)
    data = data or values.get("--data") or config.get("data")
    printed = None if data else config.get("file")
    data = data or printed
    given = (*values, *(f"--{name.replace('_', '-')}" for name in config if name != "file"))
    word = values.get("--task") or config.get("task") or "auto"
    helping = bool({"--help", "-h"} & set(values))
    if word in GOALS:
        return Glance(GOALS[word][0], f"--task {word}", data, printed, given, helping)
    if data is None or word != "auto":
        return Glance(None, "--task forecast", data, printed, given, helping)
    task = _task_of(data, given)
    return Glance(task, f"{data}, which is taken for {task}", data, printed, given, helping)


def options_of(task: Task) -> type:
    """Give the dataclass of a task's options."""
    module, _, name = OPTIONS[task].partition(":")
    kind: type = getattr(import_module(module), name)
    return kind


def data_set(data: str) -> DataSet | None:
    """Give the data set that is named, where no file or folder has the name.

    Raises:
        DataError: It says `dataset:` before a name that no data set has.
    """
    if data.startswith(PREFIX):
        return named(data)
    return None if data == STANDARD or Path(data).exists() else find(data)


def _parsed_for(args: Any) -> Task:
    """Tell of which task the options are that were parsed."""
    return next(task for task in OPTIONS if all(f.name in args for f in fields(options_of(task))))


def _task_of(data: str, given: Sequence[str]) -> Task:
    """Tell the task of data that are named on the command line."""
    try:
        known = data_set(data)
    except DataError:
        return "forecast"  # said when the data are opened
    if known is not None:
        return GOALS[known.goal][0]
    return detect(data, [name.removeprefix("--") for name in given])


def _with_needs(options: type, chosen: Mapping[str, Any], known: DataSet) -> Any:
    """Make options of those that were chosen, and of what a data set needs where none were."""
    defaults = options()
    needs = {
        name: value
        for name, value in known.options.items()
        if chosen[name] == getattr(defaults, name)
    }
    return options(**{**chosen, **needs})


def _opened(known: DataSet, options: Any) -> Any:
    """Load a data set so that the run folder can say which it was."""
    loaded, name = known.load(), f"{PREFIX}{known.name}"
    if GOALS[known.goal][0] == "sequences":
        from glasscell.data.sequences.reading import read_sequences

        return replace(read_sequences(loaded, options.reading()), source=name)
    if known.goal == "forecast":
        loaded.attrs["source"] = name
    return NamedTexts(loaded, name) if known.goal == "text" else loaded


def _goal(of_task: str, chosen: str | None) -> str:
    if chosen in (None, of_task) or (of_task, chosen) == ("classify", "multilabel"):
        return chosen or of_task
    raise DataError(f"--goal: expected what --task {of_task} says, or none, got {chosen}")


def _every_flag() -> dict[str, str]:
    return {name: taking for task in OPTIONS for name, taking in flags_of(options_of(task)).items()}


def _refuse_others(glance: Glance, task: Task) -> None:
    """Refuse a flag that only another task has."""
    own = flags_of(options_of(task)).keys() | OWN
    for name in glance.given:
        owners = [other for other in OPTIONS if name in flags_of(options_of(other))]
        if name not in own and owners:
            word = "classify" if owners[0] == "sequences" else owners[0]
            got = glance.word or f"--task {task}"
            hint = "" if got.startswith("--task") else f"; say --task {word} if that is meant"
            raise DataError(f"{name} is an option of --task {word}; got {got}{hint}")


def _config(path: str | None) -> dict[str, Any]:
    """Read a config file as far as it can be read; what is wrong with it the parser says."""
    try:
        held = yaml.safe_load(Path(path).read_text(encoding="utf-8")) if path else None
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return {str(name): value for name, value in held.items()} if isinstance(held, dict) else {}


def _overview() -> str:
    """Say which options each task has, by their names."""
    lines = ["More options, which glasscell fit --task TASK --help explains:"]
    for word, (task, goal) in GOALS.items():
        if word == "sequences":
            continue
        names = "as classify" if goal == "regress" else " ".join(flags_of(options_of(task)))
        lines.append(
            textwrap.fill(
                names,
                78,
                initial_indent=f"  {word:<9} ",
                subsequent_indent=" " * 12,
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines)
