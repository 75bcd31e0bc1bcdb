"""What a cell is: gates, states, parameters, and its step, written once as the paper has it.

A step is run once on symbols. What comes out of that, a `Program`, is what everything else in
glasscell works from: the kernels, their derivatives, traces, pages, files.
"""

from __future__ import annotations

import copy
import inspect
import linecache
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from keyword import iskeyword
from numbers import Real
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from glasscell.cells.derivative import Partials, Reverse, Slopes, partials, reverse, slopes
from glasscell.cells.program import READS, Program, Sum, number_of, numbered
from glasscell.cells.symbols import ALLOWED, Graph, Symbol, ordered
from glasscell.errors import CellError

__all__ = ["Cell", "Mask", "described", "of_hidden", "require_probability"]

RECURRENT = ("full", "diagonal", None)


class Mask(NamedTuple):
    """A random mask of training: two values, drawn for every unit and sequence.

    Args:
        probability: Of `on`.
        on: Its value with that probability.
        off: Its value otherwise; default 0.
        evaluation: Its value outside training; default 1.
        each: "step" to draw it anew for every step, "sequence" once; default "step".
        on_hidden: Multiply h_{t-1} by it on its way into the product with R, instead of reading it
            in the step; default False.
    """

    probability: float
    on: float = 1.0
    off: float = 0.0
    evaluation: float = 1.0
    each: str = "step"
    on_hidden: bool = False


def of_hidden(p: float) -> Mask:
    """Give the mask that drops units of h_{t-1} before the product with R, the same at every step.

    Args:
        p: Probability that one is dropped; the others are divided by 1 - p.
    """
    return Mask(1 - p, on=1 / (1 - p), each="sequence", on_hidden=True)


def require_probability(name: str, p: Any) -> None:
    """Check an option that says how often something is dropped.

    Raises:
        CellError: It is not a number from 0 to below 1.
    """
    if not isinstance(p, Real) or isinstance(p, bool) or not 0 <= float(p) < 1:
        raise CellError(f"{name}: expected a probability from 0 to below 1, got {p!r}")


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
        raise CellError("expected a step, got a cell without one; define step")

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the gates, in the order of the rows of ``weight_ih``."""
        return tuple(self.gates.values())

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states, the first always "hidden", whatever the cell calls its output."""
        return ("hidden", *tuple(self.states.values())[1:])

    @property
    def gate_count(self) -> int:
        """How many gates have rows: those of ``weight_ih`` are this times H."""
        return len(self.gates)

    @property
    def extra_states(self) -> int:
        """How many states there are beside the hidden one."""
        return len(self.states) - 1

    @property
    def hidden_mask(self) -> str | None:
        """Letter of the mask that multiplies h_{t-1} before the product with R, if there is one."""
        return next((letter for letter, mask in self.masks.items() if mask.on_hidden), None)

    @cached_property
    def program(self) -> Program:
        """The step as a program, as in training: masks are inputs."""
        program = _program(self, training=True)
        if program != _program(self, training=True):
            raise CellError(
                f"{self.name}: {_defined(self)}expected a step that says the same each time, got "
                "one with other numbers the second time; for random numbers use masks"
            )
        return program

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
        names = self.program.names
        gates = {k: names[letter] for k, letter in enumerate(self.gates) if letter in names}
        return slopes(self.program, self.reverse.kept, gates)

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

    def shift(self, letter: str) -> str | None:
        """Name the vector that is added to a gate's sum in place of the layer's own bias.

        Args:
            letter: Of the gate.

        Returns:
            None, the default, where the bias of the layer is what counts; a cell that normalises
            its sums, and with them that bias, has a vector for it.
        """
        del letter
        return None

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
            "masks": {
                letter: list(mask if mask.on_hidden else mask[:-1])
                for letter, mask in self.masks.items()
            },
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
    """The sums of a step: an attribute for each gate.

    Args:
        cell: Whose step it is.
        graph: Of the step.
        parted: Letters of gates whose parts the step reads beside the whole: there the whole is
            made of the parts, so that each is computed once.
    """

    def __init__(self, cell: Cell, graph: Graph, parted: Collection[str]) -> None:
        self._cell, self._graph, self._parted = cell, graph, parted
        self._made: dict[str, Symbol] = {}

    def __getattr__(self, gate: str) -> Any:
        if gate not in self._cell.gates:
            raise CellError(f"expected a gate out of {', '.join(self._cell.gates)}, got a.{gate}")
        if gate not in self._made:
            self._made[gate] = _sum(self._cell, self._graph, gate, parted=gate in self._parted)
        return self._made[gate]


