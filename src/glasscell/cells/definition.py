"""What a cell is: gates, states, parameters, and its step, written once as the paper has it.

A step is run once on symbols. What comes out of that, a `Program`, is what everything else in
glasscell works from: the kernels, their derivatives, traces, pages, files.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from glasscell.cells.derivative import Partials, Reverse, Slopes, partials, reverse, slopes
from glasscell.cells.program import READS, Program, Sum, numbered
from glasscell.cells.symbols import ALLOWED, Graph, Symbol
from glasscell.errors import CellError

__all__ = ["Cell", "Mask", "described"]

RECURRENT = ("full", "diagonal", None)


class Mask(NamedTuple):
    """A random mask of training: two values, drawn for every unit and sequence.

    Args:
        probability: Of `on`.
        on: Its value with that probability.
        off: Its value otherwise; default 0.
        evaluation: Its value outside training; default 1.
        each: "step" to draw it anew for every step, "sequence" once; default "step".
    """

    probability: float
    on: float = 1.0
    off: float = 0.0
    evaluation: float = 1.0
    each: str = "step"


class Cell:
    """A recurrent cell; make a subclass, say its gates and states, and write its `step`.

    Every gate has a sum before its activation, ``a_g = W_g x + b_g + R_g h``, with rows in the
    layer's ``weight_ih`` and ``weight_hh``. The step gets these sums and the states before it, and
    gives the states after it. Locals of the step that are called like a gate or a state are what a
    trace shows.

    Args:
        name: What the cell is called; default the name of the class.
        gates: Letter to name, in the order of the rows of ``weight_ih``.
        states: Letter to name. The first is the hidden state, which is the output.
        vectors: Letter to meaning of parameters with one number a unit, in the step ``self.p_i``.
        starts: Letter of a vector to the number that all of it starts from in a new layer; others
            start like the weights, uniform within ±1/√H.
        masks: Letter to `Mask`, in the step ``self.m_h``.
        initial: Letter of a state to the number that it starts from by itself; default 0.
        recurrent: "full" for a matrix R; "diagonal" for one weight a gate and unit, the vectors
            ``u_<gate>``; None for sums that read x alone.

    Raises:
        CellError: The definition does not make sense; the message names the place, and the line of
            the step where it is there.

    >>> from glasscell.cells import sigmoid, tanh
    >>> class Leaky(Cell):
    ...     gates = {"f": "forget", "g": "candidate"}
    ...     states = {"h": "hidden"}
    ...     def step(self, a, h):
    ...         f, g = sigmoid(a.f), tanh(a.g)
    ...         return f * h + (1 - f) * g
    >>> Leaky().quantities
    ('forget', 'candidate')
    >>> [operation.name for operation in Leaky().program.operations]
    ['sigmoid', 'mul', 'constant', 'sub', 'tanh', 'mul', 'add']
    """

    gates: Mapping[str, str] = {}
    states: Mapping[str, str] = {"h": "hidden"}
    vectors: Mapping[str, str] = {}
    starts: Mapping[str, float] = {}
    masks: Mapping[str, Mask] = {}
    initial: Mapping[str, float] = {}
    recurrent: str | None = "full"

    @property
    def name(self) -> str:
        """What the cell is called."""
        return type(self).__name__

    if TYPE_CHECKING:  # vectors and masks, which a step reads as attributes

        def __getattr__(self, name: str) -> Any: ...

    def step(self, a: Any, *states: Any) -> Any:
        """Say what one step does.

        Args:
            a: The sums: ``a.i`` of gate i; ``a.i.x`` and ``a.i.h`` are its parts, W x + b_ih and
                R h + b_hh.
            *states: Before the step, in the order of `states`.

        Returns:
            The states after it, the hidden state first.
        """
        raise CellError(f"{self.name}: expected a step, got a cell without one; define step")

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the gates, in the order of the rows of ``weight_ih``."""
        return tuple(self.gates.values())

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states, the hidden one first."""
        return tuple(self.states.values())

    @property
    def gate_count(self) -> int:
        """How many gates have rows: those of ``weight_ih`` are this times H."""
        return len(self.gates)

    @property
    def extra_states(self) -> int:
        """How many states there are beside the hidden one."""
        return len(self.states) - 1

    @cached_property
    def program(self) -> Program:
        """The step as a program, as in training: masks are inputs."""
        return _program(self, training=True)

    @cached_property
    def evaluation(self) -> Program:
        """The step as a program outside training: masks are the numbers that they stand for."""
        return _program(self, training=False) if self.masks else self.program

    @cached_property
    def reverse(self) -> Reverse:
        """The derivative of the step, and what is kept for it."""
        return reverse(self.program, self._order)

    @cached_property
    def partials(self) -> Partials:
        """The derivatives of every state after the step by every sum and state before it."""
        return partials(self.evaluation)

    @cached_property
    def slopes(self) -> Slopes:
        """The derivatives of the step, from what a trace of it has."""
        return slopes(self.program, self.reverse.kept)

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of what a trace shows beside the hidden state, in the order of the tape."""
        named = {**self.gates, **self.states}
        return tuple(named[letter] for letter in self.reverse.quantities)

    @property
    def belt(self) -> tuple[str, ...]:
        """Letters of the states with a direct path from step to step: c of an LSTM, h of a GRU."""
        return tuple(
            letter for k, letter in enumerate(self.states) if (k, "state", k) in self.partials.by
        )

    @property
    def _order(self) -> tuple[str, ...]:
        hidden, *others = self.states
        return (*(letter for letter in self.gates if letter != hidden), *others)

    def description(self) -> dict[str, Any]:
        """Give all of the cell as texts and numbers, for a JSON file; undone by `described`.

        >>> from glasscell.cells import GRU, described
        >>> described(GRU().description()).program == GRU().program
        True
        """
        return {
            "name": self.name,
            "gates": dict(self.gates),
            "states": dict(self.states),
            "vectors": dict(self.vectors),
            "starts": dict(self.starts),
            "masks": {letter: list(mask) for letter, mask in self.masks.items()},
            "initial": dict(self.initial),
            "recurrent": self.recurrent,
            "program": self.program.description(),
            "evaluation": self.evaluation.description(),
        }

    def __eq__(self, other: object) -> bool:
        """Cells are equal that compute the same under the same names."""
        return isinstance(other, Cell) and self.description() == other.description()

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.gates), tuple(self.states)))

    def __repr__(self) -> str:
        return f"{self.name}()"


