"""`LSTMClassifier`: one class, or several labels at once, of each sequence or step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Labels
from glasscell.errors import DataError
from glasscell.estimators.sequence_estimator import SequenceEstimator

__all__ = ["LSTMClassifier"]


@dataclass(kw_only=True, eq=False, repr=False)
class LSTMClassifier(ClassifierMixin, SequenceEstimator):  # type: ignore[misc]
    """Tells the class of a sequence, or several labels at once, with an LSTM, a GRU or an RNN.

    It follows scikit-learn's rules, so it goes into a `Pipeline`, `GridSearchCV` and
    `cross_val_score`. X is (n, time, features), (n, time) of one feature, or a list of
    (time_i, features) arrays; y is (n,) of texts, numbers or bools, or (n, K) of zeros and ones.
    A list of (time_i,) or (time_i, K) arrays labels each step, and what is told is such a list.

    Args:
        class_weight: How much each class counts in the training loss: "balanced" all classes
            alike, or a mapping of class to weight. Default: every sequence alike.

    Attributes:
        classes_: (K,) the classes in the order of scores; of several labels, their columns.
        n_features_in_: Features of a step; of rows (n, time), their time steps.
        network_: The network as a `glasscell.Model`: it traces, streams and saves without torch.
        history_: One entry per epoch: "epoch", "train" and "validation" loss, "seconds".
        best_epoch_: The epoch whose weights were kept.

    Notes:
        A fit trains one network, on one thread, to the same bits for the same `random_state`.
        What `glasscell fit` trains is trained here, once: no baselines and no test part.

    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(steps, 2)) for steps in rng.integers(4, 9, size=60)]
    >>> y = np.where([steps[-1, 0] > 0 for steps in X], "up", "down")
    >>> model = LSTMClassifier(hidden_size=8, max_epochs=40, random_state=0).fit(X, y)
    >>> model.classes_.tolist(), model.score(X, y) > 0.9
    (['down', 'up'], True)

    A label for each step:

    >>> tags = [np.where(steps[:, 0] > 0, "up", "down") for steps in X]
    >>> tagger = LSTMClassifier(hidden_size=8, max_epochs=40, random_state=0).fit(X, tags)
    >>> len(X[0]), tagger.predict(X)[0].shape, tagger.score(X, tags) > 0.9
    (8, (8,), True)
    """

    class_weight: str | Mapping[Any, float] | None = None

    score = SequenceEstimator.score
    _measure = staticmethod(accuracy_score)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train on every sequence once, going on from the calls before.

        Args:
            X: As of `fit`.
            y: As of `fit`.
            classes: All classes that will ever come, or the columns of several labels; needed on
                the first call.
            sample_weight: As of `fit`.

        Returns:
            The estimator.

        Notes:
            The first call measures the scales of the features, which stay. The learning rate is
            constant, no sequence is held out, and the weights after the call are kept.
        """
        if self.class_weight == "balanced":
            raise DataError(
                "class_weight: expected a mapping or None for partial_fit, got 'balanced', which "
                "needs all sequences at once; count the classes and give their weights"
            )
        if not self.__sklearn_is_fitted__():
            if classes is None:
                raise DataError(
                    "classes: expected all classes on the first call of partial_fit, got None"
                )
            self.classes_ = np.unique(classes)
        return self._pass_over(X, y, sample_weight, known=True)

    def predict(self, X: Any) -> Any:
        """Tell the class of each sequence, or of each of its steps.

        Args:
            X: As of `fit`; sequences of any length.

        Returns:
            (n,) of `classes_`; of several labels (n, K) of 0 and 1; of steps a list of such
            arrays, one a sequence.
        """
        return self._told(X, lambda predictor, sequences: self._named(predictor.scores(sequences)))

    def predict_proba(self, X: Any) -> Any:
        """Tell how likely each class is.

        Args:
            X: As of `predict`.

        Returns:
            (n, K) float64 that sum to 1; of several labels, of each by itself; of steps a list of
            such arrays.
        """
        return self._told(X, lambda predictor, sequences: predictor.outputs(sequences))

    def decision_function(self, X: Any) -> Any:
        """Give what the probabilities are made of.

        Args:
            X: As of `predict`.

        Returns:
            (n, K) scores of the classes; of two classes (n,), the second's beyond the first's; of
            steps a list of such arrays.
        """
        return self._told(X, lambda predictor, sequences: self._beyond(predictor.scores(sequences)))

    def _named(self, scores: Array) -> Array:
        labels: Array = self.classes_[np.argmax(scores, axis=1)]
        return (scores > 0).astype(np.int64) if self._several else labels

    def _beyond(self, scores: Array) -> Array:
        binary = len(self.classes_) == 2 and not self._several
        both: Array = scores[:, 1] - scores[:, 0] if binary else scores
        return both

    def _labels(self, y: Any, known: bool) -> tuple[Labels, Array | None]:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        check_classification_targets(y)
        several = kind == "multilabel-indicator"
        if not several:
            y = column_or_1d(y, warn=True)
        found = np.arange(y.shape[1]) if several else np.unique(y)
        if not known:
            self.classes_ = found
        if not self.__sklearn_is_fitted__() or not known:
            self._several = several
        self._require_known(found, several)
        weights = None if self.class_weight is None else compute_sample_weight(self.class_weight, y)
        names = tuple(str(one) for one in self.classes_)
        if several:
            return Labels("multilabel", y.astype(bool), names), weights
        return Labels("class", np.searchsorted(self.classes_, y), names), weights

    def _require_known(self, found: Array, several: bool) -> None:
        """Refuse labels of which nothing can be learnt, or that were not there before."""
        known = self.classes_
        if several != self._several or (several and len(found) != len(known)):
            raise DataError(
                f"y: expected {len(known)} {'columns' if self._several else 'classes'} as before, "
                f"got {len(found)} {'columns' if several else 'classes'}; fit afresh"
            )
        unknown = np.setdiff1d(found, known)
        if len(unknown):
            raise DataError(
                f"y: expected the classes that were learnt first, got {unknown[0]!r}; fit afresh, "
                "or name all classes on the first call of partial_fit"
            )
        if len(known) < 2 and not several:
            raise DataError(
                f"y: expected at least two classes, got one class, {known[0]!r}; give sequences of "
                "another"
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
