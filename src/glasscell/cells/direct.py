"""What a cell keeps from step to step by itself: the state that it stores in, and its direct path.

The belt of a cell is what that state is multiplied by in the sum that is the state after a step:
the forget gate of an LSTM's cell state, the update gate of a GRU's hidden state. Where there is no
such sum it is the derivative of the state by itself, the sums of the gates held fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from glasscell.cells.definition import Cell
from glasscell.cells.derivative import Slopes
from glasscell.cells.operations import ACTIVATIONS, Operation
from glasscell.cells.program import Program

__all__ = ["Direct", "called", "direct_path", "form", "gates_by"]


@dataclass(frozen=True)
class Direct:
    """The state that a cell stores in, its direct path from step to step, and its doors.

    Attributes:
        letter: Of the state.
        name: Of the state: "cell", "hidden".
        index: Which of the cell's states it is.
        gate: Name of the gate that is the path; None where it is not one gate alone.
        open_keeps: Whether the path is that gate, and not 1 - gate.
        adds: Whether the state after a step is a sum of the state before times the path and of the
            rest: then it is a sum of what each step wrote.
        plain: Whether that sum has products and sums alone, and no limit such as a clip.
        writes: Name of the gate between 0 and 1 that lets new content in; None where none does.
        open_writes: Whether an open one does, and not 1 - gate.
        shows: Name of the gate between 0 and 1 that the hidden state is a product with: the output
            gate; None without.
        squashed: Whether the hidden state has the tanh of the stored one.
        vectors: Letters of the cell's vectors that the path reads.
    """

    letter: str
    name: str
    index: int
    gate: str | None
    open_keeps: bool
    adds: bool
    plain: bool
    writes: str | None
    open_writes: bool
    shows: str | None
    squashed: bool
    vectors: tuple[str, ...] = ()

    @property
    def symbol(self) -> str:
        """What the gradient by the state is written as."""
        return f"|dL/d{self.letter}_t|"


def called(mode: str | Cell) -> str:
    """Give the name of a mode: torch's, or that of the cell.

    >>> from glasscell.cells import GRU
    >>> called("RNN_TANH"), called(GRU())
    ('RNN_TANH', 'GRU')
    """
    return mode if isinstance(mode, str) else mode.name


@lru_cache(maxsize=256)
def direct_path(cell: Cell) -> Direct | None:
    """Find the state that a cell stores in: one beside the hidden state if that has a direct path.

    Args:
        cell: Any.

    Returns:
        None where no state has one, as in a plain RNN.

    >>> from glasscell.cells import GRU, LSTM, of
    >>> direct_path(LSTM()).gate, direct_path(GRU()).gate, direct_path(of("RNN_TANH"))
    ('forget', 'update', None)
    """
    slopes, program = cell.slopes, cell.program
    letters = list(cell.states)
    index = next((k for k in (*range(1, len(letters)), 0) if (k, "belt", k) in slopes.by), None)
    if index is None:
        return None
    value = slopes.by[index, "belt", index]
    gate, open_keeps = _gate(cell, slopes, value)
    doors = _between(cell, "sigmoid")
    writes, open_writes = _writing(cell, slopes, index, doors)
    return Direct(
        letter=letters[index],
        name=cell.state_names[index],
        index=index,
        gate=gate,
        open_keeps=open_keeps,
        adds=index in slopes.adds,
        plain=not {"max", "min", "where_positive"} & _operations(program, program.outputs[index]),
        writes=writes,
        open_writes=open_writes,
        shows=_showing(cell, doors),
        squashed=any(
            operation.name == "tanh" and operation.operands == (program.outputs[index],)
            for operation in program.operations
        ),
        vectors=_vectors(cell, slopes, value),
    )


def form(cell: Cell) -> str:
    """Give the form of a cell: "gated", or a plain "tanh" or "relu" network.

    >>> from glasscell.cells import of
    >>> form(of("GRU")), form(of("RNN_TANH")), form(of("RNN_RELU"))
    ('gated', 'tanh', 'relu')
    """
    place = cell.program.outputs[0] - cell.program.inputs
    last = cell.program.operations[place].name if place >= 0 else ""
    plain = {} if cell.quantities else {"tanh": "tanh", "max": "relu"}
    return plain.get(last, "gated")


def gates_by(cell: Cell, activation: str) -> tuple[str, ...]:
    """Give the names of the gates that are an activation of something.

    Args:
        cell: Any.
        activation: "sigmoid" for gates between 0 and 1, "tanh" for candidates.

    Returns:
        In the order of the cell's gates, but the direct path first.

    >>> from glasscell.cells import GRU, LSTM
    >>> gates_by(LSTM(), "sigmoid"), gates_by(GRU(), "tanh")
    (('forget', 'input', 'output'), ('candidate',))
    """
    path = direct_path(cell)
    first = None if path is None else path.gate
    return tuple(sorted(_between(cell, activation), key=lambda name: name != first))


def _between(cell: Cell, activation: str) -> list[str]:
    program = cell.program
    return [
        name
        for letter, name in cell.gates.items()
        if letter in program.names
        and program.names[letter] >= program.inputs
        and program.operations[program.names[letter] - program.inputs].name == activation
    ]


def _writing(cell: Cell, slopes: Slopes, state: int, doors: list[str]) -> tuple[str | None, bool]:
    """The door that a candidate passes on its way into a state, and whether an open one lets it."""
    for k, name in enumerate(cell.gate_names):
        value = slopes.by.get((state, "writes", k))
        if value is not None and name not in doors:
            gate, is_open = _gate(cell, slopes, value)
            if gate in doors:
                return gate, is_open
    return None, True


def _showing(cell: Cell, doors: list[str]) -> str | None:
    """The door that the hidden state is a product with."""
    program = cell.program
    place = program.outputs[0] - program.inputs
    last = program.operations[place] if place >= 0 else None
    if last is None or last.name != "mul":
        return None
    names = {program.names[letter]: name for letter, name in cell.gates.items()
             if letter in program.names}  # fmt: skip
    return next((names[k] for k in last.operands if names.get(k) in doors), None)


def _operation(slopes: Slopes, value: int) -> Operation | None:
    return slopes.operations[value - slopes.inputs] if value >= slopes.inputs else None


def _gate(cell: Cell, slopes: Slopes, value: int) -> tuple[str | None, bool]:
    """The gate that a value is, and whether it is the gate itself rather than 1 - gate."""
    names = {number: cell.gates[k] for k, number in cell.program.names.items() if k in cell.gates}
    operation, kept = _operation(slopes, value), True
    if operation is not None and operation.name == "sub":
        one = _operation(slopes, operation.operands[0])
        if one is not None and one.value == 1.0:
            value, kept = operation.operands[1], False
    if value < len(slopes.taped):
        return names.get(slopes.taped[value]), kept
    return None, True


def _vectors(cell: Cell, slopes: Slopes, value: int) -> tuple[str, ...]:
    """Letters of the vectors that a derivative reads."""
    program, read, waiting = cell.program, set[int](), [value]
    while waiting:
        here = waiting.pop()
        operation = _operation(slopes, here)
        if here not in read and operation is not None:
            waiting += operation.operands
        read.add(here)
    first = len(slopes.taped) + len(program.states)
    return tuple(letter for k, letter in enumerate(program.vectors, first) if k in read)


def _operations(program: Program, value: int) -> set[str]:
    """Names of the operations that a value is made with, activations aside."""
    found, waiting = set[str](), [value]
    while waiting:
        here = waiting.pop()
        if here >= program.inputs:
            operation = program.operations[here - program.inputs]
            found.add(operation.name)
            waiting += () if operation.name in ACTIVATIONS else operation.operands
    return found
