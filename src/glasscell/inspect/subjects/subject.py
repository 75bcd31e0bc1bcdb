"""What a measure needs of a model, whichever kind it is: one protocol, and what its calls give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations, product
from typing import Any, Protocol, TypeAlias

import numpy as np

from glasscell import cells
from glasscell.arrays import Array
from glasscell.cells.evaluate import evaluate
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import DataError, ShapeError
from glasscell.inspect.gradients.flow import GradientFlow, LayerFlow
from glasscell.model.nodes import recurrent_nodes
from glasscell.traces.layer import LayerTrace

__all__ = [
    "CLOSED",
    "READS_BACKWARDS",
    "Copies",
    "Loss",
    "Measured",
    "Recording",
    "Subject",
    "Unit",
    "batched",
    "other_parameters",
    "rows_off",
    "switched_off",
]

Loss: TypeAlias = Callable[[Any], Any]
"""Callable on the model's output. Of a torch module it gives a scalar tensor; of a saved model the
loss and dL/doutput, of the output's shape."""

Unit: TypeAlias = tuple[str, int]
"""Name of a layer, and which of its units."""


CLOSED = -1e4
"""Bias of a gate whose sigmoid is exactly 0 in any float, and finite in all but float16."""

READS_BACKWARDS = (
    "expected layers that read forwards; {!r} is bidirectional: a reverse layer has "
    "no truncated gradient, as it reads all"
)


class Subject(Protocol):
    """A model that can be looked into; `glasscell.inspect.subjects.subject_of` gives it.

    Measures are written once, over this: nothing above it asks what kind of model it is.
    """

    @property
    def weights(self) -> Mapping[str, LayerWeights]:
        """Layer name ("encoder.l0"), as in `glasscell.trace`, to weights."""

    @property
    def units(self) -> Mapping[str, int]:
        """Name of each layer whose units can be held at 0 to how many it has."""

    def measured(
        self, x: Any, loss: Loss | None = None, kwargs: Mapping[str, Any] | None = None
    ) -> Measured:
        """Run forwards and back; default loss the last step's output, see `last_step_sum`."""

    def value(self, x: Any, loss: Loss | None = None) -> float:
        """Run forwards and give the loss; default as for `measured`."""

    def holding(
        self, x: Any, loss: Loss | None
    ) -> AbstractContextManager[Callable[[Unit | None], float]]:
        """Yield a function that gives the loss with one unit held at 0, or with none (None).

        Default loss the mean squared change of the output.
        """

    def truncating(
        self, x: Any, loss: Loss | None
    ) -> AbstractContextManager[Callable[[int | None], tuple[Array, int]]]:
        """Yield a function of how many steps a gradient may travel back; None: all.

        It gives the gradient of all recurrent weights as one float64 vector, and T.
        """

    def copying(
        self, x: Any, read: Callable[[Any], Any] | None = None, batch_first: bool | None = None
    ) -> AbstractContextManager[Copies]:
        """Yield what runs the model on copies of one sequence, each pulled back by its own."""

    def recording(self, x: Any, loss: Loss | None = None) -> tuple[Recording, Array | None]:
        """Run once with everything recorded; give that, and x as (B, T, I), None if integers."""


