"""A result as people read it: its numbers, its rows in a line each, and the table on the screen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from rich.table import Table
from rich.text import Text

from glasscell.bench.engines import ENGINES, OURS

__all__ = [
    "amount",
    "beside",
    "best_peer",
    "headline",
    "line",
    "loses",
    "notes",
    "sizes",
    "table",
    "times",
]

LOSING, WINNING = "bold red", "bold"
BUSY = 0.2  # of one CPU, by others, before or after: more than a quiet system's own
SCALES = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "B": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")),
    "x": ((1.0, "×"),),
}


def amount(value: float, unit: str) -> str:
    """Write a median with its unit.

    >>> amount(0.00182, "s"), amount(5.5e-6, "s"), amount(3.2e7, "B"), amount(1.3, "x")
    ('1.82 ms', '5.50 µs', '32.0 MB', '1.30 ×')
    """
    scale, name = next((part for part in SCALES[unit] if value >= part[0]), SCALES[unit][-1])
    return f"{_short(value / scale)} {name}"


def loses(ratio: float) -> bool:
    """Say whether a peer is ahead, by the two digits that are shown.

    >>> loses(0.994), loses(0.996)
    (True, False)
    """
    return round(ratio, 2) < 1


def times(ratio: float) -> str:
    """Write how many times ours a peer needs; below 1 we lose.

    >>> times(1.434), times(17.3), times(348.0)
    ('×1.43', '×17.3', '×348')
    """
    return f"×{_short(ratio)}"


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def sizes(row: dict[str, Any]) -> str:
    """Write (T, B, I, H)."""
    return f"({row['T']}, {row['B']}, {row['I']}, {row['H']})"


def best_peer(row: dict[str, Any]) -> tuple[str, float] | None:
    """Find the peer that comes closest to us or ahead, and its ratio; None if there is none.

    >>> best_peer({"ratio": {"torch": 1.4, "jax": 2.0}})
    ('torch', 1.4)
    """
    ratios = {name: ratio for name, ratio in row["ratio"].items() if name != OURS}
    return min(ratios.items(), key=lambda item: item[1]) if ratios else None


def beside(row: dict[str, Any]) -> str:
    """Say how we compare with our own other way, and what a pool serves and takes.

    >>> beside({"beside": {"name": "dense", "ratio": 0.58}, "facts": {}})
    '0.58 of dense'
    """
    parts, facts = [], row["facts"].get(OURS, {})
    if row["beside"]:
        parts.append(f"{row['beside']['ratio']:.2f} of {row['beside']['name']}")
    if rate := facts.get("streams_per_s_per_core"):
        parts.append(f"{rate / 1e6:.2f} M streams/s per core")
    if size := facts.get("bytes_per_stream"):
        parts.append(f"{size:.0f} B each")
    return ", ".join(parts)


def line(row: dict[str, Any]) -> str:
    """Say a row in one line, as it is done."""
    if OURS not in row["median"]:
        return f"{row['label']}: left out, {row['left_out'].get(OURS, 'no result')}"
    peers = ", ".join(f"{name} {times(ratio)}" for name, ratio in row["ratio"].items())
    return f"{row['label']}: {amount(row['median'][OURS], row['unit'])}; {peers}"


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
