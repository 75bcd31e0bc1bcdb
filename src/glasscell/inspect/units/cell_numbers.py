"""The numbers of one unit at one step, taken from a layer's weights and its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.direct import direct_path
from glasscell.cells.evaluate import evaluate
from glasscell.errors import DataError, ShapeError
from glasscell.traces.slopes import slopes_of, written

if TYPE_CHECKING:
    from glasscell.cells import Cell
    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace

__all__ = ["LETTERS", "CellNumbers", "Terms", "cell_numbers"]

LETTERS: Final = {"forget": "f", "input": "i", "candidate": "C", "output": "o"}
"""Subscript of each gate's W and b where a textbook has another than the cell's own letter, as in
W_f [h_{t-1}, x_t] + b_f."""

_TOLERANCE: Final = 1e-3
"""Between a traced gate and what the weights give: float32 sums of some hundred terms."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    """What one sum of a unit is made of: ``total = weights · read + bias``.

    Args:
        weights: This unit's row of [R, W]; of R or W alone where the sum reads only h or x.
        read: [h_{t-1}, x_t], or one of them.
        bias: That of what is read.
        total: In float64.
    """

    weights: Array
    read: Array
    bias: float
    total: float


@dataclass(frozen=True, kw_only=True, eq=False)
class CellNumbers:
    """Every number of one unit at one step.

    Its gates and states are attributes by their names too: `forget`, `cell`; the states before the
    step with "_prev": `cell_prev`.

    Args:
        unit: Index of the unit in its layer.
        step: Step in the sequence, from 0.
        x: (I,) the input x_t.
        h_prev: (P,) the hidden state h_{t-1} that all gates read.
        weights: Gate ("forget", "input", "candidate", "output") to this unit's row of W,
            (P + I,), hidden part first.
        biases: Gate to this unit's b (the sum of torch's two).
        pre_activations: Gate to W [h_{t-1}, x_t] + b, in float64.
        hidden_parts: Gate to the part of that which is of h_{t-1}, with torch's second bias.
        values: Name of each gate and state to its number.
        before: Name of each state to its number before the step.
        kept: What stays of the state that the layer stores in: f · C_{t-1}. NaN without a belt.
        written: What the step adds to it: i · C̃_t.
        hidden: What the unit puts out, before a projection where there is one.
        squashed: tanh of the state that the layer stores in, where the unit shows that: tanh(C_t).
        cell_of: What the layer runs.
        sums: The terms of each sum of the cell's program.
        computed: Each value of the cell's program; gates and states are those of the trace.
    """

    unit: int
    step: int
    x: Array
    h_prev: Array
    weights: Mapping[str, Array]
    biases: Mapping[str, float]
    pre_activations: Mapping[str, float]
    hidden_parts: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, float]
    before: Mapping[str, float]
    kept: float
    written: float
    hidden: float
    squashed: float | None = None
    cell_of: Cell
    sums: tuple[Terms, ...]
    computed: tuple[float, ...]

    def __getattr__(self, name: str) -> float:
        values, before = self.__dict__.get("values", {}), self.__dict__.get("before", {})
        known = {**values, **{f"{state}_prev": value for state, value in before.items()}}
        if name not in known:
            raise AttributeError(f"expected one of {', '.join(known)}, got {name!r}")
        return float(known[name])

    @property
    def wires(self) -> dict[str, float]:
        """The number on each wire of the cell's drawing, by the name that it has there.

        Gates and states by name, states before the step with "_prev", and "kept", "written",
        "squashed", "hidden".
        """
        before = {f"{name}_prev": value for name, value in self.before.items() if name != "hidden"}
        squashed = {} if self.squashed is None else {"squashed": self.squashed}
        own = {"kept": self.kept, "written": self.written, "hidden": self.hidden}
        return {**before, **self.values, **squashed, **own}

    @property
    def read(self) -> Array:
        """(P + I,) what all gates read, [h_{t-1}, x_t]."""
        read: Array = np.concatenate([np.ravel(self.h_prev), np.ravel(self.x)]).astype(np.float64)
        return read


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
        c0: (H,) cell state before the first step, (S, H) of several; default what the cell starts
            from.

    Raises:
        ShapeError: `x`, `unit` or `step` does not fit the trace and the weights.
        DataError: The traced gates are not what these weights give.

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> w = LayerWeights(weight_ih=np.zeros((4, 1)), weight_hh=np.zeros((4, 1)),
    ...                  bias_ih=np.zeros(4), bias_hh=np.zeros(4))
    >>> half, none = np.full((1, 1), 0.5), np.zeros((1, 1))
    >>> trace = LayerTrace(half, half, none, half, none, hidden=none, layout="TH")
    >>> cell_numbers(w, trace, np.ones((1, 1)), unit=0, step=0).forget
    0.5
    """
    x, cell = np.asarray(x), trace.recurrence
    T, H = len(trace.hidden), trace.units
    unit, step = _index("unit", unit, H, "H"), _index("step", step, T, "T")
    read = x[step] if step < len(x) else np.zeros(0)
    if len(x) != T or weights.weight_ih.shape[1:] != np.shape(read):
        raise ShapeError(f"x: expected (T, I) = ({T}, {weights.weight_ih.shape[1]}), got {x.shape}")
    before = _before(trace, step + 1 if trace.reverse else step - 1, h0, c0)
    sums = _sums(cell, weights, read, before["hidden"], H)
    steps = _step(cell, weights, sums, before, H)
    spoken = {**cell.gates, **cell.states, next(iter(cell.states)): "hidden"}
    places = {spoken[letter]: place for letter, place in cell.program.names.items()}
    expected = {name: steps[place] for name, place in places.items()}
    values = {name: float(trace.quantity(name)[step, unit]) for name in trace.quantities}
    for name, value in values.items():
        if abs(expected[name][unit] - value) > _TOLERANCE * max(1.0, abs(value)):
            raise DataError(
                f"trace.{name}[{step}, {unit}]: expected {expected[name][unit]:.4f} from these "
                f"weights and x, got {value:.4f}; pass the weights, the window and, where the "
                "sequence goes on from an earlier one, h0 and c0 that the trace was made with"
            )
    kept, wrote = _stored(trace, step, unit, before)
    path = direct_path(cell)
    squashed = None
    if path is not None and path.squashed:
        squashed = float(np.tanh(trace.quantity(path.name)[step, unit]))
    computed = [float(value[unit]) for value in steps]
    for name, value in values.items():
        computed[places[name]] = value
    return CellNumbers(
        unit=unit,
        step=step,
        x=x[step],
        h_prev=before["hidden"],
        weights={name: _row(weights, k * H + unit) for k, name in enumerate(cell.gate_names)},
        biases={name: _biases(weights, k * H + unit) for k, name in enumerate(cell.gate_names)},
        pre_activations={
            name: float(sums[letter, "x"][unit] + sums[letter, "h"][unit])
            for letter, name in cell.gates.items()
        },
        hidden_parts={name: float(sums[k, "h"][unit]) for k, name in cell.gates.items()},
        values=values,
        before={name: float(state[unit]) for name, state in before.items() if len(state) == H},
        kept=kept,
        written=wrote,
        hidden=float(steps[cell.program.outputs[0]][unit]),
        squashed=squashed,
        cell_of=cell,
        sums=tuple(
            _terms(weights, cell, letter, reads, unit, (before["hidden"], x[step]))
            for letter, reads in cell.program.sums
        ),
        computed=tuple(computed),
    )