class _Sum(Symbol):
    """The sum of one gate, which has two parts: W x + b_ih, and R h + b_hh or u * h."""

    __slots__ = ("parts",)
    parts: Callable[[str], Symbol]

    @property
    def x(self) -> Symbol:
        """W x + b_ih."""
        return self.parts("x")

    @property
    def h(self) -> Symbol:
        """R h + b_hh; of a diagonal R, u * h."""
        return self.parts("h")


def _sum(cell: Cell, graph: Graph, gate: str, *, parted: bool) -> Symbol:
    if cell.recurrent == "full":
        whole = graph.input("sum", f"{gate}.xh", _Sum)
        assert isinstance(whole, _Sum)
        if parted:
            parts = graph.input("sum", f"{gate}.x"), graph.input("sum", f"{gate}.h")
            whole = _Sum(graph, "add", parts, None)
        whole.parts = lambda part: graph.input("sum", f"{gate}.{part}")
        return whole
    reads_x = graph.input("sum", f"{gate}.x")
    if cell.recurrent is None:
        return reads_x
    weight = graph.input("vector", f"u_{gate}")
    reads_h = weight * graph.input("state", next(iter(cell.states)))
    whole = _Sum(graph, "add", (reads_x, reads_h), None)
    whole.parts = lambda part: reads_x if part == "x" else reads_h
    return whole


def _program(cell: Cell, *, training: bool, parted: Collection[str] = ()) -> Program:
    """Run the step on symbols, and number what it needs."""
    _check_names(cell)
    steps = _steps(cell)
    graph = Graph(steps)
    own = _seen_by_step(cell, graph, training=training)
    states = [graph.input("state", letter) for letter in cell.states]
    try:
        result = type(cell).step(own, _Sums(cell, graph, parted), *states)
    except CellError as error:
        raise CellError(f"{cell.name}: {_place(error, steps)}{error}") from None
    except Exception as error:
        said = str(error) or type(error).__name__
        raise CellError(f"{cell.name}: {_place(error, steps)}{said}; {ALLOWED}") from error
    outputs = _outputs(cell, graph, result, training=training)
    named = graph.named()
    seen = {letter: named[letter] for letter in cell.gates if isinstance(named.get(letter), Symbol)}
    seen |= dict(zip(cell.states, outputs, strict=True))
    seen = {letter: value for letter, value in seen.items() if not value.constant}
    wanted = [*outputs, *seen.values()]
    found = {symbol.value for symbol in ordered(wanted, ()) if symbol.operation == "input"}
    sums = [Sum(*name.rsplit(".", 1)) for kind, name in found if kind == "sum"]
    both = {s.gate for s in sums if s.reads == "xh"} & {s.gate for s in sums if s.reads != "xh"}
    if both:
        return _program(cell, training=training, parted=both)
    _require_all_read(cell, sums)
    sums.sort(key=lambda s: (READS.index(s.reads), list(cell.gates).index(s.gate)))
    vectors = [name for name in _vectors(cell) if ("vector", name) in found]
    of_h = cell.hidden_mask if training else None
    if ("mask", of_h) in found:
        raise CellError(
            f"{cell.name}: {_defined(cell)}expected a step that leaves the mask {of_h} to the "
            "product with R, got one that reads it"
        )
    masks = [name for name in cell.masks if ("mask", name) in found or name == of_h]
    inputs = [graph.input("sum", f"{s.gate}.{s.reads}") for s in sums]
    inputs += states
    inputs += [graph.input("vector", name) for name in vectors]
    inputs += [graph.input("mask", name) for name in masks]
    operations, number = numbered(inputs, wanted)
    try:
        return Program(
            sums=tuple(sums),
            states=tuple(cell.states),
            vectors=tuple(vectors),
            masks=tuple(masks),
            operations=operations,
            outputs=tuple(number[output] for output in outputs),
            names={letter: number[value] for letter, value in seen.items()},
        )
    except CellError as error:
        raise CellError(f"{cell.name}: {_defined(cell)}{error}") from None


def _outputs(cell: Cell, graph: Graph, result: Any, *, training: bool) -> list[Symbol]:
    """Check what a step returned."""
    after = result if isinstance(result, tuple) else (result,)
    if result is None or isinstance(result, (list, dict)):
        raise CellError(
            f"{cell.name}: {_defined(cell)}expected step to return {', '.join(cell.states)}, got "
            f"{type(result).__name__}; return the states after the step, several as a tuple"
        )
    if len(after) != len(cell.states):
        raise CellError(
            f"{cell.name}: {_defined(cell)}expected step to return {len(cell.states)} states "
            f"({', '.join(cell.states)}), got {len(after)}"
        )
    try:
        outputs = [graph.symbol(value) for value in after]
    except CellError as error:
        raise CellError(f"{cell.name}: {_defined(cell)}of what step returned {error}") from None
    for letter, output in zip(cell.states, outputs, strict=True):
        if training and output.constant:
            raise CellError(
                f"{cell.name}: {_defined(cell)}expected step to return a state {letter} that "
                f"depends on something, got the number {output.value}; leave the state out"
            )
    return outputs


