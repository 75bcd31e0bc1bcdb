"""Products of many matrices whose singular values lie hundreds of decades apart.

A product of T Jacobians has singular values like e^(T a_1), e^(T a_2) …: formed as one array, all
but the largest drown in its rounding, and it leaves float64 after some hundred steps. Kept as an
orthogonal factor times a triangle whose rows carry their own scale, each keeps its digits.

Sources: G. W. Stewart, On graded QR decompositions of products of matrices, ETNA 3, 1995; for rows
of one factor that differ as much, A. Cox and N. Higham, see `graded_qr`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["GradedProduct", "graded_qr", "orthonormal"]

Float64: TypeAlias = npt.NDArray[np.float64]
Int64: TypeAlias = npt.NDArray[np.int64]

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


def graded_qr(image: Float64, log_scale: Float64 | float = 0.0) -> tuple[Float64, Float64]:
    """Decompose columns whose rows differ in size by any factor, each row to its own rounding.

    ``image = Q R``

    Args:
        image: (S, k).
        log_scale: (k,) natural logarithm of the columns' weights; default all alike.

    Returns:
        Q (S, k), orthonormal, and R (k, k), upper triangular, with a row of zeros where rounding
        alone is left: up to S * 2.2e-16 of the rows that the column still has.

    Notes:
        Householder's reflections keep the digits of small rows if large ones come first, and no
        column is far smaller than one after it. Source: A. Cox and N. Higham, Stability of
        Householder QR factorization for weighted least squares problems, in Numerical Analysis
        1997, Pitman Research Notes 380, 1998.

    >>> basis, step = graded_qr(np.array([[1e-30, 2e-30], [3.0, 4.0]]))
    >>> print(f"{step[0, 0] * step[1, 1]:.12g}")
    -2e-30
    """
    order = _large_first(image, log_scale)
    falling = image[order]
    sorted_basis, step = np.linalg.qr(falling)
    basis = np.empty_like(sorted_basis)
    basis[order] = sorted_basis
    sizes = np.linalg.norm(falling, axis=1)
    left = np.maximum.accumulate(sizes[::-1])[::-1][: len(step)]
    step[np.abs(np.diag(step)) <= np.finfo(np.float64).eps * len(image) * left] = 0.0
    return basis, step


def _large_first(image: Float64, log_scale: Float64 | float) -> Int64:
    return np.argsort(-(_log(image) + log_scale).max(axis=1), kind="stable")


def _log(values: Float64) -> Float64:
    with np.errstate(divide="ignore"):
        logarithms: Float64 = np.log(np.abs(values))
    return logarithms


def _uneven(logs: Float64) -> bool:
    """Whether a triangle has values, at or below a row, far larger than that on its diagonal."""
    below = np.maximum.accumulate(logs.max(axis=1)[::-1])[::-1]
    return bool((below > np.diag(logs) + WINDOW).any())


def _pivots(image: Float64, log_scale: Float64) -> Int64:
    """(k,): the order of columns in which each is the largest of what the ones before it left."""
    rest = image[_large_first(image, log_scale)]
    order = np.arange(image.shape[1])
    for i in range(len(order)):
        largest = i + int(
            np.argmax(_log(np.linalg.norm(rest[i:, i:], axis=0)) + log_scale[order[i:]])
        )
        rest[:, [i, largest]], order[[i, largest]] = rest[:, [largest, i]], order[[largest, i]]
        mirror = rest[i:, i].copy()
        mirror[0] += np.copysign(np.linalg.norm(mirror), mirror[0])
        if mirror[0]:
            mirror /= np.linalg.norm(mirror)
            rest[i:, i:] -= np.outer(2.0 * mirror, mirror @ rest[i:, i:])
    return order


class GradedProduct:
    """A product ``A_n … A_2 A_1 Q_0``, kept as ``Q diag(exp(log_scale)) rows``.

    Args:
        start: (S, k), orthonormal columns, Q_0.

    Attributes:
        basis: (S, k), Q.
        log_scale: (k,), natural logarithm; -inf where nothing is left, or less than rounding.
        rows: (k, k), rows of length 1, or 0 where nothing is left.

    >>> product = GradedProduct(np.eye(2))
    >>> for _ in range(1000):
    ...     product.apply(lambda columns: np.diag([0.5, 1e-3]) @ columns)
    >>> product.log10_singular_values(2).round(2)
    array([ -301.03, -3000.  ])
    """

    def __init__(self, start: Float64) -> None:
        self.basis = start
        count = start.shape[1]
        self.log_scale = np.zeros(count)
        self.rows = np.eye(count)

    def apply(self, *factors: Callable[[Float64], Float64]) -> None:
        """Take one more step in.

        Args:
            *factors: The step, or factors of it in the order in which they act: functions of
                columns (S, k) that give their image, its rows of any size.
        """
        for factor in factors:
            self._take(factor(self.basis))

    def _take(self, image: Float64) -> None:
        gone = np.isneginf(self.log_scale)
        if gone.any():  # and must not make the others' rows look large
            image = np.where(gone, 0.0, image)
        self.basis, step = graded_qr(image, self.log_scale)
        logs = _log(step) + self.log_scale
        if _uneven(logs):
            order = _pivots(image, self.log_scale)
            self.log_scale, self.rows = self.log_scale[order], self.rows[order]
            self.basis, step = graded_qr(image[:, order], self.log_scale)
            logs = _log(step) + self.log_scale
        largest = logs.max(axis=1)
        largest[~np.isfinite(largest)] = 0.0
        self._store(largest, (np.sign(step) * np.exp(logs - largest[:, None])) @ self.rows)

    def _store(self, log_scale: Float64, rows: Float64) -> None:
        self.log_scale, self.rows = _normalised(log_scale, rows)

    def log10_singular_values(self, count: int) -> Float64:
        """Give the largest singular values of the product, as powers of ten.

        Args:
            count: How many, at most k.

        Returns:
            (count,) falling; -inf where the product has fewer, or a step left less of a direction
            than S * 2.2e-16 of the rows that hold it; NaN if there was one in a factor.

        Notes:
            `ROUNDS` QR decompositions of (k, k), and one of singular values for every 2 decades
            between the first and the last value. They add a relative error below 1e-9 to that of
            the product, which is what rounding every factor of a step, S * 2.2e-16 of each row,
            would do: rows of any size and far lags cost no digits, ill-conditioned mixing does.
        """
        log_scale, rows = self.log_scale, self.rows
        if np.isnan(rows).any():
            return np.full(count, np.nan)
        for _ in range(ROUNDS):
            log_scale, rows = _round(*_sorted(log_scale, rows))
        log_scale, rows = _sorted(log_scale, rows)
        logs: list[float] = []
        while len(logs) < count:
            logs += _window(log_scale, rows, len(logs), count)
        return np.asarray(np.array(logs) / np.log(10.0))


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
