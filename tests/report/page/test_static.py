"""What the page shows without script: whole, balanced, and with the numbers that it was given."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from glasscell.errors import ShapeError
from glasscell.inspect.gradients.flow import GradientFlow, LayerFlow
from glasscell.inspect.subjects.subject import Recording
from glasscell.report.draw import palette
from glasscell.report.page import render
from glasscell.report.page.collect import PageOptions, explore
from glasscell.report.views import modules
from glasscell.report.views.cell import static as cell
from glasscell.report.views.curves.data import curves
from glasscell.report.views.duel.data import Contest, contest
from glasscell.report.views.events.data import with_events
from glasscell.report.views.forecast.data import Stretch
from glasscell.report.views.results.data import Table, results
from glasscell.report.views.training.data import of_history
from glasscell.traces.layer import LayerTrace
from known_lstm import lstm
from report.page.made import chart_of, told_of_forecasts, told_of_sequences

BAD = '</script><script>alert("x")</script>&\'"<img src=x onerror=1>'
QUANTITIES = ("forget", "input", "candidate", "output", "cell", "hidden")
VOID = {"meta", "img", "input", "br", "hr", "link"}


class Balance(HTMLParser):
    """Keeps the open elements, and the ids seen."""

    def __init__(self):
        super().__init__()
        self.open, self.ids = [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for key, value in attrs if key == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(html):
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    return parser


def static_of(html):
    return html.split('id="static"')[1].split('id="console"')[0]


def number(text):
    return float(text.replace("−", "-").strip("()"))


def page(T=60, H=8, text="sugar", **flows):
    """A page with every view filled, of an LSTM that obeys its equations."""
    weights, x, trace = lstm(T, H)
    run = Recording(
        traces={"rnn.l0": trace.each(lambda array: array[None])},
        weights={"rnn.l0": weights},
        flow=GradientFlow({"rnn.l0": LayerFlow(np.ones(T), np.ones(T), np.ones(T))}),
    )
    run = replace(run, traces={"rnn.l0": replace(run.traces["rnn.l0"], layout="BTH")})
    labels = [f"2024-03-01 {6 + t // 12:02}:{5 * (t % 12):02}" for t in range(T)]
    options = PageOptions(title=text, inputs=[text, "dose"], labels=labels, ways=False)
    shown = replace(explore(run, x[None], options), subtitle=text)
    shown = with_events(shown, {0: [(T // 3, text)]})
    table = Table(
        caption=text,
        columns=[text, "MAE"],
        rows=[[text, 16.2812], ["LSTM", 14.7812]],
        highlight=[1],
        note=text,
    )
    stretch = Stretch(
        times=labels, truth=x[:, 0], forecasts={text: x[:, 0] + 0.25}, unit=text, caption=text
    ).measured()
    decay = 10.0 ** -np.linspace(12, 0, T)
    flows = flows or {
        text: LayerFlow(decay, None, None, mode="RNN_TANH"),
        "LSTM": LayerFlow(np.ones(T), np.ones(T), np.ones(T)),
    }
    fought = contest(Contest(said=text, table=table, flows=flows, lag_needed=True))
    arrays, numbers = told_of_sequences(text, T)
    forecasts = told_of_forecasts(text, T)
    return shown.more(
        {**stretch.arrays, **fought.arrays, **arrays, **forecasts.arrays},
        {
            **stretch.numbers,
            **fought.numbers,
            **numbers,
            **forecasts.numbers,
            "results": results([text], [table], [text]),
            "curves": curves([chart_of(text)]),
            "movement": {"said": (text, text), "table": table.record()},
            "training": [of_history(text, [(1, 0.5), (2, 0.25)])],
        },
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_view_that_has_something_to_show_is_there_and_its_html_is_balanced(lang):
    html = render(page(), lang)
    parsed(html)
    headings = re.findall(r"<h2>(.*?)</h2>", static_of(html))
    assert len(headings) == len(list(modules("static")))
    assert headings[0] == ("Results", "结果")[lang == "zh"]


def test_chinese_pages_use_chinese_words():
    own = static_of(render(page(), "zh"))
    for word in (
        "遗忘门",
        "输入门",
        "候选",
        "输出门",
        "细胞状态",
        "隐藏状态",
        "梯度消失",
        "半衰期",
    ):
        assert word in own
    for word in ("forget gate", "hidden state", "steps"):
        assert word not in own


def test_text_from_data_cannot_become_markup():
    html = render(page(text=BAD))
    parsed(html)
    assert html.count("<script") == 4
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_a_page_of_64_units_over_200_steps_stays_small():
    assert len(render(page(T=200, H=64)).encode()) < 2_500_000


@pytest.mark.parametrize(("T", "H"), [(1, 1), (2, 1), (1, 5), (5, 2), (1500, 3), (20, 512)])
def test_windows_of_any_size_are_drawn(T, H):
    weights, x, trace = lstm(T, H)
    one = trace.each(lambda array: array[None], layout="BTH")
    run = Recording(traces={"l0": one}, weights={"l0": weights})
    html = render(explore(run, x[None], PageOptions(title="t", ways=False)))
    parsed(html)
    assert static_of(html).count("data:image/png") == 6


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_constant_and_missing_gates_are_drawn(value):
    array = np.full((1, 9, 3), value)
    trace = LayerTrace(*[array] * 6, layout="BTH")
    shown = explore(Recording(traces={"l0": trace}), array, PageOptions(title="t", ways=False))
    own = static_of(render(with_events(shown, {0: [(4, "meal")]})))
    assert "nan" not in re.sub(r'base64,[^"]*', "", own).lower()


def unpack(uri):
    """Read (rows, columns) palette indices back from a PNG data URI."""
    png = base64.b64decode(uri.split(",")[1])
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        crc = struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0]
        assert crc == zlib.crc32(kind + body)
        chunks[kind] = body
        at += size + 12
    columns, rows = struct.unpack(">II", chunks[b"IHDR"][:8])
    raw = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(rows, columns + 1)
    assert not raw[:, 0].any()
    return raw[:, 1:]


def test_the_pictures_are_the_gates_longest_memory_on_top_and_gaps_are_clear():
    shown = page(T=30, H=6)
    trace = shown.series[0].traces[0]
    trace.forget[4] = np.nan
    order = shown.measures["orders"]["0/0"]["half_life"]
    uris = re.findall(r'src="(data:[^"]*)"', static_of(render(shown)))
    for name, uri in zip(QUANTITIES, uris, strict=True):
        values = getattr(trace, name)[:, order]
        picture = unpack(uri)
        gaps = np.isnan(values.T)
        np.testing.assert_array_equal(picture == palette.MISSING, gaps)
        if name != "cell":  # whose ends are the 98 % quantile
            low = 0.0 if name in ("forget", "input", "output") else -1.0
            back = low + picture / 254 * (1 - low)
            np.testing.assert_allclose(back[~gaps], values.T[~gaps], atol=(1 - low) / 500)


def test_the_chosen_unit_and_step_are_shown_in_numbers():
    shown = page(T=30, H=6)
    unit, t = shown.start["unit"], shown.start["t"]
    own = static_of(render(shown))
    for name in QUANTITIES:
        value = shown.series[0].traces[0].quantity(name)[t, unit]
        assert abs(number(re.search(rf'data-q="{name}">([^<]*)<', own)[1]) - value) <= 0.5e-3
    marks = re.findall(r'class="event" style="left:([\d.]+)%" title="sugar"', own)
    assert set(marks) == {"35.000"}  # step 10 of 30


# ---- the cell ------------------------------------------------------------------------------


@pytest.fixture
def numbers():
    found = cell.numbers(page(T=12, H=5))
    assert found is not None
    return found


def test_each_wire_of_both_drawings_shows_its_number(numbers):
    for drawing in cell.drawing(numbers, "en").split("</svg>")[:2]:
        shown = dict(re.findall(r'data-value="(\w+)">([^<]*)<', drawing))
        assert shown.pop("x").startswith("= (")
        assert shown.pop("before") == ""
        assert set(shown) == set(cell.wires(numbers))
        for wire, text in shown.items():
            assert number(text) == pytest.approx(numbers.wires[wire], abs=0.5e-3)
        inside = dict(re.findall(r'data-inside="(\w+)">([^<]*)<', drawing))
        for gate, text in inside.items():
            assert number(text) == pytest.approx(numbers.pre_activations[gate], abs=0.5e-2)
        widths = dict(re.findall(r'data-wire="(\w+)" style="stroke-width:([\d.]+)"', drawing))
        assert set(widths) == set(cell.wires(numbers))


def test_thick_wires_carry_large_values():
    assert cell.stroke(0.0) < cell.stroke(-0.5) < cell.stroke(1.0)
    assert cell.stroke(1.0) == cell.stroke(-9.0)
    assert cell.stroke(np.nan) == cell.stroke(0.0)


def test_the_terms_of_a_gate_add_up_to_its_pre_activation(numbers):
    html = cell.equations(numbers, ("sugar", "<dose>"), "en")
    sums = re.findall(r'"terms">(.*?)</span> \)</p><p class="sum">= \S+?\(([^)]*)\)', html)
    assert len(sums) == 4
    for terms, total in sums:
        added = 0.0
        for lead, text in re.findall(r'signed">([−+]?) <span class="term">([^<]*)<small>', terms):
            factors = [number(part) for part in text.split("·")]
            added += np.prod(factors) * (-1 if lead == "−" else 1)
        assert added == pytest.approx(number(total), abs=6e-3)


def test_the_results_of_all_equations_and_every_weight_are_shown(numbers):
    html = cell.equations(numbers, ("sugar", "<dose>"), "en")
    for name in QUANTITIES:
        shown = re.search(rf'<b class="{name}">([^<]*)</b>', html)[1]
        assert number(shown) == pytest.approx(numbers.wires[name], abs=0.5e-3)
    rows = re.findall(r"<tr><th scope=row>(.*?)</th>(.*?)</tr>", html)
    assert len(rows) == 5 + 2 + 1
    assert [rows[5][0], rows[6][0]] == ["sugar", "&lt;dose&gt;"]
    for k, (_, cells) in enumerate(rows[:-1]):
        shown = [number(text) for text in re.findall(r"<td>([^<]*)</td>", cells)]
        expected = [numbers.weights[g][k] for g in ("forget", "input", "candidate", "output")]
        np.testing.assert_allclose(shown[1:], expected, atol=0.5e-3)


# ---- rivers --------------------------------------------------------------------------------


def rivers(**flows):
    own = static_of(render(page(T=30, **flows)))
    return own.split("RNN against LSTM")[1]


def test_all_panels_share_one_scale_that_holds_all_values():
    own = rivers(
        RNN=LayerFlow(10.0 ** np.linspace(-20, 0, 30), None, None, mode="RNN_TANH"),
        LSTM=LayerFlow(np.full(30, 0.1), np.full(30, 2.0), np.full(30, 2.0)),
    )
    (bounds,) = set(re.findall(r'data-low="([^"]*)" data-high="([^"]*)"', own)[:2])
    assert float(bounds[0]) < -20
    assert float(bounds[1]) > np.log10(2.0)


@pytest.mark.parametrize(("depth", "floors"), [(-42, 2), (0, 0)])
def test_what_float32_cannot_hold_is_marked(depth, floors):
    norms = 10.0 ** np.linspace(depth, 0, 30)
    assert rivers(RNN=LayerFlow(norms, None, None, mode="RNN_TANH")).count('"floor"') == floors


def test_zeros_and_gaps_are_drawn_without_infinities_and_lags_count_back():
    norms = np.array([0.0, np.nan, 1e-300, 1e-3, 1.0])
    own = rivers(RNN=LayerFlow(norms, None, None, mode="RNN_TANH")).split("The training log")[0]
    assert "inf" not in own
    assert "nan" not in own
    assert "lag 4, with 0 of that" in own
    assert "At 1 of 5 steps it is not a finite number, first at lag 3." in own
    lags = re.findall(r'<span class="[^"]*" style="left:([\d.]+)%">(\d+)</span>', own)
    assert lags[-1] == ("90.00", "0")


@pytest.mark.parametrize(("rate", "only"), [(0.5, True), (0.99, False), (1.4, False)])
def test_what_vanishes_is_a_fault_only_if_the_task_needs_it(rate, only):
    norms = rate ** np.arange(30.0)[::-1]
    flows = {"RNN": LayerFlow(norms, None, None, mode="RNN_TANH")}
    table = Table(caption="c", columns=["a"], rows=[])
    for needed in (False, True):
        given = Contest(said="s", table=table, flows=flows, lag_needed=needed)
        (river,) = contest(given).numbers["contest"]["rivers"]
        doubted = only and not needed
        assert (river["mark"] == "maybe") is doubted
        assert ("only if the task needs all 29 lags" in river["said"][0]) is doubted
        assert ("全部 29 步滞后时" in river["said"][1]) is doubted


# ---- tables, forecast, events --------------------------------------------------------------


def test_a_column_has_one_count_of_decimals_and_missing_numbers_are_dashes():
    record = Table(
        caption="c",
        columns=["method", "MAE", "parameters"],
        rows=[
            ["ridge", 16.28123, 876.0],
            ["LSTM", 14.78456, 4876.0],
            ["naive", 19.0, np.int64(0)],
            ["broken", np.nan, "failed"],
            ["gone", np.inf, np.float32(1)],
        ],
        highlight=[1],
    ).record()
    shown = [row[1] for row in record["rows"]]
    assert shown == ["16.28", "14.78", "19.00", "–", "∞"]
    assert [row[2] for row in record["rows"]] == ["876", "4\u202f876", "0", "failed", "1"]
    assert record["numeric"] == [False, True, False]


def test_the_highlighted_row_is_marked():
    own = static_of(render(page()))
    assert re.search(r"<tr class=marked><td>LSTM", own)
    assert "14.78" in own


def test_a_table_without_rows_is_a_table_and_ragged_rows_are_refused():
    assert Table(caption="c", columns=["a"], rows=[]).record()["rows"] == []
    with pytest.raises(ShapeError, match=r"row 1: expected 2 cells.*got 1"):
        Table(caption="t", columns=["a", "b"], rows=[["x", 1.0], ["y"]])


def test_the_error_beside_a_forecast_is_its_mean_absolute_error_and_a_gap_breaks_its_line():
    truth = np.array([1.0, 2.0, np.nan, 4.0])
    stretch = Stretch(times=range(4), truth=truth, forecasts={"LSTM": truth + 0.25}, unit="K")
    found = stretch.measured()
    own = static_of(render(page().more(found.arrays, found.numbers)))
    assert "mean abs. error here 0.25 K" in own
    path = re.search(r'class="line truth" d="([^"]*)"', own)[1]
    assert path.count("M") == 2
    assert path.endswith("h0")
    with pytest.raises(ShapeError, match=r"'ridge': expected shape \(n,\) = \(4,\), got \(2,\)"):
        Stretch(times=range(4), truth=truth, forecasts={"ridge": np.zeros(2)})


def test_an_empty_forecast_says_so():
    found = Stretch(times=[], truth=np.array([]), forecasts={}).measured()
    assert "nothing to draw" in static_of(render(page().more(found.arrays, found.numbers)))


def test_events_are_told_with_their_movement_and_outside_the_series_refused():
    own = static_of(render(page()))
    assert "Events in this window: 1." in own
    array = np.full((1, 40, 2), 0.5)
    still = LayerTrace(*[array] * 6, layout="BTH")
    shown = explore(Recording(traces={"l0": still}), None, PageOptions(title="t", ways=False))
    assert "Which gates move" not in static_of(render(shown))
    said = with_events(shown, {0: [(10, "meal")]}).measures["response"]["0/0"]["said"]
    assert said[0].startswith("No quantity moves clearly more")
    with pytest.raises(ShapeError, match=r"'meal': expected a step in 0 … 39 \(T = 40\), got 40"):
        with_events(shown, {0: [(40, "meal")]})