def _terms(
    weights: LayerWeights,
    cell: Cell,
    letter: str,
    reads: str,
    unit: int,
    given: tuple[Array, Array],
) -> Terms:
    """Take the row of a gate apart into what one of its sums reads."""
    row = [*cell.gates].index(letter) * (len(weights.weight_ih) // cell.gate_count) + unit
    whole, h, x = _row(weights, row), *given
    hidden = len(whole) - len(x)
    part = {"xh": slice(None), "x": slice(hidden, None), "h": slice(0, hidden)}[reads]
    read = np.concatenate([h[:hidden], x])[part].astype(np.float64)
    biases = {"x": weights.bias_ih, "h": weights.bias_hh}
    bias = sum(float(b[row]) for k in reads if (b := biases[k]) is not None)
    return Terms(weights=whole[part], read=read, bias=bias, total=float(whole[part] @ read) + bias)


def _row(weights: LayerWeights, row: int) -> Array:
    """(P + I,): the hidden part is empty for a cell without a matrix R."""
    hidden = weights.weight_hh[row] if len(weights.weight_hh) else np.zeros(0)
    whole: Array = np.concatenate([hidden, weights.weight_ih[row]]).astype(np.float64)
    return whole


def _biases(weights: LayerWeights, row: int) -> float:
    return sum(float(b[row]) for b in (weights.bias_ih, weights.bias_hh) if b is not None)


def _sums(
    cell: Cell, weights: LayerWeights, x: Array, h: Array, H: int
) -> dict[tuple[str, str], Array]:
    """(H,) of each gate: W x with its bias, and R h with its own."""
    parts = {}
    for reads, matrix, bias, given in (
        ("x", weights.weight_ih, weights.bias_ih, x),
        ("h", weights.weight_hh, weights.bias_hh, h),
    ):
        rows = cell.gate_count * H
        total = matrix.astype(np.float64) @ given if len(matrix) else np.zeros(rows)
        total = total + (0.0 if bias is None else bias)
        parts[reads] = np.split(total, cell.gate_count)
    return {
        (letter, reads): parts[reads][k]
        for k, letter in enumerate(cell.gates)
        for reads in ("x", "h")
    }


def _step(
    cell: Cell,
    weights: LayerWeights,
    sums: Mapping[tuple[str, str], Array],
    before: Mapping[str, Array],
    H: int,
) -> list[Array]:
    """What the step gives by these weights, (H,) of each value of the program."""
    program = cell.program
    known = getattr(weights, "vectors", {})
    inputs = [
        *(sum(sums[one.gate, reads] for reads in one.reads) for one in program.sums),
        # Under a projection the hidden state of before is of another size, and no step reads it.
        *(before[name] if len(before[name]) == H else np.zeros(H) for name in cell.state_names),
        *(np.asarray(known[name], np.float64) for name in program.vectors),
        *(np.full(H, cell.masks[name].evaluation) for name in program.masks),
    ]
    return evaluate(program.operations, inputs)


def _before(trace: LayerTrace, step: int, h0: Array | None, c0: Array | None) -> dict[str, Array]:
    """Each state as the step found it, in float64."""
    cell = trace.recurrence
    others = None if c0 is None else np.reshape(c0, (cell.extra_states, -1))
    found = {}
    for k, (letter, name) in enumerate(zip(cell.states, cell.state_names, strict=True)):
        given = h0 if k == 0 else None if others is None else others[k - 1]
        states = trace.quantity(name)
        own = np.full(states.shape[1], cell.initial.get(letter, 0.0))
        start = own if given is None else np.ravel(given)
        found[name] = np.asarray(states[step] if 0 <= step < len(states) else start, np.float64)
    return found


def _stored(
    trace: LayerTrace, step: int, unit: int, before: Mapping[str, Array]
) -> tuple[float, float]:
    """What stays of the stored state, and what the step adds; NaN where it is no such sum."""
    path = direct_path(trace.recurrence)
    if path is None or not path.adds:
        return float("nan"), float("nan")
    held = before[path.name]
    place = (path.index, "belt", path.index)

    def array(one: Array) -> Array:
        return one[step : step + 1]

    path_now = slopes_of(trace, array, lambda name: before[name][None], None, [place])[place]
    wrote = written(trace, array, path_now, held[None])
    return float(path_now[0, unit] * held[unit]), float(wrote[0, unit])


def _index(name: str, value: int, size: int, letter: str) -> int:
    if not -size <= value < size:
        raise ShapeError(f"{name}: expected 0 … {size - 1} ({letter} = {size}), got {value}")
    return value % size
