"""Gradients through GRUs and other cells: against torch's own derivatives of a plain loop."""

import numpy as np
import pytest
import torch
from tests.inspect.looked_at import CELLS

import glasscell
from glasscell import nn
from glasscell.cells.evaluate import evaluate

T, B, INPUTS, H = 12, 2, 3, 4

TORCH = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div,
    "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp, "sqrt": torch.sqrt,
    "log_sigmoid": torch.nn.functional.logsigmoid, "abs": torch.abs,
    "max": lambda a, b: torch.where(a > b, a, b), "min": lambda a, b: torch.where(a < b, a, b),
    "where_positive": lambda a, b: torch.where(a > 0, b, torch.zeros_like(b)),
    "mean": lambda *rows: torch.stack(rows).mean((0, -1))[..., None].expand_as(rows[0]),
}  # fmt: skip


def layer_of(cell, seed=0):
    torch.manual_seed(seed)
    return nn.Recurrent(cell, INPUTS, H).double().eval()


def loop(layer, x):
    """States of every step, each a leaf of what follows it: (T, states, B, H)."""
    cell, names, vectors = layer.cell, list(layer.cell.gates), layer.cell.program.vectors
    get = {name: getattr(layer, f"{name}_l0", None) for name in ("weight_ih", "weight_hh")}
    b_x, b_h = (getattr(layer, f"{name}_l0", None) for name in ("bias_ih", "bias_hh"))
    states = [torch.full((B, H), cell.initial.get(k, 0.0)).double() for k in cell.states]
    steps = []
    for row in x:
        wx = row @ get["weight_ih"].T + b_x
        uh = 0 if get["weight_hh"] is None else states[0] @ get["weight_hh"].T + b_h
        sums = []
        for one in cell.program.sums:
            rows = slice(names.index(one.gate) * H, (names.index(one.gate) + 1) * H)
            total = wx[:, rows] if "x" in one.reads else 0
            sums.append(total + (uh[:, rows] if "h" in one.reads else 0))
        own = [getattr(layer, f"{name}_l0").expand(B, H) for name in vectors]
        values = evaluate(
            cell.evaluation.operations, [*sums, *states, *own], TORCH,
            lambda value, like: torch.full_like(like, value),
        )  # fmt: skip
        states = [values[k] for k in cell.evaluation.outputs]
        for state in states:
            state.retain_grad()
        steps.append(states)
    return steps


@pytest.mark.parametrize("name", CELLS)
def test_norms_at_every_step_are_those_of_torch(name):
    layer, x = layer_of(CELLS[name]), torch.randn(T, B, INPUTS).double()
    read = torch.randn(T, B, H).double() * (torch.arange(T) >= T - 2)[:, None, None]
    flow = glasscell.gradient_flow(layer, x, lambda out: (out[0] * read).sum())["l0"]
    steps = loop(layer, x)
    (torch.stack([states[0] for states in steps]) * read).sum().backward()
    grads = [[s.grad for s in states] for states in steps]
    hidden = [float(states[0].norm()) for states in grads]
    np.testing.assert_allclose(flow.hidden, hidden, rtol=1e-9)
    if flow.cell is not None:
        place = 1
        np.testing.assert_allclose(flow.cell, [float(s[place].norm()) for s in grads], rtol=1e-9)


def test_belt_of_a_gru_is_the_product_of_its_update_gates():
    torch.manual_seed(0)
    layer, x = torch.nn.GRU(INPUTS, H).double(), torch.randn(T, B, INPUTS).double()
    read = torch.randn(B, H).double()
    flow = glasscell.gradient_flow(layer, x, lambda out: (out[0][-1] * read).sum())["l0"]
    with glasscell.trace(layer) as trace:
        layer(x)
    update = trace["l0"].update
    belt, wanted = read.numpy(), []
    for t in range(T - 1, -1, -1):
        wanted.append(np.linalg.norm(belt))
        belt = belt * update[t]
    np.testing.assert_allclose(flow.cell_path[::-1], wanted, rtol=1e-12)
    assert flow.cell is None
    assert flow.symbol == "|dL/dh_t|"
    np.testing.assert_array_equal(flow.stored, flow.hidden)
    lives = np.log(0.5) / np.log(update).mean((0, 1))
    np.testing.assert_allclose(flow.half_life, lives, rtol=1e-12)


