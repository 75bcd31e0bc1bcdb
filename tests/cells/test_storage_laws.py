"""Compressed layers obey the law of the same bits; bfloat16 is float32 with rounded weights."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import _core, engine
from glasscell.cells import compact
from glasscell.cells.parameters import Config
from glasscell.errors import DtypeError
from own_cells import Diagonal, Stabilised
from strategies import make_problem, problems

every_storage = pytest.mark.parametrize("kept", compact.COMPRESSED)
compressed = problems(
    modes=("LSTM", "LSTM", "RNN_TANH", "RNN_RELU", "GRU", Diagonal(), Stabilised()),
    dtypes=(np.float32,),
    steps=(0, 1, 2, 17),
    batches=(0, 1, 2, 5, 7),
    inputs=(1, 2, 7, 8, 9, 17, 64),
    hiddens=(1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65),
)
laws = settings(deadline=None, max_examples=150)


def pack(problem, kept):
    return engine.pack(problem.config.mode, problem.weights, kept)


def forward(layer, problem, **options):
    p = problem
    return engine.forward(layer, p.x, p.h0, p.c0, **(p.order() | options))


def assert_same(one, other, H):
    for name in ("output", "h_n", "c_n", "tape"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            a, b = (a[..., :H], b[..., :H]) if name == "tape" else (a, b)
            np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32), err_msg=name)


def row(problem, b):
    """The problem of one sequence alone."""
    p, at = problem, slice(b, b + 1)
    return replace(
        p,
        B=1,
        x=p.x[:, at],
        h0=p.h0[at],
        c0=None if p.c0 is None else p.c0[at],
        lengths=None if p.lengths is None else p.lengths[at],
        reset=None if p.reset is None else p.reset[:, at],
    )


@every_storage
@laws
@given(problem=compressed)
def test_a_sequence_is_the_same_alone_and_in_any_batch(kept, problem):
    layer = pack(problem, kept)
    whole = forward(layer, problem, tape=True)
    for b in range(problem.B):
        alone = forward(layer, row(problem, b), tape=True, threads=1)
        part = whole._replace(
            output=whole.output[:, b : b + 1],
            h_n=whole.h_n[b : b + 1],
            c_n=None if whole.c_n is None else whole.c_n[b : b + 1],
            tape=None if whole.tape is None else whole.tape[:, b : b + 1],
        )
        assert_same(alone, part, problem.config.hidden_size)


@laws
@given(problem=compressed)
def test_bfloat16_has_the_bits_of_a_float32_layer_with_rounded_weights(problem):
    rounded = compact.expand(compact.compress(problem.weights, "bfloat16"))
    full = engine.pack(problem.config.mode, rounded)
    few = pack(problem, "bfloat16")
    H = problem.config.hidden_size
    assert_same(forward(few, problem, tape=True), forward(full, problem, tape=True), H)


@laws
@given(problem=compressed)
def test_int8_is_a_float32_layer_of_its_numbers_times_their_scales_to_rounding(problem):
    expanded = compact.expand(compact.compress(problem.weights, "int8"))
    full = forward(engine.pack(problem.config.mode, expanded), problem)
    few = forward(pack(problem, "int8"), problem)
    size = max(1, np.abs(full.output).max(initial=0))
    np.testing.assert_allclose(few.output, full.output, rtol=0, atol=3e-6 * size)
    np.testing.assert_allclose(few.h_n, full.h_n, rtol=0, atol=3e-6 * size)


@every_storage
@laws
@given(problem=compressed, parts=st.integers(0, 17))
def test_steps_and_pieces_are_the_whole_sequence(kept, problem, parts):
    p = replace(problem, reverse=False, lengths=None, reset=None)
    layer = pack(p, kept)
    whole = forward(layer, p)
    cut = min(parts, p.T)
    first = engine.forward(layer, p.x[:cut], p.h0, p.c0)
    second = engine.forward(layer, p.x[cut:], first.h_n, first.c_n)
    np.testing.assert_array_equal(np.concatenate([first.output, second.output]), whole.output)
    np.testing.assert_array_equal(second.h_n, whole.h_n)
    live = engine.stepper([layer])
    for b in range(p.B):
        live.set_state(p.h0[b : b + 1].copy(), None if p.c0 is None else p.c0[b : b + 1].copy())
        for t in range(p.T):
            np.testing.assert_array_equal(live.step(p.x[t, b].copy()), whole.output[t, b])


@every_storage
@laws
@given(problem=compressed)
def test_neither_a_trace_nor_threads_change_a_bit(kept, problem):
    layer, H = pack(problem, kept), problem.config.hidden_size
    one = forward(layer, problem, threads=1)
    traced = forward(layer, problem, threads=1, tape=True)
    assert_same(traced._replace(tape=None), one, H)
    for threads in (2, 3):
        assert_same(forward(layer, problem, threads=threads, tape=True), traced, H)


@every_storage
@pytest.mark.parametrize("mode", ["LSTM", "RNN_TANH"])
@pytest.mark.parametrize("B", [1, 2, 4])
def test_threads_that_divide_the_units_change_no_bit(kept, mode, B):
    for H, I in ((136, 9), (200, 7), (256, 33)):  # noqa: E741
        config = Config(mode=mode, input_size=I, hidden_size=H)
        problem = make_problem(config, 40, B, seed=H, dtype=np.float32, cut=True)
        layer = pack(problem, kept)
        one = forward(layer, problem, threads=1)
        for threads in (2, 3, 8):
            assert_same(forward(layer, problem, threads=threads), one, H)


@every_storage
@pytest.mark.parametrize(
    ("mode", "H", "I"), [("LSTM", 520, 17), ("LSTM", 264, 264), ("RNN_TANH", 1100, 9)]
)
def test_a_step_with_helpers_has_the_bits_of_the_whole_sequence(kept, mode, H, I):  # noqa: E741
    config = Config(mode=mode, input_size=I, hidden_size=H)
    problem = make_problem(config, 6, 1, seed=H, dtype=np.float32)
    layer = pack(problem, kept)
    whole = engine.forward(layer, problem.x, threads=1).output[:, 0]
    for threads in (1, 2, 8):
        live = engine.stepper([layer], threads=threads)
        steps = np.stack([live.step(x).copy() for x in problem.x[:, 0]])
        np.testing.assert_array_equal(steps, whole)


def fma32(a, b, c):
    """The float32 nearest to a b + c: rounded to odd in float64 first, so no tie is made up."""
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    near = float(exact)
    if Fraction(near) != exact and np.float64(near).view(np.uint64) % 2 == 0:
        near = math.nextafter(near, math.inf if Fraction(near) < exact else -math.inf)
    return np.float32(near)


def pre_activations(stored, x, h):
    """bias + scale (sum over x, then over h), one chain of fused multiply-adds that starts at 0."""
    out = []
    bias = np.zeros(len(stored.scale), np.float32)
    if stored.bias_ih is not None:
        bias = stored.bias_ih + stored.bias_hh
    for g, scale in enumerate(stored.scale):
        total = np.float32(0)
        for value, q in [*zip(x, stored.weight_ih[g]), *zip(h, stored.weight_hh[g])]:  # noqa: B905
            total = fma32(value, q, total)
        out.append(fma32(total, scale, bias[g]))
    return np.array(out, np.float32)


@pytest.mark.parametrize(("H", "I"), [(1, 1), (5, 3), (9, 8), (17, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_int8_computes_the_chain_that_it_promises(H, I, bias):  # noqa: E741
    config = Config(mode="RNN_RELU", input_size=I, hidden_size=H, bias=bias)
    problem = make_problem(config, 1, 1, seed=H, dtype=np.float32)
    stored = compact.compress(problem.weights, "int8")
    pre = pre_activations(stored, problem.x[0, 0], problem.h0[0])
    found = forward(engine.pack("RNN_RELU", stored), problem).output[0, 0]
    np.testing.assert_array_equal(found, np.maximum(pre, 0))
    assert (pre > 0).any() or H == 1


def test_an_int8_lstm_computes_the_chain_that_it_promises():
    config = Config(mode="LSTM", input_size=7, hidden_size=9)
    problem = make_problem(config, 1, 1, seed=3, dtype=np.float32)
    stored = compact.compress(problem.weights, "int8")
    pre = pre_activations(stored, problem.x[0, 0], problem.h0[0]).reshape(4, 9)
    tape = forward(engine.pack("LSTM", stored), problem, tape=True).tape[0, 0, :4, :9]
    for gate, function in enumerate([_core.sigmoid, _core.sigmoid, _core.tanh, _core.sigmoid]):
        expected = np.empty(9, np.float32)
        function(pre[gate].copy(), expected)
        np.testing.assert_array_equal(tape[gate], expected)


@every_storage
def test_a_projection_is_compressed_too(kept):
    config = Config(mode="LSTM", input_size=4, hidden_size=33, proj_size=9)
    problem = make_problem(config, 5, 2, dtype=np.float32)
    stored = compact.compress(problem.weights, kept)
    few = forward(engine.pack("LSTM", stored), problem)
    full = forward(engine.pack("LSTM", compact.expand(stored)), problem)
    np.testing.assert_allclose(few.output, full.output, atol=1e-6)
    unprojected = replace(compact.expand(stored), weight_hr=problem.weights.weight_hr)
    other = forward(engine.pack("LSTM", unprojected), problem)
    assert np.abs(few.output - other.output).max() > 1e-5


@every_storage
@pytest.mark.parametrize("H", [5, 16])
def test_rows_of_zeros_leave_the_bias(kept, H):
    config = Config(mode="RNN_RELU", input_size=3, hidden_size=H)
    problem = make_problem(config, 2, 1, dtype=np.float32)
    problem.weights.weight_ih[1] = problem.weights.weight_hh[1] = 0
    bias = problem.weights.bias_ih[1] + problem.weights.bias_hh[1]
    found = forward(pack(problem, kept), problem).output[:, 0, 1]
    np.testing.assert_array_equal(found, np.full(2, max(bias, 0), np.float32))


def test_bfloat16_weights_that_are_not_finite_reach_the_output():
    config = Config(mode="RNN_TANH", input_size=2, hidden_size=9)
    problem = make_problem(config, 3, 1, dtype=np.float32)
    problem.weights.weight_ih[0, 0], problem.weights.weight_ih[1, 0] = np.nan, np.inf
    output = forward(pack(problem, "bfloat16"), problem).output[0, 0]
    assert np.isnan(output[0])
    assert output[1] == np.sign(problem.x[0, 0, 0])


@every_storage
def test_a_compressed_layer_says_what_it_is_and_only_runs_forward(kept):
    problem = make_problem(Config(mode="LSTM", input_size=3, hidden_size=5), 4, 2, dtype=np.float32)
    layer = pack(problem, kept)
    assert layer.storage == kept
    assert engine.pack("LSTM", problem.weights).storage == "float32"
    with pytest.raises(DtypeError, match=f"matches: .* stored as {kept}, which only runs forward"):
        engine.matches(layer, problem.weights)
    done = forward(layer, problem, tape=True)
    dy = np.ones_like(done.output)
    with pytest.raises(DtypeError, match=f"backward: .* stored as {kept}, which only runs forward"):
        engine.backward(layer, problem.x, done.output, None, None, done.tape, dy)


def test_the_core_refuses_what_the_engine_lets_through():
    problem = make_problem(Config(mode="LSTM", input_size=3, hidden_size=5), 4, 2, dtype=np.float32)
    stored = compact.compress(problem.weights, "int8")
    layer = engine.pack("LSTM", stored)
    with pytest.raises(ValueError, match="only runs forward"):
        layer.matches(None, None, None, None, None)
    with pytest.raises(ValueError, match="only runs forward"):
        layer.matches_at(0, 0, 0, 0, 0, 1)
    with pytest.raises(ValueError, match="int8 weights and no others have scales"):
        _core.LayerF32("LSTM", stored.weight_ih, stored.weight_hh, None, None, None, None, None)
    few = compact.compress(problem.weights, "bfloat16")
    with pytest.raises(ValueError, match="int8 weights and no others have scales"):
        _core.LayerF32("LSTM", few.weight_ih, few.weight_hh, None, None, None, stored.scale, None)
    with pytest.raises(ValueError, match=r"scale must be \(G,\)"):
        _core.LayerF32(
            "LSTM", stored.weight_ih, stored.weight_hh, None, None, None, stored.scale[1:], None
        )


@every_storage
def test_layers_stored_differently_make_a_stack(kept):
    config = Config(mode="LSTM", input_size=8, hidden_size=8)
    problem = make_problem(config, 6, 1, dtype=np.float32)
    layers = [engine.pack("LSTM", problem.weights), pack(problem, kept)]
    live = engine.stepper(layers)
    y = problem.x
    for layer in layers:
        y = engine.forward(layer, y).output
    steps = np.stack([live.step(x).copy() for x in problem.x[:, 0]])
    np.testing.assert_array_equal(steps, y[:, 0])
