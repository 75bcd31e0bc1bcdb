"""Experiment 4 of 1997: add two marked numbers at least T/2 steps apart; and the form of 2015."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glasscell.reference.memory_blocks import BlockSizes
from glasscell.reproduce.laboratory import Row, Tell, Trial, rows_of, spread
from glasscell.reproduce.online_training import BlockNetwork, Goal, learn, wrong
from glasscell.reproduce.problems import adding as adding_of_2015
from glasscell.reproduce.problems import adding_1997
from glasscell.reproduce.today import Today, equal_size, loss, train

NAME = "adding"
TITLE = ("Adding: two numbers far apart", "加法：相距很远的两个数")
SOURCE = "Hochreiter & Schmidhuber (1997), section 5.4, table 7; Le, Jaitly & Hinton (2015)"
COLUMNS = (
    ("solved", ("solved, %", "解决，%")),
    ("sequences", ("sequences shown", "训练序列数")),
    ("wrong", ("wrong of 2,560", "2,560 条中答错")),
    ("mse", ("MSE", "均方误差")),
)
PUBLISHED = {
    100: {"solved": 100.0, "sequences": 74_000.0, "wrong": 1.0},
    500: {"solved": 100.0, "sequences": 209_000.0, "wrong": 0.0},
    1000: {"solved": 100.0, "sequences": 853_000.0, "wrong": 1.0},
}
"""Table 7: means of 10 trials."""

TOLERANCE, TEST = 0.04, 2560
GOAL = Goal(tolerance=TOLERANCE, streak=2000, mean_below=0.01)
ALWAYS_ONE = 1 / 6
SOLVED_TODAY = 0.01


def network() -> BlockNetwork:
    """Give the network of table 7: 2 blocks of 2 cells, 93 weights."""
    return BlockNetwork(
        sizes=BlockSizes(inputs=2, blocks=2, cells_per_block=2, outputs=1),
        input_biases=(-3.0, -6.0),
    )


def trials(quick: bool, seeds: int | None) -> list[Trial]:
    """List the trials: the network of 1997 by T, then LSTM and plain RNN of today at T = 100."""
    number = seeds or (2 if quick else 10)
    listed = [
        Trial(f"LSTM of 1997, T = {length}", {"form": "1997", "length": length, "rate": 0.5}, seed)
        for length in ((100,) if quick else PUBLISHED)
        for seed in range(number)
    ]
    for cell in ("LSTM", "RNN"):
        settings = {"form": "today", "cell": cell, "length": 100}
        name = f"{'plain RNN' if cell == 'RNN' else cell} of today, T = 100"
        listed += [Trial(name, settings, seed) for seed in range(number)]
    return listed


def run(trial: Trial, line: Tell) -> dict[str, Any]:
    """Train and test one network."""
    length, seed = trial.settings["length"], trial.seed
    if trial.settings["form"] == "today":
        return _today(trial.settings["cell"], length, seed, line)
    chance = np.random.default_rng([seed, length])
    net = network().begin(chance)
    learnt = learn(
        net,
        lambda count: adding_1997(length, count, chance),
        trial.settings["rate"],
        GOAL,
        tell=lambda shown: line.tell(f"{shown:,} sequences"),
        stopped=lambda: line.stopped,
    )
    missed, error = wrong(net, adding_1997(length, TEST, chance), TOLERANCE)
    return {
        "solved": learnt.solved,
        "sequences": learnt.shown,
        "wrong": missed,
        "mse": error,
        "said": f"{learnt.shown:,} sequences, {missed} wrong of {TEST:,}",
    }


def _today(cell: str, length: int, seed: int, line: Tell) -> dict[str, Any]:
    size = 32 if cell == "LSTM" else equal_size(cell, 2, 32, 1)
    options = Today(
        cell=cell,
        hidden_size=size,
        forget_bias="chrono",
        longest=length,
        rate=0.01 if cell == "LSTM" else 0.003,
        batch_size=64,
        steps=2000,
        enough=0.002,
    )
    trained = train(
        options,
        lambda count, chance: adding_of_2015(length, count, chance),
        seed,
        tell=line.tell,
        stopped=lambda: line.stopped,
    )
    test = adding_of_2015(length, 10_000, np.random.default_rng([seed, 2]))
    error = loss(trained.network, test, "squares")
    return {
        "solved": error < SOLVED_TODAY,
        "sequences": trained.sequences,
        "mse": error,
        "said": f"mean squared error {error:.4f}",
    }


def rows(done: Sequence[tuple[Trial, dict[str, Any]]]) -> list[Row]:
    """Lay the rows out: means over trials, and how far they spread."""
    laid_out = []
    for name, some in rows_of(done).items():
        settings, results = some[0][0].settings, [result for _, result in some]
        old = settings["form"] == "1997"
        shown = [r["sequences"] for r in results]
        ours: dict[str, float | str] = {
            "solved": 100 * float(np.mean([r["solved"] for r in results])),
            "sequences": float(np.mean(shown)),
            "mse": float(np.mean([r["mse"] for r in results])),
        }
        if old:
            ours["wrong"] = float(np.mean([r["wrong"] for r in results]))
        published = PUBLISHED[settings["length"]] if old else {}
        laid_out.append(
            Row(
                name,
                published,
                ours,
                len(results),
                {"sequences": spread(shown), "mse": spread([r["mse"] for r in results])},
                _verdict(published, ours),
                "" if old else _DIFFERS,
            )
        )
    return laid_out


_DIFFERS = (
    "numbers of [0, 1], one in each half, every sequence of T steps (Le et al. 2015); Adam, "
    "batches of 64, the whole gradient clipped at 1; the plain RNN has as many parameters"
)


def _verdict(published: dict[str, float], ours: dict[str, float | str]) -> str:
    if not published:
        return ""
    return "matched" if ours["solved"] == published["solved"] else "short of it"


def sentence(rows: Sequence[Row]) -> tuple[str, str]:
    """Say who learnt to add."""
    named = {row.name: row for row in rows}
    lstm, rnn = (named.get(f"{name} of today, T = 100") for name in ("LSTM", "plain RNN"))
    if lstm is None or rnn is None:
        return "", ""
    one, other = float(lstm.ours["mse"]), float(rnn.ours["mse"])
    solves = one < SOLVED_TODAY <= other
    return (
        f"At T = 100 the LSTM's mean squared error is {one:.4f}, the plain RNN's {other:.3f}; "
        f"always answering 1 has {ALWAYS_ONE:.3f}: "
        + ("the LSTM adds, the RNN does not." if solves else "the two are not told apart here."),
        f"T = 100 时，LSTM 的均方误差为 {one:.4f}，普通 RNN 为 {other:.3f}；总回答 1 为 "
        f"{ALWAYS_ONE:.3f}：" + ("LSTM 会加，RNN 不会。" if solves else "这里两者没有区别。"),
    )
