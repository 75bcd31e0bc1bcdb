"""The derivatives of a layer's steps, from what a trace has of them; all in float64.

Local slopes are written so that saturated units lose no digits: ``1 - y^2`` as ``(1 - y)(1 + y)``,
and that of ``y = tanh(a)``, where a is known, as ``4 e^(-2|a|) / (1 + e^(-2|a|))^2``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.cells.direct import Direct, direct_path
from glasscell.cells.evaluate import NUMPY, evaluate
from glasscell.cells.operations import Operation

if TYPE_CHECKING:
    from glasscell.arrays import Array
    from glasscell.cells import Cell
    from glasscell.traces.layer import LayerTrace
    from glasscell.traces.steps import Order

__all__ = [
    "Place",
    "added_to",
    "belt",
    "mixes",
    "reverse_inputs",
    "shown_to",
    "slopes_of",
    "stored_by",
    "written",
]

Float64: TypeAlias = npt.NDArray[np.float64]
Place: TypeAlias = tuple[int, str, int]
"""State after, "sum", "state", "after" or "belt", index; see `cells.derivative.Slopes`."""


def mixes(cell: Cell) -> bool:
    """Tell whether the units of a step read each other past the sums, as under layer norm."""
    return any(operation.name == "mean" for operation in cell.program.operations)


def slopes_of(
    layer: LayerTrace,
    array: Callable[[Array], Array],
    before: Callable[[str], Array],
    vectors: Mapping[str, Array] | None = None,
    wanted: Iterable[Place] | None = None,
) -> dict[Place, Float64]:
    """Evaluate the derivatives of every step.

    Args:
        layer: Any.
        array: Takes an array in the trace's layout to the one that is wanted.
        before: Name of a state to its values before each step, in that layout.
        vectors: Letter to (H,), of a cell that has some; default the trace's own.
        wanted: Which derivatives; default all.

    Returns:
        Derivative to array. Masks count as outside training.

    Raises:
        ValueError: The trace does not have what they need.
    """
    values = _Values(layer, array, before, vectors or {})
    by = layer.recurrence.slopes.by
    shape = (*array(layer.hidden).shape[:-1], layer.units)
    # After the end of a sequence everything is 0, also what a step divides by.
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            place: np.broadcast_to(values[by[place]], shape)
            for place in (by if wanted is None else wanted)
            if place in by
        }


def reverse_inputs(
    layer: LayerTrace,
    array: Callable[[Array], Array],
    before: Callable[[str], Array],
    vectors: Mapping[str, Array],
) -> list[Float64]:
    """Give what the reverse pass of a cell reads, but for what arrives: (..., H) each.

    Args:
        layer: Any.
        array: As for `slopes_of`.
        before: As there.
        vectors: As there.
    """
    values = _Values(layer, array, before, vectors)
    slopes, reverse = layer.recurrence.slopes, layer.recurrence.reverse
    places = [*range(len(reverse.kept)), *range(len(slopes.taped), slopes.inputs)]
    shape = (*array(layer.hidden).shape[:-1], layer.units)
    return [np.broadcast_to(values[place], shape) for place in places]


def shown_to(cell: Cell, inputs: list[Float64], dh: Array, state: int) -> Float64:
    """Give what a gradient by the hidden state brings into another state of the same step.

    Args:
        cell: Any.
        inputs: What `reverse_inputs` gave.
        dh: (..., H), before a projection.
        state: Which of the cell's states.
    """
    back = cell.reverse
    arriving = [np.asarray(dh, dtype=np.float64)]
    arriving += [np.zeros(dh.shape) for _ in range(cell.extra_states)]
    rows = [np.broadcast_to(one, dh.shape) for one in inputs]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(evaluate(back.operations, [*rows, *arriving])[back.totals[state]])


class _Values:
    """The values of a cell's slopes, each evaluated when it is asked for."""

    def __init__(
        self,
        layer: LayerTrace,
        array: Callable[[Array], Array],
        before: Callable[[str], Array],
        vectors: Mapping[str, Array],
    ) -> None:
        self._layer, self._array, self._before = layer, array, before
        self._vectors = {**(layer.vectors or {}), **vectors}
        self._cell = layer.recurrence
        self._slopes, self._program = self._cell.slopes, self._cell.program
        self._known: dict[int, Any] = {}

    def __getitem__(self, value: int) -> Any:
        if value not in self._known:
            self._known[value] = (
                np.asarray(self._given(value), dtype=np.float64)
                if value < self._slopes.inputs
                else self._made(self._operation(value))
            )
        return self._known[value]

    def _operation(self, value: int) -> Operation:
        return self._slopes.operations[value - self._slopes.inputs]

    def _made(self, operation: Operation) -> Any:
        if operation.value is not None:
            return np.float64(operation.value)
        root = self._root(operation)
        if root is None:
            operands = [self[operand] for operand in operation.operands]
            if operation.name == "mean":  # over units, which a number alone does not have
                operands = [x if np.ndim(x) else np.full(self._layer.units, x) for x in operands]
            return NUMPY[operation.name](*operands)
        if root >= self._slopes.inputs and self._operation(root).name == "tanh":
            ends = np.exp(-2 * np.abs(self[self._operation(root).operands[0]]))
            return 4 * ends / (1 + ends) ** 2
        return (1 - self[root]) * (1 + self[root])

    def _root(self, operation: Operation) -> int | None:
        """Of ``1 - y * y`` the value y."""
        if operation.name != "sub" or min(operation.operands) < self._slopes.inputs:
            return None
        one, square = map(self._operation, operation.operands)
        if one.value != 1.0 or square.name != "mul" or len({*square.operands}) > 1:
            return None
        return square.operands[0]

    def _given(self, place: int) -> Any:
        taped = len(self._slopes.taped)
        if place < taped:
            return self._taped(place)
        program, place = self._program, place - taped
        letter = (*program.states, *program.vectors, *program.masks)[place]
        if letter in program.states:
            return self._before(self._cell.states[letter])
        if letter in program.masks:
            return self._cell.masks[letter].evaluation
        if letter not in self._vectors:
            raise ValueError(
                f"expected the vectors of {self._cell.name} ({', '.join(program.vectors)}), got "
                f"{', '.join(self._vectors) or 'none'}; pass the layer's weights"
            )
        return self._vectors[letter]

    def _taped(self, place: int) -> Array:
        number, cell = self._slopes.taped[place], self._cell
        for letter, value in self._program.names.items():
            if value == number:
                return self._array(self._layer.quantity({**cell.gates, **cell.states}[letter]))
        extra = place - len(cell.reverse.quantities)
        if extra >= len(self._layer.kept):
            raise ValueError(
                f"expected a trace of {cell.name} with all that its derivative needs, got its "
                "quantities alone; take it from glasscell.trace or model.run(x, trace=True)"
            )
        return self._array(self._layer.kept[extra])


