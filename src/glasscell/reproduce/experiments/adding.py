"""Experiment 4 of 1997: add two marked numbers at least T/2 steps apart; and the form of 2015."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from glasscell.reference.memory_blocks import BlockSizes
from glasscell.reproduce.adder import ALWAYS_ONE, SOLVED
from glasscell.reproduce.laboratory import Row
from glasscell.reproduce.online_training import BlockNetwork, Goal
from glasscell.reproduce.problems import adding as adding_of_2015
from glasscell.reproduce.problems import adding_1997
from glasscell.reproduce.today import Today
from glasscell.reproduce.trial_curves import of_adding
from glasscell.reproduce.two_forms import COLUMNS, Modern, Published, TwoForms, of_today

NAME = "adding"
TITLE = ("Adding: two numbers far apart", "加法：相距很远的两个数")
SOURCE = "Hochreiter & Schmidhuber (1997), section 5.4, table 7; Le, Jaitly & Hinton (2015)"
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

TOLERANCE = 0.04
LAST = (
    "most of the time goes into sums near -2 and 2, where the logistic output is near 0 and 1 and "
    "learns slowly: these are the errors of 0.04 and more for which no 2,000 in a row are right "
    "until long after 99 of 100 are"
)
NETWORK = BlockNetwork(
    sizes=BlockSizes(inputs=2, blocks=2, cells_per_block=2, outputs=1),
    input_biases=(-3.0, -6.0),
)
"""93 weights."""


def _today(length: int, options: Today, trials: int = 10) -> Modern:
    return Modern(
        name=f"T = {length}",
        options=options,
        draw=partial(adding_of_2015, length),
        tolerance=TOLERANCE,
        below=SOLVED,
        rnn_rate=0.003,
        trials=trials,
        in_quick=length == 100,
        task="numbers of [0, 1], one in each half, every sequence of T steps (Le et al. 2015)",
    )


def _longer(length: int) -> Modern:
    options = Today(
        forget_bias="chrono", longest=length, rate=0.005, batch_size=32, steps=3000, enough=0.002
    )
    return _today(length, options, 3)


def _row(length: int, after: float, missed: float) -> Published:
    return Published(
        name=f"T = {length}, LSTM of 1997",
        network=NETWORK,
        rate=0.5,
        goal=Goal(tolerance=TOLERANCE, streak=2000, mean_below=0.01),
        draw=partial(adding_1997, length),
        table={"solved": 100.0, "sequences": after, "wrong": missed},
        in_quick=length == 100,
        differs=LAST if length == 100 else "no setting that we know of",
    )


_FORMS = TwoForms(
    [_row(100, 74_000, 1), _row(500, 209_000, 0), _row(1000, 853_000, 1)],
    [
        _today(
            100,
            Today(forget_bias="chrono", longest=100, rate=0.01, batch_size=64, enough=0.002),
        ),
        _longer(500),
        _longer(1000),
    ],
    levels=of_adding,
)
trials, run, rows, curves = _FORMS.trials, _FORMS.run, _FORMS.rows, _FORMS.curves


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say who learnt to add."""
    if (both := of_today(rows, "T = 100")) is None:
        return "", ""
    one, other = (float(row.ours["mse"]) for row in both)
    apart = one < SOLVED <= other
    return (
        f"At T = 100 the LSTM's mean squared error is {one:.4f}, the plain RNN's {other:.3f}; "
        f"always answering 1 has {ALWAYS_ONE:.3f}: "
        + ("the LSTM adds, the RNN does not." if apart else "the two are not told apart here."),
        f"T = 100 时，LSTM 的均方误差为 {one:.4f}，普通 RNN 为 {other:.3f}；总回答 1 为 "
        f"{ALWAYS_ONE:.3f}：" + ("LSTM 会加，RNN 不会。" if apart else "这里两者没有区别。"),
    )
