"""Pages of a GRU and of a reader's own cell: what is there without script, and what is packed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glasscell.cells import GRU, LSTM
from glasscell.inspect.units.cell_numbers import cell_numbers
from glasscell.report.draw.recurrence import look
from glasscell.report.page import pack, render, without_script
from glasscell.report.page.exploration import quantities
from glasscell.report.views.cell import static
from own_cells import OWN
from report.page.made_cells import Exponential, Leaky, bare_page, layer, page

CELLS = [GRU(), Leaky(), Exponential(), LSTM(peephole=True), LSTM(layer_norm=True), *OWN]


def number(text):
    return float(text.replace("−", "-").replace("–", "nan").replace("∞", "inf"))


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_every_quantity_is_packed_and_shown_without_script(cell):
    shown = bare_page(cell)
    data, _ = pack.pack(shown, {}, "en")
    trace = shown.series[0].traces[0]
    [own] = data["cells"]
    assert own["names"] == [*quantities(trace)]
    assert data["layers"][0]["cell"] == 0
    assert {f"0/0/{name}" for name in own["names"]} <= set(data["arrays"])
    html = without_script.build(shown, "en")
    start = shown.start
    for name in own["names"]:
        text = re.search(rf'data-q="{name}">([^<]*)<', html)[1]
        expected = trace.quantity(name)[start["t"], start["unit"]]
        assert number(text) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_the_numbers_of_a_unit_are_those_of_its_trace_and_its_equations(cell):
    shown = bare_page(cell)
    numbers = static.numbers(shown)
    trace, how = shown.series[0].traces[0], look(cell)
    for name in how.names:
        expected = trace.quantity(name)[numbers.step, numbers.unit]
        assert numbers.computed[how.values[name]] == pytest.approx(expected, abs=1e-6)
    for terms in numbers.sums:
        assert terms.weights @ terms.read + terms.bias == pytest.approx(terms.total)
    html = static.build(shown, "en")
    for name in how.equations:
        result = re.findall(rf'<b class="{how.colours.get(name, "soft")}">([^<]*)</b>', html)
        assert fixed(numbers.computed[how.values[name]]) in result, name
    assert html.count('class="eq"') == len(how.equations)
    assert "{" not in re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL)


def fixed(value):
    from glasscell.report.draw.markup import fixed

    return fixed(value)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_drawing_of_a_gru_has_a_number_on_every_wire(lang):
    numbers = static.numbers(bare_page(GRU()))
    wires = static.wires(numbers)
    for drawing in static.drawing(numbers, lang).split("</svg>")[:2]:
        shown = dict(re.findall(r'data-value="([\w ]+)">([^<]*)<', drawing))
        for name, value in wires.items():
            if name in shown:
                assert number(shown[name]) == pytest.approx(value, abs=6e-4)
        assert {"update", "rest", "kept", "seen", "candidate", "written", "hidden"} <= set(shown)
    assert wires["kept"] + wires["written"] == pytest.approx(wires["hidden"], abs=1e-6)


def test_sums_whose_parts_are_used_apart_have_their_own_biases():
    trace, weights, x = layer(GRU())
    numbers = cell_numbers(weights, trace, x, unit=2, step=9)
    by = dict(zip(GRU().program.sums, numbers.sums, strict=True))
    reads_x, reads_h = by["n", "x"], by["n", "h"]
    assert reads_x.bias == weights.bias_ih[2 * 6 + 2]
    assert reads_h.bias == weights.bias_hh[2 * 6 + 2]
    n = np.tanh(reads_x.total + numbers.reset * reads_h.total)
    assert n == pytest.approx(numbers.candidate, abs=1e-6)


def test_a_page_without_a_forget_gate_does_not_speak_of_one():
    html = render(page(GRU(), ways=False))
    static_part = html.split('<div id="static">')[1].split('<div id="console"')[0]
    assert "forget gate" not in static_part
    assert "update gate" in static_part


def test_a_page_of_two_cells_packs_each_once():
    shown = bare_page(GRU())
    both = type(shown)(
        title="t",
        layers=[*shown.layers, *bare_page(Leaky()).layers, *shown.layers],
        series=[
            type(shown.series[0])(
                name="s",
                traces=[
                    shown.series[0].traces[0],
                    bare_page(Leaky()).series[0].traces[0],
                    shown.series[0].traces[0],
                ],
            )
        ],
    )
    data, _ = pack.pack(both, {}, "en")
    assert [cell["name"] for cell in data["cells"]] == ["GRU", "Leaky"]
    assert [one["cell"] for one in data["layers"]] == [0, 1, 0]
