"""How a cell is shown: its quantities in order, their letters and colours, its belt, its equations.

All of it is read off the cell's program, so a cell that nobody has drawn yet is shown like the
LSTM: which of its quantities are gates, what keeps its memory, what is written to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, inf, isnan
from typing import Any, Final

from glasscell.cells import Cell
from glasscell.cells.direct import direct_path
from glasscell.cells.operations import Operation
from glasscell.cells.program import Program

__all__ = ["Belt", "Look", "Part", "look", "packed", "ranges"]

Range = tuple[float, float]
Part = str | tuple[str, int]
"""Of an equation: text, or ("value", number), ("sum", number); ("term", number) is a sum that is
multiplied, so that its letters stand in brackets."""

COLOURS: Final = ("forget", "input", "candidate", "output", "cell", "hidden")
"""Names that have a colour of their own."""
RAMPS: Final = ("forget", "input", "output")
"""Colours with a scale from 0 up."""
ALIKE: Final = {"update": "forget", "reset": "output"}
"""Names that take the colour of what does the same: an update gate keeps the memory, a reset gate
says how much of it is seen."""
LETTERS: Final = {"cell": "C", "candidate": "C̃"}
"""Of a cell with a cell state, as textbooks have them."""
ALL: Final = (-inf, inf)
WORDS: Final = {
    "sigmoid": "σ", "tanh": "tanh", "exp": "exp", "log_sigmoid": "log σ", "sqrt": "√", "abs": "abs",
    "max": "max", "min": "min", "mean": "mean", "where_positive": "where",
}  # fmt: skip
SIGNS: Final = {"add": ("+", 1), "sub": ("−", 1), "mul": ("·", 2), "div": ("/", 2)}


@dataclass(frozen=True)
class Belt:
    """The direct path of the state that a cell stores in: after = kept * before + written.

    Args:
        name: Of the state; "hidden" of the first.
        state: Its place among the states.
        kept: What stays of it by itself, a value of the cell's slopes.
        gate: Name of the gate that this is; None where it is not one alone.
        adds: Whether the state is a sum of what each step wrote.
        written: The value of the program that is added; None where the step does not have it.
    """

    name: str
    state: int
    kept: int
    gate: str | None
    adds: bool
    written: int | None


@dataclass(frozen=True)
class Look:
    """How a cell is shown.

    Args:
        cell: The cell.
        states: Names of its states, of the first "hidden".
        names: Its quantities and the hidden state, in the order in which they are shown.
        gates: Those that lie between 0 and 1.
        rising: Those and others that are never negative, in a gate's colour.
        values: Name to the value of the program.
        ranges: Name to the least and the largest that it can be.
        letters: Name to letter.
        colours: Name to one of `COLOURS`.
        belt: None where no state has a direct path.
        equations: Name to the parts of its right side, in an order in which they can be computed;
            what several of them share has a name too: u1, u2 …
    """

    cell: Cell
    states: tuple[str, ...]
    names: tuple[str, ...]
    gates: tuple[str, ...]
    rising: tuple[str, ...]
    values: Mapping[str, int]
    ranges: Mapping[str, Range]
    letters: Mapping[str, str]
    colours: Mapping[str, str]
    belt: Belt | None
    equations: Mapping[str, tuple[Part, ...]]

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """Names in groups: the gates, what is stored beside the hidden state, and the rest."""
        stored = tuple(name for name in self.names if name in self.states[1:])
        rest = tuple(name for name in self.names if name not in (*self.gates, *stored))
        return tuple(group for group in (self.gates, stored, rest) if group)


@cache
def look(cell: Cell) -> Look:
    """Tell how a cell is shown.

    Args:
        cell: Built in, the user's own, or out of a file.

    >>> from glasscell.cells import GRU
    >>> gru = look(GRU())
    >>> gru.names, gru.gates
    (('update', 'reset', 'candidate', 'hidden'), ('update', 'reset'))
    >>> gru.belt.gate, gru.ranges["hidden"]
    ('update', (-1, 1))
    """
    program = cell.program
    spoken = _spoken(cell)
    named = {spoken[letter]: value for letter, value in program.names.items()}
    bounds = ranges(cell)
    belt = _belt(cell, spoken)
    tape = [*(spoken[letter] for letter in cell.reverse.quantities), "hidden"]
    first = [belt.gate] if belt is not None and belt.gate in tape else []
    names = tuple(dict.fromkeys([*first, *tape]))
    letters = {name: letter for letter, name in spoken.items()}
    if "cell" in spoken.values():
        letters |= LETTERS
    gates = tuple(name for name in names if bounds[named[name]] == (0, 1))
    states = tuple(spoken[letter] for letter in cell.states)
    colours = _colours(names, gates)
    values = named | _shared(program, {named[name] for name in names})
    return Look(
        cell=cell,
        states=states,
        names=names,
        gates=gates,
        rising=tuple(n for n in names if bounds[named[n]][0] >= 0 and colours[n] in RAMPS),
        values=values,
        ranges={name: bounds[values[name]] for name in names},
        letters=letters,
        colours=colours,
        belt=belt,
        equations=_equations(program, _written_down(values, names), states),
    )


def packed(cell: Cell) -> dict[str, Any]:
    """Give what a page's script needs of a cell: its programs and how it is shown, as JSON."""
    how, slopes = look(cell), cell.slopes
    return {
        "name": cell.name,
        "gates": dict(cell.gates),
        "states": {letter: _spoken(cell)[letter] for letter in cell.states},
        "initial": dict(cell.initial),
        "masks": {letter: mask.evaluation for letter, mask in cell.masks.items()},
        "program": cell.program.description(),
        "slopes": {
            "taped": list(slopes.taped),
            "operations": [
                [op.name, *op.operands] if op.value is None else [op.name, op.value]
                for op in slopes.operations
            ],
            "by": [[*place, value] for place, value in slopes.by.items()],
        },
        "belt": None if how.belt is None else vars(how.belt),
        "names": list(how.names),
        "squashed": list(how.gates),
        "rising": list(how.rising),
        "values": dict(how.values),
        "ranges": {
            name: [None if abs(end) == inf else end for end in ends]
            for name, ends in how.ranges.items()
        },
        "letters": dict(how.letters),
        "colours": dict(how.colours),
        "equations": {
            name: [part if isinstance(part, str) else list(part) for part in parts]
            for name, parts in how.equations.items()
        },
    }


