"""Curves of a study: what the page gets of them, and what it shows of them without script."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from glasscell.errors import ShapeError
from glasscell.report.draw import axes
from glasscell.report.views.curves import static
from glasscell.report.views.curves.data import Line, curves
from report.page.made import chart_of, exploration


def shown(*charts, lang="en"):
    return static.build(exploration().more({}, {"curves": curves(charts)}), lang)


def test_a_record_is_json_and_says_what_there_is():
    (record,) = json.loads(json.dumps(curves([chart_of()]), allow_nan=False))
    assert set(record) == {"title", "x", "y", "log_x", "log_y", "names", "lines", "levels"}
    assert record["names"] == [["LSTM", "LSTM"], ["mean", "均值"]]
    assert [line["name"] for line in record["lines"]] == [0, 0, 1]
    assert record["levels"] == [[0.125, ["chance", "随机水平"]]]
    assert record["lines"][2] == {
        "name": 1,
        "x": [1, 100],
        "y": [2, 4],
        "low": [1, 2],
        "high": [3, 8],
    }


def test_what_an_axis_has_no_place_for_is_a_gap_and_without_x_no_point():
    line = Line(name="a", x=[0, 1, 2, 3], y=[5, 0, np.inf, -1])
    for log, y in ((True, [None, None, None]), (False, [5, 0, None, -1])):
        chart = chart_of(lines=[line], log_x=log, log_y=log, levels=[(0, "zero")])
        record = chart.record()
        assert record["lines"][0] == {"name": 0, "x": [0, 1, 2, 3][-len(y) :], "y": y}
        assert len(record["levels"]) == (not log)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"y": [1.0]}, r"expected y \(n,\) = \(2,\), as x, got \(1,\)"),
        ({"y": np.ones((2, 1))}, r"expected y .* got \(2, 1\)"),
        ({"y": [1, 2], "low": [0, 1]}, r"expected high .* got \(0,\)"),
        ({"y": [1, 2], "low": [0], "high": [1, 2]}, r"expected low .* got \(1,\)"),
    ],
)
def test_other_lengths_are_refused(parts, told):
    with pytest.raises(ShapeError, match=f"line 'LSTM': {told}"):
        Line(name="LSTM", x=np.arange(2), **parts)


@pytest.mark.parametrize(("lang", "caption"), [("en", "LSTM falls."), ("zh", "LSTM 下降。")])
def test_without_script_a_chart_has_its_caption_its_names_once_and_all_lines(lang, caption):
    own = shown(chart_of(), lang=lang)
    assert f"<h3>{caption}</h3>" in own
    assert len(re.findall(r"<span class=\"key", own)) == 3
    assert own.count('class="line ') == 3
    assert own.count('class="area') == own.count('class="level"') == 1
    assert "nan" not in own
    assert "inf" not in own


def test_without_script_points_stand_where_their_x_is():
    line = Line(name="a", x=[0, 1, 10], y=[0, 1, 2])
    own = shown(chart_of(lines=[line], log_x=False, log_y=False, levels=[]))
    xs = [
        float(x)
        for x in re.findall(r"[ML]([\d.]+) ", re.search(r'class="line.* d="([^"]*)"', own)[1])
    ]
    np.testing.assert_allclose(np.diff(xs), [1000 / 10.4, 9000 / 10.4], atol=0.02)
    (left, right) = re.findall(r'style="left:([\d.]+)%">(?:0|10)\.0<', own)
    np.testing.assert_allclose([float(left) * 10, float(right) * 10], [xs[0], xs[2]], atol=0.1)


def test_ten_names_differ_by_colour_or_dash():
    lines = [Line(name=str(k), x=[1, 2], y=[k, 1]) for k in range(10)]
    keys = re.findall(r'class="key (\w+)">.*?dasharray:([^"]*)"', shown(chart_of(lines=lines)))
    assert len(set(keys[:10])) == 10
    assert len({colour for colour, _ in keys[:6]}) == 6


@pytest.mark.parametrize(
    "lines", [[], [Line(name="a", x=[], y=[])], [Line(name="a", x=[3], y=[np.nan])]]
)
def test_a_chart_of_nothing_is_drawn(lines):
    own = shown(chart_of(lines=lines, levels=[], log_y=False))
    assert "LSTM falls." in own
    assert "nan" not in own


def test_a_page_without_curves_has_no_such_section():
    assert static.build(exploration(), "en") == ""
    assert shown() == ""


@pytest.mark.parametrize(("low", "high"), [(-9, 0), (-0.2, 2.2), (0.05, 0.25), (0, 12)])
def test_log_ticks_lie_inside_and_are_few(low, high):
    ticks = axes.log_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)