def _require_all_read(cell: Cell, sums: Sequence[Sum]) -> None:
    unread = [gate for gate in cell.gates if gate not in {s.gate for s in sums}]
    if unread:
        raise CellError(
            f"{cell.name}: {_defined(cell)}expected a step whose result depends on every gate, got "
            f"one without {', '.join(f'a.{gate}' for gate in unread)}; use the gate, or leave it "
            "out of gates"
        )
    if not any("x" in s.reads for s in sums):
        read = ", ".join(f"a.{s.gate}.h" for s in sums)
        raise CellError(
            f"{cell.name}: {_defined(cell)}expected a step that reads x, got one that reads "
            f"{read} alone; read a.{sums[0].gate} or a.{sums[0].gate}.x"
        )


def _vectors(cell: Cell) -> list[str]:
    diagonal = [f"u_{gate}" for gate in cell.gates] if cell.recurrent == "diagonal" else []
    return [*diagonal, *cell.vectors]


def _seen_by_step(cell: Cell, graph: Graph, *, training: bool) -> Cell:
    """Give a copy of the cell whose vectors and masks are symbols."""
    own = copy.copy(cell)
    for letter in _vectors(cell):
        own.__dict__[letter] = graph.input("vector", letter)
    for letter, mask in cell.masks.items():
        own.__dict__[letter] = (
            graph.input("mask", letter) if training else graph.constant(mask.evaluation)
        )
    return own


def _steps(cell: Cell) -> dict[CodeType, type]:
    """Give the code of the cell's step and of those that it may call by `super`."""
    found = {}
    for kind in type(cell).__mro__[: type(cell).__mro__.index(Cell)]:
        code = getattr(inspect.unwrap(vars(kind).get("step", kind)), "__code__", None)
        if code is not None:
            found[code] = kind
    return found


def _place(error: BaseException, steps: Collection[CodeType]) -> str:
    """Say which line of the step an error came from."""
    where, place = error.__traceback__, ""
    while where is not None:
        code = where.tb_frame.f_code
        if code in steps:
            place = _line(code, where.tb_lineno)
        where = where.tb_next
    return place


def _defined(cell: Cell) -> str:
    """Say where the step of a cell is defined."""
    code = next(iter(_steps(cell)))
    return _line(code, code.co_firstlineno)


def _line(code: CodeType, number: int) -> str:
    text = linecache.getline(code.co_filename, number).strip()
    return f"line {number} of {code.co_filename}" + (f", {text!r}: " if text else ": ")


RESERVED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "scale", "scale_hr")
"""What vectors cannot be called: the other arrays of a layer, in training and in a file."""

OF_TRACES = (
    "alive", "anew", "batch_sizes", "by_step", "each", "initial_cell", "initial_hidden", "kept",
    "layout", "lengths", "mode", "plot", "quantities", "quantity", "recurrence", "reverse",
    "sequence", "shown", "sorted_indices", "starts", "stored", "units", "vectors", "x",
)  # fmt: skip
"""What gates and states cannot be called: what a trace, which shows them, has beside them."""


def _check_names(cell: Cell) -> None:
    _check_kinds(cell)
    if not cell.gates or not cell.states:
        raise CellError(f"{cell.name}: expected at least one gate and one state")
    both = {**cell.gates, **cell.states}
    own = [*_vectors(cell), *cell.masks]
    for what, given in (("letters", [*both, *own]), ("names", [*both.values()])):
        if len(set(given)) != len(given):
            raise CellError(f"{cell.name}: expected {what} that differ, got {given}")
        for word in given:
            if not word.isidentifier() or iskeyword(word):
                raise CellError(
                    f"{cell.name}: expected {what} as in Python's names (letters, digits and _), "
                    f"got {word!r}"
                )
    _check_taken(cell, both, own)
    if cell.recurrent not in RECURRENT:
        raise CellError(
            f"{cell.name}: expected recurrent out of {RECURRENT}, got {cell.recurrent!r:.80}"
        )
    _check_numbers(cell, "initial", list(cell.states))
    _check_numbers(cell, "starts", _vectors(cell))


def _check_taken(cell: Cell, both: Mapping[str, str], own: Sequence[str]) -> None:
    """Check that nothing is called as something else is."""
    # A gate may be called as the state that it becomes, as in a plain RNN.
    for letter in cell.gates.keys() & cell.states.keys():
        if cell.gates[letter] != cell.states[letter]:
            raise CellError(
                f"{cell.name}: expected letters of gates that no state has, got {letter} for gate "
                f"{cell.gates[letter]} and state {cell.states[letter]}"
            )
    taken = [letter for letter in own if letter in RESERVED or hasattr(Cell, letter)]
    if taken:
        raise CellError(f"{cell.name}: expected letters that are not taken, got {taken}")
    hidden = next(iter(cell.states))
    taken = [n for key, n in both.items() if n in OF_TRACES or (n == "hidden" and key != hidden)]
    if taken:
        raise CellError(
            f"{cell.name}: expected names of gates and states that are not taken (hidden, the "
            f"output, and {', '.join(OF_TRACES)}), got {taken}"
        )


