"""Findings name what was done to a network, and nothing else, with the number that they rest on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

import glasscell
from glasscell import nn
from glasscell.cells import Textbook
from glasscell.inspect import KINDS, Finding, diagnose, examine, layer_weights
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.verdict.findings import DEAD, MEMORY, ORDER, STUCK, faults
from glasscell.inspect.verdict.sentences import SENTENCES, Phrase, Term
from glasscell.inspect.verdict.symptoms import symptoms
from glasscell.traces.layer import LayerTrace


def last(out: Any) -> torch.Tensor:
    return out[0][-1].square().sum()


def remembering(kind: str = "LSTM") -> torch.nn.Module:
    """A network that carries gradients over 40 steps."""
    if kind == "LSTM":
        model: Any = nn.LSTM(2, 12)
        book = Textbook(model, "l0")
        book.b_f, book.b_i = np.full(12, 4.0, np.float32), np.full(12, -2.0, np.float32)
        return model
    model = nn.RNN(2, 12, nonlinearity=kind)
    torch.nn.init.orthogonal_(model.weight_hh_l0)
    return model


def found_in(model: Any, scale: float = 1.0, lag: int | None = None) -> Any:
    return examine(model, scale * torch.randn(40, 6, 2), last, lag)


@pytest.mark.parametrize("kind", ["LSTM", "tanh"])
def test_a_network_that_remembers_has_no_fault(kind: str) -> None:
    found = found_in(remembering(kind))
    assert (found.good, found.kinds, [one.kind for one in found]) == (True, (), ["healthy"])
    assert found[0].advice() == ""
    assert "arrives: over 39 lags" in str(found)


@pytest.mark.parametrize("kind", ["LSTM", "tanh"])
def test_inputs_that_nobody_scaled_are_found_as_saturation(kind: str) -> None:
    found = found_in(remembering(kind), scale=1e5)
    assert found[0].kind == "saturated"
    assert found[0].value > 0.9
    assert found.kinds[1:] == (("forgets", "vanishing") if kind == "LSTM" else ("vanishing",))
    assert f"is saturated: {found[0].value:.0%} of the values" in found[0].text()
    assert "Scale the inputs to mean 0" in found[0].advice()


@pytest.mark.parametrize("kind", ["LSTM", "tanh", "relu"])
def test_units_that_never_change_are_counted(kind: str) -> None:
    model: Any = remembering(kind)
    rows = slice(36, 46) if kind == "LSTM" else slice(0, 10)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_hh_l0"):
            getattr(model, name)[rows] = 0
        model.bias_ih_l0[rows] = 0.5 if kind == "tanh" else -50
        if kind == "relu":
            model.bias_ih_l0[10:] = 1
            model.weight_hh_l0[10:, 10:] = torch.eye(2) * 0.9
    dead = next(one for one in found_in(model) if one.kind == "dead")
    assert dead.value == pytest.approx(10 / 12)
    assert "the output of 10 of 12 (83%) never changes" in dead.text()
    assert "12 个单元中有 10 个（83%）" in dead.text("zh")
    assert dead.evidence == "wall"


def test_closed_forget_gates_are_found_before_the_vanishing_that_they_cause() -> None:
    model: Any = remembering()
    Textbook(model, "l0").b_f = np.full(12, -1.0, np.float32)
    found = found_in(model)
    assert found.kinds == ("forgets", "vanishing")
    assert found[0].value == pytest.approx(np.log(0.5) / np.log(1 / (1 + np.e)), rel=0.2)
    assert "forgets too early: nine units in ten" in found[0].text()
    assert "Raise the forget bias to about 4" in found[0].advice()
    assert found_in(model, lag=1).good


def test_what_depends_on_a_lag_that_nobody_told_is_named_under_that_condition() -> None:
    model: Any = remembering()
    Textbook(model, "l0").b_f = np.full(12, -1.0, np.float32)
    blind, told = found_in(model), found_in(model, lag=39)
    assert blind.kinds == told.kinds == ("forgets", "vanishing")
    assert (blind.good, told.good) == (True, False)
    assert [one.assumed for one in (*blind, *told)] == [True, True, False, False]
    assert blind.said().startswith("If the task needs all the steps there are (say how many")
    assert "lag=" not in told.said()
    assert "若任务需要全部时间步" in blind.said("zh")
    # What is wrong whatever the task is comes first, and without a condition.
    explodes: Any = nn.LSTM(2, 32)
    torch.nn.init.normal_(explodes.weight_hh_l0, std=4)
    assert not found_in(explodes).good


@pytest.mark.parametrize(
    ("left", "english", "chinese"),
    [
        (np.log10(0.037), "leave 4 % of it", "只留下 4 %"),
        (-6.3, "leave 1 part in 10⁶ of it", "只留下 10⁻⁶"),
        (-1336.0, "leave less than a billionth of it", "只留下不到十亿分之一"),
        (-np.inf, "leave nothing of it", "只留下 0"),
    ],
)
def test_what_forget_gates_leave_is_said_in_plain_numbers(
    left: float, english: str, chinese: str
) -> None:
    words = {"state": Term("cell", state=True), "keeps": Term("forget")}
    values = {"memory": 1.0, "lag": 40, "left": left, **words}
    assert Phrase("forgets", values).say().endswith(english)
    assert "within 1 step," in Phrase("forgets", values).say()
    assert Phrase("forgets", values).say("zh").endswith(chinese)


def test_advice_for_several_layers_is_given_once() -> None:
    found = examine(nn.LSTM(2, 8, 2), torch.randn(90, 3, 2), last)
    assert found.said().count("Raise the forget bias") == 1
    assert "For l0, l1: " in found.said()
    assert "对于 l0, l1：" in found.said("zh")


def test_a_layer_without_gradient_is_told_what_else_it_does_too() -> None:
    found = examine(nn.LSTM(2, 8), torch.randn(90, 3, 2), lambda out: 0 * last(out))
    assert found.kinds == ("silent", "forgets")
    assert [one.assumed for one in found] == [False, True]


def test_nan_in_the_data_is_named_before_anything_is_measured() -> None:
    x = torch.randn(20, 3, 2)
    x[4, 1, 0] = np.nan
    assert examine(nn.LSTM(2, 8), x, last).kinds == ("not finite",)


def test_what_explodes_beyond_the_lag_of_the_task_explodes_all_the_same() -> None:
    model: Any = nn.LSTM(2, 32)
    torch.nn.init.normal_(model.weight_hh_l0, std=4)
    found = found_in(model, lag=2)
    assert found.kinds == ("exploding",)
    assert "over 39 lags" in found[0].text() or "overflows at lag" in found[0].text()


def test_exploding_hides_what_forget_gates_do() -> None:
    model: Any = nn.LSTM(2, 32)
    torch.nn.init.normal_(model.weight_hh_l0, std=4)
    found = found_in(model)
    assert found.kinds == ("exploding",)
    assert found[0].value > 100
    assert "梯度爆炸" in found[0].text("zh")


def test_flow_and_trace_are_enough_without_a_model() -> None:
    model, x = nn.LSTM(2, 8), torch.randn(60, 3, 2)
    with glasscell.trace(model) as trace:
        model(x)
    flow = glasscell.gradient_flow(model, x, last)
    weights = {"l0": layer_weights(model, "l0")}
    apart, at_once = diagnose(flow, trace, weights=weights), examine(model, x, last)
    assert apart.as_json() == at_once.as_json()
    assert len(apart[:1]) == 1
    assert diagnose(flow, trace).kinds == at_once.kinds


def test_symptoms_are_what_the_gates_say() -> None:
    chance = np.random.default_rng(0)
    gates = {name: chance.random((9, 3, 10)) for name in ("forget", "input", "output")}
    gates["input"][:, :, :4] = 0.01
    bounded = chance.uniform(-0.9, 0.9, (9, 3, 10))
    hidden = chance.normal(size=(9, 3, 10))
    hidden[..., 7:] = 0.3
    lengths = np.array([9, 2, 5])
    trace = LayerTrace(**gates, candidate=bounded, cell=hidden, hidden=hidden, lengths=lengths)
    alive = np.arange(9)[:, None] < lengths
    o = gates["output"][alive]
    i = gates["input"][alive]
    flat = [4 * i * (1 - i) < 0.06, 4 * o * (1 - o) < 0.06, np.zeros(o.shape, bool)]
    seen = symptoms(trace)
    assert seen.stuck == pytest.approx(np.mean(flat))
    assert seen.dead == pytest.approx(0.3)
    steps = np.sort(np.log(0.5) / np.log(gates["forget"][alive]).mean(axis=0))
    assert seen.memory == pytest.approx(steps[8])
    assert seen.median == pytest.approx(steps[4])


def test_relu_units_at_zero_are_a_fault_only_where_there_are_many() -> None:
    hidden = np.abs(np.random.default_rng(0).normal(size=(20, 3, 10)))
    flow = LayerFlow(np.ones(20), None, None, mode="RNN_RELU")
    kinds = []
    for dead in (5, 6):
        hidden[..., :dead] = 0
        trace = LayerTrace(*[None] * 5, hidden=hidden, mode="RNN_RELU")
        kinds.append([one.kind for one in faults(flow, trace)])
    assert kinds == [["healthy"], ["dead"]]


def test_a_page_gets_plain_values_in_two_languages() -> None:
    found = examine(nn.LSTM(2, 8), torch.randn(90, 3, 2), last)
    plain = json.loads(json.dumps(found.as_json(), allow_nan=False))
    for one in plain:
        assert set(one) == {
            *("layer", "kind", "name", "good", "assumed", "text", "advice", "evidence")
        }
        assert one["name"] == list(KINDS[one["kind"]])
        english, chinese = one["text"]
        assert english.endswith(".")
        assert chinese.endswith("。")
        assert "遗忘门" in chinese + one["advice"][1]
        assert not any("一" <= letter <= "鿿" for letter in english)


def test_every_kind_has_a_place_a_name_and_its_sentences() -> None:
    assert set(ORDER) == set(KINDS)
    assert {*ORDER} - {"shut"} <= {*SENTENCES}
    assert {"shut.written", "shut.shown"} <= {*SENTENCES}
    blank = Finding(layer="l0", kind="healthy", value=None, sentences=())
    assert blank.good
    assert 0 < MEMORY < 1
    assert 0 < STUCK < 1
    assert set(DEAD) == {"LSTM", "RNN_TANH", "RNN_RELU"}


def test_one_step_of_one_sequence_shows_no_unit_to_be_dead() -> None:
    found = examine(nn.RNN(1, 2, bidirectional=True), torch.randn(1, 1, 1), last)
    assert "dead" not in found.kinds
