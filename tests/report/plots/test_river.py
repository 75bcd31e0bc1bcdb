"""Gradients: logarithms of what was measured, zeros and gaps included."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.inspect import GradientFlow, LayerFlow
from glasscell.report import plots
from report.plots.drawn import flow, lines, rendered


def layer(values: object, **more: object) -> LayerFlow:
    return LayerFlow(hidden=np.asarray(values, float), cell=None, cell_path=None, **more)


def test_all_parts_of_an_lstm_are_drawn_over_its_own_time():
    found = flow()["l0"]
    ax = found.plot()
    for drawn, name in zip(ax.lines, ("hidden", "cell", "cell_path"), strict=False):
        values = getattr(found, name)
        np.testing.assert_array_equal(drawn.get_xdata(), np.arange(len(values)))
        np.testing.assert_allclose(10.0 ** np.asarray(drawn.get_ydata()), values, rtol=1e-12)
    assert len(ax.get_legend().get_texts()) == 3
    assert "log" in ax.get_ylabel()


@pytest.mark.parametrize(("reverse", "first"), [(False, 2), (True, 0)])
def test_the_lag_counts_back_from_the_step_that_was_read_last(reverse, first):
    ax = layer([1.0, 0.1, 0.01], reverse=reverse).plot(lag=True)
    assert ax.lines[0].get_xdata()[0] == first
    assert ax.get_xlabel() == "lag, steps back"


def test_a_zero_is_a_triangle_at_the_foot_and_nan_a_gap():
    ax = layer([1.0, 0.0, np.nan, 0.1]).plot()
    np.testing.assert_array_equal(lines(ax)[0], [0.0, np.nan, np.nan, -1.0])
    zeros = ax.lines[1]
    assert zeros.get_marker() == "v"
    assert zeros.get_xdata().tolist() == [1]
    rendered(ax)


@pytest.mark.parametrize(
    "values", [[1.0], [0.0], [np.nan] * 3, [0.0] * 4, [1e-300, 1e300], [np.inf, 1.0]]
)
def test_any_gradient_is_drawn(values):
    rendered(layer(values).plot())
    rendered(layer(values).plot(lag=True))
    rendered(plots.duel({"one": layer(values)}))
    rendered(GradientFlow({"l0": layer(values)}).plot())


def test_5000_steps_are_drawn_one_by_one():
    values = np.full(5000, 0.1)
    values[2345] = 7.0
    assert lines(layer(values).plot(width=3.4))[0].max() == np.log10(7.0)


def test_the_floors_of_float32_are_drawn_where_the_range_has_them():
    ax = layer(10.0 ** -np.arange(45.0)).plot()
    levels = [line.get_ydata()[0] for line in ax.lines[1:]]
    np.testing.assert_allclose(levels, [-24 * np.log10(2), np.log10(2.0**-126)])
    assert [t.get_text() for t in ax.get_legend().get_texts()][1:] == [
        "lost in rounding", "smallest float32",
    ]  # fmt: skip
    assert len(layer([1.0, 0.1]).plot().lines) == 1


def test_layers_stand_under_one_another_on_one_scale():
    axes = GradientFlow({"l0": layer([1.0, 1e-9]), "l1": layer([1.0, 0.5])}).plot()
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert axes[1].get_ylabel().startswith("l1\n")


def test_a_duel_is_drawn_over_the_lag_relative_to_the_largest():
    rnn, lstm = layer([1e-6, 1e-3, 4.0]), layer([2.0, 1.0, 0.5])
    ax = plots.duel({"RNN": rnn, "LSTM": lstm})
    np.testing.assert_allclose(10 ** lines(ax)[0], np.array([4.0, 1e-3, 1e-6]) / 4.0)
    np.testing.assert_allclose(10 ** lines(ax)[1], np.array([0.5, 1.0, 2.0]) / 2.0)
    assert ax.lines[2].get_ydata()[0] == pytest.approx(-4.0)
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()


def test_a_duel_reads_the_profile_of_a_reverse_layer_from_its_own_end():
    ax = plots.duel({"one": layer([1.0, 0.1], reverse=True)})
    np.testing.assert_allclose(lines(ax)[0], [0.0, -1.0])


@pytest.mark.parametrize("draw", [plots.duel, plots.gradient_rivers])
def test_nothing_to_draw_is_refused(draw):
    with pytest.raises(ValueError, match="expected the gradients of at least one"):
        draw({})
    with pytest.raises(ValueError, match="expected gradients of at least one step"):
        draw({"one": layer([])})
