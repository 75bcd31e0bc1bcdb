"""The dynamics of every cell against central differences of its own program in float64."""

import numpy as np
import pytest
from tests.inspect.looked_at import CELLS, run, weights_of

from glasscell.cells.direct import direct_path
from glasscell.inspect.dynamics.influence import influence
from glasscell.inspect.dynamics.jacobian import StateJacobian, jacobians
from glasscell.inspect.dynamics.path import path_split
from glasscell.inspect.dynamics.spectrum import fan, lyapunov

T, INPUTS, H = 6, 2, 3
STEP = 1e-6


def made(name, seed=0):
    cell = CELLS[name]
    weights = weights_of(cell, INPUTS, H, seed)
    generator = np.random.default_rng(seed + 100)
    x = generator.normal(size=(T, 1, INPUTS))
    start = [generator.normal(size=(1, H)) * 0.5 for _ in cell.states]
    if "n" in cell.states:
        start[2] = np.abs(start[2]) + 1
    layer = run(cell, x, weights, start)
    return cell, weights, x, start, layer.sequence(0)


def after(cell, weights, x, state):
    """The state after all steps of x, from one vector to one vector."""
    start = [part[None] for part in np.split(state, len(cell.states))]
    layer = run(cell, x, weights, start).sequence(0)
    return np.concatenate([layer.quantity(name)[-1] for name in cell.state_names])


def before(layer, cell, start, t):
    if t == 0:
        return np.concatenate(start, axis=1)[0]
    return np.concatenate([layer.quantity(name)[t - 1] for name in cell.state_names])


def difference(function, at):
    columns = []
    for k in range(len(at)):
        step = np.zeros(len(at))
        step[k] = STEP
        columns.append((function(at + step) - function(at - step)) / (2 * STEP))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("name", CELLS)
def test_jacobians_are_central_differences(name):
    cell, weights, x, start, layer = made(name)
    formed = jacobians(layer, weights)
    for t in range(T):
        wanted = difference(
            lambda s, t=t: after(cell, weights, x[t : t + 1], s), before(layer, cell, start, t)
        )
        np.testing.assert_allclose(formed[t], wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", CELLS)
def test_products_with_columns_are_those_of_the_formed_jacobian(name):
    _, weights, _, _, layer = made(name)
    of, formed = StateJacobian(layer, weights), jacobians(layer, weights)
    columns = np.random.default_rng(1).normal(size=(of.size, 4))
    for t in range(T):
        np.testing.assert_allclose(of.jvp(t, columns), formed[t] @ columns, atol=1e-12)
        np.testing.assert_allclose(of.vjp(t, columns), formed[t].T @ columns, atol=1e-12)
        through = columns
        for factor in of.factors(t):
            through = factor(through)
        np.testing.assert_allclose(through, formed[t] @ columns, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_inputs_enter_as_central_differences_say(name):
    cell, weights, x, start, layer = made(name)
    of = StateJacobian(layer, weights)
    t = 3
    state = before(layer, cell, start, t)
    wanted = difference(lambda row: after(cell, weights, row[None, None], state), x[t, 0])
    np.testing.assert_allclose(of.entering(t, np.eye(INPUTS)), wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", CELLS)
def test_influence_is_the_norm_of_the_derivative_by_each_input(name):
    cell, weights, x, start, layer = made(name)
    found = influence(layer, weights, outputs=[T - 1])[0]
    for t in range(T):
        state = before(layer, cell, start, t)

        def last(row, t=t, state=state):
            changed = x[t:].copy()
            changed[0, 0] = row
            return after(cell, weights, changed, state)[:H]

        size = np.linalg.norm(difference(last, x[t, 0]))
        np.testing.assert_allclose(10.0 ** found[t], size, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", CELLS)
def test_spectrum_is_that_of_the_product_of_jacobians(name):
    _, weights, _, _, layer = made(name)
    formed = jacobians(layer, weights)
    product = formed[1]
    found = fan(layer, weights, lags=[1, 3], columns=2)
    with np.errstate(divide="ignore"):
        first = np.log10(np.linalg.svd(product, compute_uv=False)[:2])
        third = np.log10(np.linalg.svd(formed[3] @ formed[2] @ product, compute_uv=False)[:2])
    np.testing.assert_allclose(found.log10_sigma, [first, third], rtol=1e-6, atol=1e-7)
    assert np.isfinite(lyapunov(layer, weights, columns=1).exponents[0])


PATHS = [n for n in CELLS if n not in ("RNN", "ReLU")]


@pytest.mark.parametrize("name", PATHS)
def test_belt_and_gates_are_the_product_and_the_rest(name):
    cell, weights, _, _, layer = made(name)
    path = direct_path(cell)
    part = slice(path.index * H, (path.index + 1) * H)
    formed = jacobians(layer, weights)
    found = path_split(layer, weights)
    # Through the other states of its own step it acts too, so the first lag is not all of it.
    of = StateJacobian(layer, weights)
    belt, state = np.ones(H), np.eye(of.size)[part]
    for lag in range(T):
        t = T - 1 - lag
        none = np.zeros((H, H))
        through = of.off_belt(t, state.T, none, path.index)[0].T
        np.testing.assert_allclose(10 ** found.log10_total[lag], np.linalg.norm(through), rtol=1e-9)
        np.testing.assert_allclose(10 ** found.log10_belt[lag], np.linalg.norm(belt), rtol=1e-9)
        rest = np.linalg.norm(through - np.diag(belt))
        np.testing.assert_allclose(10 ** found.log10_gates[lag], rest, rtol=1e-7, atol=1e-12)
        belt, state = belt * of.direct(path.index)[t], state @ formed[t]
