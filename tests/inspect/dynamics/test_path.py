"""The path split against autograd's own derivatives of the last cell state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import glasscell
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import ShapeError
from glasscell.inspect import LayerTrace, jacobians, path_split
from traced import order, traced


@pytest.mark.parametrize("kind", ["lstm", "projection"])
def test_total_belt_and_gates_are_those_of_an_unrolled_network(unrolled: Any, kind: str) -> None:
    case = traced(kind, H=4, T=7)
    x = torch.from_numpy(case.x)[:, None]
    rows = [unrolled(case.module, x, lambda out, j=j: out[1][1][0, 0, j]) for j in range(4)]
    total = np.stack([row["l0"].dc[:, 0] for row in rows], axis=1)
    with glasscell.trace(case.module) as seen:
        case.module(x)
    layer = seen["l0"].sequence(0)
    found = path_split(layer, case.weights)
    assert found.lags.tolist() == list(range(7))
    for lag in found.lags:
        belt = np.diag(np.prod(layer.forget[7 - lag :], axis=0))
        gates = total[6 - lag] - belt
        sizes = [np.linalg.norm(part) for part in (belt, gates, total[6 - lag])]
        logs = found.log10_belt[lag], found.log10_gates[lag], found.log10_total[lag]
        np.testing.assert_allclose(10.0 ** np.array(logs), sizes, rtol=1e-9, atol=1e-14)
        assert found.share[lag] == pytest.approx(sizes[0] / (sizes[0] + sizes[1]))


@pytest.mark.parametrize("kind", ["reverse", "reset", "reverse-reset"])
def test_any_last_step_direction_and_reset(kind: str) -> None:
    case = traced(kind, T=9)
    layer, formed = case.layer, jacobians(case.layer, case.weights)
    steps = order(layer)
    found = path_split(layer, case.weights, step=steps[6])
    assert len(found.lags) == 7
    product = np.eye(8)
    for lag, t in enumerate(steps[6::-1]):
        shown = layer.output[t] * (1 - np.tanh(layer.cell[t]) ** 2)
        whole = product[4:, :4] * shown + product[4:, 4:]
        size = np.linalg.norm(whole)
        assert 10 ** found.log10_total[lag] == pytest.approx(size, rel=1e-9, abs=1e-300)
        product = product @ formed[t]
    if "reset" in kind:
        lost = np.isneginf(found.log10_total)
        assert lost.any()
        assert np.isneginf(found.log10_belt[lost]).all()
        assert np.isnan(found.share[lost]).all()


def test_without_recurrent_weights_all_is_belt() -> None:
    case = traced("lstm", T=40)
    weights = replace(case.weights, weight_hh=np.zeros_like(case.weights.weight_hh))
    found = path_split(case.layer, weights)
    assert np.isneginf(found.log10_gates).all()
    assert (found.share == 1).all()
    np.testing.assert_allclose(found.log10_total, found.log10_belt, rtol=1e-12)


def test_little_through_the_gates_does_not_drown_in_the_belt() -> None:
    case = traced("lstm", T=20)
    small = replace(case.weights, weight_hh=1e-20 * case.weights.weight_hh)
    smaller = replace(case.weights, weight_hh=1e-25 * case.weights.weight_hh)
    first, second = (path_split(case.layer, w).log10_gates[1:] for w in (small, smaller))
    np.testing.assert_allclose(first - second, 5, rtol=1e-9)


def test_thousands_of_steps_stay_visible() -> None:
    T = 4000
    half = np.full((T, 2), 0.5)
    layer = LayerTrace(half, half, half, half, half, hidden=half, layout="TH")
    found = path_split(layer, LayerWeights(weight_ih=np.ones((8, 1)), weight_hh=np.eye(8, 2)))
    expected = (T - 1) * np.log10(0.5) + np.log10(2) / 2
    assert found.log10_belt[-1] == pytest.approx(expected)
    assert np.isfinite(found.log10_total).all()
    assert np.isfinite(found.share).all()


def test_probes_estimate_what_all_rows_give() -> None:
    case = traced("lstm", H=64, T=30)
    exact, probed = (path_split(case.layer, case.weights, columns=k) for k in (64, 32))
    np.testing.assert_array_equal(probed.log10_belt, exact.log10_belt)
    assert np.abs(probed.log10_total - exact.log10_total).max() < 0.08
    assert np.abs(probed.log10_gates[1:] - exact.log10_gates[1:]).max() < 0.08
    large = traced("lstm", H=130, T=3)
    np.testing.assert_array_equal(
        path_split(large.layer, large.weights).log10_total,
        path_split(large.layer, large.weights, columns=32).log10_total,
    )


def test_nan_stays_nan() -> None:
    case = traced("lstm", T=9)
    forget = case.layer.forget.copy()
    forget[4] = np.nan
    found = path_split(replace(case.layer, forget=forget), case.weights)
    assert np.isfinite(found.log10_total[:4]).all()
    assert np.isnan(found.log10_total[6:]).all()


def test_an_rnn_and_a_batch_are_refused() -> None:
    case = traced("tanh")
    with pytest.raises(
        ValueError, match="expected a layer that stores something by itself, got RNN"
    ):
        path_split(case.layer, case.weights)
    case = traced()
    with pytest.raises(ShapeError, match="take one of the batch"):
        path_split(replace(case.layer, layout="BTH"), case.weights)
    with pytest.raises(IndexError):
        path_split(case.layer, case.weights, step=9)
