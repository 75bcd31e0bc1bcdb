"""Logistic regression on n-grams of symbols: a rival, and the linear path of the networks."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as RidgeRegression
from sklearn.metrics import log_loss

from glasscell.arrays import Array
from glasscell.data.sequences.collection import Sequences
from glasscell.data.sequences.reading_options import Goal
from glasscell.model.nodes.grams import Alphabet
from glasscell.tasks.scaling import Scaler
from glasscell.tasks.sequences.batches import by_length, padded_steps
from glasscell.tasks.sequences.plan import Plan
from glasscell.tasks.sequences.ridge import balance, coded
from glasscell.tasks.sequences.splits import Index, Round
from glasscell.tasks.sequences.told import probabilities

STRENGTHS = (0.03, 0.1, 0.3, 1.0)
"""Inverse penalties C, of which the best on the validation part is taken."""

STRENGTH = 0.3
"""C where there is no validation part."""

MOST = 20_000
"""Sequences that are learnt from at most, evenly spaced."""

STEPS = 300
"""Most steps of a solver."""


@dataclass(frozen=True, eq=False)
class GramModel:
    """A linear model of how often each n-gram comes in a sequence, and which ones end it.

    Args:
        alphabet: Numbers the grams.
        weight: (O, N) of each row of grams.
        bias: (O,).
        strength: C, the inverse penalty.
        held_out: (v, O) what a model with this penalty says of the validation part that was fitted
            on the training part alone.
        fitted: Weights that some sequence speaks for, and biases.
    """

    alphabet: Alphabet
    weight: Array
    bias: Array
    strength: float
    held_out: Array
    fitted: int

    @classmethod
    def of(cls, plan: Plan, part: Round) -> GramModel:
        """Choose the penalty on the validation part, and fit training and validation together.

        Args:
            plan: Sequences of symbols, and options.
            part: The round.
        """
        alphabet = plan.grams
        assert alphabet is not None
        train, learning = part.train, np.concatenate([part.train, part.validation])
        best, strength = np.inf, STRENGTH
        held_out = np.zeros((len(part.validation), plan.outputs))
        if len(part.validation):
            truth = _targets(plan, part, part.validation)
            unseen = counted(plan.sequences, part.validation, alphabet)
            for one in STRENGTHS:
                weight, bias = _fitted(plan, part, train, one)
                scores = unseen @ weight.T + bias
                loss = _loss(scores, truth, plan.goal)
                if loss < best:
                    best, strength, held_out = loss, one, scores
        weight, bias = _fitted(plan, part, learning, strength)
        known = int(np.any(weight != 0, axis=0).sum())
        return cls(alphabet, weight, bias, strength, held_out, (known + 1) * len(bias))

    def scores(self, sequences: Sequences, chosen: Index) -> Array:
        """Score sequences: (m, O)."""
        scores: Array = counted(sequences, chosen, self.alphabet) @ self.weight.T + self.bias
        return scores


def counted(sequences: Sequences, chosen: Index, alphabet: Alphabet) -> csr_matrix:
    """Count the grams of sequences, and those at their ends: (m, N) sparse.

    >>> one = Sequences(np.eye(2, dtype=np.float32), np.array([0, 2]), ("a", "b"), np.array(["ab"]))
    >>> counted(one, np.array([0]), Alphabet(2, 1, 8)).toarray()
    array([[1., 1., 0., 0., 0., 1., 0., 0.]])
    """
    owners, rows = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    as_it_is = Scaler(np.zeros(alphabet.features), np.ones(alphabet.features))
    for batch in by_length(sequences, chosen):
        x, lengths = padded_steps(sequences, as_it_is, chosen[batch])
        marks = np.full((len(batch), alphabet.order - 1), alphabet.begin)
        found, at_end, _ = alphabet.read(marks, x, lengths)
        there = np.arange(x.shape[1]) < lengths[:, None]
        for each, last in zip(found, at_end, strict=True):
            owners += [np.repeat(batch, lengths), batch]
            rows += [each[there], last]
    place = np.concatenate(owners), np.concatenate(rows)
    counts = csr_matrix((np.ones(len(place[0])), place), (len(chosen), alphabet.rows))
    counts.sum_duplicates()
    return counts


def _targets(plan: Plan, part: Round, chosen: Index) -> Array:
    """Give (m, O) ones and zeros, or numbers as the networks are told them."""
    scaler, y = plan.target_scaler(part), coded(plan, chosen)
    return y if scaler is None else scaler.apply(y)


def _fitted(plan: Plan, part: Round, chosen: Index, strength: float) -> tuple[Array, Array]:
    """Fit weights (O, N) and bias (O,) of what some sequences have; other weights are 0."""
    alphabet = plan.grams
    assert alphabet is not None
    if len(chosen) > MOST:
        chosen = chosen[np.linspace(0, len(chosen) - 1, MOST).astype(np.int64)]
    counts, y = counted(plan.sequences, chosen, alphabet), _targets(plan, part, chosen)
    counts_of = balance(plan, y)
    if plan.weights is not None:
        counts_of = plan.weights[chosen] * (1 if counts_of is None else counts_of)
    seen = np.flatnonzero(counts.getnnz(axis=0))
    weight, bias = np.zeros((plan.outputs, alphabet.rows)), np.zeros(plan.outputs)
    with warnings.catch_warnings():
        # It is a start and a rival: as far as it comes in so many steps.
        warnings.simplefilter("ignore", ConvergenceWarning)
        weight[:, seen], bias[:] = linear(counts[:, seen], y, plan.goal, strength, counts_of)
    return weight, bias


def linear(
    x: csr_matrix, y: Array, goal: Goal, strength: float, weights: Array | None = None
) -> tuple[Array, Array]:
    """Fit a linear model whose scores are log odds, or numbers.

    Args:
        x: (n, k) sparse.
        y: (n, O) ones and zeros, or numbers.
        goal: What `y` is.
        strength: C, the inverse penalty.
        weights: (n,) what each row counts; None: one.

    Returns:
        Weights (O, k) and biases (O,). A class that no row is of is as likely as half a row makes
        it, whatever x; of a single one, or of no rows, all are 0.
    """
    outputs = y.shape[1]
    weight, bias = np.zeros((outputs, x.shape[1])), np.zeros(outputs)
    if goal == "regress":
        if len(y) > 1:
            ridge = RidgeRegression(1 / strength).fit(x, y, sample_weight=weights)
            weight[:], bias[:] = np.reshape(ridge.coef_, weight.shape), ridge.intercept_
        return weight, bias
    if goal == "multilabel":
        for number, holds in enumerate(y.T):
            if 0 < holds.sum() < len(holds):
                found = LogisticRegression(C=strength, max_iter=STEPS).fit(x, holds, weights)
                weight[number], bias[number] = found.coef_[0], found.intercept_[0]
            else:
                bias[number] = np.log((holds.sum() + 0.5) / ((1 - holds).sum() + 0.5))
        return weight, bias
    there = np.flatnonzero(y.any(axis=0))
    if len(there) < 2:
        return weight, bias
    found = LogisticRegression(C=strength, max_iter=STEPS).fit(x, y.argmax(axis=1), weights)
    # Of two classes the solver has the scores of one alone.
    both = len(there) == 2
    weight[there] = [-found.coef_[0] / 2, found.coef_[0] / 2] if both else found.coef_
    own = [-found.intercept_[0] / 2, found.intercept_[0] / 2] if both else found.intercept_
    bias[:] = np.min(own) + np.log(0.5 / y.sum(axis=0)[there].min())
    bias[there] = own
    return weight, bias


def _loss(scores: Array, truth: Array, goal: Goal) -> float:
    """Give the mean log loss of (n, O) scores, or the mean squared error."""
    if goal == "regress":
        return float(np.mean((scores - truth) ** 2))
    said = np.clip(probabilities(goal, scores), 1e-15, 1)
    if goal == "classify":
        return float(log_loss(truth.argmax(axis=1), said, labels=np.arange(truth.shape[1])))
    held = np.where(truth > 0, said, np.clip(1 - said, 1e-15, 1))
    return float(-np.log(held).mean())
