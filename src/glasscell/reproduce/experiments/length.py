"""Trained at T steps, tested at T, 2 T and 4 T: does a network know the rule or the length?

Not here: noise-free lag, whose symbols are as many as its steps, and the embedded Reber grammar,
whose words end when they end; their streams without an end are here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.report.views.curves.data import Chart
from glasscell.reproduce.laboratory import Row, Trial, rows_of
from glasscell.reproduce.problems import (
    adding,
    copy,
    multiplication,
    reber_streams,
    recall,
    temporal_order,
    two_sequence,
    very_long_lag,
)
from glasscell.reproduce.side_by_side import (
    SEQUENCES,
    Entry,
    Measure,
    SideBySide,
    Test,
    of_classes,
    rmse,
)
from glasscell.reproduce.today import Draw, Today, equal_size
from glasscell.reproduce.trial_curves import banded

NAME = "length"
TITLE = ("Length: tested at 2 and 4 times what was trained", "长度：在训练长度的 2 倍和 4 倍上测试")
SOURCE = (
    "adding: the LSTM Time Capsule, a public page by ARotting on Hugging Face (2026), with as many "
    "parameters as our LSTM; else none published"
)
COLUMNS = (
    ("at_1", ("RMSE at T", "T 处的 RMSE")),
    ("at_2", ("RMSE at 2 T", "2T 处的 RMSE")),
    ("at_4", ("RMSE at 4 T", "4T 处的 RMSE")),
    ("constant", ("RMSE of the best constant", "最佳常数的 RMSE")),
    SEQUENCES,
)
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

TIMES = (1, 2, 4)
HIDDEN = 32
RATES = {"LSTM": 0.03, "GRU": 0.02, "RNN": 0.003}
PUBLIC = {
    "LSTM": {"at_1": 0.0105, "at_2": 0.038, "at_4": 0.105},
    "GRU": {"at_1": 0.0129, "at_2": 0.198, "at_4": 0.426},
    "RNN": {"at_1": 0.386},
}


def constant(told: Array, target: Array) -> float:
    """Give the RMSE of the best answer that is always the same.

    >>> constant(np.zeros((2, 1)), np.array([[0.0], [1.0]]))
    0.5
    """
    return rmse(np.nanmean(target, axis=0), target)


def _tests(at: Callable[[int], Draw], measure: Measure) -> tuple[Test, ...]:
    """Ask at each length, and once more what a constant would score."""
    asked = [Test(column=f"at_{times}", draw=at(times), measure=measure) for times in TIMES]
    return (*asked, Test(column="constant", draw=at(1), measure=constant))


def _adding(cell: str) -> Entry:
    def at(times: int) -> Draw:
        return partial(adding, 100 * times)

    return Entry(
        name=f"adding, T = 100, {cell}",
        options=Today(
            cell=cell,
            hidden_size=equal_size(cell, 2, HIDDEN, 1),
            forget_bias="chrono",
            longest=400,
            rate=RATES[cell],
            cosine=True,
            batch_size=8,
            steps=2000,
        ),
        draw=at(1),
        tests=_tests(at, rmse),
        published=PUBLIC[cell],
        differs="16,000 sequences as published, in batches of 8, Adam, the rate falling to 0 as a "
        "cosine, the LSTM with chrono biases for 400 steps; how the published networks were "
        "trained, from which biases and how many is not told; the LSTM with batches of 1 to 16, "
        "biases for 100 to 4,000 steps, half to twice the rate, other clipping and weight decay "
        "came to between .08 and .6 at 2 T (about twenty forms, on other seeds)",
    )


def _else(
    name: str, at: Callable[[int], Draw], longest: int, hidden: int = HIDDEN, **options: Any
) -> Entry:
    classes = options.get("loss") == "classes"
    return Entry(
        name=f"{name}, LSTM",
        options=Today(hidden_size=hidden, forget_bias="chrono", longest=longest, **options),
        draw=at(1),
        tests=_tests(at, of_classes(rmse) if classes else rmse),
        quick=0,
    )


_ROWS = SideBySide(
    entries=(
        *(_adding(cell) for cell in PUBLIC),
        _else(
            "multiplication, T = 100",
            lambda times: partial(multiplication, 100 * times),
            110,
            steps=1500,
            enough=0.0005,
        ),
        _else(
            "two-sequence 3a, T = 100",
            lambda times: partial(two_sequence, 100 * times, 3),
            110,
            steps=1000,
            enough=0.001,
        ),
        _else(
            "temporal order 6a, T = 100",
            lambda times: partial(temporal_order, 2, scale=times),
            110,
            loss="classes",
            rate=0.005,
            steps=2000,
            enough=0.005,
        ),
        _else(
            "noisy lag 2c, q = 50",
            lambda times: partial(very_long_lag, 50 * times, 50),
            60,
            loss="classes",
            steps=1000,
            enough=0.005,
        ),
        _else(
            "recall of 2, T = 64",
            lambda times: partial(recall, 64 * times),
            64,
            loss="classes",
            steps=1000,
            enough=0.005,
        ),
        _else(
            "copy, T = 20",
            lambda times: partial(copy, 20 * times),
            80,
            hidden=128,
            loss="classes",
            rate=0.005,
            cosine=True,
            steps=6000,
        ),
        _else(
            "continual Reber, 60 symbols",
            lambda times: partial(reber_streams, 60 * times),
            60,
            steps=1500,
        ),
    ),
    better="less",
)
trials, run, rows = _ROWS.trials, _ROWS.run, _ROWS.rows


def curves(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Chart]:
    """Draw each network's error by length, its lowest and highest trial around the mean."""
    lines = []
    for name, some in rows_of(done).items():
        part = np.array([[r[f"at_{n}"] / r["constant"] for n in TIMES] for _, r in some])
        lines.append(banded(name, TIMES, part))
    return [
        Chart(
            title=(
                "Trained at T steps, asked at others: RMSE as part of the best constant's",
                "在 T 步上训练，在其他长度上提问：RMSE 与最佳常数之比",
            ),
            x=("length, as multiple of T", "长度（T 的倍数）"),
            y=("RMSE, part of the constant's", "RMSE（与常数之比）"),
            lines=lines,
            levels=[(1.0, ("the best constant", "最佳常数"))],
        )
    ]


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say which networks of the adding problem know the rule."""
    figures = []
    for cell in PUBLIC:
        ours = next((row.ours for row in rows if row.name == f"adding, T = 100, {cell}"), None)
        if ours is not None:
            told = [f"{float(ours[key]):.3f}" for key in ("at_1", "at_2", "at_4")]
            figures.append(f"{cell} {' / '.join(told)}")
    if not figures:
        return "", ""
    return (
        f"Adding, trained at 100 steps, RMSE at 100 / 200 / 400: {', '.join(figures)}; a constant "
        "has 0.408.",
        f"加法，在 100 步上训练，100 / 200 / 400 步的 RMSE：{'，'.join(figures)}；常数为 0.408。",
    )
