"""What an experiment found, on the page of every run: the table, curves, a network inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from glasscell.arrays import Array
from glasscell.report.page import Exploration
from glasscell.report.page.collect import collect
from glasscell.report.views.curves.data import curves
from glasscell.report.views.results.data import Table, results
from glasscell.reproduce.finding_table import NONE, cell
from glasscell.reproduce.laboratory import SPECIMENS, Finding
from glasscell.reproduce.problems.examples import Examples
from glasscell.reproduce.specimen import LossName, Specimen
from glasscell.reproduce.today import loss_of

__all__ = ["explored"]


def explored(finding: Finding, folder: Path) -> Exploration | None:
    """Show what was found, and the first row's network beside the last one of the same task.

    Args:
        finding: What was found.
        folder: Where the trials and their networks were kept.

    Returns:
        The page; None where no network was kept.
    """
    kept = {
        trial.row: Specimen.read(path)
        for trial, _ in finding.done
        if (path := folder / SPECIMENS / trial.key(finding.experiment.NAME)).exists()
    }
    if not kept:
        return None
    name, first = next(iter(kept.items()))
    rival, other = [entry for entry in kept.items() if entry[1].task == first.task][-1]
    same = _of_one_length(first.examples)
    x, target, _ = same.padded()
    shown = collect(
        first.network,
        x.swapaxes(0, 1),
        _loss(target, first.loss),
        title=finding.experiment.TITLE,
        rival=None if rival == name else (rival, other.network),
    )
    sentence = finding.experiment.sentence(finding.rows)
    said = results([sentence], [_table(finding, name)], _notes(finding))
    drawn = curves(finding.experiment.curves(finding.done))
    return shown.more({}, {"results": said, "curves": drawn})


def _of_one_length(examples: Examples) -> Examples:
    lengths, counts = np.unique(examples.lengths, return_counts=True)
    return examples.chosen(np.flatnonzero(examples.lengths == lengths[counts.argmax()]))


def _loss(target: Array, name: LossName) -> Callable[[Array], tuple[float, Array]]:
    asked = torch.from_numpy(target)

    def loss(output: Array) -> tuple[float, Array]:
        told = torch.from_numpy(output.reshape(target.shape).astype(np.float64)).requires_grad_()
        value = loss_of(name)(told, asked)
        value.backward()  # type: ignore[no-untyped-call]
        assert told.grad is not None
        return float(value.detach()), told.grad.numpy().astype(output.dtype).reshape(output.shape)

    return loss


def _table(finding: Finding, shown: str) -> Table:
    keys = [key for key, _ in finding.experiment.COLUMNS]
    rows: list[list[str | float]] = [
        [row.name, *(cell(row, key) for key in keys), row.trials, row.verdict or NONE]
        for row in finding.rows
    ]
    short = ("; the short form", "；简短版") if finding.quick else ("", "")
    return Table(
        caption=(
            f"Published | ours ({finding.experiment.SOURCE}{short[0]}).",
            f"论文 | 本次（{finding.experiment.SOURCE}{short[1]}）。",
        ),
        columns=[
            ("run", "网络"),
            *(names for _, names in finding.experiment.COLUMNS),
            ("trials", "次数"),
            ("verdict", "结论"),
        ],
        rows=rows,
        highlight=[place for place, row in enumerate(finding.rows) if row.name == shown],
        note=(
            "In brackets: the lowest and the highest of the trials.",
            "括号内：各次中的最低与最高。",
        ),
    )


def _notes(finding: Finding) -> list[str]:
    """Say once what differs from the published settings, and in which rows."""
    rows: dict[str, list[str]] = {}
    for row in finding.rows:
        if row.differs:
            rows.setdefault(row.differs, []).append(row.name)
    return [f"{'; '.join(names)}: {differs}." for differs, names in rows.items()]
