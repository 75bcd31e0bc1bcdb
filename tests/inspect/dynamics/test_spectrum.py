"""Singular values and Lyapunov exponents, against brute force, exact integers and known limits."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

import glasscell
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect import LayerTrace, Lyapunov, fan, jacobians, layer_weights, lyapunov
from glasscell.inspect.dynamics import spectrum
from traced import KINDS, order, traced


def at_rest(W: np.ndarray, T: int) -> tuple[LayerTrace, LayerWeights]:
    """A tanh network at h = 0, where every Jacobian is W."""
    layer = LayerTrace(*[None] * 5, hidden=np.zeros((T, len(W))), mode="RNN_TANH", layout="TH")
    return layer, LayerWeights(weight_ih=np.ones((len(W), 1)), weight_hh=W)


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "relu"])
def test_they_are_those_of_the_product_of_actual_jacobians(kind: str, start: int) -> None:
    case = traced(kind, T=14)
    found = fan(case.layer, case.weights, start=order(case.layer)[start])
    formed, product = jacobians(case.layer, case.weights), np.eye(found.log10_sigma.shape[1])
    assert found.lags.tolist() == list(range(1, 14 - start))
    for lag, logs in zip(found.lags, found.log10_sigma, strict=True):
        product = formed[order(case.layer)[start + lag]] @ product
        expected = np.linalg.svd(product, compute_uv=False)[: len(logs)]
        np.testing.assert_allclose(10**logs, expected, rtol=1e-6, atol=1e-12 * expected[0])


def test_hundreds_of_decades_apart_each_keeps_its_digits() -> None:
    """Of an integer matrix's power, exact sums of squared minors give all singular values."""
    W, n = np.array([[2, 1, 3, 2], [0, 7, 1, 4], [0, 0, 1, 5], [0, 0, 0, 3]]) * 1.0, 301
    power = np.linalg.matrix_power(W.astype(int).astype(object), n)
    minors = [sum(m * m for m in all_minors(power, size)) for size in range(1, 5)]
    logs = np.diff([0.0, *(math.log10(m) / 2 for m in minors)])
    found = fan(*at_rest(W, n + 1), lags=[n]).log10_sigma[0]
    assert found[0] - found[-1] > 250
    np.testing.assert_allclose(found, logs, rtol=0, atol=1e-9)


def all_minors(A: np.ndarray, size: int) -> list[int]:
    picks = list(combinations(range(len(A)), size))
    return [determinant(A[np.ix_(r, c)]) for r in picks for c in picks]


def determinant(A: Any) -> Any:
    A = np.array(A, dtype=object)
    if len(A) == 1:
        return A[0, 0]
    rest = (np.delete(A[1:], k, axis=1) for k in range(len(A)))
    return sum((-1) ** k * A[0, k] * determinant(part) for k, part in enumerate(rest))


@pytest.mark.parametrize("below_one", [1e-8, 1e-12, 2.0**-50, 2.0**-53])
def test_a_saturated_unit_costs_no_digits(below_one: float) -> None:
    h, U = 1.0 - below_one, np.array([[1.0, 0.5], [0.3, 1.0]])
    hidden = np.array([[0.0, 0.0], [h, 0.0]])
    layer = LayerTrace(*[None] * 5, hidden=hidden, mode="RNN_TANH", layout="TH")
    found = fan(layer, LayerWeights(weight_ih=np.ones((2, 1)), weight_hh=U)).log10_sigma[0]
    slope = (1 - Fraction(h)) * (1 + Fraction(h))
    volume = log10(slope * determinant([[Fraction(value) for value in row] for row in U.tolist()]))
    # Both values and their sum are rounded below 16, 3.6e-15 each; the step, 2.2e-16 * 2 of a row.
    assert found.sum() == pytest.approx(volume, rel=0, abs=1e-14)


@pytest.mark.parametrize("seed", range(6))
def test_shut_gates_cost_no_digits(seed: int) -> None:
    """Weights 12 times as large as torch starts them, against exact rational Jacobians."""
    torch.manual_seed(seed)
    module = torch.nn.LSTM(2, 2)
    for parameter in module.parameters():
        parameter.data.mul_(12)
    with glasscell.trace(module) as seen:
        module(torch.randn(10, 1, 2))
    layer = seen["l0"].sequence(0)
    found = fan(layer, layer_weights(module, "l0"), lags=[1, 2, 5, 9])
    for lag, logs in zip(found.lags.tolist(), found.log10_sigma, strict=True):
        product = np.eye(4, dtype=int) * Fraction(1)
        for t in range(1, lag + 1):
            product = rational_jacobian(layer, module.weight_hh_l0.detach().numpy(), t) @ product
        for size in range(1, 5):
            minors = sum(m * m for m in all_minors(product, size))
            picks = [2 * sum(pick) for pick in combinations(logs, size)]
            if minors == 0:
                assert np.isneginf(picks).all()
                continue
            # Squared minors add up to all products of so many squared values, each off by 1e-9.
            symmetric = np.logaddexp.reduce(np.array(picks) * math.log(10)) / math.log(10)
            assert symmetric == pytest.approx(
                log10(minors), rel=0, abs=2 * size * math.log10(1 + 1e-9)
            )


