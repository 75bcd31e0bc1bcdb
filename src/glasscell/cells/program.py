"""A cell's step as data: a short list of operations, written down once, checked on reading.

Values are numbered: first the inputs (sums, states before the step, vectors, masks), then one value
an operation. A program that comes out of a file holds nothing that could run anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from glasscell.cells.operations import OPERATIONS, Operation
from glasscell.cells.symbols import LARGEST, Symbol, ordered
from glasscell.errors import CellError

__all__ = ["MOST_VALUES", "READS", "Program", "Sum", "number_of", "numbered"]

READS = ("x", "xh", "h")
"""What a sum reads: the input, input and hidden state, the hidden state; in the order of sums."""

MOST_VALUES = 512
"""Values of a program, at most."""


class Sum(NamedTuple):
    """A sum before any activation: W x + b_ih, W x + R h + b_ih + b_hh, or R h + b_hh of a gate."""

    gate: str
    reads: str


@dataclass(frozen=True)
class Program:
    """One step of a cell.

    Args:
        sums: In the order "x", "xh", "h" of what they read.
        states: Letters; the first is the hidden state, which is the output.
        vectors: Names of parameters with one number a unit.
        masks: Names of random masks with one number a unit and sequence.
        operations: In order; each reads earlier values only.
        outputs: The value of each state after the step.
        names: Letter of a gate or state to the value that it has in a trace.

    Raises:
        CellError: Something of it does not fit; the message names the place.
    """

    sums: tuple[Sum, ...]
    states: tuple[str, ...]
    vectors: tuple[str, ...]
    masks: tuple[str, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[int, ...]
    names: Mapping[str, int]

    def __post_init__(self) -> None:
        _check(self)

    @property
    def inputs(self) -> int:
        """How many values are inputs."""
        return len(self.sums) + len(self.states) + len(self.vectors) + len(self.masks)

    @property
    def values(self) -> int:
        """How many values there are."""
        return self.inputs + len(self.operations)

    @cached_property
    def reads(self) -> tuple[int, int, int]:
        """How many sums read x, both, and h."""
        return tuple(sum(s.reads == kind for s in self.sums) for kind in READS)  # type: ignore[return-value]

    def description(self) -> dict[str, Any]:
        """Give the program as lists and numbers, for a JSON file.

        >>> from glasscell.cells import GRU
        >>> GRU().program.description()["operations"][:3]
        [['constant', 1.0], ['sigmoid', 2], ['sub', 5, 6]]
        """
        return {
            "sums": [list(s) for s in self.sums],
            "states": list(self.states),
            "vectors": list(self.vectors),
            "masks": list(self.masks),
            "operations": [
                [op.name, *op.operands] if op.value is None else [op.name, op.value]
                for op in self.operations
            ],
            "outputs": list(self.outputs),
            "names": dict(self.names),
        }

    @classmethod
    def from_description(cls, given: Any) -> Program:
        """Build a program from what `description` gave, after it came out of a file.

        Raises:
            CellError: It is damaged; the message names the place and what is allowed.
        """
        fields = {"sums", "states", "vectors", "masks", "operations", "outputs", "names"}
        if not isinstance(given, dict) or set(given) != fields:
            raise CellError(f"program: expected an object with {sorted(fields)}, got {given!r:.80}")
        for name in ("sums", "operations"):
            rows = given[name]
            if not isinstance(rows, list) or not all(isinstance(r, list) and r for r in rows):
                raise CellError(f"program: expected {name} as a list of lists, got {rows!r:.80}")
        sums = tuple(Sum(*_texts(f"sum {k}", row, 2)) for k, row in enumerate(given["sums"]))
        names = given["names"]
        if not isinstance(names, dict):
            raise CellError(f"program: expected names as an object, got {names!r:.80}")
        return cls(
            sums=sums,
            **{key: tuple(_texts(key, given[key])) for key in ("states", "vectors", "masks")},
            operations=tuple(_operation(k, row) for k, row in enumerate(given["operations"])),
            outputs=tuple(_numbers("outputs", given["outputs"])),
            names=dict(zip(names, _numbers("names", list(names.values())), strict=True)),
        )


def numbered(
    inputs: Sequence[Symbol], wanted: Iterable[Symbol]
) -> tuple[tuple[Operation, ...], dict[Symbol, int]]:
    """Write the symbols that others are made of down as operations, operands first.

    Args:
        inputs: Symbols that are given, in their order; nothing behind them is written down.
        wanted: Symbols that must have a number.

    Returns:
        The operations, and the number of every symbol.

    Raises:
        CellError: A wanted symbol needs an input that is not among `inputs`.
    """
    number = {symbol: k for k, symbol in enumerate(inputs)}
    operations: list[Operation] = []
    for symbol in ordered(wanted, number):
        if symbol.operation == "input":
            raise CellError(f"expected only inputs that are given, got {symbol.value}")
        operands = tuple(number[operand] for operand in symbol.operands)
        # Two inputs may be one symbol: a value that two states have after the step.
        number[symbol] = len(inputs) + len(operations)
        operations.append(Operation(symbol.operation, operands, symbol.value))
    return tuple(operations), number


def number_of(place: str, given: Any) -> float:
    """Give a number that came out of a file.

    Raises:
        CellError: It is no number, or none that float32 can hold.
    """
    # Not isfinite: NaN fails the comparison too, and a whole number of any length passes it.
    if type(given) not in (int, float) or not -LARGEST <= given <= LARGEST:
        raise CellError(f"{place}: expected a number within ±{LARGEST}, got {given!r:.80}")
    return float(given)


def _texts(name: str, given: Any, count: int | None = None) -> list[str]:
    if (
        not isinstance(given, list)
        or not all(isinstance(each, str) for each in given)
        or (count is not None and len(given) != count)
    ):
        how = "a list" if count is None else f"{count}"
        raise CellError(f"program: expected {name} as {how} of texts, got {given!r:.80}")
    return given


def _numbers(name: str, given: Any) -> list[int]:
    if not isinstance(given, list) or not all(type(each) is int for each in given):
        raise CellError(f"program: expected {name} as a list of whole numbers, got {given!r:.80}")
    return given


def _operation(k: int, row: list[Any]) -> Operation:
    name, *rest = row
    if not isinstance(name, str) or name not in OPERATIONS:
        raise CellError(
            f"program: expected operation {k} out of {', '.join(OPERATIONS)}, got {name!r:.80}"
        )
    if name == "constant":
        if len(rest) != 1:
            raise CellError(f"program: expected operation {k} with one number, got {rest!r:.80}")
        return Operation(name, (), number_of(f"program: operation {k}", rest[0]))
    return Operation(name, tuple(_numbers(f"operands of operation {k}", rest)))


def _check(program: Program) -> None:
    if not program.sums or not program.states:
        raise CellError("program: expected at least one sum and one state, got none")
    _check_sums(program.sums)
    for kind in ("states", "vectors", "masks"):
        given = getattr(program, kind)
        if len(set(given)) != len(given):
            raise CellError(f"program: expected {kind} that differ, got {given}")
    if program.values > MOST_VALUES:
        raise CellError(
            f"program: expected at most {MOST_VALUES} values, got {program.values}; make the step "
            "shorter"
        )
    for k, operation in enumerate(program.operations):
        least, most = OPERATIONS[operation.name].operands
        if not least <= len(operation.operands) <= most:
            raise CellError(
                f"program: expected {least} to {most} operands of operation {k} "
                f"({operation.name}), got {len(operation.operands)}"
            )
        _require_earlier(
            f"operation {k} ({operation.name})", operation.operands, program.inputs + k
        )
    if len(program.outputs) != len(program.states):
        raise CellError(
            f"program: expected one output for each state {program.states}, got {program.outputs}"
        )
    _require_earlier("outputs", program.outputs, program.values)
    _require_earlier("names", tuple(program.names.values()), program.values)


def _check_sums(sums: Sequence[Sum]) -> None:
    order = [READS.index(s.reads) if s.reads in READS else -1 for s in sums]
    if -1 in order or order != sorted(order):
        raise CellError(f"program: expected sums in the order {READS}, got {sums!r:.80}")
    if "x" not in sums[0].reads:
        raise CellError(f"program: expected a sum that reads x, got {sums!r:.80}")
    for part in ("x", "h"):
        gates = [s.gate for s in sums if part in s.reads]
        if len(set(gates)) != len(gates):
            raise CellError(
                f"program: expected each gate once among the sums that read {part}, got {gates}"
            )


def _require_earlier(place: str, values: tuple[int, ...], written: int) -> None:
    for value in values:
        if not 0 <= value < written:
            raise CellError(
                f"program: expected {place} to read values 0 to {written - 1}, which are written "
                f"before it, got {value}"
            )
