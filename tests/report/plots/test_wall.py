"""Gate wall: every value where it belongs, whatever the layout, length and width."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

import glasscell
from glasscell.inspect import LayerTrace, half_life
from glasscell.report import plots
from report.plots.drawn import image, network, rendered

NAMES = ("forget", "input", "candidate", "output", "cell", "hidden")


def layer(T: int, H: int, **changes: object) -> LayerTrace:
    rng = np.random.default_rng(0)
    arrays = {name: rng.uniform(0, 1, (T, H)) for name in NAMES}
    for name in ("candidate", "cell", "hidden"):
        arrays[name] = 2 * arrays[name] - 1
    return LayerTrace(**(arrays | {"layout": "TH"} | changes))


def test_a_heat_map_has_each_units_values_in_its_row():
    found = network().layer
    axes = found.plot(units=[3, 1])
    for ax, name in zip(axes, NAMES, strict=True):
        np.testing.assert_array_equal(image(ax), getattr(found, name)[:, [3, 1]].T)
        assert list(ax.images[0].get_extent()) == [-0.5, 11.5, 1.5, -0.5]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["3", "1"]


def test_the_unit_of_the_longest_half_life_is_on_top_by_default():
    found = network().layer
    order = np.argsort(-half_life(found.forget), kind="stable")
    np.testing.assert_array_equal(image(found.plot()[0]), found.forget[:, order].T)


def test_quantities_are_drawn_in_the_order_asked_for():
    axes = network().layer.plot(["cell", "forget"])
    assert [ax.get_title("left") for ax in axes] == ["cell state $c$", "forget gate $f$"]


def test_gates_go_from_0_to_1_and_signed_values_around_0():
    limits = [ax.images[0].get_clim() for ax in network().layer.plot()]
    assert limits[0] == limits[1] == limits[3] == (0.0, 1.0)
    assert limits[2] == limits[5] == (-1.0, 1.0)
    assert limits[4][0] == -limits[4][1] < 0


def test_a_relu_networks_hidden_states_are_not_cut_at_1():
    states = np.array([[0.0, 40.0], [50.0, 0.0]])
    found = LayerTrace(*[None] * 5, hidden=states, mode="RNN_RELU", layout="TH")
    assert found.plot()[0].images[0].get_clim()[1] > 40.0


@pytest.mark.parametrize(("T", "H"), [(1, 1), (1, 3), (2, 512), (5000, 3), (5000, 512)])
def test_any_size_is_drawn(T, H):
    axes = layer(T, H).plot(["forget", "cell"], width=3.4)
    rendered(axes)
    assert axes[0].get_xlim() == (-0.5, T - 0.5)
    assert image(axes[0]).shape[0] <= max(H, 32)


def test_a_single_spike_in_5000_steps_and_512_units_is_still_seen():
    gate = np.full((5000, 512), 0.9, np.float32)
    gate[3217, 77] = 0.0
    found = layer(5000, 512, forget=gate)
    axes = found.plot(["forget"], units=range(512), width=3.4)
    shown = image(axes[0])
    assert shown.size < gate.size / 50
    assert (shown == 0.0).sum() == 1
    row, column = np.argwhere(shown == 0.0)[0]
    extent = axes[0].images[0].get_extent()
    assert column == int(3217 * shown.shape[1] // (extent[1] + 0.5))
    assert row == int(77 * shown.shape[0] // (extent[2] + 0.5))
    assert set(np.unique(shown)) == {np.float32(0.0), np.float32(0.9)}, "a mean was drawn"
    assert "the most unusual of every" in axes[0].get_xlabel()
    assert "a row" in axes[0].get_ylabel()


def test_a_finer_picture_shows_more_steps():
    found = layer(2000, 3)
    coarse = image(found.plot(["cell"], width=3.4)[0])
    plt.rcParams["savefig.dpi"] = 600
    fine = image(found.plot(["cell"], width=3.4)[0])
    assert fine.shape[1] > 3 * coarse.shape[1]


def test_nan_and_infinity_are_grey():
    gate = layer(6, 2).cell.copy()
    gate[2, 0], gate[3, 1] = np.nan, np.inf
    axes = layer(6, 2, cell=gate).plot(["cell"], units=[0, 1])
    rendered(axes)
    assert np.argwhere(np.isnan(image(axes[0]))).tolist() == [[0, 2], [1, 3]]
    assert np.isfinite(axes[0].images[0].get_clim()).all()


@pytest.mark.parametrize("value", [0.0, 0.5, np.nan, 1e300])
def test_what_never_changes_is_drawn(value):
    same = np.full((7, 2), value)
    rendered(layer(7, 2, forget=np.clip(same, 0, 1), cell=same).plot())


def test_a_reverse_layer_is_drawn_in_the_sequences_own_time():
    found = layer(5, 2, reverse=True)
    axes = found.plot(["hidden"], units=[0, 1])
    np.testing.assert_array_equal(image(axes[0]), found.hidden.T)
    assert "read from the end" in axes[0].get_xlabel()


def test_an_rnn_shows_its_hidden_state_and_refuses_gates():
    found = LayerTrace(*[None] * 5, hidden=np.ones((4, 2)), mode="RNN_TANH", layout="TH")
    assert found.plot().shape == (1,)
    with pytest.raises(ValueError, match=r"out of hidden, which a RNN has, got 'forget'"):
        found.plot(["forget"])
    with pytest.raises(ValueError, match="expected a cell with gates"):
        plots.unit(found, 0)


@pytest.mark.parametrize("packed", [False, True])
def test_one_sequence_of_a_ragged_batch_is_chosen(packed):
    torch.manual_seed(0)
    module = torch.nn.LSTM(2, 3)
    x, lengths = torch.randn(6, 3, 2), torch.tensor([2, 6, 4])
    with glasscell.trace(module) as seen:
        if packed:
            sequences = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
            module(sequences)
        else:
            glasscell.convert(module)(x, lengths=lengths)
    found = seen["l0"]
    for sequence, steps in enumerate(lengths.tolist()):
        axes = found.plot(["hidden"], sequence=sequence, units=[2])
        alone = found.sequence(sequence).hidden
        assert alone.shape == (steps, 3)
        np.testing.assert_array_equal(image(axes[0])[0], alone[:, 2])
        assert axes[0].get_xlim()[1] == steps - 0.5
    assert axes[0] is not None
    with pytest.raises(IndexError, match=r"expected sequence in 0 … 2, the batch, got 3"):
        found.plot(sequence=3)


def test_a_sequence_without_steps_is_refused():
    found = LayerTrace(
        *[None] * 5, hidden=np.ones((3, 2, 1)), mode="RNN_TANH", lengths=np.array([3, 0])
    )
    with pytest.raises(ValueError, match="expected a sequence of at least one step"):
        found.plot(sequence=1)


def test_a_unit_that_is_not_there_is_refused():
    with pytest.raises(IndexError, match=r"expected a unit in 0 … 3, got 4"):
        network().layer.plot(units=[4])


def test_a_projections_hidden_state_has_rows_of_its_own():
    found = layer(5, 4, hidden=np.zeros((5, 2)))
    axes = found.plot()
    assert image(axes[4]).shape[0] == 4
    assert image(axes[5]).shape[0] == 2


def test_several_layers_stand_side_by_side_with_their_names():
    torch.manual_seed(0)
    module = torch.nn.LSTM(2, 3, bidirectional=True)
    with glasscell.trace(module) as seen:
        module(torch.randn(5, 2, 2))
    axes = seen.plot(quantities=["forget", "hidden"], sequence=1, units=[1])
    assert axes.shape == (2, 2)
    for column, name in enumerate(("l0", "l0_reverse")):
        assert axes[0, column].get_title("left").startswith(f"{name}\n")
        alone = seen[name].sequence(1)
        np.testing.assert_array_equal(image(axes[0, column])[0], alone.forget[:, 1])
    assert seen.plot("l0_reverse").shape == (6, 1)
    rendered(axes)


def test_with_an_rnn_among_the_layers_what_all_have_is_drawn():
    rnn = LayerTrace(*[None] * 5, hidden=np.ones((5, 2)), mode="RNN_TANH", layout="TH")
    assert plots.gate_walls({"a": rnn, "b": layer(5, 2)}).shape == (1, 2)


def test_a_trace_in_which_nothing_ran_is_refused():
    with pytest.raises(ValueError, match="expected a trace of at least one layer"):
        glasscell.inspect.Trace().plot()


def test_a_unit_is_drawn_step_by_step_without_pooling():
    found = layer(5000, 3)
    axes = plots.unit(found, -1, width=3.4)
    for ax, names in zip(
        axes, (NAMES[0:2] + NAMES[3:4], ("candidate", "cell", "hidden")), strict=True
    ):
        for drawn, name in zip(ax.lines, names, strict=False):
            np.testing.assert_array_equal(drawn.get_ydata(), getattr(found, name)[:, 2])
    assert axes[1].get_ylabel() == "unit 2"
    rendered(axes)


def test_values_between_gaps_are_dots():
    cell = np.array([[1.0], [np.nan], [2.0], [np.nan], [3.0], [4.0]])
    found = layer(6, 1, cell=cell)
    drawn = plots.unit(found, 0)[1].lines[1]
    assert drawn.get_marker() == "."
    assert drawn.get_markevery() == [0, 2]


@pytest.mark.parametrize("index", [3, -4])
def test_one_unit_that_is_not_there_is_refused(index):
    with pytest.raises(IndexError, match=r"expected a unit in 0 … 2"):
        plots.unit(layer(4, 3), index)
