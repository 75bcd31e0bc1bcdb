"""Experiment 2a of 1997: the first symbol comes again at the end; all between is known by heart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from glasscell.reproduce.laboratory import Row
from glasscell.reproduce.one_unit import OneUnit
from glasscell.reproduce.online_training import Goal
from glasscell.reproduce.problems import noise_free_lag
from glasscell.reproduce.today import Today
from glasscell.reproduce.two_forms import (
    COLUMNS,
    Modern,
    Published,
    TwoForms,
    of_today,
    share_right,
)

NAME = "noise-free-lag"
TITLE = ("Noise-free lag: the first symbol comes again", "无噪声时滞：首符号再现")
SOURCE = "Hochreiter & Schmidhuber (1997), section 5.2, task 2a, table 2"
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "rows", "run", "sentence", "trials"]

CLOSER = -3.0
"""Added to the initial weights of the input gate at p = 100."""


def _row(
    name: str,
    lag: int,
    network: OneUnit,
    table: dict[str, float],
    differs: str,
    most: int = 200_000,
) -> Published:
    return Published(
        name=name,
        network=network,
        rate=1.0,
        goal=Goal(tolerance=0.25, streak=10_000, most=most),
        draw=partial(noise_free_lag, lag),
        table=table,
        trials=18,
        in_quick=lag == 20,
        differs=differs,
    )


_FORMS = TwoForms(
    [
        _row(
            "p = 20, LSTM of 1997",
            20,
            OneUnit(symbols=21),
            {},
            "all as published but the lag; what is shown counts to the end of 10,000 without error",
        ),
        _row(
            "p = 100, LSTM of 1997",
            100,
            OneUnit(symbols=101, gate=CLOSER),
            {"solved": 100.0, "sequences": 5040.0},
            "the input gate begins at -3 on average, not at 0: else the cell has added up 25 by "
            "the end of its first sequence, drives all outputs to 0 and is not heard again; what "
            "is shown counts to the end of 10,000 without an error",
        ),
        _row(
            "p = 4, RTRL of 1997",
            4,
            OneUnit(symbols=5, unit="logistic"),
            {"solved": 78.0, "sequences": 1_043_000.0},
            "RTRL and BPTT have the same gradient at the end of a sequence; a trial ends after "
            "2,000,000 sequences, not 5,000,000",
            2_000_000,
        ),
        _row(
            "p = 100, BPTT of 1997",
            100,
            OneUnit(symbols=101, unit="logistic"),
            {"solved": 0.0},
            "a trial ends after 60,000 sequences, not 5,000,000",
            60_000,
        ),
    ],
    [
        Modern(
            name="p = 100",
            options=Today(
                hidden_size=16,
                loss="classes",
                forget_bias="chrono",
                longest=100,
                rate=0.01,
                batch_size=8,
                steps=600,
                check_every=50,
                enough=0.0005,
                validation=32,
            ),
            draw=partial(noise_free_lag, 100),
            tolerance=0.5,
            rnn_rate=0.003,
        )
    ],
)
trials, run, rows = _FORMS.trials, _FORMS.run, _FORMS.rows


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say who knows the first symbol at the end."""
    if (both := of_today(rows, "p = 100")) is None:
        return "", ""
    one, other = map(share_right, both)
    return (
        f"After 100 steps without noise the LSTM of today predicts {one:.1f} % of the sequences at "
        f"every symbol, the plain RNN {other:.1f} %; who forgets the first is right in 50 %.",
        f"经过 100 步无噪声序列，今天的 LSTM 对 {one:.1f}% 的序列逐符号预测正确，普通 RNN 为 "
        f"{other:.1f}%；忘记首符号者答对 50%。",
    )
