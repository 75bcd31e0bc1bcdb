"""Live modules, loops over cells and saved models of GRUs and of cells of the user's own."""

import numpy as np
import pytest
import torch
from tests.inspect.looked_at import CELLS

import glasscell
from glasscell import nn
from glasscell.inspect import examine, model_influence
from glasscell.inspect.subjects import subject_of

STEPS, BATCH = 12, 3


class Loop(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.step = torch.nn.GRUCell(2, 4)

    def forward(self, x):
        h, out = torch.zeros(x.shape[1], 4, dtype=x.dtype), []
        for row in x:
            h = self.step(row, h)
            out.append(h)
        return torch.stack(out)


def gru_of(loop):
    layer = torch.nn.GRU(2, 4).double()
    with torch.no_grad():
        for name, parameter in loop.step.named_parameters():
            getattr(layer, f"{name}_l0").copy_(parameter)
    return layer


def test_a_loop_over_a_gru_cell_flows_as_the_layer_does():
    torch.manual_seed(0)
    loop, x = Loop().double(), torch.randn(STEPS, BATCH, 2).double()
    layer = gru_of(loop)
    whole = glasscell.gradient_flow(layer, x, lambda out: out[0][-1].sum())["l0"]
    single = glasscell.gradient_flow(loop, x, lambda out: out[-1].sum())["step"]
    np.testing.assert_allclose(single.hidden, whole.hidden, rtol=1e-12)
    np.testing.assert_allclose(single.half_life, whole.half_life, rtol=1e-12)
    assert examine(loop, x, lambda out: out[-1].sum(), lag=5).kinds == examine(
        layer, x, lambda out: out[0][-1].sum(), lag=5
    ).kinds  # fmt: skip


@pytest.mark.parametrize("name", ["GRU", "leaky", "minGRU", "odd", "sLSTM", "normed GRU"])
def test_a_folder_is_judged_as_the_module_that_it_came_from(name, tmp_path):
    torch.manual_seed(0)
    model = nn.Recurrent(CELLS[name], 2, 4, batch_first=True).double().eval()
    x = torch.randn(BATCH, STEPS, 2).double()
    glasscell.save(model, tmp_path / "model")
    live = examine(model, x, lambda out: out[0][:, -1].sum(), lag=8)
    saved = examine(tmp_path / "model", x.numpy(), lag=8)
    assert saved.said() == live.said()
    assert subject_of(tmp_path / "model").weights.keys() == subject_of(model).weights.keys()


@pytest.mark.parametrize("name", ["GRU", "leaky", "IndRNN", "sLSTM", "normed LSTM"])
def test_influence_through_a_model_is_that_of_its_only_layer(name, tmp_path):
    torch.manual_seed(0)
    model = nn.Recurrent(CELLS[name], 2, 4).double().eval()
    x = torch.randn(STEPS, 2).double()
    with glasscell.trace(model) as trace:
        model(x)
    weights = glasscell.inspect.layer_weights(model, "l0")
    alone = glasscell.inspect.influence(trace["l0"], weights)
    # Of one of the states at a step nothing else is read.
    np.testing.assert_allclose(model_influence(model, x), alone, rtol=1e-7, atol=1e-7)
    glasscell.save(model, tmp_path / "model")
    np.testing.assert_allclose(model_influence(tmp_path / "model", x.numpy()), alone, atol=1e-7)


def test_several_layers_of_torchs_gru_are_found_and_named():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.GRU(3, 4, 2, bidirectional=True))
    flow = glasscell.gradient_flow(model, torch.randn(STEPS, BATCH, 2), lambda out: out[0].sum())
    assert list(flow) == ["1.l0", "1.l0_reverse", "1.l1", "1.l1_reverse"]
    assert type(model[1]) is torch.nn.GRU
    assert list(subject_of(model).units) == list(flow)


def test_nothing_of_a_gru_is_changed_by_looking_at_it():
    torch.manual_seed(0)
    model, x = torch.nn.GRU(2, 4), torch.randn(STEPS, BATCH, 2)
    before = {name: one.clone() for name, one in model.state_dict().items()}
    examine(model, x, lambda out: out[0][-1].sum())
    glasscell.inspect.ablation(model, x)
    glasscell.inspect.truncation(model, x)
    for name, one in model.state_dict().items():
        assert torch.equal(one, before[name])
    assert all(parameter.grad is None for parameter in model.parameters())
