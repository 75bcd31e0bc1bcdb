"""See an LSTM learn what a plain RNN cannot, then forecast real blood glucose, gates open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from glasscell.cli.flags import QUIET, add_flags
from glasscell.cli.terminal import print_json, say, say_inspect
from glasscell.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from glasscell.demo.showcase import Showcase
    from glasscell.reproduce.duel import Duel, DuelOptions
    from glasscell.tasks.forecast.fitting import FitResult
    from glasscell.tasks.forecast.options import ForecastOptions
    from glasscell.training.workers import Workers

JOBS = (
    "Networks to train side by side, each in a process of its own on one thread; the results have "
    "the same bits with any number. Default: one a core."
)
NEEDS = ("torch", "accelerate", "pandas", "sklearn", "utilsforecast", "rich")
SEEDS = 3


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell demo`."""
    one = "One part alone: the adding problem, or blood glucose."
    add_flags(
        parser,
        ("--out", str, "demo-report", "Folder to write."),
        ("--only", Literal["adding", "glucose"], None, one),
        ("--seed", int, 0, "Seed of weights and sequences."),
        ("--jobs", int | None, None, JOBS),
        ("--force", bool, False, "Replace the folder of an earlier demo."),
        ("--json", bool, False, "Print the numbers as JSON, and nothing else, on standard output."),
        QUIET,
    )


def run(args: Any) -> int:
    """Run `glasscell demo`."""
    if args.seed < 0:
        raise DataError(f"--seed: expected 0 or more, got {args.seed}")
    _require_packages(args.only)
    from glasscell.demo.glucose import OPTIONS
    from glasscell.demo.showcase import demo_folder
    from glasscell.reproduce.duel import DuelOptions
    from glasscell.training.workers import count

    jobs = count(args.jobs, 2 * SEEDS)
    folder = demo_folder(args.out, force=args.force)
    duel = DuelOptions(seed=args.seed) if args.only != "glucose" else None
    forecast = replace(OPTIONS, seed=args.seed, seeds=SEEDS) if args.only != "adding" else None
    showcase = play(folder, duel, forecast, quiet=args.quiet or args.json, jobs=jobs)
    if args.json:
        print_json(showcase.record())
    elif not args.quiet:
        conclude(showcase, Path(args.out))
    return 0


def play(
    folder: AbstractContextManager[Path],
    duel_options: DuelOptions | None,
    forecast_options: ForecastOptions | None,
    *,
    data: Any = None,
    quiet: bool = False,
    jobs: int = 1,
) -> Showcase:
    """Run the parts of the demo and write its folder.

    Args:
        folder: Of `demo_folder`; what is written into it appears only at the end, whole.
        duel_options: How to fight the duel; None: left out.
        forecast_options: How to fit the glucose forecast; None: left out.
        data: Glucose readings; None: those of bokeh_sampledata.
        quiet: Show nothing.
        jobs: Networks to train side by side.

    Raises:
        KeyboardInterrupt: Ctrl-C; nothing is written.
        WorkerError: A process was killed; nothing is written.
    """
    from rich.console import Console

    # All BLAS libraries are loaded by now: only those can be kept to one thread.
    from glasscell.demo import showcase
    from glasscell.training.workers import Workers, one_thread

    console = Console(stderr=True, quiet=quiet)
    began = time.perf_counter()
    with folder as draft, one_thread(), Workers(jobs) as workers:
        workers.start(2 * SEEDS)  # they import while this process reads the data
        duel = forecast = meals = None
        if duel_options is not None:
            duel = _fight(duel_options, console, workers)
        if forecast_options is not None:
            forecast = _fit(
                draft / showcase.GLUCOSE, forecast_options, data, quiet, console, workers
            )
            meals = _open_gates(forecast)
        seconds = time.perf_counter() - began
        played = showcase.Showcase(duel, forecast, meals, seconds, jobs)
        showcase.write(played, draft)
    return played


def conclude(played: Showcase, out: Path) -> None:
    """Print the tables, what they say, and where the report lies."""
    from rich.console import Console

    from glasscell.demo.showcase import GLUCOSE, REPORT
    from glasscell.reproduce import adding_page
    from glasscell.reproduce.adding_page import duel_table, sparklines
    from glasscell.tasks.forecast.results_table import results

    console = Console()
    if played.duel is not None:
        console.print()
        console.print(duel_table(played.duel))
        _say(console, adding_page.in_words(played.duel))
        for line in sparklines(played.duel):
            _say(console, line)
    if played.forecast is not None:
        console.print()
        console.print(results(played.forecast))
        _say(console, played.forecast.verdict)
    if played.meals is not None:
        console.print()
        _say(console, played.meals.sentence)
    console.print()
    place = out / REPORT
    _say(console, f"The report, with every gate open ({played.seconds:.0f} s in all):")
    say(console, str(place))
    if played.forecast is not None:
        say_inspect(console, out / GLUCOSE)


def _require_packages(only: str | None) -> None:
    needs = NEEDS if only == "adding" else (*NEEDS, "bokeh_sampledata")
    missing = [name for name in needs if find_spec(name) is None]
    if missing:
        raise DataError(f"the demo needs {', '.join(missing)}; pip install 'glasscell[demo]'")


def _fight(options: DuelOptions, console: Console, workers: Workers) -> Duel:
    from glasscell.reproduce.duel import duel

    _say(
        console,
        f"1  The adding problem: two numbers among {options.length} steps; answer their sum.",
    )
    with _bars(console) as bars:
        tasks: dict[tuple[str, float], TaskID] = {}

        def watch(kind: str, rate: float, step: int, error: float) -> None:
            name = f"{'LSTM' if kind == 'LSTM' else 'plain RNN'}, rate {rate:g}"
            if (kind, rate) not in tasks:
                tasks[kind, rate] = bars.add_task(name, total=options.steps, error="")
            bars.update(tasks[kind, rate], completed=step, error=f"error {error:.4f}")
            if error < options.enough:
                bars.update(tasks[kind, rate], total=step)

        return duel(options, watch, workers)


def _fit(
    run_folder: Path,
    options: ForecastOptions,
    data: Any,
    quiet: bool,
    console: Console,
    workers: Workers,
) -> FitResult:
    from glasscell.demo.glucose import load_glucose
    from glasscell.tasks.forecast.fitting import fit
    from glasscell.training.progress import Reporter
    from glasscell.training.workers import WorkerError

    _say(console, "2  A real person's blood glucose, an hour ahead.")
    readings = load_glucose() if data is None else data
    reporter = Reporter(quiet=quiet)
    try:
        result = fit(readings, run_folder, options, reporter=reporter, jobs=workers)
    except WorkerError as lost:
        # Not the advice to resume: the demo leaves nothing that could be.
        raise lost.__cause__ or lost from None
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def _open_gates(result: FitResult) -> Any:
    from glasscell.demo.glucose_page import meal_view

    return meal_view(result)


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("step {task.completed:.0f}"),
        TextColumn("{task.fields[error]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield bars


def _say(console: Console, text: str) -> None:
    say(console, text, soft_wrap=False)
