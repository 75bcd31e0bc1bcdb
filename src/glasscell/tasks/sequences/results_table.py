"""Lays the results of a run on sequences out for a terminal."""

from __future__ import annotations

import math

from glasscell.data.wording import count, number
from glasscell.tasks.fitted_table import FittedTable
from glasscell.tasks.sequences.result import FitResult
from glasscell.tasks.sequences.scores import Method

TITLES = {
    "accuracy": "accuracy",
    "exact_match": "all right",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "ece": "ECE",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
}
"""What the columns are called."""

LEAVING = ("seconds", "parameters", "R²", "RMSE", "all right", "ECE", "log loss", "balanced")
"""Columns that a narrow terminal does without, in this order."""


def results(result: FitResult) -> FittedTable:
    """Lay the methods out, the network in bold.

    Args:
        result: What `fit` found.
    """
    rows = [
        {
            "method": method.name,
            **{
                TITLES[name]: _figure(name, value, method) for name, value in method.metrics.items()
            },
            "parameters": f"{method.parameters:,}",
            "seconds": f"{method.seconds:.1f}",
        }
        for method in result.methods
    ]
    return FittedTable(
        title(result),
        rows,
        bold=[method.name == result.cell for method in result.methods],
        leaving=LEAVING,
        headline=TITLES[next(iter(result.methods[0].metrics))],
    )


def title(result: FitResult) -> str:
    """Say what was tested on what."""
    plan = result.plan
    tested = count(len(result.board.units), "sequence")
    how = {
        "given": f"the given test part, {tested}, {count(len(plan.rounds), 'seed')}",
        "part": f"one fifth set apart, {tested}, {count(len(plan.rounds), 'seed')}",
        "folds": f"{tested}, each tested once in {count(len(plan.rounds), 'fold')}",
    }[plan.scheme]
    what = "Steps" if plan.labels.per_step else "Labels" if plan.goal == "multilabel" else "Scores"
    if plan.goal == "regress":
        what = "Errors in standard deviations" if plan.outputs > 1 else "Errors"
    return f"{what} on {how}"


def _figure(name: str, value: float, method: Method) -> str:
    """Write a rate with three digits, an error with four; the first with its spread."""
    if not math.isfinite(value):
        return "–"
    error = name in ("mae", "rmse")
    text = number(value) if error else f"{value:.3f}"
    if name != next(iter(method.metrics)) or not math.isfinite(method.spread):
        return text
    return f"{text} ± {f'{method.spread:.2g}' if error else f'{method.spread:.3f}'}"
