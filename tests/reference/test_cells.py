"""Every cell from its program: equal to the equations written by hand, and its gradients right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import cells, reference
from glasscell.cells.parameters import Config, LayerWeights
from glasscell.errors import ShapeError
from oracles import central_differences, relative_error
from own_cells import OWN, Diagonal, Stabilised
from strategies import layer_weights, make_problem, network_weights, problems

ORDERS = [
    {},
    {"reverse": True, "ragged": True},
    {"cut": True},
    {"reverse": True, "ragged": True, "cut": True},
]
small = problems(
    modes=("LSTM", "RNN_TANH", "RNN_RELU", "GRU"),
    steps=(0, 1, 2, 5),
    batches=(1, 3),
    inputs=(1, 3),
    hiddens=(1, 2, 5),
)
TOLERANCE = 1e-7


def by_hand(p):
    return reference.run_layer(p.config.mode, p.weights, p.x, p.h0, p.c0, **p.order())


def like(array, seed):
    return None if array is None else np.random.default_rng(seed).standard_normal(array.shape)


@settings(deadline=None, max_examples=80)
@given(problem=small)
def test_a_program_is_what_the_equations_say_forward_and_backward(problem):
    if problem.config.proj_size:
        return
    p, hand = problem, by_hand(problem)
    run = reference.run_cell(p.config.mode, p.weights, p.x, p.h0, p.c0, **p.order())
    for name in ("h", "h_n", "c", "c_n"):
        expected = getattr(hand, name, None)
        if expected is not None:
            np.testing.assert_allclose(getattr(run, name), expected, rtol=1e-12, atol=1e-14)
    letters = {"input": "i", "forget": "f", "output": "o", "reset": "r", "update": "z"}
    for name, found in run.quantities.items():
        if name in letters:
            expected = getattr(hand, letters[name])
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    given_back = like(run.h, 1), like(run.h_n, 2), like(run.c_n, 3)
    back = reference.run_cell_backward(run, *given_back)
    for name, expected in reference.run_layer_backward(hand, *given_back)._asdict().items():
        found = getattr(back, name)
        assert (found is None) == (expected is None), name
        if expected is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "+".join(order) or "plain")
@pytest.mark.parametrize("cell", [*OWN, cells.GRU(), cells.GRU(layer_norm=True)], ids=repr)
def test_every_gradient_of_a_cell_is_the_central_difference(cell, order):
    config = Config(mode=cell, input_size=1, hidden_size=2)
    p = make_problem(config, T=3, B=2, seed=5, **order)

    def run():
        return reference.run_cell(config.cell, p.weights, p.x, p.h0, p.c0, **p.order())

    first = run()
    dy, dh_n, dc_n = like(first.h, 1), like(first.h_n, 2), like(first.c_n, 3)

    def loss():
        now = run()
        value = (now.h * dy).sum() + (now.h_n * dh_n).sum()
        return float(value if dc_n is None else value + (now.c_n * dc_n).sum())

    back = reference.run_cell_backward(first, dy, dh_n, dc_n)
    arrays = {"x": p.x, "h0": p.h0} | p.weights.arrays()
    if p.c0 is not None:
        arrays["c0"] = p.c0
    for name in config.cell.program.vectors:
        del arrays[name]
    for name, array in arrays.items():
        expected = central_differences(loss, array)
        assert relative_error(getattr(back, f"d{name}"), expected) < TOLERANCE, name
    for k, name in enumerate(config.cell.program.vectors):
        expected = central_differences(loss, p.weights.vectors[name])
        assert relative_error(back.dvectors[k], expected) < TOLERANCE, name


@pytest.mark.parametrize("cell", OWN, ids=repr)
def test_the_total_derivative_of_a_state_is_that_of_what_it_shows_and_what_follows_it(cell):
    config = Config(mode=cell, input_size=2, hidden_size=3)
    p = make_problem(config, T=5, B=2, seed=3)
    run = reference.run_cell(cell, p.weights, p.x, p.h0, p.c0)
    dy, dc_n = like(run.h, 1), like(run.c_n, 2)
    back = reference.run_cell_backward(run, dy, None, dc_n)
    for t in range(p.T):
        h, c = run.h[t].copy(), None if run.c is None else run.c[t].copy()

        def value(t=t, h=h, c=c):
            following = reference.run_cell(cell, p.weights, p.x[t + 1 :], h, c)
            tail = (following.h * dy[t + 1 :]).sum() + (h * dy[t]).sum()
            return float(tail + (0 if c is None else (following.c_n * dc_n).sum()))

        assert relative_error(back.dh[t], central_differences(value, h)) < TOLERANCE


@pytest.mark.parametrize("cell", [*OWN, "GRU"], ids=str)
def test_every_gradient_of_a_network_of_cells_is_the_central_difference(cell):
    config = Config(mode=cell, input_size=2, hidden_size=2, num_layers=2, bidirectional=True)
    rng = np.random.default_rng(2)
    layers, lengths = network_weights(config, rng), [3, 0, 2]
    x, reset = rng.standard_normal((3, 3, 2)), rng.random((3, 3)) < 0.4

    def run():
        return reference.forward(config, layers, x, lengths=lengths, reset=reset)

    first = run()
    dy, dh_n, dc_n = like(first.output, 1), like(first.h_n, 2), like(first.c_n, 3)

    def loss():
        now = run()
        value = (now.output * dy).sum() + (now.h_n * dh_n).sum()
        return float(value if dc_n is None else value + (now.c_n * dc_n).sum())

    back = reference.backward(first, dy, dh_n, dc_n)
    assert relative_error(back.dx, central_differences(loss, x)) < TOLERANCE
    for layer, gradients in zip(layers, back.layers, strict=True):
        names = set(layer.arrays()) - set(layer.vectors)
        for name in names:
            expected = central_differences(loss, layer.arrays()[name])
            assert relative_error(getattr(gradients, f"d{name}"), expected) < TOLERANCE, name


def test_a_cell_starts_from_its_own_numbers():
    config = Config(mode=Stabilised(), input_size=2, hidden_size=3)
    p = make_problem(config, T=3, B=2)
    own = reference.run_cell(config.cell, p.weights, p.x)
    c0 = np.zeros((2, 3, 3))
    c0[:, 1] = 1
    given_c0 = reference.run_cell(config.cell, p.weights, p.x, c0=c0)
    np.testing.assert_array_equal(own.h, given_c0.h)
    none = reference.run_cell(config.cell, p.weights, p.x, c0=np.zeros((2, 3, 3)))
    assert np.abs(own.h - none.h).max() > 1e-3


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 99), zoneout=st.sampled_from([0.1, 0.5]))
def test_masks_of_training_are_given_and_outside_it_they_are_numbers(seed, zoneout):
    cell = cells.GRU(zoneout=zoneout)
    config = Config(mode=cell, input_size=2, hidden_size=4)
    p = make_problem(config, T=5, B=3, seed=seed)
    outside = reference.run_cell(cell, p.weights, p.x, p.h0)
    same = np.full((5, 3, 4), zoneout)
    told = reference.run_cell(cell, p.weights, p.x, p.h0, masks={"z_h": same})
    np.testing.assert_allclose(told.h, outside.h, rtol=1e-13)
    kept = reference.run_cell(cell, p.weights, p.x, p.h0, masks={"z_h": np.ones((5, 3, 4))})
    np.testing.assert_array_equal(kept.h, np.broadcast_to(p.h0, (5, 3, 4)))
    back = reference.run_cell_backward(kept, np.zeros((5, 3, 4)), np.ones((3, 4)))
    np.testing.assert_array_equal(back.dh0, np.ones((3, 4)))
    assert not back.dweight_ih.any()


def test_longer_floats_come_closer_to_the_truth():
    config = Config(mode=Diagonal(), input_size=3, hidden_size=5)
    p = make_problem(config, 20, 2, dtype=np.longdouble)
    exact, errors = reference.run_cell(config.cell, p.weights, p.x), []
    for dtype in (np.float16, np.float32, np.float64):
        p = make_problem(config, 20, 2, dtype=dtype)
        run = reference.run_cell(config.cell, p.weights, p.x)
        assert {run.h.dtype, run.c.dtype, run.c_n.dtype} == {np.dtype(dtype)}
        errors.append(float(np.abs(run.h - exact.h).max()))
    assert errors[0] > errors[1] > errors[2]


def test_what_does_not_fit_a_cell_is_refused():
    config = Config(mode=Diagonal(), input_size=2, hidden_size=3)
    p = make_problem(config, T=2, B=2)
    bare = LayerWeights.named({"weight_ih": p.weights.weight_ih}, 3)
    with pytest.raises(ShapeError, match="got none of u_f, u_g, s"):
        reference.run_cell(config.cell, bare, p.x)
    zoneout = cells.GRU(zoneout=0.5)
    gru = Config(mode="GRU", input_size=2, hidden_size=3)
    weights = layer_weights(gru, np.random.default_rng(0))
    with pytest.raises(ShapeError, match="got none of z_h"):
        reference.run_cell(zoneout, weights, p.x, masks={})
    three = Config(mode=Stabilised(), input_size=2, hidden_size=3)
    p = make_problem(three, T=2, B=2)
    with pytest.raises(ShapeError, match=r"expected c0 of shape \(2, 3, 3\), got \(2, 3\)"):
        reference.run_cell(three.cell, p.weights, p.x, c0=np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="expected no c0, for GRU has no cell state"):
        reference.forward(gru, [weights], p.x, c0=np.zeros((1, 2, 3)))


def test_one_step_of_a_gru_worked_with_pen_and_paper():
    # σ(ln 3) = 3/4, σ(-ln 3) = 1/4, tanh(ln 2) = 3/5; h_0 = 2, x = 1
    ln2, ln3 = np.log(2), np.log(3)
    layer = LayerWeights(
        weight_ih=np.zeros((3, 1)),
        weight_hh=np.zeros((3, 1)),
        bias_ih=np.zeros(3),
        bias_hh=np.zeros(3),
    )
    book = cells.Textbook(layer)
    book.W_r, book.b_r = [[0.5, ln3 - 2]], [1.0]  #  a_r = 1 + ln 3 - 2 + 1  =  ln 3    r = 3/4
    book.W_z, book.b_z = [[1.0, -ln3]], [-2.0]  #    a_z = 2 - ln 3 - 2      = -ln 3    z = 1/4
    book.W_n, book.b_hn = [[2.0, ln2]], [-4.0]  #    q = 2 * 2 - 4 = 0, a_n = ln 2      n = 3/5
    run = reference.gru(layer, np.array([[[1.0]]]), np.array([[2.0]]))
    values = [getattr(run, name).item() for name in ("r", "z", "n", "q")]
    np.testing.assert_allclose(values, [0.75, 0.25, 0.6, 0.0], rtol=1e-15, atol=1e-15)
    # h_1 = 3/4 * 3/5 + 1/4 * 2 = 0.95
    np.testing.assert_allclose(run.h.item(), 0.95, rtol=1e-15)
    back = reference.gru_backward(run, np.ones((1, 1, 1)))
    # da_z = (2 - 3/5) 3/16 = 0.2625   da_n = 3/4 * 16/25 = 0.48   da_r = 0   dq = 0.48 * 3/4 = 0.36
    np.testing.assert_allclose(back.dbias_ih, [0, 0.2625, 0.48], rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(back.dbias_hh, [0, 0.2625, 0.36], rtol=1e-14, atol=1e-15)
    # dh_0 = z + da_r w + da_z w + dq w = 0.25 + 0.2625 * 1 + 0.36 * 2
    np.testing.assert_allclose(back.dh0.item(), 0.25 + 0.2625 + 0.72, rtol=1e-14)
