"""What a fit keeps, how it goes on, what it refuses, and what its folder and pickle hold."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import glasscell
from glasscell.errors import DataError
from glasscell.estimators import LSTMClassifier, LSTMRegressor
from glasscell.tasks.sequences.predict import predict

SMALL = {"hidden_size": 6, "max_epochs": 6, "batch_size": 16, "random_state": 0}


def sequences(count=40, seed=0, features=2):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(steps, features)) for steps in rng.integers(3, 8, size=count)]


def signs(X):
    return np.array([int(steps[-1, 0] > 0) for steps in X])


@pytest.fixture(scope="module")
def fitted():
    X = sequences()
    return LSTMClassifier(**SMALL).fit(X, signs(X)), X


def test_forms_of_the_same_sequences_give_the_same_bits():
    X = np.random.default_rng(0).normal(size=(30, 5, 3)).astype(np.float32)
    y = (X[:, -1, 0] > 0).astype(int)
    forms = [
        (X, "ntc"),
        (X.swapaxes(1, 2), "nct"),
        (list(X), "ntc"),
        (list(X.swapaxes(1, 2)), "nct"),
    ]
    given = [
        LSTMClassifier(**SMALL, layout=layout).fit(form, y).predict_proba(form)
        for form, layout in forms
    ]
    for other in given[1:]:
        assert np.array_equal(given[0], other)


def test_rows_are_sequences_of_one_feature():
    X = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    y = X.sum(axis=1)
    rows = LSTMRegressor(**SMALL).fit(X, y)
    cube = LSTMRegressor(**SMALL).fit(X[:, :, None], y)
    assert (rows.n_features_in_, cube.n_features_in_) == (5, 1)
    assert np.array_equal(rows.predict(X), cube.predict(X[:, :, None]))
    with pytest.raises(DataError, match=r"expected \(n, time\), as LSTMRegressor was fitted on"):
        rows.predict(X[:, :, None])


def test_a_seed_gives_the_same_bits_and_another_gives_others(fitted):
    model, X = fitted
    again = LSTMClassifier(**SMALL).fit(X, signs(X))
    other = LSTMClassifier(**{**SMALL, "random_state": 1}).fit(X, signs(X))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert not np.array_equal(other.predict_proba(X), model.predict_proba(X))


def test_the_global_random_state_is_left_alone(fitted):
    import torch

    X = fitted[1]
    np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    LSTMClassifier(**SMALL).fit(X, signs(X))
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_the_kept_epoch_is_the_best_of_the_history(fitted):
    model, _ = fitted
    errors = [epoch["validation"] for epoch in model.history_]
    assert model.best_epoch_ == 1 + int(np.argmin(errors))
    assert [epoch["epoch"] for epoch in model.history_] == list(range(1, 7))


def test_patience_ends_training():
    X = sequences()
    y = np.random.default_rng(1).integers(0, 2, size=len(X))
    changes = {"max_epochs": 60, "patience": 3, "learning_rate": 0.05}
    held_out = LSTMClassifier(**{**SMALL, **changes}, validation_fraction=0.2).fit(X, y)
    assert len(held_out.history_) == held_out.best_epoch_ + 3 < 60
    few = LSTMClassifier(**{**SMALL, **changes}).fit(X, y)
    assert len(few.history_) == 60


def test_probabilities_scores_and_classes_belong_together(fitted):
    model, X = fitted
    shares, scores = model.predict_proba(X), model.decision_function(X)
    assert shares.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert np.array_equal(model.predict(X), model.classes_[(scores > 0).astype(int)])
    assert np.log(shares[:, 1] / shares[:, 0]) == pytest.approx(scores, abs=1e-5)


def test_several_labels_at_once():
    X = sequences(120, features=3)
    Y = np.array([steps[-1] > 0 for steps in X])[:, :2].astype(int)
    model = LSTMClassifier(**{**SMALL, "max_epochs": 30}).fit(X, Y)
    assert model.predict(X).shape == model.predict_proba(X).shape == (120, 2)
    assert (model.predict(X) == Y).mean() > 0.8
    assert model.classes_.tolist() == [0, 1]


def test_several_numbers_in_their_own_unit():
    X = np.random.default_rng(0).normal(size=(60, 4, 2))
    Y = np.stack([1e6 + 1e5 * X[:, :, 0].mean(1), 1e-3 * X[:, :, 1].mean(1)], axis=1)
    model = LSTMRegressor(**{**SMALL, "max_epochs": 40}).fit(X, Y)
    assert model.predict(X).shape == (60, 2)
    assert model.score(X, Y) > 0.7


def test_a_warm_start_goes_on_from_the_weights_and_a_fit_does_not(fitted):
    X = fitted[1]
    y = signs(X)
    warm = LSTMClassifier(**SMALL, warm_start=True).fit(X, y)
    first = warm.history_[0]["train"]
    assert warm.fit(X, y).history_[0]["train"] < first
    cold = LSTMClassifier(**SMALL).fit(X, y)
    assert cold.fit(X, y).history_[0]["train"] == first
    with pytest.raises(DataError, match="expected the classes that were learnt first"):
        warm.fit(X, y + 1)


def test_partial_fits_learn_and_a_pickle_between_them_changes_no_bit(fitted):
    X = fitted[1]
    y = signs(X)
    model = LSTMClassifier(**SMALL).partial_fit(X[:20], y[:20], classes=[0, 1])
    other = pickle.loads(pickle.dumps(model))
    for _ in range(14):
        model.partial_fit(X, y)
        other = pickle.loads(pickle.dumps(other.partial_fit(X, y)))
    assert model.history_[-1]["train"] < 0.8 * model.history_[0]["train"]
    assert np.array_equal(model.predict_proba(X), other.predict_proba(X))
    assert [epoch["epoch"] for epoch in model.history_] == list(range(1, 16))


def test_a_class_may_come_in_a_later_part():
    X = sequences()
    y = np.where(signs(X), "up", "down")
    model = LSTMClassifier(**SMALL).partial_fit(X, y, classes=["level", "down", "up"])
    assert model.classes_.tolist() == ["down", "level", "up"]
    assert model.predict_proba(X).shape == (40, 3)


def test_weights_of_sequences_and_of_classes_say_the_same(fitted):
    X = fitted[1]
    y = signs(X)
    by_class = LSTMClassifier(**SMALL, class_weight={0: 1.0, 1: 5.0}).fit(X, y)
    by_one = LSTMClassifier(**SMALL).fit(X, y, sample_weight=np.where(y, 5.0, 1.0))
    assert np.array_equal(by_class.predict_proba(X), by_one.predict_proba(X))
    assert by_class.predict_proba(X)[:, 1].mean() > fitted[0].predict_proba(X)[:, 1].mean()


def test_a_sequence_without_weight_is_not_learnt_from(fitted):
    model, X = fitted
    y = signs(X)
    once = np.repeat([1.0, 0.0], len(X))
    with_wrong = LSTMClassifier(**SMALL).fit([*X, *X], [*y, *(1 - y)], sample_weight=once)
    assert np.array_equal(with_wrong.predict_proba(X), model.predict_proba(X))


def test_missing_values_are_filled_as_asked():
    X = np.random.default_rng(0).normal(size=(30, 5, 2)).astype(np.float32)
    y = X[:, :, 0].mean(axis=1)
    X[3, 1:3, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        LSTMRegressor(**SMALL).fit(X, y)
    filled = X.copy()
    filled[3, 1:3, 0] = np.interp([1, 2], [0, 3], X[3, [0, 3], 0])
    model = LSTMRegressor(**SMALL, missing="interpolate").fit(X, y)
    plain = LSTMRegressor(**SMALL).fit(filled, y)
    assert np.array_equal(model.predict(X), plain.predict(filled))


def test_a_folder_is_loaded_and_predicts_as_the_estimator_does(fitted, tmp_path):
    model, X = fitted
    run = model.save(tmp_path / "run")
    told = predict(run, X)
    assert np.array_equal(told[["p(0)", "p(1)"]].to_numpy(), model.predict_proba(X))
    assert told["predicted"].astype(int).tolist() == model.predict(X).tolist()
    assert glasscell.load(run).parameters == model.network_.parameters
    with pytest.raises(DataError, match="exists"):
        model.save(run)
    assert model.save(run, force=True) == run


def test_a_folder_of_a_regressor_tells_numbers_in_their_unit(tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 4, 2)).astype(np.float32)
    model = LSTMRegressor(**SMALL).fit(X, 1000 * X[:, :, 0].mean(axis=1))
    told = predict(model.save(tmp_path / "run"), X, layout="ntc")
    assert np.array_equal(told["y"], model.predict(X))


def test_a_pickle_predicts_without_torch(fitted, tmp_path):
    model, X = fitted
    (tmp_path / "model").write_bytes(pickle.dumps((model, X)))
    code = f"""
