"""The checks of sktime and aeon, all of them, on their own data; panels of theirs go in."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from aeon.testing.estimator_checking import check_estimator as aeon_checks
from sktime.utils.estimator_checks import check_estimator as sktime_checks

from glasscell import estimators

KINDS = ("Classifier", "Regressor")


@pytest.fixture(autouse=True)
def _their_warnings():
    """What the checks themselves and the libraries below them warn of is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("kind", [*KINDS, "Forecaster"])
def test_sktimes_checks(kind):
    results = sktime_checks(getattr(estimators, f"SktimeLSTM{kind}"), verbose=False)
    assert len(results) > 100
    assert {name: told for name, told in results.items() if told != "PASSED"} == {}


@pytest.mark.parametrize("kind", KINDS)
def test_aeons_checks(kind):
    results = aeon_checks(getattr(estimators, f"AeonLSTM{kind}"), verbose=False)
    assert len(results) > 30
    assert {name: told for name, told in results.items() if told != "PASSED"} == {}


SMALL = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}


def test_all_read_the_same_sequences_each_in_its_own_form():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(steps, 2)).astype(np.float32) for steps in rng.integers(3, 8, size=30)]
    y = np.array(["up" if steps[-1, 0] > 0 else "down" for steps in X])
    ours = estimators.LSTMClassifier(**SMALL).fit(X, y).predict_proba(X)
    first = [steps.T for steps in X]
    aeons = estimators.AeonLSTMClassifier(**SMALL).fit(first, y).predict_proba(first)
    frames = pd.concat({n: pd.DataFrame(steps) for n, steps in enumerate(X)})
    sktimes = estimators.SktimeLSTMClassifier(**SMALL).fit(frames, y).predict_proba(frames)
    assert np.array_equal(ours, aeons)
    assert np.array_equal(ours, sktimes)


def test_parameters_are_those_of_the_estimator_they_stand_for():
    own = estimators.LSTMClassifier().get_params()
    for name, count in (("SktimeLSTMClassifier", 17), ("AeonLSTMRegressor", 16)):
        theirs = getattr(estimators, name)().get_params()
        assert theirs == {key: own[key] for key in theirs}
        assert len(theirs) == count


def test_weights_of_classes_are_handed_on():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2, 5)).astype(np.float32)  # case, channel, time
    y = np.arange(20) % 2
    given = {**SMALL, "class_weight": {0: 1.0, 1: 5.0}}
    ours = estimators.LSTMClassifier(**given, layout="nct").fit(X, y).predict_proba(X)
    for name in ("SktimeLSTMClassifier", "AeonLSTMClassifier"):
        theirs = getattr(estimators, name)(**given).fit(X, y).predict_proba(X)
        assert np.array_equal(theirs, ours)


@pytest.mark.parametrize("library", ["Sktime", "Aeon"])
def test_missing_values_are_read_where_the_estimator_is_told_how(library):
    kind = getattr(estimators, f"{library}LSTMClassifier")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2, 6))
    y = np.where(X[:, 0, -1] > 0, "up", "down")
    X[3, 0, 2] = np.nan
    with pytest.raises(ValueError, match=r"missing|NaN"):
        kind(hidden_size=2, max_epochs=1).fit(X, y)
    model = kind(hidden_size=2, max_epochs=1, missing="previous", random_state=0)
    filled = X.copy()
    filled[3, 0, 2] = X[3, 0, 1]
    plain = kind(hidden_size=2, max_epochs=1, random_state=0).fit(filled, y)
    np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), plain.predict_proba(filled))
