"""What the demo's page shows of the adding problem: table, gradient river, the gates at work."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import glasscell
from glasscell import report
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.reproduce.adding import ALWAYS_ONE, LAYER, SOLVED, draw
from glasscell.reproduce.duel import Duel, Try

NAMES = {"LSTM": "LSTM", "RNN": "plain RNN"}
COLUMNS = ["method", "MSE", "units", "parameters", "rate", "steps", "seconds"]


def rows(duel: Duel) -> list[list[str | float]]:
    """Give the rows of the table under `COLUMNS`, the LSTM last."""
    none = float("nan")
    fixed: list[str | float] = ["always answer 1", ALWAYS_ONE, none, 0.0, none, none, 0.0]
    return [fixed, *(_row(one) for one in (*duel.rnns, duel.lstm))]


def table(duel: Duel) -> report.Table:
    """Lay the duel out for the page."""
    length = duel.options.length
    return report.Table(
        caption=(
            f"The adding problem at T = {length}: mean squared error (MSE) on "
            f"{duel.options.held_out:,} sequences that no network has seen; below {SOLVED} the "
            "problem counts as solved."
        ),
        columns=COLUMNS,
        rows=rows(duel),
        highlight=[len(duel.rnns) + 1],
        note=(
            "Same sequences in the same order, same optimiser (Adam, gradients clipped at "
            f"{duel.options.clip:g}). The plain RNN has one try per learning rate, and at least as "
            "many parameters as the LSTM. A try ends when it has learnt to add, after "
            f"{duel.options.steps:,} steps, or when for {duel.options.hopeless:,} steps it did no "
            "better than always answering 1 and no gradient that float32 can add up reached the "
            "first half of the sequence, where the first number is. The LSTM's forget and input "
            f"biases start so that its units remember for 1 to {length - 1} steps; all else is as "
            "torch starts it."
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


def river(duel: Duel) -> report.River:
    """Show the gradients of the plain RNN and the LSTM, before and after training."""
    lines = []
    for when, name in (("before", "untrained"), ("after", "trained")):
        for one in (duel.rnn, duel.lstm):
            lines.append(report.RiverLine.of(f"{one.kind}, {name}", getattr(one, when)))
    return report.River(
        lines=lines,
        caption=(
            f"The adding problem at T = {duel.options.length}, one fixed batch of "
            f"{duel.options.batch_size} sequences. The loss is the error of the answer after the "
            "last step, so a value 75 steps back is learnt from what is left at lag 75."
        ),
        needed=True,
    )


def gates(duel: Duel) -> report.GateWindow:
    """Trace the trained LSTM over one sequence that it has not seen; its marks are events."""
    x = example(duel.options.length, duel.options.seed)
    with glasscell.trace(duel.lstm.network) as traced, torch.no_grad():
        answer = float(duel.lstm.network(x))
    values, marked = x[:, 0, 0].numpy(), np.flatnonzero(x[:, 0, 1])
    return report.GateWindow(
        trace=traced[LAYER].sequence(0),
        name="adding problem",
        inputs={"value": values, "marker": x[:, 0, 1].numpy()},
        events=[(int(step), f"marked: {values[step]:.2f}") for step in marked],
        caption=(
            f"A sequence that the network has not seen: {values[marked[0]]:.3f} + "
            f"{values[marked[1]]:.3f} = {values[marked].sum():.3f}; it answers {answer:.3f}."
        ),
    )


def example(length: int, seed: int) -> torch.Tensor:
    """Give (T, 1, 2): of 20 new sequences the one whose marks lie farthest apart, off the edges."""
    x, _ = draw(length, 20, np.random.default_rng([seed, 9]))
    first, second = x[:, :, 1].T.nonzero()[:, 1].reshape(20, 2).T
    edge = length // 20
    inside = (first >= edge) & (second < length - edge)
    far = int(((second - first) * inside).argmax())
    return x[:, far : far + 1]


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
            {"name": line.name, **{part: _floats(getattr(line, part)) for part in PARTS}}
            for line in river(duel).lines
        ],
    }


PARTS = ("hidden", "cell", "cell_path")


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
    share = float(norms[0] / norms[-1]) if norms[-1] > 0 else float("nan")
    if not share > 0:
        return "nothing"
    return f"{100 * share:.0f} %" if share >= 0.005 else f"10{_raised(round(np.log10(share)))}"


def _raised(power: int) -> str:
    """Write an exponent as superscript.

    >>> _raised(-24)
    '⁻²⁴'
    """
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
