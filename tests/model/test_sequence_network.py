"""Networks that label sequences: whole, ragged, step by step and pooled, to the same bits."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import madeup
from glasscell.cells.parameters import Config
from glasscell.errors import DtypeError, ShapeError, WeightFormatError
from glasscell.model import modelfile
from glasscell.model.compress import compress
from glasscell.model.model import Model, load
from glasscell.model.nodes.pooled_steps import POOLINGS, Pool, Summary, attention_weights
from pooled_networks import POOLED

EVERY = POOLED[-1]
KINDS = [*POOLED, ()]
LENGTHS = np.array([9, 3, 1, 6])


def named(kinds):
    return "-".join(kinds) or "steps"


def config(**more):
    return Config(**{"mode": "LSTM", "input_size": 3, "hidden_size": 5, "batch_first": True} | more)


def made(kinds=EVERY, dtype="float32", **more):
    return Model(*madeup.sequence_network(kinds, config(**more), dtype=dtype))


def score(model, x):
    """What a step by step reader would have at the end of x (T, F)."""
    output = model.run(x).output
    return output if model.root.pooling is not None else output[-1]


@pytest.fixture(params=KINDS, ids=named)
def kinds(request):
    return request.param


SHAPES = [
    {},
    {"hidden_size": 1, "input_size": 1},
    {"num_layers": 2},
    {"mode": "GRU"},
    {"mode": "RNN_TANH", "num_layers": 2},
    {"bidirectional": True},
    {"mode": "GRU", "num_layers": 2, "bidirectional": True},
    {"proj_size": 2},
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("more", SHAPES, ids=str)
def test_a_sequence_in_a_ragged_batch_has_the_bits_that_it_has_alone(kinds, dtype, more):
    model = made(kinds, dtype, **more)
    x = madeup.inputs(model, 4, 9)
    # Nothing that stands after an end is read.
    x[np.arange(9) >= LENGTHS[:, None]] = np.nan
    output = model.run(x, lengths=LENGTHS).output
    for row, length in enumerate(LENGTHS):
        alone = model.run(x[row, :length]).output
        ours = output[row] if kinds else output[row, :length]
        assert alone.tobytes() == ours.tobytes()
        assert model.run(x[row : row + 1, :length]).output.tobytes() == ours.tobytes()
        assert kinds or not output[row, length:].any()


FORWARDS = [more for more in SHAPES if "bidirectional" not in more]


@pytest.mark.parametrize("more", FORWARDS, ids=str)
def test_a_stream_has_the_bits_of_a_run_on_the_steps_so_far(kinds, more):
    model = made(kinds, **more)
    x = madeup.inputs(model, 1, 30)[0]
    stream = model.stream()
    for t, row in enumerate(x):
        assert stream.step(row).tobytes() == score(model, x[: t + 1]).tobytes(), t
    stream.reset()
    assert stream.step(x[5]).tobytes() == score(model, x[5:6]).tobytes()


def test_a_stream_that_was_stopped_and_restored_goes_on_to_the_same_bits(kinds, tmp_path):
    """Also from a file, in another stream, in a pool, and out of a run on the first part."""
    model = made(kinds, num_layers=2)
    x = madeup.inputs(model, 1, 12)[0]
    stream = model.stream()
    for row in x[:5]:
        stream.step(row)
    state = stream.state
    if kinds:
        parts = {"h": state["recurrent"][0], "c": state["recurrent"][1]}
        np.savez(tmp_path / "state.npz", **parts, **{k: state[k] for k in ("pooling", "summary")})
        read = np.load(tmp_path / "state.npz")
        state = {"recurrent": (read["h"], read["c"])} | {k: read[k] for k in ("pooling", "summary")}
    stream.step(x[0])  # the copy is not the stream's own
    other, pool, reset = model.stream(), model.pool(9), model.stream()
    other.state = state
    place = int(pool.open(4)[2])
    pool.restore(place, state)
    reset.state = model.run(x[:5]).state
    for t in range(5, 12):
        expected = score(model, x[: t + 1]).tobytes()
        assert other.step(x[t]).tobytes() == expected
        assert reset.step(x[t]).tobytes() == expected
        assert pool.step([place], x[t : t + 1])[0].tobytes() == expected
    assert score_after(model, x[5:], state).tobytes() == score(model, x).tobytes()


def score_after(model, x, state):
    output = model.run(x, state).output
    return output if model.root.pooling is not None else output[-1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1, max_size=12), st.data())
def test_a_pool_gives_what_streams_give(calls, data):
    """Any streams a call, some closed and opened anew in between."""
    model = made(data.draw(st.sampled_from(KINDS)))
    pool, x = model.pool(5), madeup.inputs(model, 12, 5)
    pool.open(5)
    alone = [model.stream() for _ in range(5)]
    for turn, ids in enumerate(calls):
        order = data.draw(st.permutations(sorted(ids)))
        out = pool.step(order, x[turn, order])
        for place, row in zip(order, out, strict=True):
            assert row.tobytes() == alone[place].step(x[turn, place]).tobytes()
        gone = data.draw(st.integers(0, 4))
        if data.draw(st.booleans()):
            pool.close(gone)
            assert pool.open(1) == [gone]
            alone[gone].reset()


def test_a_pool_says_what_a_stream_takes():
    model = made(EVERY)
    pool = model.pool(100)
    before = pool.stream_nbytes, pool.nbytes
    pool.open(50)
    kept = Pool(EVERY, 5).size + Summary(3).size
    assert before[0] == made(()).pool(1).stream_nbytes + 8 * kept
    assert pool.nbytes - before[1] >= 50 * 8 * kept


def test_a_sequence_that_comes_in_pieces_has_the_scores_of_the_whole(kinds):
    model = made(kinds, "float64")
    x = madeup.inputs(model, 4, 12)
    state = None
    for piece in (x[:, :1], x[:, 1:7], x[:, 7:]):
        run = model.run(piece, state)
        state = run.state
    whole = model.run(x)
    assert run.output.tobytes() == (whole.output if kinds else whole.output[:, 7:]).tobytes()
    traced = model.run(x, trace=True)
    assert traced.output.tobytes() == whole.output.tobytes()
    assert list(traced.trace) == ["recurrent.l0"]


@pytest.mark.parametrize("width", [1, 2, 3, 8, 130])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (0, 2, 1)], ids=str)
def test_steps_are_added_in_their_order_in_any_layout(width, dtype, layout):
    """Against a loop over the steps: sums in any other order have other bits."""
    random = np.random.default_rng(0)
    lengths = np.array([700, 700, 1, 5, 333])
    y = random.normal(size=(5, 700, width)).astype(dtype)
    y = y.transpose(layout).copy().transpose(np.argsort(layout))
    scores = 300 * random.normal(size=(5, 700))  # rises over several levels
    pool, summary = Pool(EVERY, width), Summary(width)
    held, facts = pool.begin(5), summary.begin(5)
    pooled = pool.absorb(held, y, lengths, scores)
    summed = summary.absorb(facts, y, lengths)
    for row, length in enumerate(lengths):
        one, fact = pool.begin(1), summary.begin(1)
        total = np.zeros(width)
        for t in range(length):
            step = y[row : row + 1, t : t + 1]
            total = total + step[0, 0]
            alone = pool.absorb(one, step, None, scores[row : row + 1, t : t + 1])
            told = summary.absorb(fact, step)
        assert held[row, 1 : 1 + width].tobytes() == total.tobytes()
        assert held[row].tobytes() == one.tobytes()
        assert facts[row].tobytes() == fact.tobytes()
        assert pooled[row].tobytes() == alone.tobytes()
        assert summed[row].tobytes() == told.tobytes()


def test_scores_are_what_the_equations_say():
    """Float64, against NumPy's own mean, max, standard deviation and softmax."""
    model = made(EVERY, "float64", bidirectional=True)
    tree, arrays = madeup.sequence_network(EVERY, config(bidirectional=True), dtype="float64")
    layer = Model({**tree["recurrent"], "weights": ""}, {
        name.removeprefix("recurrent."): array
        for name, array in arrays.items()
        if name.startswith("recurrent.")
    })  # fmt: skip
    x = madeup.inputs(model, 3, 20)
    y = layer.run(x).output
    share = np.exp(y @ arrays["attention.weight"][0] + arrays["attention.bias"])
    share /= share.sum(axis=1, keepdims=True)
    last = np.concatenate([y[:, -1, :5], y[:, 0, 5:]], axis=1)
    pooled = [last, y.mean(axis=1), y.max(axis=1), (share[:, :, None] * y).sum(axis=1)]
    facts = [x.mean(axis=1), x.std(axis=1), x[:, 0], x[:, -1]]
    expected = np.concatenate(pooled, 1) @ arrays["head.weight"].T + arrays["head.bias"]
    expected += np.concatenate(facts, 1) @ arrays["skip.weight"].T + arrays["skip.bias"]
    np.testing.assert_allclose(model.run(x).output, expected, rtol=0, atol=1e-12)
    weights = model.root.pooling.weights(y)
    np.testing.assert_allclose(weights, share, rtol=1e-12)


