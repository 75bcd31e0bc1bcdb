"""Forecast every series of a CSV file from its last row on, with a finished run; needs no torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from glasscell.cli.flags import add_config, add_overrides, add_switches, add_texts
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
    add_config(parser)
    parser.add_argument("run", type=str, help="Run folder that glasscell fit wrote.")
    parser.add_argument("data", type=str, help="CSV file, plain or gz; - for standard input.")
    parser.add_argument(
        "--out", type=str, required=True, help="CSV file to write; - for standard output."
    )
    add_texts(
        parser,
        target="Column to forecast. Default: as in the run.",
        time="Time column. Default: as in the run.",
        series="Column that names the series. Default: as in the run.",
        max_gap="Longest time between two values that is interpolated. Default: the run's.",
    )
    parser.add_argument(
        "--gaps",
        type=Policy | None,
        default=None,
        help="Missing values. Default: the run's policy.",
    )
    add_overrides(parser, ForecastOptions, READING)
    add_switches(
        parser,
        force="Replace the file if it is there.",
        json="Print the forecasts as JSON on standard output, and no CSV with --out -.",
        quiet="Print nothing but errors (and the forecasts).",
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
