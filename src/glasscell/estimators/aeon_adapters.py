"""`LSTMClassifier` and `LSTMRegressor` as aeon has its own: channels first, ragged lists too.

They take the same hyper-parameters, but for those that aeon settles itself: channels come before
time, and a fit starts afresh.
"""

from __future__ import annotations

from typing import Any, ClassVar

from aeon.classification.base import BaseClassifier
from aeon.regression.base import BaseRegressor

from glasscell.arrays import Array
from glasscell.estimators.classifier import LSTMClassifier
from glasscell.estimators.hyperparameters import TRIED, Hyperparameters, OfClasses, beginning_as
from glasscell.estimators.regressor import LSTMRegressor

__all__ = ["AeonLSTMClassifier", "AeonLSTMRegressor"]

TAGS = {
    "X_inner_type": ["np-list", "numpy3D"],
    "algorithm_type": "deeplearning",
    "capability:multivariate": True,
    "capability:unequal_length": True,
    "python_dependencies": "torch",
}


class AeonLSTMClassifier(BaseClassifier):  # type: ignore[misc]
    """Tells the class of each time series of a collection with an LSTM, a GRU or an RNN.

    Its arguments are those of `LSTMClassifier`; the fitted one is `estimator_`.

    >>> import numpy as np
    >>> from glasscell.estimators import AeonLSTMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(2, steps)) for steps in rng.integers(4, 9, size=60)]
    >>> y = np.where([series[0, -1] > 0 for series in X], "up", "down")
    >>> model = AeonLSTMClassifier(hidden_size=8, max_epochs=40, random_state=0).fit(X, y)
    >>> model.predict_proba(X).shape, model.score(X, y) > 0.8
    ((60, 2), True)
    """

    _tags: ClassVar[dict[str, Any]] = TAGS
    __init__ = beginning_as(BaseClassifier, OfClasses)

    def _fit(self, X: Any, y: Array) -> AeonLSTMClassifier:
        estimator = LSTMClassifier(layout="nct", **self.get_params(deep=False))
        self.estimator_ = estimator.fit(X, y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.estimator_.predict(X)

    def _predict_proba(self, X: Any) -> Any:
        return self.estimator_.predict_proba(X)

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        return TRIED


class AeonLSTMRegressor(BaseRegressor):  # type: ignore[misc]
    """Tells a number of each time series of a collection with an LSTM, a GRU or an RNN.

    Its arguments are those of `LSTMRegressor`; the fitted one is `estimator_`.

    >>> import numpy as np
    >>> from glasscell.estimators import AeonLSTMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 2, 6))  # case, channel, time
    >>> model = AeonLSTMRegressor(hidden_size=8, max_epochs=40, random_state=0)
    >>> model.fit(X, X[:, 0].mean(axis=1)).predict(X).shape
    (60,)
    """

    _tags: ClassVar[dict[str, Any]] = TAGS
    __init__ = beginning_as(BaseRegressor, Hyperparameters)

    def _fit(self, X: Any, y: Array) -> AeonLSTMRegressor:
        self.estimator_ = LSTMRegressor(layout="nct", **self.get_params(deep=False)).fit(X, y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.estimator_.predict(X)

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        return TRIED
