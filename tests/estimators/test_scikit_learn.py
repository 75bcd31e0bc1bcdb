"""scikit-learn's own checks, and what is built out of estimators: pipelines, searches, folds."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from glasscell.estimators import LSTMClassifier, LSTMRegressor

SMALL = {"hidden_size": 6, "max_epochs": 30, "batch_size": 16, "bidirectional": False}

CHECKED = [
    LSTMClassifier(max_epochs=8, learning_rate=0.03, batch_size=64),
    # One check asks for an R2 of .5 on ten numbers a row, of which one means something.
    LSTMRegressor(
        cell="rnn", hidden_size=16, pooling="last", max_epochs=20, batch_size=32,
        learning_rate=0.05,
    ),
]  # fmt: skip
"""Few and large steps, as there are some hundred fits."""

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "a weight counts in the loss of a batch; a "
    "sequence that stands there several times is in other batches, so the steps are not the same",
}


@parametrize_with_checks(CHECKED, expected_failed_checks=lambda _: EXPECTED)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def rises():
    """Sequences of several lengths that rise or fall by one a step, in noise."""
    rng = np.random.default_rng(3)
    y = rng.permutation(np.repeat(["rises", "falls"], 24))
    slopes = np.where(y == "rises", 1.0, -1.0)
    lengths = rng.integers(3, 9, size=48)
    X = [
        rng.normal(size=(steps, 2)) + slope * np.arange(steps)[:, None]
        for steps, slope in zip(lengths, slopes, strict=True)
    ]
    return X, y


def test_lists_are_searched_and_cross_validated_by_group(rises):
    X, y = rises
    model = LSTMClassifier(**SMALL, random_state=0)
    scores = cross_val_score(model, X, y, groups=np.arange(48) // 4, cv=GroupKFold(3))
    assert scores.mean() > 0.9
    # There is no such cell: every fit with it is refused, so it never wins.
    choices = {"cell": ["lstm", "gru", "none"], "max_epochs": [1, 8]}
    search = GridSearchCV(model, choices, cv=2, error_score=0.0)
    with pytest.warns(FitFailedWarning, match="expected .*lstm"):
        search.fit(X, y)
    assert search.best_score_ > 0.9
    assert search.best_params_["cell"] != "none"
    assert search.predict(X[:3]).dtype == y.dtype


def test_processes_find_what_one_finds(rises):
    X, y = rises
    model = LSTMClassifier(**SMALL, random_state=0)
    alone, together = (cross_val_score(model, X, y, cv=2, n_jobs=jobs) for jobs in (1, 2))
    assert alone.tolist() == together.tolist()


def test_a_pipeline_scales_rows_before_it():
    rng = np.random.default_rng(0)
    X = 1000 + rng.normal(size=(40, 6))
    y = X.mean(axis=1)
    pipeline = make_pipeline(StandardScaler(), LSTMRegressor(**SMALL, random_state=0))
    pipeline.set_params(lstmregressor__max_epochs=30)
    assert pipeline.fit(X, y).score(X, y) > 0.5


def test_a_clone_has_the_parameters_and_nothing_else(rises):
    X, y = rises
    model = LSTMClassifier(**SMALL, cell="gru", class_weight={"rises": 2.0}, random_state=4)
    copy = clone(model.fit(X, y))
    assert copy.get_params() == model.get_params()
    with pytest.raises(AttributeError, match="expected network_ of a fitted LSTMClassifier"):
        _ = copy.network_


def test_joblib_brings_back_the_same_bits(rises, tmp_path):
    X, y = rises
    model = LSTMClassifier(**SMALL, random_state=0).fit(X, y)
    joblib.dump(model, tmp_path / "model")
    again = joblib.load(tmp_path / "model", mmap_mode="r")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
