"""What is said of GRUs and of other cells: the right fault, in words of their own gates."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from tests.inspect.looked_at import CELLS

import glasscell
from glasscell import nn
from glasscell.cells import LSTM
from glasscell.data.problems import adding, echo, recall, sign
from glasscell.inspect import examine
from glasscell.reproduce.solvers import batch, squared_error, train

H = 24
NOT_A_GRUS = (
    "forget gate",
    "forget bias",
    "output gate",
    "input gate",
    "cell state",
    "遗忘门",
    "输出门",
    "细胞状态",
)


class Answers(torch.nn.Module):
    def __init__(self, recurrent):
        super().__init__()
        self.recurrent, self.head = recurrent, torch.nn.Linear(recurrent.hidden_size, 1)

    def forward(self, x):
        return self.head(self.recurrent(x)[0])[..., 0]


def gru(problem, seed, chrono=False):
    torch.manual_seed(seed)
    made = Answers(nn.GRU(problem.inputs, H))
    if chrono:
        with torch.no_grad():
            bias = (1 + torch.rand(H) * 2 * problem.lag).log()
            made.recurrent.bias_ih_l0[H : 2 * H] = bias
            made.recurrent.bias_hh_l0[H : 2 * H] = 0
    return made


def judged(network, problem, seed, lag=None):
    shown = batch(problem, np.random.default_rng([seed, 2]))
    loss = partial(squared_error(problem), y=shown.targets)
    return examine(network, shown.inputs, loss, problem.lag if lag is None else lag)


def both(found):
    return found.said() + found.said("zh")


@pytest.mark.parametrize(
    ("problem", "chrono", "seed"), [(recall(12), False, 0), (recall(12), False, 1),
                                    (sign(40), True, 0)],
)  # fmt: skip
def test_a_gru_that_solves_its_problem_has_no_fault(problem, chrono, seed):
    network = gru(problem, seed, chrono)
    share = train(network, problem, np.random.default_rng([seed, 1]), 700, enough=0.1)
    assert share < 0.1
    found = judged(network, problem, seed)
    assert found.good, str(found)


@pytest.mark.parametrize("seed", range(4))
def test_a_gru_whose_update_gates_are_shut_is_said_to_forget(seed):
    problem = recall(30)
    network = gru(problem, seed)
    with torch.no_grad():
        network.recurrent.bias_ih_l0[H : 2 * H] = -10.0
        network.recurrent.weight_hh_l0 *= 0.1
    found = judged(network, problem, seed)
    assert {"forgets", "vanishing"} <= {*found.kinds}
    said = both(found)
    assert "lose half of their hidden state" in said
    assert "the update gates leave less than a billionth of it" in said
    assert "Raise the update bias to about 3.7" in said
    assert "b_z = ln u" in said
    assert "更新门只留下" in said
    assert not [word for word in NOT_A_GRUS if word in said]


@pytest.mark.parametrize("seed", range(4))
def test_a_gru_whose_update_gates_are_open_is_said_to_write_nothing(seed):
    problem = recall(30)
    network = gru(problem, seed)
    with torch.no_grad():
        network.recurrent.bias_ih_l0[H : 2 * H] = 10.0
    found = judged(network, problem, seed)
    assert "shut" in found.kinds
    said = both(found)
    assert "has its update gates open: in 24 of 24 they stand so near 1" in said
    assert "Lower the update gate bias" in said
    assert "降低更新门的偏置" in said
    assert not [word for word in NOT_A_GRUS if word in said]


def test_a_saturated_gru_is_told_of_its_own_gates():
    torch.manual_seed(0)
    model = nn.GRU(2, H)
    for parameter in model.parameters():
        parameter.data.mul_(1000)
    found = examine(model, torch.randn(40, 8, 2), lambda out: out[0][-1].sum())
    assert "saturated" in found.kinds
    assert "of the values of its reset gates and candidates lie" in found.said()
    assert "重置门和候选值的取值中" in found.said("zh")
    assert not [word for word in NOT_A_GRUS if word in both(found)]


def test_a_gru_with_dead_units_is_told_which_bias_to_look_at():
    torch.manual_seed(0)
    model = nn.GRU(2, H)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            getattr(model, name)[2 * H : 2 * H + H // 2] = 0.0
    found = examine(model, torch.randn(40, 8, 2), lambda out: out[0][-1].sum())
    assert "dead" in found.kinds
    assert "12 of 24" in found.said()
    assert not [word for word in NOT_A_GRUS if word in both(found)]


def test_a_minimal_gru_is_told_to_lower_the_gate_that_keeps_as_it_closes():
    torch.manual_seed(0)
    model = nn.Recurrent(CELLS["minGRU"], 2, H)
    with torch.no_grad():
        model.bias_ih_l0[:H] = 10.0
    found = examine(model, torch.randn(40, 8, 2), lambda out: out[0][-1].sum(), lag=29)
    assert "forgets" in found.kinds
    assert "Lower the update bias to about -3.7" in found.said()
    assert "b_z = -ln u" in found.said()


@pytest.mark.parametrize("name", [n for n in CELLS if n not in ("RNN", "ReLU")])
def test_no_cell_is_told_of_gates_that_it_has_not(name):
    cell = CELLS[name]
    torch.manual_seed(0)
    model = nn.Recurrent(cell, 2, 8)
    said = ""
    for scale in (0.01, 1.0, 300.0):
        one = copy.deepcopy(model)
        for parameter in one.parameters():
            parameter.data.mul_(scale)
        for loss in (lambda out: out[0][-1].sum(), lambda out: out[0].sum()):
            said += both(examine(one, torch.randn(40, 8, 2), loss, lag=30))
            said += glasscell.gradient_flow(one, torch.randn(40, 8, 2), loss).said("zh")
    names = {*cell.gate_names, *cell.state_names}
    words = {"forget": ("forget", "遗忘门"), "input": ("input gate", "输入门"),
             "output": ("output gate", "输出门"), "cell": ("cell state", "细胞状态"),
             "update": ("update gate", "更新门"), "reset": ("reset gate", "重置门")}  # fmt: skip
    said = said.replace("Use an LSTM (forget bias", "").replace("遗忘门偏置", "")
    for gate, forms in words.items():
        if gate not in names:
            assert not [form for form in forms if form in said.replace("forgets", "")], gate
    if {*cell.gate_names} == {*LSTM().gate_names}:
        assert "update gate" not in said


def vanish(layer, chance, lag):
    kept = 10 ** (-chance.uniform(3, 12) / lag)
    layer.bias_ih_l0[H : 2 * H] = float(np.log(kept / (1 - kept)))
    layer.bias_hh_l0[H : 2 * H] = 0
    layer.weight_ih_l0[H : 2 * H] *= 0.1
    layer.weight_hh_l0 *= 0.1


def saturate(layer, chance, lag):
    for parameter in layer.parameters():
        parameter *= 10 ** chance.uniform(1.5, 3.5)


def kill(layer, chance, lag):
    count = int(H * chance.uniform(0.4, 0.9))
    for parameter in layer.parameters():
        parameter[2 * H : 2 * H + count] = 0


def deafen(layer, chance, lag):
    layer.weight_ih_l0 *= 0


def hold(layer, chance, lag):
    layer.bias_ih_l0[H : 2 * H] = float(chance.uniform(9, 14))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        (vanish, {"vanishing", "short", "forgets"}),
        (saturate, {"saturated"}),
        (kill, {"dead"}),
        (deafen, {"ignores"}),
        (hold, {"shut"}),
    ],
)
def test_a_fault_planted_in_a_gru_is_found(plant, kinds, seed):
    problem = (recall(30), sign(40), adding(50), echo(60, 30))[seed]
    network = gru(problem, seed)
    with torch.no_grad():
        plant(network.recurrent, np.random.default_rng([seed, 5]), problem.lag)
    found = judged(network, problem, seed)
    assert kinds & {*found.kinds}, str(found)
    assert not [word for word in NOT_A_GRUS if word in both(found)]
