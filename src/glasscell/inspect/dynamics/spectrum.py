"""What many steps in a row do to a change of the state: singular values and Lyapunov exponents.

Both are read off the actual Jacobians of the true state s = (h, c), step by step. The eigenvalues
of weight_hh say little about it: a tanh network with spectral radius 0 can explode, and an LSTM's
memory is in its forget gates (`tests/inspect/dynamics/test_spectrum.py` has both as numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import at_least, whole
from glasscell.inspect.dynamics.graded import GradedProduct, graded_qr, orthonormal
from glasscell.inspect.dynamics.jacobian import StateJacobian
from glasscell.traces import pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.cells.parameters import LayerWeights
    from glasscell.traces.layer import LayerTrace

__all__ = ["Fan", "Lyapunov", "Stretch", "fan", "lyapunov", "stretch"]

Float64: TypeAlias = npt.NDArray[np.float64]
Int64: TypeAlias = npt.NDArray[np.int64]

EXACT = 128
"""States up to this size S are followed in all their directions: at H = 64 that takes 5 ms a step,
and leaves no direction out; beyond, `SPARE` columns more than were asked for."""

SPARE = 8
SETTLED = 1e-3
"""Passes to and fro end when no log10 of a singular value moves by more than this."""

PASSES = 24
STRETCHES = 10

ENOUGH = 200
"""Steps, twenty a stretch, from which on a finite-time exponent may be called chaotic."""

ROUNDING = 1e-6
"""Exponents of a network that keeps everything, 0 but for rounding, are below this."""


@dataclass(frozen=True, eq=False)
class Fan:
    """The largest singular values of ds_{start+lag} / ds_start.

    Attributes:
        lags: (n,) int64, steps in the order in which the layer worked.
        log10_sigma: (n, k) float64, falling along k; -inf where fewer directions are left, or where
            a step left less of one than its rounding, S * 2.2e-16 of the weights' rows, can tell
            from nothing.
    """

    lags: Int64
    log10_sigma: Float64

    def plot(self, ax: Any = None, **options: Any) -> Axes:
        """Draw log10 of the singular values over the lag; needs matplotlib.

        Args:
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.jacobian_fan` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("jacobian_fan", self, ax=ax, **options)


@dataclass(frozen=True, eq=False)
class Lyapunov:
    """Growth per step of a change of the state, in its k most lasting directions.

    Attributes:
        exponents: (k,) float64, natural logarithm per step, falling; -inf where a direction is
            lost at some step. Below -1/lag: that lag cannot be carried.
        std: (k,) standard deviation of the exponents between ten equal stretches of the run; NaN
            for fewer steps than that.
        steps: Over which they are means, those of the warm-up left out.
    """

    exponents: Float64
    std: Float64
    steps: int = 0

    @property
    def error(self) -> Float64:
        """(k,): standard error of the exponents, ``std / sqrt(10)``, of ten stretches' means.

        Too small where a stretch is shorter than what the network remembers.
        """
        return np.asarray(self.std / np.sqrt(STRETCHES))

    @property
    def chaotic(self) -> bool | None:
        """Whether the largest exponent is above 0 by more than two standard errors.

        Of states that are bounded: a ReLU network's may just grow. None, and nothing is to be
        said, for fewer than 200 steps: an exponent of 0.02 over 33 of them was -0.010 over 4000.
        """
        if self.steps < ENOUGH or not len(self.exponents):
            return None
        return bool(self.exponents[0] > max(2 * self.error[0], ROUNDING))

    def plot(self, ax: Any = None, **options: Any) -> Axes:
        """Draw the exponents, largest first, with their deviations; needs matplotlib.

        Args:
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.lyapunov` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("lyapunov", self, ax=ax, **options)


class Stretch(NamedTuple):
    """What one matrix does to lengths; None where it has values that are not finite.

    Attributes:
        norm: The most that it stretches, its largest singular value.
        radius: The spectral radius, its largest eigenvalue in size; None of what is not square.
    """

    norm: float | None
    radius: float | None


def stretch(matrix: Float64) -> Stretch:
    """Measure one matrix of weights, (rows, columns); O(n^3).

    >>> stretch(np.array([[0.0, 2.0], [0.0, 0.0]]))
    Stretch(norm=2.0, radius=0.0)
    """
    if not np.isfinite(matrix).all():
        return Stretch(None, None)
    square = matrix.shape[0] == matrix.shape[1]
    radius = float(abs(np.linalg.eigvals(matrix)).max()) if square else None
    return Stretch(float(np.linalg.norm(matrix, 2)), radius)


