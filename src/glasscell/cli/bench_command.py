"""Time glasscell beside every other engine that is installed, on this machine, answers checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from glasscell.cli.flags import add_flags
from glasscell.cli.terminal import print_json, say
from glasscell.errors import DataError

QUICK_TURNS, TURNS = 3, 7
QUICK = f"A few rows, {QUICK_TURNS} turns: a first look in about a minute."
OUT = "Folder for bench.json and bench.svg, or NAME.json with NAME.svg beside it."


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell bench`."""
    add_flags(
        parser,
        ("--cases", str, "", "Only rows with all these words: 'LSTM training 256'."),
        ("--engines", str | None, None, "Only these, comma-separated. Default: all."),
        ("--threads", int | None, None, "Of each engine. Default: every CPU."),
        ("--turns", int | None, None, f"Blocks of each engine. Default: {TURNS}."),
        ("--out", str, "bench-report", OUT),
        ("--quick", bool, False, QUICK),
        ("--list", bool, False, "Say which rows and engines there are, and measure nothing."),
        ("--force", bool, False, "Replace an earlier result."),
        ("--json", bool, False, "Print the result as JSON, and nothing else, on standard output."),
    )


def run(args: Any) -> int:
    """Run `glasscell bench`; gives 1 if an engine's answer was wrong."""
    from glasscell.bench.cases import select
    from glasscell.bench.engines import ENGINES, listing

    cases = select(args.cases, quick=args.quick)
    names = [n.strip() for n in args.engines.split(",")] if args.engines else list(ENGINES)
    for name in names:
        listing(name)
    if args.list:
        _list(cases, names, args.json)
        return 0
    threads, turns = _threads(args.threads), args.turns
    if turns is None:
        turns = QUICK_TURNS if args.quick else TURNS
    if turns < 1:
        raise DataError(f"--turns: expected 1 or more, got {turns}")
    from glasscell.bench.measure import Pace
    from glasscell.bench.run import place, write
    from glasscell.bench.run import run as measure

    places = place(args.out, force=args.force)
    with _progress(len(cases)) as watch:
        result = measure(cases, names, threads=threads, pace=Pace(turns), watch=watch)
    write(result, places)
    if args.json:
        print_json(result)
    else:
        _show(result, places)
    wrong = [row for row in result["rows"] if any(map(_is_wrong, row["left_out"].values()))]
    return 1 if wrong else 0


def _is_wrong(reason: str) -> bool:
    return reason.startswith("wrong answer")


def _threads(threads: int | None) -> int:
    from glasscell import _core

    most = _core.available_cpus()
    if threads is not None and not 1 <= threads <= most:
        raise DataError(f"--threads: expected 1 to {most}, the CPUs of this process, got {threads}")
    return threads or most


def _list(cases: list[Any], names: list[str], as_json: bool) -> None:
    from glasscell.bench.engines import listing

    if as_json:
        missing = {name: listing(name).missing or None for name in names}
        print_json({"cases": [case.label for case in cases], "missing": missing})
        return
    for case in cases:
        print(case.label)
    print()
    for name in names:
        print(f"{name}: {listing(name).missing or 'installed'}")


@contextmanager
def _progress(count: int) -> Iterator[Callable[[str, dict[str, Any] | None], None]]:
    """A bar on standard error, and a line there for each row that is done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from glasscell.bench.readable import line

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting the engines", total=count)

        def watch(label: str, row: dict[str, Any] | None) -> None:
            if row is None:
                bar.update(task, description=label)
            else:
                bar.advance(task)
                say(bar.console, line(row))

        yield watch


def _show(result: dict[str, Any], places: Any) -> None:
    from rich.console import Console

    from glasscell.bench.readable import headline, notes, table

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    for line in (headline(result), ""):
        say(console, line, soft_wrap=False)
    console.print(table(result))
    for line in (*notes(result), "", f"{places.json}", f"{places.svg}"):
        say(console, line)
