"""The same bits: laws of the engine that hold exactly, for any layer, size, order and precision.

`gradients` are compared where they belong to one sequence: dx, dh0, dc0, dh and dc. A gradient of
the weights is a sum over the whole batch, so it has the same bits for any number of threads and any
way of saying the same batch, but not for another batch.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import engine
from glasscell.cells import LSTM
from glasscell.cells.parameters import Config
from own_cells import Diagonal, Stabilised
from strategies import layer_weights, make_problem, problems

both = (np.float32, np.float64)
OPTIONS = LSTM(peephole=True, clip=1.0)
# An LSTM twice as often: it alone has a projection.
CELLS = ("LSTM", "LSTM", "RNN_TANH", "RNN_RELU", "GRU", Diagonal(), Stabilised(), OPTIONS)
any_problem = problems(modes=CELLS, dtypes=both)
laws = settings(deadline=None, max_examples=250)


def outgoing(problem):
    """Gradients that arrive at the output and at the final states."""
    rng = np.random.default_rng(problem.seed ^ 1)
    shapes = (problem.T, problem.B, problem.config.output_size), problem.h0.shape, problem.h0.shape
    dy, dh_n = (rng.standard_normal(s).astype(problem.dtype) for s in shapes[:2])
    dc_n = None if problem.c0 is None else rng.standard_normal(problem.c0.shape)
    return dy, dh_n, None if dc_n is None else dc_n.astype(problem.dtype)


def run(problem, given=None, **options):
    """Forward and backward: what comes out, by name, laid out like the problem."""
    p, H = problem, problem.config.hidden_size
    layer = engine.pack(p.config.mode, p.weights)
    threads = options.pop("threads", None)
    out = options.pop("out", None)
    order = p.order() | options
    done = engine.forward(layer, p.x, p.h0, p.c0, tape=True, out=out, threads=threads, **order)
    dy, dh_n, dc_n = outgoing(p) if given is None else given
    back = engine.backward(
        layer, p.x, done.output, p.h0, p.c0, done.tape, dy, dh_n, dc_n,
        flow=True, threads=threads, **order,
    )  # fmt: skip
    tape = None if done.tape is None else done.tape[..., :H]
    forward = {"output": done.output, "tape": tape, "h_n": done.h_n, "c_n": done.c_n}
    return forward | {f"d_{name}": a for name, a in back._asdict().items()}


STATES = ("h_n", "c_n", "d_h0", "d_c0")  # (B, .); the rest of SEQUENCES is (T, B, ...)
STEPWISE = ("output", "tape", "d_x", "d_dh", "d_dc")
WEIGHTS = ("d_weight_ih", "d_weight_hh", "d_bias", "d_weight_hr")


def assert_bits(actual, expected, name=""):
    assert (actual is None) == (expected is None), name
    if actual is not None:
        assert actual.shape == expected.shape, name
        assert actual.tobytes() == expected.tobytes(), name


def assert_all_bits(actual, expected, names=STATES + STEPWISE + WEIGHTS):
    for name in names:
        assert_bits(actual[name], expected[name], name)


def columns(result, which):
    """What a result says of some sequences of the batch."""
    taken = {k: None if result[k] is None else result[k][which] for k in STATES}
    return taken | {k: None if result[k] is None else result[k][:, which] for k in STEPWISE}


def only(problem, which):
    """The problem of some sequences of the batch, in the given order."""

    def of(a, axis=0):
        return None if a is None else np.take(a, which, axis)

    p = problem
    part = replace(
        p, B=len(which), x=of(p.x, 1), h0=of(p.h0), c0=of(p.c0),
        lengths=of(p.lengths), reset=of(p.reset, 1),
    )  # fmt: skip
    dy, dh_n, dc_n = outgoing(p)
    return part, (of(dy, 1), of(dh_n), of(dc_n))


@laws
@given(problem=any_problem)
def test_a_sequence_is_the_same_alone_and_in_any_batch(problem):
    whole = run(problem)
    for b in range(problem.B):
        alone = run(*only(problem, [b]))
        assert_all_bits(alone, columns(whole, [b]), STATES + STEPWISE)


@laws
@given(problem=any_problem, data=st.data())
def test_the_order_of_the_batch_does_not_matter(problem, data):
    order = data.draw(st.permutations(range(problem.B)))
    permuted = run(*only(problem, order))
    assert_all_bits(permuted, columns(run(problem), order), STATES + STEPWISE)


@laws
@given(problem=any_problem, data=st.data())
def test_a_sequence_cut_in_two_with_the_state_carried_over_is_the_whole(problem, data):
    p = replace(problem, lengths=None, reset=None)
    cut = data.draw(st.integers(0, p.T))
    dy, dh_n, dc_n = outgoing(p)
    early, late = slice(0, cut), slice(cut, p.T)
    first, second = (late, early) if p.reverse else (early, late)
    layer, order = engine.pack(p.config.mode, p.weights), {"reverse": p.reverse}
    start = engine.forward(layer, p.x[first], p.h0, p.c0, **order, tape=True)
    later = replace(p, x=p.x[second], h0=start.h_n, c0=start.c_n)
    end = run(later, (dy[second], dh_n, dc_n))
    begun = run(replace(p, x=p.x[first]), (dy[first], end["d_h0"], end["d_c0"]))
    whole = run(p)
    for name in STEPWISE:
        if whole[name] is not None:
            parts = (end[name], begun[name]) if p.reverse else (begun[name], end[name])
            assert_bits(np.concatenate(parts), whole[name], name)
    assert_all_bits(end, whole, ("h_n", "c_n"))
    assert_all_bits(begun, whole, ("d_h0", "d_c0"))


@laws
@given(problem=problems(modes=CELLS, dtypes=both, steps=(1, 2, 3, 5, 8)))
def test_a_ragged_batch_is_each_sequence_alone(problem):
    lengths = np.random.default_rng(problem.seed).integers(0, problem.T + 1, problem.B)
    p = replace(problem, lengths=lengths)
    whole = run(p)
    for b, length in enumerate(lengths):
        part, (dy, dh_n, dc_n) = only(replace(p, lengths=None), [b])
        reset = None if part.reset is None else part.reset[:length]
        alone = run(
            replace(part, T=length, x=part.x[:length], reset=reset), (dy[:length], dh_n, dc_n)
        )
        for name in STATES:
            assert_bits(alone[name], None if whole[name] is None else whole[name][[b]], name)
        for name in STEPWISE:
            if whole[name] is not None:
                assert_bits(alone[name], whole[name][:length, [b]], name)
                assert not whole[name][length:, b].any(), name


@laws
@given(problem=problems(modes=CELLS, dtypes=both, steps=(1, 2, 3, 5, 8)))
def test_packed_is_the_same_as_lengths(problem):
    rng = np.random.default_rng(problem.seed)
    lengths = np.sort(rng.integers(1, problem.T + 1, problem.B))[::-1].copy()
    lengths[0] = problem.T
    p = replace(problem, lengths=lengths)
    padded = run(p)
    inside = np.arange(p.T)[:, None] < lengths
    dy, dh_n, dc_n = outgoing(p)
    packed_problem = replace(p, x=p.x[inside], lengths=None)
    sizes = inside.sum(1)
    packed = run(packed_problem, (dy[inside], dh_n, dc_n), batch_sizes=sizes)
    for name in STEPWISE:
        if padded[name] is not None:
            assert_bits(packed[name], padded[name][inside], name)
    assert_all_bits(packed, padded, STATES + WEIGHTS)


@laws
@given(problem=problems(modes=CELLS, dtypes=both, steps=(1, 2, 3, 5, 8)))
def test_lengths_that_are_all_full_say_nothing(problem):
    plain = replace(problem, lengths=None)
    full = replace(problem, lengths=np.full(problem.B, problem.T))
    assert_all_bits(run(full), run(plain))


@laws
@given(problem=any_problem)
def test_tracing_changes_nothing(problem):
    p = problem
    layer = engine.pack(p.config.mode, p.weights)
    seen = engine.forward(layer, p.x, p.h0, p.c0, tape=True, **p.order())
    plain = engine.forward(layer, p.x, p.h0, p.c0, **p.order())
    assert plain.tape is None
    for name in ("output", "h_n", "c_n"):
        assert_bits(getattr(seen, name), getattr(plain, name), name)


@laws
@given(problem=any_problem, pad=st.integers(1, 5))
def test_where_the_output_lies_does_not_matter(problem, pad):
    p = problem
    T, B, P = p.T, p.B, p.config.output_size
    room = np.full((B, T + 1, P + pad), np.nan, p.dtype)
    out = room.swapaxes(0, 1)[1:, :, pad:]
    assert_all_bits(run(p, out=out), run(p))
    assert np.isnan(room[:, 0]).all()
    assert np.isnan(room[:, :, :pad]).all()


@laws
@given(problem=problems(modes=CELLS, dtypes=both, steps=(1, 2, 3, 5, 8)))
def test_a_cut_sequence_is_its_pieces_alone(problem):
    p = replace(problem, lengths=None)
    p = replace(p, reset=np.random.default_rng(p.seed).random((p.T, p.B)) < 0.4)
    whole = run(p)
    for b in range(p.B):
        part, (dy, dh_n, dc_n) = only(replace(p, reset=None), [b])
        bounds = [0, *(t for t in range(1, p.T) if p.reset[t, b]), p.T]
        spans = [slice(a, z) for a, z in pairwise(bounds)]
        final = spans[0] if p.reverse else spans[-1]
        for span in spans:
            zero = [None if g is None else np.zeros_like(g) for g in (dh_n, dc_n)]
            last = (dh_n, dc_n) if span is final else zero
            piece = run(replace(part, x=part.x[span]), (dy[span], *last))
            for name in STEPWISE:
                if whole[name] is not None:
                    assert_bits(piece[name], whole[name][span, [b]], name)
            if span is final:
                for name in ("h_n", "c_n"):
                    assert_bits(piece[name], None if whole[name] is None else whole[name][[b]])


@laws
@given(
    problem=problems(modes=CELLS, dtypes=both, steps=(2, 3, 5, 8)),
    poison=st.sampled_from([np.nan, np.inf]),
)
def test_nothing_after_the_end_of_a_sequence_is_ever_read(problem, poison):
    p = problem
    lengths = np.random.default_rng(p.seed).integers(0, p.T, p.B)
    p = replace(p, lengths=lengths)
    after = np.arange(p.T)[:, None] >= lengths
    dy, dh_n, dc_n = outgoing(p)
    x, bad_dy = p.x.copy(), dy.copy()
    x[after], bad_dy[after] = poison, poison
    assert_all_bits(run(replace(p, x=x), (bad_dy, dh_n, dc_n)), run(p))


@laws
@given(problem=any_problem, power=st.sampled_from([-8, 3, 10]))
def test_a_scaled_loss_has_scaled_gradients(problem, power):
    scale = problem.dtype(2.0**power)
    plain = run(problem)
    scaled = run(problem, [None if g is None else g * scale for g in outgoing(problem)])
    for name in ("d_x", "d_h0", "d_c0", "d_dh", "d_dc", *WEIGHTS):
        expected = None if plain[name] is None else plain[name] * scale
        assert (expected is None) == (scaled[name] is None)
        if expected is not None:
            np.testing.assert_array_equal(scaled[name], expected, err_msg=name)


@laws
@given(problem=problems(modes=("LSTM",), dtypes=both), more=st.integers(1, 17))
def test_units_with_weights_of_zero_change_nothing(problem, more):
    p, H = replace(problem, config=replace(problem.config, proj_size=0)), problem.config.hidden_size
    weights = layer_weights(p.config, np.random.default_rng(p.seed), p.dtype)
    wide = Config(
        mode="LSTM", input_size=p.config.input_size, hidden_size=H + more, bias=p.config.bias
    )
    arrays = {}
    for name, a in weights.arrays().items():
        grown = np.zeros(wide.shapes(0)[name], p.dtype).reshape(4, H + more, -1)
        old = a.reshape(4, H, -1)
        grown[:, :H, : old.shape[2]] = old
        arrays[name] = grown.reshape(wide.shapes(0)[name])
    h0 = np.random.default_rng(p.seed).uniform(-1, 1, (p.B, H)).astype(p.dtype)
    room = ((0, 0), (0, more))
    narrow = replace(p, weights=weights, h0=h0)
    grown = replace(
        narrow, config=wide, weights=type(weights)(**arrays),
        h0=np.pad(h0, room), c0=np.pad(p.c0, room),
    )  # fmt: skip
    dy, dh_n, dc_n = outgoing(narrow)
    given = np.pad(dy, ((0, 0), *room)), np.pad(dh_n, room), np.pad(dc_n, room)
    a, b = run(narrow, (dy, dh_n, dc_n)), run(grown, given)
    for name in ("output", "tape", "h_n", "d_dh", "d_dc", "d_h0"):
        assert_bits(b[name][..., :H], a[name], name)
    assert_bits(b["d_x"], a["d_x"])


@pytest.mark.parametrize("mode", ["LSTM", "RNN_TANH", "GRU", Stabilised()], ids=str)
@pytest.mark.parametrize("dtype", both)
@pytest.mark.parametrize(
    "order", [{}, {"ragged": True}, {"reverse": True, "ragged": True, "cut": True}]
)
def test_the_number_of_threads_changes_no_bit(mode, order, dtype):
    config = Config(mode=mode, input_size=40, hidden_size=90, proj_size=9 * (mode == "LSTM"))
    p = make_problem(config, 23, 29, dtype=dtype, **order)  # enough work for five threads
    one = run(p, threads=1)
    for threads in (2, 3, 5, 64):
        assert_all_bits(run(p, threads=threads), one)


@pytest.mark.parametrize("dtype", both)
def test_linear_is_the_same_for_any_rows_and_threads(dtype):
    rng = np.random.default_rng(0)
    packed = engine.pack_linear(*(rng.standard_normal(s).astype(dtype) for s in ((70, 90), 70)))
    x = rng.standard_normal((500, 90)).astype(dtype)
    whole = engine.linear(packed, x, threads=1)
    for threads in (2, 3, 5):
        assert_bits(engine.linear(packed, x, threads=threads), whole)
    for rows in (1, 2, 3, 5, 6, 7, 97):
        assert_bits(engine.linear(packed, x[:rows]), whole[:rows])
    assert_bits(engine.linear(packed, x.reshape(5, 100, 90)).reshape(500, 70), whole)


@laws
@given(problem=problems(modes=CELLS, dtypes=both), depth=st.integers(1, 3))
def test_steps_are_the_whole_sequence(problem, depth):
    p, mode, cell = problem, problem.config.mode, problem.c0 is not None
    P = p.config.output_size
    above = replace(p.config, input_size=P)
    rng = np.random.default_rng(p.seed)
    layers = [engine.pack(mode, p.weights)]
    for _ in range(depth - 1):
        layers.append(engine.pack(mode, layer_weights(above, rng, p.dtype)))
    h = rng.uniform(-1, 1, (depth, P)).astype(p.dtype)
    c = rng.uniform(-2, 2, (depth, *p.c0.shape[1:])).astype(p.dtype) if cell else None
    live = engine.stepper(layers)
    live.set_state(h, c)
    x = p.x[:, :1] if p.B else p.x
    whole = np.ascontiguousarray(x)
    last_h, last_c = [], []
    for k, layer in enumerate(layers):
        run = engine.forward(layer, whole, h[k : k + 1], c[k : k + 1] if cell else None)
        whole = run.output
        last_h.append(run.h_n)
        last_c.append(run.c_n)
    for t in range(p.T):
        assert_bits(live.step(np.ascontiguousarray(x[t, 0])), whole[t, 0])
    got_h, got_c = np.empty_like(h), None if c is None else np.empty_like(c)
    live.get_state(got_h, got_c)
    assert_bits(got_h, np.concatenate(last_h))
    assert_bits(got_c, np.concatenate(last_c) if cell else None)
