"""Train an LSTM on a CSV file, compare it with honest baselines, and write a run folder."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal

from glasscell.cli.flags import QUIET, add_flags, add_options
from glasscell.cli.terminal import print_json, readable, say, say_inspect
from glasscell.errors import DataError
from glasscell.tasks.forecast.options import ForecastOptions

JOBS = (
    "Networks to train side by side, each in a process of its own on one thread; the results have "
    "the same bits with any number. Default: one a core, or 1 for a training of seconds."
)


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell fit`."""
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    add_flags(
        parser,
        ("file", str, None, "CSV file, plain or gz; - for standard input."),
        ("--data", str | None, None, "The same, for YAML files."),
        ("--out", str, None, "Run folder to write."),
        ("--task", Literal["forecast"], "forecast", "What to fit."),
    )
    words = str | list[str] | None
    add_options(parser, ForecastOptions, covariates=words, missing=words)
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
    chosen: dict[str, Any] = {field.name: args[field.name] for field in fields(ForecastOptions)}
    options = ForecastOptions(**{**chosen, "covariates": _list(args.covariates)})
    from glasscell.tasks.forecast.fitting import fit
    from glasscell.training.progress import Reporter

    with readable(data) as file:
        result = fit(
            file,
            args.out,
            options,
            force=args.force,
            resume=args.resume,
            reporter=Reporter(quiet=args.quiet),
            jobs=args.jobs,
        )
    if args.json:
        print_json(result.metrics())
    elif not args.quiet:
        show(result)
    return 130 if result.interrupted else 0


def show(result: Any) -> None:
    """Print the table, the verdict and where the run lies."""
    from rich.console import Console

    from glasscell.tasks.forecast.results_table import results
    from glasscell.training.run_folder import CHECKPOINT

    console = Console()
    console.print(results(result.methods, result.plan.options.unit))
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


def _list(value: str | list[str] | None) -> list[str] | None:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip() not in ("", "none")]
    return value
