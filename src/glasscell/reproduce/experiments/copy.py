"""Copy memory: ten symbols are to be given back after T blanks, from several forget biases."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from glasscell.arrays import Array
from glasscell.report.views.results.data import Text
from glasscell.reproduce.laboratory import Row
from glasscell.reproduce.problems import copy, memoryless
from glasscell.reproduce.side_by_side import (
    SEQUENCES,
    STARTS,
    Entry,
    SideBySide,
    Start,
    Test,
    cross_entropy,
    mean_of,
    named,
)
from glasscell.reproduce.today import Today, equal_size

NAME = "copy"
TITLE = ("Copy memory: ten symbols after T blanks", "复制：T 个空白之后的十个符号")
SOURCE = "Arjovsky, Shah & Bengio (2016), section 4.1; Tallec & Ollivier (2018), section 4"
COLUMNS = (
    ("share", ("of the memoryless baseline, %", "占无记忆基线，%")),
    ("loss", ("cross-entropy", "交叉熵")),
    SEQUENCES,
)
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

SOLVED = 10.0
"""Percentage of the memoryless baseline below which the problem counts as solved."""
ENOUGH = 0.05
"""Part of the baseline at which training ends."""
AT_BASELINE = {"share": 100.0}
SHORTER = (
    "Adam in place of RMSprop, 128 units as in 2018, the gradient clipped at 1; T = 500 and "
    "2,000 were published, where one trial takes hours here"
)


def _entry(
    length: int, start: Start | None, *, cell: str = "LSTM", trials: int, quick: int = 0
) -> Entry:
    size = equal_size(cell, 10, 128 if length >= 100 else 64, 9)
    draw = partial(copy, length)

    def share(told: Array, target: Array) -> float:
        return 100 * cross_entropy(told, target) / memoryless(length)

    published = {} if start not in (1.0, None) or length < 100 else AT_BASELINE
    return Entry(
        name=f"T = {length}, {'plain RNN' if start is None else named(start)}",
        options=Today(
            cell=cell,
            hidden_size=size,
            loss="classes",
            forget_bias=start,
            longest=3 * length // 2,
            rate=(0.005 if length >= 100 else 0.01) if cell == "LSTM" else 0.001,
            cosine=True,
            batch_size=32,
            steps=24_000 if length >= 100 else 1500,
            enough=ENOUGH * memoryless(length),
            validation=200,
        ),
        draw=draw,
        tests=(
            Test(column="share", draw=draw, measure=share),
            Test(column="loss", draw=draw, measure=cross_entropy),
        ),
        published=published,
        trials=trials,
        quick=quick,
        differs=SHORTER if published else "",
    )


def _levels(task: str) -> list[tuple[float, Text]]:
    length = int(task.removeprefix("T = "))
    return [(memoryless(length), ("without memory", "无记忆"))]


_ROWS = SideBySide(
    entries=(
        *(_entry(10, start, trials=0, quick=1) for start in (0.0, "chrono")),
        *(_entry(100, start, trials=3) for start in STARTS),
        _entry(100, None, cell="RNN", trials=1),
        *(_entry(200, start, trials=1) for start in STARTS),
    ),
    better="less",
    levels=_levels,
)
trials, run, rows, curves = _ROWS.trials, _ROWS.run, _ROWS.rows, _ROWS.curves


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say who copies."""
    for length in (100, 10):
        found = [(s, mean_of(rows, f"T = {length}, {named(s)}", "share")) for s in STARTS]
        told = [f"{named(start)}: {share:.1f} %" for start, share in found if share is not None]
        if told:
            return (
                f"Copying over {length} blanks, cross-entropy as a share of the memoryless "
                f"baseline ({memoryless(length):.4f}): {', '.join(told)}; solved below "
                f"{SOLVED:.0f} %.",
                f"跨 {length} 个空白的复制，交叉熵占无记忆基线（{memoryless(length):.4f}）的比例："
                f"{'，'.join(told)}；低于 {SOLVED:.0f}% 即为解决。",
            )
    return "", ""
