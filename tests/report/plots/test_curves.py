"""Any lines of a study in one picture."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.report import plots
from glasscell.report.views.curves.data import Line
from report.page.made import chart_of
from report.plots.drawn import lines, rendered


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_all_lines_are_drawn_and_each_name_is_said_once(lang):
    chart = chart_of()
    ax = plots.curves(chart, lang=lang)
    column = lang == "zh"
    assert (ax.get_xlabel(), ax.get_ylabel()) == (chart.x[column], chart.y[column])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["LSTM", ("mean", "均值")[column], ("chance", "随机水平")[column]]
    assert len(ax.lines) == len(chart.lines) + len(chart.levels)
    assert len(ax.collections) == 1  # the band
    first, second, third, level = ax.lines
    assert first.get_color() == second.get_color() != third.get_color()
    assert set(level.get_ydata()) == {0.125}


def test_what_is_missing_or_has_no_logarithm_is_a_gap():
    drawn = lines(plots.curves(chart_of()))
    np.testing.assert_array_equal(drawn[1], [1.0, np.nan, np.nan, 0.001])


def test_ten_names_differ_by_colour_or_dash():
    many = [Line(name=f"{k}", x=[1, 2], y=[k, 1]) for k in range(10)]
    ax = plots.curves(chart_of(lines=many, log_y=False, levels=[]))
    rendered(ax)
    looks = {(line.get_color(), line.is_dashed()) for line in ax.lines}
    assert len(looks) == 10
    assert len({colour for colour, _ in looks}) == 6


def test_a_chart_of_nothing_is_drawn():
    ax = plots.curves(chart_of(lines=[], levels=[]))
    rendered(ax)
    assert ax.get_legend() is None
