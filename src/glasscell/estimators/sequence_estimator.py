"""What a classifier and a regressor of sequences share: fitting, scores, and run folders."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Labels, Sequences
from glasscell.errors import DataError
from glasscell.estimators.fitted_network import FittedNetwork
from glasscell.estimators.hyperparameters import Hyperparameters
from glasscell.estimators.samples import read_samples, steps_told
from glasscell.model.model import Model
from glasscell.tasks.sequences.predict import Predictor

__all__ = ["SequenceEstimator"]


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceEstimator(Hyperparameters, BaseEstimator):  # type: ignore[misc]
    """An estimator of sequences; see `LSTMClassifier` and `LSTMRegressor`.

    Args:
        layout: Order of the axes of X: "ntc" (sequence, time, feature) or "nct"; of a list of
            arrays, those after the first.
        warm_start: Whether a further `fit` begins with the weights and scales of the last one.
    """

    layout: str = "ntc"
    warm_start: bool = False

    _measure: ClassVar[Callable[..., float]]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one network afresh, or with `warm_start` from where the last one ended.

        Args:
            X: Sequences: (n, time, features) as the layout says, (n, time) of one feature, or a
                list of (time_i, features) arrays.
            y: What is to be told of each; or a list of arrays with a label for each step.
            sample_weight: (n,) how much each sequence counts in the training loss, and each of its
                steps; default all alike.

        Returns:
            The estimator.

        Raises:
            DataError: X, y or a hyper-parameter cannot be used.
        """
        goes_on = bool(self.warm_start) and self.__sklearn_is_fitted__()
        sequences, weights = self._read(X, y, sample_weight, goes_on, goes_on)
        from glasscell.estimators.one_network import fit

        before = self._fitted("fit") if goes_on else None
        self.fitted_network_ = fit(self, sequences, weights, before)
        return self

    def _pass_over(self, X: Any, y: Any, sample_weight: Any, known: bool) -> Self:
        """Train on every sequence once; what `partial_fit` of each does."""
        goes_on = self.__sklearn_is_fitted__()
        sequences, weights = self._read(X, y, sample_weight, goes_on, known or goes_on)
        from glasscell.estimators.one_network import pass_over

        before = self._fitted("fit") if goes_on else None
        self.fitted_network_ = pass_over(self, sequences, weights, before)
        return self

    def save(self, folder: str | os.PathLike[str], force: bool = False) -> Path:
        """Write a run folder that `glasscell.load` and `glasscell predict` read.

        Args:
            folder: A new folder.
            force: Replace a run that is there; default False.

        Returns:
            The folder.

        Raises:
            NotFittedError: There is nothing to save.
            DataError: Something is there that may not be replaced.
        """
        check_is_fitted(self)
        return self._fitted("network_").save(folder, force)

    @property
    def network_(self) -> Model:
        """The network, which runs with NumPy alone."""
        return self._fitted("network_").predictor.model

    @property
    def history_(self) -> tuple[dict[str, float], ...]:
        """What each epoch gave: "epoch", "train" and "validation" loss, "seconds"."""
        return self._fitted("history_").history

    @property
    def best_epoch_(self) -> int:
        """The epoch whose weights were kept."""
        return self._fitted("best_epoch_").best_epoch

    def _fitted(self, name: str) -> FittedNetwork:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"expected {name} of a fitted {type(self).__name__}; fit it first")
        fitted: FittedNetwork = self.fitted_network_
        return fitted

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Tell what was learnt of each sequence, or of each of its steps."""

    @abstractmethod
    def _labels(self, y: Any, known: bool) -> tuple[Labels, Array | None]:
        """Read y, and how much each label counts by its class (None: all alike).

        Args:
            y: As given.
            known: Whether classes and columns are those that were learnt before.
        """

    def _read(
        self, X: Any, y: Any, sample_weight: Any, known_features: bool, known_labels: bool
    ) -> tuple[Sequences, Array | None]:
        """Read what `fit` is given."""
        if y is None:
            raise DataError(
                f"y: expected labels, got None: {type(self).__name__} requires y to be passed, but "
                "the target y is None; give what each sequence is to be told by"
            )
        sequences = read_samples(self, X, reset=not known_features)
        steps = steps_told(y, sequences.lengths)
        if steps is None:
            check_consistent_length(sequences.names, y)
        if known_features and self._per_step != (steps is not None):
            each = ("sequence", "step")
            raise DataError(
                f"y: expected a label a {each[self._per_step]} as before, got one a "
                f"{each[not self._per_step]}; fit afresh"
            )
        labels, weights = self._labels(y if steps is None else steps, known_labels)
        if sample_weight is not None:
            given = _sequence_weights(sample_weight, len(sequences))
            given = given if steps is None else np.repeat(given, sequences.lengths)
            weights = given if weights is None else given * weights
        return replace(sequences, labels=replace(labels, per_step=steps is not None)), weights

    def _told(self, X: Any, tell: Callable[[Predictor, Sequences], Array]) -> Any:
        """Give a row for each sequence, or a list with the rows of the steps of each."""
        check_is_fitted(self)
        predictor, sequences = self._fitted("network_").predictor, read_samples(self, X, False)
        rows = tell(predictor, sequences)
        return np.split(rows, sequences.offsets[1:-1]) if self._per_step else rows

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Give the accuracy, or R² of numbers; of all steps together where each has a label.

        Args:
            X: As of `predict`.
            y: As of `fit`.
            sample_weight: (n,) how much each sequence counts, and each of its steps.
        """
        told = self.predict(X)
        if self._per_step:
            lengths = np.array([len(one) for one in told])
            truth = steps_told(y, lengths)
            if truth is None:
                raise DataError("y: expected a list with the labels of the steps of each sequence")
            y, told = truth, np.concatenate(told)
            if sample_weight is not None:
                sample_weight = np.repeat(sample_weight, lengths)
        return float(self._measure(y, told, sample_weight=sample_weight))

    @property
    def _per_step(self) -> bool:
        return self._fitted("network_").predictor.known.per_step

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fitted_network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self.missing != "raise"
        return tags


def _sequence_weights(sample_weight: Any, n: int) -> Array:
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (n,):
        came = f"shape {weights.shape}"
    elif weights.min() < 0:
        came = f"{weights.min():g}"
    elif not weights.any():
        came = "zero for every sequence"
    else:
        checked: Array = weights
        return checked
    raise DataError(
        f"sample_weight: expected {n} weights, one a sequence, none negative and not all zero, "
        f"got {came}"
    )
