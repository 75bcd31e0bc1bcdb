"""What an experiment found, for a terminal and for results.json."""

from __future__ import annotations

import json
from pathlib import Path

import glasscell
from glasscell.data.wording import number
from glasscell.reproduce.laboratory import RESULTS, Finding, Row
from glasscell.tasks.fitted_table import FittedTable

NONE = "–"


def terminal_table(finding: Finding) -> FittedTable:
    """Lay the table out for a terminal: each column as published | ours."""
    rows = []
    for row in finding.rows:
        cells = {"run": row.name}
        for key, (name, _) in finding.experiment.COLUMNS:
            cells[name] = cell(row, key)
        cells["trials"] = str(row.trials)
        cells["verdict"] = row.verdict or NONE
        rows.append(cells)
    return FittedTable(
        f"{finding.experiment.TITLE[0]}: published | ours",
        rows,
        bold=[False] * len(rows),
        leaving=("verdict", "trials", *(n for _, (n, _) in finding.experiment.COLUMNS[:0:-1])),
        headline=finding.experiment.COLUMNS[0][1][0],
        file=RESULTS,
    )


def write_finding(finding: Finding, folder: Path) -> None:
    """Write results.json beside the trials."""
    record = {**finding.record(), "glasscell": glasscell.__version__}
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / RESULTS).write_text(text + "\n", encoding="utf-8")


def cell(row: Row, key: str) -> str:
    """Write what was published | what came out here, with the ends of the trials in brackets."""
    text = _cell(row.ours.get(key))
    if key in row.spread and row.trials > 1:
        low, high = row.spread[key]
        text += f" ({_cell(low)} – {_cell(high)})"
    if key not in row.published and key not in row.ours:
        return NONE
    return f"{_cell(row.published.get(key))} | {text}"


def _cell(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or NONE
    return f"{value:,.0f}" if value == int(value) else number(value)