class _Sums:
    """The sums of a step: an attribute for each gate."""

    def __init__(self, cell: Cell, graph: Graph) -> None:
        self._cell, self._graph = cell, graph

    def __getattr__(self, gate: str) -> Any:
        if gate not in self._cell.gates:
            raise CellError(f"expected a gate out of {', '.join(self._cell.gates)}, got {gate!r}")
        return _sum(self._cell, self._graph, gate)


class _Sum(Symbol):
    """The sum of one gate, which has two parts."""

    __slots__ = ()

    @property
    def x(self) -> Symbol:
        """W x + b_ih."""
        return self.graph.input("sum", f"{self.value[1][:-3]}.x")

    @property
    def h(self) -> Symbol:
        """R h + b_hh."""
        return self.graph.input("sum", f"{self.value[1][:-3]}.h")


def _sum(cell: Cell, graph: Graph, gate: str) -> Symbol:
    if cell.recurrent == "full":
        return graph.input("sum", f"{gate}.xh", _Sum)
    reads_x = graph.input("sum", f"{gate}.x")
    if cell.recurrent is None:
        return reads_x
    weight = graph.input("vector", f"u_{gate}")
    return reads_x + weight * graph.input("state", next(iter(cell.states)))


def _program(cell: Cell, *, training: bool) -> Program:
    """Run the step on symbols, and number what it needs."""
    _check_names(cell)
    graph = Graph()
    own = _Traced(cell, graph, training=training)
    states = [graph.input("state", letter) for letter in cell.states]
    named, result = _run(cell, own, _Sums(cell, graph), states)
    after = result if isinstance(result, tuple) else (result,)
    if len(after) != len(states):
        raise CellError(
            f"{cell.name}: expected step to return {len(states)} states "
            f"({', '.join(cell.states)}), got {len(after)}"
        )
    outputs = [graph.symbol(value) for value in after]
    seen = {letter: named[letter] for letter in cell.gates if isinstance(named.get(letter), Symbol)}
    seen |= dict(zip(cell.states, outputs, strict=True))
    seen = {letter: value for letter, value in seen.items() if not value.constant}
    found = _inputs([*outputs, *seen.values()])
    sums = sorted(
        (Sum(*name.rsplit(".", 1)) for kind, name in found if kind == "sum"),
        key=lambda s: (READS.index(s.reads), list(cell.gates).index(s.gate)),
    )
    if not sums:
        raise CellError(f"{cell.name}: expected a step that reads a sum of a gate, got none")
    vectors = [name for name in _vectors(cell) if ("vector", name) in found]
    masks = [name for name in cell.masks if ("mask", name) in found]
    inputs = [graph.input("sum", f"{s.gate}.{s.reads}") for s in sums]
    inputs += states
    inputs += [graph.input("vector", name) for name in vectors]
    inputs += [graph.input("mask", name) for name in masks]
    operations, number = numbered(inputs, [*outputs, *seen.values()])
    return Program(
        sums=tuple(sums),
        states=tuple(cell.states),
        vectors=tuple(vectors),
        masks=tuple(masks),
        operations=operations,
        outputs=tuple(number[output] for output in outputs),
        names={letter: number[value] for letter, value in seen.items()},
    )


