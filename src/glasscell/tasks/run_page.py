"""What the pages of all runs have in common: the files that they read, the training log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glasscell.errors import DataError
from glasscell.report.page import Exploration
from glasscell.report.views.results.data import Table, results
from glasscell.report.views.training.data import of_log
from glasscell.training import run_folder

__all__ = [
    "METHOD_HEAD",
    "STOPPED",
    "lines",
    "logged",
    "measured",
    "metrics",
    "source_of",
    "task_of",
]

METHOD_HEAD = ("method", "方法")

STOPPED = ("Training was stopped with Ctrl-C.", "训练被 Ctrl-C 中止。")


def task_of(run: Path) -> str:
    """Give the task of a run, "forecast", "sequences" or "text"; "" of a folder that is none."""
    path = run / run_folder.PREPROCESSING
    if not path.is_file():
        return ""
    (settings,) = lines(path, whole=True)
    found = settings.get("format") if isinstance(settings, dict) else None
    return str(found or "").removeprefix("glasscell-")


def lines(path: Path, whole: bool = False) -> list[Any]:
    """Read a JSON document, or one a line.

    Raises:
        DataError: The file is damaged.
    """
    text = path.read_text(encoding="utf-8")
    try:
        return [json.loads(part) for part in ([text] if whole else text.splitlines())]
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; fit again") from error


def metrics(run: Path) -> Mapping[str, Any] | None:
    """Read metrics.json, None where an older version wrote none.

    Raises:
        DataError: The file is damaged.
    """
    path = run / run_folder.METRICS
    found: Mapping[str, Any] | None = lines(path, whole=True)[0] if path.is_file() else None
    return found


def measured(found: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Give `measures.results` of metrics.json, of which an older version wrote less.

    Args:
        found: metrics.json.
        table: Its methods.
    """
    said = found.get("verdict")
    notes = [*found.get("notes", ()), *([STOPPED] if found.get("interrupted") else [])]
    return results([] if said is None else [said], [table] if table.rows else [], notes)


def source_of(found: Mapping[str, Any], run: Path) -> str:
    """Name the data of a run: their file or data set, else the run folder."""
    settings = run / run_folder.SETTINGS
    given = settings.read_text(encoding="utf-8").splitlines() if settings.is_file() else []
    sets = [line.partition("dataset:")[2] for line in given if line.startswith("data: dataset:")]
    source = str(found.get("data", {}).get("source") or "").removeprefix("dataset:")
    return (sets[0] if sets else source) or run.resolve().name


def logged(shown: Exploration, run: Path, parts: Sequence[str]) -> Exploration:
    """Put the training log on a page, where the run has one.

    Args:
        shown: The page.
        run: The run folder.
        parts: The log's keys of the errors in training and on validation.
    """
    log = run / run_folder.LOG
    if not log.is_file():
        return shown
    return shown.more({}, {"training": of_log(lines(log), *parts)})
