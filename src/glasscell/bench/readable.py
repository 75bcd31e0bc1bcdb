"""Numbers of a result as people read them."""

from __future__ import annotations

from typing import Any

from glasscell.bench.engines import OURS

__all__ = ["amount", "beside", "best_peer", "line", "loses", "sizes", "times"]


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
