"""Verdicts name what was done to a network, with its numbers, and never look at eigenvalues."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import glasscell
from glasscell.inspect import diagnose, examine
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.verdict.advice import remember
from glasscell.inspect.verdict.judge import judge


def last(out: Any) -> torch.Tensor:
    return out[0][-1].sum()


def fill(module: torch.nn.Module, **values: Any) -> None:
    for name, value in values.items():
        parameter = getattr(module, f"{name}_l0")
        parameter.data.copy_(torch.as_tensor(value, dtype=parameter.dtype).expand_as(parameter))


def linear_rnn(factor: float) -> torch.nn.RNN:
    """At h = 0 each step multiplies the gradient by `factor`."""
    model = torch.nn.RNN(1, 2, bias=False, dtype=torch.float64)
    fill(model, weight_ih=0.0, weight_hh=torch.eye(2) * factor)
    return model


def flow_of(model: torch.nn.Module, steps: int, loss: Any = last) -> LayerFlow:
    x = torch.zeros(steps, 1, 1, dtype=torch.float64)
    return glasscell.gradient_flow(model, x, loss)["l0"]


@pytest.mark.parametrize("factor", [0.9, 0.7, 0.5, 0.2, 0.01])
def test_small_weights_vanish_at_the_lag_that_their_size_says(factor: float) -> None:
    verdict = flow_of(linear_rnn(factor), 120).judge()
    assert verdict.kind == "vanishing"
    assert verdict.rate == pytest.approx(factor)
    expected = math.log(1e-4) / math.log(factor)
    assert verdict.reach in (math.ceil(expected), math.floor(expected) + 1)
    assert f"vanishes after {verdict.reach} steps" in verdict.summary


def test_a_radius_of_zero_does_not_keep_a_network_from_exploding() -> None:
    """W is nilpotent; at the fixed point (0, 0.5) the Jacobian has the eigenvalue 2."""
    W = np.array([[8.0, 8.0], [-8.0, -8.0]])
    np.testing.assert_array_equal(W @ W, 0)
    model = torch.nn.RNN(1, 2, dtype=torch.float64)
    bias = np.array([-4.0, np.arctanh(0.5) + 4.0])
    fill(model, weight_ih=0.0, weight_hh=W, bias_ih=bias, bias_hh=0.0)
    h0 = torch.tensor([[[0.0, 0.5]]], dtype=torch.float64)
    x = torch.zeros(10, 1, 1, dtype=torch.float64)
    flow = glasscell.gradient_flow(model, (x, h0), lambda out: out[0][-1, 0, 0])
    verdict = flow["l0"].judge()
    assert verdict.kind == "exploding"
    assert verdict.rate == pytest.approx(2, rel=0.2)
    assert "explodes by × 2.2 per step" in flow.verdict
    assert "eigenvalues of weight_hh tell nothing" in flow.verdict


def test_growth_that_leaves_the_number_format_is_an_explosion() -> None:
    model = torch.nn.RNN(1, 2, bias=False)
    fill(model, weight_ih=0.0, weight_hh=torch.eye(2) * 4)
    flow = glasscell.gradient_flow(model, torch.zeros(80, 1, 1), last)["l0"]
    verdict = flow.judge()
    assert verdict.kind == "exploding"
    assert verdict.rate == pytest.approx(4)
    assert "overflows at lag 64" in verdict.summary


@pytest.mark.parametrize("tail", [0.5, 1.0, 2.0])
def test_growth_is_said_with_a_factor_above_1_whatever_follows_it(tail: float) -> None:
    """Up a million times in one step, and down again: a line through all of it would fall."""
    falling = 1e6 * tail ** np.arange(-1.0, 40.0)
    profile = np.concatenate([[1.0], falling / falling.max() * 1e6])
    verdict = judge(LayerFlow(profile[::-1], None, None, mode="RNN_TANH"))
    assert (verdict.kind, verdict.rate > 1) == ("exploding", True)
    assert verdict.rate == pytest.approx(1e6 if tail <= 1 else 2, rel=0.1)
    assert f"explodes by × {verdict.rate:.3g} per step" in verdict.summary
    assert f"grows to × {verdict.largest:.3g} of its start" in verdict.summary


def test_a_gradient_that_turns_nan_without_growing_is_no_explosion() -> None:
    profile = np.array([1.0, 0.9, 0.8, np.nan, np.nan])
    verdict = judge(LayerFlow(profile[::-1], None, None, mode="RNN_TANH"))
    assert verdict.kind == "not finite"
    assert "is NaN from lag 3 on, without having grown before" in verdict.summary
    for grown in ([1.0, 1e3, np.nan], [1.0, np.inf]):
        assert judge(LayerFlow(np.array(grown[::-1]), None, None)).kind == "exploding"


def test_a_gradient_that_vanishes_on_the_way_and_comes_back_has_its_lowest_place_named() -> None:
    profile = 10.0 ** -np.concatenate([np.arange(19), np.arange(18)[::-1]])
    flow = LayerFlow(profile[::-1], None, None, mode="RNN_TANH")
    verdict = judge(flow)
    assert (verdict.kind, verdict.reach) == ("vanishing", 5)
    assert "at lag 5, falls to × 1e-18 at lag 18, and is × 1 at lag 36" in verdict.summary
    assert judge(flow, lag=3).kind == "healthy"


def test_the_eigenvalues_of_a_relu_networks_matrix_are_not_said_to_tell_nothing() -> None:
    model = torch.nn.RNN(1, 2, bias=False, nonlinearity="relu")
    fill(model, weight_ih=1.0, weight_hh=torch.eye(2) * 1.5)
    flow = glasscell.gradient_flow(model, torch.ones(40, 1, 1), last)
    assert flow["l0"].judge().rate == pytest.approx(1.5)
    assert "eigenvalues" not in flow.verdict
    assert "smaller weight_hh (the identity, or orthogonal)" in flow.verdict


def test_a_gradient_that_stays_is_healthy_and_has_no_advice() -> None:
    verdict = flow_of(linear_rnn(1.0), 200).judge()
    assert (verdict.kind, verdict.reach, verdict.advice) == ("healthy", None, "")
    assert verdict.rate == pytest.approx(1)


def test_a_slow_decay_says_where_it_would_end() -> None:
    verdict = flow_of(linear_rnn(0.98), 100).judge()
    assert verdict.kind == "healthy"
    assert (
        f"at this rate 1/10000 is reached at lag {round(math.log(1e-4) / math.log(0.98))}"
        in str(verdict)
    )


def test_the_lag_that_the_task_needs_decides() -> None:
    flow = flow_of(linear_rnn(0.5), 60)
    assert flow.judge().kind == "vanishing"
    assert flow.judge(lag=10).kind == "healthy"
    assert flow.judge(lag=10).lag == 10


def test_the_default_lstm_vanishes_and_its_forget_gates_are_named() -> None:
    flow = glasscell.gradient_flow(torch.nn.LSTM(3, 16), torch.randn(100, 4, 3), last)
    verdict = flow["l0"].judge()
    assert verdict.kind == "vanishing"
    assert 10 < verdict.reach < 60
    assert "Half of its units lose half of their cell state within 1 step" in verdict.summary
    assert "Raise the forget bias to about 5 (half-life 99 steps)" in verdict.advice


def test_following_the_advice_helps() -> None:
    model, x = torch.nn.LSTM(3, 16), torch.randn(100, 4, 3)
    model.bias_ih_l0.data[16:32] += glasscell.inspect.forget_bias(99)
    verdict = glasscell.gradient_flow(model, x, last)["l0"].judge()
    assert verdict.kind == "healthy"
    assert verdict.change > 0.1


def test_a_loss_on_every_step_does_not_hide_that_a_network_forgets() -> None:
    layer = flow_of(linear_rnn(0.5), 60, lambda out: out[0].sum())
    np.testing.assert_allclose(layer.hidden[:40], layer.hidden[0], rtol=1e-6)
    np.testing.assert_allclose(layer.last_step_by_lag, np.sqrt(2) * 0.5 ** np.arange(60), rtol=1e-5)
    verdict = layer.judge()
    assert (verdict.kind, verdict.reach) == ("short", 14)
    assert (
        "of what the last step alone sends back |dL/dh_t| changes by × 0.5 per step"
        in verdict.summary
    )


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_the_last_step_alone_sends_back_is_a_loss_on_the_last_step(
    bidirectional: bool,
) -> None:
    model = torch.nn.LSTM(3, 4, bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(9, 2, 3, dtype=torch.float64)

    def ends(out: Any) -> torch.Tensor:
        return out[1][0].sin().sum() + out[1][1].sum()

    every = glasscell.gradient_flow(model, x, lambda out: ends(out) + 0 * out[0].sum())
    alone = glasscell.gradient_flow(model, x, ends)
    both = glasscell.gradient_flow(model, x, lambda out: ends(out) + 1e-30 * out[0].sum())
    for name, layer in alone.items():
        assert every[name].last_step_by_lag is None
        np.testing.assert_allclose(both[name].last_step_by_lag, layer.by_lag, rtol=1e-9)


def test_a_loss_on_every_step_of_a_network_that_keeps_is_no_explosion() -> None:
    assert flow_of(linear_rnn(1.0), 300, lambda out: out[0].sum()).judge().kind == "healthy"


def test_a_reverse_direction_read_at_the_last_step_is_found() -> None:
    model = torch.nn.LSTM(3, 4, bidirectional=True)
    flow = glasscell.gradient_flow(model, torch.randn(20, 2, 3), last)
    assert flow["l0_reverse"].judge().kind == "cut off"
    assert "A reverse direction has read the whole sequence at t = 0" in flow.verdict
    flow = glasscell.gradient_flow(model, torch.randn(20, 2, 3), lambda out: out[1][0].sum())
    assert flow["l0_reverse"].judge().kind == "healthy"


def test_ragged_batches_are_judged_from_each_sequences_own_end() -> None:
    model = linear_rnn(0.5)
    x = torch.nn.utils.rnn.pack_sequence([torch.zeros(n, 1).double() for n in (50, 30, 20)])
    verdict = glasscell.gradient_flow(model, x, lambda out: out[1].sum())["l0"].judge()
    assert (verdict.kind, verdict.reach) == ("vanishing", 14)
    assert verdict.rate == pytest.approx(0.5)


def test_one_step_is_nothing_to_judge() -> None:
    verdict = flow_of(linear_rnn(0.5), 1).judge()
    assert verdict.kind == "healthy"
    assert verdict.summary.startswith("ran for one step that the loss reads")


def test_a_broken_gradient_is_called_that() -> None:
    verdict = judge(LayerFlow(np.array([np.nan, np.nan]), None, None, mode="RNN_TANH"))
    assert verdict.kind == "not finite"
    assert "NaN or infinite" in str(verdict)


def test_open_forget_gates_are_not_blamed() -> None:
    flow = LayerFlow(np.ones(9), np.ones(9), None, half_life=np.full(4, 1e6))
    evidence, change = remember(flow, lag=8, reach=2)
    assert evidence.say().startswith("100% of its units keep half of their cell state for 8 steps")
    assert change.say().startswith("Forget gates are not the cause")


def test_a_profile_without_anything_else_is_enough() -> None:
    falling = 0.1 ** np.arange(9.0)
    flows = LayerFlow(falling[::-1], None, None), LayerFlow(falling, None, None, reverse=True)
    assert {judge(flow).reach for flow in flows} <= {4, 5}


def test_advice_for_several_layers_is_given_once() -> None:
    model = torch.nn.LSTM(3, 8, num_layers=2)
    words = glasscell.gradient_flow(model, torch.randn(90, 2, 3), last).verdict
    assert words.count("Raise the forget bias") == 1
    assert "For l0, l1: " in words


def test_a_layer_under_one_that_vanishes_into_underflow_is_judged_over_the_whole_window():
    direct = 0.6 ** np.arange(300.0)
    direct[220:] = 0.0  # 0.6^220 is 1e-49, below float32
    carried = 0.5 ** np.arange(300.0)
    carried[150:] = 0.0
    flow = LayerFlow(
        direct[::-1], direct[::-1], None, by_lag=direct, direct_by_lag=direct,
        last_step_by_lag=carried,
    )  # fmt: skip
    verdict = judge(flow)
    assert (verdict.kind, verdict.lag) == ("vanishing", 299)
    # Where the loss stops reading at full strength, what follows is judged alone.
    direct = np.where(np.arange(300) < 280, 1.0, 0.0)
    assert judge(LayerFlow(direct, direct, None, by_lag=direct, direct_by_lag=direct)).lag == 20


def test_a_lag_below_0_is_refused() -> None:
    model, x = torch.nn.LSTM(1, 2), torch.randn(6, 1, 1)
    flow = glasscell.gradient_flow(model, x, last)
    with glasscell.trace(model) as traces:
        model(x)
    for measure in (
        lambda: flow["l0"].judge(-3),
        lambda: examine(model, x, last, lag=-3),
        lambda: diagnose(flow, traces, lag=-3),
    ):
        with pytest.raises(ValueError, match="expected lag >= 0, got -3"):
            measure()
