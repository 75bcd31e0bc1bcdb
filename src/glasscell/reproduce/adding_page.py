"""What is shown of the adding problem: the table and the duel's pictures, on a page or as text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import glasscell
from glasscell.arrays import Array
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.report.page import Exploration
from glasscell.report.page.collect import collect
from glasscell.report.views.duel.data import Contest, contest
from glasscell.report.views.events.data import with_events
from glasscell.report.views.results.data import Table
from glasscell.report.views.training.data import of_history
from glasscell.reproduce.adder import ALWAYS_ONE, SOLVED
from glasscell.reproduce.duel import Duel, Try, flow_batch
from glasscell.training import run_folder

if TYPE_CHECKING:
    from rich.table import Table as TerminalTable

NAMES = {"LSTM": "LSTM", "RNN": "plain RNN"}
COLUMNS = ("method", "MSE", "units", "parameters", "rate", "steps", "seconds")
CHINESE = ("方法", "MSE", "单元数", "参数量", "学习率", "训练步", "秒")
PROBLEM = "adding problem"


def rows(duel: Duel) -> list[list[str | float]]:
    """Give the rows of the table under `COLUMNS`, the LSTM last."""
    none = math.nan
    fixed: list[str | float] = ["always answer 1", ALWAYS_ONE, none, 0.0, none, none, 0.0]
    return [fixed, *(_row(one) for one in (*duel.rnns, duel.lstm))]


def table(duel: Duel) -> Table:
    """Lay the duel out for the page."""
    length, options = duel.options.length, duel.options
    return Table(
        caption=(
            f"The adding problem at T = {length}: mean squared error (MSE) on "
            f"{options.held_out:,} sequences that no network has seen; below {SOLVED} the "
            "problem counts as solved.",
            f"加法问题，T = {length}：在 {options.held_out:,} 条任何网络都没有见过的序列上的"
            f"均方误差（MSE）；低于 {SOLVED} 视为解决。",
        ),
        columns=list(zip(COLUMNS, CHINESE, strict=True)),
        rows=rows(duel),
        highlight=[len(duel.rnns) + 1],
        note=(
            "Same sequences in the same order, same optimiser (Adam, gradients clipped at "
            f"{options.clip:g}). The plain RNN has one try per learning rate, and at least as "
            "many parameters as the LSTM. A try ends when it has learnt to add, after "
            f"{options.steps:,} steps, or when for {options.hopeless:,} steps it did no "
            "better than always answering 1 and no gradient that float32 can add up reached the "
            "first half of the sequence, where the first number is. The LSTM's forget and input "
            f"biases start so that its units remember for 1 to {length - 1} steps; all else is as "
            "torch starts it.",
            f"序列及其顺序相同，优化器相同（Adam，梯度裁剪到 {options.clip:g}）。"
            "普通 RNN 每个学习率尝试一次，参数量不少于 LSTM。一次尝试在学会加法、"
            f"满 {options.steps:,} 步，或连续 {options.hopeless:,} 步都不比总回答 1 更好、"
            "且没有 float32 能累加的梯度到达序列前半段（第一个数所在处）时结束。"
            f"LSTM 的遗忘门和输入门偏置使其单元能记住 1 到 {length - 1} 步；"
            "其余与 torch 的初始值相同。",
        ),
    )


def in_words(duel: Duel) -> str:
    """Say who solved the problem, and how much of the gradient reached the first step."""
    lstm, rnn, tries = duel.lstm, duel.rnn, len(duel.rnns)
    lag = duel.options.length - 1
    best = f"in the best of {tries} {'tries' if tries > 1 else 'try'}"
    return (
        f"On the adding problem {_solves(lstm)} after {lstm.steps:,} training steps; "
        f"{_solves(rnn)} after {rnn.steps:,}, {best}. Before training, over {lag} steps, "
        f"the gradient shrinks to {_share(rnn.before)} of itself in the plain RNN, and to "
        f"{_share(lstm.before)} in the LSTM's memory cell."
    )


def rivers(duel: Duel) -> dict[str, LayerFlow]:
    """Give the gradients of the plain RNN and the LSTM, before and after training, by name."""
    return {
        f"{one.kind}, {name}": getattr(one, when)
        for when, name in (("before", "untrained"), ("after", "trained"))
        for one in (duel.rnn, duel.lstm)
    }


def save(duel: Duel, folder: Path) -> None:
    """Save the LSTM, and within its folder the plain RNN, as `glasscell fit` keeps its own."""
    glasscell.save(duel.lstm.network, folder)
    glasscell.save(duel.rnn.network, folder / run_folder.RIVAL)


def explored(duel: Duel, folder: Path) -> Exploration:
    """Measure both trained networks on the sequences that the duel's gradients are measured on.

    Args:
        duel: Result of the duel.
        folder: Where `save` put them.

    Returns:
        A page that shows the sequence whose marks lie farthest apart.
    """
    x, y = (part.numpy() for part in flow_batch(duel.options))
    row = widest(x)
    values, marked = x[:, row, 0], np.flatnonzero(x[:, row, 1])
    answer = float(glasscell.load(folder).run(x[:, row : row + 1]).output[-1, 0, 0])
    first, second = (float(values[step]) for step in marked)

    def loss(output: Array) -> tuple[float, Array]:
        """Mean squared error of the last step's answers, and its gradient."""
        steps, gradient = duel.options.length, np.zeros_like(output)
        apart = output.reshape(steps, -1)[-1] - y
        gradient.reshape(steps, -1)[-1] = 2 * apart / len(y)
        return float(np.square(apart).mean()), gradient

    shown = collect(
        folder,
        x.swapaxes(0, 1),
        loss,
        shown=[row],
        names=[
            f"{PROBLEM}: {first:.3f} + {second:.3f} = {first + second:.3f}, answer {answer:.3f}"
        ],
        inputs=("value", "marker"),
        rival=("RNN", folder / run_folder.RIVAL),
    )
    tries = [
        of_history(f"{PROBLEM}, {NAMES[one.kind]}, rate {one.learning_rate:g}", one.history)
        for one in (duel.lstm, *duel.rnns)
    ]
    asked = (
        f"A sequence that no network has seen: {first:.3f} + {second:.3f} = {first + second:.3f}; "
        f"the LSTM answers {answer:.3f}."
    )
    told = contest(
        Contest(
            said=f"{in_words(duel)} {asked}",
            table=table(duel),
            flows=rivers(duel),
            lag_needed=True,
        )
    )
    shown = shown.more(told.arrays, {**told.numbers, "training": tries})
    return with_events(shown, {0: [(int(t), f"marked: {values[t]:.2f}") for t in marked]})