# ---- what is what --------------------------------------------------------------------------


def _spoken(cell: Cell) -> dict[str, str]:
    """Letter to name of gates and states; the first state is called hidden whatever its name."""
    return {**cell.gates, **cell.states, next(iter(cell.states)): "hidden"}


def _belt(cell: Cell, spoken: Mapping[str, str]) -> Belt | None:
    path = direct_path(cell)
    if path is None:
        return None
    kept = cell.slopes.by[path.index, "belt", path.index]
    written = _written(cell.program, path.index) if path.adds else None
    gate = path.gate if path.open_keeps else None
    return Belt(spoken[path.letter], path.index, kept, gate, path.adds, written)


def _written(program: Program, state: int) -> int | None:
    """Find b of ``state after = kept * state before + b``, made of quantities and sums."""
    before = len(program.sums) + state
    last = _operation(program, program.outputs[state])
    for part, other in (last.operands, last.operands[::-1]) if last and last.name == "add" else ():
        product = _operation(program, part)
        if product is not None and product.name == "mul" and before in product.operands:
            return None if _reads(program, other, before) else other
    return None


def _reads(program: Program, value: int, wanted: int) -> bool:
    """Whether a value is made of another one, otherwise than through what has a name."""
    made = _operation(program, value)
    operands = () if made is None or value in program.names.values() else made.operands
    return value == wanted or any(_reads(program, operand, wanted) for operand in operands)


def _operation(program: Program, value: int) -> Operation | None:
    return program.operations[value - program.inputs] if value >= program.inputs else None


def _colours(names: Sequence[str], gates: Sequence[str]) -> dict[str, str]:
    found = {name: ALIKE.get(name, name) for name in names if name in (*COLOURS, *ALIKE)}
    if names:
        found.setdefault(names[-1], "hidden")
    for name in names:
        if name not in found:
            wanted = ("forget", "input", "output") if name in gates else ("candidate", "cell")
            free = [colour for colour in wanted if colour not in found.values()]
            found[name] = (free or [wanted[len(found) % len(wanted)]])[0]
    return {name: found[name] for name in names}


# ---- ranges --------------------------------------------------------------------------------


def ranges(cell: Cell) -> list[Range]:
    """Bound every value of a cell's step, by arithmetic on intervals (Moore 1966).

    States before the step are bounded too where a step keeps them within bounds.

    >>> from glasscell.cells import LSTM
    >>> ranges(LSTM())[LSTM().program.names["h"]]
    (-1, 1)
    """
    program = cell.program
    masks = [(cell.masks[m].evaluation,) * 2 for m in program.masks]
    start = [float(cell.initial.get(letter, 0.0)) for letter in program.states]
    states: list[Range] = [(min(0.0, s), max(0.0, s)) for s in start]
    for _ in range(3):
        bounds = _bounded(program, states, masks)
        after = [
            (min(old[0], bounds[out][0]), max(old[1], bounds[out][1]))
            for old, out in zip(states, program.outputs, strict=True)
        ]
        if after == states:
            return bounds
        states = after
    return _bounded(program, [ALL] * len(states), masks)


def _bounded(program: Program, states: Sequence[Range], masks: Sequence[Range]) -> list[Range]:
    unknown = ([ALL] * len(some) for some in (program.sums, program.vectors))
    found: list[Range] = [*next(unknown), *states, *next(unknown), *masks]
    for op in program.operations:
        found.append(_range(program, op, found))
    return found


