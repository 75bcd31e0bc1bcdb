"""What holds for every network: cutting, carrying, permuting, reversing, remembering."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import cells, reference
from glasscell.cells.parameters import Config
from strategies import make_problem, problems

small = problems(steps=(0, 1, 2, 3, 5), batches=(1, 2, 3), inputs=(1, 3), hiddens=(1, 2, 5))
examples = settings(deadline=None, max_examples=30)


def run_layer(problem, **changes):
    p = replace(problem, **changes)
    return reference.run_layer(p.config.mode, p.weights, p.x, p.h0, p.c0, **p.order())


run_backward = reference.run_layer_backward


def states(run):
    return {name: getattr(run, name) for name in ("h_n", "c_n") if hasattr(run, name)}


def assert_same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-12)


@examples
@given(problem=small, data=st.data())
def test_a_sequence_cut_in_two_with_the_state_carried_over_is_the_whole_sequence(problem, data):
    problem = replace(problem, reverse=False, lengths=None, reset=None)
    cut = data.draw(st.integers(0, problem.T))
    whole, first = run_layer(problem), run_layer(problem, x=problem.x[:cut])
    state = states(first)
    second = run_layer(problem, x=problem.x[cut:], h0=state["h_n"], c0=state.get("c_n"))
    assert_same(np.concatenate([first.h, second.h]), whole.h)
    for name, value in states(second).items():
        assert_same(value, states(whole)[name])


@examples
@given(problem=small, data=st.data())
def test_the_order_of_the_batch_does_not_matter(problem, data):
    order = data.draw(st.permutations(range(problem.B)))
    permuted = run_layer(
        problem,
        x=problem.x[:, order],
        h0=problem.h0[order],
        c0=None if problem.c0 is None else problem.c0[order],
        lengths=None if problem.lengths is None else problem.lengths[order],
        reset=None if problem.reset is None else problem.reset[:, order],
    )
    run = run_layer(problem)
    assert_same(permuted.h, run.h[:, order])
    back = run_backward(run, np.ones_like(run.h))
    back_permuted = run_backward(permuted, np.ones_like(run.h))
    assert_same(back_permuted.dx, back.dx[:, order])
    assert_same(back_permuted.dweight_hh, back.dweight_hh)


@examples
@given(problem=small)
def test_reverse_is_forward_over_the_reversed_sequence(problem):
    problem = replace(problem, lengths=None, reset=None)
    forward = run_layer(problem, x=problem.x[::-1], reverse=False)
    backward = run_layer(problem, reverse=True)
    assert_same(backward.h, forward.h[::-1])
    assert_same(backward.h_n, forward.h_n)


def pieces_alone(problem, b):
    """Run each piece of sequence b as a sequence of its own, in time order."""
    stop = problem.T if problem.lengths is None else problem.lengths[b]
    cuts = [] if problem.reset is None else np.flatnonzero(problem.reset[1:stop, b]) + 1
    for start, end in pairwise([0, *cuts, stop]):
        yield (
            slice(start, end),
            run_layer(
                problem,
                x=problem.x[start:end, b : b + 1],
                h0=problem.h0[b : b + 1],
                c0=None if problem.c0 is None else problem.c0[b : b + 1],
                lengths=None,
                reset=None,
            ),
        )


@examples
@given(problem=small)
def test_each_piece_of_each_sequence_is_as_if_it_were_alone(problem):
    run = run_layer(problem)
    back = run_backward(run, np.ones_like(run.h))
    expected_h, expected_dx = np.zeros_like(run.h), np.zeros_like(problem.x)
    weight_gradient, dh0 = np.zeros_like(problem.weights.weight_hh), np.zeros_like(problem.h0)
    for b in range(problem.B):
        alone = list(pieces_alone(problem, b))
        for steps, piece in alone:
            piece_back = run_backward(piece, np.ones_like(piece.h))
            expected_h[steps, b] = piece.h[:, 0]
            expected_dx[steps, b] = piece_back.dx[:, 0]
            weight_gradient += piece_back.dweight_hh
            dh0[b] += piece_back.dh0[0]
        final = alone[0 if problem.reverse else -1][1]
        for name, value in states(final).items():
            assert_same(states(run)[name][b], value[0])
    assert_same(run.h, expected_h)
    assert_same(back.dx, expected_dx)
    assert_same(back.dweight_hh, weight_gradient)
    assert_same(back.dh0, dh0)


@examples
@given(problem=small)
def test_what_stands_after_the_end_is_never_read(problem):
    lengths = np.arange(problem.B) % (problem.T + 1)
    after = np.arange(problem.T)[:, None] >= lengths
    spoiled = np.where(after[:, :, None], np.nan, problem.x)
    clean = run_layer(problem, lengths=lengths)
    run = run_layer(problem, x=spoiled, lengths=lengths)
    np.testing.assert_array_equal(run.h, clean.h)
    assert not run.h[after].any()
    dy = np.where(after[:, :, None], np.nan, 1.0) * np.ones_like(run.h)
    for gradient in run_backward(run, dy):
        assert gradient is None or np.isfinite(gradient).all()


@examples
@given(
    problem=problems(
        modes=("LSTM",),
        steps=(1, 2, 20),
        batches=(1, 3),
        inputs=(2,),
        hiddens=(1, 4),
        dtypes=(np.float16, np.float32, np.float64),
    )
)
def test_a_saturated_forget_gate_and_a_shut_input_gate_keep_the_cell_and_its_gradient(problem):
    problem.weights.weight_ih[...] = 0
    problem.weights.weight_hh[...] = 0
    if problem.weights.bias_ih is None:
        biases = {"bias_ih": np.zeros(len(problem.weights.weight_ih), problem.dtype)}
        problem = replace(
            problem,
            weights=replace(problem.weights, **biases, bias_hh=np.zeros_like(biases["bias_ih"])),
        )
    book = cells.Textbook(problem.weights)
    book.b_f = np.full(problem.config.hidden_size, 100)
    book.b_i = np.full(problem.config.hidden_size, -1000)
    run = run_layer(problem, lengths=None, reset=None)
    np.testing.assert_array_equal(run.c, np.broadcast_to(problem.c0, run.c.shape))
    dc_n = np.full_like(run.c_n, 0.1)
    back = reference.lstm_backward(run, np.zeros_like(run.h), dc_n=dc_n)
    np.testing.assert_array_equal(back.dc, np.broadcast_to(dc_n, run.c.shape))
    np.testing.assert_array_equal(back.dc0, dc_n)


@examples
@given(
    problem=problems(
        modes=("LSTM",),
        dtypes=(np.float32, np.float64),
        steps=(1, 4),
        batches=(2,),
        inputs=(3,),
        hiddens=(2, 5),
    )
)
def test_the_values_of_a_run_satisfy_the_equations_of_the_cell_exactly(problem):
    run = run_layer(problem, reverse=False, lengths=None, reset=None)
    before = np.concatenate([problem.c0[None], run.c[:-1]])
    np.testing.assert_array_equal(run.f * before + run.i * run.g, run.c)
    if not problem.config.proj_size:
        np.testing.assert_array_equal(run.o * np.tanh(run.c), run.h)
    assert run.h.dtype == problem.dtype


@examples
@given(seed=st.integers(0, 2**32 - 1), ragged=st.booleans())
def test_a_bidirectional_layer_is_forward_beside_reverse(seed, ragged):
    config = Config(mode="LSTM", input_size=2, hidden_size=3, bidirectional=True)
    ahead = make_problem(config, 4, 3, seed=seed, ragged=ragged)
    back = replace(
        make_problem(config, 4, 3, seed=seed + 1), x=ahead.x, lengths=ahead.lengths, reverse=True
    )
    both = reference.forward(
        config,
        [ahead.weights, back.weights],
        ahead.x,
        np.stack([ahead.h0, back.h0]),
        np.stack([ahead.c0, back.c0]),
        lengths=ahead.lengths,
    )
    runs = run_layer(ahead), run_layer(back)
    np.testing.assert_array_equal(both.output, np.concatenate([run.h for run in runs], axis=2))
    np.testing.assert_array_equal(both.c_n, np.stack([run.c_n for run in runs]))


def test_longer_floats_come_closer_to_the_truth():
    config = Config(mode="LSTM", input_size=3, hidden_size=5)
    exact, errors = run_layer(make_problem(config, 20, 2, dtype=np.longdouble)), []
    for dtype in (np.float16, np.float32, np.float64):
        run = run_layer(make_problem(config, 20, 2, dtype=dtype))
        assert {run.h.dtype, run.c.dtype, run.c_n.dtype} == {np.dtype(dtype)}
        errors.append(float(np.abs(run.h - exact.h).max()))
    assert errors[0] > errors[1] > errors[2]
