"""Ridge regression on what sums a sequence up: a rival, and where the networks start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences.plan import Plan, blocks
from glasscell.tasks.sequences.splits import Index, Round
from glasscell.tasks.sequences.told import probabilities

ALPHAS = np.logspace(-3, 4, 8)
"""Ridge penalties, of which the best by leave-one-out on the training part is taken."""

MOST = 20_000
"""Sequences that the networks' start is fitted on at most, evenly spaced."""

LEAST_CHANGE = 1e-4
"""Standard deviation from which on a summary of scaled features is read by the networks' start:
means of series that are scaled one by one differ by their last digit alone."""


class Ridge:
    """Ridge regression on standardized features, to 1 and -1 for a label that holds and one not.

    Args:
        x: (n, k) features.
        y: (n, K) ones and zeros, or (n, D) numbers.
        goal: What `y` is.
        weights: (n,) what each row counts; None: one.
    """

    def __init__(self, x: Array, y: Array, goal: str, weights: Array | None = None) -> None:
        self.goal = goal
        self.features = StandardScaler().fit(x)
        self.targets = Scaler.fit(y) if goal == "regress" else Scaler(np.array(0.5), np.array(0.5))
        # This measure, the default's but for its name, has what is said of each row kept.
        self.model = RidgeCV(ALPHAS, scoring="neg_mean_squared_error", store_cv_results=True)
        self.model.fit(self.features.transform(x), self.targets.apply(y), sample_weight=weights)
        self.parameters = int(self.model.coef_.size + np.size(self.model.intercept_))

    def scores(self, x: Array) -> Array:
        """Give (m, K) scores, the higher the likelier, or (m, D) numbers."""
        said: Array = self.model.predict(self.features.transform(x))
        said = said.reshape(len(x), -1)
        return self.targets.restore(said) if self.goal == "regress" else said

    @property
    def left_out(self) -> Array:
        """What a ridge with the same penalty says of each row if fitted on all others: (n, K)."""
        said: Array = self.model.cv_results_[..., np.searchsorted(ALPHAS, self.model.alpha_)]
        return said

    @property
    def equation(self) -> tuple[Array, Array]:
        """Weights (K, k) and intercepts (K,) of the features as they come, for `scores`."""
        weight = np.atleast_2d(self.model.coef_) / self.features.scale_
        bias = self.model.intercept_ - weight @ self.features.mean_
        if self.goal == "regress":
            scale, mean = self.targets.scale, self.targets.mean
            return weight * scale[:, None], bias * scale + mean
        return weight, bias


def sharpness(scores: Array, truth: Array, goal: str) -> float:
    """Choose the factor of (n, K) scores with the least log loss.

    The truth is softened as in Platt 1999, by one sequence more and one less of n, so that a few
    sequences without a mistake do not make it sure of everything.

    >>> right = np.eye(2)[[0, 0, 1, 1]]
    >>> sharpness(2 * right - 1, right, "classify") < sharpness(0.5 * right, right, "classify")
    True
    """
    if not len(scores):
        return 1.0
    classes = scores.shape[1] if goal == "classify" else 2
    soft = (truth * len(scores) + 1 / classes) / (len(scores) + 1)

    def loss(power: float) -> float:
        said = np.clip(probabilities(goal, scores * np.exp(power)), 1e-15, 1 - 1e-15)
        one = soft * np.log(said)
        return -float(np.sum(one if goal == "classify" else one + (1 - soft) * np.log(1 - said)))

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 5.0), method="bounded").x))


def rows_of(plan: Plan, chosen: Index) -> Index:
    """The rows of the labels of sequences: their own numbers, or their steps."""
    return plan.sequences.steps(chosen) if plan.labels.per_step else chosen


def coded(plan: Plan, chosen: Index) -> Array:
    """(m, K) ones and zeros, or (m, D) numbers, of sequences or their steps."""
    values = plan.labels.values[rows_of(plan, chosen)]
    if plan.labels.kind == "class":
        return np.eye(plan.outputs)[values]
    coded: Array = values.reshape(len(values), -1).astype(np.float64)
    return coded


def balance(plan: Plan, y: Array) -> Array | None:
    """What each row counts where classes are to count alike, as they do for the networks."""
    if plan.goal != "classify" or plan.options.class_weight != "balanced":
        return None
    sizes = y.sum(axis=0)
    weights: Array = (y @ (len(y) / np.maximum(sizes, 1))) / np.count_nonzero(sizes)
    return weights


def summaries(sequences: Sequences, chosen: Index, scaler: Scaler) -> Array:
    """Give (m, 4F) mean, standard deviation, first and last of each scaled feature.

    >>> one = Sequences(np.array([[1.0], [3.0]], np.float32), np.array([0, 2]), ("x",),
    ...                 np.array(["a"]))
    >>> summaries(one, np.array([0]), Scaler(np.zeros(1), np.ones(1)))
    array([[2., 1., 1., 3.]])
    """
    found = [np.zeros((0, 4 * len(sequences.features)))]
    for block in blocks(sequences, chosen):
        x = scaler.network_input(sequences.values[sequences.steps(block)]).astype(np.float64)
        lengths = sequences.lengths[block]
        ends = np.cumsum(lengths)
        starts = ends - lengths
        mean = np.add.reduceat(x, starts) / lengths[:, None]
        centred = (x - np.repeat(mean, lengths, axis=0)) ** 2
        spread = np.sqrt(np.add.reduceat(centred, starts) / lengths[:, None])
        found.append(np.concatenate([mean, spread, x[starts], x[ends - 1]], axis=1))
    return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class LinearStart:
    """A linear model as the linear path of a network.

    Args:
        weight: (K, 4F) of summaries of scaled features, or (K, N) of the rows of n-grams.
        bias: (K,).
        held_out: (v, K) what it would add to the scores of the validation part had it not seen it;
            None: what it adds.
    """

    weight: Array
    bias: Array
    held_out: Array | None = None

    @classmethod
    def of(cls, plan: Plan, part: Round, chosen: Index) -> LinearStart:
        """Fit ridge on summaries, and scale it so that its scores are log odds.

        Args:
            plan: Sequences and options.
            part: The round; its scalers are those of the network.
            chosen: (n,) what the network learns from.

        Returns:
            Of n < 3, or where a class is missing, zeros: it would never be told.
        """
        if len(chosen) > MOST:
            chosen = chosen[np.linspace(0, len(chosen) - 1, MOST).astype(np.int64)]
        x, y = summaries(plan.sequences, chosen, plan.scaler(part)), coded(plan, chosen)
        scaler = plan.target_scaler(part)
        y = y if scaler is None else scaler.apply(y)
        if len(chosen) < 3 or (plan.goal == "classify" and not y.any(axis=0).all()):
            return cls(np.zeros((plan.outputs, x.shape[1])), np.zeros(plan.outputs))
        weights = balance(plan, y)
        if plan.weights is not None:
            weights = plan.weights[chosen] * (1 if weights is None else weights)
        ridge = Ridge(np.where(x.std(axis=0) > LEAST_CHANGE, x, 0), y, plan.goal, weights)
        weight, bias = ridge.equation
        factor = 1.0 if plan.goal == "regress" else sharpness(ridge.left_out, y, plan.goal)
        return cls(factor * weight, factor * bias)