def fan(
    layer: LayerTrace,
    weights: LayerWeights,
    start: int | None = None,
    columns: int = 8,
    lags: Sequence[int] | None = None,
) -> Fan:
    """Give the largest singular values of the product of Jacobians over each lag.

    ``sigma_k(J_{start+lag} … J_{start+1})``, with J_t = ds_t / ds_{t-1} and s = (h, c): by how much
    a change of the state after step `start` is grown or shrunk `lag` steps later, in the direction
    that keeps it best, in the next, and so on.

    Args:
        layer: One sequence, layout "TH".
        weights: The layer's.
        start: Step in the sequence's own time; default the first that the layer read.
        columns: k, how many singular values; at most S are given.
        lags: Steps in the order of work, each from 1 to those that are left; default 64 of them
            (16, geometric, beyond S = 128), the first and the last included.

    Returns:
        `Fan`.

    Raises:
        ShapeError: `layer` is a batch, or the weights are not of its size.
        IndexError: There is no such step.
        ValueError: A lag is outside, or `columns` below 1.
        DtypeError: A lag is no whole number.

    Notes:
        Up to S = 128 all directions are followed once, however far apart they are and however long
        the lag. Each step is exact for rows of the recurrent weights that are off by rounding,
        S * 2.2e-16 of their length, so that neither saturated units nor shut gates cost digits,
        ill-conditioned weights do. Against exact arithmetic, H = 3, 4, lags to 19: relative error
        below 1e-9 with up to 12 times torch's first weights; with 40 times, where one step shrinks
        by 1e-18 what the one before had left, 4 % of an LSTM's values are worse, and 0.7 % of their
        logarithms are off by more than 1e-4. Beyond S = 128, k + 8 columns go to and fro over each
        lag until they settle: those values are never above the true ones, and short of them by up
        to 0.005 in log10 where more than k + 8 lie close together, as over the first few lags.
        Cost: steps * (8 H P S + 6 S^3) flops, or some 6 * sum(lags) * 8 H P (k + 8). Sources: G. W.
        Stewart, On graded QR decompositions of products of matrices, ETNA 3, 1995; A. Cox and N.
        Higham, Stability of Householder QR factorization for weighted least squares problems, 1998.

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> layer = LayerTrace(*[None] * 5, hidden=np.zeros((5, 2)), mode="RNN_TANH", layout="TH")
    >>> weights = LayerWeights(weight_ih=np.ones((2, 1)), weight_hh=np.diag([0.1, 0.01]))
    >>> fan(layer, weights).log10_sigma
    array([[-1., -2.],
           [-2., -4.],
           [-3., -6.],
           [-4., -8.]])
    """
    of = StateJacobian(layer, weights)
    first = of.single.place(start, 0, "start")
    left = len(of) - 1 - first
    exact = of.size <= EXACT
    wanted = _default_lags(left, exact)
    if lags is not None:
        wanted = np.array([whole(lag, "lags") for lag in lags], dtype=np.int64)
    if ((wanted < 1) | (wanted > left)).any():
        raise ValueError(f"expected lags from 1 to {left}, the steps left, got {wanted.tolist()}")
    count = min(at_least(columns, 1, "columns"), of.size)
    steps = of.order[first + 1 :]
    follow = _followed if exact else _to_and_fro
    return Fan(wanted, follow(of, steps, wanted, count))


