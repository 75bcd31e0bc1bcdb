"""The schematic and the equations show exactly the numbers that they were given."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from glasscell.report import cell_numbers, equations, schematic
from glasscell.report.schematic_layout import NARROW, WIDE


@pytest.fixture
def numbers(make_lstm):
    weights, x, trace = make_lstm(12, 5)
    return cell_numbers(weights, trace, x, unit=2, step=7, input_names=("sugar", "<dose>"))


def number(text):
    return float(text.replace("−", "-").strip("()"))


def test_each_wire_of_both_drawings_shows_its_number(numbers):
    svg = schematic.build(numbers, "en")
    expected = schematic.values(numbers)
    for drawing in svg.split("</svg>")[:2]:
        shown = dict(re.findall(r'data-w="(\w+)">([^<]*)<', drawing))
        shown.pop("x")
        assert set(shown) == set(expected)
        for wire, text in shown.items():
            assert number(text) == pytest.approx(expected[wire], abs=0.5e-3)


def test_the_boxes_show_the_pre_activations(numbers):
    svg = schematic.build(numbers, "en").split("</svg>")[0]
    shown = re.findall(r">(?:σ|tanh)\(([^)]*)\)<", svg)
    gates = ("forget", "input", "candidate", "output")
    for text, gate in zip(shown, gates, strict=True):
        assert number(text) == pytest.approx(numbers.pre_activations[gate], abs=0.5e-2)


def test_thick_wires_carry_large_values():
    assert schematic.stroke(0.0) < schematic.stroke(-0.5) < schematic.stroke(1.0)
    assert schematic.stroke(1.0) == schematic.stroke(-9.0)
    assert schematic.stroke(np.nan) == schematic.stroke(0.0)


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_boxes_stand_apart_and_inside_the_frame(layout):
    edges = [(x - w / 2, x + w / 2) for x, w in zip(layout.columns, layout.widths, strict=True)]
    for (_, right), (left, _) in pairwise(edges):
        assert right + 6 <= left
    assert layout.body[0] < edges[0][0]
    assert edges[-1][1] < layout.leave < layout.body[2]


def test_the_terms_of_a_gate_add_up_to_its_pre_activation(numbers):
    html = equations.build(numbers, "en")
    sums = re.findall(
        r'<p class="sum">= (?:σ|tanh)\( (.*?) \)</p><p class="sum">= \S+?\(([^)]*)\)', html
    )
    assert len(sums) == 4
    for terms, total in sums:
        added = 0.0
        for lead, text in re.findall(r'>([−+]? ?)<span class="term">([^<]*)<small>', terms):
            factors = [number(part) for part in text.split("·")]
            added += np.prod(factors) * (-1 if lead.startswith("−") else 1)
        assert added == pytest.approx(number(total), abs=6e-3)


def test_the_results_of_all_equations_are_shown(numbers):
    html = equations.build(numbers, "en")
    for name in ("forget", "input", "candidate", "output", "cell", "hidden"):
        shown = re.search(rf'<b class="{name}">([^<]*)</b>', html)[1]
        assert number(shown) == pytest.approx(getattr(numbers, name), abs=0.5e-3)


def test_every_weight_of_the_unit_is_in_the_table_of_terms(numbers):
    html = equations.build(numbers, "en")
    rows = re.findall(r"<tr><th scope=row>(.*?)</th>(.*?)</tr>", html)
    assert len(rows) == 5 + 2 + 1
    assert rows[5][0] == "sugar"
    assert rows[6][0] == "&lt;dose&gt;"
    for k, (_, cells) in enumerate(rows[:-1]):
        shown = [number(text) for text in re.findall(r"<td>([^<]*)</td>", cells)]
        expected = [numbers.weights[g][k] for g in ("forget", "input", "candidate", "output")]
        np.testing.assert_allclose(shown[1:], expected, atol=0.5e-3)
