"""The gradient river: what vanishes, what explodes, and where float32 ends."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.report import River, RiverLine, run_river


def test_all_panels_share_one_scale():
    lines = [
        RiverLine(name="RNN", hidden=10.0 ** np.linspace(-20, 0, 30)),
        RiverLine(name="LSTM", hidden=np.full(30, 0.1), cell=np.full(30, 2.0)),
    ]
    html, data = run_river.build(River(lines=lines), "river", "en")
    ranges = set(re.findall(r'data-low="([^"]*)" data-high="([^"]*)"', html))
    assert len(ranges) == 1
    low, high = map(float, ranges.pop())
    assert low < -20
    assert high > np.log10(2.0)
    assert data == {"river-30": {"T": 30, "lag": True}}


def test_the_values_for_the_cursor_are_the_logarithms_given():
    hidden = 10.0 ** np.array([-7.25, -3.5, 0.0])
    html, _ = run_river.build(River(lines=[RiverLine(name="RNN", hidden=hidden)]), "river", "en")
    assert 'data-log="-7.25,-3.5,0"' in html


def test_what_float32_cannot_hold_is_marked():
    deep = RiverLine(name="RNN", hidden=10.0 ** np.linspace(-42, 0, 30))
    html, _ = run_river.build(River(lines=[deep]), "river", "en")
    assert html.count('class="floor"') == 2
    shallow = RiverLine(name="LSTM", hidden=np.ones(30))
    html, _ = run_river.build(River(lines=[shallow]), "river", "en")
    assert html.count('class="floor"') == 0


def test_zeros_and_gaps_are_drawn_without_infinities():
    line = RiverLine(name="RNN", hidden=np.array([0.0, np.nan, 1e-300, 1e-3, 1.0]))
    html, _ = run_river.build(River(lines=[line]), "river", "en")
    assert "inf" not in html
    assert "nan" not in html
    assert "lag 4, with 0 of that" in html
    assert "At 1 of 5 steps it is not a finite number, first at lag 3." in html


def test_lags_count_back_from_the_loss():
    line = RiverLine(name="RNN", hidden=np.ones(101))
    html, _ = run_river.build(River(lines=[line]), "river", "en")
    lags = re.findall(r'<span class="[^"]*" style="left:([\d.]+)%">(\d+)</span>', html)
    assert lags[-1][1] == "0"
    assert float(lags[-1][0]) == pytest.approx(100.5 / 101 * 100, abs=0.01)


@pytest.mark.parametrize(("rate", "only"), [(0.5, True), (0.99, False), (1.4, False)])
def test_what_vanishes_is_a_fault_only_if_the_task_needs_it(rate: float, only: bool) -> None:
    norms = rate ** np.arange(30.0)[::-1]
    line = RiverLine.of("RNN", LayerFlow(norms, None, None, mode="RNN_TANH"))
    for lang, said in (("en", "only if the task needs all 29 lags"), ("zh", "全部 29 步滞后时")):
        html, _ = run_river.build(River(lines=[line]), "r", lang)
        assert (said in html, 'class="badge maybe"' in html) == (only, only)
        html, _ = run_river.build(River(lines=[line], needed=True), "r", lang)
        assert (said in html, 'class="badge maybe"' in html) == (False, False)