@pytest.mark.parametrize("name", ["GRU", "leaky", "minGRU", "peephole", "coupled"])
def test_a_saved_model_flows_as_the_live_one(name, tmp_path):
    layer = layer_of(CELLS[name])
    layer.batch_first = True
    x = torch.randn(B, T, INPUTS).double()
    glasscell.save(layer, tmp_path / "saved")
    saved = glasscell.gradient_flow(tmp_path / "saved", x.numpy())["l0"]
    live = glasscell.gradient_flow(layer, x, lambda out: out[0][:, -1].sum())["l0"]
    np.testing.assert_allclose(saved.hidden, live.hidden, rtol=1e-12)
    np.testing.assert_allclose(saved.half_life, live.half_life, rtol=1e-12)
    np.testing.assert_allclose(saved.cell_path, live.cell_path, rtol=1e-12)


@pytest.mark.parametrize("name", ["GRU", "LSTM", "leaky", "odd", "minGRU"])
def test_a_window_over_all_steps_loses_nothing_and_a_folder_says_the_same(name, tmp_path):
    layer, x = layer_of(CELLS[name]), torch.randn(T, B, INPUTS).double()
    live = glasscell.inspect.truncation(layer, x, lambda out: out[0][-1].sum())
    assert live.cosine[-1] == pytest.approx(1)
    glasscell.save(layer, tmp_path / "saved")
    saved = glasscell.inspect.truncation(tmp_path / "saved", x.numpy())
    np.testing.assert_allclose(saved.cosine, live.cosine, rtol=1e-9)


@pytest.mark.parametrize("name", ["GRU", "leaky", "minGRU", "peephole", "sLSTM", "no forget gate"])
def test_a_unit_held_at_0_is_gone_for_every_later_step(name, tmp_path):
    layer, x = layer_of(CELLS[name]), torch.randn(T, B, INPUTS).double()

    def puts_out(out):
        return out[0][..., 1].abs().sum()

    def puts_out_too(out):
        return float(np.abs(out[..., 1]).sum()), np.zeros_like(out)

    whole = float(puts_out(layer(x)).detach())
    worth = glasscell.inspect.ablation(layer, x, puts_out)["l0"]
    assert whole > 0
    assert worth[1] == -whole
    assert (worth[[0, 2, 3]] != -whole).all()
    glasscell.save(layer, tmp_path / "saved")
    saved = glasscell.inspect.ablation(tmp_path / "saved", x.numpy(), puts_out_too)["l0"]
    np.testing.assert_allclose(saved, worth, rtol=1e-9)


@pytest.mark.parametrize("name", CELLS)
def test_what_the_last_step_alone_sends_back_is_a_flow_of_its_own(name):
    layer, x = layer_of(CELLS[name]), torch.randn(T, B, INPUTS).double()
    read = torch.randn(T, B, H).double()
    whole = glasscell.gradient_flow(layer, x, lambda out: (out[0] * read).sum())["l0"]
    alone = glasscell.gradient_flow(layer, x, lambda out: (out[0] * read)[-1].sum())["l0"]
    np.testing.assert_allclose(whole.last_step_by_lag, alone.by_lag, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("side", ["l0", "l0_reverse"])
def test_flows_of_ragged_batches_are_those_of_their_sequences(name, side):
    torch.manual_seed(0)
    layer = nn.Recurrent(CELLS[name], INPUTS, H, bidirectional=True).double().eval()
    x, lengths = torch.randn(T, 3, INPUTS).double(), torch.tensor([T, 4, 7])

    def loss(out):
        return out[0].pow(2).sum()

    whole = glasscell.gradient_flow(layer, x, loss, lengths=lengths)[side]
    for field in ("hidden", "cell", "cell_path"):
        total = np.zeros(T)
        for row, steps in enumerate(lengths.tolist()):
            alone = getattr(glasscell.gradient_flow(layer, x[:steps, row], loss)[side], field)
            total[:steps] += 0 if alone is None else alone**2
        if getattr(whole, field) is not None:
            np.testing.assert_allclose(getattr(whole, field) ** 2, total, rtol=1e-8, atol=1e-20)
