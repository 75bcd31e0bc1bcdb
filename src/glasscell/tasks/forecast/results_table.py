"""Draws the table of results for a terminal of any width: numbers are whole or not there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from glasscell.data.wording import number
from glasscell.tasks.fitted_table import FittedTable
from glasscell.tasks.forecast.intervals import level_name
from glasscell.tasks.forecast.scores import LSTM, Method

LEAVING = ("seconds", "parameters", "CRPS", "width", "inside", "RMSE", "MASE")
"""Columns that a narrow terminal does without, in this order."""


def results(methods: Sequence[Method], unit: str = "", own: str = LSTM) -> FittedTable:
    """Lay the methods out, the network in bold.

    Args:
        methods: Test results.
        unit: Unit of the errors.
        own: Name of the network.
    """
    level = widest(methods)
    held = f"in {level_name(level)} %"
    rows = [
        {
            "method": short_label(method),
            "MAE": with_spread(method),
            "RMSE": number(method.rmse),
            "MASE": number(method.mase),
            **(_sure(method, level, held) if level else {}),
            "parameters": f"{method.parameters:,}",
            "seconds": f"{method.seconds:.1f}",
        }
        for method in methods
    ]
    return FittedTable(
        f"Errors{f' in {unit}' if unit else ''} on the last 20 % of each series",
        rows,
        bold=[method.name == own for method in methods],
        leaving=[held if name == "inside" else name for name in LEAVING],
        headline="MAE",
    )


def widest(methods: Sequence[Method]) -> float:
    """Give the outermost level of the intervals, in percent; 0 where there are none."""
    return max((level for method in methods for level in method.coverage), default=0.0)


def _sure(method: Method, level: float, held: str) -> dict[str, str]:
    """Say how many test values a method's intervals hold, how wide they are, and its CRPS."""
    if level not in method.coverage:
        return {held: "", "width": "", "CRPS": ""}
    return {
        held: f"{method.coverage[level]:.1f} %",
        "width": number(method.width[level]),
        "CRPS": number(method.crps),
    }


def short_label(method: Method) -> str:
    """Name a method in a few words, marked where training added nothing to its linear start.

    >>> import numpy as np
    >>> method = Method(name="LSTM", mae=1, rmse=1, mase=1, seeds=3, linear=2, errors=np.ones(1))
    >>> short_label(method)
    'LSTM (2/3 linear)'
    """
    if not method.linear:
        return method.name
    part = "" if method.all_linear else f"{method.linear}/{method.seeds} "
    return f"{method.name} ({part}linear)"


def with_spread(method: Method) -> str:
    """Write the MAE, with ± one standard deviation between seeds where there are several."""
    several = math.isfinite(method.mae) and math.isfinite(method.mae_sd) and not method.all_linear
    return number(method.mae) + (f" ± {method.mae_sd:.2g}" if several else "")
