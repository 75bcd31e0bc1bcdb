"""Draws the duel on the adding problem for a terminal: a table, and gradients as bars of text."""

from __future__ import annotations

import math

import numpy as np
from rich.table import Table

from glasscell.reproduce import adding_page
from glasscell.reproduce.duel import Duel


def duel_table(duel: Duel) -> Table:
    """Draw the duel's table for a terminal, the LSTM in bold."""
    rows = adding_page.rows(duel)
    table = Table(title=f"The adding problem, {duel.options.length} steps")
    for number, name in enumerate(adding_page.COLUMNS):
        table.add_column(name, justify="left" if number == 0 else "right")
    for number, row in enumerate(rows):
        table.add_row(*map(_cell, row), style="bold" if number == len(rows) - 1 else "")
    return table


def sparklines(duel: Duel, width: int = 50) -> list[str]:
    """Draw log10 of the untrained networks' gradients along time, one line each, on one scale."""
    blocks = "▁▂▃▄▅▆▇█"
    rnn, lstm = duel.rnn.before.hidden, duel.lstm.before.cell
    assert lstm is not None
    at = np.linspace(0, len(rnn) - 1, min(width, len(rnn))).round().astype(int)
    logs = [np.log10(np.maximum(norms / norms[-1], 1e-12))[at] for norms in (rnn, lstm)]
    high = max(float(line.max()) for line in logs)
    levels = [((line + 12) / (high + 12) * (len(blocks) - 1)).round().astype(int) for line in logs]
    names = ("plain RNN |dL/dh|", "LSTM      |dL/dC|")
    head = f"{'':<{len(names[0])}}  t = 1{f't = {len(rnn)}':>{len(at) - 5}}"
    lines = [
        f"{name}  {''.join(blocks[level] for level in line)}"
        for name, line in zip(names, levels, strict=True)
    ]
    return [head, *lines]


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"