def rational_jacobian(layer: LayerTrace, U: np.ndarray, t: int) -> np.ndarray:
    """ds_t / ds_{t-1} of an LSTM with H = 2, from the traced numbers; tanh alone is rounded."""

    def exact(values: np.ndarray) -> np.ndarray:
        return np.array([Fraction(value) for value in values.astype(float).tolist()])

    f, i, g, o = (
        exact(getattr(layer, name)[t]) for name in ("forget", "input", "candidate", "output")
    )
    c = layer.cell[t].astype(float)
    before, shown = exact(layer.cell[t - 1]), exact(o.astype(float) / np.cosh(c) ** 2)
    U_i, U_f, U_g, U_o = np.array([exact(row) for row in U]).reshape(4, 2, 2)
    K = (g * i * (1 - i))[:, None] * U_i + (before * f * (1 - f))[:, None] * U_f
    K = K + (i * (1 - g * g))[:, None] * U_g
    opened = (exact(np.tanh(c)) * o * (1 - o))[:, None] * U_o
    kept = np.diag(f)
    return np.block([[opened + shown[:, None] * K, shown[:, None] * kept], [K, kept]])


def log10(value: Fraction) -> float:
    """Of any size."""
    return math.log10(value.numerator) - math.log10(value.denominator)


def test_equal_values_stay_equal() -> None:
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]
    found = fan(*at_rest(0.5 * turn, 3000), columns=12).log10_sigma[-1]
    np.testing.assert_allclose(found, 2999 * math.log10(0.5), rtol=1e-12)


def test_a_lost_direction_is_minus_infinity() -> None:
    W = np.diag([0.5, 0.5, 0.0])
    found = fan(*at_rest(W, 6)).log10_sigma
    assert np.isneginf(found[:, 2]).all()
    np.testing.assert_allclose(found[-1, :2], 5 * math.log10(0.5))


def test_few_columns_find_what_all_find(monkeypatch: pytest.MonkeyPatch) -> None:
    case = traced(H=32, T=60, forget=1.0)
    exact = fan(case.layer, case.weights, columns=4)
    monkeypatch.setattr(spectrum, "EXACT", 0)
    few = fan(case.layer, case.weights, columns=4, lags=exact.lags.tolist())
    assert (few.log10_sigma <= exact.log10_sigma + 1e-9).all()
    np.testing.assert_allclose(few.log10_sigma, exact.log10_sigma, rtol=0, atol=0.01)
    np.testing.assert_allclose(few.log10_sigma[20:], exact.log10_sigma[20:], rtol=0, atol=1e-5)
    default = fan(case.layer, case.weights, columns=4).lags
    assert (default[0], default[-1], len(default) <= 16) == (1, 59, True)


def test_a_radius_of_zero_does_not_keep_a_tanh_network_from_exploding() -> None:
    """W is nilpotent, so any diagnosis from its eigenvalues says: vanishes within 2 steps."""
    W = np.array([[8.0, 8.0], [-8.0, -8.0]])
    assert not (W @ W).any()
    h = np.array([0.0, 0.5])
    bias = np.array([-4.0, np.arctanh(0.5) + 4.0])
    np.testing.assert_allclose(np.tanh(W @ h + bias), h, atol=1e-15)
    layer = LayerTrace(*[None] * 5, hidden=np.tile(h, (11, 1)), mode="RNN_TANH", layout="TH")
    found = fan(layer, LayerWeights(weight_ih=np.ones((2, 1)), weight_hh=W, bias_ih=bias))
    assert 10 ** found.log10_sigma[-1, 0] == pytest.approx(7240.8, abs=0.05)


@pytest.mark.parametrize(
    ("bias", "full", "forget"), [(0, -0.49, -0.69), (1, -0.18, -0.31), (3, -0.03, -0.04), (5, 0, 0)]
)
def test_the_forget_gate_is_in_the_true_state_and_not_in_the_hidden_state_alone(
    bias: float, full: float, forget: float
) -> None:
    """H = 16, white noise, 600 steps: at a fixed cell the exponent is -2 whatever the bias."""
    module = torch.nn.LSTM(3, 16)
    module.bias_ih_l0.data[16:32], module.bias_hh_l0.data[16:32] = bias, 0
    with glasscell.trace(module) as seen:
        module(torch.randn(600, 3))
    layer, weights = seen["l0"].sequence(0), layer_weights(module, "l0")
    largest = lyapunov(layer, weights, columns=4, warm_up=100).exponents[0]
    assert largest == pytest.approx(full, abs=0.04)
    assert np.log(layer.forget[100:]).mean(axis=0).max() == pytest.approx(forget, abs=0.08)
    hidden_only = [J[:16, :16] for J in jacobians(layer, weights)]
    assert largest_exponent(hidden_only) == pytest.approx(-2.0, abs=0.2)


