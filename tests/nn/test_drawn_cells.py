"""Steps that nobody wrote: drawn at random, and run by the kernels as by a loop of torch."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.nn.test_cell_layer import assert_close, assert_same_bits, gradients

from glasscell.cells import (
    Cell,
    absolute,
    described,
    exp,
    log_sigmoid,
    maximum,
    mean,
    minimum,
    sigmoid,
    sqrt,
    tanh,
    where_positive,
)
from glasscell.nn import Recurrent, cell_layer
from glasscell.nn.fallback import Reason

# Each keeps its result where the next can take it, whatever comes in.
OPERATIONS: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: tanh(a) * b,
    "div": lambda a, b: a / (1.5 + b * b),
    "max": maximum,
    "max 0": lambda a, b: maximum(a, 0.1),
    "min": minimum,
    "where": where_positive,
    "mean": lambda a, b: mean(a, b) * 0.5,
    "alone": lambda a, b: mean(b),
    "sigmoid": lambda a, b: sigmoid(a),
    "tanh": lambda a, b: tanh(b - a),
    "exp": lambda a, b: exp(tanh(a)),
    "log": lambda a, b: log_sigmoid(b),
    "sqrt": lambda a, b: sqrt(a * a + 0.25),
    "abs": lambda a, b: absolute(a),
    "same": lambda a, b: b,
}


@st.composite
def drawn_cells(draw: st.DrawFn) -> Cell:
    """Give a cell of a few gates, states and vectors, and of up to 12 operations."""
    gates = "abcd"[: draw(st.integers(1, 4))]
    states = "huvw"[: draw(st.integers(1, 4))]
    vectors = ["p", "q"][: draw(st.integers(0, 2))]
    recurrent = draw(st.sampled_from(["full", "full", "diagonal", None]))
    reads = [draw(st.sampled_from(["both", "x", "h", "parts", "all"])) for _ in gates]
    reads[0] = "both" if reads[0] == "h" else reads[0]  # one has to read the input
    plan = draw(
        st.lists(
            st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 99), st.integers(0, 99)),
            max_size=12,
        )
    )
    last = draw(st.lists(st.integers(0, 99), min_size=len(states), max_size=len(states)))

    class Drawn(Cell):
        def __repr__(self) -> str:
            return f"{[*reads]}, {plan}, {last}, {self.description()}"

        def step(self, a: Any, *before: Any) -> Any:
            values = []
            for letter, read in zip(gates, reads, strict=True):
                whole = getattr(a, letter)
                if recurrent != "full" or read == "both":
                    values.append(whole)
                elif read in ("x", "h"):
                    values.append(getattr(whole, read))
                else:
                    values += [whole.x, whole.h * 0.5]
                    values += [whole] if read == "all" else []
            everything = sum((tanh(v) for v in values), 0.0)
            values += [*before, *(getattr(self, name) for name in vectors)]
            for name, i, k in plan:
                made = OPERATIONS[name](values[i % len(values)], values[k % len(values)])
                values.append(made)
            after = [values[-1 - k % len(values)] for k in last]
            return (tanh(after[0]) * 0.5 + everything * 0.25, *after[1:])

    Drawn.gates = {letter: f"gate_{letter}" for letter in gates}
    Drawn.states = {letter: f"state_{letter}" for letter in states}
    Drawn.vectors = dict.fromkeys(vectors, "a vector")
    Drawn.recurrent = recurrent
    return Drawn()


IN_TORCH = Reason("a test says so", said=False)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    cell=drawn_cells(),
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 19)),
    seed=st.integers(0, 1000),
    bidirectional=st.booleans(),
    checkpoint=st.sampled_from([None, 1, 2]),
)
def test_a_drawn_step_runs_as_a_loop_of_torch_does(cell, sizes, seed, bidirectional, checkpoint):
    steps, batch, inputs, units = sizes
    torch.manual_seed(seed)
    layer = Recurrent(
        cell,
        inputs,
        units,
        bidirectional=bidirectional,
        dtype=torch.float64,
        checkpoint=checkpoint,
    )
    x = torch.randn(steps, batch, inputs, dtype=torch.float64, requires_grad=True)
    sides = 1 + bidirectional
    drawn = tuple(
        torch.randn(sides, batch, units, dtype=torch.float64, requires_grad=True)
        for _ in cell.states
    )
    hx: Any = drawn[0] if len(drawn) == 1 else drawn
    more: dict[str, Any] = {
        "lengths": torch.randint(0, steps + 1, (batch,)),
        "reset": torch.rand(steps, batch) < 0.2,
    }
    one = gradients(layer, x, hx, **more)
    asked = cell_layer.reason_to_leave
    cell_layer.reason_to_leave = lambda *_: IN_TORCH  # type: ignore[assignment]
    try:
        assert_close(one, gradients(layer, x, hx, **more))
    finally:
        cell_layer.reason_to_leave = asked


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(cell=drawn_cells(), seed=st.integers(0, 1000), units=st.integers(1, 40))
def test_a_drawn_step_has_the_same_bits_alone_cut_and_read_from_a_description(cell, seed, units):
    torch.manual_seed(seed)
    layer = Recurrent(cell, 3, units)
    other = Recurrent(described(cell.description()), 3, units)
    other.load_state_dict(layer.state_dict())
    x = torch.randn(5, 4, 3)
    assert_same_bits(
        {k: v for k, v in gradients(layer, x).items() if v is not None},
        {k: v for k, v in gradients(other, x).items() if v is not None},
    )
    with torch.no_grad():
        whole, _ = layer(x)
        first, states = layer(x[:2, 1:3])
        rest, _ = layer(x[2:, 1:3], states)
    assert torch.equal(torch.cat([first, rest]), whole[:, 1:3])
