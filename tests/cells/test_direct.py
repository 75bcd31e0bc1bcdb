"""What a cell stores in, what stays of it by itself, and which gates let it in and out."""

import numpy as np
import pytest
from tests.inspect.looked_at import CELLS

from glasscell import cells
from glasscell.cells import GRU, LSTM, Cell, sigmoid, tanh
from glasscell.cells.direct import called, direct_path, form, gates_by
from glasscell.cells.evaluate import evaluate


@pytest.mark.parametrize(
    ("cell", "state", "gate", "open_keeps", "writes", "shows"),
    [
        (LSTM(), "cell", "forget", True, "input", "output"),
        (LSTM(peephole=True), "cell", "forget", True, "input", "output"),
        (LSTM(coupled=True), "cell", "forget", True, "forget", "output"),
        (LSTM(without=("forget",)), "cell", None, True, "input", "output"),
        (LSTM(layer_norm=True), "cell", "forget", True, "input", "output"),
        (GRU(), "hidden", "update", True, "update", None),
        (GRU(layer_norm=True), "hidden", "update", True, "update", None),
        (CELLS["minGRU"], "hidden", "update", False, "update", None),
        (CELLS["MGU"], "hidden", "forget", False, "forget", None),
    ],
)
def test_the_belt_and_the_doors_of_a_cell(cell, state, gate, open_keeps, writes, shows):
    path = direct_path(cell)
    found = path.name, path.gate, path.open_keeps, path.writes, path.shows
    assert found == (state, gate, open_keeps, writes, shows)
    assert path.adds


def test_a_plain_network_has_no_belt_and_no_gates():
    for mode, kind in (("RNN_TANH", "tanh"), ("RNN_RELU", "relu")):
        cell = cells.of(mode)
        assert direct_path(cell) is None
        assert form(cell) == kind
        assert gates_by(cell, "sigmoid") == ()
    assert form(GRU()) == "gated"
    assert (called("RNN_TANH"), called(LSTM())) == ("RNN_TANH", "LSTM")


def test_vectors_that_a_belt_reads_are_named():
    assert direct_path(CELLS["decay"]).vectors == ("d",)
    assert direct_path(LSTM(peephole=True)).vectors == ()
    assert not direct_path(CELLS["square"]).adds
    assert not direct_path(LSTM(clip=1.0)).plain


class Doubled(Cell):
    """The state before stands in it twice, and over a number."""

    gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012

    def step(self, a, h):
        """Say one step."""
        f, g = sigmoid(a.f), tanh(a.g)
        return (f * h - h * 0.5 + g) / 2


def test_the_belt_is_all_that_a_state_is_multiplied_by():
    cell, rng = Doubled(), np.random.default_rng(0)
    slopes, program = cell.slopes, cell.program
    sums, h = [rng.normal(size=5) for _ in program.sums], rng.normal(size=5)
    values = evaluate(program.operations, [*sums, h])
    given = [*(values[k] for k in slopes.taped), h]
    belt = evaluate(slopes.operations, given)[slopes.by[0, "belt", 0]]
    np.testing.assert_allclose(belt, (values[program.names["f"]] - 0.5) / 2)


def test_what_a_candidate_is_multiplied_by_is_the_door_that_it_passes():
    slopes = LSTM().slopes
    gates = list(LSTM().gates)
    place = slopes.by[1, "writes", gates.index("g")]
    assert slopes.taped[place] == LSTM().program.names["i"]
