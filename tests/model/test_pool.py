"""Many streams in one slab: the bits of lone streams, whatever lives, ends and moves nearby."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import glasscell
from glasscell import engine
from glasscell.cells.parameters import Config
from glasscell.errors import DataError, DtypeError
from glasscell.model.model import Model
from madeup import (
    CONFIGS,
    FORWARD_ONLY,
    encoder_decoder,
    inputs,
    linear,
    name_of,
    recurrent,
    sequential,
)
from strategies import make_problem, problems
from test_threads import forking, forks, in_child, resident

CELL = Config(mode="LSTM", input_size=16, hidden_size=64)


def letters(dtype="float32"):
    """Indices in, an Embedding, a normalized LSTM, a Softmax out."""
    rng = np.random.default_rng(7)
    table = rng.normal(size=(6, 3)).astype(dtype)
    embedding = {"type": "Embedding", "num_embeddings": 6, "embedding_dim": 3, "weights": "0"}
    norm = {"type": "LayerNorm", "size": 5, "eps": 1e-5, "weight": False, "bias": False}
    return sequential(
        (embedding, {"0.weight": table}),
        recurrent(FORWARD_ONLY[1], "1", dtype),
        ({**norm, "weights": "2"}, {}),
        linear(5, 6, "3", dtype),
        ({"type": "Softmax"}, {}),
    )


def models(dtype):
    wide = Config(mode="LSTM", input_size=3, hidden_size=40, num_layers=2)
    lone = [Model(*recurrent(config, dtype=dtype)) for config in [*FORWARD_ONLY, wide]]
    return [*lone, encoder_decoder(dtype), letters(dtype)]


MODELS = models("float32") + models("float64")


def steps_for(model, rng, n):
    """One input for each of n streams."""
    if model.input_size is None:
        return rng.integers(0, 6, n)
    return rng.normal(size=(n, model.input_size)).astype(model.dtype)


class Lives(RuleBasedStateMachine):
    """A pool beside one lone `Stream` for each of its streams: all do the same."""

    @initialize(model=st.sampled_from(MODELS), capacity=st.integers(1, 60), seed=st.integers(0, 99))
    def begin(self, model, capacity, seed):
        self.model, self.pool = model, model.pool(capacity)
        self.rng, self.lone = np.random.default_rng(seed), {}

    def some(self):
        """Any open streams, in any order."""
        ids = np.array(sorted(self.lone), np.int64)
        return self.rng.permutation(ids)[: self.rng.integers(0, len(ids), endpoint=True)]

    @rule(n=st.integers(0, 60))
    def open(self, n):
        if n > self.pool.capacity - len(self.lone):
            with pytest.raises(DataError, match=f"room for {n} more"):
                self.pool.open(n)
            return
        ids = self.pool.open(n)
        assert len(set(ids.tolist()) - set(self.lone)) == n
        self.lone |= {int(k): self.model.stream() for k in ids}

    @rule()
    def close(self):
        ids = self.some()
        self.pool.close(ids)
        for k in ids:
            del self.lone[k]

    @rule()
    def reset(self):
        ids = self.some()
        self.pool.reset(ids)
        for k in ids:
            self.lone[k].reset()

    @precondition(lambda self: self.lone)
    @rule(repeat=st.integers(1, 3))
    def step(self, repeat):
        for _ in range(repeat):
            ids = self.some()
            x = steps_for(self.model, self.rng, len(ids))
            y = self.pool.step(ids, x)
            assert len(y) == len(ids)
            for k, x_t, y_t in zip(ids, x, y, strict=True):
                np.testing.assert_array_equal(y_t, self.lone[k].step(x_t))

    @rule()
    def move(self):
        ids = self.some()
        state = self.pool.save(ids)
        self.pool.reset(ids)
        other = self.model.pool(len(ids) + 1)
        there = other.open(len(ids))
        other.restore(there, state)
        self.pool.restore(ids, other.save(there))

    @invariant()
    def the_pool_knows_who_lives(self):
        assert self.pool.ids.tolist() == sorted(self.lone)
        assert len(self.pool) == len(self.lone) <= self.pool.capacity


Lives.TestCase.settings = settings(max_examples=200, stateful_step_count=20, deadline=None)
test_streams_of_any_lives_have_the_bits_of_lone_streams = Lives.TestCase


@given(
    problem=problems(
        dtypes=(np.float32, np.float64), steps=(1, 3), batches=(1, 5, 6, 7, 13, 48, 49, 97)
    ),
    threads=st.integers(1, 4),
)
@settings(max_examples=400)
def test_sizes_around_the_seams_of_kernels_and_chunks_give_the_bits_of_forward(problem, threads):
    p, B = problem, problem.B
    layer = engine.pack(p.config.mode, p.weights)
    pool = engine.stream_pool([[layer]], 3 * B)
    ids = np.empty(3 * B, np.int64)
    pool.open(ids)
    ids = np.random.default_rng(p.seed).permutation(ids)[:B]
    pool.set_state(0, ids, p.h0[None], None if p.c0 is None else p.c0[None])
    y = np.empty((p.T, B, layer.output_size), p.dtype)
    for t in range(p.T):
        pool.step(0, ids, p.x[t], y[t], threads)
    run = engine.forward(layer, p.x, p.h0, p.c0)
    np.testing.assert_array_equal(y, run.output)
    h = np.empty((1, *run.h_n.shape), p.dtype)
    c = None if run.c_n is None else np.empty((1, *run.c_n.shape), p.dtype)
    pool.get_state(0, ids, h, c)
    np.testing.assert_array_equal(h[0], run.h_n)
    assert c is None or np.array_equal(c[0], run.c_n)


def test_the_number_of_threads_changes_no_bit():
    p = make_problem(CELL, 2, 500, dtype=np.float32)
    layer = engine.pack("LSTM", p.weights)
    expected = engine.forward(layer, p.x).output
    for threads in (1, 2, 3, 5):
        pool = engine.stream_pool([[layer]], 500)
        ids = np.empty(500, np.int64)
        pool.open(ids)
        for t in range(2):
            y = np.empty_like(expected[t])
            pool.step(0, ids, p.x[t], y, threads)
            np.testing.assert_array_equal(y, expected[t])


def test_a_reopened_id_knows_nothing_of_the_stream_before_it():
    model = encoder_decoder()
    x = inputs(model, 3, 5)
    pool = model.pool(5)
    first = pool.step(pool.open(5), x[0])
    pool.step(pool.ids, x[1])
    pool.close([3, 1])
    again = pool.open(2)
    assert sorted(again.tolist()) == [1, 3]
    assert not any(part.any() for part in pool.save(again)["0"])
    np.testing.assert_array_equal(pool.step(again, x[0, again]), first[again])


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_state_moves_between_a_pool_a_stream_and_a_run(model):
    rng = np.random.default_rng(1)
    x = np.stack([steps_for(model, rng, 3) for _ in range(6)])  # (T, B, ...)
    laid = x if not model.recurrent[0].config.batch_first else x.swapaxes(0, 1)
    time = 1 if model.recurrent[0].config.batch_first else 0
    whole = np.moveaxis(model.run(laid).output, time, 0)
    pool = model.pool(7)
    ids = pool.open(7)[[6, 0, 3]]
    run = model.run(np.moveaxis(x[:2], 0, time))
    pool.restore(ids, run.state)
    np.testing.assert_array_equal(pool.step(ids, x[2]), whole[2])
    stream = model.stream()
    stream.state = pool.save(ids[1])
    np.testing.assert_array_equal(stream.step(x[3, 1]), whole[3, 1])
    pool.restore(int(ids[1]), stream.state)
    pool.step(ids[[0, 2]], x[3][[0, 2]])
    rest = model.run(np.moveaxis(x[4:], 0, time), state=pool.save(ids))
    np.testing.assert_array_equal(np.moveaxis(rest.output, time, 0), whole[4:])


def test_a_state_is_a_copy_both_ways():
    model = Model(*recurrent(CONFIGS[0]))
    pool = model.pool(2)
    ids = pool.open(2)
    pool.step(ids, inputs(model, 2))
    h, c = pool.save(ids)
    before = h.copy()
    pool.restore(ids, (h, c))
    h[:] = c[:] = 77
    np.testing.assert_array_equal(pool.save(ids)[0], before)


def test_a_state_of_none_begins_anew():
    model = encoder_decoder()
    pool = model.pool(2)
    ids = pool.open(2)
    pool.step(ids, inputs(model, 2))
    pool.restore(ids[:1], None)
    pool.restore(ids[1:], {"0": None, "3": pool.save(ids[1:])["3"]})
    assert not pool.save(ids)["0"][0].any()
    assert pool.save(ids)["3"].any(axis=(0, 2)).tolist() == [False, True]


def test_an_index_outside_the_embedding_is_refused_before_any_stream_moves():
    pool = letters().pool(2)
    ids = pool.open(2)
    with pytest.raises(DataError, match="0 … 5"):
        pool.step(ids, np.array([1, 6]))
    with pytest.raises(DtypeError, match=r"indices \(n,\)"):
        pool.step(ids, np.array([1.0, 2.0]))
    assert not pool.save(ids)[0].any()


def test_what_is_not_contiguous_or_not_an_array_of_int64_is_taken_all_the_same():
    model = Model(*recurrent(CONFIGS[0]))
    x = inputs(model, 4)
    pool, other = model.pool(4), model.pool(4)
    ids = pool.open(4)
    expected = pool.step(ids, x)
    wide = np.zeros((4, 9), np.float32)
    wide[:, 2:5] = x
    unaligned = np.frombuffer(b"." + x.tobytes(), np.float32, offset=1).reshape(4, 3)
    for given_x in (wide[:, 2:5], np.asfortranarray(x), unaligned, x.tolist()):
        for given_ids in (other.open(4).tolist(),):
            y = other.step(given_ids, np.asarray(given_x, np.float32))
            np.testing.assert_array_equal(y, expected)
            other.close(given_ids)
    again = other.open(4)
    y = other.step(np.repeat(again.astype(np.uint8), 2)[::2], x)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("model", [Model(*recurrent(CONFIGS[0])), encoder_decoder()], ids=repr)
def test_out_receives_the_output(model):
    x = inputs(model, 3)
    pool, other = model.pool(3), model.pool(3)
    expected = pool.step(pool.open(3), x)
    wide = np.full((3, expected.shape[1] + 2), 9, np.float32)
    out = wide[:, 1:-1]
    assert other.step(other.open(3), x, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert (wide[:, [0, -1]] == 9).all()


def test_out_may_lie_between_the_columns_of_x():
    model = Model(*recurrent(CONFIGS[0]))
    pool, other = model.pool(4), model.pool(4)
    both = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    expected = pool.step(pool.open(4), both[:, :3])
    other.step(other.open(4), both[:, :3], out=both[:, 3:])
    np.testing.assert_array_equal(both[:, 3:], expected)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_call_for_no_stream_does_nothing(model):
    pool = model.pool(3)
    assert pool.open(0).shape == (0,)
    none = np.empty(0, np.int64)
    width = model.run(np.stack([steps_for(model, np.random.default_rng(0), 1)])).output.shape[-1]
    x = steps_for(model, np.random.default_rng(0), 0)
    y = pool.step(none, x)
    assert (y.shape, y.dtype) == ((0, width), model.dtype)
    assert pool.step([], x, out=y) is y
    pool.restore(none, pool.save(none))
    pool.close([])
    pool.reset([])
    assert len(pool) == 0


@pytest.mark.parametrize(
    ("config", "dtype", "size"),
    [
        (CELL, "float32", 512),
        (CELL, "float64", 1024),
        (Config(mode="RNN_TANH", input_size=3, hidden_size=64, num_layers=2), "float32", 512),
        (Config(mode="LSTM", input_size=3, hidden_size=64, proj_size=16), "float32", 320),
        (Config(mode="LSTM", input_size=3, hidden_size=128, num_layers=3), "float32", 3072),
    ],
    ids=lambda value: name_of(value) if isinstance(value, Config) else str(value),
)
def test_a_stream_takes_the_memory_of_its_state(config, dtype, size):
    pool = Model(*recurrent(config, dtype=dtype)).pool(10)
    assert pool.stream_nbytes == size
    assert pool.nbytes == 0
    pool.open(4)
    assert 4 * size < pool.nbytes < 4 * size + 64
    pool.close([0, 1])
    pool.open(2)
    assert pool.nbytes < 4 * size + 64


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_a_million_streams_cost_nothing_before_they_are_opened():
    model = Model(*recurrent(CELL))
    before = resident()
    pools = [model.pool(1_000_000) for _ in range(10)]
    pools[0].open(1000)
    assert resident() - before < 2 << 20
    pools[1].open(20_000)
    assert 20_000 * 512 < resident() - before < 20_000 * 512 + (3 << 20)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_a_pool_gives_its_memory_back():
    model = Model(*recurrent(CELL))

    def use():
        pool = model.pool(1_000_000)
        pool.step(pool.open(5000), np.ones((5000, 16), np.float32))

    def address_space():
        gc.collect()
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])

    use()
    before = address_space()
    for _ in range(20):
        use()
    assert (address_space() - before) * os.sysconf("SC_PAGE_SIZE") < 64 << 20


def test_a_pool_keeps_its_model_alive():
    x = inputs(encoder_decoder(), 2)
    expected = encoder_decoder().pool(2)
    expected = expected.step(expected.open(2), x)
    pool = encoder_decoder().pool(2)
    gc.collect()
    np.testing.assert_array_equal(pool.step(pool.open(2), x), expected)


@pytest.mark.parametrize("model", [Model(*recurrent(CELL)), encoder_decoder()], ids=repr)
def test_python_threads_may_call_one_pool(model):
    x = inputs(model, 40, 4, 60)  # (T, threads, streams of each, I)
    pool, start, wrong = model.pool(240), threading.Barrier(4), []

    def own(k):
        start.wait()
        ids = pool.open(60)
        whole = model.run(x[:, k]).output
        for t in range(40):
            if not np.array_equal(pool.step(ids, x[t, k]), whole[t]):
                wrong.append((k, t))
        pool.close(ids)

    threads = [threading.Thread(target=own, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(pool) == 0


@forks
@forking
def test_a_forked_child_goes_on_from_the_state_of_its_parent():
    model = Model(*recurrent(CELL))
    x = inputs(model, 3, 500)
    whole = model.run(x).output
    pool = model.pool(500)
    ids = pool.open(500)
    pool.step(ids, x[0])

    def goes_on():
        return all(np.array_equal(pool.step(ids, x[t]), whole[t]) for t in (1, 2))

    assert in_child(goes_on) == 0
    assert goes_on()  # the child's steps were its own


@forks
@forking
def test_a_fork_waits_for_the_step_of_another_thread():
    model = sequential(
        recurrent(CELL, "0"), recurrent(Config(mode="LSTM", input_size=64, hidden_size=64), "1")
    )
    pool, stop = model.pool(300), threading.Event()
    ids, x = pool.open(300), np.ones((300, 16), np.float32)

    def busy():
        while not stop.is_set():
            pool.step(ids, x)

    def whole():
        """All streams were given the same steps, so all are at the same place."""
        state = pool.save(ids)
        parts = (part for name in ("0", "1") for part in state[name])
        return all((part == part[:, :1]).all() for part in parts) and pool.step(ids, x) is not None

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        codes = [in_child(whole) for _ in range(10)]
    finally:
        stop.set()
        thread.join()
    assert codes == [0] * 10


def test_the_name_is_public():
    assert type(encoder_decoder().pool(1)) is glasscell.StreamPool