def stored_by(layer: LayerTrace) -> Direct:
    """Give the state that a layer stores in, and its direct path.

    Raises:
        ValueError: The layer has none, as a plain RNN.
    """
    path = direct_path(layer.recurrence)
    if path is None:
        raise ValueError(
            f"expected a layer that stores something by itself, got {layer.recurrence.name}, no "
            "state of which has a direct path from step to step"
        )
    return path


def added_to(layer: LayerTrace) -> Direct:
    """Give the state that a layer stores in, where it is a sum of what each step wrote.

    Raises:
        ValueError: It is none.
    """
    path = stored_by(layer)
    if not path.adds:
        raise ValueError(
            f"expected a layer whose {path.name} state is a sum of what each step wrote, got "
            f"{layer.recurrence}, in which what stays of it depends on what there was"
        )
    return path


def belt(layer: LayerTrace, order: Order, vectors: Mapping[str, Array] | None = None) -> Float64:
    """Give the direct path of what a layer stores: the forget gate, the update gate.

    Args:
        layer: Any whose cell has one.
        order: Of the layer.
        vectors: As for `slopes_of`.

    Returns:
        (T, B, H) in the order of work, 0 where a sequence has ended.

    Raises:
        ValueError: The layer has none, or the trace not what it needs.
    """
    path = stored_by(layer)

    def array(one: Array) -> Array:
        return order.worked(one)

    place = (path.index, "belt", path.index)
    found = slopes_of(layer, array, order.before, vectors, [place])[place]
    return np.where(order.alive[..., None], found, 0)


def written(
    layer: LayerTrace, array: Callable[[Array], Array], path: Array, before: Array
) -> Array:
    """Give what each step wrote into the state that a layer stores in: ``i g`` of an LSTM.

    ``written_t = c_t - path_t c_{t-1}``, from the step's own equation with c_{t-1} at 0 where the
    trace has all that it reads, so that a small part does not drown in a large one.

    Args:
        layer: Any whose cell has a direct path that `adds`.
        array: As for `slopes_of`.
        path: The direct path, in that layout.
        before: The state before each step.

    Raises:
        ValueError: The state is no sum of what steps wrote.
    """
    direct, cell = added_to(layer), layer.recurrence
    values = _Written(layer, array, direct.index)
    if direct.plain and values.known(cell.program.outputs[direct.index]):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(values[cell.program.outputs[direct.index]], dtype=np.float64)
    after = np.asarray(array(layer.quantity(direct.name)), dtype=np.float64)
    return np.asarray(after - path * before)


class _Written:
    """The values of a step with one state before it at 0, from what a trace has."""

    def __init__(self, layer: LayerTrace, array: Callable[[Array], Array], state: int) -> None:
        cell = layer.recurrence
        self._program = program = cell.program
        names = {**cell.gates, **cell.states}
        self._known: dict[int, Any] = {len(program.sums) + state: np.float64(0)}
        for letter, value in program.names.items():
            if value != program.outputs[state]:
                found = array(layer.quantity(names[letter]))
                self._known[value] = np.asarray(found, dtype=np.float64)
        for k, letter in enumerate(program.masks, program.inputs - len(program.masks)):
            self._known[k] = np.float64(cell.masks[letter].evaluation)

    def known(self, value: int) -> bool:
        """Whether the trace has all that a value is made of."""
        if value in self._known:
            return True
        if value < self._program.inputs:
            return False
        operation = self._program.operations[value - self._program.inputs]
        return all(self.known(operand) for operand in operation.operands)

    def __getitem__(self, value: int) -> Any:
        if value not in self._known:
            operation = self._program.operations[value - self._program.inputs]
            self._known[value] = (
                NUMPY[operation.name](*(self[operand] for operand in operation.operands))
                if operation.value is None
                else np.float64(operation.value)
            )
        return self._known[value]