def largest_exponent(factors: list[np.ndarray], warm_up: int = 100) -> float:
    direction, logs = np.ones(len(factors[0])), []
    for factor in factors:
        direction = factor @ direction
        logs.append(np.log(np.linalg.norm(direction)))
        direction /= np.linalg.norm(direction)
    return float(np.mean(logs[warm_up:]))


def constant_gates(forget: np.ndarray, T: int) -> tuple[LayerTrace, LayerWeights]:
    H = len(forget)
    half = np.full((T, H), 0.5)
    layer = LayerTrace(np.tile(forget, (T, 1)), half, half, half, half, hidden=half, layout="TH")
    return layer, LayerWeights(weight_ih=np.ones((4 * H, 1)), weight_hh=np.zeros((4 * H, H)))


def test_without_recurrent_weights_the_exponents_are_the_logarithms_of_the_forget_gates() -> None:
    forget = np.array([0.2, 0.99, 0.6])
    found = lyapunov(*constant_gates(forget, 300), warm_up=100)
    np.testing.assert_allclose(found.exponents[:3], np.log([0.99, 0.6, 0.2]), rtol=1e-9)
    assert np.isneginf(found.exponents[3:]).all()
    np.testing.assert_allclose(found.std[:3], 0, atol=1e-9)


@pytest.mark.parametrize(
    ("largest", "std", "steps", "chaotic"),
    [
        (0.019, 0.02, 33, None),
        (0.019, 0.02, 2000, True),
        (0.010, 0.02, 2000, False),
        (-0.01, 0.001, 2000, False),
        (1e-15, 1e-17, 2000, False),
    ],
)
def test_chaos_is_said_only_above_two_standard_errors_over_some_hundred_steps(
    largest: float, std: float, steps: int, chaotic: bool | None
) -> None:
    found = Lyapunov(np.array([largest, -1.0]), np.array([std, 0.1]), steps)
    assert found.chaotic is chaotic
    np.testing.assert_allclose(found.error, found.std / np.sqrt(10))


def test_a_network_known_to_be_chaotic_is_called_so_and_one_that_keeps_all_is_not() -> None:
    """Sompolinsky, Crisanti, Sommers 1988: random tanh networks of gain above 1 are chaotic."""
    chance = np.random.default_rng(0)
    for gain, expected in ((3.0, True), (0.5, False)):
        weights = LayerWeights(
            weight_ih=np.zeros((40, 1)), weight_hh=chance.normal(size=(40, 40)) * gain / 40**0.5
        )
        h, states = chance.normal(size=40), []
        for _ in range(400):
            h = np.tanh(weights.weight_hh @ h)
            states.append(h)
        layer = LayerTrace(*[None] * 5, hidden=np.array(states), mode="RNN_TANH", layout="TH")
        found = lyapunov(layer, weights, columns=2)
        assert found.chaotic is expected
        assert found.steps == 400 - 400 // 6


def test_all_exponents_add_up_to_the_logarithm_of_the_volume() -> None:
    case = traced(H=5, T=80)
    found = lyapunov(case.layer, case.weights, warm_up=0)
    volume = np.linalg.slogdet(jacobians(case.layer, case.weights))[1].mean()
    assert found.exponents.sum() == pytest.approx(volume)
    assert (np.diff(found.exponents) <= 0).all()
    assert (found.std > 0).all()


def test_short_runs_and_broken_ones_come_through() -> None:
    case = traced(T=1)
    assert fan(case.layer, case.weights).log10_sigma.shape == (0, 8)
    assert np.isnan(lyapunov(case.layer, case.weights).std).all()
    layer, weights = constant_gates(np.array([0.5, 0.9]), 9)
    layer.forget[4] = np.nan
    found = fan(layer, weights)
    assert np.isfinite(found.log10_sigma[:3, 0]).all()
    assert np.isnan(found.log10_sigma[3:]).all()
    assert np.isnan(lyapunov(layer, weights).exponents).all()


def test_a_broken_run_ends_the_passes_of_few_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum, "EXACT", 0)
    layer, weights = constant_gates(np.array([0.5, 0.9]), 9)
    layer.forget[4] = np.nan
    assert np.isnan(fan(layer, weights, lags=[3, 8]).log10_sigma[1]).all()


@pytest.mark.parametrize("wrong", [{"lags": [0]}, {"lags": [9]}, {"start": 8, "lags": [1]}])
def test_lags_beyond_the_sequence_are_refused(wrong: dict[str, Any]) -> None:
    case = traced()
    with pytest.raises(ValueError, match=r"expected lags from 1 to \d, the steps left"):
        fan(case.layer, case.weights, **wrong)
    with pytest.raises(IndexError):
        fan(case.layer, case.weights, start=9)
    with pytest.raises(ValueError, match="expected a warm-up of 0 to 8 steps, got 9"):
        lyapunov(case.layer, case.weights, warm_up=9)
