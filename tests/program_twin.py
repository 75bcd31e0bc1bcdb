"""Programs of element-wise operations in NumPy, rounded as the core rounds them, and their drawing.

Kernels flush subnormal numbers to zero; so does every operation here. The four activations are the
core's own: what they are worth is measured in test_activations.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell import _core
from glasscell.arrays import Array

PAIRS = ("add", "sub", "mul", "div", "max", "min", "where_positive")
SINGLES = ("sigmoid", "tanh", "exp", "log_sigmoid", "sqrt", "abs")
RUN = {np.float32: _core.run_program_f32, np.float64: _core.run_program_f64}


@dataclass(frozen=True)
class Recipe:
    """What a `_core.Program` is made of."""

    inputs: int
    operations: tuple
    outputs: tuple
    kept: tuple = ()
    constants: tuple = ()

    def program(self):
        return _core.Program(
            self.inputs,
            list(self.operations),
            np.array(self.constants, np.float64),
            list(self.outputs),
            list(self.kept),
        )


def of_operations(inputs, operations, outputs, kept=()) -> Recipe:
    """Give the recipe of operations as `glasscell.cells` has them."""
    numbers = [o.value for o in operations if o.value is not None]
    index = iter(range(len(numbers)))
    given = tuple(
        (o.name, *(o.operands if o.value is None else (next(index),))) for o in operations
    )
    return Recipe(inputs, given, tuple(outputs), tuple(kept), tuple(numbers))


def flushed(x: Array) -> Array:
    """The same with subnormal numbers as zeros of their sign."""
    return np.where(np.abs(x) < np.finfo(x.dtype).tiny, np.copysign(x.dtype.type(0), x), x)


def activation(name: str, x: Array) -> Array:
    flat = np.ascontiguousarray(x).reshape(-1)
    y = np.empty_like(flat)
    getattr(_core, name)(flat, y)
    return y.reshape(x.shape)


def mean(operands: list[Array]) -> Array:
    """Sixteen partial sums, one operand after the other, then the halves of what is left."""
    rows, H = operands[0].shape
    dtype = operands[0].dtype
    partial = np.zeros((rows, 16), dtype)
    for x in operands:
        padded = np.zeros((rows, -(-H // 16) * 16), dtype)
        padded[:, :H] = x
        for k in range(0, H, 16):
            partial = flushed(partial + padded[:, k : k + 16])
    for width in (8, 4, 2, 1):
        partial = flushed(partial[:, :width] + partial[:, width : 2 * width])
    one = flushed(partial / dtype.type(H * len(operands)))
    return np.broadcast_to(one, (rows, H))


def apply(name: str, x: list[Array]) -> Array:
    """One operation on arrays (rows, H)."""
    simple = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
        "sqrt": np.sqrt, "abs": np.abs,
    }  # fmt: skip
    if name == "mean":
        return mean(x)
    if name == "max":
        return np.where(x[0] > x[1], x[0], x[1])
    if name == "min":
        return np.where(x[0] < x[1], x[0], x[1])
    if name == "where_positive":
        return np.where(x[0] > 0, x[1], x[1].dtype.type(0))
    return simple[name](*x) if name in simple else activation(name, x[0])


def run(recipe: Recipe, inputs: Array) -> tuple[Array, Array]:
    """Give the outputs and the kept values of a recipe; inputs (inputs, rows, H)."""
    values = list(inputs)
    with np.errstate(all="ignore"):
        for name, *operands in recipe.operations:
            if name == "constant":
                number = inputs.dtype.type(recipe.constants[operands[0]])
                values.append(np.full(inputs.shape[1:], number, inputs.dtype))
            else:
                values.append(flushed(apply(name, [values[k] for k in operands])))
    zeros = np.zeros_like(inputs[0])
    empty = np.empty((0, *inputs.shape[1:]), inputs.dtype)
    outputs = np.stack([zeros if v < 0 else values[v] for v in recipe.outputs])
    return outputs, np.stack([values[v] for v in recipe.kept]) if recipe.kept else empty


def drawn(rng: np.random.Generator, inputs: int, count: int, outputs: int, kept: int) -> Recipe:
    """A valid recipe: any operation on any values there are; early values are used as late ones."""
    operations = []
    for k in range(count):
        name = rng.choice(["constant", "mean", *PAIRS, *PAIRS, *SINGLES])
        arity = {"constant": 1, "mean": rng.integers(1, 9)}.get(name, 2 if name in PAIRS else 1)
        among = 3 if name == "constant" else inputs + k
        operations.append((str(name), *(int(v) for v in rng.integers(0, among, arity))))
    return Recipe(
        inputs,
        tuple(operations),
        tuple(int(v) for v in rng.integers(-1, inputs + count, outputs)),
        tuple(int(v) for v in rng.integers(0, inputs + count, kept)),
        (1.0, -0.5, 3.0),
    )


def identical(ours: Array, theirs: Array) -> bool:
    """Equal bits; a NaN is a NaN, whatever its bits."""
    nan = np.isnan(theirs)
    return bool(
        ours.shape == theirs.shape
        and np.array_equal(np.isnan(ours), nan)
        and np.where(nan, 0, ours).tobytes() == np.where(nan, 0, theirs).tobytes()
    )
