"""The numbers of one LSTM unit at one step, taken from a layer's weights and its trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import Textbook
from glasscell.errors import DataError, ShapeError

if TYPE_CHECKING:
    from glasscell.traces.layer import LayerTrace


LETTERS: Final = {"forget": "f", "input": "i", "candidate": "C", "output": "o"}
"""Subscript of each gate's W and b, as in W_f [h_{t-1}, x_t] + b_f."""

_TOLERANCE: Final = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class CellNumbers:
    """Every number of one LSTM unit at one step, for the schematic and its equations.

    Make it from weights and a trace with `glasscell.report.cell_numbers`.

    Args:
        unit: Index of the unit in its layer.
        step: Step in the window, from 0.
        x: (I,) the input x_t.
        h_prev: (P,) the hidden state h_{t-1} that all gates read.
        weights: Gate ("forget", "input", "candidate", "output") to this unit's row of W,
            (P + I,), hidden part first.
        biases: Gate to this unit's b (the sum of torch's two).
        pre_activations: Gate to W [h_{t-1}, x_t] + b.
        forget: f_t, 0 … 1.
        input: i_t, 0 … 1.
        candidate: C̃_t, -1 … 1.
        output: o_t, 0 … 1.
        cell_prev: C_{t-1}.
        cell: C_t.
        hidden: h_t = o_t tanh(C_t) of this unit (before a projection, where there is one).
        input_names: (I,) names of the input features, or empty.
        when: Label of the step, e.g. its time stamp.
        layer: Name of the layer.
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
    hidden: float
    input_names: Sequence[str] = ()
    when: str = ""
    layer: str = ""


def cell_numbers(
    weights: Any,
    trace: LayerTrace,
    x: Array,
    *,
    unit: int,
    step: int,
    suffix: str = "",
    h0: Array | None = None,
    c0: Array | None = None,
    input_names: Sequence[str] = (),
    when: str = "",
    layer: str = "",
) -> CellNumbers:
    """Collect every number of one unit at one step, and check that weights and trace agree.

    Pre-activations W [h_{t-1}, x_t] + b are computed here in float64; the gates, the cell state
    and the hidden state are those of the trace.

    Args:
        weights: `LayerWeights`, or a torch layer together with `suffix`.
        trace: Trace of one sequence, each array (T, H).
        x: (T, I) what the layer read.
        unit: Index of the unit, 0 … H-1; negative counts from the end.
        step: Index of the step, 0 … T-1; negative counts from the end.
        suffix: Layer and direction of a torch layer, e.g. "l0"; "" for `LayerWeights`.
        h0: (P,) hidden state before the first step; default zeros.
        c0: (H,) cell state before the first step; default zeros.
        input_names: (I,) names of the features, or empty.
        when: Label of the step.
        layer: Name of the layer.

    Returns:
        The numbers, ready for `Page.cell`.

    Raises:
        ShapeError: `x`, `unit` or `step` does not fit the trace and the weights.
        DataError: The traced gates are not what these weights give.

    Examples:
        >>> from types import SimpleNamespace
        >>> from glasscell.weights import LayerWeights
        >>> w = LayerWeights(weight_ih=np.zeros((4, 1)), weight_hh=np.zeros((4, 1)),
        ...                  bias_ih=np.zeros(4), bias_hh=np.zeros(4))
        >>> half, none = np.full((1, 1), 0.5), np.zeros((1, 1))
        >>> trace = SimpleNamespace(forget=half, input=half, candidate=none, output=half,
        ...                         cell=none, hidden=none)
        >>> cell_numbers(w, trace, np.ones((1, 1)), unit=0, step=0).forget
        0.5
    """
    x = np.asarray(x)
    cells = np.asarray(trace.cell)
    T, H = cells.shape
    unit, step = _index("unit", unit, H, "H"), _index("step", step, T, "T")
    h_prev = _before(trace.hidden, step, h0)
    cell_prev = _before(cells, step, c0)[unit]
    read = np.concatenate([np.ravel(h_prev), np.ravel(x[step])]).astype(np.float64)
    book = Textbook(weights, suffix)
    rows = {gate: getattr(book, f"W_{s}")[unit].astype(np.float64) for gate, s in LETTERS.items()}
    if any(row.shape != read.shape for row in rows.values()) or len(x) != T:
        raise ShapeError(
            f"x: expected (T, I) = ({T}, {len(rows['forget']) - len(h_prev)}), got {x.shape}"
        )
    biases = {gate: _bias(getattr(book, f"b_{s}"), unit) for gate, s in LETTERS.items()}
    sums = {gate: float(row @ read) + biases[gate] for gate, row in rows.items()}
    values = {gate: float(getattr(trace, gate)[step, unit]) for gate in LETTERS}
    _check_agree(sums, values, unit, step)
    cell, output = float(cells[step, unit]), values["output"]
    return CellNumbers(
        unit=unit,
        step=step,
        x=x[step],
        h_prev=h_prev,
        weights=rows,
        biases=biases,
        pre_activations=sums,
        **values,
        cell_prev=float(cell_prev),
        cell=cell,
        hidden=output * float(np.tanh(cell)),
        input_names=tuple(input_names),
        when=when,
        layer=layer,
    )


def activate(gate: str, value: float) -> float:
    """Return what a gate answers to a pre-activation: σ, or tanh for the candidate.

    Examples:
        >>> activate("forget", 0.0), activate("candidate", 0.0)
        (0.5, 0.0)
    """
    if gate == "candidate":
        return float(np.tanh(value))
    return float(0.5 * (1.0 + np.tanh(0.5 * value)))


def _index(name: str, value: int, size: int, letter: str) -> int:
    if not -size <= value < size:
        raise ShapeError(f"{name}: expected 0 … {size - 1} ({letter} = {size}), got {value}")
    return value % size


def _before(states: Any, step: int, initial: Array | None) -> Array:
    if step > 0:
        before: Array = np.asarray(states)[step - 1]
        return before
    return np.zeros(np.shape(states)[1]) if initial is None else np.ravel(initial)


def _bias(bias: Array | None, unit: int) -> float:
    return 0.0 if bias is None else float(bias[unit])


def _check_agree(sums: dict[str, float], values: dict[str, float], unit: int, step: int) -> None:
    for gate, total in sums.items():
        expected = activate(gate, total)
        if abs(expected - values[gate]) > _TOLERANCE:
            raise DataError(
                f"trace.{gate}[{step}, {unit}]: expected {expected:.4f} from these weights and x, "
                f"got {values[gate]:.4f}; pass the weights, the window and, where the sequence "
                "goes on from an earlier one, h0 and c0 that the trace was made with"
            )
