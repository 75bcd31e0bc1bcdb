"""What a part of the LSTM is worth: each gate and activation left out, on three problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from glasscell.reproduce.laboratory import Row
from glasscell.reproduce.problems import (
    adding,
    reber_streams,
    temporal_order,
)
from glasscell.reproduce.side_by_side import SEQUENCES, Entry, SideBySide, Test, mse, of_classes
from glasscell.reproduce.today import Today

NAME = "ablations"
TITLE = ("Ablations: what each part of the cell is worth", "消融：单元的每个部分值多少")
SOURCE = (
    "Greff et al. (2017), the eight variants but full gate recurrence; published figures of a "
    "public run at small size (adding, T = 50, 12 units, medians of three networks)"
)
COLUMNS = (("mse", ("MSE", "均方误差")), SEQUENCES)
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

VARIANTS: dict[str, dict[str, Any]] = {
    "V (with peepholes)": {},
    "NP (no peepholes)": {"peephole": False},
    "CIFG (coupled gates)": {"coupled": True},
    "NIG (no input gate)": {"without": "input"},
    "NFG (no forget gate)": {"without": "forget"},
    "NOG (no output gate)": {"without": "output"},
    "NIAF (no input activation)": {"without": "candidate"},
    "NOAF (no output activation)": {"without": "activation"},
}
PUBLISHED = {"V": 0.0033, "NP": 0.0034, "CIFG": 0.0010, "NIG": 0.0115, "NFG": 0.0036,
             "NOG": 0.0069, "NIAF": 0.0021, "NOAF": 0.0050}  # fmt: skip
QUICK = ("NP", "NIG", "NFG")


PROBLEMS: Mapping[str, dict[str, Any]] = {
    "adding, T = 50": {"draw": partial(adding, 50), "loss": "squares"},
    "temporal order, T = 50": {"draw": partial(temporal_order, 2, scale=0.5), "loss": "classes"},
    "continual Reber, 100 steps": {"draw": partial(reber_streams, 100), "loss": "squares"},
}


def _entry(problem: str, variant: str) -> Entry:
    how, letters = PROBLEMS[problem], variant.partition(" ")[0]
    draw, classes, first = how["draw"], how["loss"] == "classes", problem.startswith("adding")
    return Entry(
        name=f"{problem}: {variant}",
        options=Today(
            hidden_size=12,
            loss=how["loss"],
            forget_bias=None if letters == "NFG" else 1.0,
            variant={"peephole": True, **VARIANTS[variant]},
            rate=0.005,
            batch_size=32,
            steps=1500,
        ),
        draw=draw,
        tests=(Test(column="mse", draw=draw, measure=of_classes(mse) if classes else mse),),
        published={"mse": PUBLISHED[letters]} if first else {},
        quick=int(first and letters in QUICK),
        differs="12 units, Adam 0.005, 1,500 steps of 32 as published; forget biases start at 1, "
        "the gradient is clipped at 1; ours are other networks, and medians of three move a lot"
        if first
        else "",
    )


_ROWS = SideBySide(
    entries=tuple(_entry(problem, variant) for problem in PROBLEMS for variant in VARIANTS),
    better="less",
    centre=np.median,
    apart=": ",
)
trials, run, rows, curves = _ROWS.trials, _ROWS.run, _ROWS.rows, _ROWS.curves


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say which part was missed most on each problem."""
    english, chinese = [], []
    for problem in PROBLEMS:
        some = [(float(r.ours["mse"]), r.name) for r in rows if r.name.startswith(problem)]
        if len(some) > 1:
            (least, best), (most, worst) = min(some), max(some)
            names = [name.rpartition(": ")[2].partition(" ")[0] for name in (worst, best)]
            english.append(
                f"{problem}: {names[0]} worst ({most:.2g}), {names[1]} best ({least:.2g})"
            )
            chinese.append(
                f"{problem}：{names[0]} 最差（{most:.2g}），{names[1]} 最好（{least:.2g}）"
            )
    return "; ".join(english) + "." * bool(english), "；".join(chinese) + "。" * bool(chinese)
