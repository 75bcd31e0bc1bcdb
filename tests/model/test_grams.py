"""Linear models of n-grams: the row of a gram; the same bits in pieces, streams and torch."""

from __future__ import annotations

import copy
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import glasscell
import madeup
from glasscell.cells.parameters import Config
from glasscell.errors import DataError, ShapeError, WeightFormatError
from glasscell.model.compress import compress
from glasscell.model.model import Model
from glasscell.model.nodes.grams import Alphabet, Grams
from pooled_networks import Pooled, ragged_symbols

EXACT, SHARED = {"order": 3}, {"order": 3, "rows": 64}
ROWS = [EXACT, SHARED, {"order": 1, "rows": 5}, {"order": 2, "rows": 60}]


def drawn(alphabet, outputs=2, dtype=np.float32):
    random = np.random.default_rng(0)
    weight = random.normal(size=(alphabet.rows, outputs)).astype(dtype)
    return Grams(alphabet, weight, random.normal(size=outputs).astype(dtype))


def steps(symbols, features, dtype=np.float32):
    """(T, F) one-hot steps; symbol F is none."""
    return 2 * np.eye(features + 1, dtype=dtype)[symbols][..., :features]


WORDS = st.tuples(st.integers(2, 40), st.integers(1, 5)).flatmap(
    lambda sizes: st.tuples(
        st.just(sizes), st.lists(st.integers(0, sizes[0]), min_size=1, max_size=17)
    )
)


@given(WORDS)
def test_numbers_are_those_of_the_equation_and_tell_all_grams_apart(word):
    (features, order), symbols = word
    alphabet = Alphabet(features, order, 10)
    size = features + 2
    marked = [features + 1] * (order - 1) + symbols
    found = alphabet.numbers(np.array([marked]))
    known = {}
    for k in range(1, order + 1):
        base = sum(size**j for j in range(1, k))
        for t in range(len(symbols)):
            gram = marked[t + order - k : t + order]
            number = base + sum(s * size**j for j, s in enumerate(reversed(gram)))
            assert found[k - 1][0, t] == number < alphabet.count
            assert known.setdefault(number, tuple(gram)) == tuple(gram)


@given(st.lists(st.integers(0, 2**52), min_size=1), st.integers(1, 2**20))
def test_a_row_that_is_shared_is_where_exact_arithmetic_puts_it(numbers, rows):
    alphabet = Alphabet(1000, 3, rows)
    found = alphabet.row(np.array(numbers))
    for number, row in zip(numbers, found.tolist(), strict=True):
        folded = (number ^ (number >> 32)) % 2**32
        assert row == folded * 2654435761 % 2**32 * rows // 2**32 < rows


def test_rows_are_shared_evenly():
    alphabet = Alphabet(62, 3, 1 << 14)
    counts = np.bincount(alphabet.row(np.arange(2 * alphabet.count)), minlength=1 << 14)
    mean = 2 * alphabet.count / (1 << 14)
    # As even as throwing them at random, whose deviation is the root of the mean, or more so.
    assert abs(counts - mean).max() < 6 * np.sqrt(mean)


@given(WORDS, st.integers(1, 100))
def test_scores_count_every_gram_and_those_at_the_end(word, rows):
    (features, order), symbols = word
    alphabet = Alphabet(features, order, rows)
    grams = drawn(alphabet, dtype=np.float64)
    marked = [features + 1] * (order - 1) + symbols
    counted = Counter()
    for each in alphabet.numbers(np.array([marked])):
        counted.update(alphabet.row(each[0]).tolist())
        counted[int(alphabet.row(each[0, -1:] + alphabet.count)[0])] += 1
    expected = grams.bias + sum(n * grams.weight[row] for row, n in counted.items())
    found = grams.absorb(grams.begin(1), steps(symbols, features, np.float64)[None])[0]
    # A sum of m numbers is off by m eps of the sum of their sizes or less; two such sums.
    sizes = abs(grams.bias) + sum(n * abs(grams.weight[row]) for row, n in counted.items())
    bound = 2 * (counted.total() + 2) * np.finfo(np.float64).eps * sizes
    assert (abs(found - expected) <= bound).all()


