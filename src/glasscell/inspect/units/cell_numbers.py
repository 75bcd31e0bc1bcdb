"""The numbers of one unit of a cell at one step, taken from a layer's weights and its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells import Cell
from glasscell.cells.evaluate import evaluate
from glasscell.errors import DataError, ShapeError

if TYPE_CHECKING:
    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace

__all__ = ["CellNumbers", "Terms", "cell_numbers"]

_TOLERANCE: Final = 1e-3
"""Between a traced quantity and what the weights give: float32 sums of some hundred terms."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    """What one sum of a unit is made of.

    Args:
        weights: This unit's row of [R, W], R and W alone where the sum reads only h or x.
        read: What the row is multiplied by: h_{t-1}, then x_t.
        bias: What is added.
        total: weights · read + bias, in float64.
    """

    weights: Array
    read: Array
    bias: float
    total: float


@dataclass(frozen=True, kw_only=True, eq=False)
class CellNumbers:
    """Every number of one unit at one step.

    Args:
        cell: Of the layer.
        unit: Index of the unit in its layer.
        step: Step in the sequence, from 0.
        x: (I,) the input x_t.
        h_prev: (P,) the hidden state h_{t-1} that the gates read.
        weights: Name of a gate to this unit's row of W, (P + I,), hidden part first.
        biases: Name of a gate to this unit's b (the sum of both).
        sums: Of each sum of the cell's program its terms.
        values: Of each value of the program; gates and states are those of the trace.
        named: Name of a gate or state to its value.
        before: Name of a state to its value before the step.
    """

    cell: Cell
    unit: int
    step: int
    x: Array
    h_prev: Array
    weights: Mapping[str, Array]
    biases: Mapping[str, float]
    sums: tuple[Terms, ...]
    values: tuple[float, ...]
    named: Mapping[str, float]
    before: Mapping[str, float]

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
) -> CellNumbers:
    """Collect every number of one unit at one step, and check that weights and trace agree.

    Args:
        weights: Of the layer, without a projection.
        trace: Of one sequence, each array (T, H).
        x: (T, I) what the layer read.
        unit: Index of the unit, 0 … H-1; negative counts from the end.
        step: Index of the step, 0 … T-1; negative counts from the end.

    Raises:
        ShapeError: `x`, `unit` or `step` does not fit the trace and the weights.
        DataError: The traced quantities are not what these weights give.

    >>> from glasscell.cells.parameters import LayerWeights
    >>> from glasscell.traces.layer import LayerTrace
    >>> w = LayerWeights(weight_ih=np.zeros((4, 1)), weight_hh=np.zeros((4, 1)),
    ...                  bias_ih=np.zeros(4), bias_hh=np.zeros(4))
    >>> half, none = np.full((1, 1), 0.5), np.zeros((1, 1))
    >>> trace = LayerTrace(half, half, none, half, none, hidden=none, layout="TH")
    >>> cell_numbers(w, trace, np.ones((1, 1)), unit=0, step=0).named["forget"]
    0.5
    """
    x, cell = np.asarray(x), trace.recurrence
    T, H = len(trace.hidden), trace.units
    unit, step = _index("unit", unit, H, "H"), _index("step", step, T, "T")
    before = _before(trace, step)
    h_prev = before["hidden"]
    W, R = weights.weight_ih, weights.weight_hh
    I = W.shape[1]  # noqa: E741 - torch's letter
    if x.shape != (T, I) or len(h_prev) != H:
        raise ShapeError(f"x: expected (T, I) = ({T}, {I}), got {x.shape}")
    read = np.concatenate([h_prev, x[step]]).astype(np.float64)
    whole = np.concatenate([np.zeros((len(W), H)) if R is None else R, W], axis=1)
    biases = {name: _or_zeros(getattr(weights, name), len(W)) for name in ("bias_ih", "bias_hh")}
    both, gates = biases["bias_ih"] + biases["bias_hh"], list(cell.gates)
    of = {"xh": (slice(0, H + I), both), "x": (slice(H, H + I), biases["bias_ih"]),
          "h": (slice(0, H), biases["bias_hh"])}  # fmt: skip
    sums, totals = [], []
    for letter, reads in cell.program.sums:
        rows = slice(gates.index(letter) * H, (gates.index(letter) + 1) * H)
        part, bias = of[reads]
        block = whole[rows, part].astype(np.float64)
        totals.append(block @ read[part] + bias[rows])
        sums.append(
            Terms(weights=block[unit], read=read[part], bias=float(bias[rows][unit]),
                  total=float(totals[-1][unit]))
        )  # fmt: skip
    values = _values(cell, totals, before, weights, H)
    named = _checked(trace, values, unit, step)
    own = {name: whole[k * H + unit].astype(np.float64) for k, name in enumerate(cell.gate_names)}
    return CellNumbers(
        cell=cell, unit=unit, step=step, x=x[step], h_prev=h_prev, weights=own,
        biases={name: float(both[k * H + unit]) for k, name in enumerate(cell.gate_names)},
        sums=tuple(sums),
        values=tuple(float(value[unit]) for value in values),
        named=named,
        before={name: float(state[unit]) for name, state in before.items()},
    )  # fmt: skip


def _values(
    cell: Cell, totals: list[Array], before: Mapping[str, Array], weights: LayerWeights, units: int
) -> list[Array]:
    """Run the step of all units, in float64."""
    known, program = weights.arrays(), cell.program
    inputs = [
        *totals,
        *(np.asarray(state, np.float64) for state in before.values()),
        *(np.asarray(known[letter], np.float64) for letter in program.vectors),
        *(np.full(units, cell.masks[letter].evaluation) for letter in program.masks),
    ]
    return evaluate(program.operations, inputs)


def _checked(trace: LayerTrace, values: list[Array], unit: int, step: int) -> dict[str, float]:
    """Give the traced quantities of the unit, which must be what was computed."""
    cell, found = trace.recurrence, {}
    spoken = {**cell.gates, **cell.states, next(iter(cell.states)): "hidden"}
    for letter, value in cell.program.names.items():
        name = spoken[letter]
        traced = float(trace.quantity(name)[step, unit])
        expected = float(values[value][unit])
        if abs(expected - traced) > _TOLERANCE * max(1.0, abs(traced)):
            raise DataError(
                f"trace.{name}[{step}, {unit}]: expected {expected:.4f} from these weights and x, "
                f"got {traced:.4f}; pass the weights and the window that the trace was made with"
            )
        found[name] = traced
        values[value] = np.where(np.arange(len(values[value])) == unit, traced, values[value])
    return found


def _before(trace: LayerTrace, step: int) -> dict[str, Array]:
    """The states before a step, by name; the initial ones before the first."""
    cell = trace.recurrence
    names = ("hidden", *cell.state_names[1:])
    place = step + 1 if trace.reverse else step - 1
    if 0 <= place < len(trace.hidden):
        return {name: np.asarray(trace.quantity(name)[place]) for name in names}
    given = [trace.initial_hidden, *_rows(trace.initial_cell, len(names) - 1)]
    return {
        name: np.full(np.shape(trace.quantity(name))[1], cell.initial.get(letter, 0.0))
        if state is None
        else np.ravel(state)
        for name, letter, state in zip(names, cell.states, given, strict=True)
    }


def _rows(states: Array | None, count: int) -> list[Array | None]:
    return [None] * count if states is None else list(np.reshape(states, (count, -1)))


def _index(name: str, value: int, size: int, letter: str) -> int:
    if not -size <= value < size:
        raise ShapeError(f"{name}: expected 0 … {size - 1} ({letter} = {size}), got {value}")
    return value % size


def _or_zeros(bias: Array | None, rows: int) -> Any:
    return np.zeros(rows) if bias is None else bias
