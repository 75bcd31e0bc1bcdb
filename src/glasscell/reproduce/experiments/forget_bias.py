"""Adding at growing T: with which forget bias does an LSTM begin to see that far?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from glasscell.reproduce.adder import ALWAYS_ONE
from glasscell.reproduce.laboratory import Row
from glasscell.reproduce.problems import adding
from glasscell.reproduce.side_by_side import (
    SEQUENCES,
    STARTS,
    Entry,
    SideBySide,
    Start,
    Test,
    mean_of,
    mse,
    named,
)
from glasscell.reproduce.today import Today
from glasscell.reproduce.trial_curves import of_adding

NAME = "forget-bias"
TITLE = ("Forget bias: adding at growing lags", "遗忘偏置：在越来越长的间隔上做加法")
SOURCE = "Le, Jaitly & Hinton (2015), section 4.1; Tallec & Ollivier (2018), section 4"
COLUMNS = (("mse", ("MSE", "均方误差")), SEQUENCES)
__all__ = ["COLUMNS", "NAME", "SOURCE", "TITLE", "curves", "rows", "run", "sentence", "trials"]

LENGTHS = (100, 200, 400, 750)
BEST_BIASES = {
    200: "the best LSTM of Le et al. had forget bias 4 here",
    400: "the best LSTM of Le et al. had forget bias 10 here",
    750: "chrono was published as solving it 7 times sooner than bias 1",
}


def _entry(length: int, start: Start) -> Entry:
    draw = partial(adding, length)
    return Entry(
        name=f"T = {length}, {named(start)}",
        options=Today(
            forget_bias=start,
            longest=length,
            rate=0.01 if length == 100 else 0.005,
            batch_size=32,
            steps=2000 if length < 400 else 3000,
            enough=0.002,
        ),
        draw=draw,
        tests=(Test(column="mse", draw=draw, measure=mse),),
        trials=3 if length < 400 else 1,
        quick=int(length == 100 and start in (0.0, 5.0, "chrono")),
        differs=BEST_BIASES.get(length, ""),
    )


_ROWS = SideBySide(
    entries=tuple(_entry(length, start) for length in LENGTHS for start in STARTS),
    better="less",
    levels=of_adding,
)
trials, run, rows, curves = _ROWS.trials, _ROWS.run, _ROWS.rows, _ROWS.curves


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say what each start has come to at the longest lag."""
    for length in reversed(LENGTHS):
        found = [(start, mean_of(rows, f"T = {length}, {named(start)}", "mse")) for start in STARTS]
        told = [f"{named(start)}: {error:.4f}" for start, error in found if error is not None]
        if len(told) > 1:
            return (
                f"Adding over {length} steps, mean squared error by start: {', '.join(told)}; "
                f"always answering 1 has {ALWAYS_ONE:.3f}.",
                f"{length} 步的加法，各初始值的均方误差：{'，'.join(told)}；总回答 1 为 "
                f"{ALWAYS_ONE:.3f}。",
            )
    return "", ""
