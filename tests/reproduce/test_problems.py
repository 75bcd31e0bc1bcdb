"""The generators of the classic problems against what their papers say, checked another way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasscell.reproduce import problems
from glasscell.reproduce.problems.reber_grammar import SYMBOLS as REBER
from glasscell.reproduce.problems.symbol_order import SYMBOLS, classes

SEEDS = st.integers(0, 10_000)


def accepts(word):
    """Tell whether the Reber grammar, written anew as a table of its arcs, makes the word."""
    arcs = {(0, "B"): 1, (1, "T"): 2, (1, "P"): 3, (2, "S"): 2, (2, "X"): 4, (3, "T"): 3}
    arcs |= {(3, "V"): 5, (4, "X"): 3, (4, "S"): 6, (5, "P"): 4, (5, "V"): 6, (6, "E"): 7}
    node = 0
    for symbol in word:
        node = arcs.get((node, symbol), -1)
    return node == 7


@given(SEEDS)
def test_reber_words_are_those_of_the_grammar(seed):
    word, following = problems.reber(np.random.default_rng(seed))
    assert accepts(word)
    assert len(following) == len(word) - 1
    for place, may in enumerate(following, 1):
        assert word[place] in may
        assert len(may) == (1 if may == "E" else 2)


@given(SEEDS)
def test_an_embedded_word_ends_as_it_began(seed):
    word, following = problems.embedded_reber(np.random.default_rng(seed))
    assert word[1] == word[-2]
    assert accepts(word[2:-2])
    assert len(following) == len(word) - 1
    assert following[-2] == word[1]
    assert all(word[place] in may for place, may in enumerate(following, 1))


def test_embedded_words_are_all_different_and_both_kinds_come():
    words = problems.embedded_reber_strings(64, np.random.default_rng(1))
    assert len({word for word, _ in words}) == 64
    assert {word[1] for word, _ in words} == {"T", "P"}
    examples = problems.predictions(words)
    x, target = examples.sequence(3)
    assert "".join(REBER[k] for k in x.argmax(1)) == words[3][0][:-1]
    assert "".join(REBER[k] for k in target.argmax(1)) == words[3][0][1:]
    legal = problems.predictions(words, legal=True)
    assert np.all(legal.target >= examples.target)


def test_the_stream_goes_on_without_a_mark():
    x, target = problems.reber_stream(500, np.random.default_rng(0))
    assert len(x) == len(target) >= 500
    assert np.all(target[:-1][x[1:] == 1] == 1)
    assert target[-1].argmax() == REBER.index("B")


@given(SEEDS, st.integers(2, 30))
def test_noise_free_lag(seed, lag):
    examples = problems.noise_free_lag(lag, 3, np.random.default_rng(seed))
    for number in range(3):
        x, target = examples.sequence(number)
        assert x.shape == target.shape == (lag, lag + 1)
        assert np.array_equal(target[:-1], x[1:])
        assert np.array_equal(target[-1], x[0])
        assert x[1:, : lag - 1].argmax(1).tolist() == list(range(lag - 1))


@given(SEEDS, st.integers(3, 30))
def test_random_distractors_can_be_any_but_the_telling_ones(seed, lag):
    examples = problems.random_distractors(lag, 4, np.random.default_rng(seed))
    for number in range(4):
        x, target = examples.sequence(number)
        assert np.array_equal(target[-1], x[0])
        assert x[0, lag - 1 :].sum() == 1
        assert x[1:, lag - 1 :].sum() == 0


def test_the_end_of_a_very_long_lag_comes_by_chance():
    examples = problems.very_long_lag(20, 7, 4000, np.random.default_rng(0))
    between = examples.lengths - 3
    assert between.min() == 20
    # k is geometric: mean 9, standard deviation sqrt(90); 5 standard errors of 4,000 draws.
    assert abs((between - 20).mean() - 9) < 5 * np.sqrt(90 / 4000)
    x, target = examples.sequence(0)
    assert (x[0].argmax(), x[-1].argmax()) == (9, 10)
    assert x[1].argmax() - 7 == target[-1].argmax()
    assert np.isnan(target[:-1]).all()


@pytest.mark.parametrize(("signal", "noisy"), [(False, False), (True, False), (True, True)])
def test_two_sequence(signal, noisy):
    examples = problems.two_sequence(
        100, 3, 3000, np.random.default_rng(0), signal_noise=signal, target_noise=noisy
    )
    assert set(examples.lengths) == set(range(100, 111))
    starts = examples.ends - examples.lengths
    answers = examples.target[examples.ends - 1, 0]
    first = np.stack([examples.x[starts + k, 0] for k in range(3)])
    up = first.sum(0) > 0
    if not signal:
        assert np.array_equal(up, answers == 1)
        assert np.array_equal(np.abs(first), np.ones_like(first))
    elif noisy:
        # Means of 1,500 draws of standard deviation sqrt(0.1), 5 standard errors.
        assert abs(answers[up].mean() - 0.2) < 0.05
        assert abs(answers.std() - np.sqrt(0.09 + 0.1)) < 0.05
    rest = np.delete(examples.x[:, 0], (starts + np.arange(3)[:, None]).ravel())
    assert abs(rest.var() - 0.2) < 0.005


@pytest.mark.parametrize("problem", ["adding_1997", "multiplication"])
def test_marked_numbers(problem):
    examples = getattr(problems, problem)(40, 2000, np.random.default_rng(0))
    assert set(examples.lengths) == set(range(40, 45))
    seconds = []
    for number in range(len(examples)):
        x, target = examples.sequence(number)
        assert x[0, 1] == x[-1, 1] == -1
        marked = np.flatnonzero(x[:, 1] == 1)
        assert len(marked) in (1, 2)
        assert marked.max() < 19
        assert len(marked) == 1 or marked.min() < 10
        seconds.append(marked.max())
        numbers = x[marked, 0]
        right = numbers.prod() if problem == "multiplication" else 0.5 + numbers.sum() / 4
        assert target[-1, 0] == pytest.approx(right)
        assert np.isnan(target[:-1]).all()
        assert x[:, 0].min() >= (-1 if problem == "adding_1997" else 0)
    assert max(seconds) == 18


@pytest.mark.parametrize(("telling", "places"), [(2, [(10, 20), (50, 60)]),
                                                 (3, [(10, 20), (33, 43), (66, 76)])])  # fmt: skip
def test_temporal_order(telling, places):
    examples = problems.temporal_order(telling, 500, np.random.default_rng(0))
    seen = set()
    for number in range(len(examples)):
        x, target = examples.sequence(number)
        word = "".join(SYMBOLS[k] for k in x.argmax(1))
        assert 100 <= len(word) <= 110
        assert (word[0], word[-1]) == ("B", "E")
        found = [k for k, symbol in enumerate(word) if symbol in "XY"]
        assert all(low <= k <= high for k, (low, high) in zip(found, places, strict=True))
        name = "".join(word[k] for k in found)
        assert classes(telling)[target[-1].argmax()] == name
        seen.add(name)
    assert seen == set(classes(telling))


@given(SEEDS, st.integers(1, 40))
def test_copy(seed, length):
    x, target = problems.copy(length, 1, np.random.default_rng(seed)).sequence(0)
    assert len(x) == length + 20
    shown, asked = x.argmax(1), target.argmax(1)
    assert shown[length + 9] == 9
    assert np.array_equal(asked[-10:], shown[:10])
    assert (asked[:-10] == 8).all()
    assert (np.delete(shown[10:], length - 1) == 8).all()


def test_the_best_answer_without_a_memory_has_the_stated_entropy():
    target = problems.copy(100, 200, np.random.default_rng(0)).target
    guess = np.where(np.arange(120) < 110, 0.0, np.log(8))
    assert np.tile(guess, 200).sum() / len(target) == pytest.approx(problems.memoryless(100))


@given(SEEDS, st.integers(2, 64))
def test_recall(seed, length):
    examples = problems.recall(length, 5, np.random.default_rng(seed))
    for number in range(5):
        x, target = examples.sequence(number)
        assert x[0].argmax() == target[-1].argmax()
        assert (x[1:].argmax(1) >= 2).all()


def test_digits_are_pictures_row_by_row():
    from sklearn.datasets import load_digits

    train, test = problems.digits()
    pictures, labels = load_digits(return_X_y=True)
    assert len(train) + len(test) == len(pictures)
    x, target = test.sequence(0)
    assert np.array_equal(x[:, 0] * 16, pictures[len(train)])
    assert target[-1].argmax() == labels[len(train)]
    large, _ = problems.digits(enlarge=3)
    assert np.array_equal(
        large.sequence(5)[0].reshape(24, 24)[1::3, 2::3].ravel(), pictures[5] / 16
    )
    mixed, _ = problems.digits(permute=1)
    one, other = mixed.sequence(0)[0], train.sequence(0)[0]
    assert not np.array_equal(one, other)
    assert np.array_equal(np.sort(one, 0), np.sort(other, 0))


def test_a_file_of_larger_pictures(tmp_path):
    chance = np.random.default_rng(0)
    parts = {f"x_{part}": chance.integers(0, 256, (n, 4, 4)) for part, n in
             (("train", 3), ("test", 2))}  # fmt: skip
    np.savez(tmp_path / "big.npz", **parts, y_train=[0, 9, 3], y_test=[1, 2])
    train, test = problems.digits(tmp_path / "big.npz")
    assert train.x.shape == (48, 1)
    assert train.x.max() <= 1
    assert len(test) == 2
    np.savez(tmp_path / "bad.npz", x_train=np.zeros((2, 3)))
    from glasscell.errors import DataError

    with pytest.raises(DataError, match=r"bad\.npz: expected an \.npz file with x_train"):
        problems.digits(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    "draw",
    [
        lambda c: problems.noise_free_lag(5, 3, c),
        lambda c: problems.very_long_lag(5, 4, 3, c),
        lambda c: problems.two_sequence(50, 1, 3, c),
        lambda c: problems.adding_1997(30, 3, c),
        lambda c: problems.temporal_order(2, 3, c),
        lambda c: problems.copy(5, 3, c),
    ],
)
def test_a_seed_decides_everything(draw):
    one, two, other = (draw(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one.x, two.x)
    assert np.array_equal(one.target, two.target, equal_nan=True)
    assert one.x.shape != other.x.shape or not np.array_equal(one.x, other.x)


@given(SEEDS)
def test_padding_keeps_every_step(seed):
    examples = problems.two_sequence(20, 1, 4, np.random.default_rng(seed))
    x, target, lengths = examples.padded()
    for number in range(4):
        one, asked = examples.sequence(number)
        steps = lengths[number]
        assert np.array_equal(x[:steps, number], one.astype(np.float32))
        assert np.isnan(target[:, number]).sum() == len(target) - 1
        assert asked[-1, 0] == target[steps - 1, number, 0]
        assert not x[steps:, number].any()
