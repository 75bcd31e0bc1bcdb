"""Draws the table of results for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from glasscell.tasks.evaluate import LSTM, Method


def results(methods: Sequence[Method], unit: str = "") -> Table:
    """Lay the methods out, the LSTM in bold.

    Args:
        methods: Test results.
        unit: Unit of the errors.
    """
    table = Table(title="Errors on the last 20 % of each series")
    head = f"MAE, {unit}" if unit else "MAE"
    table.add_column("method")
    for name in (head, "RMSE", "MASE", "parameters", "seconds"):
        table.add_column(name, justify="right")
    for method in methods:
        table.add_row(
            method.name,
            with_spread(method),
            number(method.rmse),
            number(method.mase),
            f"{method.parameters:,}",
            f"{method.seconds:.1f}",
            style="bold" if method.name == LSTM else "",
        )
    return table


def with_spread(method: Method) -> str:
    """Write the MAE, with ± one standard deviation between seeds where there are several."""
    spread = f" ± {method.mae_sd:.2g}" if math.isfinite(method.mae_sd) else ""
    return number(method.mae) + spread


def number(value: float) -> str:
    """Write a number with four digits, or a dash where there is none.

    >>> number(14.7812), number(float("nan"))
    ('14.78', '–')
    """
    return f"{value:.4g}" if math.isfinite(value) else "–"
