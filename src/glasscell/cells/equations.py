"""A cell's step as equations to read: one line for each quantity, with letters or with numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from glasscell.cells.definition import Cell
from glasscell.cells.operations import Operation
from glasscell.cells.program import Program

__all__ = ["Equation", "equations", "filled", "latex"]


class Equation(NamedTuple):
    """One line of a step.

    Args:
        letter: Of the quantity, "u1", "u2" … for what has no name and is used more than once.
        name: Of the quantity, "" for what has none.
        text: What it is.
    """

    letter: str
    name: str
    text: str


class _Style(NamedTuple):
    """How a part of an equation is written."""

    before: str  # a state before the step
    after: str  # a quantity of the step
    sums: Mapping[str, str]
    product: str
    functions: Mapping[str, str]
    vector: Callable[[str], str]


def _subscript(name: str) -> str:
    head, *rest = name.split("_")
    return f"{head}_{{{','.join(rest)}}}" if rest else head


_TEXT = _Style(
    before="{}[t-1]",
    after="{}[t]",
    sums={
        "x": "W_{0} x[t] + b_{2}",
        "xh": "W_{0} x[t] + R_{0} {1}[t-1] + b_{2}",
        "h": "R_{0} {1}[t-1] + b_{2}",
    },
    product=" * ",
    functions={
        "div": "{} / {}",
        "max": "max({}, {})",
        "min": "min({}, {})",
        "relu": "relu({})",
        "sigmoid": "σ({})",
        "tanh": "tanh({})",
        "exp": "exp({})",
        "log_sigmoid": "log σ({})",
        "sqrt": "√({})",
        "abs": "|{}|",
        "where_positive": "[{} > 0] * {}",
        "mean": "mean({})",
    },
    vector=str,
)

_LATEX = _Style(
    before="{}_{{t-1}}",
    after="{}_t",
    sums={
        "x": "W_{0} x_t + b_{{{2}}}",
        "xh": "W_{0} x_t + R_{0} {1}_{{t-1}} + b_{{{2}}}",
        "h": "R_{0} {1}_{{t-1}} + b_{{{2}}}",
    },
    product=r" \odot ",
    functions={
        "div": r"\frac{{{}}}{{{}}}",
        "max": r"\max({}, {})",
        "min": r"\min({}, {})",
        "relu": r"\mathrm{{relu}}({})",
        "sigmoid": r"\sigma({})",
        "tanh": r"\tanh({})",
        "exp": r"\exp({})",
        "log_sigmoid": r"\log \sigma({})",
        "sqrt": r"\sqrt{{{}}}",
        "abs": r"\lvert {} \rvert",
        "where_positive": r"[{} > 0] \odot {}",
        "mean": r"\mathrm{{mean}}({})",
    },
    vector=_subscript,
)

DEEPEST = 12
"""Operations within each other on one line, at most."""

_SUM, _PRODUCT, _ATOM = range(3)
"""How tightly a text holds together."""


def equations(cell: Cell) -> tuple[Equation, ...]:
    """Write a step down as it is outside training.

    Args:
        cell: Whose step.

    Returns:
        A line for each quantity, in an order in which each can be computed. ``[t]`` and ``[t-1]``
        mark the step that a value belongs to; W, R and b are weights and biases (of a sum whose
        parts are used apart, b_i and b_h are the bias of the input and of the hidden part).

    >>> from glasscell.cells import GRU
    >>> for line in equations(GRU()):
    ...     print(f"{line.name or line.letter:>10}: {line.letter} = {line.text}")
         reset: r[t] = σ(W_r x[t] + R_r h[t-1] + b_r)
        update: z[t] = σ(W_z x[t] + R_z h[t-1] + b_z)
     candidate: n[t] = tanh(W_n x[t] + b_in + r[t] * (R_n h[t-1] + b_hn))
        hidden: h[t] = (1 - z[t]) * n[t] + z[t] * h[t-1]
    """
    return _Writer(cell, _TEXT).lines()


def latex(cell: Cell) -> str:
    r"""Write a step down as the lines of an aligned environment of LaTeX.

    >>> from glasscell.cells.zoo import MinGRU
    >>> print(latex(MinGRU()))
    z_t &= \sigma(W_z x_t + b_{z}) \\
    n_t &= W_n x_t + b_{n} \\
    h_t &= (1 - z_t) \odot h_{t-1} + z_t \odot n_t
    """
    lines = _Writer(cell, _LATEX).lines()
    return " \\\\\n".join(f"{line.letter} &= {line.text}" for line in lines)


def filled(cell: Cell, values: Sequence[Any], unit: int = 0) -> tuple[Equation, ...]:
    """Write one step of one unit down with its numbers.

    Args:
        cell: Whose step.
        values: Of its `evaluation` program, every one an array (…, H), as `evaluate` gives them.
        unit: Which unit, of the last axis; there must be one step and sequence alone before it.

    Returns:
        Lines as of `equations`, in which every letter is a number, and the result is at the end.

    >>> import numpy as np
    >>> from glasscell.cells import evaluate
    >>> from glasscell.cells.zoo import MinGRU
    >>> step = MinGRU().evaluation
    >>> values = evaluate(step.operations, [np.array([x]) for x in (0.0, 3.0, 1.0)])
    >>> [line.text for line in filled(MinGRU(), values)]
    ['σ(0) = 0.5', '3 = 3', '(1 - 0.5) * 1 + 0.5 * 3 = 2']
    """
    numbers = [float(value.reshape(-1, value.shape[-1])[0, unit]) for value in values]
    return _Writer(cell, _TEXT, numbers).lines()


class _Writer:
    """Writes the evaluation program of a cell, each value that has a name on a line of its own."""

    def __init__(self, cell: Cell, style: _Style, numbers: Sequence[float] | None = None) -> None:
        self._cell, self._style, self._numbers = cell, style, numbers
        self._program: Program = cell.evaluation
        self._named = self._names()

    def lines(self) -> tuple[Equation, ...]:
        """Give the lines: gates in their order, then states, each once all that it reads is there.

        What has no name comes as soon as it can.
        """
        hidden, *others = self._cell.states
        order = [*(letter for letter in self._cell.gates if letter != hidden), *others, hidden]
        waiting = {value: self._reads(value) for value in self._named}
        found = []
        while waiting:
            ready = [value for value, reads in waiting.items() if not reads & set(waiting)]
            rank = {v: max((order.index(k) for k in self._named[v] if k in order), default=-1)
                    for v in ready}  # fmt: skip
            value = min(ready, key=lambda value: (rank[value], value))
            del waiting[value]
            found += self._lines(value)
        return tuple(found)

    def _lines(self, value: int) -> list[Equation]:
        """Give the line of a value, and one for each further letter of it."""
        names = {**self._cell.gates, **self._cell.states}
        found = list[Equation]()
        for letter in self._named[value]:
            text = self._text(value, own_line=True)[0] if not found else found[0].letter
            if self._numbers is not None:
                text = f"{text} = {_number(self._numbers[value])}" if not found else found[0].text
            shown = self._style.after.format(self._style.vector(letter))
            found.append(Equation(shown, names.get(letter, ""), text))
        return found

    def _reads(self, value: int) -> set[int]:
        """Give the values with lines of their own that a value is made of."""
        program, found = self._program, set[int]()
        waiting = [value]
        while waiting:
            k = waiting.pop()
            if k >= program.inputs:
                for operand in program.operations[k - program.inputs].operands:
                    if operand in self._named:
                        found.add(operand)
                    else:
                        waiting.append(operand)
        return found

    def _names(self) -> dict[int, list[str]]:
        """Give the letters of values with a line: those with a name, those shared, those deep."""
        program = self._program
        named: dict[int, list[str]] = {}
        letters = {**program.names, **dict(zip(program.states, program.outputs, strict=True))}
        for letter, value in letters.items():
            named.setdefault(value, []).append(letter)
        uses = Counter(operand for each in program.operations for operand in each.operands)
        depth = [0] * program.values
        shared = 0
        for value, operation in enumerate(program.operations, program.inputs):
            depth[value] = 1 + max((depth[operand] for operand in operation.operands), default=0)
            long = uses[value] > 1 and not self._is_short(operation)
            if value not in named and (long or depth[value] > DEEPEST):
                shared += 1
                named[value] = [f"u{shared}"]
            if value in named:
                depth[value] = 0
        return named

    def _is_short(self, operation: Operation) -> bool:
        """Whether it is 1 - a, or a number, which read better where they are used."""
        first = self._program.inputs
        return operation.value is not None or (
            operation.name in ("add", "sub")
            and any(
                k >= first and self._program.operations[k - first].value is not None
                for k in operation.operands
            )
        )

    def _text(self, value: int, *, own_line: bool = False) -> tuple[str, int]:
        """Give the text of a value, and how tightly it holds together."""
        if not own_line and value in self._named:
            return self._letter(value), _ATOM
        if value < self._program.inputs:
            return self._input(value)
        operation = self._program.operations[value - self._program.inputs]
        if operation.value is not None:
            return _number(operation.value), _ATOM if operation.value >= 0 else _SUM
        return self._applied(operation)

    def _letter(self, value: int) -> str:
        if self._numbers is not None:
            return _bracketed(_number(self._numbers[value]))
        return self._style.after.format(self._style.vector(self._named[value][0]))

    def _input(self, value: int) -> tuple[str, int]:
        if self._numbers is not None:
            return _number(self._numbers[value]), _ATOM if self._numbers[value] >= 0 else _SUM
        program, style = self._program, self._style
        if value < len(program.sums):
            gate, reads = program.sums[value]
            apart = [s.gate for s in program.sums].count(gate) > 1
            bias = f"{'i' if reads == 'x' else 'h'}{gate}" if apart else gate
            return style.sums[reads].format(gate, program.states[0], bias), _SUM
        value -= len(program.sums)
        if value < len(program.states):
            return style.before.format(program.states[value]), _ATOM
        return style.vector(program.vectors[value - len(program.states)]), _ATOM

    def _applied(self, operation: Operation) -> tuple[str, int]:
        name, operands = operation.name, operation.operands
        if name == "add":
            return " + ".join(self._held(k, _SUM) for k in operands), _SUM
        if name == "sub":
            if self._constant(operands[0]) == 0.0:
                return f"-{self._held(operands[1], _PRODUCT)}", _SUM
            return f"{self._held(operands[0], _SUM)} - {self._held(operands[1], _PRODUCT)}", _SUM
        if name == "mul":
            return self._style.product.join(self._held(k, _PRODUCT) for k in operands), _PRODUCT
        functions = self._style.functions
        if name == "max" and self._constant(operands[1]) == 0.0:
            return functions["relu"].format(self._text(operands[0])[0]), _ATOM
        if name == "mean":
            return functions[name].format(", ".join(self._text(k)[0] for k in operands)), _ATOM
        if name == "div" and self._style is _TEXT:
            above, below = self._held(operands[0], _PRODUCT), self._held(operands[1], _ATOM)
            return functions[name].format(above, below), _PRODUCT
        if name == "where_positive":
            above, below = self._text(operands[0])[0], self._held(operands[1], _PRODUCT)
            return functions[name].format(above, below), _PRODUCT
        return functions[name].format(*(self._text(k)[0] for k in operands)), _ATOM

    def _held(self, value: int, least: int) -> str:
        """Give the text of an operand, in brackets where it would come apart."""
        text, tightness = self._text(value)
        return text if tightness >= least else f"({text})"

    def _constant(self, value: int) -> float | None:
        first = self._program.inputs
        return None if value < first else self._program.operations[value - first].value


def _number(number: float) -> str:
    return f"{number:.4g}"


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number
