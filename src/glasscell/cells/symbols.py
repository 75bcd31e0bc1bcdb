"""Symbols that stand for numbers while a step is run once, to write down what it does.

`Symbol` has the operators of a number; each makes a new symbol that knows its operation and its
operands. Equal operations on equal operands are one symbol, so nothing is computed twice.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Container, Iterable
from numbers import Real
from types import CodeType, FrameType
from typing import Any

from glasscell.cells.operations import MOST_OPERANDS
from glasscell.errors import CellError

__all__ = [
    "ALLOWED",
    "LARGEST",
    "Graph",
    "Symbol",
    "absolute",
    "exp",
    "log_sigmoid",
    "maximum",
    "mean",
    "minimum",
    "normalise",
    "ordered",
    "relu",
    "sigmoid",
    "softplus",
    "sqrt",
    "tanh",
    "where_positive",
]

ALLOWED = (
    "a step may hold + - * / of gates, states, its vectors and numbers, and sigmoid, tanh, relu, "
    "exp, log_sigmoid, softplus, sqrt, absolute, maximum, minimum, where_positive, mean and "
    "normalise of glasscell.cells"
)


LARGEST = 3.4028234e38
"""Size of a number in a step, at most: what float32 can hold."""


class Graph:
    """The symbols of one program, each operation once.

    Args:
        codes: Of functions whose locals `named` gives, once they have run; default none.
    """

    def __init__(self, codes: Collection[CodeType] = ()) -> None:
        self._made: dict[tuple[Any, ...], Symbol] = {}
        self._codes = codes
        self._frames: dict[FrameType, int] = {}

    def input(self, kind: str, name: str, made_as: type[Symbol] | None = None) -> Symbol:
        """Give the symbol of an input.

        Args:
            kind: "sum", "state", "vector", "mask", …
            name: Of it, among those of its kind.
            made_as: The class of the symbol where it is new; default `Symbol`.
        """
        return self._one("input", (), (kind, name), made_as or Symbol)

    def constant(self, value: float) -> Symbol:
        """Give the symbol of a number."""
        return self._one("constant", (), float(value))

    def apply(self, name: str, *operands: Any) -> Symbol:
        """Give the symbol of an operation."""
        return self._one(name, tuple(self.symbol(operand) for operand in operands), None)

    def symbol(self, value: Any) -> Symbol:
        """Give a symbol for what may be a number.

        Raises:
            CellError: It is neither a symbol of this graph nor a number that float32 can hold.
        """
        if isinstance(value, Symbol):
            if value.graph is not self:
                raise CellError("expected symbols of one step, got one that another step left")
            return value
        if isinstance(value, bool) or not isinstance(value, Real):
            raise CellError(
                f"expected a value of the step or a number, got {type(value).__name__} (parameters "
                f"go into vectors, arrays into x); {ALLOWED}"
            )
        if not -LARGEST <= float(value) <= LARGEST:
            raise CellError(f"expected a number within ±{LARGEST}, got {value}")
        return self.constant(float(value))

    def named(self) -> dict[str, Any]:
        """Give the locals of the functions that were looked at; those of a caller go before.

        A frame keeps its locals when it has returned, for as long as somebody holds it. Nothing is
        hooked for this, so debuggers, profilers and other threads stay as they are.
        """
        found: dict[str, Any] = {}
        for frame in sorted(self._frames, key=lambda frame: -self._frames[frame]):
            found.update(frame.f_locals)
        self._frames.clear()
        return found

    def _look(self) -> None:
        chain = []
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            chain.append(frame)
            frame = frame.f_back
        for depth, each in enumerate(reversed(chain)):
            if each.f_code in self._codes:
                self._frames[each] = depth

    def _one(
        self, name: str, operands: tuple[Symbol, ...], value: Any, kind: type[Symbol] | None = None
    ) -> Symbol:
        if self._codes:
            self._look()
        # By its digits, since -0.0 == 0.0.
        key = (name, *map(id, operands), value.hex() if name == "constant" else value)
        if key not in self._made:
            self._made[key] = (kind or Symbol)(self, name, operands, value)
        return self._made[key]


def ordered(wanted: Iterable[Symbol], known: Container[Symbol]) -> list[Symbol]:
    """Give symbols and all that they are made of, operands first.

    Args:
        wanted: Symbols to give.
        known: Symbols to leave out, with what is behind them.
    """
    order: list[Symbol] = []
    done: set[Symbol] = set()
    waiting = [(symbol, False) for symbol in reversed([*wanted])]
    while waiting:
        symbol, complete = waiting.pop()
        if symbol in done or symbol in known:
            continue
        if complete:
            done.add(symbol)
            order.append(symbol)
        else:
            waiting.append((symbol, True))
            waiting += [(operand, False) for operand in reversed(symbol.operands)]
    return order


class Symbol:
    """A value of a step: every unit of it, at one time step.

    Args:
        graph: That it belongs to.
        operation: "input", or a name of `glasscell.cells.operations.OPERATIONS`.
        operands: Symbols.
        value: Of a constant its number, of an input its kind and name.
    """

    __array_ufunc__ = None  # NumPy's functions are refused, and its numbers leave operators to us
    __slots__ = ("graph", "operands", "operation", "value")

    def __init__(
        self, graph: Graph, operation: str, operands: tuple[Symbol, ...], value: Any
    ) -> None:
        self.graph, self.operation, self.operands, self.value = graph, operation, operands, value

    @property
    def constant(self) -> bool:
        """Whether it is a number."""
        return self.operation == "constant"

    def __add__(self, other: Any) -> Symbol:
        return self.graph.apply("add", self, other)

    def __radd__(self, other: Any) -> Symbol:
        return self.graph.apply("add", other, self)

    def __sub__(self, other: Any) -> Symbol:
        return self.graph.apply("sub", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return self.graph.apply("sub", other, self)

    def __mul__(self, other: Any) -> Symbol:
        return self.graph.apply("mul", self, other)

    def __rmul__(self, other: Any) -> Symbol:
        return self.graph.apply("mul", other, self)

    def __truediv__(self, other: Any) -> Symbol:
        return self.graph.apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Symbol:
        return self.graph.apply("div", other, self)

    def __neg__(self) -> Symbol:
        return self.graph.apply("sub", 0.0, self)

    def sigmoid(self) -> Symbol:
        """Give 1 / (1 + exp(-self))."""
        return self.graph.apply("sigmoid", self)

    def where_positive(self, condition: Any) -> Symbol:
        """Give itself where the condition is above 0, else 0."""
        return self.graph.apply("where_positive", condition, self)

    def mean(self) -> Symbol:
        """Give the mean over all units, for each of them."""
        return self.graph.apply("mean", self)

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Symbol:
        return self.graph.apply("abs", self)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise CellError(f"expected no function of NumPy on a value; {ALLOWED}")

    def __bool__(self) -> bool:
        raise CellError(f"expected no decision on a value, which is not known yet; {ALLOWED}")

    def __iter__(self) -> Any:
        raise CellError(f"expected no loop over a value or its units; {ALLOWED}")

    def _compared(self, _: Any) -> Any:
        return bool(self)

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _compared
    __hash__ = object.__hash__

    def __getitem__(self, _: Any) -> Any:
        raise CellError(f"expected no single unit of a value; {ALLOWED}")

    def __repr__(self) -> str:
        name = ".".join(self.value) if self.operation == "input" else self.operation
        return f"<{name if self.value is None or not self.constant else self.value} of a step>"

    def __pow__(self, exponent: Any) -> Symbol:
        if exponent == 2:
            return self * self
        raise CellError(f"expected a square (** 2), got ** {exponent!r}; {ALLOWED}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise CellError(f"expected no attribute {name!r} of a value; {ALLOWED}")


def _graph(*operands: Any) -> Graph:
    for operand in operands:
        if isinstance(operand, Symbol):
            return operand.graph
    raise CellError(
        "expected a gate, state or vector of the step, got "
        f"{', '.join(type(operand).__name__ for operand in operands)}; {ALLOWED}"
    )


def sigmoid(a: Any) -> Any:
    """Say σ(a) = 1 / (1 + e^-a) of a value in a step."""
    return _graph(a).apply("sigmoid", a)


def tanh(a: Any) -> Any:
    """Say the hyperbolic tangent of a value in a step."""
    return _graph(a).apply("tanh", a)


def relu(a: Any) -> Any:
    """Say max(a, 0) of a value in a step."""
    return _graph(a).apply("max", 0.0, a)


def exp(a: Any) -> Any:
    """Say e^a of a value in a step."""
    return _graph(a).apply("exp", a)


def log_sigmoid(a: Any) -> Any:
    """Say log σ(a) of a value in a step, exact also where σ(a) is nearly 0."""
    return _graph(a).apply("log_sigmoid", a)


def softplus(a: Any) -> Any:
    """Say log(1 + e^a) of a value in a step."""
    return -log_sigmoid(-a)


def sqrt(a: Any) -> Any:
    """Say the square root of a value in a step."""
    return _graph(a).apply("sqrt", a)


def absolute(a: Any) -> Any:
    """Say |a| of a value in a step."""
    return _graph(a).apply("abs", a)


def maximum(a: Any, b: Any) -> Any:
    """Say the larger of two values in a step."""
    return _larger("max", a, b)


def minimum(a: Any, b: Any) -> Any:
    """Say the smaller of two values in a step."""
    return _larger("min", a, b)


def _larger(name: str, a: Any, b: Any) -> Any:
    # A number goes first: both operations give their second where either is NaN, which must not be
    # hidden by the number.
    return _graph(a, b).apply(name, *((a, b) if isinstance(b, Symbol) else (b, a)))


def where_positive(condition: Any, a: Any) -> Any:
    """Say a where the condition is above 0, else 0, of values in a step."""
    return _graph(condition, a).apply("where_positive", condition, a)


def mean(*values: Any) -> Any:
    """Say the mean over all units of one to eight values in a step, for each unit."""
    if not 0 < len(values) <= MOST_OPERANDS:
        raise CellError(f"expected 1 to {MOST_OPERANDS} values in mean, got {len(values)}")
    return _graph(*values).apply("mean", *values)


def normalise(*values: Any) -> Any:
    """Say values of mean 0 and variance 1 over all units of one to eight values in a step.

    Returns:
        Of one value that value, of several a list.

    Notes:
        ``(a - m) / √(v + ε)`` with m and v the mean and the variance of all of them and ε = 1e-5,
        as in torch; one division for each unit, however many values there are.
    """
    centre = mean(*values)
    apart = [value - centre for value in values]
    scale = 1 / sqrt(mean(*(value * value for value in apart)) + 1e-5)
    found = [value * scale for value in apart]
    return found[0] if len(found) == 1 else found
