"""The numbers of one LSTM unit at one step, taken from a layer's weights and its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import Textbook
from glasscell.errors import DataError, ShapeError

if TYPE_CHECKING:
    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace

__all__ = ["LETTERS", "CellNumbers", "cell_numbers"]

LETTERS: Final = {"forget": "f", "input": "i", "candidate": "C", "output": "o"}
"""Subscript of each gate's W and b, as in W_f [h_{t-1}, x_t] + b_f."""

_TOLERANCE: Final = 1e-3
"""Between a traced gate and what the weights give: float32 sums of some hundred terms."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CellNumbers:
    """Every number of one LSTM unit at one step.

    Args:
        unit: Index of the unit in its layer.
        step: Step in the sequence, from 0.
        x: (I,) the input x_t.
        h_prev: (P,) the hidden state h_{t-1} that all gates read.
        weights: Gate ("forget", "input", "candidate", "output") to this unit's row of W,
            (P + I,), hidden part first.
        biases: Gate to this unit's b (the sum of torch's two).
        pre_activations: Gate to W [h_{t-1}, x_t] + b, in float64.
        forget: f_t, 0 … 1.
        input: i_t, 0 … 1.
        candidate: C̃_t, -1 … 1.
        output: o_t, 0 … 1.
        cell_prev: C_{t-1}.
        cell: C_t.
    """

    unit: int
    step: int
    x: Array
    h_prev: Array
    weights: Mapping[str, Array]
    biases: Mapping[str, float]
    pre_activations: Mapping[str, float]
    forget: float
    input: float
    candidate: float
    output: float
    cell_prev: float
    cell: float

    @property
    def wires(self) -> dict[str, float]:
        """The number on each wire of the cell's drawing, by the name that it has there.

        f · C_{t-1} is "kept", i · C̃_t "written", tanh(C_t) "squashed"; "hidden" is o tanh(C_t),
        before a projection where there is one.
        """
        squashed = float(np.tanh(self.cell))
        return {
            "cell_prev": self.cell_prev,
            "forget": self.forget,
            "kept": self.forget * self.cell_prev,
            "input": self.input,
            "candidate": self.candidate,
            "written": self.input * self.candidate,
            "cell": self.cell,
            "squashed": squashed,
            "output": self.output,
            "hidden": self.output * squashed,
        }

    @property
    def read(self) -> Array:
        """(P + I,) what all gates read, [h_{t-1}, x_t]."""
        return np.concatenate([np.ravel(self.h_prev), np.ravel(self.x)]).astype(np.float64)


def cell_numbers(
    weights: LayerWeights,
    trace: LayerTrace,
    x: Array,
    *,
    unit: int,
    step: int,
    h0: Array | None = None,
    c0: Array | None = None,
) -> CellNumbers:
    """Collect every number of one unit at one step, and check that weights and trace agree.

    Args:
        weights: Of the layer.
        trace: Of one sequence, each array (T, H).
        x: (T, I) what the layer read.
        unit: Index of the unit, 0 … H-1; negative counts from the end.
        step: Index of the step, 0 … T-1; negative counts from the end.
        h0: (P,) hidden state before the first step; default zeros.
        c0: (H,) cell state before the first step; default zeros.

    Raises:
        ShapeError: `x`, `unit` or `step` does not fit the trace and the weights.
        DataError: The traced gates are not what these weights give.

    >>> from types import SimpleNamespace
    >>> from glasscell.weights import LayerWeights
    >>> w = LayerWeights(weight_ih=np.zeros((4, 1)), weight_hh=np.zeros((4, 1)),
    ...                  bias_ih=np.zeros(4), bias_hh=np.zeros(4))
    >>> half, none = np.full((1, 1), 0.5), np.zeros((1, 1))
    >>> trace = SimpleNamespace(forget=half, input=half, candidate=none, output=half,
    ...                         cell=none, hidden=none, reverse=False)
    >>> cell_numbers(w, trace, np.ones((1, 1)), unit=0, step=0).forget
    0.5
    """
    x, cells = np.asarray(x), np.asarray(trace.cell)
    T, H = cells.shape
    unit, step = _index("unit", unit, H, "H"), _index("step", step, T, "T")
    before = step + 1 if trace.reverse else step - 1
    h_prev = _state(trace.hidden, before, h0)
    read = np.concatenate([h_prev, np.ravel(x[step] if step < len(x) else ())])
    book = Textbook(weights)
    rows = {gate: getattr(book, f"W_{s}")[unit].astype(np.float64) for gate, s in LETTERS.items()}
    if rows["forget"].shape != read.shape or len(x) != T:
        raise ShapeError(
            f"x: expected (T, I) = ({T}, {len(rows['forget']) - len(h_prev)}), got {x.shape}"
        )
    biases = {gate: _bias(getattr(book, f"b_{s}"), unit) for gate, s in LETTERS.items()}
    sums = {gate: float(row @ read) + biases[gate] for gate, row in rows.items()}
    values = {gate: float(getattr(trace, gate)[step, unit]) for gate in LETTERS}
    for gate, total in sums.items():
        expected = float(np.tanh(total) if gate == "candidate" else (1 + np.tanh(total / 2)) / 2)
        if abs(expected - values[gate]) > _TOLERANCE:
            raise DataError(
                f"trace.{gate}[{step}, {unit}]: expected {expected:.4f} from these weights and x, "
                f"got {values[gate]:.4f}; pass the weights, the window and, where the sequence "
                "goes on from an earlier one, h0 and c0 that the trace was made with"
            )
    return CellNumbers(
        unit=unit,
        step=step,
        x=x[step],
        h_prev=h_prev,
        weights=rows,
        biases=biases,
        pre_activations=sums,
        **values,
        cell_prev=float(_state(cells, before, c0)[unit]),
        cell=float(cells[step, unit]),
    )


def _index(name: str, value: int, size: int, letter: str) -> int:
    if not -size <= value < size:
        raise ShapeError(f"{name}: expected 0 … {size - 1} ({letter} = {size}), got {value}")
    return value % size


def _state(states: Any, step: int, initial: Array | None) -> Array:
    """The state after a step; the initial one before the first."""
    if 0 <= step < len(states):
        state: Array = np.asarray(states)[step]
        return state
    return np.zeros(np.shape(states)[1]) if initial is None else np.ravel(initial)


def _bias(bias: Array | None, unit: int) -> float:
    return 0.0 if bias is None else float(bias[unit])
