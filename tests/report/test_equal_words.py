"""One array, one answer: the same numbers and words on every path that prints any about it.

test_one_verdict.py has the words about gradients on the page, without script, on the command line
and in the film; here are the numbers, of gates and gradients, on every path.
"""

from __future__ import annotations

import json
import re

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glasscell import inspect
from glasscell.inspect.dynamics.spectrum import stretch
from glasscell.inspect.film.film import frame, stack
from glasscell.inspect.film.reel import Reel
from glasscell.inspect.gradients.extremes import extremes
from glasscell.inspect.gradients.flow import GradientFlow, LayerFlow
from glasscell.inspect.memory.timescales import half_life, reaching, timescales
from glasscell.inspect.subjects.subject import Recording
from glasscell.inspect.units.order import orders, slow_first
from glasscell.inspect.verdict.symptoms import memory, symptoms
from glasscell.report import plots
from glasscell.report.draw.markup import escape, fixed
from glasscell.report.draw.pooling import pool
from glasscell.report.lesson import lesson
from glasscell.report.lesson import render as render_lesson
from glasscell.report.page import headline, without_script
from glasscell.report.page.collect import PageOptions, explore
from glasscell.report.page.pack import pack
from glasscell.report.page.render import render
from glasscell.traces.layer import LayerTrace
from report.page.made import exploration
from report.test_one_verdict import FLOWS, LAGS, ONES, T, shown_of

mpl.use("Agg")
FEW = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def trace_with(forget) -> LayerTrace:
    """An LSTM with this forget gate, (T, H)."""
    rng = np.random.default_rng(1)
    i, o = (rng.uniform(0.2, 0.8, forget.shape) for _ in range(2))
    g = rng.uniform(-1, 1, forget.shape)
    cell = np.zeros(forget.shape)
    before = np.zeros(forget.shape[1])
    for t in range(len(forget)):
        before = cell[t] = np.nan_to_num(forget[t]) * before + i[t] * g[t]
    return LayerTrace(forget, i, g, o, cell, o * np.tanh(cell), layout="TH")


def page_of(trace, flow=None, lag=None):
    flows = None if flow is None else GradientFlow({"l0": flow})
    run = Recording(traces={"l0": trace}, flow=flows)
    return explore(run, None, PageOptions(title="t", lag=lag, ways=False))


def number(shown):
    """A half-life as the page's JSON has it."""
    return {"never": np.inf, None: np.nan}.get(shown, shown)


def check_memory(trace, lag):
    """Every path that says how long units remember."""
    expected = half_life(trace.forget)
    known = np.sort(expected[~np.isnan(expected)])
    shown = page_of(trace, lag=lag)
    data, _ = pack(shown, {}, "en")

    # Measures: time scales, dossier, symptoms, film.
    np.testing.assert_array_equal(timescales(trace, lag).half_life, expected)
    np.testing.assert_array_equal(inspect.dossier(trace).half_life, expected)
    remembers = memory(trace)
    np.testing.assert_array_equal(remembers.half_life, expected)
    assert symptoms(trace).memory == pytest.approx(remembers.slow, nan_ok=True)
    count = reaching(expected, lag)
    assert count == int(sum(half >= lag for half in expected.tolist()))
    assert timescales(trace, lag).long_enough == count / len(expected)
    flow = LayerFlow(ONES, ONES, ONES, half_life=expected)
    reel = Reel(np.array([1]), np.array([0.0]), {"l0": stack({1: frame(flow, trace)}, [1])})
    np.testing.assert_allclose(reel.layers["l0"].half_life[0], expected.astype(np.float32))

    # The page's JSON: of the series, of the batch, and the order of the units.
    for listed in (
        data["measures"]["half_life"]["0/0"],
        data["measures"]["memory"]["0"]["half_life"],
    ):
        np.testing.assert_allclose([number(half) for half in listed], expected, rtol=1e-5)
    batch = data["measures"]["memory"]["0"]
    for name in ("slow", "median", "longest"):
        assert number(batch[name]) == pytest.approx(getattr(remembers, name), rel=1e-5, nan_ok=True)
    order = slow_first(trace.forget).tolist()
    assert data["measures"]["orders"]["0/0"]["half_life"] == order
    assert orders(trace, None)["half_life"] == order

    # Words: the finding on memory, and the table without script.
    if lag >= 1:
        [said] = [one.text[0] for one in shown.findings if one.kind == "memory"]
        assert said.endswith(f"l0 {count}/{len(expected)}.")
    static = without_script.build(shown, "en")
    cells = re.findall(r"<td>([^<]*)</td>", static)
    texts = ["∞" if half == np.inf else fixed(half, 1) for half in remembers[2:4]]
    assert cells[3:5] == texts
    if len(known):
        assert remembers.longest == known[-1]

    # Pictures: the order of the wall, the ladder's dots and legend.
    ladder = plots.half_life_ladder(timescales(trace, lag))
    assert ladder.get_legend().get_texts()[1].get_text().startswith(f"{count} of {len(expected)} ")
    [wall] = plots.gate_wall(trace, ["forget"])
    picture = wall.images[0].get_array()
    np.testing.assert_array_equal(picture.filled(np.nan), trace.forget[:, order].T)
    mpl.pyplot.close("all")


