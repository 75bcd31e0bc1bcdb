"""Experiments 2b and 2c of 1997: an early symbol kept over noise that nothing can compress."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from glasscell.reference.memory_blocks import BlockSizes
from glasscell.reproduce.laboratory import Row
from glasscell.reproduce.one_unit import CLOSER, OneUnit
from glasscell.reproduce.online_training import BlockNetwork, Goal
from glasscell.reproduce.problems import last_alone, random_distractors, very_long_lag
from glasscell.reproduce.today import Today
from glasscell.reproduce.two_forms import (
    COLUMNS,
    Modern,
    Published,
    TwoForms,
    shares_right,
)

NAME = "noisy-lag"
TITLE = ("Noisy lags: a symbol kept over noise", "有噪声的时滞：越过噪声记住一个符号")
SOURCE = "Hochreiter & Schmidhuber (1997), section 5.2, tasks 2b and 2c, table 3"
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

MOST = 2_000_000
"""Sequences after which a trial of 2c has failed."""


def network(symbols: int) -> BlockNetwork:
    """Two cells with both gates, and no biases: 364 weights at 50 symbols."""
    return BlockNetwork(
        sizes=BlockSizes(inputs=symbols + 4, blocks=2, cells_per_block=1, outputs=2),
        biased="nothing",
        output_bias=False,
        spread=0.2,
    )


def _row(least: int, symbols: int, after: float) -> Published:
    return Published(
        name=f"2c, q = {least:,}, p = {symbols:,}, LSTM of 1997",
        network=network(symbols),
        rate=0.01,
        goal=Goal(tolerance=0.2, streak=10_000, most=MOST),
        draw=partial(very_long_lag, least, symbols),
        table={"solved": 100.0, "sequences": after},
        trials=20,
        in_quick=least == 50,
        differs="what is shown counts to the end of 10,000 sequences without an error; a trial "
        f"ends after {MOST:,}",
    )


DISTRACTORS = Published(
    name="2b, p = 100, LSTM of 1997",
    network=OneUnit(symbols=101, gate=CLOSER),
    rate=1.0,
    goal=Goal(tolerance=0.25, streak=10_000, most=200_000),
    draw=partial(last_alone, random_distractors),
    table={"solved": 100.0, "sequences": 5680.0},
    trials=18,
    in_quick=False,
    differs="the last symbol alone is asked for: no symbol tells that it is the last but one, so "
    "the network would have to count, and with an error after every step one that was tried was "
    "never right; the "
    "input gate begins at -3, as in 2a; what is shown counts to the end of 10,000 sequences "
    "without an error",
)

_FORMS = TwoForms(
    [
        DISTRACTORS,
        _row(50, 50, 30_000),
        _row(100, 100, 31_000),
        _row(200, 200, 33_000),
        _row(500, 500, 38_000),
        _row(1000, 1000, 49_000),
        _row(1000, 500, 49_000),
        _row(1000, 200, 75_000),
        _row(1000, 100, 135_000),
        _row(1000, 50, 203_000),
    ],
    [
        Modern(
            name="2c, q = 50, p = 50",
            options=Today(
                hidden_size=8,
                loss="classes",
                forget_bias="chrono",
                longest=60,
                rate=0.01,
                batch_size=32,
                steps=300,
                check_every=50,
                enough=0.001,
            ),
            draw=partial(very_long_lag, 50, 50),
            tolerance=0.5,
            rnn_rate=0.003,
        )
    ],
)
trials, run, rows, curves = _FORMS.trials, _FORMS.run, _FORMS.rows, _FORMS.curves


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say who keeps the symbol."""
    if (shares := shares_right(rows, "2c, q = 50, p = 50")) is None:
        return "", ""
    one, other = shares
    return (
        f"Over 50 random symbols and more the LSTM of today still knows {one:.1f} % of the early "
        f"symbols, the plain RNN {other:.1f} %; chance is 50 %.",
        f"越过 50 个以上的随机符号，今天的 LSTM 仍记得 {one:.1f}% 的早先符号，普通 RNN 为 "
        f"{other:.1f}%；随机猜测为 50%。",
    )
