"""`LSTMClassifier` and `LSTMRegressor` as sktime has its own: any of its panels, ragged too.

They take the same hyper-parameters, but for those that sktime settles itself: the order of axes is
that of the panel, and a fit starts afresh.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sktime.classification.base import BaseClassifier
from sktime.regression.base import BaseRegressor

from glasscell.arrays import Array
from glasscell.estimators.classifier import LSTMClassifier
from glasscell.estimators.hyperparameters import TRIED, Hyperparameters, OfClasses, beginning_as
from glasscell.estimators.regressor import LSTMRegressor

__all__ = ["SktimeLSTMClassifier", "SktimeLSTMRegressor"]

TAGS = {
    "authors": ["glasscell"],
    "maintainers": ["glasscell"],
    "python_dependencies": "torch",
    "X_inner_mtype": ["df-list", "numpy3D"],
    "capability:multivariate": True,
    "capability:unequal_length": True,
    "capability:categorical_in_X": False,
    "capability:random_state": True,
    "property:randomness": "derandomized",
}


class SktimeLSTMClassifier(BaseClassifier):  # type: ignore[misc]
    """Tells the class of each time series of a panel with an LSTM, a GRU or an RNN.

    Its arguments are those of `LSTMClassifier`; the fitted one is `estimator_`.

    >>> import numpy as np
    >>> from glasscell.estimators import SktimeLSTMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 2, 6))  # numpy3D: instance, channel, time
    >>> y = np.where(X[:, 0, -1] > 0, "up", "down")
    >>> model = SktimeLSTMClassifier(hidden_size=8, max_epochs=40, random_state=0).fit(X, y)
    >>> model.predict_proba(X).shape, model.score(X, y) > 0.8
    ((40, 2), True)
    """

    _tags: ClassVar[dict[str, Any]] = {**TAGS, "capability:predict_proba": True}
    __init__ = beginning_as(BaseClassifier, OfClasses)

    def _fit(self, X: Any, y: Array) -> SktimeLSTMClassifier:
        self.estimator_ = LSTMClassifier(**self.get_params(deep=False)).fit(_sequences(X), y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.estimator_.predict(_sequences(X))

    def _predict_proba(self, X: Any) -> Any:
        return self.estimator_.predict_proba(_sequences(X))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Give the hyper-parameters that sktime's checks try."""
        return TRIED


class SktimeLSTMRegressor(BaseRegressor):  # type: ignore[misc]
    """Tells a number of each time series of a panel with an LSTM, a GRU or an RNN.

    Its arguments are those of `LSTMRegressor`; the fitted one is `estimator_`.

    >>> import numpy as np
    >>> from glasscell.estimators import SktimeLSTMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 2, 6))  # numpy3D: instance, channel, time
    >>> model = SktimeLSTMRegressor(hidden_size=8, max_epochs=40, random_state=0)
    >>> model.fit(X, X[:, 0].mean(axis=1)).predict(X).shape
    (60,)
    """

    _tags: ClassVar[dict[str, Any]] = TAGS
    __init__ = beginning_as(BaseRegressor, Hyperparameters)

    def _fit(self, X: Any, y: Array) -> SktimeLSTMRegressor:
        self.estimator_ = LSTMRegressor(**self.get_params(deep=False)).fit(_sequences(X), y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.estimator_.predict(_sequences(X))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Give the hyper-parameters that sktime's checks try."""
        return TRIED


def _sequences(X: Any) -> Any:
    """Give a panel, (n, channels, time) or a list of frames, with time before channels."""
    return X.swapaxes(1, 2) if isinstance(X, np.ndarray) else [frame.to_numpy() for frame in X]
