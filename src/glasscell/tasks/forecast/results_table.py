"""Draws the table of results for a terminal of any width: numbers are whole or not there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group

from glasscell.data.wording import number
from glasscell.tasks.fitted_table import FittedTable
from glasscell.tasks.forecast.intervals import level_name
from glasscell.tasks.forecast.scores import LSTM, Method
from glasscell.tasks.forecast.standings import Standing

if TYPE_CHECKING:
    from glasscell.tasks.forecast.result import FitResult

LEAVING = ("seconds", "parameters", "CRPS", "width", "inside", "RMSE", "MASE")
"""Columns that a narrow terminal does without, in this order."""


def results(result: FitResult) -> Group:
    """Lay the methods out, the network in bold: on all windows, on some, and origin by origin."""
    unit, own = result.plan.options.unit, result.network
    tables = [of_methods(one, unit, own) for one in result.standings]
    several = len(result.origins) > 1
    return Group(*tables, *([of_origins(result.origins, unit, own)] if several else []))


def of_methods(standing: Standing, unit: str = "", own: str = LSTM) -> FittedTable:
    """Lay the methods on the same windows out.

    Args:
        standing: Test results.
        unit: Unit of the errors.
        own: Name of the network.
    """
    level = widest(standing.methods)
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
        for method in standing.methods
    ]
    return FittedTable(
        f"Errors{f' in {unit}' if unit else ''} on {standing.where[0]}",
        rows,
        bold=[method.name == own for method in standing.methods],
        leaving=[held if name == "inside" else name for name in LEAVING],
        headline="MAE",
        below=standing.why[0],
    )


def of_origins(origins: Sequence[Standing], unit: str = "", own: str = LSTM) -> FittedTable:
    """Lay the errors out origin by origin, a column for each method."""
    rows = [
        {
            "last value known": origin.where[0],
            **{method.name: number(method.mae) for method in origin.methods},
        }
        for origin in origins
    ]
    return FittedTable(
        f"MAE{f' in {unit}' if unit else ''} of each origin",
        rows,
        bold=[False] * len(rows),
        leaving=[name for name in rows[0] if name not in ("last value known", own)],
        headline=own,
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
