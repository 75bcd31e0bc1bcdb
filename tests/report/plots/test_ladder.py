"""Time scales: dots where the half-lives are, and how much each gate is closed and open."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.inspect import Saturation, TimeScales, timescales
from glasscell.report import plots
from report.plots.drawn import network, rendered


def scales(lives: list[float], lag: float = 10.0) -> TimeScales:
    return TimeScales(np.array(lives), lag, 0.0, {})


def dots(ax: object) -> dict[str, list[float]]:
    """Half-lives by marker, hollow ones in capitals."""
    found: dict[str, list[float]] = {}
    for line in ax.lines:
        marker = line.get_marker()
        if marker in ("o", "<", ">"):
            hollow = line.get_markerfacecolor() == "white"
            found["hollow" if hollow and marker == "o" else marker] = line.get_xdata().tolist()
    return found


def test_each_unit_is_a_dot_longest_first():
    found = timescales(network().layer, 3.0)
    shown = dots(found.plot())
    assert shown["o"] + shown.get("hollow", []) == sorted(found.half_life.tolist(), reverse=True)


def test_units_that_reach_the_lag_are_filled_and_counted():
    ax = scales([3.0, 40.0, 10.0]).plot()
    assert dots(ax) == {"o": [40.0, 10.0], "hollow": [3.0]}
    assert ax.get_legend().get_texts()[1].get_text() == "2 of 3 units reach it"


def test_another_lag_can_be_asked_for():
    ax = scales([3.0, 40.0]).plot(lag=2)
    assert dots(ax) == {"o": [40.0, 3.0]}
    assert ax.get_legend().get_texts()[0].get_text() == "lag of 2 steps"
    with pytest.raises(ValueError, match="expected a lag in steps > 0"):
        scales([3.0]).plot(lag=0)


def test_for_ever_and_never_are_triangles_at_the_edges():
    ax = scales([np.inf, 5.0, 0.0]).plot()
    rendered(ax)
    low, high = ax.get_xlim()
    shown = dots(ax)
    assert shown[">"] == [high]
    assert low < shown["<"][0] < 1
    assert shown["hollow"] == [5.0]


def test_units_without_a_half_life_are_counted_not_drawn():
    ax = scales([np.nan, 5.0]).plot()
    assert "1 without a half-life" in ax.get_ylabel()
    assert dots(ax) == {"o": [], "hollow": [5.0]}


@pytest.mark.parametrize("lives", [[np.nan], [0.0], [np.inf], [1e-9, 1e9], [7.0] * 512])
def test_any_half_lives_are_drawn(lives):
    rendered(scales(lives).plot(width=3.4))


def test_the_map_has_a_dot_per_place_as_large_as_its_units_are_many():
    closed, opened = np.array([0.0, 0.0, 0.25, np.nan]), np.array([1.0, 1.0, 0.5, np.nan])
    dots = Saturation(closed, opened).plot(gate="forget").collections[0]
    np.testing.assert_array_equal(dots.get_offsets(), [[0.0, 1.0], [0.25, 0.5]])
    sizes = dots.get_sizes()
    assert sizes[0] == 2 * sizes[1]


def test_the_map_of_a_layer_has_its_three_gates():
    found = timescales(network().layer, 3.0)
    for ax, gate in zip(plots.saturation_map(found), ("forget", "input", "output"), strict=True):
        part = found.saturation[gate]
        wanted = np.unique(np.stack([part.closed, part.open], axis=1), axis=0)
        np.testing.assert_array_equal(ax.collections[0].get_offsets(), wanted)
        assert ax.get_title() == f"{gate} gate"


def test_a_gate_of_nan_alone_is_drawn_empty():
    rendered(Saturation(np.array([np.nan]), np.array([np.nan])).plot())