def _range(program: Program, op: Operation, found: Sequence[Range]) -> Range:
    if op.value is not None:
        return op.value, op.value
    of = [found[operand] for operand in op.operands]
    if op.name == "add" and (mixed := _mixture(program, op, found)) is not None:
        return mixed
    (a, b), (c, d) = of[0], of[-1]
    products = [x * y if x and y else 0.0 for x in (a, b) for y in (c, d)]
    smooth = {"sigmoid": _sigmoid, "tanh": _tanh, "exp": _exp}
    if op.name in smooth:
        return smooth[op.name](a), smooth[op.name](b)
    found_by: dict[str, Range] = {
        "add": (a + c, b + d),
        "sub": (a - d, b - c),
        "mul": (min(products), max(products)),
        "max": (max(a, c), max(b, d)),
        "min": (min(a, c), min(b, d)),
        "abs": (0.0 if a <= 0 <= b else min(abs(a), abs(b)), max(abs(a), abs(b))),
        "where_positive": (min(0.0, c), max(0.0, d)),
        "mean": (min(low for low, _ in of), max(high for _, high in of)),
        "sqrt": (0.0, inf),
        "log_sigmoid": (-inf, 0.0),
    }
    low, high = found_by.get(op.name, ALL)
    return ALL if isnan(low) or isnan(high) else (low, high)


def _mixture(program: Program, op: Operation, found: Sequence[Range]) -> Range | None:
    """Bound (1 - z) a + z b with z between 0 and 1: it lies between a and b."""
    parts = [_operation(program, operand) for operand in op.operands]
    for one, other in (parts, parts[::-1]):
        if one is None or other is None or one.name != "mul" or other.name != "mul":
            continue
        for share, value in (one.operands, one.operands[::-1]):
            rest = _operation(program, share)
            if rest is None or rest.name != "sub" or found[rest.operands[0]] != (1, 1):
                continue
            for z, b in (other.operands, other.operands[::-1]):
                if z == rest.operands[1] and found[z] == (0, 1):
                    ends = (found[value], found[b])
                    return min(e[0] for e in ends), max(e[1] for e in ends)
    return None


def _sigmoid(x: float) -> float:
    return 0 if x == -inf else 1 if x == inf else 1 / (1 + exp(-x))


def _tanh(x: float) -> float:
    return 2 * _sigmoid(2 * x) - 1


def _exp(x: float) -> float:
    return inf if x > 700 else exp(x)


# ---- equations -----------------------------------------------------------------------------


def _shared(program: Program, named: set[int]) -> dict[str, int]:
    """Name the values that are read more than once and are long to write."""
    read = Counter(operand for op in program.operations for operand in op.operands)
    found = [
        value
        for value, op in enumerate(program.operations, program.inputs)
        if value not in named
        and read[value] > 1
        and (op.name == "mean" or any(_is_long(program, operand) for operand in op.operands))
    ]
    return {f"u{k}": value for k, value in enumerate(found, 1)}


def _is_long(program: Program, value: int) -> bool:
    return value >= program.inputs and not _is_number(program, value)


def _written_down(values: Mapping[str, int], names: Sequence[str]) -> dict[str, int]:
    """Take what has an equation: what is shown, and what is shared."""
    shared = [name for name in values if name[0] == "u" and name[1:].isdigit()]
    return {name: values[name] for name in (*names, *shared)}


def _equations(
    program: Program, values: Mapping[str, int], states: Sequence[str]
) -> dict[str, tuple[Part, ...]]:
    parts = {name: _parts(program, values, name) for name in values}
    needs = {
        name: {own for own, value in values.items() if ("value", value) in right} - {name}
        for name, right in parts.items()
    }
    order: list[str] = []
    waiting = list(values)
    while waiting:
        ready = [name for name in waiting if needs[name] <= set(order)] or waiting
        # A state stands right behind what it is made of, and what is shared before what reads it.
        after = [name for name in ready if name in states[1:]]
        order.append((after or ready)[0])
        waiting.remove(order[-1])
    return {name: parts[name] for name in order}


def _parts(program: Program, values: Mapping[str, int], name: str) -> tuple[Part, ...]:
    named = {value for own, value in values.items() if own != name}

    def write(value: int, above: int = 0) -> list[Part]:
        if value < len(program.sums):
            return [("term" if above > 1 else "sum", value)]
        if value < program.inputs or value in named:
            return [("value", value)]
        op = program.operations[value - program.inputs]
        if op.value is not None:
            return [_number(op.value)]
        if op.name in SIGNS:
            sign, binds = SIGNS[op.name]
            left = write(op.operands[0], binds)
            right = write(op.operands[1], binds + (op.name in ("sub", "div")))
            inner = [*left, f" {sign} ", *right]
            return ["(", *inner, ")"] if binds < above else inner
        operands = list(op.operands)
        if op.name in ("max", "min"):  # a number stands first, as in max(0, a)
            numbers = [o for o in operands if _is_number(program, o)]
            operands = [*numbers, *(o for o in operands if o not in numbers)]
        listed: list[Part] = []
        for k, operand in enumerate(operands):
            listed += [", "] * (k > 0) + write(operand)
        return [f"{WORDS[op.name]}(", *listed, ")"]

    return tuple(_joined(write(values[name])))


def _joined(parts: Sequence[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


def _is_number(program: Program, value: int) -> bool:
    return value >= program.inputs and program.operations[value - program.inputs].value is not None


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")
