"""Pictures of a GRU and of cells that nobody has drawn yet: all is told by the cell."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from glasscell.cells import GRU, LSTM
from glasscell.report import plots
from own_cells import OWN
from report.page.made_cells import Exponential, Leaky, layer

mpl.use("Agg")
CELLS = [GRU(), Leaky(), Exponential(), LSTM(peephole=True), *OWN[:1]]


@pytest.fixture(autouse=True)
def closed():
    yield
    mpl.pyplot.close("all")


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_a_wall_has_every_quantity_in_the_cells_order(cell):
    trace, _, _ = layer(cell, units=7)
    axes = plots.gate_wall(trace)
    assert len(axes) == len(cell.quantities) + 1
    for ax, name in zip(axes, plots_order(cell), strict=True):
        shown = ax.images[0].get_array()
        assert shown.shape == (7, 40)
        np.testing.assert_allclose(np.sort(shown, axis=0), np.sort(trace.quantity(name).T, axis=0))


def plots_order(cell):
    from glasscell.report.draw.recurrence import look

    return look(cell).names


def test_the_wall_of_a_gru_is_in_the_order_of_its_update_gates_half_lives():
    trace, _, _ = layer(GRU(), units=5)
    [ax] = plots.gate_wall(trace, ["update"])
    kept = np.log(trace.update.astype(float)).mean(axis=0)
    np.testing.assert_array_equal(ax.images[0].get_array(), trace.update[:, np.argsort(-kept)].T)
    assert ax.get_title("left") == "update gate $z$"


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_a_unit_has_its_gates_above_and_the_rest_below(cell):
    trace, _, _ = layer(cell)
    gates, rest = plots.unit(trace, 1)
    assert len(gates.lines) >= 1
    drawn = len(gates.lines) + len(rest.lines) - 1  # the line at 0
    assert drawn == len(cell.quantities) + 1


@pytest.mark.parametrize("cell", [GRU(), Leaky(), Exponential()], ids=repr)
def test_weights_have_a_row_a_gate(cell):
    _, own, _ = layer(cell, units=4)
    axes = plots.weights(own, cell=cell)
    assert axes.shape == (cell.gate_count, 3)
    blocks = {ax.images[0].get_array().data.tobytes() for ax in axes[:, 0]}
    expected = {own.weight_hh[k * 4 : k * 4 + 4].tobytes() for k in range(cell.gate_count)}
    assert {np.frombuffer(b, np.float32).tobytes() for b in blocks} == expected


def test_weights_of_three_blocks_are_a_grus():
    _, own, _ = layer(GRU(), units=4)
    titles = [ax.get_ylabel().replace("\n", " ") for ax in plots.weights(own)[:, 0]]
    assert titles == ["update gate $z$", "reset gate $r$", "candidate $n$"]


def test_a_quantity_that_the_cell_does_not_have_is_refused_with_those_that_it_has():
    trace, _, _ = layer(GRU())
    with pytest.raises(ValueError, match=r"out of update, reset, candidate, hidden.*got 'forget'"):
        plots.gate_wall(trace, ["forget"])
