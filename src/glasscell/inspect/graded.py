"""Products of many matrices whose singular values lie hundreds of decades apart.

A product of T Jacobians has singular values like e^(T a_1), e^(T a_2) …: formed as one array, all
but the largest drown in its rounding, and it leaves float64 after some hundred steps. Kept as an
orthogonal factor times a triangle whose rows carry their own scale, each keeps its digits.

Source: G. W. Stewart, On graded QR decompositions of products of matrices, ETNA 3, 1995.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["GradedProduct", "orthonormal"]

Float64: TypeAlias = npt.NDArray[np.float64]

ROUNDS = 3
"""Each round multiplies what couples two rows by the ratio r of their scales; its square is what
their singular values feel: r^6 in the end."""

WINDOW = 4 * np.log(10.0)
"""Rows further apart in scale than this, 4 decades, are left out of each other's decomposition
(r^6 = 1e-24). Within it values are kept down to half of it: r^6 = 1e-12 at worst, and digits
lost to the largest value of the window 1e-10."""


def orthonormal(rows: int, columns: int) -> Float64:
    """Give orthonormal columns that no structure of a network is aligned to, always the same ones.

    Args:
        rows: S.
        columns: k <= S.

    Returns:
        (S, k).
    """
    random = np.random.default_rng(0).standard_normal((rows, columns))
    return np.linalg.qr(random)[0]


class GradedProduct:
    """A product ``A_n … A_2 A_1 Q_0``, kept as ``Q diag(exp(log_scale)) rows``.

    Args:
        start: (S, k), orthonormal columns, Q_0.

    Attributes:
        basis: (S, k), Q.
        log_scale: (k,), natural logarithm; -inf where nothing is left.
        rows: (k, k), rows of length 1, or 0 where nothing is left.
        growth: (k,), log |R_ii| of the last step, which Lyapunov exponents are means of.

    >>> product = GradedProduct(np.eye(2))
    >>> for _ in range(1000):
    ...     product.apply(np.diag([0.5, 1e-3]) @ product.basis)
    >>> product.log10_singular_values(2).round(2)
    array([ -301.03, -3000.  ])
    """

    def __init__(self, start: Float64) -> None:
        self.basis = start
        count = start.shape[1]
        self.log_scale = np.zeros(count)
        self.rows = np.eye(count)
        self.growth = np.zeros(count)

    def apply(self, image: Float64) -> None:
        """Take one more factor in.

        Args:
            image: (S, k), the factor times `basis`.
        """
        self.basis, step = np.linalg.qr(image)
        diagonal = np.abs(np.diag(step))
        # A column that rounding alone is left of has no direction and no size.
        gone = diagonal <= np.finfo(np.float64).eps * len(image) * np.abs(step).max(initial=0.0)
        step[gone] = 0.0
        with np.errstate(divide="ignore"):
            self.growth = np.where(gone, -np.inf, np.log(diagonal))
            logs = np.log(np.abs(step)) + self.log_scale
        largest = logs.max(axis=1)
        largest[~np.isfinite(largest)] = 0.0
        self._store(largest, (np.sign(step) * np.exp(logs - largest[:, None])) @ self.rows)

    def _store(self, log_scale: Float64, rows: Float64) -> None:
        self.log_scale, self.rows = _normalised(log_scale, rows)

    def log10_singular_values(self, count: int) -> Float64:
        """Give the largest singular values of the product, as powers of ten.

        Args:
            count: how many, at most k.

        Returns:
            (count,) falling; -inf where the product has fewer, NaN if there was one in a factor.

        Notes:
            `ROUNDS` QR decompositions of (k, k), and one of singular values for every 2 decades
            between the first and the last value. Relative errors stay below 1e-9.
        """
        log_scale, rows = self.log_scale, self.rows
        if np.isnan(rows).any():
            return np.full(count, np.nan)
        for _ in range(ROUNDS):
            log_scale, rows = _round(*_sorted(log_scale, rows))
        log_scale, rows = _sorted(log_scale, rows)
        found: list[float] = []
        while len(found) < count:
            found += _window(log_scale, rows, len(found), count)
        return np.asarray(np.array(found) / np.log(10.0))


def _normalised(log_scale: Float64, rows: Float64) -> tuple[Float64, Float64]:
    lengths = np.linalg.norm(rows, axis=1)
    with np.errstate(divide="ignore"):
        log_scale = log_scale + np.log(lengths)
    return log_scale, rows / np.where(lengths > 0, lengths, 1.0)[:, None]


def _sorted(log_scale: Float64, rows: Float64) -> tuple[Float64, Float64]:
    order = np.argsort(-log_scale, kind="stable")
    return log_scale[order], rows[order]


def _round(log_scale: Float64, rows: Float64) -> tuple[Float64, Float64]:
    """Replace D M by D M' with the same singular values and M' nearer to a diagonal.

    With M^T = Q R the singular values of D M are those of R D = D (D^-1 R D), and the bracket's
    entry (i, j), j > i, is damped by the distance of the scales, which fall.
    """
    triangle = np.linalg.qr(rows.T)[1]
    some = np.isfinite(log_scale)
    finite = np.where(some, log_scale, 0.0)
    damping = np.exp(np.minimum(finite - finite[:, None], 0.0)) * (some & some[:, None])
    return _normalised(log_scale, triangle * damping)


def _window(log_scale: Float64, rows: Float64, first: int, count: int) -> list[float]:
    """Singular values number `first` and those after it that one decomposition gives digits of."""
    here = log_scale[first]
    if not np.isfinite(here):
        return [-np.inf] * (count - first)
    inside = np.flatnonzero(np.abs(log_scale - here) <= WINDOW)
    block = rows[np.ix_(inside, inside)] * np.exp(log_scale[inside] - here)[:, None]
    values = np.linalg.svd(block, compute_uv=False)[first - int(inside[0]) :]
    kept = max(int((values > np.exp(-WINDOW / 2)).sum()), 1)
    with np.errstate(divide="ignore"):
        return [float(value) for value in here + np.log(values[: min(kept, count - first)])]
