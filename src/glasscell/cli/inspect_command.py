"""See inside a trained model: an offline page with every gate and gradient, and a verdict."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Literal

from glasscell.cli.flags import FORCE, LANG, MAX_GAP, QUIET, add_flags
from glasscell.cli.terminal import print_json, say
from glasscell.data.read_options import Policy
from glasscell.errors import DataError
from glasscell.files import require_free_file

DEFAULT = "inspect.html"
MARKS = {"good": "✓", "bad": "✗", "maybe": "?", "memory": "·"}
INPUTS = "Columns of a CSV file in the model's order, a,b,c. Default: all numbers."
TITLE = "Heading of the page. Default: what a run forecasts, or the folder's name."
NAN = "Numbers in the data that are none: stop, or show what they do."
GAPS = "Missing values of a run's CSV file. Default: the run's policy."
JSON = "Print the verdict and its numbers as JSON, and nothing else; no page."


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell inspect`."""
    add_flags(
        parser,
        ("run", str, ..., "Run folder, or any folder that glasscell.save wrote."),
        (
            "data",
            str,
            None,
            "CSV, .npy, or .npz with x (and lengths); for a run what fit read. Default: its own "
            "test windows, sequences or text.",
        ),
        ("--out", str | None, None, f"HTML file to write. Default: {DEFAULT}; with --json none."),
        LANG,
        ("--inputs", str | None, None, INPUTS),
        ("--series", str | None, None, "Sequences to show, 0,5,7. Default: the first four."),
        ("--steps", str | None, None, "Part of every sequence, FIRST:END. Default: all of it."),
        ("--title", str | None, None, TITLE),
        MAX_GAP,
        ("--lag", int | None, None, "Steps back that the task needs. Default: all there are."),
        ("--nan", Literal["refuse", "show"], "refuse", NAN),
        ("--gaps", Policy | None, None, GAPS),
        FORCE,
        ("--json", bool, False, JSON),
        QUIET,
    )


def run(args: Any) -> int:
    """Run `glasscell inspect`."""
    out = None if args.json and args.out is None else Path(args.out or DEFAULT)
    if out is not None:
        require_free_file(out, args.force)
    if args.lag is not None and args.lag < 1:
        raise DataError(f"--lag: expected 1 step or more, got {args.lag}")
    series, steps = _numbers("--series", args.series), _range(args.steps)
    from glasscell.report.page import write
    from glasscell.tasks.inspect_run import Looking, look

    began = time.perf_counter()
    looking = Looking(
        inputs=[name.strip() for name in (args.inputs or "").split(",") if name.strip()],
        series=series,
        steps=steps,
        lag=args.lag,
        title=args.title or "",
        nan=args.nan == "show",
        gaps=args.gaps,
        max_gap=args.max_gap,
        say=None if args.quiet or args.json else lambda text: print(text, file=sys.stderr),
    )
    exploration = look(args.run, args.data, looking)
    if out is not None:
        write(exploration, out, args.lang, force=args.force)
    if args.json:
        print_json(record(exploration, out))
    elif out is not None and not args.quiet:
        show(exploration, args.lang)
        print(_written(out, time.perf_counter() - began, args.lang))
    return 0


def record(exploration: Any, out: Path | None) -> dict[str, Any]:
    """Give what --json prints: the page if there is one, the findings, and the numbers of layers.

    Numbers have six digits; null stands for what is not finite, and "never" for a half-life
    without end.
    """
    from glasscell.report.page.pack import finite

    judged = exploration.layers[: exploration.measures["judged"]]
    content = {
        "lag": exploration.measures["lag"],
        "layers": [_numbers_of(exploration, k) for k in range(len(judged))],
        "findings": [
            {
                "kind": one.kind,
                "good": one.good,
                "assumed": one.assumed,
                "layer": None if one.layer is None else exploration.layers[one.layer].name,
                "value": one.value,
                "text": dict(zip(("en", "zh"), one.text, strict=True)),
                "advice": dict(zip(("en", "zh"), one.advice, strict=True)),
            }
            for one in exploration.findings
        ],
    }
    return {"page": None if out is None else str(out), **finite(content)}


def _numbers_of(exploration: Any, k: int) -> dict[str, Any]:
    """Give what the verdict on one layer rests on."""
    layer, flows = exploration.layers[k], exploration.series[0].flows
    numbers: dict[str, Any] = {
        "name": layer.name,
        "mode": layer.mode,
        "units": exploration.units(k),
    }
    flow = flows[k] if k < len(flows) else None
    if flow is not None:
        verdict = flow.judge(exploration.measures["lag"])
        names = ("kind", "lag", "rate", "reach", "change", "largest")
        numbers["gradient"] = {name: getattr(verdict, name) for name in names}
        numbers["gradient"]["by_lag"] = flow.profile
        # What the verdict is read off where every step has a gradient of its own; else None.
        numbers["gradient"]["last_step_by_lag"] = flow.last_step_by_lag
    memory = exploration.measures["memory"].get(str(k))
    if memory is not None:
        numbers["half_life"] = memory["half_life"]
        numbers["half_life_of_slow_units"] = memory["slow"]
    return numbers


def _written(out: Path, seconds: float, lang: str) -> str:
    from glasscell.report.page.frame_words import table

    size = f"{out.stat().st_size / 1e6:.1f}"
    text = table()["cli.written"][lang == "zh"]
    return text.format(path=out, size=size, seconds=f"{seconds:.1f}")


def show(exploration: Any, lang: str) -> None:
    """Print headline and verdict, what is a fault only if all steps are needed last, the advice."""
    from rich.console import Console

    from glasscell.report.page import headline as sentences
    from glasscell.report.page.frame_words import table

    console, column = Console(), int(lang == "zh")
    headline = sentences.headline(exploration)[column]
    say(console, headline)
    for pair in sentences.missing(exploration).values():
        say(console, pair[column])
    for one in sorted(exploration.findings, key=lambda one: one.assumed):
        text = f"{MARKS[one.mark]} {one.text[column]}"
        say(console, text)
    if any(one.assumed for one in exploration.findings):
        note = table()["verdict.maybe"][column].format(lag=exploration.measures["lag"])
        say(console, note)
    for advice in dict.fromkeys(
        one.advice[column] for one in exploration.findings if one.advice[column]
    ):
        say(console, f"→ {advice}")


def _numbers(flag: str, text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise DataError(f"{flag}: expected numbers such as 0,5,7, got {text!r}") from error


def _range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, colon, end = text.partition(":")
    if not colon or not all(part.strip().isdecimal() for part in (first, end) if part):
        raise DataError(f"--steps: expected FIRST:END such as 0:500, got {text!r}")
    return int(first or 0), int(end) if end else sys.maxsize