def _vectors(cell: Cell) -> list[str]:
    diagonal = [f"u_{gate}" for gate in cell.gates] if cell.recurrent == "diagonal" else []
    return [*diagonal, *cell.vectors]


def _inputs(wanted: list[Symbol]) -> set[tuple[str, str]]:
    """Give kind and name of every input that symbols are made of."""
    found, waiting, visited = set[tuple[str, str]](), list(wanted), set[Symbol]()
    while waiting:
        symbol = waiting.pop()
        if symbol in visited:
            continue
        visited.add(symbol)
        if symbol.operation == "input":
            found.add(symbol.value)
        waiting += symbol.operands
    return found


class _Traced:
    """A cell as its own step sees it: vectors and masks are symbols, all else is the cell's."""

    def __init__(self, cell: Cell, graph: Graph, *, training: bool) -> None:
        self._cell = cell
        for letter in cell.vectors:
            self.__dict__[letter] = graph.input("vector", letter)
        for letter, mask in cell.masks.items():
            self.__dict__[letter] = (
                graph.input("mask", letter) if training else graph.constant(mask.evaluation)
            )

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cell, name)
        # Helpers that the step calls must see the symbols too.
        return found.__func__.__get__(self) if hasattr(found, "__func__") else found


def _run(cell: Cell, own: _Traced, sums: _Sums, states: list[Symbol]) -> tuple[dict[str, Any], Any]:
    """Run the step, and give its locals and what it returned."""
    steps = {
        vars(kind)["step"].__code__: kind for kind in type(cell).__mro__ if "step" in vars(kind)
    }
    named: dict[str, Any] = {}

    def look(frame: Any, event: str, _: Any) -> None:
        if event == "return" and frame.f_code in steps:
            named.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        step: Callable[..., Any] = type(cell).step
        result = step(own, sums, *states)
    except CellError as error:
        raise CellError(f"{cell.name}: {_place(error, steps)}{error}") from None
    except (TypeError, AttributeError, ValueError, NameError) as error:
        raise CellError(f"{cell.name}: {_place(error, steps)}{error}; {ALLOWED}") from error
    finally:
        sys.setprofile(before)
    return named, result


def _place(error: BaseException, steps: Mapping[Any, Any]) -> str:
    """Say which line of the step an error came from."""
    where, place = error.__traceback__, ""
    while where is not None:
        code = where.tb_frame.f_code
        if code in steps:
            line = linecache.getline(code.co_filename, where.tb_lineno).strip()
            place = f"line {where.tb_lineno} of {code.co_filename}" + (
                f", {line!r}: " if line else ": "
            )
        where = where.tb_next
    return place


