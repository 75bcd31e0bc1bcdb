"""Forecast, classify or tag new data with a finished run; needs no torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glasscell.cli.flags import FORCE, MAX_GAP, Flag, add_flags, add_overrides, flags_of, scan
from glasscell.cli.terminal import STANDARD, readable
from glasscell.data.read import ReadOptions
from glasscell.data.read_options import Policy
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.files import draft, require_free_file
from glasscell.tasks.forecast.options import ForecastOptions
from glasscell.tasks.sequences.options import SequenceOptions
from glasscell.training.run_folder import task_of

READING = tuple(ReadOptions().manner())
"""Options about how a file of series is written; each is a flag."""
NAMES = ("time", "target", "series", "gaps", "max_gap", "sheet")
"""Further options about how series are read."""
OF_SEQUENCES = ("label", "sequence", "time", "group", "layout", "missing", "marks")
"""Options about how sequences are read."""
REASONS = "Say of each series, on standard error, what moved its last forecast; of a run on series."
TAKING = {
    "forecast": {
        **flags_of(ForecastOptions, (*READING, *NAMES, "horizon")),
        "--future": "1",
    },
    "sequences": flags_of(SequenceOptions, OF_SEQUENCES),
    "text": {},
}
"""Flags by the task of the run, and how many values each takes."""
LEVEL: Flag = (
    "--level",
    list[float] | None,
    None,
    "Percent of the intervals, as [80,90]; [] for none. Default: as in the run.",
)
ANOMALIES: Flag = (
    "--anomalies",
    bool,
    False,
    "Judge every value by the forecast of one step before, and forecast nothing.",
)
FDR: Flag = (
    "--fdr",
    float | None,
    None,
    "With --anomalies: false discovery rate (Benjamini & Hochberg), in (0, 1), in place of the "
    "outermost interval.",
)
FUTURE = (
    "File with what is known ahead: a row for each time step after the data, with the columns of "
    "--future-covariates. Default: rows below the data that have no target."
)
HORIZON = "Steps to forecast. Default: as in the run; for more its forecasts are read as history."
ENGINE = (
    "Where series are forecast: local, dask, ray, spark, or the address of a Dask scheduler. A "
    "Parquet file or folder may be larger than memory."
)
LOCAL = "local"
AHEAD = ("future", "horizon")
"""What is known ahead and how far to forecast, which is nothing to evaluate."""
SAID = {
    "forecast": ("forecast", "series", "unique_id"),
    "sequences": ("row", "sequence", "sequence"),
    "text": ("symbol", "document", "document"),
}
"""What a file has rows of, of what, and by which column they differ."""


def add_arguments(parser: Any, arguments: Sequence[str]) -> None:
    """Add the flags of `glasscell predict`, which depend on the task of the run."""
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    add_flags(
        parser,
        ("run", str, ..., "Run folder that glasscell fit wrote."),
        ("data", str, ..., "Data as fit takes them; - for standard input."),
        ("--out", str, ..., "CSV file to write; - for standard output."),
    )
    if add_reading(parser, arguments) in (None, "forecast"):
        add_flags(
            parser,
            *(LEVEL, ANOMALIES, FDR),
            ("--future", str | None, None, FUTURE),
            ("--horizon", int | None, None, HORIZON),
            ("--reasons", bool, False, REASONS),
            ("--engine", str, LOCAL, ENGINE),
            ("--jobs", int | None, 1, "Processes of the local engine."),
        )
    json_ = "Print what is told as JSON on standard output, and no CSV with --out -."
    add_flags(
        parser,
        FORCE,
        ("--json", bool, False, json_),
        ("--quiet", bool, False, "Print nothing but errors (and what is told)."),
    )


def add_reading(parser: Any, arguments: Sequence[str]) -> str | None:
    """Add the flags that say how data are read, those of the run's task, and give that.

    Raises:
        DataError: A flag is one of runs of another task.
    """
    own = {"--config": "1", "--out": "1", "--force": "0", "--json": "0", "--quiet": "0"}
    own |= {"--level": "1", "--anomalies": "0", "--fdr": "1", "--reasons": "0"}
    own |= {"--future": "1", "--horizon": "1", "--engine": "1", "--jobs": "1"}
    every = {name: number for flags in TAKING.values() for name, number in flags.items()}
    given, places = scan(arguments, {**every, **own, "--help": "0", "-h": "0"}) or ({}, [])
    task = None
    if places and Path(places[0]).is_dir():
        task = task_of(Path(places[0]))
        strange = [n for n in given if n in every and n not in TAKING.get(task, {})]
        if strange:
            raise DataError(f"{strange[0]} is no option for a run of {task}, as {places[0]} is")
    if task in (None, "forecast"):
        add_flags(
            parser,
            ("--target", str | None, None, "Column to forecast. Default: as in the run."),
            ("--time", str | None, None, "Time column. Default: as in the run."),
            ("--series", str | None, None, "Column that names the series. Default: as in the run."),
            MAX_GAP,
            ("--gaps", Policy | None, None, "Missing values. Default: the run's policy."),
            ("--sheet", str | None, None, "Sheet of a workbook, by name or by number from 1."),
        )
        add_overrides(parser, ForecastOptions, READING)
    elif task == "sequences":
        add_overrides(parser, SequenceOptions, OF_SEQUENCES)
    return task


def run(args: Any) -> int:
    """Run `glasscell predict`."""
    to_screen = args.out == STANDARD
    out = Path(args.out)
    if not to_screen:
        require_free_file(out, args.force)
    task = task_of(Path(args.run))
    _, _, column = SAID[task]
    rows, owners, shown = 0, set[Any](), []
    with readable(args.data) as data, _table(None if to_screen else out) as file:
        for told in _told(task, args, data):
            if file is not None:
                told.to_csv(file, index=False, header=not rows)
            rows += len(told)
            owners.update(told[column].unique())
            if to_screen or args.json:
                shown.append(told)
    if args.json:
        records = [r for told in shown for r in json.loads(_as_json(told))]
        print(json.dumps(records, indent=2, ensure_ascii=False))
    elif to_screen:
        for number, told in enumerate(shown):
            told.to_csv(sys.stdout, index=False, header=not number)
    elif not args.quiet:
        row, owner, _ = SAID[task]
        row = "value" if args.get("anomalies") else row
        of = count(len(owners), owner, "series" if owner == "series" else "")
        print(f"{count(rows, row)} of {of}: {out}")
    return 0


def _as_json(told: Any) -> str:
    text: str = told.to_json(orient="records", date_format="iso")
    return text


@contextmanager
def _table(out: Path | None) -> Iterator[Any]:
    """Open the CSV file to write; None for none."""
    if out is None:
        yield None
        return
    try:
        with draft(out) as beside, beside.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise DataError(f"--out {out}: cannot write there ({error.strerror})") from error


def reading_of(task: str, args: Any) -> dict[str, Any]:
    """Give the options about reading that were given, by the names of the task."""
    if task == "text":
        return {}
    names = (*NAMES, *READING) if task == "forecast" else OF_SEQUENCES
    return {name: args[name] for name in names}


def say(args: Any) -> Any:
    """Give what tells notes on standard error, or nothing with --quiet."""
    return lambda text: None if args.quiet else print(text, file=sys.stderr)


def _told(task: str, args: Any, data: str) -> Iterator[Any]:
    """Give what is told, as frames: of large tables one for some series at a time."""
    reading = reading_of(task, args)
    if task == "forecast":
        from glasscell.tasks.forecast.anomalies import anomalies
        from glasscell.tasks.forecast.many import predict_parts

        ahead = {name: args[name] for name in AHEAD}
        if args.fdr is not None and not args.anomalies:
            raise DataError("--fdr: expected --anomalies as well, which it is for")
        if args.anomalies:
            usual = {**dict.fromkeys(AHEAD), "reasons": False, "engine": LOCAL, "jobs": 1}
            if strange := [name for name, value in usual.items() if args[name] != value]:
                raise DataError(f"--{strange[0]} is no option beside --anomalies: drop one of both")
            sure = {"level": args.level, "fdr": args.fdr}
            yield anomalies(args.run, data, say=say(args), **sure, **reading)
            return
        more = {"engine": args.engine, "jobs": args.jobs, "level": args.level, "say": say(args)}
        yield from predict_parts(args.run, data, **more, **ahead, **reading)
        if args.reasons:
            _say_reasons(args, data, reading)
    elif task == "sequences":
        from glasscell.tasks.sequences.predict import predict as tell

        yield tell(args.run, data, say=say(args), **reading)
    else:
        from glasscell.tasks.text.evaluation import surprises

        yield surprises(args.run, data, say=say(args))


def _say_reasons(args: Any, data: str, reading: dict[str, Any]) -> None:
    """Say on standard error what moved the last forecast of each series."""
    from glasscell.tasks.forecast.reasons import reasons

    for one in reasons(args.run, data, future=args.future, **reading):
        print(one.in_words(), file=sys.stderr)
