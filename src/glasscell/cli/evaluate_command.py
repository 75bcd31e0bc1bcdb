"""Measure a finished run on new data, beside what it came to in its own test; needs no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glasscell.cli.flags import add_flags
from glasscell.cli.predict_command import add_reading, reading_of, say
from glasscell.cli.terminal import print_json, readable
from glasscell.data.wording import number
from glasscell.training.run_folder import METRICS, task_of

TITLES = {"mae": "MAE", "rmse": "RMSE", "r2": "R²", "ece": "ECE", "macro_f1": "macro F1"}
"""What a measure is called where its own name would not do."""


_PER_SYMBOL = {"bits": "bits_per_symbol"}


def add_arguments(parser: Any, arguments: Sequence[str]) -> None:
    """Add the flags of `glasscell evaluate`, which depend on the task of the run."""
    parser.add_argument("--config", action="config", help="YAML file with any of these options.")
    add_flags(
        parser,
        ("run", str, ..., "Run folder that glasscell fit wrote."),
        ("data", str, ..., "Data with what is to be told, as fit takes them; - standard input."),
    )
    add_reading(parser, arguments)
    add_flags(
        parser,
        ("--json", bool, False, "Print the measures as JSON on standard output."),
        ("--quiet", bool, False, "Print nothing but errors and the measures."),
    )


def run(args: Any) -> int:
    """Run `glasscell evaluate`."""
    folder = Path(args.run)
    task = task_of(folder)
    with readable(args.data) as data:
        found = _measured(task, args, data)
    if args.json:
        print_json({"task": task, **found})
    else:
        show(found, _before(folder))
    return 0


def show(found: dict[str, Any], before: dict[str, Any]) -> None:
    """Print a line for each measure, and what the run's own test gave."""
    rows = [("", "here", "in the run's test")]
    if "methods" in found:
        for method in found["methods"]:
            for name in ("mae", "rmse"):
                rows.append((f"{method['name']}: {_title(name)}", number(method[name]), ""))
    for name, value in found.items():
        if isinstance(value, int | float):
            then = before.get(name)
            known = number(then) if isinstance(then, int | float) else ""
            rows.append((_title(name), number(value), known))
    wide = any(row[2] for row in rows[1:])
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    for title, here, then in rows:
        last = f"  {then:>{widths[2]}}" if wide else ""
        print(f"{title:<{widths[0]}}  {here:>{widths[1]}}{last}")


def _measured(task: str, args: Any, data: str) -> dict[str, Any]:
    reading = reading_of(task, args)
    if task == "forecast":
        from glasscell.tasks.forecast.evaluation import evaluate

        return evaluate(args.run, data, say=say(args), **reading)
    if task == "sequences":
        from glasscell.tasks.sequences.predict import evaluate as measure

        return measure(args.run, data, say=say(args), **reading)
    from glasscell.tasks.text.evaluation import score

    return score(args.run, data, say=say(args))


def _before(run: Path) -> dict[str, Any]:
    """Give the row of the network in metrics.json; nothing where there is none."""
    try:
        methods = json.loads((run / METRICS).read_text(encoding="utf-8"))["methods"]
        # What a text costs in all is longer for a longer text; metrics.json has it per symbol.
        return {_PER_SYMBOL.get(name, name): value for name, value in methods[-1].items()}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _title(name: str) -> str:
    return TITLES.get(name, name.replace("_", " "))
