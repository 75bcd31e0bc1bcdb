"""Truncated backpropagation through time: what a window of some steps loses of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import whole
from glasscell.inspect.gradients.belt import norm
from glasscell.inspect.subjects import Looked, subject_of
from glasscell.inspect.subjects.subject import Loss
from glasscell.traces import pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Truncation", "truncation"]

Float64: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truncation:
    """Truncated against full gradients of the recurrent layers' weights.

    Attributes:
        lengths: (n,) int64, steps that a gradient may travel back, rising.
        cosine: (n,) float64, of the angle between the truncated and the full gradient; NaN where
            one of them is zero.
        ratio: (n,) norm of the truncated over that of the full gradient.
    """

    lengths: npt.NDArray[np.int64]
    cosine: Float64
    ratio: Float64

    def shortest(self, cosine: float = 0.99) -> int | None:
        """Give the shortest length from which on every one reaches a cosine; None if none does.

        >>> found = Truncation(np.array([4, 8, 16]), np.array([0.2, 0.995, 1.0]), np.ones(3))
        >>> found.shortest()
        8
        """
        short = np.flatnonzero(~(self.cosine >= cosine))
        first = int(short[-1]) + 1 if len(short) else 0
        return int(self.lengths[first]) if first < len(self.lengths) else None

    def plot(self, ax: Any = None, **options: Any) -> Axes:
        """Draw the cosine over the length of the window; needs matplotlib.

        Args:
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.truncation` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("truncation", self, ax=ax, **options)


def truncation(
    model: Looked,
    x: Any,
    loss: Loss | None = None,
    lengths: Sequence[int] | None = None,
) -> Truncation:
    """Compare the gradients of truncated backpropagation through time with the full one.

    ``cos = <g_k, g> / (|g_k| |g|)``, g_k the gradient of all recurrent weights if every
    k steps the state is carried on, but cut off from its derivatives.

    Args:
        model: As for `glasscell.gradient_flow`, with layers that read forwards.
        x: As there.
        loss: As there.
        lengths: Candidates k; default the powers of 2 below T, and T.

    Returns:
        `Truncation`.

    Raises:
        TypeError: As there, or a length is no whole number.
        ValueError: A layer is bidirectional, a cell, has dropout between its layers while in
            training mode, or is given a `PackedSequence`, `lengths` or `reset`; a length is below
            1; or the loss is no scalar or does not depend on the layers.
        RuntimeError: A layer is not on the CPU.

    Notes:
        One forward and one backward pass per length, and one for the full gradient. Pieces are
        counted from the end of the sequence, so that a loss on the last step sees k steps; one on
        every step sees 1 … k of them, k / 2 in the mean. The forward pass is the same for every
        length. Weights behind the recurrent layers are not compared: truncation does not touch
        their gradients, which would only flatter the cosine. Leaves every `.grad` and buffer and
        torch's random state as they were. Source: R. Williams and J. Peng, An efficient
        gradient-based algorithm for on-line training of recurrent network trajectories, Neural
        Computation 2, 1990 (truncation).

    >>> import torch
    >>> model = torch.nn.RNN(1, 1, nonlinearity="relu", bias=False)
    >>> weights = model.weight_ih_l0.data.fill_(1), model.weight_hh_l0.data.fill_(1)
    >>> x = torch.tensor([8.0, -1, -1, -1, -1, -1, -1, -1])[:, None]
    >>> found = truncation(model, x, lambda out: out[0][-1].sum())
    >>> found.lengths, found.cosine.round(2), found.shortest()
    (array([1, 2, 4, 8]), array([0.88, 0.92, 0.95, 1.  ]), 8)
    """
    with subject_of(model).truncating(x, loss) as gradient:
        full, steps = gradient(None)
        wanted = _default_lengths(steps)
        if lengths is not None:
            wanted = np.unique([whole(length, "lengths") for length in lengths])
        if (wanted < 1).any():
            raise ValueError(f"expected lengths >= 1, got {wanted.tolist()}")
        compared = [_compared(gradient(length)[0], full) for length in wanted.tolist()]
    cosine, ratio = np.array(compared).reshape(-1, 2).T
    return Truncation(wanted.astype(np.int64), cosine, ratio)


def _default_lengths(steps: int) -> npt.NDArray[np.int64]:
    powers = 2 ** np.arange(max(steps - 1, 0).bit_length())
    return np.append(powers, steps).astype(np.int64)


def _compared(truncated: Float64, full: Float64) -> tuple[float, float]:
    # Scaled first: products of gradients near 1e-160 would underflow.
    sizes = float(norm(truncated)), float(norm(full))
    if 0.0 in sizes:
        return float("nan"), 0.0 if sizes[1] else float("nan")
    return float((truncated / sizes[0]) @ (full / sizes[1])), sizes[0] / sizes[1]