def _check_names(cell: Cell) -> None:
    if not cell.gates or not cell.states:
        raise CellError(f"{cell.name}: expected at least one gate and one state")
    # A gate may be called as the state that it becomes, as in a plain RNN.
    both = {**cell.gates, **cell.states}
    letters = [*both, *_vectors(cell), *cell.masks]
    for what, given in (("letters", letters), ("names", [*both.values()])):
        if len(set(given)) != len(given):
            raise CellError(f"{cell.name}: expected {what} that differ, got {given}")
    for letter in letters:
        if not isinstance(letter, str) or not letter.isidentifier():
            raise CellError(f"{cell.name}: expected letters as in Python's names, got {letter!r}")
    if cell.recurrent not in RECURRENT:
        raise CellError(
            f"{cell.name}: expected recurrent out of {RECURRENT}, got {cell.recurrent!r}"
        )
    for what, known in (("initial", list(cell.states)), ("starts", _vectors(cell))):
        for letter in getattr(cell, what):
            if letter not in known:
                raise CellError(f"{cell.name}: expected {what} of {tuple(known)}, got {letter!r}")


class Described(Cell):
    """A cell that came out of a file: its program, and no step that could run.

    Args:
        given: What `Cell.description` gave.

    Raises:
        CellError: It is damaged.
    """

    def __init__(self, given: Any) -> None:
        if not isinstance(given, dict) or set(given) != FIELDS:
            raise CellError(f"cell: expected an object with {sorted(FIELDS)}, got {given!r:.80}")
        if not isinstance(given["name"], str) or not given["name"].isidentifier():
            raise CellError(f"cell: expected a name, got {given['name']!r:.80}")
        self._name: str = given["name"]
        texts = {key: _table(key, given[key], str) for key in ("gates", "states", "vectors")}
        numbers = {key: _table(key, given[key], float) for key in ("initial", "starts")}
        for key, table in (texts | numbers).items():
            setattr(self, key, table)
        self.masks = {k: _mask(k, v) for k, v in _table("masks", given["masks"], list).items()}
        self.recurrent = given["recurrent"]
        _check_names(self)
        self.__dict__["program"] = _fitting(self, Program.from_description(given["program"]))
        evaluation = Program.from_description(given["evaluation"])
        self.__dict__["evaluation"] = _fitting(self, evaluation)

    @property
    def name(self) -> str:
        """What the cell is called."""
        return self._name


FIELDS = {
    "name", "gates", "states", "vectors", "starts", "masks", "initial", "recurrent", "program",
    "evaluation",
}  # fmt: skip
"""What the description of a cell has."""


def described(given: Any) -> Cell:
    """Give the cell that `Cell.description` described.

    Raises:
        CellError: It is damaged; the message names the place and what is allowed.
    """
    return Described(given)


def _table(name: str, given: Any, kind: type) -> dict[str, Any]:
    wanted = (int, float) if kind is float else (kind,)
    if not isinstance(given, dict) or any(type(value) not in wanted for value in given.values()):
        raise CellError(
            f"cell: expected {name} as an object of {kind.__name__}s, got {given!r:.80}"
        )
    return dict(given)


def _mask(letter: str, given: list[Any]) -> Mask:
    numbers = [value for value in given[:4] if type(value) in (int, float)]
    if len(given) != 5 or len(numbers) != 4 or given[4] not in ("step", "sequence"):
        raise CellError(
            f"cell: expected mask {letter} as 4 numbers and step or sequence, got {given}"
        )
    return Mask(*given)


def _fitting(cell: Cell, program: Program) -> Program:
    """Check that a program names what its cell has."""
    known = {
        "sums": {s.gate for s in program.sums} <= set(cell.gates),
        "states": program.states == tuple(cell.states),
        "vectors": set(program.vectors) <= set(_vectors(cell)),
        "masks": set(program.masks) <= set(cell.masks),
        "names": set(program.names) <= {*cell.gates, *cell.states},
    }
    wrong = [what for what, fits in known.items() if not fits]
    if wrong:
        raise CellError(f"cell: expected a program of this cell's own names, got other {wrong}")
    return program
