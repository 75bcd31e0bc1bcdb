"""A gradient flow as a small table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.verdict.judge import REACH

if TYPE_CHECKING:
    from glasscell.inspect.gradients.flow import LayerFlow

__all__ = ["flow_table", "sparkline"]

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 20


def flow_table(flows: Mapping[str, LayerFlow]) -> str:
    """Draw one row per layer: the gradient at both ends, its rate, its reach, its profile.

    Args:
        flows: layer name to its flow.

    Returns:
        Lines of at most 100 columns for names of up to 16 letters.
    """
    head = (
        "layer",
        "steps",
        "norm of",
        "at lag 0",
        "at the end",
        "per step",
        "reach",
        f"lag 0 {'.' * 6} end",
    )
    rows = [head, *(_row(name, flow) for name, flow in flows.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    left = {0, 2, 7}
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(name: str, flow: LayerFlow) -> tuple[str, ...]:
    verdict, profile = flow.judge(), flow.profile
    return (
        name,
        str(len(profile)),
        "dL/dh" if flow.cell is None else "dL/dc",
        f"{profile[0]:.1e}",
        f"{profile[-1]:.1e}",
        "-" if np.isnan(verdict.rate) else f"× {verdict.rate:.3g}",
        "all" if verdict.reach is None else str(verdict.reach),
        sparkline(profile),
    )


def sparkline(profile: Array, width: int = WIDTH) -> str:
    """Draw a profile as bars, on a logarithmic scale from 1/10000 of its largest value up.

    Args:
        profile: (T,) values >= 0.
        width: columns at most; default 20. Several steps share a column by their largest.

    Returns:
        One character per column; a blank is below 1/10000, "?" is NaN or infinite.

    >>> sparkline(np.array([1.0, 0.1, 0.01, 0.001, 0.0]))
    '█▆▅▃ '
    """
    columns = [part.max() for part in np.array_split(profile, min(width, len(profile)))]
    largest = max((value for value in columns if np.isfinite(value)), default=0.0)
    return "".join(_bar(value / largest if largest > 0 else 0.0) for value in columns)


def _bar(share: float) -> str:
    if not np.isfinite(share):
        return "?"
    if share < REACH:
        return BARS[0]
    return BARS[1 + round((len(BARS) - 2) * (1 - np.log10(share) / np.log10(REACH)))]
