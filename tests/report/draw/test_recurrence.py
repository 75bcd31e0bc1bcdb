"""How a cell is shown is read off its program: order, letters, colours, bounds, belt, equations."""

from __future__ import annotations

import json
from math import inf

import numpy as np
import pytest

from glasscell.cells import CELLS, GRU, LSTM, Cell, of, sigmoid, tanh
from glasscell.cells.evaluate import evaluate
from glasscell.report.draw.palette import QUANTITIES
from glasscell.report.draw.recurrence import look, packed, ranges
from own_cells import OWN
from report.page.made_cells import Exponential, Leaky

EVERY = [*CELLS.values(), *OWN, Leaky(), Exponential(), LSTM(layer_norm=True), GRU(zoneout=0.1)]


def text(cell, name):
    """An equation with letters for its values."""
    how = look(cell)
    letters = {value: how.letters.get(own, own) for own, value in how.values.items()}
    return "".join(
        part if isinstance(part, str) else letters.get(part[1], f"{part[0]}{part[1]}")
        if part[0] == "value" else f"{part[0]}{part[1]}"
        for part in how.equations[name]
    )  # fmt: skip


def test_the_lstm_is_shown_as_ever():
    how = look(of("LSTM"))
    assert how.names == ("forget", "input", "candidate", "output", "cell", "hidden")
    assert how.gates == ("forget", "input", "output")
    assert [how.letters[name] for name in how.names] == ["f", "i", "C̃", "o", "C", "h"]
    assert all(how.colours[name] == name for name in how.names)
    assert [*how.equations] == ["forget", "input", "candidate", "cell", "output", "hidden"]
    assert text(of("LSTM"), "cell") == "f · value5 + i · C̃"
    assert text(of("LSTM"), "hidden") == "o · tanh(C)"


def test_the_gru_keeps_by_its_update_gate():
    how = look(GRU())
    assert how.names == ("update", "reset", "candidate", "hidden")
    assert (how.belt.name, how.belt.gate, how.belt.adds) == ("hidden", "update", True)
    assert how.colours["update"] == "forget"  # which keeps the memory of an LSTM
    assert how.ranges["hidden"] == (-1, 1)
    assert text(GRU(), "candidate") == "tanh(sum0 + r · term3)"
    assert text(GRU(), "hidden") == "(1 − z) · n + z · value4"


def test_a_plain_rnn_has_neither_gates_nor_a_belt():
    for mode, bounds in (("RNN_TANH", (-1, 1)), ("RNN_RELU", (0, inf))):
        how = look(of(mode))
        assert (how.names, how.gates, how.belt) == (("hidden",), (), None)
        assert how.ranges["hidden"] == bounds
    assert text(of("RNN_RELU"), "hidden") == "max(0, sum0)"


@pytest.mark.parametrize("cell", EVERY, ids=repr)
def test_every_quantity_has_a_letter_a_colour_and_an_equation(cell):
    how = look(cell)
    assert set(how.names) == {*cell.quantities, "hidden"}
    assert set(how.names) <= set(how.equations)
    assert set(how.colours.values()) <= set(QUANTITIES)
    gates = [how.colours[name] for name in how.gates]
    assert len(set(gates)) == min(len(gates), 3)
    known = set(how.values.values())
    done = set()
    for name, parts in how.equations.items():
        reads = {part[1] for part in parts if part[0] == "value"} & known
        assert reads <= done, name  # each can be computed once it is its turn
        done.add(how.values[name])
    assert json.loads(json.dumps(packed(cell), allow_nan=False))["names"] == [*how.names]


@pytest.mark.parametrize("cell", EVERY, ids=repr)
def test_no_value_leaves_its_bounds(cell):
    rng = np.random.default_rng(0)
    program, bounds = cell.program, ranges(cell)
    states = [np.full(200, cell.initial.get(letter, 0.0)) for letter in program.states]
    vectors = [rng.normal(size=200) for _ in program.vectors]
    masks = [np.full(200, cell.masks[m].evaluation) for m in program.masks]
    for _ in range(30):
        sums = [rng.normal(0, 3, 200) for _ in program.sums]
        values = evaluate(program.operations, [*sums, *states, *vectors, *masks])
        states = [values[k] for k in program.outputs]
        for value, (low, high) in zip(values, bounds, strict=True):
            assert value.min() >= low - 1e-12
            assert value.max() <= high + 1e-12


def test_what_several_quantities_share_is_written_once():
    how = look(GRU(layer_norm=True))
    assert how.equations["u1"][0] == "mean("
    assert all(len(parts) < 30 for parts in how.equations.values())


def test_a_state_that_is_no_sum_of_writes_says_so():
    class Squashed(Cell):
        """Squashes what it keeps."""

        gates = {"k": "keep", "g": "candidate"}  # noqa: RUF012
        states = {"h": "hidden"}  # noqa: RUF012

        def step(self, a, h):
            k, g = sigmoid(a.k), tanh(a.g)
            return tanh(k * h + g)

    assert look(Squashed()).belt.adds is False
    assert look(Squashed()).belt.written is None