class Copies(Protocol):
    """One sequence, run as many at once."""

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and width of the output."""

    def pull(self, cotangents: Array) -> Array:
        """Give dL/dx (n, T, I) of n copies whose outputs have the gradients (n, T', O)."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One forward and one backward pass.

    Args:
        loss: Its value.
        layers: Layer name to its gradients, and to the gates of the calls they were measured on.
    """

    loss: float
    layers: Mapping[str, tuple[LayerFlow, LayerTrace]]

    @property
    def flow(self) -> GradientFlow:
        """The gradients alone."""
        return GradientFlow({name: flow for name, (flow, _) in self.layers.items()}, self.loss)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """What a model did with a batch.

    Args:
        traces: Layer name to trace of the batch.
        weights: Layer name to weights, where they are known.
        output: (B, T, O), (B, O) or None.
        flow: Gradients of the loss; None if there was none.
        model: Tree of `glasscell.save`, None if the model cannot be written as one.
        parameters: Weights of the tree's other nodes, by torch's name.
        indices: (B, T) what the model read, if that were integers for an Embedding.
        subject: What ran; None where only its traces are known.
        read: What it was called with.
        axis: Which axis of `read` is the batch's.
        loss: Which was asked for; None: the default one.
        rival: Names of layers that are not the model's, but of one to compare it with.
        alone: Which sequence to the gradients of it alone, where those of a batch of several
            lengths have no common end.
    """

    traces: Mapping[str, LayerTrace]
    weights: Mapping[str, LayerWeights] = field(default_factory=dict)
    output: Array | None = None
    flow: GradientFlow | None = None
    model: Mapping[str, Any] | None = None
    parameters: Mapping[str, Array] = field(default_factory=dict)
    indices: Array | None = None
    subject: Subject | None = None
    read: Any = None
    axis: int = 0
    loss: Loss | None = None
    rival: frozenset[str] = frozenset()
    alone: Mapping[int, GradientFlow] = field(default_factory=dict)

    @property
    def holdable(self) -> bool:
        """Whether every unit of the model can be held at 0, to see what it is worth."""
        own = self.traces.keys() - self.rival
        return self.subject is not None and own <= self.subject.units.keys()

    def rows(self, chosen: Sequence[int]) -> Any:
        """Give some sequences of what was read, as the model reads them."""
        return self.read[(slice(None),) * self.axis + (list(chosen),)]

    def beside(self, other: Recording, name: str) -> Recording:
        """Put the layers of another model beside this one's, as "name: layer"."""
        traces = {f"{name}: {layer}": trace for layer, trace in other.traces.items()}
        weights = {f"{name}: {layer}": one for layer, one in other.weights.items()}

        def both(flow: GradientFlow | None, further: GradientFlow | None) -> GradientFlow:
            named = {f"{name}: {layer}": one for layer, one in (further or {}).items()}
            return GradientFlow({**(flow or {}), **named}, flow.loss if flow else float("nan"))

        return replace(
            self,
            traces={**self.traces, **traces},
            weights={**self.weights, **weights},
            flow=both(self.flow, other.flow),
            rival=frozenset(traces),
            alone={row: both(flow, other.alone.get(row)) for row, flow in self.alone.items()},
        )


def batched(x: Array, indices: bool) -> Array:
    """Give (B, T, I), or (B, T) integers, of one sequence or several.

    Raises:
        ShapeError: It is neither.
    """
    axes = 2 if indices else 3
    if x.ndim == axes - 1:
        x = x[None]
    if x.ndim != axes or 0 in x.shape[:2]:
        wanted = "(B, T) integers" if indices else "(B, T, I) or (T, I)"
        raise ShapeError(f"expected x of shape {wanted}, none of them 0, got {x.shape}")
    return x


@lru_cache(maxsize=64)
def rows_off(cell: cells.Cell, biases: bool, any_start: bool = False) -> dict[str, float] | None:
    """Give the gates of a unit whose rows, at 0 but for a bias, hold its output at 0.

    An LSTM's output gate is closed. Without biases it cannot be, and the candidate is 0: what is
    never written is never shown, as long as the cell starts at 0. A GRU's update gate is closed and
    its candidate 0, an RNN's own row is 0. Found by trying, on the cell's program: fewest gates
    first, and what holds whatever the state before is.

    Args:
        cell: Any.
        biases: Whether the layer has some.
        any_start: Whether it must hold whatever state comes from outside; default no: from where
            the cell starts by itself.

    Returns:
        Letter to bias of each row; None where there is no such rows.

    >>> rows_off(cells.of("LSTM"), True), rows_off(cells.of("GRU"), True)
    ({'o': -10000.0}, {'z': -10000.0, 'n': 0.0})
    """
    levels = (0.0, CLOSED, -CLOSED) if biases else (0.0,)
    for own_start in (False,) if any_start else (False, True):
        for count in range(1, min(len(cell.gates), 2) + 1):
            for gates in combinations(cell.gates, count):
                for given in product(levels, repeat=count):
                    rows = dict(zip(gates, given, strict=True))
                    if _is_off(cell, rows, own_start):
                        return rows
    return None


def _is_off(cell: cells.Cell, rows: Mapping[str, float], own_start: bool) -> bool:
    """Whether a unit with such rows puts out 0 at every one of some steps."""
    program, random = cell.evaluation, np.random.default_rng(0)
    states = [
        np.full(8, cell.initial.get(letter, 0.0)) if own_start else random.normal(size=8)
        for letter in cell.states
    ]
    vectors = [random.normal(size=8) for _ in program.vectors]
    for _ in range(3):
        sums = [
            np.full(8, rows[one.gate] * ("x" in one.reads)) if one.gate in rows
            else random.normal(size=8) * 3
            for one in program.sums
        ]  # fmt: skip
        with np.errstate(all="ignore"):
            values = evaluate(program.operations, [*sums, *states, *vectors])
        states = [values[place] for place in program.outputs]
        if states[0].any():
            return False
    return True


def switched_off(weights: LayerWeights, cell: cells.Cell, unit: int) -> LayerWeights:
    """Give a layer's weights with one unit's output held at 0.

    Raises:
        DataError: No weights of this cell do that.
    """
    rows = rows_off(cell, weights.bias_ih is not None)
    if rows is None:
        raise DataError(f"expected a cell one unit of which can be held at 0, got {cell}")
    size, gates = len(weights.weight_ih) // cell.gate_count, list(cell.gates)
    off = {name: array.copy() for name, array in weights.arrays().items()}
    for letter, bias in rows.items():
        row = gates.index(letter) * size + unit
        for name in off.keys() & {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}:
            off[name][row] = bias if name == "bias_ih" else 0.0
    return LayerWeights.named(off, size)


def other_parameters(tree: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Leave the weights of the recurrent nodes of a tree out of its parameters."""
    names = [node["weights"] for node in recurrent_nodes(tree)]
    own = tuple(f"{name}." if name else "" for name in names)
    return {name: array for name, array in arrays.items() if not name.startswith(own)}
