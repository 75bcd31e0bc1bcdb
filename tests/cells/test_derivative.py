"""Derivatives of steps against central differences in float64, and against each other."""

from __future__ import annotations

import numpy as np
import pytest

from cell_family import FAMILY, drawn
from glasscell.cells import (
    Cell,
    absolute,
    evaluate,
    exp,
    log_sigmoid,
    maximum,
    mean,
    minimum,
    softplus,
    sqrt,
    tanh,
    where_positive,
)
from glasscell.cells.derivative import tangent

each_cell = pytest.mark.parametrize("cell", FAMILY.values(), ids=FAMILY)


class EveryOperation(Cell):
    """Holds each operation of the table, with every operand a value once."""

    gates = {"a": "first", "b": "second"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell"}  # noqa: RUF012
    vectors = {"p": "a vector"}  # noqa: RUF012

    def step(self, a, h, c):
        one = maximum(a.a, c) - minimum(a.b, h) + absolute(a.a.x) * self.p
        two = exp(a.b * 0.1) / sqrt(c * c + 1) + log_sigmoid(one) - softplus(-h)
        three = where_positive(a.a - h, two) + maximum(a.b, 0.25) - minimum(one, 0.5)
        three = three + mean(one, two * h, c) + mean(three) * self.p - abs(+h) * 2**-1
        return 1 / (2 + three * three) - h, -three


class OneValueTwice(Cell):
    """Two states become one value, and that one is the state of another before the step."""

    gates = {"a": "first"}  # noqa: RUF012
    states = {"h": "hidden", "u": "upper", "v": "lower"}  # noqa: RUF012

    def step(self, a, h, u, v):
        return tanh(v) * 0.5 + tanh(a.a), v, v


EVERYTHING = {**FAMILY, "every operation": EveryOperation(), "one value twice": OneValueTwice()}


def _outputs(cell: Cell, inputs):
    values = evaluate(cell.program.operations, inputs)
    return [values[k] for k in cell.program.outputs]


def _reverse(cell: Cell, inputs, arriving):
    values = evaluate(cell.program.operations, inputs)
    back = cell.reverse
    given = [values[k] for k in back.kept] + inputs[len(cell.program.sums) :] + arriving
    assert len(given) == back.inputs
    found = evaluate(back.operations, given)
    return [np.zeros_like(inputs[0]) if k < 0 else found[k] for k in back.outputs]


def _differences(cell: Cell, inputs, arriving, which, step=1e-6):
    """d(sum of outputs times arriving)/d(input), number by number."""
    found = np.zeros_like(inputs[which])
    for place in np.ndindex(found.shape):
        sides = []
        for sign in (1, -1):
            moved = [a.copy() for a in inputs]
            moved[which][place] += sign * step
            outputs = _outputs(cell, moved)
            sides.append(sum((o * d).sum() for o, d in zip(outputs, arriving, strict=True)))
        found[place] = (sides[0] - sides[1]) / (2 * step)
    return found


@pytest.mark.parametrize("cell", EVERYTHING.values(), ids=EVERYTHING)
def test_reverse_is_what_differences_give(cell):
    rng = np.random.default_rng(3)
    inputs = drawn(cell, rng, (2, 3))
    arriving = [rng.normal(size=(2, 3)) for _ in cell.program.states]
    grads = _reverse(cell, inputs, arriving)
    assert len(grads) == cell.program.inputs - len(cell.program.masks)
    for which, grad in enumerate(grads):
        wanted = _differences(cell, inputs, arriving, which)
        np.testing.assert_allclose(grad, wanted, atol=2e-8, rtol=2e-7)


@pytest.mark.parametrize("cell", EVERYTHING.values(), ids=EVERYTHING)
def test_forward_mode_is_the_transpose_of_reverse_mode(cell):
    rng = np.random.default_rng(4)
    inputs = drawn(cell, rng)
    arriving = [rng.normal(size=(3, 5)) for _ in cell.program.states]
    moving = cell.program.inputs - len(cell.program.masks)
    dots = [rng.normal(size=(3, 5)) for _ in range(moving)]
    operations, outputs = tangent(cell.program)
    values = evaluate(operations, [*inputs, *dots])
    moved = [np.zeros((3, 5)) if k < 0 else values[k] for k in outputs]
    one = sum((m * d).sum() for m, d in zip(moved, arriving, strict=True))
    other = sum((g * d).sum() for g, d in zip(_reverse(cell, inputs, arriving), dots, strict=True))
    np.testing.assert_allclose(one, other, rtol=1e-10)


UNITS_ALONE = {
    name: cell
    for name, cell in FAMILY.items()
    if not cell.masks and not any(each.name == "mean" for each in cell.program.operations)
}
"""Where a unit's new state depends on its own values alone, and training is evaluation."""


@pytest.mark.parametrize("cell", UNITS_ALONE.values(), ids=UNITS_ALONE)
def test_partials_are_what_reverse_gives_with_one_state_at_a_time(cell):
    inputs = drawn(cell, np.random.default_rng(5))
    values = evaluate(cell.partials.operations, inputs)
    sums = len(cell.program.sums)
    for state in range(len(cell.states)):
        arriving = [np.full((3, 5), float(k == state)) for k in range(len(cell.states))]
        grads = _reverse(cell, inputs, arriving)
        for k in range(sums + len(cell.states)):
            place = (state, "sum", k) if k < sums else (state, "state", k - sums)
            found = values[cell.partials.by[place]] if place in cell.partials.by else 0.0
            np.testing.assert_allclose(found, grads[k], atol=1e-14, rtol=1e-12)


@each_cell
def test_the_tape_begins_with_the_named_quantities(cell):
    letters = cell.reverse.quantities
    assert [cell.program.names[letter] for letter in letters] == list(
        cell.reverse.kept[: len(letters)]
    )
    assert set(cell.states) - {next(iter(cell.states))} <= set(letters)
    assert len(set(cell.reverse.kept)) <= len(cell.reverse.kept)