import importlib.abc, pickle, sys

class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, Hide())
model, X = pickle.load(open({str(tmp_path / "model")!r}, "rb"))
print(model.predict_proba(X).tobytes().hex())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert bytes.fromhex(done.stdout) == model.predict_proba(X).tobytes()


def test_importing_takes_no_other_library():
    code = """
import sys, glasscell
glasscell.estimators
print([name for name in ("sklearn", "torch", "sktime", "aeon") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


X3 = np.zeros((6, 4, 2))
Y3 = np.array([0, 1] * 3)


@pytest.mark.parametrize(
    ("changes", "data", "message"),
    [
        ({}, (X3, np.zeros(6)), "y: expected at least two classes, got one class"),
        ({}, (X3, None), "requires y to be passed"),
        ({}, (X3, Y3[:-1]), "inconsistent numbers of samples"),
        ({}, (X3[:, :0], Y3), "0 sample"),
        ({}, ([*X3[:5], X3[5, :0]], Y3), "at least one step in every sequence, got none in seq"),
        ({}, ([*X3[:5], X3[5, :, :1]], Y3), "got 2 in sequence 0 and 1 in sequence 5"),
        ({}, ([*X3[:5], X3], Y3), r"got one of shape \(6, 4, 2\)"),
        ({}, (X3, Y3, -np.ones(6)), "none negative and not all zero, got -1"),
        ({}, (X3, Y3, np.ones(5)), r"expected 6 weights.*got shape \(5,\)"),
        ({"layout": "tnc"}, (X3, Y3), "layout: expected one of ntc, nct, got 'tnc'"),
        ({"missing": "mean"}, (X3, Y3), "missing: expected one of raise"),
        ({"cell": "transformer"}, (X3, Y3), "^cell: expected lstm, gru, rnn, got 'transformer'"),
        ({"max_epochs": 0}, (X3, Y3), "^max_epochs: expected at least 1, got 0"),
        ({"hidden_size": "many"}, (X3, Y3), "^hidden_size: expected a whole number or None"),
        ({"validation_fraction": 0.9}, (X3, Y3), "validation_fraction: expected from 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_words(changes, data, message):
    model = LSTMClassifier(**{**SMALL, **changes})
    with pytest.raises(ValueError, match=message):
        model.fit(*data)
    with pytest.raises(NotFittedError):
        model.predict(X3)


def test_partial_fit_asks_for_the_classes_first():
    with pytest.raises(DataError, match="classes: expected all classes on the first call"):
        LSTMClassifier(**SMALL).partial_fit(X3, Y3)
    with pytest.raises(DataError, match="got 'balanced', which needs all sequences at once"):
        LSTMClassifier(**SMALL, class_weight="balanced").partial_fit(X3, Y3, classes=[0, 1])
    with pytest.raises(DataError, match="expected the classes that were learnt first, got np"):
        LSTMClassifier(**SMALL).partial_fit(X3, Y3 + 1, classes=[0, 1])


def test_more_features_than_were_learnt_are_refused(fitted):
    model, _ = fitted
    with pytest.raises(ValueError, match="X has 3 features, but LSTMClassifier is expecting 2"):
        model.predict(sequences(3, features=3))
