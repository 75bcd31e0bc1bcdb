"""What is not on a page says why, and the reason is the true one."""

import sys

import numpy as np
import torch

import glasscell
from glasscell.inspect.units.dossier import by_chance, dossier
from glasscell.inspect.verdict.symptoms import symptoms
from glasscell.report.page import seen
from glasscell.report.page.collect import collect
from glasscell.report.views.dossier.data import measure_dossier
from glasscell.traces.layer import LayerTrace
from pages import data_of


def model_and_x(layers=1, hole=False):
    torch.manual_seed(0)
    x = torch.randn(3, 20, 2)
    if hole:
        x[0, 5, 0] = float("nan")
    return torch.nn.LSTM(2, 5, layers, batch_first=True), x


def reasons(shown):
    return shown.measures.get("unmeasured", {}), shown.measures["unworth"]


def test_all_is_measured_of_a_small_model():
    assert reasons(collect(*model_and_x())) == ({}, "")


def test_nobody_asked():
    ways, worth = reasons(collect(*model_and_x(), ways=False))
    assert set(ways.values()) == {"unasked"}
    assert worth == "unasked"


def test_a_hole_is_the_reason_where_it_is_one():
    ways, _ = reasons(collect(*model_and_x(hole=True)))
    assert ways == {"0/0": "finite"}


def test_only_the_first_series_could_be_afforded(monkeypatch):
    monkeypatch.setattr(seen, "FLOPS", 1e5)
    ways, _ = reasons(collect(*model_and_x()))
    assert ways == {"1/0": "first", "2/0": "first"}


def test_a_trace_has_no_weights_and_no_model(tmp_path):
    model, x = model_and_x()
    with glasscell.trace(model) as trace, torch.no_grad():
        model(x)
    page = tmp_path / "page.html"
    page.write_text(trace.to_html(x), encoding="utf-8")
    measures = data_of(page)["measures"]
    assert set(measures["unmeasured"].values()) == {"weights"}
    assert measures["unworth"] == "trace"


def test_cells_are_not_cut():
    class Loop(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.LSTMCell(2, 3)

        def forward(self, x):
            state, seen = None, []
            for step in x.unbind(1):
                state = self.cell(step, state)
                seen.append(state[0])
            return torch.stack(seen, 1)

    assert reasons(collect(Loop(), model_and_x()[1]))[1] == "kind"


def test_too_large_to_cut_is_slow(monkeypatch):
    module = sys.modules["glasscell.report.page.collect"]
    monkeypatch.setattr(module, "ABLATION_FLOPS", 1.0)
    assert reasons(collect(*model_and_x()))[1] == "slow"


def test_memory_over_all_sequences_is_that_of_the_verdict():
    model, x = model_and_x(2)
    with glasscell.trace(model) as trace, torch.no_grad():
        model(x * 4)
    shown = collect(model, x * 4).measures["memory"]
    for place, layer in enumerate(trace.values()):
        assert shown[str(place)]["slow"] == symptoms(layer).memory
        halves = np.sort(shown[str(place)]["half_life"])
        assert halves[int(0.9 * 4)] == symptoms(layer).memory
        assert shown[str(place)]["sequences"] == 3


def test_a_unit_that_follows_nothing_is_within_chance():
    """A random walk beside another one: large correlations that mean nothing."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(8, 200, 2)).cumsum(axis=1)
    follows = x[..., :1] + 0.1 * rng.normal(size=(8, 200, 1))
    alone = rng.normal(size=(8, 200, 30)).cumsum(axis=1)
    hidden = np.concatenate([follows, alone], axis=-1)
    layer = LayerTrace(*[None] * 5, hidden=hidden, layout="BTH", mode="RNN_TANH")
    parts = measure_dossier({"l0": layer}, x).numbers["dossier"]["0"]
    largest = np.abs(np.array(parts["correlation"])).max(axis=1)
    beyond = largest > np.array(parts["chance"])
    assert beyond[0]
    assert beyond[1:].sum() <= 3
    assert np.abs(np.array(parts["correlation"])[1:]).max() > 0.3


def test_chance_knows_where_there_is_nothing_to_compare_with():
    hidden = np.ones((3, 2))
    layer = LayerTrace(*[None] * 5, hidden=hidden, layout="TH", mode="RNN_TANH")
    assert np.isnan(by_chance(layer, np.arange(3.0)[:, None])).all()
    assert np.isnan(dossier(layer, np.arange(3.0)[:, None]).correlation).all()
