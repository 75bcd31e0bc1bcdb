"""Where else are these units on together: other ranges of steps that look like a chosen one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.arrays import Array, whole
from glasscell.cells.direct import called
from glasscell.errors import DataError, ShapeError
from glasscell.traces import pictures
from glasscell.traces.layer import LayerTrace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Match", "Matches", "match"]


@dataclass(frozen=True, kw_only=True)
class Match:
    """One other range.

    Attributes:
        series: Which sequence it is in.
        start: Its first step.
        stop: The step after its last.
        score: 0 … 1, `share` times how alike the lengths are.
        share: Mean share of the chosen units that are on, 0 … 1.
        extra: Mean number of other units that are on.
    """

    series: int
    start: int
    stop: int
    score: float
    share: float
    extra: float


@dataclass(frozen=True, eq=False)
class Matches:
    """The units of a chosen range, and where else they are on.

    Attributes:
        units: (n,) int64, units that are on at every step of the chosen range.
        found: Other ranges, the best first.
    """

    units: Array
    found: tuple[Match, ...]

    def plot(
        self, chosen: tuple[int, int, int] | None = None, *, ax: Any = None, **options: Any
    ) -> Axes:
        """Draw the ranges, a row per sequence; needs matplotlib.

        Args:
            chosen: (series, start, stop) that they were looked for, to be framed; default not.
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.match` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("match", self, chosen, ax=ax, **options)


def match(
    traces: Sequence[LayerTrace | Array] | LayerTrace,
    range: tuple[int, int, int],
    threshold: float = 0.3,
    quantity: str = "hidden",
    *,
    least: float = 0.75,
    limit: int | None = 50,
) -> Matches:
    """Find the ranges of steps at which the units of a chosen range are on again.

    A unit is on where its value is at least `threshold`. The chosen units are those that are on at
    every step of the chosen range; with ``share_t`` the part of them that is on at step t, a match
    is a longest run of steps with ``share_t >= least``, and
    ``score = mean_t share_t * min(n, n_chosen) / max(n, n_chosen)`` for a run of n steps.

    Args:
        traces: One layer's sequences: `LayerTrace` or (T, H) arrays, lengths may differ; or one
            `LayerTrace` of a batch.
        range: (series, start, stop) of the chosen range, stop not included.
        threshold: Value from which on a unit counts as on, in the quantity's own scale (a cell
            state is not squashed first). Default 0.3.
        quantity: "hidden", or another quantity of the layer's cell ("cell", "forget", …); default
            "hidden". Not read where `traces` are arrays.
        least: Share of the chosen units that must be on in a match; default 0.75.
        limit: Most matches; default 50, None for all.

    Returns:
        `Matches`, best first. Runs that share a step with the chosen range are left out.

    Raises:
        DataError: No such range or quantity, or no unit is on throughout the range.
        ShapeError: The sequences differ in H, or have no unit.

    Notes:
        O(T H) per sequence. The idea of select and match is LSTMVis's: Strobelt et al. 2018, IEEE
        TVCG 24(1), arXiv:1606.07461; its ranking counts common units only, and so prefers long
        runs. NaN is off.

    >>> on = np.array([[0.0, 0.9, 0.9, 0.0, 0.0, 0.8, 0.7, 0.0]]).T
    >>> match([on], (0, 1, 3)).found
    (Match(series=0, start=5, stop=7, score=1.0, share=1.0, extra=0.0),)
    """
    values = [_values(trace, quantity) for trace in _sequences(traces)]
    series, start, stop = _checked(values, range)
    on = [value >= threshold for value in values]
    units = np.flatnonzero(on[series][start:stop].all(axis=0))
    if not len(units):
        highest = float(np.fmax.reduce(values[series][start:stop].min(axis=0)))
        raise DataError(
            f"expected a unit with {quantity} >= {threshold:g} at all steps {start} … {stop - 1} "
            f"of sequence {series}, found none; the highest that one keeps there is {highest:.3g}: "
            "lower the threshold or shorten the range"
        )
    matches = [
        one
        for place, states in enumerate(on)
        for one in _runs(place, states, units, least, stop - start)
        if place != series or one.stop <= start or one.start >= stop
    ]
    matches.sort(key=lambda one: (-one.score, one.extra, one.series, one.start))
    return Matches(units, tuple(matches[:limit]))


def _sequences(traces: Sequence[LayerTrace | Array] | LayerTrace) -> list[LayerTrace | Array]:
    if isinstance(traces, LayerTrace):
        return [traces.sequence(index) for index in np.arange(traces.alive().shape[1]).tolist()]
    return list(traces)


def _values(trace: LayerTrace | Array, quantity: str) -> Array:
    if not isinstance(trace, LayerTrace):
        return np.asarray(trace)
    names = ("hidden", *trace.quantities)
    if quantity not in names:
        raise DataError(
            f"expected quantity as one of {', '.join(names)} of {called(trace.mode)}, got "
            f"{quantity!r}"
        )
    return np.asarray((trace if trace.layout == "TH" else trace.sequence(0)).quantity(quantity))


def _checked(values: Sequence[Array], chosen: tuple[int, int, int]) -> tuple[int, int, int]:
    widths = {value.shape[-1] for value in values}
    if len(widths) > 1 or any(value.ndim != 2 for value in values):
        shapes = ", ".join(str(value.shape) for value in values)
        raise ShapeError(f"expected sequences (T, H) with the same H, got {shapes}")
    if 0 in widths:
        raise ShapeError("expected sequences (T, H) of at least one unit, got H = 0")
    if len(chosen) != 3:
        raise DataError(f"expected range as (series, start, stop), got {chosen}")
    series, start, stop = (whole(part, "range") for part in chosen)
    if not 0 <= series < len(values) or not 0 <= start < stop <= len(values[series]):
        steps = ", ".join(str(len(value)) for value in values)
        raise DataError(
            f"expected (series, start, stop) within {len(values)} sequences of {steps} steps, got "
            f"{chosen}"
        )
    return series, start, stop


def _runs(series: int, on: Array, units: Array, least: float, wanted: int) -> Iterator[Match]:
    """Every longest run of steps at which enough of the units are on."""
    share = on[:, units].mean(axis=1)
    extra = on.sum(axis=1) - on[:, units].sum(axis=1)
    inside = np.concatenate([[False], share >= least, [False]])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        steps, mean = stop - start, float(share[start:stop].mean())
        yield Match(
            series=series,
            start=start,
            stop=stop,
            score=mean * min(steps, wanted) / max(steps, wanted),
            share=mean,
            extra=float(extra[start:stop].mean()),
        )
