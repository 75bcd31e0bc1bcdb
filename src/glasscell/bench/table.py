"""The table on the screen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from rich.table import Table
from rich.text import Text

from glasscell.bench.engines import ENGINES, OURS
from glasscell.bench.readable import amount, beside, best_peer, loses, sizes, times

__all__ = ["headline", "notes", "table"]

LOSING, WINNING = "bold red", "bold"
BUSY = 0.2  # of one CPU, by others, before or after: more than a quiet system's own


def table(result: dict[str, Any]) -> Table:
    """Lay the rows out: our median, its spread and share of the limit, each peer's ratio to us.

    The best peer of a row is bold, and red where it beats us.
    """
    peers = [name for name in result["engines"] if name != OURS]
    shown = Table(caption="×: their time (or bytes) over ours; below ×1 we lose, in red")
    shown.add_column("", overflow="fold")
    for name in ("(T, B, I, H)", OURS, "±", "limit"):
        shown.add_column(name, justify="right", no_wrap=True)
    for name in peers:
        shown.add_column(ENGINES[name].title, justify="right", no_wrap=True)
    shown.add_column("beside", overflow="fold")
    rows = [row for row in result["rows"] if OURS in row["median"]]
    for row, following in pairwise([*rows, None]):
        shown.add_row(*_cells(row, peers), end_section=_kind(row) != _kind(following))
    return shown


def headline(result: dict[str, Any]) -> str:
    """Say what it was measured on."""
    about, limit = result["environment"], result["limit"]
    reads = ", ".join(f"{lv['name']} {lv['bytes_per_s'] / 1e9:.0f}" for lv in limit["levels"])
    return (
        f"{about['cpu']} (family/model {about['cpu_family_model']}), {about['isa']}, "
        f"{about['threads']} thread{'s' if about['threads'] != 1 else ''}: "
        f"{limit['flop_per_s'] / 1e9:.0f} GFLOP/s, reads GB/s {reads}"
    )


def notes(result: dict[str, Any]) -> list[str]:
    """Say what is not in the table, and why."""
    lines = [
        f"{ENGINES[name].title} left out: {reason}" for name, reason in result["left_out"].items()
    ]
    busy = result["environment"]["busy_cpus"]
    if busy is not None and busy >= BUSY:
        lines.append(f"Others kept {busy:.1f} CPUs busy: times of a busy machine say little.")
    for row in result["rows"]:
        for name, reason in row["left_out"].items():
            if name == OURS or reason.startswith(("wrong", "failed", "no reply")):
                title = ENGINES[name].title if name in ENGINES else name
                lines.append(f"{row['label']}: {title} left out: {reason}")
    return lines


def _kind(row: dict[str, Any] | None) -> tuple[str, ...]:
    return (row["mode"], row["task"]) if row else ()


def _cells(row: dict[str, Any], peers: list[str]) -> list[Text | str]:
    best, limit = best_peer(row), row["limit"]
    cells: list[Text | str] = [
        f"{row['mode']} {row['name']}",
        sizes(row),
        amount(row["median"][OURS], row["unit"]),
        f"{100 * row['spread'][OURS]:.0f} %",
        f"{100 * limit['share']:.0f} % {limit['by']}" if limit else "",
    ]
    for name in peers:
        style = ""
        if best and name == best[0]:
            style = LOSING if loses(best[1]) else WINNING
        text = times(row["ratio"][name]) if name in row["ratio"] else "–"
        cells.append(Text(text, style))
    cells.append(beside(row))
    return cells
