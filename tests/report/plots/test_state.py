"""Influence, path split, fan, exponents, truncation: what was measured is what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell import inspect
from glasscell.inspect import Fan, Lyapunov, PathSplit, Truncation
from glasscell.report import plots
from report.plots.drawn import image, lines, measured, network, rendered


def test_influence_is_grey_where_there_is_none():
    values = inspect.influence(network().layer, network().weights)
    ax = plots.influence(values)
    np.testing.assert_array_equal(np.isnan(image(ax)), np.isneginf(values))
    shown = np.isfinite(values)
    np.testing.assert_array_equal(image(ax)[shown], values[shown])


def test_influence_is_cut_so_many_decades_below_its_largest():
    ax = plots.influence(np.array([[0.0, -3.0], [-20.0, -1.0]]), decades=5)
    assert ax.images[0].get_clim() == (-5.0, 0.0)


def test_chosen_steps_are_on_the_axes():
    ax = plots.influence(np.zeros((2, 3)), inputs=[0, 10, 20], outputs=[5, 50])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "10", "20"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["5", "50"]
    with pytest.raises(ValueError, match="expected 3 inputs, as values has, got 2"):
        plots.influence(np.zeros((2, 3)), inputs=[1, 2])


@pytest.mark.parametrize("values", [[[0.0]], [[-np.inf]], [[np.nan, -np.inf]], [[2.0, 2.0]]])
def test_any_influence_is_drawn(values):
    rendered(plots.influence(np.array(values)))


def test_the_strongest_of_many_influences_is_still_seen():
    values = np.where(np.tri(1500) > 0, -4.0, -np.inf)
    values[1400, 3] = 2.0
    ax = plots.influence(values, width=3.4)
    assert np.nanmax(image(ax)) == 2.0
    assert set(np.unique(image(ax)[~np.isnan(image(ax))])) == {-4.0, 2.0}


def test_what_is_no_matrix_is_refused():
    with pytest.raises(ValueError, match=r"expected values \(outputs, inputs\)"):
        plots.influence(np.zeros(3))


def test_both_paths_are_drawn_over_the_lag():
    found = measured()["path"]
    share, size = found.plot()
    np.testing.assert_array_equal(lines(share)[0], found.share)
    for drawn, name in zip(lines(size), ("belt", "gates", "total"), strict=False):
        values = getattr(found, f"log10_{name}")
        np.testing.assert_array_equal(drawn, np.where(np.isfinite(values), values, np.nan))


def test_the_area_below_the_share_is_the_belts():
    found = PathSplit(np.arange(2), *np.zeros((3, 2)), share=np.array([1.0, 0.25]))
    belt = found.plot(parts=["share"])[0].collections[0].get_paths()[0].vertices
    assert belt[:, 1].max() == 1.0
    assert [1.0, 0.25] in belt.tolist()


def test_one_part_of_a_path_split_is_enough_and_others_are_refused():
    found = measured()["path"]
    assert found.plot(parts=["size"]).shape == (1,)
    for parts in (["belt"], []):
        with pytest.raises(ValueError, match="expected parts of share, size"):
            found.plot(parts=parts)


@pytest.mark.parametrize("T", [1, 5000])
def test_path_splits_of_any_length_are_drawn(T):
    values = np.full(T, np.nan)
    rendered(PathSplit(np.arange(T), values - np.inf, values, values, values).plot())
    rendered(PathSplit(np.arange(T), *np.zeros((4, T))).plot())


def test_a_fan_has_a_line_per_singular_value():
    found = measured()["fan"]
    ax = found.plot()
    for k, drawn in enumerate(ax.lines[: found.log10_sigma.shape[1]]):
        np.testing.assert_array_equal(drawn.get_xdata(), found.lags)
        np.testing.assert_array_equal(drawn.get_ydata(), found.log10_sigma[:, k])


def test_the_exponents_are_the_fans_slopes_in_decades():
    found = Fan(np.array([5, 10]), np.zeros((2, 1)))
    exponents = Lyapunov(np.array([-np.log(10.0), -1.0]), np.zeros(2))
    drawn = found.plot(lyapunov=exponents).lines[1]
    np.testing.assert_allclose(drawn.get_xydata(), [[0, 0], [10, -10]])


@pytest.mark.parametrize("shape", [(0, 4), (1, 1), (3, 2)])
@pytest.mark.parametrize("value", [0.0, -np.inf, np.nan, -5000.0])
def test_any_fan_is_drawn(shape, value):
    found = Fan(np.arange(1, shape[0] + 1), np.full(shape, value))
    rendered(found.plot(lyapunov=Lyapunov(np.array([-np.inf]), np.array([np.nan]))))


def test_exponents_are_drawn_largest_first_with_deviations():
    found = measured()["lyapunov"]
    ax = found.plot()
    np.testing.assert_array_equal(lines(ax)[0], found.exponents)
    ends = np.array([bar[:, 1] for bar in ax.containers[0][2][0].get_segments()])
    wanted = found.exponents[:, None] + found.std[:, None] * [-1, 1]
    np.testing.assert_allclose(ends, wanted)


def test_the_lag_is_a_line_at_its_rate():
    ax = Lyapunov(np.array([-0.1]), np.array([np.nan])).plot(lag=20)
    assert -0.05 in [line.get_ydata()[0] for line in ax.lines]
    with pytest.raises(ValueError, match="expected a lag"):
        Lyapunov(np.zeros(1), np.zeros(1)).plot(lag=-1)


@pytest.mark.parametrize("value", [-np.inf, np.nan, 0.0])
def test_any_exponents_are_drawn(value):
    rendered(Lyapunov(np.full(3, value), np.full(3, np.nan)).plot())


def test_truncation_draws_cosines_and_where_they_are_near_enough():
    found = measured()["truncation"]
    ax = found.plot(ratio=True)
    np.testing.assert_array_equal(lines(ax)[0], found.cosine)
    np.testing.assert_array_equal(lines(ax)[1], found.ratio)
    assert lines(found.plot(cosine=0.5))[1][0] == 0.5
    assert ax.get_legend().get_texts()[-1].get_text() == (
        f"near enough from {found.shortest()} steps on"
    )


def test_where_no_length_is_near_enough_nothing_says_so():
    found = Truncation(np.array([1, 2]), np.array([np.nan, 0.1]), np.array([0.0, 40.0]))
    ax = found.plot(ratio=True)
    rendered(ax)
    assert len(ax.get_legend().get_texts()) == 2
    assert ax.get_ylim()[1] > 40.0


@pytest.mark.parametrize("cosines", [[1.0], [np.nan, np.nan], [-1.0, 1.0]])
def test_any_truncation_is_drawn(cosines):
    count = len(cosines)
    rendered(Truncation(np.arange(1, count + 1), np.array(cosines), np.ones(count)).plot())