def test_a_half_life_of_a_thousandth_of_a_step_is_one_number_everywhere():
    """0.0029 in one place and 0 in another, before."""
    gate = np.full((30, 4), 0.9)
    gate[:, 0] = 1e-104
    gate[:, 1] = 1.0
    gate[3, 2] = 0.0
    halves = half_life(gate)
    assert halves.round(4).tolist()[:3] == [0.0029, np.inf, 0.0]
    check_memory(trace_with(gate), 5)


def test_a_gate_that_is_no_number_at_some_steps_or_at_all():
    gate = np.full((30, 3), 0.5)
    gate[7, 0] = np.nan
    gate[:, 1] = np.nan
    np.testing.assert_allclose(half_life(gate), [1.0, np.nan, 1.0])
    check_memory(trace_with(gate), 1)


@FEW
@given(
    forget=arrays(np.float64, (12, 3), elements=st.floats(0, 1) | st.sampled_from([0.0, 1.0])),
    lag=st.integers(1, 11),
)
def test_random_gates_have_one_memory(forget, lag):
    check_memory(trace_with(forget), lag)


def check_gradient(flow, shown, lag):
    """Every path that prints a number on how far a gradient reaches."""
    verdict = flow.judge(lag)
    said = GradientFlow({"l0": flow}).said()
    assert flow.judge().said()[0] in said
    head, line, *_ = str(GradientFlow({"l0": flow})).splitlines()
    whole, end = flow.judge(), head.index("reach") + len("reach")
    assert line[:end].split()[-1] == ("all" if whole.reach is None else str(whole.reach))
    data, _ = pack(shown, {}, "en")
    caption = headline.flows(shown)["0/0"]
    assert data["flows"]["0/0"] == list(caption)
    assert data["headline"] == list(headline.headline(shown))
    assert caption[0].startswith(f"l0 {verdict.said()[0]}.")
    assert caption[1].startswith(f"l0 层{verdict.said('zh')[0]}。")
    stored = flow.hidden if flow.cell is None else flow.cell
    found = extremes(stored, flow.reverse)
    if found.most is not None and found.share < 0:
        assert f"weakest at t\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{found.least}" in caption[0]


@pytest.mark.parametrize("lag", [None, 7])
@pytest.mark.parametrize("name", FLOWS)
def test_numbers_of_a_gradient_are_the_verdicts(name, lag):
    check_gradient(FLOWS[name], shown_of(FLOWS[name], lag), lag)


@FEW
@given(norms=arrays(np.float64, T, elements=st.floats(1e-30, 1e30)), cell=st.booleans())
def test_random_gradients_have_one_verdict(norms, cell):
    flow = LayerFlow(
        norms, *([norms] * 2 if cell else [None] * 2), mode="LSTM" if cell else "RNN_TANH"
    )
    check_gradient(flow, shown_of(flow), None)


@pytest.mark.parametrize(
    "name", ["dc grows 300 times", "dh falls while dc stays", "dc halves", "dc stays"]
)
def test_the_page_and_the_lesson_print_the_same_sentences(name):
    """In the JSON of both pages, and in what is there without script."""
    shown = shown_of(FLOWS[name])
    said = [headline.headline(shown)[0], *(text[0] for text in headline.flows(shown).values())]
    for html in (render(shown), render_lesson(lesson(shown, "data"))):
        data = json.loads(
            re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html)[1]
        )
        assert data["headline"][0] == said[0]
        assert data["flows"]["0/0"][0] == said[1]
        for text in said:
            assert escape(text) in html


def test_growth_of_three_hundred_and_a_cell_that_stays():
    """The two contradictions of before: "flows" and "exploding", "vanishes" and "healthy"."""
    grows = LayerFlow(300.0 ** (LAGS / (T - 1)), *[300.0 ** (LAGS / (T - 1))] * 2)
    stays = LayerFlow(0.5**LAGS, ONES, ONES)
    assert (grows.judge().kind, stays.judge().kind) == ("exploding", "healthy")
    assert "explodes" in headline.flows(shown_of(grows))["0/0"][0]
    assert "vanishes" not in headline.flows(shown_of(stays))["0/0"][0]
    assert headline.headline(shown_of(stays))[0].startswith("The gradient arrives")


def test_a_picture_is_thinned_one_way():
    """Page, static page and pictures show the same one of the values that share a pixel."""
    values = np.random.default_rng(0).normal(size=(2, 101))
    values[1, 50] = -40.0
    assert pool(values, 10)[1, 5] == -40.0
    shown = exploration(9000, 40)
    trace = shown.series[0].traces[0]
    data, blob = pack(shown, {}, "en", 400_000)
    entry = data["arrays"]["0/0/cell"]
    assert entry["pool"] > 1
    raw = np.frombuffer(blob, "u1", entry["shape"][0] * entry["shape"][1], entry["at"])
    scale, offset = np.frombuffer(blob, "<f4", 2 * 40, entry["rows"]).reshape(2, 40, 1)
    back = raw.reshape(entry["shape"]) * scale + offset
    assert np.abs(back - pool(trace.cell.T, entry["pool"])).max() <= scale.max()


def test_norms_of_weights_are_one():
    U = np.random.default_rng(0).normal(size=(5, 5))
    size = stretch(U)
    assert size.norm == pytest.approx(np.linalg.svd(U, compute_uv=False)[0])
    assert size.radius <= size.norm
