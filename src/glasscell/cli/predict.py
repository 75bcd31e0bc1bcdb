"""Forecast every series of a CSV file from its last row on, with a finished run; needs no torch."""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from glasscell.errors import DataError
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
    _require_free(out, args.force)
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
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.tmp")
    try:
        forecast.to_csv(draft, index=False)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    if args.json:
        print(
            json.dumps(json.loads(forecast.to_json(orient="records", date_format="iso")), indent=2)
        )
    elif not args.quiet:
        print(f"{len(forecast)} forecasts of {forecast['unique_id'].nunique()} series: {out}")
    return 0


def _require_free(out: Path, force: bool) -> None:
    if os.path.lexists(out) and (not force or out.is_dir()):
        raise DataError(f"{out} exists; choose another --out, or replace the file with --force")
    if not out.parent.is_dir():
        raise DataError(f"{out.parent}: expected a folder for --out, found none; create it first")
