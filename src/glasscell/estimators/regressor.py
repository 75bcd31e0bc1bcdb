"""`LSTMRegressor`: one number, or several, of each sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.errors import DataError
from glasscell.estimators.sequence_estimator import SequenceEstimator
from glasscell.tasks.sequences.predict import Predictor

__all__ = ["LSTMRegressor"]


@dataclass(kw_only=True, eq=False, repr=False)
class LSTMRegressor(RegressorMixin, SequenceEstimator):  # type: ignore[misc]
    """Tells a number of a sequence, or several, with an LSTM, a GRU or an RNN.

    X is as of `LSTMClassifier`; y is (n,) or (n, D) of numbers, or a list of (time_i,) or
    (time_i, D) arrays with numbers for each step. They are scaled by their mean and standard
    deviation for training and given back in their own unit.

    Attributes:
        n_features_in_: Features of a step; of rows (n, time), their time steps.
        network_: The network as a `glasscell.Model`, whose outputs are scaled numbers.
        history_: One entry per epoch: "epoch", "train" and "validation" loss, "seconds".
        best_epoch_: The epoch whose weights were kept.

    Notes:
        As of `LSTMClassifier`. The loss is Huber's, of scaled numbers: squared up to one
        standard deviation, linear beyond.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 6, 2))
    >>> y = 100 + 10 * X[:, :, 0].mean(axis=1)
    >>> model = LSTMRegressor(hidden_size=8, max_epochs=40, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.8
    True
    """

    score = SequenceEstimator.score
    _measure = staticmethod(r2_score)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on every sequence once, going on from the calls before.

        Args:
            X: As of `fit`.
            y: As of `fit`.
            sample_weight: As of `fit`.

        Returns:
            The estimator.

        Notes:
            The first call measures the scales of features and numbers, which stay. The learning
            rate is constant, no sequence is held out, and the weights after the call are kept.
        """
        return self._pass_over(X, y, sample_weight, known=False)

    def predict(self, X: Any) -> Any:
        """Tell the numbers of each sequence, or of each of its steps.

        Args:
            X: As of `fit`; sequences of any length.

        Returns:
            (n,) float64, or (n, D) where y had columns, in the unit of y; of steps a list of such
            arrays, one a sequence.
        """
        return self._told(X, self._numbers)

    def _numbers(self, predictor: Predictor, sequences: Sequences) -> Array:
        """Give numbers as y had them: a column alone is none."""
        numbers = predictor.outputs(sequences)
        return numbers[:, 0] if self._one else numbers

    def _labels(self, y: Any, known: bool) -> tuple[Labels, Array | None]:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        columns = y.reshape(len(y), -1)
        if not known:
            self._one, self._columns = y.ndim == 1, columns.shape[1]
        elif columns.shape[1] != self._columns:
            raise DataError(
                f"y: expected {self._columns} numbers a sequence as before, got "
                f"{columns.shape[1]}; fit afresh"
            )
        names = ("y",) if self._columns == 1 else tuple(f"y{n}" for n in range(self._columns))
        return Labels("number", columns, names), None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
