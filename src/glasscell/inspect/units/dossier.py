"""What is known about each unit: what it follows, what it is like, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glasscell.arrays import Array, at_least, whole
from glasscell.cells.direct import called
from glasscell.errors import DataError, ShapeError
from glasscell.inspect.memory.timescales import half_lives
from glasscell.traces import pictures
from glasscell.traces.layer import LayerTrace
from glasscell.traces.layout import to_time_major

__all__ = ["Dossier", "by_chance", "dossier"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dossier:
    """All units of one layer; print it for the ten most important.

    Attributes:
        quantity: The state that the numbers are about: "hidden", "cell".
        mean: (H,) float64, over all steps and sequences; NaN if there are none.
        deviation: (H,) standard deviation.
        inputs: I names.
        correlation: (H, I), Pearson's correlation with each input, at the lag where it is largest
            in size; NaN where one of the two never changes.
        lag: (H, I) int64, that lag: the unit now, the input so many steps ago.
        nearest: (H, k) int64, the most similar other units.
        similarity: (H, k), their correlation with the unit, signed.
        half_life: (H,) steps, None for a layer without a belt, as an RNN.
        ablation: (H,), loss with the unit's output held at 0 minus the loss as it is; None if not
            measured.
    """

    quantity: str
    mean: Array
    deviation: Array
    inputs: tuple[str, ...]
    correlation: Array
    lag: Array
    nearest: Array
    similarity: Array
    half_life: Array | None = None
    ablation: Array | None = None

    def ranked(self) -> Array:
        """(H,) units, most important first: by what leaving them out costs, else by deviation."""
        worth = self.deviation if self.ablation is None else self.ablation
        return np.argsort(-np.nan_to_num(worth, nan=-np.inf), kind="stable")

    def unit(self, index: int) -> str:
        """Say in one line what is known about one unit.

        Args:
            index: which.
        """
        parts = [f"unit {index}: {self.mean[index]:.2g} ± {self.deviation[index]:.2g}"]
        if self.correlation.shape[1] and np.isfinite(self.correlation[index]).any():
            best = int(np.nanargmax(abs(self.correlation[index])))
            ago = int(self.lag[index, best])
            when = "now" if ago == 0 else f"{ago} steps ago" if ago > 1 else "1 step ago"
            parts.append(
                f"r = {self.correlation[index, best]:+.2f} with {self.inputs[best]} {when}"
            )
        if self.nearest.shape[1] and np.isfinite(self.similarity[index, 0]):
            parts.append(
                f"like unit {self.nearest[index, 0]} (r = {self.similarity[index, 0]:+.2f})"
            )
        if self.half_life is not None:
            parts.append(f"half-life {self.half_life[index]:.3g} steps")
        if self.ablation is not None:
            parts.append(f"without it the loss changes by {self.ablation[index]:+.3g}")
        return "; ".join(parts)

    def plot(self, count: int = 10, *, ax: Any = None, **options: Any) -> Array:
        """Draw the most important units, their worth and their inputs; needs matplotlib.

        Args:
            count: How many units; default 10.
            ax: Two Axes, one without inputs; default a new pyplot figure.
            **options: As `glasscell.report.plots.dossier` takes them.

        Returns:
            (2,) or (1,) array of Axes.
        """
        return pictures.panels("dossier", self, count, ax=ax, **options)

    def __str__(self) -> str:
        return "\n".join(self.unit(int(index)) for index in self.ranked()[:10])


def dossier(
    trace: LayerTrace,
    inputs: Array | None = None,
    *,
    names: Sequence[str] = (),
    lags: Sequence[int] = (0,),
    neighbours: int = 5,
    ablation: Array | None = None,
    quantity: str = "hidden",
) -> Dossier:
    """Describe every unit of a layer by what it goes together with.

    ``r = cov(u_t, x_{t-lag}) / (std u · std x)`` over all steps of all sequences.

    Args:
        trace: One layer; for a reverse layer "ago" counts in the order in which it read.
        inputs: What the layer (or the model) read, laid out as the trace: (T, B, I), (B, T, I),
            (T, I) or (N, I). Default none.
        names: I names; default "input 0" …
        lags: Steps >= 0 back in time to look for the strongest correlation; default 0 alone. With
            more lags expect chance correlations to grow.
        neighbours: k, similar units to list; default 5.
        ablation: (H,) from `glasscell.inspect.ablation`; default not measured.
        quantity: A state of the layer's cell; default "hidden".

    Returns:
        `Dossier`.

    Raises:
        DataError: No such quantity.
        ValueError: `neighbours` is below 0.
        ShapeError: Inputs, names or ablation do not fit the trace, or a lag is longer than it.

    Notes:
        float64; O(S H (H + I · lags)) for S steps. Correlation says neither that the unit reads
        the input nor that anything reads the unit: that is what ablation is for. With a projection
        the hidden state has P entries, and these are the units.

    >>> x = np.array([[1.0], [2.0], [0.0], [3.0]])
    >>> layer = LayerTrace(*[None] * 5, hidden=np.hstack([-x, np.roll(x, 1)]), layout="TH",
    ...                    mode="RNN_TANH")
    >>> found = dossier(layer, x, names=["level"], lags=(0, 1))
    >>> print(found.unit(0))
    unit 0: -1.5 ± 1.1; r = -1.00 with level now; like unit 1 (r = +0.80)
    >>> found.correlation[1].round(6), found.lag[1]
    (array([1.]), array([1]))
    """
    units, alive = _steps(trace, quantity)
    seen = np.zeros((*alive.shape, 0)) if inputs is None else _inputs(trace, inputs, alive)
    names = tuple(names) or tuple(f"input {k}" for k in range(seen.shape[2]))
    if len(names) != seen.shape[2]:
        raise ShapeError(f"expected {seen.shape[2]} names, one per input, got {len(names)}")
    H = units.shape[2]
    if ablation is not None and np.shape(ablation) != (H,):
        raise ShapeError(f"expected ablation (H,) = ({H},), got {np.shape(ablation)}")
    correlation, lag = _strongest(units, seen, alive, lags)
    flat = units[alive] if alive.any() else np.full((1, H), np.nan)
    count = min(at_least(neighbours, 0, "neighbours"), H - 1)
    nearest, similarity = _neighbours(_correlation(flat, flat), count)
    return Dossier(
        quantity=quantity,
        mean=flat.mean(axis=0),
        deviation=flat.std(axis=0),
        inputs=names,
        correlation=correlation,
        lag=lag,
        nearest=nearest,
        similarity=similarity,
        half_life=half_lives(trace),
        ablation=None if ablation is None else np.asarray(ablation, dtype=np.float64),
    )


def by_chance(
    trace: LayerTrace,
    inputs: Array,
    *,
    lags: Sequence[int] = (0,),
    shifts: int = 40,
    quantity: str = "hidden",
    seed: int = 0,
) -> Array:
    """Give the largest correlation that each unit reaches with inputs that it did not read.

    Every shift pairs the units with the inputs of another sequence, at other times; of all inputs,
    lags and shifts the largest size is taken. A correlation of `dossier` that is not above it is
    what so many comparisons bring by themselves.

    Args:
        trace: One layer.
        inputs: As for `dossier`.
        lags: As for `dossier`: the same, as more lags bring larger correlations.
        shifts: How many; default 40, so that 1 unit in 41 that follows nothing is above.
        quantity: A state of the layer's cell; default "hidden".
        seed: Of the shifts.

    Returns:
        (H,) float64 in 0 … 1; NaN for a unit that never changes, and for all of them where there
        is nothing to shift: one sequence of one step.

    Raises:
        DataError: No such quantity.
        ShapeError: Inputs do not fit the trace, or a lag is longer than it.

    >>> x = np.random.default_rng(0).normal(size=(500, 1))
    >>> layer = LayerTrace(*[None] * 5, hidden=-x, layout="TH", mode="RNN_TANH")
    >>> bool(by_chance(layer, x)[0] < 0.2 < abs(dossier(layer, x).correlation[0, 0]))
    True
    """
    units, alive = _steps(trace, quantity)
    seen = _inputs(trace, inputs, alive)
    steps, batch = alive.shape
    generator = np.random.default_rng(seed)
    largest = np.full(units.shape[2], np.nan)
    for _ in range(shifts):
        # Of sequences of several lengths only the owners are exchanged: their ends stay ends.
        later = generator.integers(steps // 4, 3 * steps // 4 + 1) if alive.all() else 0
        by = (int(later), int(generator.integers(1, batch)) if batch > 1 else 0)
        if by == (0, 0):
            continue
        moved, there = np.roll(seen, by, axis=(0, 1)), alive & np.roll(alive, by, axis=(0, 1))
        correlation = np.abs(_strongest(units, moved, there, lags)[0])
        largest = np.fmax(largest, np.fmax.reduce(correlation, axis=1, initial=np.nan))
    return largest


def _steps(trace: LayerTrace, quantity: str) -> tuple[Array, Array]:
    """(T, B, H) float64 in the order of work, and which steps exist."""
    names = trace.recurrence.state_names
    if quantity not in names:
        raise DataError(
            f"expected quantity as a state of {called(trace.mode)} ({', '.join(names)}), got "
            f"{quantity!r}"
        )
    array = trace.quantity(quantity)
    return _time_major(trace, array), trace.alive()[:: -1 if trace.reverse else 1]


def _time_major(trace: LayerTrace, array: Array) -> Array:
    steps = to_time_major(array, trace.layout, trace.batch_sizes)
    return np.asarray(steps[:: -1 if trace.reverse else 1], dtype=np.float64)


def _inputs(trace: LayerTrace, inputs: Array, alive: Array) -> Array:
    x = np.asarray(inputs)
    wanted = trace.hidden.shape[:-1]
    if x.ndim != len(wanted) + 1 or x.shape[:-1] != wanted:
        raise ShapeError(
            f"expected inputs laid out as the trace ({trace.layout}), {(*wanted, 'I')}, got "
            f"{x.shape}"
        )
    return _time_major(trace, x)


def _strongest(units: Array, seen: Array, alive: Array, lags: Sequence[int]) -> tuple[Array, Array]:
    """The correlation of largest size over the lags, and its lag; both (H, I)."""
    steps = len(units)
    lags = [whole(lag, "lags") for lag in lags]
    if not lags or min(lags) < 0 or max(lags) >= max(steps, 1):
        raise ShapeError(f"expected lags in 0 … {max(steps, 1) - 1}, got {lags}")
    best = np.full((units.shape[2], seen.shape[2]), np.nan)
    at = np.zeros(best.shape, dtype=np.int64)
    for lag in lags:
        both = alive[lag:] & alive[: steps - lag]
        correlation = _correlation(units[lag:][both], seen[: steps - lag][both])
        better = np.isnan(best) | (abs(correlation) > abs(best))
        best, at = np.where(better, correlation, best), np.where(better, lag, at)
    return best, at


def _correlation(left: Array, right: Array) -> Array:
    """(H, I) Pearson's correlation of columns; NaN where one of the two is constant."""
    left, right = _standard(left), _standard(right)
    return np.clip(left.T @ right / max(len(left), 1), -1.0, 1.0)


def _standard(values: Array) -> Array:
    """Columns with mean 0 and deviation 1; NaN for those that never change or are not finite."""
    if not len(values):
        return np.full((1, values.shape[1]), np.nan)
    with np.errstate(invalid="ignore"):  # infinities minus themselves
        centred = values - values.mean(axis=0)
        deviation = centred.std(axis=0)
    # What rounding leaves of a constant column is no change.
    changes = deviation > 1e-12 * np.maximum(abs(values).max(axis=0), 1e-300)
    return np.asarray(centred / np.where(changes, deviation, np.nan))


def _neighbours(correlation: Array, count: int) -> tuple[Array, Array]:
    size = np.nan_to_num(abs(correlation), nan=-1.0)
    np.fill_diagonal(size, -2.0)
    nearest = np.argsort(-size, axis=1, kind="stable")[:, :count]
    return nearest, np.take_along_axis(correlation, nearest, axis=1)
