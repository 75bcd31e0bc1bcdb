"""Memory provenance: bars and triangle hold what the measure gave."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell import inspect
from glasscell.inspect import Provenance
from glasscell.report import plots
from report.plots.drawn import image, network, rendered


def heights(ax: object) -> list[float]:
    return [float(bar.get_height()) for bar in ax.patches]


@pytest.mark.parametrize("unit", [0, 3, -1])
def test_a_bar_is_what_a_step_left(unit):
    found = inspect.layer_provenance(network().layer)
    ax = found.plot(unit)
    np.testing.assert_array_equal(heights(ax), found.written[:, unit])
    np.testing.assert_allclose([b.get_x() + b.get_width() / 2 for b in ax.patches], np.arange(12))
    total, initial = f"{found.total[unit]:.3g}", f"{found.initial[unit]:.3g}"
    assert (
        ax.get_title("left")
        == f"unit {unit}: $c$ = {total}, of it {initial} from the initial state"
    )


def test_signs_have_colours_of_their_own():
    found = Provenance(np.zeros(1), np.array([[1.0], [-1.0]]), np.zeros((2, 1)))
    first, second = (bar.get_facecolor() for bar in found.plot(0).patches)
    assert first != second


def test_a_batch_takes_sequence_and_unit():
    written = np.arange(12.0).reshape(3, 2, 2)
    found = Provenance(np.zeros((2, 2)), written, np.zeros_like(written))
    assert heights(found.plot((1, 0))) == [2.0, 6.0, 10.0]
    with pytest.raises(ValueError, match=r"expected unit as 2 indices"):
        found.plot(1)


def test_the_one_large_write_of_5000_steps_is_still_seen():
    written = np.zeros((5000, 1))
    written[3210] = -0.75
    ax = Provenance(np.zeros(1), written, np.zeros_like(written)).plot(0, width=3.4)
    rendered(ax)
    bars = [bar for bar in ax.patches if bar.get_height() != 0]
    assert [bar.get_height() for bar in bars] == [-0.75]
    assert bars[0].get_x() <= 3210 <= bars[0].get_x() + bars[0].get_width()
    assert len(ax.patches) < 1000
    assert "the most unusual of every" in ax.get_xlabel()


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1.0])
@pytest.mark.parametrize("T", [1, 5])
def test_any_write_is_drawn(value, T):
    written = np.full((T, 1), value)
    rendered(Provenance(np.zeros(1), written, np.zeros_like(written)).plot(0))


def test_the_triangle_has_steps_written_across_and_time_down():
    values = inspect.provenance_triangle(network().layer, 2)
    ax = plots.provenance_triangle(values)
    np.testing.assert_array_equal(image(ax), values)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("written at step $s$", "after step $t$")
    low, high = ax.images[0].get_clim()
    assert low == -high


@pytest.mark.parametrize("T", [1, 1500])
def test_triangles_of_any_length_are_drawn(T):
    values = np.tril(np.full((T, T), 0.1))
    values[-1, 0] = 5.0
    ax = plots.provenance_triangle(values)
    rendered(ax)
    assert image(ax)[-1, 0] == 5.0


@pytest.mark.parametrize("shape", [(2, 3), (4,), (0, 0)])
def test_what_is_no_triangle_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected values \(T, T\)"):
        plots.provenance_triangle(np.zeros(shape))
