"""Jacobians of the true state are the derivatives of the reference equations, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import glasscell
from glasscell import reference
from glasscell.cells import Textbook
from glasscell.errors import ShapeError
from glasscell.inspect import StateJacobian, jacobians
from glasscell.inspect.dynamics import jacobian
from glasscell.reference.plain_rnn import hidden_state
from traced import KINDS, Traced, initial_state, order, state, traced


def one_step(case: Traced, t: int, before: np.ndarray, x: np.ndarray) -> np.ndarray:
    """s after step t, from the equations."""
    P = case.layer.hidden.shape[1]
    h, c = before[None, :P], before[None, P:]
    if case.layer.cell is None:
        book = Textbook(case.weights)
        kind = case.layer.mode.removeprefix("RNN_").lower()
        return hidden_state(book.W_h, book.b_h, h, x[None], kind)[0]
    step = reference.lstm_step(reference.parameters(case.weights), x[None], h, c)
    return np.concatenate([step.h[0], step.c[0]])


def differences(function, at: np.ndarray) -> np.ndarray:
    columns = [
        (function(at + 1e-6 * unit) - function(at - 1e-6 * unit)) / 2e-6 for unit in np.eye(len(at))
    ]
    return np.stack(columns, axis=1)


def states_before(case: Traced) -> dict[int, np.ndarray]:
    steps, cut = order(case.layer), StateJacobian(case.layer, case.weights).single.cut
    found = [initial_state(case.layer), *(state(case.layer, t) for t in steps[:-1])]
    return {
        t: initial_state(case.layer) if cut[t] else s for t, s in zip(steps, found, strict=True)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_has_the_derivative_of_its_equations(kind: str) -> None:
    case = traced(kind)
    formed, cut = jacobians(case.layer, case.weights), 0
    for t, before in states_before(case).items():
        np.testing.assert_allclose(
            one_step(case, t, before, case.x[t]), state(case.layer, t), atol=1e-14
        )
        if StateJacobian(case.layer, case.weights).single.cut[t]:
            cut += 1
            assert not formed[t].any()
            continue
        expected = differences(lambda s, t=t: one_step(case, t, s, case.x[t]), before)
        np.testing.assert_allclose(formed[t], expected, atol=1e-8)
    assert cut == ("reset" in kind)


@pytest.mark.parametrize("kind", KINDS)
def test_applied_is_the_same_as_formed(kind: str) -> None:
    case = traced(kind)
    of, formed = StateJacobian(case.layer, case.weights), jacobians(case.layer, case.weights)
    columns = np.random.default_rng(0).normal(size=(of.size, 3))
    assert formed.shape == (len(of), of.size, of.size)
    for t in of.order:
        np.testing.assert_allclose(of.jvp(t, columns), formed[t] @ columns, atol=1e-14)
        np.testing.assert_allclose(of.vjp(t, columns), formed[t].T @ columns, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_what_enters_has_the_derivative_by_the_input(kind: str) -> None:
    case = traced(kind)
    of = StateJacobian(case.layer, case.weights)
    for t, before in states_before(case).items():
        expected = differences(lambda x, t=t, s=before: one_step(case, t, s, x), case.x[t])
        np.testing.assert_allclose(of.entering(t, np.eye(3)), expected, atol=1e-8)


def test_the_product_is_the_derivative_of_the_whole_run() -> None:
    case = traced("lstm", T=12)

    def run(s: np.ndarray) -> np.ndarray:
        h, c = (torch.from_numpy(part)[None, None] for part in (s[:4], s[4:]))
        _, (h, c) = case.module(torch.from_numpy(case.x)[:, None], (h, c))
        return np.concatenate([h[0, 0].detach().numpy(), c[0, 0].detach().numpy()])

    product = np.linalg.multi_dot(jacobians(case.layer, case.weights)[::-1])
    np.testing.assert_allclose(product, differences(run, initial_state(case.layer)), atol=1e-9)


def test_a_float32_trace_is_measured_in_float64() -> None:
    module = torch.nn.LSTM(3, 4)
    with glasscell.trace(module) as seen:
        module(torch.randn(5, 2, 3))
    weights = glasscell.inspect.layer_weights(module, "l0")
    assert jacobians(seen["l0"].sequence(1), weights).dtype == np.float64


def test_a_batch_and_other_layers_weights_are_refused() -> None:
    case = traced()
    with pytest.raises(ShapeError, match=r"got layout TBH \(9, 4\); take one of the batch"):
        jacobians(replace(case.layer, layout="TBH"), case.weights)
    for other in (traced(H=5).weights, traced("projection", H=5).weights, traced("tanh").weights):
        with pytest.raises(ShapeError, match=r"expected the weights of this layer.*\(16, 4\)"):
            jacobians(case.layer, other)


@pytest.mark.parametrize("kind", KINDS)
def test_the_factors_of_a_step_are_together_the_step(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jacobian, "SHUT", np.inf)
    case = traced(kind)
    of = StateJacobian(case.layer, case.weights)
    split = 0
    for t in range(len(of)):
        columns = np.eye(of.size)
        for factor in of.factors(t):
            columns = factor(columns)
        # Each number is a sum of at most 3 H + 2 products below 1: 14 roundings of 1.1e-16.
        np.testing.assert_allclose(columns, of.dense(t), rtol=0, atol=2e-15)
        split += len(of.factors(t)) == 3
    assert split == (0 if kind in ("tanh", "relu") else len(of) - of.single.cut.sum())


def test_slopes_keep_their_digits_where_units_are_saturated() -> None:
    """``1 - y^2`` of a y near 1, and of tanh(c) where c is beyond the 19 at which tanh is 1."""
    y = 1.0 - 2.0**-40
    layer, weights = traced("tanh", H=1, T=2)[:2]
    of = StateJacobian(replace(layer, hidden=np.array([[0.0], [y]])), weights)
    slope = of.dense(1)[0, 0] / weights.weight_hh[0, 0]
    assert slope == pytest.approx(2.0**-39 - 2.0**-80, rel=1e-15)
    layer, weights = traced("lstm", H=1, T=2)[:2]
    far = StateJacobian(replace(layer, cell=np.array([[0.0], [30.0]])), weights)
    columns = np.array([[1.0], [0.0]])
    shown = far.off_belt(1, columns, np.zeros((1, 1)), 1)[0][0, 0] / layer.output[1, 0]
    assert shown == pytest.approx(4 * np.exp(-60.0), rel=1e-15)
