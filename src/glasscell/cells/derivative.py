"""The derivatives of a step, made from its program: reverse, forward, and by each state.

Reverse mode (Linnainmaa 1970; Speelpenning 1980): from the derivatives of the loss by the states
after the step to those by the sums, the states before it and the vectors. The cotangent of a value
is what its last reader gave first; what earlier readers give is added to it one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from glasscell.cells.operations import ACTIVATIONS, OPERATIONS, Operation
from glasscell.cells.program import Program, numbered
from glasscell.cells.symbols import Graph, Symbol, ordered

__all__ = [
    "Partials",
    "Reverse",
    "Slopes",
    "partials",
    "reverse",
    "slopes",
    "tangent",
]


@dataclass(frozen=True)
class Reverse:
    """The reverse pass of a step.

    Its inputs, in order: the kept values, the states before the step, vectors, masks, and the
    derivatives by each state after it. Its outputs, in order: the derivatives by each sum, by each
    state before (without the way through the sums), by each vector; -1 where one is zero.

    Args:
        kept: Values of the step that are kept for it: the tape. First the quantities that have a
            name, gates then states after the hidden one; then what else it needs.
        quantities: Letters of those first ones.
        operations: As in a `Program`.
        outputs: Value of each output, -1 for zero.
        totals: Value of the total derivative by each state after the step: what arrives from later
            steps is not all that the loss feels of it, the LSTM's h_t shows c_t at once.
        inputs: How many inputs there are.
    """

    kept: tuple[int, ...]
    quantities: tuple[str, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[int, ...]
    totals: tuple[int, ...]
    inputs: int


@dataclass(frozen=True)
class Partials:
    """Derivatives of every state after a step by everything before it, unit by unit.

    Its inputs are the step's own: sums, states, vectors, masks.

    Args:
        operations: As in a `Program`.
        by: (state after, "sum" or "state", index) to the value that holds the derivative; absent
            where it is zero.
        inputs: How many inputs there are.
    """

    operations: tuple[Operation, ...]
    by: Mapping[tuple[int, str, int], int]
    inputs: int


@dataclass(frozen=True)
class Slopes:
    """Derivatives of a step in two parts, made of what a trace of it has.

    First the states after the hidden one, then the hidden state, which may read them: the LSTM's
    ``h_t = o_t tanh(c_t)``. Inputs, in order: the values `taped`, then the states before the step,
    vectors, masks.

    Args:
        operations: As in a `Program`.
        by: (state after, "sum", "state" or "after", index) to the value that holds the derivative;
            of the hidden state, state 0, with the other states after the step held fixed, which are
            its "after". (state, "belt", state) is what stays of a state by itself: what it is
            multiplied by in the sum that is the state after, f in ``c = f c + i g`` also where f
            looks at c (peephole); where there is no such sum, the derivative. (state, "writes",
            index) is what a gate is multiplied by in that sum: i for g. Absent where zero.
        adds: States that are such a sum.
        taped: Values of the step: those that are kept for the reverse pass, then the hidden state
            after the step.
        inputs: How many inputs there are.
    """

    operations: tuple[Operation, ...]
    by: Mapping[tuple[int, str, int], int]
    adds: tuple[int, ...]
    taped: tuple[int, ...]
    inputs: int


def symbols_of(program: Program, graph: Graph) -> list[Symbol]:
    """Give a symbol for every value of a program."""
    values = [graph.input("sum", f"{s.gate}.{s.reads}") for s in program.sums]
    for kind in ("state", "vector", "mask"):
        values += [graph.input(kind, name) for name in getattr(program, f"{kind}s")]
    for operation in program.operations:
        if operation.value is not None:
            values.append(graph.constant(operation.value))
        else:
            values.append(graph.apply(operation.name, *(values[k] for k in operation.operands)))
    return values


def reverse(program: Program, order: Sequence[str]) -> Reverse:
    """Make the reverse pass of a step.

    Args:
        program: The step.
        order: Letters of gates, then of states after the hidden one: those that have a value in the
            step are kept first, in this order.

    Notes:
        Kept are the quantities, states after the step, and of the other values those that the pass
        needs and that would take an activation of something that is not kept to make again.
    """
    graph = Graph()
    values = symbols_of(program, graph)
    arriving = [graph.input("arriving", state) for state in program.states]
    seeds = list(zip(program.outputs, arriving, strict=True))
    cotangents = _pullback(graph, program, values, seeds)
    ends = len(program.sums) + len(program.states) + len(program.vectors)
    outputs = [cotangents.get(k) for k in range(ends)]
    # Of a state that is an input the rest belongs to that input, to the state before the step; of
    # one that is a constant there is no rest.
    totals = [seed if k < program.inputs else cotangents.get(k, seed) for k, seed in seeds]
    quantities = tuple(letter for letter in order if letter in program.names)
    kept = [program.names[letter] for letter in quantities]
    given = values[len(program.sums) : program.inputs]
    _keep_what_is_needed(kept, values, [*given, *arriving], [*outputs, *totals])
    inputs = [*(graph.input("kept", str(k)) for k in kept), *given, *arriving]
    back = {values[value]: inputs[k] for k, value in enumerate(kept)}
    again = _Rewritten(graph, back)
    wanted = [None if output is None else again(output) for output in outputs]
    whole = [again(total) for total in totals]
    operations, number = numbered(inputs, [w for w in (*wanted, *whole) if w is not None])
    return Reverse(
        tuple(kept),
        quantities,
        operations,
        tuple(-1 if w is None else number[w] for w in wanted),
        tuple(number[total] for total in whole),
        len(inputs),
    )


def partials(program: Program) -> Partials:
    """Make the derivatives of each state after a step by its sums and the states before it.

    Of a step without `mean` they are all there is: a unit's new state depends on other units
    through the sums alone. The derivative of a state by itself, the sums held fixed, is its direct
    path: f of the LSTM's cell state, z of the GRU's hidden state.
    """
    graph = Graph()
    values = symbols_of(program, graph)
    found: dict[tuple[int, str, int], Symbol] = {}
    for state, output in enumerate(program.outputs):
        cotangents = _pullback(graph, program, values, [(output, graph.constant(1.0))])
        for k in range(len(program.sums) + len(program.states)):
            kind, index = ("sum", k) if k < len(program.sums) else ("state", k - len(program.sums))
            if k in cotangents:
                found[state, kind, index] = _folded(graph, cotangents[k])
    operations, number = numbered(values[: program.inputs], found.values())
    return Partials(
        operations, {place: number[symbol] for place, symbol in found.items()}, program.inputs
    )


def slopes(program: Program, kept: Sequence[int], gates: Mapping[int, int]) -> Slopes:
    """Make the derivatives of a step from what is kept of it.

    Args:
        program: The step.
        kept: What is kept for its reverse pass, see `Reverse`.
        gates: Index of each gate that has a value in the step to that value.

    Notes:
        As for `partials`, they are all there is where the step has no `mean`.
    """
    graph = Graph()
    values = symbols_of(program, graph)
    taped = (*kept, *(program.outputs[:1] if program.outputs[0] not in kept else ()))
    found: dict[tuple[int, str, int], Symbol] = {}
    later = program.outputs[1:]
    before = len(program.sums) + len(program.states)
    for state, output in enumerate(program.outputs):
        held = () if state else later
        cotangents = _pullback(graph, program, values, [(output, graph.constant(1.0))], held)
        for k in range(before):
            kind, index = ("sum", k) if k < len(program.sums) else ("state", k - len(program.sums))
            if k in cotangents and k not in held:
                found[state, kind, index] = _folded(graph, cotangents[k])
        for index, value in enumerate(held, 1):
            if value in cotangents:
                found[state, "after", index] = _folded(graph, cotangents[value])
    inputs = [graph.input("kept", str(k)) for k in taped]
    again = _Rewritten(graph, {values[value]: inputs[k] for k, value in enumerate(taped)})
    inputs += values[len(program.sums) : program.inputs]
    adds = []
    for state, output in enumerate(program.outputs):
        belt = _coefficient(program, values, output, len(program.sums) + state)
        adds += [] if belt is None else [state]
        belt = found.get((state, "state", state)) if belt is None else belt
        found |= {} if belt is None else {(state, "belt", state): belt}
        for index, value in gates.items():
            factor = _coefficient(program, values, output, value)
            found |= {} if factor is None else {(state, "writes", index): factor}
    rewritten = {place: again(symbol) for place, symbol in found.items()}
    operations, number = numbered(inputs, rewritten.values())
    by = {place: number[symbol] for place, symbol in rewritten.items()}
    return Slopes(operations, by, tuple(adds), taped, len(inputs))


def _coefficient(
    program: Program, values: Sequence[Symbol], value: int, part: int
) -> Symbol | None:
    """Give what a value is multiplied by in another that is a sum with it; None where it is none.

    Gates are taken as they are, whatever they read.
    """
    made: dict[int, Symbol | None] = {part: values[part].graph.constant(1.0)}
    for k, operation in enumerate(program.operations, program.inputs):
        parts = [made.get(operand) for operand in operation.operands]
        if k != part and any(one is not None for one in parts) and len(parts) == 2:
            operands = [values[operand] for operand in operation.operands]
            made[k] = _combined(operation.name, parts, operands)
    return made.get(value)


def _combined(
    name: str, parts: Sequence[Symbol | None], operands: Sequence[Symbol]
) -> Symbol | None:
    """The coefficient in a result from those in its operands, of which one is not None."""
    (a, b), (x, y) = parts, operands
    if name in ("max", "min"):
        over = x - y if name == "max" else y - x
        parts = [
            None if one is None else one.where_positive(d) for one, d in ((a, over), (b, -over))
        ]
        return _combined("add", parts, operands)
    if name in ("add", "sub"):
        b = -b if name == "sub" and b is not None else b
        return b if a is None else a if b is None else a + b
    if name == "mul" and (a is None or b is None):
        return _product(x.graph, (x, b) if b is not None else (x if a is None else a, y))
    if name == "div" and b is None and a is not None:
        return a / y
    return b.where_positive(x) if name == "where_positive" and b is not None else None


def tangent(program: Program) -> tuple[tuple[Operation, ...], tuple[int, ...]]:
    """Make the forward derivative of a step: how the states after it move with what goes in.

    Returns:
        Operations whose inputs are those of the step, followed by the tangent of each sum, state
        and vector; and the values of the tangents of the states after it, -1 for zero.
    """
    graph = Graph()
    values = symbols_of(program, graph)
    moving = len(program.sums) + len(program.states) + len(program.vectors)
    dots = [graph.input("tangent", str(k)) for k in range(moving)]
    moved: dict[int, Symbol] = dict(enumerate(dots))
    zero = graph.constant(0.0)
    for k, operation in enumerate(program.operations, program.inputs):
        if not any(operand in moved for operand in operation.operands):
            continue
        if operation.name == "mean":
            moved[k] = graph.apply("mean", *(moved.get(o, zero) for o in operation.operands))
            continue
        for slope, dot in _slopes(graph, values, k, operation, moved):
            part = _product(graph, (slope, dot))
            moved[k] = moved[k] + part if k in moved else part
    inputs = [*values[: program.inputs], *dots]
    wanted = [moved.get(output) for output in program.outputs]
    operations, number = numbered(inputs, [w for w in wanted if w is not None])
    return operations, tuple(-1 if w is None else number[w] for w in wanted)


def _slopes(
    graph: Graph,
    values: Sequence[Symbol],
    k: int,
    operation: Operation,
    moved: Mapping[int, Symbol],
) -> list[tuple[Symbol, Symbol]]:
    """Give the derivative by each operand that moves, and how that operand moves."""
    operands = [values[operand] for operand in operation.operands]
    by = OPERATIONS[operation.name].derivative(*operands, values[k], graph.constant(1.0))
    return [
        (_folded(graph, slope), moved[operand])
        for operand, slope in zip(operation.operands, by, strict=True)
        if slope is not None and operand in moved
    ]


def _pullback(
    graph: Graph,
    program: Program,
    values: Sequence[Symbol],
    seeds: Iterable[tuple[int, Symbol]],
    held: Sequence[int] = (),
) -> dict[int, Symbol]:
    """Carry cotangents from the end of a program to its inputs, operation by operation.

    What arrives at values that are `held` is not carried on. Of a value that is the same in every
    unit only the sum over units counts: from there on its mean is carried, one number a sequence.
    """
    cotangents: dict[int, Symbol] = {}
    known: dict[Symbol, bool] = {}

    def give(value: int, part: Symbol | None) -> None:
        if part is None or values[value].constant:
            return
        if value not in cotangents:
            cotangents[value] = part
        elif _negated(part) is not None:
            cotangents[value] = cotangents[value] - _negated(part)  # the same bits as adding -part
        else:
            cotangents[value] = cotangents[value] + part

    for value, seed in seeds:
        give(value, seed)
    for k in reversed(range(program.inputs, program.values)):
        if k in cotangents and k not in held:
            operation = program.operations[k - program.inputs]
            operands = [values[operand] for operand in operation.operands]
            rule = OPERATIONS[operation.name].derivative
            arriving = cotangents[k]
            if _uniform(values[k], known) and not _uniform(arriving, known):
                arriving = arriving.mean()
            parts = rule(*operands, values[k], arriving)
            for operand, part in zip(operation.operands, parts, strict=True):
                give(operand, part)
    return cotangents


def _uniform(symbol: Symbol, known: dict[Symbol, bool]) -> bool:
    """Whether a value is the same in every unit: a number, a mean, or made of such alone."""
    for each in ordered([symbol], known):
        made_of_such = bool(each.operands) and all(known[operand] for operand in each.operands)
        known[each] = each.constant or each.operation == "mean" or made_of_such
    return known[symbol]


def _negated(symbol: Symbol) -> Symbol | None:
    """Give b of 0 - b, None for anything else."""
    if symbol.operation != "sub" or symbol.operands[0].value != 0.0:
        return None
    return symbol.operands[1] if symbol.operands[0].constant else None


def _folded(graph: Graph, symbol: Symbol) -> Symbol:
    """Take multiplications by 1 out, which seeds of 1 leave behind."""
    made: dict[Symbol, Symbol] = {}
    for each in ordered([symbol], ()):
        operands = [made[operand] for operand in each.operands]
        if each.operation == "mul":
            made[each] = _product(graph, operands)
        else:
            made[each] = graph.apply(each.operation, *operands) if operands else each
    return made[symbol]


def _product(graph: Graph, operands: Sequence[Symbol]) -> Symbol:
    """Multiply two symbols, without an operation where one is 1."""
    for one, other in (operands, operands[::-1]):
        if one.constant and one.value == 1.0:
            return other
    return graph.apply("mul", *operands)


def _keep_what_is_needed(
    kept: list[int],
    values: Sequence[Symbol],
    given: Sequence[Symbol],
    outputs: Sequence[Symbol | None],
) -> None:
    """Add to `kept` the values that the outputs need and that are not cheaply made again."""
    place = {symbol: k for k, symbol in enumerate(values)}
    at_hand = {*given, *(values[k] for k in kept)}
    visited: set[Symbol] = set()

    waiting = [output for output in reversed(outputs) if output is not None]
    while waiting:
        symbol = waiting.pop()
        if symbol in visited or symbol in at_hand or symbol.constant:
            continue
        visited.add(symbol)
        dear = symbol.operation in ACTIVATIONS and not all(
            operand in at_hand or operand.constant for operand in symbol.operands
        )
        if symbol in place and (symbol.operation == "input" or dear):
            kept.append(place[symbol])
            at_hand.add(symbol)
        else:
            waiting += reversed(symbol.operands)


class _Rewritten:
    """Symbols with others in place of some of what they are made of."""

    def __init__(self, graph: Graph, replaced: Mapping[Symbol, Symbol]) -> None:
        self._graph, self._made = graph, dict(replaced)

    def __call__(self, symbol: Symbol) -> Symbol:
        for each in ordered([symbol], self._made):
            operands = [self._made[operand] for operand in each.operands]
            same = all(new is old for new, old in zip(operands, each.operands, strict=True))
            self._made[each] = each if same else self._graph.apply(each.operation, *operands)
        return self._made[symbol]
