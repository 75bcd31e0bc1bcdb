"""What is marked on every plot of a gate window: its events, and where the cursor starts."""

from __future__ import annotations

from collections.abc import Sequence

from glasscell.report.draw.markup import escape
from glasscell.report.order import Thinning
from glasscell.report.run_data import GateWindow


def place(rows: Sequence[str], window: GateWindow, column: int, drawn: Thinning) -> str:
    """Return the rows, joined, with event lines and the cursor in every plot.

    Args:
        rows: Rows from `charts.row`.
        window: The window that they show.
        column: Drawn column at which the cursor stands.
        drawn: What is drawn of the window.

    Returns:
        HTML.
    """
    T = window.shape[0]
    lines = "".join(
        f'<i class="event" style="left:{(step + 0.5) / T:.3%}" title="{escape(label)}"></i>'
        for step, label in window.events
    )
    at = min(1.0, (column + 0.5) * drawn.pool / T)
    cursor = f'{lines}<i class="cursor" style="left:{at:.3%}"></i>'
    return "".join(rows).replace('<i class="cursor"></i>', cursor)
