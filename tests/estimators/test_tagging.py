"""Labels of steps: what a list of arrays as y gives, and what it is not taken for."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from glasscell.errors import DataError
from glasscell.estimators import LSTMClassifier, LSTMRegressor
from glasscell.tasks.sequences.predict import predict

SMALL = {
    "hidden_size": 6,
    "max_epochs": 20,
    "learning_rate": 0.05,
    "batch_size": 8,
    "random_state": 0,
}
RNG = np.random.default_rng(0)
X = [RNG.normal(size=(steps, 2)) for steps in RNG.integers(3, 9, size=30)]
TAGS = [np.where(steps[:, 0] > 0, "up", "down") for steps in X]
SUMS = [np.cumsum(steps[:, 0]) * 100 for steps in X]


@pytest.fixture(scope="module")
def tagger():
    return LSTMClassifier(**SMALL).fit(X, TAGS)


def test_every_step_is_told_and_the_score_is_of_all_steps(tagger):
    told, shares, beyond = tagger.predict(X), tagger.predict_proba(X), tagger.decision_function(X)
    assert [len(one) for one in told] == [len(steps) for steps in X]
    for tags, share, score in zip(told, shares, beyond, strict=True):
        assert np.array_equal(tags, tagger.classes_[share.argmax(axis=1)])
        assert np.array_equal(tags, tagger.classes_[(score > 0).astype(int)])
        assert share.sum(axis=1) == pytest.approx(1)
    truth, said = np.concatenate(TAGS), np.concatenate(told)
    assert tagger.score(X, TAGS) == accuracy_score(truth, said) > 0.85
    weights = np.arange(1.0, len(X) + 1)
    by_step = np.repeat(weights, [len(one) for one in X])
    assert tagger.score(X, TAGS, weights) == accuracy_score(truth, said, sample_weight=by_step)


def test_a_tagger_reads_forwards_so_a_beginning_is_told_alike(tagger):
    whole = tagger.predict_proba(X[:1])[0]
    assert np.array_equal(tagger.predict_proba([X[0][:2]])[0], whole[:2])


def test_arrays_of_one_length_take_a_list_and_several_labels_an_array():
    cube = RNG.normal(size=(20, 5, 5))
    tags = [one[:, 0] > 0 for one in cube]
    assert LSTMClassifier(**SMALL).fit(cube, tags).predict(cube)[0].shape == (5,)
    columns = np.stack(tags)
    assert LSTMClassifier(**SMALL).fit(cube, columns).predict(cube).shape == (20, 5)
    assert LSTMClassifier(**SMALL).fit(cube, list(columns[:, :3])).predict(cube).shape == (20, 3)


def test_several_labels_and_numbers_a_step():
    several = [steps > 0 for steps in X]
    model = LSTMClassifier(**SMALL).fit(X, several)
    assert model.predict(X)[3].shape == X[3].shape
    assert model.score(X, several) > 0.5
    numbers = LSTMRegressor(**{**SMALL, "max_epochs": 40}).fit(X, SUMS)
    told = numbers.predict(X)
    assert [one.shape for one in told] == [one.shape for one in SUMS]
    assert numbers.score(X, SUMS) == r2_score(np.concatenate(SUMS), np.concatenate(told)) > 0.6


def test_weights_count_for_the_steps_of_a_sequence_and_of_a_class(tagger):
    once = np.repeat([1.0, 0.0], len(X))
    wrong = [np.where(tags == "up", "down", "up") for tags in TAGS]
    weighed = LSTMClassifier(**SMALL).fit([*X, *X], [*TAGS, *wrong], sample_weight=once)
    for one, other in zip(weighed.predict_proba(X), tagger.predict_proba(X), strict=True):
        assert np.array_equal(one, other)
    heavy = LSTMClassifier(**SMALL, class_weight={"up": 20.0, "down": 1.0}).fit(X, TAGS)
    said = [np.concatenate(model.predict_proba(X))[:, 1].mean() for model in (heavy, tagger)]
    assert said[0] > said[1]


def test_clone_search_pickle_folder_and_further_passes(tagger, tmp_path):
    again = pickle.loads(pickle.dumps(tagger)).predict_proba(X)
    for one, other in zip(again, tagger.predict_proba(X), strict=True):
        assert np.array_equal(one, other)
    assert len(cross_val_score(clone(tagger), X, TAGS, cv=KFold(2))) == 2
    search = GridSearchCV(clone(tagger), {"cell": ["lstm", "gru"]}, cv=KFold(2)).fit(X, TAGS)
    assert len(search.predict(X)) == len(X)
    table = predict(tagger.save(tmp_path / "run"), X)
    assert table["predicted"].tolist() == np.concatenate(tagger.predict(X)).tolist()
    passed = LSTMClassifier(**SMALL).partial_fit(X, TAGS, classes=["down", "level", "up"])
    assert passed.partial_fit(X, TAGS).predict_proba(X)[0].shape == (len(X[0]), 3)


@pytest.mark.parametrize(
    ("changes", "y", "message"),
    [
        ({}, [*TAGS[:-1], TAGS[-1][:-1]], "label for each of the 7 steps of sequence 29, got 6"),
        ({}, TAGS[:-1], "labels of 30 sequences, as X has, got 29"),
        ({}, [*TAGS[:-1], "up"], "labels of its steps for every sequence, got one label"),
        ({}, [np.full(len(steps), "up") for steps in X], "at least two classes, got one class"),
        ({"pooling": "mean"}, TAGS, "pooling: expected none where each step has a label, got mean"),
        ({"stride": 2}, TAGS, "stride: expected 1 where each step has a label, got 2"),
        ({"augment": True}, TAGS, "augment: expected false where each step has a label"),
    ],
)
def test_what_labels_no_steps_is_refused_in_words(changes, y, message):
    with pytest.raises(DataError, match=message):
        LSTMClassifier(**{**SMALL, **changes}).fit(X, y)


def test_steps_and_sequences_do_not_follow_each_other(tagger):
    warm = LSTMClassifier(**{**SMALL, "max_epochs": 1}, warm_start=True).fit(X, TAGS)
    with pytest.raises(DataError, match="expected a label a step as before, got one a sequence"):
        warm.fit(X, [tags[0] for tags in TAGS])
    with pytest.raises(DataError, match="list with the labels of the steps of each sequence"):
        tagger.score(X, [tags[0] for tags in TAGS])