def _check_numbers(cell: Cell, what: str, known: list[str]) -> None:
    for letter, number in getattr(cell, what).items():
        if letter not in known:
            raise CellError(f"{cell.name}: expected {what} of {known}, got {letter!r}")
        number_of(f"{cell.name}: {what} of {letter}", number)


def _check_kinds(cell: Cell) -> None:
    """Check that what a class says of itself is of the kind that it has to be."""
    kinds = {"gates": str, "states": str, "vectors": str, "masks": Mask, "initial": object}
    for what, kind in {**kinds, "starts": object}.items():
        table = getattr(cell, what)
        if (
            not isinstance(table, Mapping)
            or not all(isinstance(letter, str) for letter in table)
            or not all(isinstance(value, kind) for value in table.values())
        ):
            to = "numbers" if kind is object else f"{kind.__name__}s"
            raise CellError(
                f"{cell.name}: expected {what} as a dict of letters to {to}, got {table!r:.80}"
            )
    for letter, mask in cell.masks.items():
        _check_mask(f"{cell.name}: mask {letter}", mask)
    of_h = [letter for letter, mask in cell.masks.items() if mask.on_hidden]
    if len(of_h) > 1 or (of_h and cell.recurrent != "full"):
        raise CellError(
            f"{cell.name}: expected one mask on_hidden, of a cell with a matrix R, got {of_h} and "
            f"recurrent={cell.recurrent!r:.80}"
        )


def _check_mask(place: str, mask: Mask) -> None:
    for name in ("probability", "on", "off", "evaluation"):
        number_of(f"{place}, {name}", getattr(mask, name))
    if not 0 <= mask.probability <= 1:
        raise CellError(f"{place}: expected a probability from 0 to 1, got {mask.probability}")
    if mask.each not in ("step", "sequence"):
        raise CellError(f"{place}: expected each as step or sequence, got {mask.each!r:.80}")
    if not isinstance(mask.on_hidden, bool) or (mask.on_hidden and mask.evaluation != 1):
        raise CellError(
            f"{place}: expected on_hidden as True or False, and 1 in evaluation, got "
            f"{mask.on_hidden!r:.80} and {mask.evaluation}"
        )


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
        for key in ("gates", "states", "vectors", "initial", "starts"):
            setattr(self, key, _table(key, given[key]))
        masks = _table("masks", given["masks"])
        self.masks = {letter: _mask(letter, each) for letter, each in masks.items()}
        self.recurrent = given["recurrent"]
        _check_names(self)
        program, evaluation = (
            _fitting(self, Program.from_description(given[key]))
            for key in ("program", "evaluation")
        )
        if (evaluation.sums, evaluation.vectors) != (program.sums, program.vectors):
            raise CellError("cell: expected an evaluation that reads what the program reads")
        if missing := [one for one in program.states[1:] if one not in program.names]:
            raise CellError(
                f"cell: expected a program that names all states, got none of {missing}"
            )
        if evaluation.masks:
            raise CellError(f"cell: expected an evaluation without masks, got {evaluation.masks}")
        self.__dict__["program"], self.__dict__["evaluation"] = program, evaluation

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


def _table(name: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise CellError(f"cell: expected {name} as an object, got {given!r:.80}")
    return dict(given)


def _mask(letter: str, given: Any) -> Mask:
    fields = len(Mask._fields)
    if not isinstance(given, list) or not fields - 1 <= len(given) <= fields:
        raise CellError(f"cell: expected mask {letter} as {Mask._fields}, got {given!r:.80}")
    return Mask(*given)


def _fitting(cell: Cell, program: Program) -> Program:
    """Check that a program names what its cell has."""
    after = list(zip(cell.states, program.outputs, strict=False))
    known = {
        "sums": {s.gate for s in program.sums} == set(cell.gates)
        and (cell.recurrent == "full" or {s.reads for s in program.sums} <= {"x"}),
        "states": program.states == tuple(cell.states),
        "vectors": set(program.vectors) <= set(_vectors(cell)),
        "masks": set(program.masks) <= set(cell.masks),
        "names": set(program.names) <= {*cell.gates, *cell.states}
        and all(program.names.get(letter, value) == value for letter, value in after),
    }
    wrong = [what for what, fits in known.items() if not fits]
    if wrong:
        raise CellError(f"cell: expected a program of this cell's own names, got other {wrong}")
    return program
