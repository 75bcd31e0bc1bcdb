"""Forecast every series of a CSV file from its last row on, with a finished run; needs no torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from glasscell.cli.flags import FORCE, MAX_GAP, add_flags, add_overrides
from glasscell.cli.terminal import STANDARD, readable
from glasscell.data.read import ReadOptions
from glasscell.data.read_options import Policy
from glasscell.data.wording import count
from glasscell.errors import DataError
from glasscell.files import draft, require_free_file
from glasscell.tasks.forecast.options import ForecastOptions

READING = tuple(ReadOptions().manner())
"""Options about how a file is written; each is a flag."""


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell predict`."""
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    add_flags(
        parser,
        ("run", str, ..., "Run folder that glasscell fit wrote."),
        ("data", str, ..., "CSV file, plain or gz; - for standard input."),
        ("--out", str, ..., "CSV file to write; - for standard output."),
        ("--target", str | None, None, "Column to forecast. Default: as in the run."),
        ("--time", str | None, None, "Time column. Default: as in the run."),
        ("--series", str | None, None, "Column that names the series. Default: as in the run."),
        MAX_GAP,
        ("--gaps", Policy | None, None, "Missing values. Default: the run's policy."),
    )
    add_overrides(parser, ForecastOptions, READING)
    json_ = "Print the forecasts as JSON on standard output, and no CSV with --out -."
    add_flags(
        parser,
        FORCE,
        ("--json", bool, False, json_),
        ("--quiet", bool, False, "Print nothing but errors (and the forecasts)."),
    )


def run(args: Any) -> int:
    """Run `glasscell predict`."""
    to_screen = args.out == STANDARD
    out = Path(args.out)
    if not to_screen:
        require_free_file(out, args.force)
    from glasscell.tasks.forecast.predict import predict

    def say(text: str) -> None:
        if not args.quiet:
            print(text, file=sys.stderr)

    names = ("time", "target", "series", "gaps", "max_gap", *READING)
    with readable(args.data) as data:
        forecast = predict(args.run, data, say=say, **{name: args[name] for name in names})
    if not to_screen:
        try:
            with draft(out) as file:
                forecast.to_csv(file, index=False)
        except OSError as error:
            raise DataError(f"--out {out}: cannot write there ({error.strerror})") from error
    if args.json:
        records = json.loads(forecast.to_json(orient="records", date_format="iso"))
        print(json.dumps(records, indent=2, ensure_ascii=False))
    elif to_screen:
        forecast.to_csv(sys.stdout, index=False)
    elif not args.quiet:
        series = count(forecast["unique_id"].nunique(), "series", "series")
        print(f"{count(len(forecast), 'forecast')} of {series}: {out}")
    return 0
