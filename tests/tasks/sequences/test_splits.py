"""Splits: no group in two parts, everything tested once, every class in every training part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.errors import DataError
from glasscell.tasks.sequences.splits import MANY, hold_out, split, strata


def made(labels, *, groups=None, test=None, kind="class", names=None, lengths=None):
    values = np.asarray(labels)
    lengths = np.full(len(values), 2) if lengths is None else np.asarray(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    names = names or tuple("abcdefghij"[: int(values.max()) + 1])
    return Sequences(
        np.zeros((offsets[-1], 1), np.float32),
        offsets,
        ("x",),
        np.arange(len(lengths)).astype(str),
        Labels(kind, values, names, per_step=len(values) != len(lengths)),
        groups=None if groups is None else np.asarray(groups),
        test=None if test is None else np.asarray(test, bool),
    )


def parts(one):
    return one.train, one.validation, one.test


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(3, 25), min_size=2, max_size=5),
    rounds=st.integers(2, 6),
    seed=st.integers(0, 5),
)
def test_folds_test_each_sequence_once_and_leave_every_class_to_learn(sizes, rounds, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    dealt, scheme = split(made(labels), rounds, seed)
    assert scheme == "folds"
    assert [one.seed for one in dealt] == [seed + r for r in range(len(dealt))]
    assert len(dealt) == min(rounds, max(sizes))
    assert sorted(np.concatenate([one.test for one in dealt])) == list(range(len(labels)))
    for one in dealt:
        assert sorted(np.concatenate(parts(one))) == list(range(len(labels)))
        assert set(labels[one.train]) == set(labels)
        of_class = np.bincount(labels[one.test], minlength=len(sizes))
        even = np.array(sizes) / len(dealt)
        assert (abs(of_class - even) < 1).all(), "a test part has its share of each class"


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.integers(0, 8), min_size=30, max_size=80),
    rounds=st.integers(1, 5),
    kind=st.sampled_from(["class", "number", "multilabel"]),
    seed=st.integers(0, 5),
)
def test_no_group_lies_in_two_parts(groups, rounds, kind, seed):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([groups, [0, 1, 2]])  # three groups at least
    n = len(groups)
    labels = {
        "class": rng.permutation(np.arange(n) % 2),
        "number": rng.normal(size=(n, 1)),
        "multilabel": rng.random((n, 3)) < 0.4,
    }[kind]
    names = {"class": ("a", "b"), "number": ("y",), "multilabel": ("a", "b", "c")}[kind]
    try:
        dealt, scheme = split(made(labels, groups=groups, kind=kind, names=names), rounds, seed)
    except DataError:
        assert kind == "class", "a class may by chance be of one group alone"
        return
    for one in dealt:
        owners = [set(groups[part]) for part in parts(one)]
        assert not owners[0] & owners[1] | owners[0] & owners[2] | owners[1] & owners[2]
    if scheme == "folds":
        assert sorted(np.concatenate([one.test for one in dealt])) == list(range(n))


def test_a_given_test_part_is_that_of_every_round():
    test = np.arange(40) >= 25
    dealt, scheme = split(made(np.arange(40) % 3, test=test), 4, seed=7)
    assert scheme == "given"
    assert all(one.test.tolist() == list(range(25, 40)) for one in dealt)
    assert len({tuple(one.validation) for one in dealt}) > 1
    for one in dealt:
        assert 0.15 <= len(one.validation) / 25 <= 0.2


def test_many_sequences_share_one_stratified_test_part():
    labels = (np.arange(MANY) % 10 == 0).astype(int)
    dealt, scheme = split(made(labels), 3, seed=0)
    assert scheme == "part"
    assert all(one.test.tolist() == dealt[0].test.tolist() for one in dealt)
    assert len(dealt[0].test) == MANY // 5
    assert labels[dealt[0].test].mean() == 0.1


def test_the_same_seed_deals_alike():
    one, two, other = (split(made(np.arange(50) % 2), 5, seed)[0] for seed in (3, 3, 4))
    assert all((a.train == b.train).all() for a, b in zip(one, two, strict=True))
    assert any(a.test.tolist() != b.test.tolist() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": [0] * 9, "names": ("quiet", "loud")}, "of 'quiet' alone"),
        ({"labels": [0] * 9 + [1], "names": ("quiet", "loud")}, "'loud' has 1"),
        ({"labels": [0, 1]}, "at least 3 sequences in all"),
        ({"labels": [0, 1] * 5, "groups": ["p", "q"] * 5}, "at least 3 groups in all"),
        (
            {"labels": [0, 0, 0, 1, 1, 1], "groups": ["p", "q", "r", "s", "s", "s"]},
            "all of class 'b' are of 's'",
        ),
        ({"labels": [0, 1] * 4, "test": [True] * 8}, "8 sequences that are all test"),
        (
            {"labels": [0, 0, 1, 1, 0, 2], "test": [False] * 4 + [True] * 2},
            "'c' in the test part alone",
        ),
        (
            {"labels": [0, 1] * 4, "groups": list("aabbccdd"), "test": [0, 0, 0, 0, 0, 1, 1, 1]},
            "training and test sequences of 'c'",
        ),
    ],
)
def test_what_cannot_be_split_is_named(options, message):
    with pytest.raises(DataError, match=message):
        split(made(**options), 5, 0)


def test_what_is_alone_of_its_class_stays_in_training():
    sequences = made([0, 0, 0, 0, 0, 0, 1])
    train, validation = hold_out(sequences, np.arange(7), seed=0)
    assert 6 in train
    assert len(validation) == 1


def test_strata_of_steps_are_the_rarest_class_in_the_sequence():
    labels = Labels("class", np.array([0, 0, 1, 0, 0, 0]), ("a", "b"), per_step=True)
    alike = strata(labels, np.array([0, 2, 4, 6]))
    assert alike[0] == alike[2] != alike[1]