def test_a_step_of_no_symbol_is_a_symbol_of_its_own():
    alphabet = Alphabet(3, 2, 60)
    x = np.array([[[0, 0, 0], [-1, -2, -3], [0, 0.1, 0], [2, 0, 0]]])
    assert alphabet.symbols(x).tolist() == [[3, 3, 1, 0]]
    grams = drawn(alphabet)
    one, other = (grams.absorb(grams.begin(1), x[:, t : t + 1]) for t in (1, 2))
    assert (one != other).any()


@pytest.mark.parametrize("outputs", [1, 2, 11])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [0, 1, 2, 5])
@pytest.mark.parametrize("length", [1, 2, 17])
@pytest.mark.parametrize("order", [1, 3])
def test_the_whole_pieces_and_steps_have_the_same_bits(outputs, dtype, batch, length, order):
    grams = drawn(Alphabet(4, order, 30), outputs, dtype)
    random = np.random.default_rng(1)
    x = steps(random.integers(0, 5, (batch, length)), 4, dtype)
    lengths = random.integers(1, length + 1, batch)
    whole, ragged = grams.begin(batch), grams.begin(batch)
    scores = grams.absorb(whole, x)
    of_each = grams.absorb(ragged, x, lengths)
    assert scores.dtype == dtype
    for cut in {1, 2, length // 2, length - 1} & set(range(1, length)):
        held = grams.begin(batch)
        grams.absorb(held, x[:, :cut])
        assert grams.absorb(held, x[:, cut:]).tobytes() == scores.tobytes()
        assert held.tobytes() == whole.tobytes()
    for row, end in enumerate(lengths):
        held = grams.begin(1)
        for t in range(end):
            last = grams.absorb(held, x[row : row + 1, t : t + 1])
        assert last.tobytes() == of_each[row].tobytes()
        assert held.tobytes() == ragged[row].tobytes()


def config(**more):
    return Config(**{"mode": "LSTM", "input_size": 3, "hidden_size": 5, "batch_first": True} | more)


def made(rows=64, **more):
    return Model(*madeup.sequence_network(("mean", "max"), config(**more), grams=(3, rows)))


@pytest.mark.parametrize("rows", [64, 310])
def test_streams_pools_and_runs_have_the_same_bits(rows):
    model = made(rows)
    x, lengths = (part.numpy() for part in ragged_symbols())
    whole = model.run(x, lengths=lengths)
    pool = model.pool(5)
    ids = pool.open(5)
    for t in range(17):
        live = np.flatnonzero(t < lengths)
        out = pool.step(ids[live], x[live, t])
        ended = lengths[live] == t + 1
        assert out[ended].tobytes() == whole.output[live[ended]].tobytes()
    for row, length in enumerate(lengths):
        stream = model.stream()
        for t in range(length):
            scores = stream.step(x[row, t])
            assert scores.tobytes() == model.run(x[row, : t + 1]).output.tobytes()
        assert scores.tobytes() == whole.output[row].tobytes()
        assert stream.state["grams"].tobytes() == whole.state["grams"][row].tobytes()
    first = model.run(x[:, :9])
    again = model.run(x[:, 9:], first.state)
    assert again.output.tobytes() == model.run(x).output.tobytes()
    other = model.stream()
    other.state = model.run(x[0, :5]).state
    for t in range(5, 17):
        scores = other.step(x[0, t])
    assert scores.tobytes() == whole.output[0].tobytes()


def test_a_state_whose_symbols_are_none_is_refused():
    model = made()
    x = ragged_symbols()[0].numpy()
    state = model.run(x).state
    for wrong in (-1.0, 5.0, 0.5, np.nan):
        held = state["grams"].copy()
        held[0, 0] = wrong
        with pytest.raises(DataError, match="whole numbers of 0 … 4"):
            model.run(x, {**state, "grams": held})
    with pytest.raises(ShapeError, match="grams"):
        model.run(x, {**state, "grams": state["grams"][:, :2]})


def test_a_damaged_tree_is_refused_in_words():
    tree, arrays = madeup.sequence_network(("mean",), config(), grams=(3, 64))
    skip = tree["skip"]
    wrong = {
        "skip.weight of shape \\(65, 4\\)": {"rows": 65},
        "skip.weight of shape \\(64, 3\\)": {"outputs": 3},
        "expected Grams from 3 to 4": {"features": 4},
        "order to be a whole number >= 1": {"order": 0},
        "features to be a whole number >= 2": {"features": 1},
        "rows to be a whole number >= 1": {"rows": True},
        "fewer than 2\\^50 n-grams": {"order": 30},
        "no field extra": {"extra": 1},
    }
    for words, change in wrong.items():
        with pytest.raises(WeightFormatError, match=words):
            Model({**copy.deepcopy(tree), "skip": {**skip, **change}}, arrays)
    for name in ("skip.weight", "skip.bias"):
        with pytest.raises(WeightFormatError, match=name):
            Model(tree, {key: array for key, array in arrays.items() if key != name})
    many = np.zeros((2**20 + 1, 4), np.float32)
    large = {**skip, "rows": len(many), "order": 12}
    with pytest.raises(WeightFormatError, match="at most 2\\^20 rows"):
        Model({**tree, "skip": large}, {**arrays, "skip.weight": many})
    alone = {"type": "Sequential", "children": [{**skip, "weights": ""}]}
    weights = {key.removeprefix("skip."): a for key, a in arrays.items() if "skip." in key}
    with pytest.raises(WeightFormatError, match="skip of a SequenceNetwork"):
        Model(alone, weights)
    unpooled, own = madeup.sequence_network((), config(), grams=(3, 64))
    with pytest.raises(WeightFormatError, match="null, as scores at every step"):
        Model(unpooled, own)
    named = {**tree["recurrent"], "weights": "grams"}
    renamed = {key.replace("recurrent.", "grams."): a for key, a in arrays.items()}
    with pytest.raises(WeightFormatError, match="another name than 'grams'"):
        Model({**tree, "recurrent": named}, renamed)


@pytest.mark.parametrize("how", ROWS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_saved_network_has_the_bits_of_the_module(tmp_path, how, dtype, bidirectional):
    torch.manual_seed(0)
    module = Pooled(("mean", "max"), grams=how, bidirectional=bidirectional).to(dtype)
    model = glasscell.load(glasscell.save(module, tmp_path / "model"))
    x, lengths = ragged_symbols(dtype=dtype)
    for cut in (1, 2, 17):
        short = lengths.clamp(max=cut)
        with torch.no_grad():
            theirs, whole = module(x[:, :cut], short).numpy(), module(x[:, :cut]).numpy()
        ours = model.run(x[:, :cut].numpy(), lengths=short.numpy()).output
        assert ours.tobytes() == theirs.tobytes()
        assert model.run(x[:, :cut].numpy()).output.tobytes() == whole.tobytes()
    for count in (0, 1, 2, 5):
        ours = model.root.linear.how.absorb(model.root.linear.how.begin(count), x[:count].numpy())
        assert ours.tobytes() == module.skip(x[:count]).detach().numpy().tobytes()


def test_a_compressed_copy_keeps_the_grams(tmp_path):
    module = Pooled(("mean",), grams=SHARED)
    few = glasscell.load(
        compress(glasscell.save(module, tmp_path / "full"), tmp_path / "few", "int8")
    )
    x = ragged_symbols()[0]
    # Weights of the layer are off by 1/256 of the largest or less.
    np.testing.assert_allclose(few.run(x.numpy()).output, module(x).detach().numpy(), atol=0.1)
