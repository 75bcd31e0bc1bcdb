"""The engine against `glasscell.reference`, at the seams of the kernels, on every instruction set.

Tolerance: the reference in the next wider type is the truth. An error of the engine, relative to
the largest entry of its array, may be twice that of the reference run in the engine's own type, or
the floor, whichever is more. The floor is what one entry may lose by its own chain of roundings:
as many units of 2^-24 or 2^-53 as the longest sum has terms, plus eight for what is done element by
element (two activations of 2.5 ULP and three products).
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from glasscell import _core, engine, reference
from glasscell.cells.parameters import Config, LayerWeights
from oracles import relative_error
from strategies import layer_weights, make_problem

SEAMS = (1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65)
WIDER = {np.float32: np.float64, np.float64: np.longdouble}
ORDERS = (
    {},
    {"reverse": True},
    {"ragged": True},
    {"cut": True},
    {"reverse": True, "ragged": True, "cut": True},
)


def cases():
    """Every H with every I; the rest is drawn beside them, always in the same way."""
    rng = np.random.default_rng(0)
    modes = ("LSTM", "LSTM", "GRU", "RNN_TANH", "RNN_RELU")
    found = []
    for H, I in product(SEAMS, SEAMS):  # noqa: E741
        mode, order = modes[rng.integers(5)], ORDERS[rng.integers(len(ORDERS))]
        T, B = (1, 2, 17)[rng.integers(3)], (1, 2, 5, 6, 7, 13)[rng.integers(6)]
        P, bias = (0, 0, 1, 7, H - 1)[rng.integers(5)], bool(rng.random() < 0.8)
        proj = P if mode == "LSTM" and P < H else 0
        config = Config(mode=mode, input_size=I, hidden_size=H, bias=bias, proj_size=proj)
        name = "-".join(map(str, (mode, H, I, B, T, proj, *order)))
        found.append(pytest.param(config, T, B, order, id=name))
    return found


def as_type(problem, dtype):
    """The same numbers in another type."""
    weights = {name: a.astype(dtype) for name, a in problem.weights.arrays().items()}
    return replace(
        problem,
        weights=LayerWeights.named(weights),
        x=problem.x.astype(dtype),
        h0=problem.h0.astype(dtype),
        c0=None if problem.c0 is None else problem.c0.astype(dtype),
    )


SLOTS = {"LSTM": "ifgoc", "GRU": "rznq"}
"""Mode to the letters of what the tape keeps."""


def from_reference(problem, dy, dh_n, dc_n):
    """All that a layer computes, by name, in the type of the problem."""
    p = problem
    run = reference.run_layer(p.config.mode, p.weights, p.x, p.h0, p.c0, **p.order())
    back = reference.run_layer_backward(run, dy, dh_n, dc_n)
    seen = {name: getattr(run, name) for name in SLOTS.get(p.config.mode, "")}
    if p.c0 is not None:
        seen["c_n"] = run.c_n
    gradients = {name: a for name, a in back._asdict().items() if name != "dvectors"}
    return {"output": run.h, "h_n": run.h_n, **seen, **gradients}


def from_engine(problem, dy, dh_n, dc_n):
    p, H = problem, problem.config.hidden_size
    layer = engine.pack(p.config.mode, p.weights)
    run = engine.forward(layer, p.x, p.h0, p.c0, tape=True, **p.order())
    back = engine.backward(
        layer, p.x, run.output, p.h0, p.c0, run.tape, dy, dh_n, dc_n, flow=True, **p.order()
    )
    seen = {name: run.tape[..., k, :H] for k, name in enumerate(SLOTS.get(p.config.mode, ""))}
    if p.c0 is not None:
        seen["c_n"] = run.c_n
    named = {f"d{name}": getattr(back, name) for name in ("x", "h0", "c0")}
    named |= {f"d{name}": getattr(back, name) for name in ("weight_ih", "weight_hh", "weight_hr")}
    apart = back.bias if back.bias_hh is None else back.bias_hh
    named |= {"dh": back.dh, "dc": back.dc, "dbias_ih": back.bias, "dbias_hh": apart}
    return {"output": run.output, "h_n": run.h_n, **seen, **named}


def gradients_for(problem):
    rng = np.random.default_rng(problem.seed + 1)
    p, shape = problem, (problem.T, problem.B, problem.config.output_size)
    dc_n = None if p.c0 is None else rng.standard_normal(p.c0.shape).astype(p.dtype)
    dy, dh_n = rng.standard_normal(shape), rng.standard_normal(shape[1:])
    return dy.astype(p.dtype), dh_n.astype(p.dtype), dc_n


def floor(problem):
    config = problem.config
    longest = max(config.input_size + config.output_size, config.gate_rows, problem.T * problem.B)
    return (longest + 8) * np.finfo(problem.dtype).eps / 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("config", "T", "B", "order"), cases())
def test_the_engine_is_as_exact_as_the_reference_in_its_own_type(config, T, B, order, dtype):
    problem = make_problem(config, T, B, seed=7, dtype=dtype, **order)
    given = gradients_for(problem)
    wide = [None if g is None else g.astype(WIDER[dtype]) for g in given]
    truth = from_reference(as_type(problem, WIDER[dtype]), *wide)
    own, ours = from_reference(problem, *given), from_engine(problem, *given)
    assert {name for name, a in ours.items() if a is not None} == {
        name for name, a in truth.items() if a is not None
    }
    for name, exact in truth.items():
        if exact is not None:
            allowed = max(2 * relative_error(own[name], exact), floor(problem))
            assert relative_error(ours[name], exact) <= allowed, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("proj", [0, 5])
def test_the_tape_satisfies_the_equations_to_the_bit(order, proj, dtype):
    H = 19
    config = Config(mode="LSTM", input_size=5, hidden_size=H, proj_size=proj)
    p = make_problem(config, 9, 7, dtype=dtype, **order)
    run = engine.forward(engine.pack("LSTM", p.weights), p.x, p.h0, p.c0, tape=True, **p.order())
    i, f, g, o, c = (run.tape[..., k, :H] for k in range(5))
    tanh_c = np.empty(c.size, dtype)
    _core.tanh(np.ascontiguousarray(c).ravel(), tanh_c)
    lengths = np.full(p.B, p.T) if p.lengths is None else p.lengths
    for b, length in enumerate(lengths):
        walk = range(length)[::-1] if p.reverse else range(length)
        before, last = p.c0[b], None
        for t in walk:
            cut_at = t + 1 if p.reverse else t
            if last is not None and p.reset is not None and p.reset[cut_at, b]:
                before = p.c0[b]
            np.testing.assert_array_equal(c[t, b], f[t, b] * before + i[t, b] * g[t, b])
            before = last = c[t, b]
        np.testing.assert_array_equal(run.c_n[b], before)
        assert not run.tape[length:, b].any()
    if not proj:
        np.testing.assert_array_equal(run.output, o * tanh_c.reshape(c.shape))


def layouts(a):
    """The same numbers with other strides: batch first, inside a wider array, off the alignment."""
    T, B, n = a.shape
    batch_first = np.empty((B, T, n), a.dtype).swapaxes(0, 1)
    inside = np.full((T + 1, B + 2, n + 3), np.nan, a.dtype)[1:, 1:-1, 1 : n + 1]
    backwards = np.empty((T, B, n), a.dtype)[::-1, ::-1]
    every_second = np.full((2 * T, 2 * B, n), np.nan, a.dtype)[::2, ::2]
    last_apart = np.full((T, B, 2 * n), np.nan, a.dtype)[:, :, ::2]
    raw = np.zeros(a.nbytes + 1, np.uint8)
    unaligned = np.ndarray(a.shape, a.dtype, raw, offset=1)
    for array in (batch_first, inside, backwards, every_second, last_apart, unaligned):
        array[...] = a
        yield array


@pytest.mark.parametrize("mode", ["LSTM", "RNN_TANH"])
def test_strides_and_offsets_change_no_bit(mode):
    config = Config(mode=mode, input_size=9, hidden_size=11)
    p = make_problem(config, 5, 7, dtype=np.float32)
    given = gradients_for(p)
    plain = from_engine(p, *given)
    for x, dy in zip(layouts(p.x), layouts(given[0]), strict=True):
        strided = from_engine(replace(p, x=x), dy, *given[1:])
        for name, a in plain.items():
            assert (a is None) == (strided[name] is None)
            assert a is None or a.tobytes() == strided[name].tobytes(), name


def test_output_goes_into_a_strided_array_and_nowhere_else():
    config = Config(mode="LSTM", input_size=3, hidden_size=11)
    p = make_problem(config, 4, 6, dtype=np.float32)
    layer = engine.pack("LSTM", p.weights)
    plain = engine.forward(layer, p.x, p.h0, p.c0).output
    both = np.full((4, 6, 22), np.nan, np.float32)
    run = engine.forward(layer, p.x, p.h0, p.c0, out=both[:, :, 11:])
    assert run.output.base is both
    assert run.output.tobytes() == plain.tobytes()
    assert np.isnan(both[:, :, :11]).all()


@pytest.mark.parametrize("mode", ["LSTM", "RNN_TANH"])
@pytest.mark.parametrize(("T", "B"), [(0, 3), (4, 0), (0, 0)])
def test_no_steps_or_no_sequences_leave_the_state_as_it_was(mode, T, B):
    p = make_problem(Config(mode=mode, input_size=3, hidden_size=5), T, B)
    given = gradients_for(p)
    ours, truth = from_engine(p, *given), from_reference(p, *given)
    for name, exact in truth.items():
        assert (exact is None) == (ours[name] is None)
        if exact is not None:
            np.testing.assert_array_equal(ours[name], exact, err_msg=name)


def test_without_gradients_of_some_parts_the_others_are_the_same_bits():
    p = make_problem(Config(mode="LSTM", input_size=3, hidden_size=5, proj_size=2), 7, 4)
    layer = engine.pack("LSTM", p.weights)
    run = engine.forward(layer, p.x, p.h0, p.c0, tape=True)
    common = (layer, p.x, run.output, p.h0, p.c0, run.tape, np.ones_like(run.output))
    full = engine.backward(*common, flow=True)
    for options in ({}, {"need_x": False}, {"need_weights": False}):
        part = engine.backward(*common, **options)
        for name, a in part._asdict().items():
            if a is not None:
                assert a.tobytes() == getattr(full, name).tobytes(), name
    assert engine.backward(*common, need_x=False).x is None
    assert engine.backward(*common, need_weights=False).weight_hr is None


@pytest.mark.parametrize("H", [5, 8, 16, 17])
def test_an_infinite_input_saturates_the_gates_and_lets_no_gradient_through(H):
    """The lanes beyond H see infinity times a weight of zero, and must keep it to themselves."""
    p = make_problem(Config(mode="LSTM", input_size=3, hidden_size=H), 6, 4, dtype=np.float32)
    x = p.x.copy()
    x[2, 1, 0] = np.inf
    ours = from_engine(replace(p, x=x), *gradients_for(p))
    for name in ("output", "c", "c_n", "dx", "dh0", "dc0", "dh", "dc"):
        assert np.isfinite(ours[name]).all(), name
    assert not ours["dx"][2, 1].any()


def test_absent_gradients_are_zeros():
    p = make_problem(Config(mode="LSTM", input_size=3, hidden_size=5), 6, 4)
    layer = engine.pack("LSTM", p.weights)
    run = engine.forward(layer, p.x, p.h0, p.c0, tape=True)
    common = (layer, p.x, run.output, p.h0, p.c0, run.tape)
    dc_n = np.ones_like(p.c0)
    absent = engine.backward(*common, None, None, dc_n)
    zeros = engine.backward(*common, np.zeros_like(run.output), np.zeros_like(p.h0), dc_n)
    assert absent.x.tobytes() == zeros.x.tobytes()
    assert absent.weight_ih.tobytes() == zeros.weight_ih.tobytes()


def test_a_layer_that_was_packed_keeps_its_numbers_when_the_weights_change():
    config = Config(mode="LSTM", input_size=3, hidden_size=5)
    w = layer_weights(config, np.random.default_rng(0))
    layer = engine.pack("LSTM", w)
    assert engine.matches(layer, w)
    before = engine.forward(layer, np.ones((2, 1, 3))).output
    w.weight_hh[2, 1] += 1e-9
    assert not engine.matches(layer, w)
    assert engine.forward(layer, np.ones((2, 1, 3))).output.tobytes() == before.tobytes()
    other = layer_weights(replace(config, hidden_size=6), np.random.default_rng(0))
    assert not engine.matches(layer, other)
    assert not engine.matches(layer, as_type(make_problem(config, 1, 1), np.float32).weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 2, 3, 6, 7, 100])
def test_linear_is_as_exact_as_numpy(rows, dtype):
    rng = np.random.default_rng(rows)
    for inputs, outputs in ((1, 1), (7, 9), (65, 33), (33, 64)):
        x, w = (rng.standard_normal(s).astype(dtype) for s in ((rows, inputs), (outputs, inputs)))
        b = rng.standard_normal(outputs).astype(dtype)
        wide = WIDER[dtype]
        exact = x.astype(wide) @ w.astype(wide).T + b.astype(wide)
        ours = engine.linear(engine.pack_linear(w, b), x)
        allowed = max(2 * relative_error(x @ w.T + b, exact), inputs * np.finfo(dtype).eps / 2)
        assert relative_error(ours, exact) <= allowed


def digests(isa):
    script = Path(__file__).with_name("isa_digest.py")
    environment = os.environ | {
        "GLASSCELL_FORCE_ISA": isa,
        "PYTHONPATH": os.pathsep.join([str(script.parent), os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )


def test_every_instruction_set_computes_the_same_bits():
    runs = {isa: digests(isa) for isa in _core.isas}
    for isa, run in runs.items():
        assert run.returncode == 0, (isa, run.stderr)
    first = runs["generic"].stdout.splitlines()
    assert len(first) > 200
    for isa, run in runs.items():
        assert run.stdout.splitlines() == first, isa


@pytest.mark.parametrize(
    "isa", ["sse9", "AVX2", *sorted({"avx2", "avx512", "neon"} - {*_core.isas})]
)
def test_an_unknown_or_absent_instruction_set_is_an_error_at_import(isa):
    run = digests(isa)
    assert run.returncode != 0
    assert f"'{isa}'" in run.stderr
    assert "expected one of generic, avx2, avx512, neon" in run.stderr