def widest(x: Array) -> int:
    """Choose, of sequences (T, B, 2), the one whose marks lie farthest apart, off the edges."""
    length, count = x.shape[:2]
    first, second = x[:, :, 1].T.nonzero()[1].reshape(count, 2).T
    edge = length // 20
    inside = (first >= edge) & (second < length - edge)
    return int(((second - first) * inside).argmax())


def record(duel: Duel) -> dict[str, Any]:
    """Give what demo.json holds of the duel."""
    return {
        "length": duel.options.length,
        "seed": duel.options.seed,
        "always_one": ALWAYS_ONE,
        "solved_below": SOLVED,
        "verdict": in_words(duel),
        "tries": [
            {
                "network": NAMES[one.kind],
                "hidden_size": one.hidden_size,
                "parameters": one.parameters,
                "learning_rate": one.learning_rate,
                "steps": one.steps,
                "given_up": one.given_up,
                "mean_squared_error": one.error,
                "solved": one.solved,
                "seconds": round(one.seconds, 3),
                "history": [[step, round(error, 6)] for step, error in one.history],
            }
            for one in (*duel.rnns, duel.lstm)
        ],
        "river": [
            {"name": name, **{part: _floats(getattr(flow, part)) for part in PARTS}}
            for name, flow in rivers(duel).items()
        ],
    }


PARTS = ("hidden", "cell", "cell_path")


def duel_table(duel: Duel) -> TerminalTable:
    """Draw the duel's table for a terminal, the LSTM in bold."""
    from rich.table import Table as TerminalTable

    lines = rows(duel)
    drawn = TerminalTable(title=f"The adding problem, {duel.options.length} steps")
    for number, name in enumerate(COLUMNS):
        drawn.add_column(name, justify="left" if number == 0 else "right")
    for number, row in enumerate(lines):
        drawn.add_row(*map(_cell, row), style="bold" if number == len(lines) - 1 else "")
    return drawn


def sparklines(duel: Duel, width: int = 50) -> list[str]:
    """Draw log10 of the untrained networks' gradients along time, one line each, on one scale."""
    blocks = "▁▂▃▄▅▆▇█"
    rnn, lstm = duel.rnn.before.hidden, duel.lstm.before.cell
    assert lstm is not None
    at = np.linspace(0, len(rnn) - 1, min(width, len(rnn))).round().astype(int)
    logs = [np.log10(np.maximum(norms / norms[-1], 1e-12))[at] for norms in (rnn, lstm)]
    high = max(float(line.max()) for line in logs)
    levels = [((line + 12) / (high + 12) * (len(blocks) - 1)).round().astype(int) for line in logs]
    names = ("plain RNN |dL/dh|", "LSTM      |dL/dC|")
    head = f"{'':<{len(names[0])}}  t = 1{f't = {len(rnn)}':>{len(at) - 5}}"
    lines = [
        f"{name}  {''.join(blocks[level] for level in line)}"
        for name, line in zip(names, levels, strict=True)
    ]
    return [head, *lines]


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"


def _floats(values: Any) -> list[float] | None:
    return None if values is None else [float(f"{value:.6g}") for value in values]


def _row(one: Try) -> list[str | float]:
    return [
        NAMES[one.kind],
        one.error,
        float(one.hidden_size),
        float(one.parameters),
        one.learning_rate,
        float(one.steps),
        round(one.seconds, 1),
    ]


def _solves(one: Try) -> str:
    verb = "succeeds" if one.solved else "fails"
    return f"the {NAMES[one.kind]} {verb} (mean squared error {one.error:.4f})"


def _share(flow: LayerFlow) -> str:
    """Write what is left at the first step, of the cell's gradient where there is a cell."""
    norms = flow.stored
    share = float(norms[0] / norms[-1]) if norms[-1] > 0 else math.nan
    if not share > 0:
        return "nothing"
    return f"{100 * share:.0f} %" if share >= 0.005 else f"10{_raised(round(np.log10(share)))}"


def _raised(power: int) -> str:
    """Write an exponent as superscript.

    >>> _raised(-24)
    '⁻²⁴'
    """
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
