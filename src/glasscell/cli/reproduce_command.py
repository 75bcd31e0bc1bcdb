"""Run the classic experiments again: what was published beside what comes out here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glasscell.cli.flags import LANG, QUIET, add_flags
from glasscell.cli.terminal import print_json, say
from glasscell.errors import DataError

WHAT = "An experiment, all, or list."
SEEDS = "Trials of each row. Default: as published, or a few with --quick."
ROWS = "Rows of the table to run, parts of their names with ; in between. Default: all."
JOBS = "Trials to run side by side, each in a process of its own. Default: one a core."
OUT = "Folder to write; a folder of the same experiments is gone on with."
REPORT = "report.html"
LISTED = "list"
ALL = "all"


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell reproduce`."""
    add_flags(
        parser,
        ("name", str, LISTED, WHAT),
        ("--quick", bool, False, "A short form: fewer trials, shorter lags."),
        ("--seeds", int | None, None, SEEDS),
        ("--rows", list[str] | str | None, None, ROWS),
        ("--out", str, "reproduced", OUT),
        ("--jobs", int | None, None, JOBS),
        ("--json", bool, False, "Print the results as JSON, and nothing else, on standard output."),
        LANG,
        QUIET,
    )


def run(args: Any) -> int:
    """Run `glasscell reproduce`; gives 130 if Ctrl-C ended it early."""
    from glasscell.reproduce.experiments import EXPERIMENTS, experiment

    if args.seeds is not None and args.seeds < 1:
        raise DataError(f"--seeds: expected 1 or more, got {args.seeds}")
    if args.name == LISTED:
        return _list(args.json)
    chosen = [experiment(name) for name in (EXPERIMENTS if args.name == ALL else [args.name])]
    # Not commas: names of rows have them.
    parts = args.rows.split(";") if isinstance(args.rows, str) else args.rows or []
    rows = [part.strip() for part in parts if part.strip()]
    only = {one.NAME: rows for one in chosen}
    if args.name == ALL and rows:
        only, chosen = _of_each(chosen, rows, args)
    from rich.console import Console

    from glasscell.report.page import write
    from glasscell.reproduce.finding_page import explored
    from glasscell.reproduce.finding_table import terminal_table, write_finding
    from glasscell.reproduce.laboratory import reproduce
    from glasscell.training.progress import Reporter, stop_on_interrupt
    from glasscell.training.workers import Workers, count

    console, reporter = Console(), Reporter(quiet=args.quiet)
    records, whole = [], True
    with Workers(count(args.jobs, 1000)) as workers, stop_on_interrupt() as stop:
        for one in chosen:
            folder = Path(args.out) / one.NAME
            reporter.say(f"{one.TITLE[0]} ({one.SOURCE})")
            finding = reproduce(
                one,
                folder,
                quick=args.quick,
                seeds=args.seeds,
                only=only[one.NAME],
                workers=workers,
                reporter=reporter,
                stopped=lambda: stop.pressed,
            )
            whole = whole and finding.whole
            records.append(finding.record())
            if finding.rows:
                write_finding(finding, folder)
                if (page := explored(finding, folder)) is not None:
                    write(page, folder / REPORT, args.lang, force=True)
                    reporter.say(f"Wrote {folder / REPORT}; open it in a browser.")
                if not args.quiet and not args.json:
                    console.print(terminal_table(finding))
                    say(console, one.sentence(finding.rows)[0])
            if stop.pressed:
                reporter.say("Stopped; the same command goes on from here.")
                break
    if args.json:
        print_json(records if args.name == ALL else records[0])
    return 0 if whole else 130


def _of_each(chosen: list[Any], rows: list[str], args: Any) -> tuple[dict[str, Any], list[Any]]:
    """Give which of `rows` each experiment has, and the experiments that have any."""
    names = {one.NAME: {t.row for t in one.trials(args.quick, args.seeds)} for one in chosen}
    for row in rows:
        if not any(row in name for held in names.values() for name in held):
            raise DataError(f"--rows: expected a part of a row of some experiment, got {row!r}")
    only = {
        one: [row for row in rows if any(row in name for name in held)]
        for one, held in names.items()
    }
    return only, [one for one in chosen if only[one.NAME]]


def _list(as_json: bool) -> int:
    from glasscell.reproduce.experiments import EXPERIMENTS, experiment

    known = [experiment(name) for name in EXPERIMENTS]
    if as_json:
        print_json([{"name": e.NAME, "title": e.TITLE[0], "source": e.SOURCE} for e in known])
        return 0
    width = max(len(one.NAME) for one in known)
    for one in known:
        print(f"{one.NAME:<{width}}  {one.TITLE[0]}")
        print(f"{'':<{width}}  {one.SOURCE}")
    return 0
