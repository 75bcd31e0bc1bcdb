"""The static pictures: they can be saved, and they show the window given."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.report import GateWindow, River, RiverLine, figures


@pytest.mark.parametrize("name", ["gates.png", "gates.svg"])
def test_the_gate_wall_can_be_saved(tmp_path, make_page, name):
    figure = figures.gate_wall(make_page(T=40, H=6).gates[0], title="Sugar")
    figure.savefig(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 5_000


def test_a_bare_trace_is_enough(make_lstm):
    _, _, trace = make_lstm(20, 4)
    figure = figures.gate_wall(trace)
    pictures = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(pictures) == 6
    shown = np.sort(np.asarray(pictures[0].get_array()), axis=0)
    np.testing.assert_array_equal(shown, np.sort(trace.forget.T, axis=0))


@pytest.mark.parametrize(("T", "H"), [(1, 1), (3, 1), (1, 4)])
def test_tiny_windows_are_drawn(tmp_path, make_lstm, T, H):
    figure = figures.gate_wall(GateWindow(trace=make_lstm(T, H)[2], name="l0"))
    figure.savefig(tmp_path / "tiny.png")


def test_the_river_has_one_panel_per_network_on_one_scale(tmp_path):
    lines = [
        RiverLine(name="RNN", hidden=10.0 ** np.linspace(-20, 0, 30)),
        RiverLine(name="LSTM", hidden=np.ones(30), cell=np.ones(30), cell_path=np.ones(30)),
    ]
    figure = figures.gradient_river(River(lines=lines), title="Adding")
    figure.savefig(tmp_path / "river.png")
    assert len(figure.axes) == 2
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert "vanishing gradient" in figure.axes[0].get_title(loc="left")


def test_a_river_without_lines_is_refused():
    with pytest.raises(ValueError, match="at least one line"):
        figures.gradient_river(River(lines=[]))


def test_pictures_leave_matplotlibs_settings_alone(make_lstm):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figures.gate_wall(make_lstm(5, 2)[2])
    assert dict(mpl.rcParams) == before
