"""What the answer to a case is: from the equations in float64, before any engine is timed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glasscell import reference
from glasscell.arrays import Array
from glasscell.bench.cases import Case
from glasscell.bench.numbers import Data
from glasscell.cells.parameters import LayerWeights

__all__ = ["STEPS", "Check", "check", "expected"]

STEPS = 3
"""Steps that a one-step engine takes for its answer: more than one, or its state could be lost."""

ROWS = 32  # sequences at a time: bounds the memory of the float64 run


class Check(NamedTuple):
    """Largest error of an answer over the largest value, and what rounding may explain."""

    error: float
    allowed: float

    @property
    def passed(self) -> bool:
        """Whether the answer is one."""
        return self.error <= self.allowed


def expected(case: Case, data: Data) -> Array:
    """Give what every engine must answer, in float64.

    Returns:
        step, cell, pool: (STEPS, B, H), outputs with the same x in every step; inference:
        (T, B, H); training: (G, I + H + 1), the gradients of weight_ih, weight_hh and a bias side
        by side; trace: (·, T, B, H), the quantities of the tape and h: i f g o c h of an LSTM.
        Masks of training are the numbers that they stand for.
    """
    if case.task == "training":
        gradients = [_gradient(case, part) for part in _parts(case, data)]
        return np.asarray(np.sum(gradients, axis=0))
    if case.task in ("step", "cell", "pool"):
        data = data._replace(x=np.repeat(data.x, STEPS, 0))
    axis = 2 if case.task == "trace" else 1
    return np.concatenate([_forward(case, part) for part in _parts(case, data)], axis=axis)


def check(case: Case, answer: Array, truth: Array) -> Check:
    """Compare an answer with the truth.

    Rounding errors of a chain of n terms grow as 2^-24 sqrt(n) λ, with λ = 8 far beyond what chance
    makes of them (N. Higham, T. Mary, A new approach to probabilistic rounding error analysis, SIAM
    Journal on Scientific Computing 41, 2019); n is I + H terms in each of T steps that feed each
    other, or the T B terms of a weight's gradient. Stored weights add half of 2^-8 (bfloat16) or of
    1/127 (int8) of the largest weight, 1 / sqrt(H), in I + H terms of each step of an answer.
    """
    terms = case.T * (case.I + case.H)
    if case.task == "training":
        terms = max(terms, case.T * case.B)
    allowed = 8 * 2.0**-24 * terms**0.5
    storage = {"float32": 0.0, "bfloat16": 2.0**-9, "int8": 0.5 / 127}[case.weights]
    allowed += storage * STEPS * ((case.I + case.H) / case.H) ** 0.5
    if answer.shape != truth.shape:
        return Check(float("inf"), allowed)
    error = np.abs(np.asarray(answer, np.float64) - truth).max() / np.abs(truth).max()
    return Check(float(error if np.isfinite(error) else np.inf), allowed)


def _parts(case: Case, data: Data) -> list[tuple[Data, Array | None]]:
    """Cut the batch, in float64."""
    wide = Data(*(array.astype(np.float64) for array in data))
    spans = [slice(b, b + ROWS) for b in range(0, case.B, ROWS)]
    return [
        (
            wide._replace(x=wide.x[:, span], dy=wide.dy[:, span]),
            None if case.lengths is None else case.lengths[span],
        )
        for span in spans
    ]


def _run(case: Case, data: Data, lengths: Array | None) -> reference.CellRun:
    """By the program of the step, which the hand-written equations are tested against."""
    cell = case.cell
    starts = {name: np.full(case.H, cell.starts[name]) for name in cell.evaluation.vectors}
    weights = LayerWeights(**data.weights, vectors=starts)
    return reference.run_cell(cell, weights, data.x, lengths=lengths)


def _forward(case: Case, part: tuple[Data, Array | None]) -> Array:
    run = _run(case, *part)
    if case.task == "trace":
        return np.stack([*(run.quantities[name] for name in case.cell.quantities), run.h])
    return run.h


def _gradient(case: Case, part: tuple[Data, Array | None]) -> Array:
    gradients = reference.run_cell_backward(_run(case, *part), part[0].dy)
    assert gradients.dbias_ih is not None
    return np.concatenate(
        [gradients.dweight_ih, gradients.dweight_hh, gradients.dbias_ih[:, None]], axis=1
    )
