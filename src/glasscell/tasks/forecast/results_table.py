"""Draws the table of results for a terminal of any width: numbers are whole or not there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from glasscell.data.wording import number
from glasscell.tasks.forecast.scores import LSTM, Method

LEAVING = ("seconds", "parameters", "RMSE", "MASE")
"""Columns that a narrow terminal does without, in this order."""

WIDE = 10_000
MORE = "A wider terminal shows more; metrics.json has all."


def results(methods: Sequence[Method], unit: str = "") -> Results:
    """Lay the methods out, the LSTM in bold.

    Args:
        methods: Test results.
        unit: Unit of the errors.
    """
    return Results(methods, unit)


class Results:
    """The table for rich's Console.print, which asks it to fit the terminal.

    Notes:
        Where the columns do not fit, some are left out, and at last the methods become a list.
    """

    def __init__(self, methods: Sequence[Method], unit: str = "") -> None:
        self.title = f"Errors{f' in {unit}' if unit else ''} on the last 20 % of each series"
        self.rows = [
            {
                "method": short_label(method),
                "MAE": with_spread(method),
                "RMSE": number(method.rmse),
                "MASE": number(method.mase),
                "parameters": f"{method.parameters:,}",
                "seconds": f"{method.seconds:.1f}",
            }
            for method in methods
        ]
        self.styles = ["bold" if method.name == LSTM else "" for method in methods]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, width = list(self.rows[0]), options.max_width
        for name in (None, *LEAVING):
            columns = [column for column in columns if column != name]
            table = self._table(columns)
            if console.measure(table, options=options.update(width=WIDE)).maximum <= width:
                yield table
                if len(columns) < len(self.rows[0]):
                    yield Text(MORE, "italic")
                return
        yield Text(self.title, "italic")
        for row, style in zip(self.rows, self.styles, strict=True):
            yield Text(row["method"], style)
            yield Text(f"  MAE {row['MAE']}", style)
        yield Text(MORE, "italic")

    def _table(self, columns: Sequence[str]) -> Table:
        table = Table(title=self.title)
        for name in columns:
            justify = "left" if name == "method" else "right"
            table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for row, style in zip(self.rows, self.styles, strict=True):
            table.add_row(*(row[name] for name in columns), style=style)
        return table


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
