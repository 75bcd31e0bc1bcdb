"""A verdict names the cause that was planted, with advice on that part, and says nothing untrue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import glasscell
from glasscell import nn
from glasscell.inspect import examine
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.verdict.judge import judge

UNITS = 16


def last(out: Any) -> torch.Tensor:
    return out[0][-1].sum()


def noise(steps: int = 40) -> torch.Tensor:
    return torch.randn(steps, 8, 3, generator=torch.Generator().manual_seed(3))


def lstm(forget: float = 4.0) -> Any:
    torch.manual_seed(1)
    model = nn.LSTM(3, UNITS)
    model.bias_ih_l0.data[UNITS : 2 * UNITS] = forget
    return model


def shift_register(length: int) -> Any:
    """A plain RNN whose unit k holds the input of k steps ago; nothing is older than `length`."""
    model = nn.RNN(1, length)
    for weight in model.parameters():
        weight.data.zero_()
    model.weight_ih_l0.data[0, 0] = 0.5
    for unit in range(1, length):
        model.weight_hh_l0.data[unit, unit - 1] = 1
    return model


def test_a_gradient_that_stops_is_not_given_a_factor_per_step() -> None:
    found = examine(shift_register(6), noise()[..., :1], last, lag=20)
    assert found.kinds == ("vanishing",)
    kept = glasscell.gradient_flow(shift_register(6), noise()[..., :1], last)["l0"].profile
    assert f"is × {kept[5] / kept[0]:.3g}" in found[0].text()
    assert "at lag 5, falls below 1/10000 at lag 6 and stays there" in found[0].text()
    assert "per step" not in found[0].text()
    assert "在滞后 5 步时仍为起点的" in found[0].text("zh")
    assert examine(shift_register(6), noise()[..., :1], last, lag=5).good


@pytest.mark.parametrize("rate", [0.5, 0.05, 0.011])
def test_a_gradient_that_fades_keeps_its_factor(rate: float) -> None:
    flow = LayerFlow(rate ** np.arange(30.0)[::-1], None, None, mode="RNN_TANH")
    assert f"changes by × {rate:.3g} per step" in judge(flow).summary


class Detached(torch.nn.Module):
    """A cell in a loop whose state is cut from the graph at one step."""

    def __init__(self, cell: torch.nn.Module | None = None, at: int = 30) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.at = at
        self.cell = cell or nn.LSTMCell(3, UNITS)
        if cell is None:
            self.cell.bias_ih.data[UNITS : 2 * UNITS] = 5

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        state: Any = None
        shown = []
        for step, x_t in enumerate(x):
            if step == self.at:
                pair = isinstance(state, tuple)
                state = tuple(part.detach() for part in state) if pair else state.detach()
            state = self.cell(x_t, state)
            shown.append(state[0] if isinstance(state, tuple) else state)
        return (torch.stack(shown),)


def test_a_detach_between_steps_is_no_loop_that_holds() -> None:
    found = examine(Detached(), noise(), last, lag=39)
    assert "is exactly 0 from lag 10 on, cut by a detach" in found[0].text()
    assert "loop" not in found[0].text()
    assert "被步间的 detach 截断" in found[0].text("zh")
    verdict = glasscell.gradient_flow(Detached(), noise(), last).verdict
    assert "look for a detach between the steps" in verdict


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.RNNCell])
def test_a_detach_is_named_before_gates_that_would_not_carry_further(kind: Any) -> None:
    torch.manual_seed(1)
    verdict = glasscell.gradient_flow(Detached(kind(3, UNITS), at=37), noise(), last).verdict
    assert "exactly 0 from lag 3 on and was not small before: look first for a detach" in verdict
    assert "forget bias" not in verdict


def test_relus_that_are_all_off_at_a_step_are_no_detach() -> None:
    torch.manual_seed(1)
    layer, x = nn.RNN(3, UNITS, nonlinearity="relu"), noise()
    layer.weight_ih_l0.data.abs_()
    x[-4] = -1000
    verdict = glasscell.gradient_flow(layer, x, last).verdict
    assert "vanishes after 4 steps" in verdict
    assert "detach" not in verdict


@pytest.mark.parametrize(("gate", "first"), [("input", 0), ("output", 3 * UNITS)])
def test_units_that_a_shut_gate_killed_are_told_of_that_gate(gate: str, first: int) -> None:
    model = lstm()
    model.bias_ih_l0.data[first : first + 6] = -12
    found = examine(model, noise(), last)
    assert found.kinds == ("dead",)
    assert f"Raise the {gate} gate bias of these units (6 of the 6 " in found[0].advice()


def test_units_dead_without_a_shut_gate_are_not_told_of_one() -> None:
    model = lstm()
    for gate in range(4):
        rows = slice(gate * UNITS, gate * UNITS + 8)
        for weight in model.parameters():
            weight.data[rows] = 0
    found = examine(model, noise(), last)
    assert found.kinds == ("dead",)
    assert "these units" not in found[0].advice()


def test_how_far_a_shut_gate_opens_is_said_of_the_shut_units() -> None:
    model = lstm()
    model.bias_ih_l0.data[3 * UNITS : 3 * UNITS + 10] = -12
    found = {one.kind: one for one in examine(model, noise(), last)}
    with glasscell.trace(model) as trace:
        model(noise())
    widest = trace["l0"].output[..., :10].max()
    assert f"it opens by {widest:.2g} at most" in found["shut"].advice()


def test_a_dead_relu_is_not_told_of_its_input_weights() -> None:
    model = nn.RNN(3, UNITS, nonlinearity="relu")
    model.bias_ih_l0.data[:] = -20
    found = examine(model, noise(), last)
    assert found.kinds[:2] == ("ignores", "dead")
    assert "weight_ih" not in str(found)
    assert "A ReLU below 0 for every input" in str(found)


def test_full_cells_are_the_reason_for_no_gradient() -> None:
    model = lstm(8.0)
    model.bias_ih_l0.data[:UNITS] = 6
    model.bias_ih_l0.data[2 * UNITS : 3 * UNITS] = 5
    found = examine(model, noise(), last)
    assert "silent" in found.kinds
    assert "so that the cell cannot only grow" in str(found)
    assert "detach, argmax" not in str(found)


def test_flow_says_that_states_overflow() -> None:
    model = nn.RNN(3, UNITS, nonlinearity="relu")
    model.weight_hh_l0.data = 20 * torch.eye(UNITS)
    model.weight_ih_l0.data.abs_()
    x = noise().abs()
    flow = glasscell.gradient_flow(model, x, last)
    with glasscell.trace(model) as trace:
        model(x)
    step = int(np.argmin(np.isfinite(trace["l0"].hidden).all(axis=(1, 2))))
    assert flow["l0"].breaks_at == step
    assert f"its states are NaN or infinite from t = {step} on" in flow.verdict
    assert "vanishes" not in flow.verdict


def counter() -> tuple[Any, torch.Tensor]:
    """An LSTM set by hand to count the ones in its input, and such an input."""
    model = nn.LSTM(1, 1)
    for weight in model.parameters():
        weight.data.zero_()
    model.weight_ih_l0.data[0, 0] = 20
    model.bias_ih_l0.data[:] = torch.tensor([-10.0, 20.0, 20.0, 20.0])
    return model, (torch.rand(40, 32, 1) < 0.05).float()


def test_a_counter_that_is_right_is_not_called_saturated() -> None:
    model, x = counter()
    target = torch.tanh(x.sum(0))
    found = examine(model, x, lambda out: (out[0][-1] - target).square().mean(), lag=39)
    assert found.good
    assert "arrives" in str(found)


def test_a_counter_whose_answers_are_not_known_to_be_right_is_called_saturated() -> None:
    model, x = counter()
    assert examine(model, x, last, lag=39).kinds == ("saturated",)


def test_a_loss_of_0_is_no_missing_gradient() -> None:
    model = shift_register(4)
    x = noise()[..., :1]
    target = model(x)[0][-1].detach()
    found = examine(model, x, lambda out: (out[0][-1] - target).square().sum(), lag=3)
    assert found.good
    assert "because the loss is 0, its least value" in str(found)
    constant = examine(model, x, lambda out: 0 * out[0][-1].sum(), lag=3)
    assert constant.kinds == ("silent",)


def test_numbers_of_a_verdict_are_those_of_its_sentence() -> None:
    model = lstm(1.0)
    flow = glasscell.gradient_flow(model, noise(), lambda out: out[0].mean(0).square().sum())
    verdict = judge(flow["l0"])
    assert verdict.kind == "healthy"
    assert f"becomes × {verdict.change:.3g} (" in verdict.summary


def test_lag_0_is_not_called_a_run_of_one_step() -> None:
    found = examine(lstm(), noise(), last, lag=0)
    assert found.good
    assert "was judged over lag 0" in str(found)
    assert "one step" not in str(found)
    assert "ran for one step" in str(examine(lstm(), noise(1), last))
