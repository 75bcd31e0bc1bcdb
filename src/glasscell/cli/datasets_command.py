"""List the data sets that lie in installed packages; glasscell fit takes each by its name."""

from __future__ import annotations

from typing import Any

from glasscell.cli.flags import add_flags
from glasscell.cli.terminal import print_json


def add_arguments(parser: Any) -> None:
    """Add the flags of `glasscell datasets`."""
    add_flags(
        parser,
        ("name", str | None, None, "One data set, with all that is known of it."),
        ("--all", bool, False, "Those too whose package is not installed."),
        ("--json", bool, False, "Print the list as JSON on standard output."),
    )


def run(args: Any) -> int:
    """Run `glasscell datasets`."""
    from glasscell.data.datasets.inventory import DATA_SETS, named

    chosen = DATA_SETS if args.name is None else (named(args.name),)
    shown = [each for each in chosen if args.all or args.name or each.place is not None]
    if args.json:
        print_json([each.record() for each in shown])
    elif args.name is not None:
        for title, value in shown[0].record().items():
            print(f"{title.replace('_', ' ')}: {_written(value)}")
    else:
        show([each.record() for each in shown], len(DATA_SETS))
    return 0


def show(records: list[dict[str, Any]], known: int) -> None:
    """Print a line for each data set, and how one is fitted."""
    lines = [("name", "task", "size", "package", "licence", "bytes")]
    for record in records:
        package = f"{record['package']} {record['version']}".strip()
        nbytes = f"{record['bytes']:,}" if record["installed"] else "not installed"
        lines.append(
            (record["name"], record["task"], size(record), package, record["licence"], nbytes)
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for *cells, last in lines:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths[:-1], strict=True))
        print("  ".join([*padded, last.rjust(widths[-1])]))
    if len(records) < known:
        print(f"{known - len(records)} more lie in packages that are not installed: --all")
    print("Learn from one: glasscell fit NAME --out RUN. More of one: glasscell datasets NAME")


def size(record: dict[str, Any]) -> str:
    """Write how large a data set is.

    >>> size({"task": "classify", "count": 640, "steps": [7, 29], "features": 12, "classes": 9})
    '640 × 7–29 × 12, 9 classes'
    """
    if record["steps"] is None:
        return f"{record['count']:,} {'characters' if record['task'] == 'text' else 'rows'}"
    steps = "–".join(str(number) for number in dict.fromkeys(record["steps"]))
    classes = f", {record['classes']} classes" if record["classes"] else ""
    return f"{record['count']:,} × {steps} × {record['features']}{classes}"


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "–".join(str(number) for number in dict.fromkeys(value))
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)
