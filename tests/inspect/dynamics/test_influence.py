"""Influence of a layer's inputs against autograd's Jacobians."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from glasscell.inspect import StateJacobian, influence
from traced import KINDS, assert_logs, jacobian_norms, order, traced


@pytest.mark.parametrize("kind", [k for k in KINDS if "reverse" not in k and k != "reset"])
def test_of_a_layer_it_is_the_norm_of_the_derivative_by_each_input(kind: str) -> None:
    case = traced(kind)
    initial = [
        torch.from_numpy(part.copy())[None]
        for part in (case.layer.initial_hidden, case.layer.initial_cell)
        if part is not None
    ]
    state = tuple(initial) if case.module.mode == "LSTM" else initial[0]
    norms = jacobian_norms(
        lambda x: case.module(x[:, None], state)[0][:, 0], torch.from_numpy(case.x)
    )
    assert_logs(influence(case.layer, case.weights), norms)


@pytest.mark.parametrize("kind", ["reverse", "reset", "reverse-reset"])
def test_direction_and_reset_say_who_can_reach_whom(kind: str) -> None:
    case = traced(kind)
    of, steps = StateJacobian(case.layer, case.weights), order(case.layer)
    norms = np.zeros((9, 9))
    for place, t in enumerate(steps):
        carried = of.entering(t, np.eye(3))
        for later in steps[place:]:
            carried = carried if later == t else of.dense(later) @ carried
            norms[later, t] = np.linalg.norm(carried[:4])
    assert_logs(influence(case.layer, case.weights), norms)


def test_some_steps_are_rows_and_columns_of_all() -> None:
    case = traced("reverse", T=40)
    every = influence(case.layer, case.weights)
    some = influence(case.layer, case.weights, inputs=[3, -1, 7], outputs=[20, 2])
    np.testing.assert_allclose(some, every[[20, 2]][:, [3, 39, 7]], rtol=1e-12)
    assert influence(case.layer, case.weights, inputs=[], outputs=[1]).shape == (1, 0)
    with pytest.raises(IndexError):
        influence(case.layer, case.weights, inputs=[40])


def test_a_thousand_decades_down_it_is_still_there() -> None:
    case = traced("tanh", H=3, T=3000)
    weights = replace(case.weights, weight_hh=0.1 * np.eye(3))
    layer = replace(case.layer, hidden=np.zeros((3000, 3)))
    found = influence(layer, weights, inputs=[0], outputs=[0, 2999])
    assert found[1, 0] == pytest.approx(found[0, 0] - 2999, abs=1e-8)


def test_probes_estimate_the_norm() -> None:
    case = traced(inputs=40, H=8, T=20)
    exact = influence(case.layer, case.weights, probes=40)
    few = influence(case.layer, case.weights)
    there = np.isfinite(exact)
    error = few[there] - exact[there]
    assert 0 < np.abs(error).max() < 0.35
    assert abs(error.mean()) < 0.1
