"""Which steps of a sequence decided what was said of it: contributions that sum up to the score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.errors import DataError, ShapeError
from glasscell.inspect.subjects import Looked, subject_of
from glasscell.inspect.subjects.saved_model import SavedModel
from glasscell.inspect.subjects.torch_model import TorchModel
from glasscell.traces import pictures

__all__ = ["Attribution", "Score", "attribute", "log_odds", "one_output"]

Float64: TypeAlias = npt.NDArray[np.float64]

Score: TypeAlias = Callable[[Array], tuple[Array, Array]]
"""Takes outputs (B, O), gives the scores (B,) and their derivatives by the outputs (B, O)."""

PIECES: Final = 4
"""Of the path from the baseline to x; halved where the score turns sharply …"""
HALVINGS: Final = 18
"""… so often at most, …"""
ROOM: Final = 128
"""… so many pieces in all …"""
CLOSE: Final = 0.01
"""… to come this near to the whole change of the score."""
POINTS: Final = 8
"""In a piece, in one batch."""
SHARE: Final = 10
"""One step in so many is taken out to see what becomes of the score."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """By how much every input at every step raised a score.

    Attributes:
        contribution: (T, F); they sum up to ``score - base`` but for `error`.
        score: Of the sequence.
        base: Of the baseline.
        steps: (k,) the steps that count most, one in ten of all, in the order of time.
        said: What their contributions sum up to.
        fell: What the score falls by when the baseline takes their place, and the rest stays.
        slope: (T, F) mean derivative of the score along the path: a contribution is this times what
            the input is above its baseline.
    """

    contribution: Float64
    score: float
    base: float
    steps: npt.NDArray[np.int64]
    said: float
    fell: float
    slope: Float64 | None = None

    @property
    def error(self) -> float:
        """What the contributions miss of ``score - base``."""
        return float(self.contribution.sum()) - (self.score - self.base)

    @property
    def by_step(self) -> Float64:
        """(T,) what all inputs of each step added."""
        return np.asarray(self.contribution.sum(axis=1))

    def scaled(self, by: float, plus: float = 0.0) -> Attribution:
        """Give the same of ``by * score + plus``, such as a number in the data's own unit.

        Args:
            by: Factor.
            plus: What 0 stands for; default 0.
        """
        return replace(
            self, contribution=by * self.contribution, score=by * self.score + plus,
            base=by * self.base + plus, said=by * self.said, fell=by * self.fell,
            slope=None if self.slope is None else by * self.slope,
        )  # fmt: skip

    def plot(self, names: Sequence[str] | None = None, *, ax: Any = None, **options: Any) -> Any:
        """Draw what each step and each input added; needs matplotlib.

        Args:
            names: Of the inputs; default x0, x1, …
            ax: Two Axes; default a new pyplot figure.
            **options: As `glasscell.report.plots.decided` takes them.

        Returns:
            (2,) array of Axes.
        """
        return pictures.plot("decided", self, names, ax=ax, **options)


def log_odds(place: int) -> Score:
    """Give ``log p / (1 - p)`` of one class, from scores that a softmax makes probabilities.

    Args:
        place: Which class. Where there is but one output, its own value: as of a sigmoid.

    >>> value, slope = log_odds(0)(np.array([[2.0, 1.0]]))
    >>> value, slope
    (array([1.]), array([[ 1., -1.]]))
    """

    def score(outputs: Array) -> tuple[Array, Array]:
        z = np.asarray(outputs, np.float64)
        others = np.delete(z, place, axis=1)
        slope = np.zeros_like(z)
        slope[:, place] = 1.0
        if not others.shape[1]:
            return z[:, place], slope
        top = others.max(axis=1, keepdims=True)
        shares = np.exp(others - top)
        total = shares.sum(axis=1, keepdims=True)
        slope[:, np.arange(z.shape[1]) != place] = -shares / total
        return z[:, place] - (top + np.log(total))[:, 0], slope

    return score


def one_output(place: int) -> Score:
    """Give one of the outputs as it is, such as a number or the log-odds of one of many labels.

    >>> one_output(1)(np.array([[2.0, 5.0]]))
    (array([5.]), array([[0., 1.]]))
    """

    def score(outputs: Array) -> tuple[Array, Array]:
        slope = np.zeros(outputs.shape)
        slope[:, place] = 1.0
        return np.asarray(outputs[:, place], np.float64), slope

    return score


def attribute(
    model: Looked,
    x: Array,
    score: Score,
    baseline: Array | float = 0.0,
) -> Attribution:
    """Divide the score of one sequence among its inputs, by integrated gradients.

    ``c_tf = (x_tf - b_tf) · ∫₀¹ ∂score(b + a (x - b)) / ∂x_tf da``

    Args:
        model: A torch module, what `glasscell.load` gave, or a folder; it gives one answer (O,) a
            sequence.
        x: (T, F), one sequence as the model reads it.
        score: Of the model's outputs, such as `log_odds(2)`.
        baseline: (T, F), (F,) or a number: what says nothing; default 0, the mean of what is
            scaled to mean 0.

    Returns:
        `Attribution`.

    Raises:
        ShapeError: x is no single sequence, or the model gives an answer a step.
        DataError: The model reads indices, which have no gradient.

    Notes:
        The integral is taken by Gauss and Legendre at 8 points in each quarter of the path, and of
        halves of it up to 18 times where the sum is not within 1 % of what the score changes by
        in all; `error` is what is left. The sum says
        nothing of what one step alone would change in a network that weighs steps against each
        other: `fell` measures that. Source: M. Sundararajan, A. Taly, Q. Yan, Axiomatic attribution
        for deep networks, ICML 2017.
    """
    subject = subject_of(model)
    assert isinstance(subject, SavedModel | TorchModel)
    dtype = np.dtype(np.float32)
    if isinstance(subject, SavedModel):
        subject, dtype = subject.of_lengths(None), subject.model.dtype
        if subject.model.input_size is None:
            raise DataError("expected a model that reads numbers, got one that reads indices")
    if np.ndim(x) != 2 or not len(x):
        raise ShapeError(f"expected one sequence x (T, F), got {np.shape(x)}")
    x = np.asarray(x, dtype)
    base = np.broadcast_to(np.asarray(baseline, x.dtype), x.shape)
    ends = np.stack([x, base])
    first, last = (float(value) for value in score(subject.outputs(ends))[0])
    contribution, slope = _along(subject, x, base, score, abs(first - last))
    each = contribution.sum(axis=1)
    most = np.sort(np.argsort(-abs(each), kind="stable")[: -(-len(x) // SHARE)])
    without = x.copy()
    without[most] = base[most]
    fell = first - float(score(subject.outputs(without[None]))[0][0])
    return Attribution(
        contribution=contribution, score=first, base=last, steps=most,
        said=float(each[most].sum()), fell=fell, slope=slope,
    )  # fmt: skip


def _along(
    subject: SavedModel | TorchModel, x: Array, base: Array, score: Score, change: float
) -> tuple[Float64, Float64]:
    """Integrate the gradient along the path, in finer pieces where the score turns sharply."""
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    nodes, weights = (nodes + 1) / 2, weights / 2

    def at(places: Array) -> Array:
        between: Array = base + places[:, None, None] * (x - base)
        return between.astype(x.dtype)

    found, mean = np.zeros(x.shape), np.zeros(x.shape)
    ends = np.linspace(0, 1, PIECES + 1)
    pieces, room = np.stack([ends[:-1], ends[1:]], axis=1), ROOM
    for halved in range(HALVINGS + 1):
        left: list[tuple[float, float]] = []
        for start, stop in pieces:
            low, high = score(subject.outputs(at(np.array([start, stop]))))[0]
            slopes = subject.input_gradient(
                at(start + (stop - start) * nodes), lambda outputs: score(outputs)[1]
            )
            slope = np.tensordot(weights, slopes, 1)
            area = (stop - start) * (x - base) * slope
            more = halved < HALVINGS and len(left) < room
            if more and abs(area.sum() - (high - low)) > CLOSE * change / POINTS:
                left += [(start, (start + stop) / 2), ((start + stop) / 2, stop)]
            else:
                found += area
                mean += (stop - start) * slope
        pieces, room = np.array(left), room - len(left)
    return found, mean