def lyapunov(
    layer: LayerTrace,
    weights: LayerWeights,
    columns: int | None = None,
    warm_up: int | None = None,
) -> Lyapunov:
    """Give the Lyapunov exponents of a layer along one sequence.

    ``lambda_i = mean_t log |R_ii(t)|`` with ``Q(t) R(t) = J_t Q(t-1)`` over the true state (h, c).

    Args:
        layer: One sequence, layout "TH".
        weights: The layer's.
        columns: k, how many; default all S up to 128, beyond that 16.
        warm_up: Steps at the start that turn the directions but are not counted; default a sixth
            of all.

    Returns:
        `Lyapunov`.

    Raises:
        ShapeError: `layer` is a batch, or the weights are not of its size.
        ValueError: No step is left after the warm-up, or `columns` is below 1.

    Notes:
        T QR decompositions of (S, k) and 8 H P k flops a step. Finite-time exponents of this
        sequence: give it some hundred steps, and read them with `Lyapunov.error`. A layer whose
        trace was cut by `reset` forgets all there, and its exponents are -inf. Sources: G. Benettin
        et al., Meccanica 15, 1980; for recurrent networks R. Vogt et al., On Lyapunov exponents for
        RNNs, Frontiers in Applied Mathematics and Statistics 8, 2022, there for an LSTM with
        dh_t / dh_{t-1} at a fixed cell, which is blind to the forget gate.

    >>> from glasscell.traces.layer import LayerTrace
    >>> from glasscell.weights import LayerWeights
    >>> layer = LayerTrace(*[None] * 5, hidden=np.zeros((60, 2)), mode="RNN_TANH", layout="TH")
    >>> weights = LayerWeights(weight_ih=np.ones((2, 1)), weight_hh=np.diag([0.5, 0.1]))
    >>> np.exp(lyapunov(layer, weights).exponents).round(6)
    array([0.5, 0.1])
    """
    of = StateJacobian(layer, weights)
    if not len(of):
        raise ValueError(
            "expected a trace of at least one step, got one with no steps; leave it out"
        )
    skipped = len(of) // 6 if warm_up is None else whole(warm_up, "warm_up")
    if not 0 <= skipped < len(of):
        raise ValueError(f"expected a warm-up of 0 to {len(of) - 1} steps, got {skipped}")
    most = of.size if of.size <= EXACT else 16
    count = most if columns is None else at_least(columns, 1, "columns")
    basis = orthonormal(of.size, min(count, of.size))
    growth = np.zeros((len(of), basis.shape[1]))
    for place, t in enumerate(of.order):
        for factor in of.factors(t):
            basis, step = graded_qr(factor(basis))
            with np.errstate(divide="ignore"):
                growth[place] += np.log(np.abs(np.diag(step)))
    counted = growth[skipped:]
    exponents = counted.mean(axis=0)
    falling = np.argsort(-exponents, kind="stable")
    return Lyapunov(exponents[falling], _between_stretches(counted)[falling], len(counted))


def _between_stretches(growth: Float64) -> Float64:
    if len(growth) < STRETCHES:
        return np.full(growth.shape[1], np.nan)
    finite = np.isfinite(growth).all(axis=0)
    means = [part.mean(axis=0) for part in np.array_split(growth[:, finite], STRETCHES)]
    std = np.full(growth.shape[1], np.nan)
    std[finite] = np.std(means, axis=0, ddof=1)
    return std


def _default_lags(left: int, exact: bool) -> Int64:
    if left < 1:
        return np.zeros(0, dtype=np.int64)
    spread = np.linspace(1, left, 64) if exact else np.geomspace(1, left, 16)
    return np.unique(spread.round().astype(np.int64))


def _followed(of: StateJacobian, steps: Int64, lags: Int64, count: int) -> Float64:
    """All directions in one pass."""
    product = GradedProduct(orthonormal(of.size, of.size))
    by_lag = {}
    for lag, t in enumerate(steps[: lags.max(initial=0)], 1):
        product.apply(*of.factors(t))
        if lag in lags:
            by_lag[lag] = product.log10_singular_values(count)
    return np.array([by_lag[lag] for lag in lags.tolist()]).reshape(len(lags), count)


def _to_and_fro(of: StateJacobian, steps: Int64, lags: Int64, count: int) -> Float64:
    """A few directions, forwards for their values and backwards to turn them, lag by lag."""
    start = orthonormal(of.size, min(count + SPARE, of.size))
    by_lag = {}
    for lag in np.unique(lags).tolist():
        # The directions of one lag are nearly those of the next.
        by_lag[lag], start = _settled(of, steps[:lag], start, count)
    return np.array([by_lag[lag] for lag in lags.tolist()]).reshape(len(lags), count)


def _settled(
    of: StateJacobian, steps: Int64, start: Float64, count: int
) -> tuple[Float64, Float64]:
    """Subspace iteration over one lag; the values and the directions that they belong to."""
    before = np.full(count, np.nan)
    for _ in range(PASSES):
        product = GradedProduct(start)
        for t in steps:
            product.apply(*of.factors(t))
        values = product.log10_singular_values(count)
        if np.isnan(values).any() or np.allclose(values, before, rtol=0, atol=SETTLED):
            break
        before, start = values, product.basis
        for t in steps[::-1]:
            start = np.linalg.qr(of.vjp(t, start))[0]
    return values, start
