"""Every gradient against central differences in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glasscell import reference
from glasscell.cells.parameters import Config
from oracles import central_differences, relative_error
from strategies import make_problem, network_weights

CONFIGS = [
    Config(mode="LSTM", input_size=2, hidden_size=3),
    Config(mode="LSTM", input_size=3, hidden_size=2, bias=False),
    Config(mode="LSTM", input_size=2, hidden_size=3, proj_size=2),
    Config(mode="RNN_TANH", input_size=2, hidden_size=3),
    Config(mode="RNN_RELU", input_size=2, hidden_size=3),
    Config(mode="GRU", input_size=2, hidden_size=3),
    Config(mode="GRU", input_size=3, hidden_size=2, bias=False),
]
ORDERS = [
    {},
    {"reverse": True},
    {"ragged": True},
    {"cut": True},
    {"ragged": True, "cut": True},
    {"reverse": True, "ragged": True, "cut": True},
]
TOLERANCE = 1e-7


def run_layer(problem, **changes):
    p = replace(problem, **changes)
    return reference.run_layer(p.config.mode, p.weights, p.x, p.h0, p.c0, **p.order())


class Loss:
    """A fixed random weight on every output and final state, so each has a gradient of its own."""

    def __init__(self, run):
        rng = np.random.default_rng(7)
        self.dy, self.dh_n = rng.standard_normal(run.h.shape), rng.standard_normal(run.h_n.shape)
        self.dc_n = rng.standard_normal(run.c_n.shape) if hasattr(run, "c_n") else None

    def __call__(self, run):
        value = (run.h * self.dy).sum() + (run.h_n * self.dh_n).sum()
        return float(value if self.dc_n is None else value + (run.c_n * self.dc_n).sum())

    def backward(self, run):
        return reference.run_layer_backward(run, self.dy, self.dh_n, self.dc_n)


def name_of(value):
    if isinstance(value, Config):
        return f"{value.mode}-P{value.proj_size}-bias{value.bias}"
    return "+".join(value) or "plain"


@pytest.mark.parametrize("order", ORDERS, ids=name_of)
@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_every_gradient_of_a_layer_is_the_central_difference(config, order):
    problem = make_problem(config, T=4, B=3, seed=5, **order)
    run = run_layer(problem)
    loss = Loss(run)
    back = loss.backward(run)
    arrays = {"x": problem.x, "h0": problem.h0} | problem.weights.arrays()
    if problem.c0 is not None:
        arrays["c0"] = problem.c0
    for name, array in arrays.items():
        expected = central_differences(lambda: loss(run_layer(problem)), array)
        assert relative_error(getattr(back, f"d{name}"), expected) < TOLERANCE, name


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_the_total_derivative_of_a_state_is_the_central_difference_of_what_follows_it(
    config, reverse
):
    problem = make_problem(config, T=5, B=2, seed=3, reverse=reverse)
    run = run_layer(problem)
    loss = Loss(run)
    back = loss.backward(run)
    for t in range(problem.T):
        rest = slice(0, t) if reverse else slice(t + 1, None)
        h, c = run.h[t].copy(), run.c[t].copy() if hasattr(run, "c") else None

        def value(t=t, rest=rest, h=h, c=c):
            following = run_layer(problem, x=problem.x[rest], h0=h, c0=c)
            tail = (following.h * loss.dy[rest]).sum() + (h * loss.dy[t]).sum()
            final = (following.h_n * loss.dh_n).sum()
            return float(tail + final + (0 if c is None else (following.c_n * loss.dc_n).sum()))

        assert relative_error(back.dh[t], central_differences(value, h)) < TOLERANCE
        if c is None:
            continue

        def value_of_cell(t=t, h=h, c=c, value=value):
            h[...] = reference.hidden_state(run.o[t], c, problem.weights.weight_hr)
            return value()

        assert relative_error(back.dc[t], central_differences(value_of_cell, c)) < TOLERANCE


@pytest.mark.parametrize(
    "config",
    [
        Config(mode="LSTM", input_size=2, hidden_size=3, num_layers=2, bidirectional=True,
               proj_size=2),
        Config(mode="LSTM", input_size=2, hidden_size=2, num_layers=2, batch_first=True),
        Config(mode="RNN_TANH", input_size=2, hidden_size=2, num_layers=2, bidirectional=True),
    ],
    ids=name_of,
)  # fmt: skip
def test_every_gradient_of_a_network_is_the_central_difference(config):
    rng = np.random.default_rng(2)
    layers = network_weights(config, rng)
    stacked, lengths = len(layers), [3, 0, 2]
    x = rng.standard_normal((3, 3, config.input_size))
    h0 = rng.standard_normal((stacked, 3, config.output_size))
    c0 = rng.standard_normal((stacked, 3, config.hidden_size)) if config.mode == "LSTM" else None
    reset = rng.random((3, 3)) < 0.4

    def run():
        return reference.forward(config, layers, x, h0, c0, lengths=lengths, reset=reset)

    first = run()
    dy, dh_n = rng.standard_normal(first.output.shape), rng.standard_normal(h0.shape)
    dc_n = None if c0 is None else rng.standard_normal(c0.shape)

    def loss():
        now = run()
        value = (now.output * dy).sum() + (now.h_n * dh_n).sum()
        return float(value if c0 is None else value + (now.c_n * dc_n).sum())

    back = reference.backward(first, dy, dh_n, dc_n)
    assert relative_error(back.dx, central_differences(loss, x)) < TOLERANCE
    assert relative_error(back.dh0, central_differences(loss, h0)) < TOLERANCE
    if c0 is not None:
        assert relative_error(back.dc0, central_differences(loss, c0)) < TOLERANCE
    for layer, gradients in zip(layers, back.layers, strict=True):
        for name, array in layer.arrays().items():
            expected = central_differences(loss, array)
            assert relative_error(getattr(gradients, f"d{name}"), expected) < TOLERANCE, name
