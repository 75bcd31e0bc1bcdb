"""What fits on a page, and how a half-life is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from glasscell.arrays import Array
from glasscell.report.draw.markup import fixed
from glasscell.report.run_words import say

MAX_UNITS: Final = 128
MAX_STEPS: Final = 600
_SHORTEST: Final = 0.01


def finite_mean(values: Array, axis: int | tuple[int, ...] | None = None) -> Array:
    """Return the mean over the finite values, NaN where there are none (without a warning).

    Examples:
        >>> finite_mean(np.array([[1.0, np.nan], [3.0, np.nan]]), axis=0).tolist()
        [2.0, nan]
    """
    values = np.asarray(values, float)
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0.0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def magnitude(values: Array, q: float = 1.0) -> float:
    """Return the q-quantile of the finite |values|, 0 where there are none.

    Examples:
        >>> magnitude(np.array([-3.0, 1.0, np.nan]))
        3.0
    """
    finite = np.abs(values[np.isfinite(values)])
    return float(np.quantile(finite, q)) if finite.size else 0.0


def half_life_text(value: float, lang: str) -> str:
    """Say a half-life in words."""
    if np.isinf(value):
        return say(lang, "never")
    if value < _SHORTEST:
        return say(lang, "steps", value=f"< {_SHORTEST}")
    return say(lang, "steps", value=fixed(value, 1 if value >= 1 else 2))


@dataclass(frozen=True, kw_only=True, eq=False)
class Thinning:
    """Which units and steps of a (T, H) window are drawn.

    Args:
        units: (u,) unit indices, in drawing order.
        pool: How many steps share one column; 1 draws every step.
        steps: Count of columns.
    """

    units: NDArray[np.int64]
    pool: int
    steps: int

    def apply(self, values: Array) -> Array:
        """Return (steps, u): of `pool` steps the value of largest magnitude, so spikes stay."""
        chosen = np.asarray(values, float)[:, self.units]
        if self.pool == 1:
            return chosen
        T, U = chosen.shape
        padded = np.full((self.steps * self.pool, U), np.nan)
        padded[:T] = chosen
        blocks = padded.reshape(self.steps, self.pool, U)
        size = np.where(np.isnan(blocks), -1.0, np.abs(blocks))
        picked: Array = np.take_along_axis(blocks, size.argmax(axis=1)[:, None], axis=1)[:, 0]
        return picked


def thin(steps: int, order: NDArray[np.int64], keep: int | None = None) -> Thinning:
    """Choose what is drawn of a window: at most `MAX_UNITS` units and `MAX_STEPS` columns.

    Args:
        steps: T.
        order: (H,) unit indices in drawing order.
        keep: A unit that must stay.

    Returns:
        The choice; everything, where it fits.
    """
    units = order
    if len(order) > MAX_UNITS:
        places = np.linspace(0, len(order) - 1, MAX_UNITS).round().astype(np.int64)
        if keep is not None:
            place = int(np.flatnonzero(order == keep)[0])
            places[np.abs(places - place).argmin()] = place
        units = order[places]
    pool = -(-steps // MAX_STEPS)
    return Thinning(units=units, pool=pool, steps=-(-steps // pool))
