"""Experiment 6 of 1997: the order of two or three symbols, 30 to 90 steps before the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from glasscell.reference.memory_blocks import BlockSizes
from glasscell.reproduce.laboratory import Row
from glasscell.reproduce.online_training import BlockNetwork, Goal
from glasscell.reproduce.problems import temporal_order
from glasscell.reproduce.today import Today
from glasscell.reproduce.two_forms import (
    COLUMNS,
    Modern,
    Published,
    TwoForms,
    shares_right,
)

NAME = "temporal-order"
TITLE = ("Temporal order: which came first", "时间顺序：谁先出现")
SOURCE = "Hochreiter & Schmidhuber (1997), section 5.6, table 9"
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

TOLERANCE = 0.3
GOAL = Goal(tolerance=TOLERANCE, streak=2000, mean_below=0.1)


def _network(blocks: int, outputs: int) -> BlockNetwork:
    return BlockNetwork(
        sizes=BlockSizes(inputs=8, blocks=blocks, cells_per_block=2, outputs=outputs),
        input_biases=(-2.0, -4.0, -6.0)[:blocks],
    )


_FORMS = TwoForms(
    [
        Published(
            name="6a, LSTM of 1997",
            network=_network(2, 4),
            rate=0.5,
            goal=GOAL,
            draw=partial(temporal_order, 2),
            table={"solved": 100.0, "sequences": 31_390.0, "wrong": 1.0},
            trials=20,
        ),
        Published(
            name="6b, LSTM of 1997",
            network=_network(3, 8),
            rate=0.1,
            goal=GOAL,
            draw=partial(temporal_order, 3),
            table={"solved": 100.0, "sequences": 571_100.0, "wrong": 2.0},
            in_quick=False,
        ),
    ],
    [
        Modern(
            name="6a",
            options=Today(
                hidden_size=32,
                loss="classes",
                forget_bias="chrono",
                longest=100,
                rate=0.005,
                batch_size=32,
                steps=3000,
                enough=0.005,
            ),
            draw=partial(temporal_order, 2),
            tolerance=0.5,
            task="an answer counts as right if its class is the likeliest",
        )
    ],
)
trials, run, rows, curves = _FORMS.trials, _FORMS.run, _FORMS.rows, _FORMS.curves


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say who tells the order."""
    if (shares := shares_right(rows, "6a")) is None:
        return "", ""
    one, other = shares
    return (
        f"With two telling symbols among 100 to 110 steps, the LSTM of today tells {one:.1f} % of "
        f"the orders, the plain RNN {other:.1f} %; chance is 25 %.",
        f"在 100 到 110 步中有两个关键符号时，今天的 LSTM 答对 {one:.1f}%，普通 RNN {other:.1f}%；"
        "随机猜测为 25%。",
    )