def test_attention_weights_end_where_the_sequence_does():
    scores = np.random.default_rng(0).normal(size=(4, 9))
    weights = attention_weights(scores, LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone = attention_weights(scores[row : row + 1, :length])[0]
        np.testing.assert_allclose(weights[row, :length], alone, rtol=1e-15)
        assert not weights[row, length:].any()


def test_sums_go_on_growing_on_a_stream_that_never_ends():
    """In float32 a mean of what follows 2^24 ones would stand still."""
    pool = Pool(("mean",), 1)
    held = pool.begin(1)
    pool.absorb(held, np.ones((1, 1, 1), np.float32))
    held *= 2**24
    for _ in range(3):
        pool.absorb(held, np.ones((1, 1, 1), np.float32))
    assert held.tolist() == [[2**24 + 3] * 2]


def test_a_large_offset_leaves_the_deviation_its_digits():
    x = 1e6 + np.array([[[1.0], [2.0], [4.0], [7.0]]], np.float32)
    found = Summary(1).absorb(Summary(1).begin(1), x)
    np.testing.assert_allclose(found[0, 1], np.std([1, 2, 4, 7]), rtol=1e-6)
    constant = np.full((1, 7, 1), 0.1, np.float32)
    assert Summary(1).absorb(Summary(1).begin(1), constant)[0, 1] == 0


def test_scores_of_any_size_are_weighed():
    """No overflow, and what is 1e30 below the top counts for nothing."""
    y = np.arange(4.0).reshape(1, 4, 1)
    pool = Pool(("attention",), 1)
    for scores, expected in (
        ([1e30, 0, 0, 0], 0),
        ([0, 1000, 1000, -1000], 1.5),
        ([-3000, -3000, -3000, -3001], (3 + 3 * np.exp(-1)) / (3 + np.exp(-1))),
        ([-1e30, -1e30, 0, 0], 2.5),
        ([0, 9e9, 0, 9e9], 2),
    ):
        found = pool.absorb(pool.begin(1), y, None, np.array([scores]))
        np.testing.assert_allclose(found, [[expected]], rtol=1e-15)


def test_what_has_no_steps_is_refused():
    model = made()
    x = madeup.inputs(model, 4, 9)
    assert model.run(x[:0]).output.shape == (0, 4)
    for empty in (x[:, :0], x[0, :0]):
        with pytest.raises(ShapeError, match="at least one step"):
            model.run(empty)
    with pytest.raises(ShapeError, match="at least one step"):
        model.run(x, lengths=[9, 0, 1, 2])
    with pytest.raises(ShapeError, match="no reset"):
        model.run(x, reset=np.zeros((4, 9), bool))
    # Scores at every step pool nothing.
    assert not made(()).run(x, lengths=[0, 0, 0, 0]).output.any()
    assert made(()).run(x, reset=np.ones((4, 9), bool)).output.shape == (4, 9, 4)


def test_a_network_that_reads_both_ways_has_no_streams(kinds):
    model = made(kinds, bidirectional=True)
    for start in (model.stream, lambda: model.pool(3)):
        with pytest.raises(ShapeError, match="bidirectional"):
            start()


def test_a_state_of_another_form_is_refused():
    model = made()
    x = madeup.inputs(model, 4, 9)
    state = model.run(x).state
    for part, wrong, error in (
        ("pooling", state["pooling"][:3], ShapeError),
        ("pooling", state["pooling"].astype(np.float32), DtypeError),
        ("summary", state["summary"][:, :2], ShapeError),
        ("other", state["summary"], ShapeError),
    ):
        with pytest.raises(error, match=part if part != "other" else "keys among"):
            model.run(x, {**state, part: wrong})
    pool = model.pool(4)
    ids = pool.open(4)
    before = pool.save(ids)
    with pytest.raises(ShapeError, match="pooling"):
        pool.restore(ids, {**state, "pooling": state["pooling"][:3]})
    after = pool.save(ids)
    assert all((after[k] == before[k]).all() for k in ("pooling", "summary"))
    kept = state["pooling"].copy()
    model.run(x, state)
    np.testing.assert_array_equal(state["pooling"], kept)


def test_a_damaged_tree_is_refused_in_words():
    tree, arrays = madeup.sequence_network(EVERY, config())
    wrong = {
        "some of last, mean, max, attention": {"pooling": ["mean", "last"]},
        "in that order": {"pooling": ["last", "last"]},
        "got \\['median'\\]": {"pooling": ["median"]},
        "pooling to be a list": {"pooling": "mean"},
        "expected a Linear if pooling has attention": {"attention": None},
        "expected a Linear, got null": {"head": None},
        "no field extra": {"extra": 1},
        "batch_first true": {"recurrent": {**tree["recurrent"], "batch_first": False}},
        "model.recurrent: expected a recurrent layer": {"recurrent": {"type": "Identity"}},
        "model.head: expected a Linear from 20": {"head": {"type": "Identity"}},
    }
    for words, change in wrong.items():
        with pytest.raises(WeightFormatError, match=words):
            Model({**copy.deepcopy(tree), **change}, arrays)
    for name in ("pooling", "recurrent", "attention", "head", "skip"):
        with pytest.raises(WeightFormatError, match=f"field '{name}'"):
            Model({key: value for key, value in tree.items() if key != name}, arrays)
    for part, wide in (("head", 20), ("attention", 5), ("skip", 12)):
        short = {**tree, part: {**tree[part], "in_features": wide - 1}}
        with pytest.raises(WeightFormatError, match=f"model.{part}: expected a Linear from {wide}"):
            Model(short, {**arrays, f"{part}.weight": arrays[f"{part}.weight"][:, :-1]})
    steps, own = madeup.sequence_network((), config())
    skip = {name: arrays[name] for name in ("skip.weight", "skip.bias")}
    with pytest.raises(WeightFormatError, match="null, as scores at every step"):
        Model({**steps, "skip": tree["skip"]}, own | skip)
    with pytest.raises(WeightFormatError, match="the whole model"):
        Model({"type": "Sequential", "children": [tree]}, arrays)


@pytest.mark.parametrize("name", ["attention.weight", "head.bias", "skip.weight"])
def test_damaged_weights_are_refused(name):
    tree, arrays = madeup.sequence_network(EVERY, config())
    with pytest.raises(WeightFormatError, match=name):
        Model(tree, {key: array for key, array in arrays.items() if key != name})
    with pytest.raises(WeightFormatError, match=f"expected {name} of shape"):
        Model(tree, {**arrays, name: arrays[name][..., :-1]})


@pytest.mark.parametrize("weights", ["bfloat16", "int8"])
def test_a_compressed_copy_runs_and_streams(weights, tmp_path):
    tree, arrays = madeup.sequence_network(EVERY, config())
    full = load(modelfile.write(tmp_path / "full", tree, arrays))
    few = load(compress(tmp_path / "full", tmp_path / "few", weights))
    x = madeup.inputs(full, 4, 9)
    assert few.weights_dtype == weights
    ours, theirs = (model.run(x, lengths=LENGTHS).output for model in (few, full))
    assert (ours != theirs).any()
    # Weights are off by 1/256 of the largest or less; every score sums some tens of them.
    np.testing.assert_allclose(ours, theirs, atol=0.5)
    stream = few.stream()
    for row in x[0]:
        last = stream.step(row)
    assert last.tobytes() == ours[0].tobytes()


def test_a_model_says_what_it_is():
    assert POOLINGS == EVERY
    called = "Model(SequenceNetwork, input_size=3, output_size=4, float32, 342 parameters)"
    assert repr(made()) == called
