"""Forecast every series of a CSV file from its last row on, with a finished run; needs no torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from glasscell.cli.places import require_free
from glasscell.drafts import draft
from glasscell.tasks.gaps import Policy


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell predict`."""
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    parser.add_argument("run", type=str, help="Run folder that glasscell fit wrote.")
    parser.add_argument("data", type=str, help="CSV file, plain or gz.")
    parser.add_argument("--out", type=str, required=True, help="CSV file to write.")
    for flag, text in (
        ("--target", "Column to forecast. Default: as in the run."),
        ("--time", "Time column. Default: as in the run."),
        ("--series", "Column that names the series. Default: as in the run."),
        ("--max-gap", "Longest time between two values that is interpolated. Default: the run's."),
    ):
        parser.add_argument(flag, type=str | None, default=None, help=text)
    parser.add_argument(
        "--gaps",
        type=Policy | None,
        default=None,
        help="Missing values. Default: the run's policy.",
    )
    for flag, text in (
        ("--force", "Replace the file if it is there."),
        ("--json", "Print the forecasts as JSON on standard output too."),
        ("--quiet", "Print nothing but errors (and the JSON)."),
    ):
        parser.add_argument(flag, action="store_true", help=text)


def run(args: Any) -> int:
    """Run `glasscell predict`."""
    out = Path(args.out)
    require_free(out, args.force)
    from glasscell.tasks.prediction import predict

    def say(text: str) -> None:
        if not args.quiet:
            print(text, file=sys.stderr)

    forecast = predict(
        args.run,
        args.data,
        time=args.time,
        target=args.target,
        series=args.series,
        gaps=args.gaps,
        max_gap=args.max_gap,
        say=say,
    )
    with draft(out) as file:
        forecast.to_csv(file, index=False)
    if args.json:
        print(
            json.dumps(json.loads(forecast.to_json(orient="records", date_format="iso")), indent=2)
        )
    elif not args.quiet:
        print(f"{len(forecast)} forecasts of {forecast['unique_id'].nunique()} series: {out}")
    return 0
