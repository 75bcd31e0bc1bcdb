"""The orders in which a layer's units can be drawn, and the unit to begin with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glasscell.arrays import Array
from glasscell.cells.direct import gates_by
from glasscell.inspect.memory.timescales import half_life, half_lives, saturation
from glasscell.traces.layer import LayerTrace

__all__ = ["input_correlation", "liveliest", "orders", "similar_together", "slow_first"]

Float64 = NDArray[np.float64]

_STEPS = 1000
"""Steps that orders are read off: a longer sequence is thinned evenly, an order does not mind."""


def orders(trace: LayerTrace, x: Array | None) -> dict[str, list[int]]:
    """Give each order's unit indices, first unit on top.

    Args:
        trace: One layer, layout "TH".
        x: (T, I) what the network read, or None.

    Returns:
        "half_life" (longest memory first), "saturation" (most time closed or open first),
        "similarity" (units that move together are neighbours), "input" (most correlated with an
        input first); those that the layer has.
    """
    every = slice(None, None, max(1, len(trace.hidden) // _STEPS))
    state = trace.stored[every]
    every_order = {"similarity": similar_together(state)}
    lives = half_lives(trace)
    if lives is not None:
        every_order["half_life"] = _longest_first(lives)
    gates = [trace.quantity(name) for name in gates_by(trace.recurrence, "sigmoid")]
    if gates:
        stuck = [np.nan_to_num(part.closed + part.open) for part in map(saturation, gates)]
        every_order["saturation"] = np.argsort(-np.sum(stuck, axis=0), kind="stable")
    if x is not None and x.size:
        strongest = input_correlation(state, np.asarray(x)[every]).max(axis=1)
        every_order["input"] = np.argsort(-strongest, kind="stable")
    return {name: [int(unit) for unit in order] for name, order in every_order.items()}


def slow_first(forget: Array) -> NDArray[np.intp]:
    """Order units by the half-life of their memory, longest first; those without one come last.

    Args:
        forget: (T, H) forget gate.

    Returns:
        (H,) unit indices.

    >>> slow_first(np.array([[0.5, 1.0, 0.0, np.nan]])).tolist()
    [1, 0, 2, 3]
    """
    return _longest_first(half_life(forget))


def _longest_first(halves: Float64) -> NDArray[np.intp]:
    return np.argsort(-np.where(np.isnan(halves), -1.0, halves), kind="stable")


def liveliest(trace: LayerTrace, worth: Array | None = None) -> tuple[int, int]:
    """Choose the unit and step at which most happens.

    The first and the last step do not count: what a picture says of lag 0 holds for every network.

    Args:
        trace: One layer, layout "TH".
        worth: (H,) what cutting each unit costs; default unknown, and where it is not finite: the
            unit whose state varies most is taken.

    Returns:
        The unit, and the step at which its state moves most.
    """
    state = np.asarray(trace.stored, np.float64)
    known = np.where(np.isfinite(state), state, np.nan)
    low = np.fmin.reduce(known, axis=0, initial=np.nan)
    high = np.fmax.reduce(known, axis=0, initial=np.nan)
    weight = np.nan_to_num(high - low)
    if worth is not None and len(worth) == len(weight) and np.isfinite(worth).all():
        weight = np.asarray(worth)
    unit = int(np.argmax(weight))
    moves = np.nan_to_num(np.abs(np.diff(known[:, unit])))[:-1]
    return unit, 1 + int(np.argmax(moves)) if len(moves) else 0


def similar_together(state: Array) -> NDArray[np.intp]:
    """Order units by the angle of their loadings on the first two principal components.

    Units that rise and fall together get neighbouring angles; the order is cut at its widest gap.
    Friendly 2002, "Corrgrams": correlation order by angles of eigenvectors.

    Args:
        state: (T, H) values of each unit.

    Returns:
        (H,) unit indices.

    >>> t = np.linspace(0, 6, 50)
    >>> similar_together(np.stack([np.sin(t), np.cos(t), np.sin(t + 0.1)], axis=1)).tolist()
    [0, 2, 1]
    """
    scores = _standardised(state)
    if scores.shape[1] < 3 or not scores.any():
        return np.arange(scores.shape[1])
    _, vectors = np.linalg.eigh(scores.T @ scores)
    angle = np.arctan2(vectors[:, -2], vectors[:, -1])
    order = np.argsort(angle, kind="stable")
    turned = angle[order]
    gaps = np.diff(np.append(turned, turned[0] + 2 * np.pi))
    return np.roll(order, -int(gaps.argmax()) - 1)


def input_correlation(state: Array, x: Array) -> Float64:
    """Give |Pearson's r| of each unit with each input.

    Args:
        state: (T, H).
        x: (T, I).

    Returns:
        (H, I) in 0 … 1; 0 for a unit or an input that never moves.
    """
    left, right = _standardised(state), _standardised(x)
    return np.asarray(np.abs(left.T @ right))


def _standardised(values: Array) -> Float64:
    """Columns of mean 0 and length 1, or all 0 where a column never moves; NaN counts as mean."""
    columns = np.asarray(values, np.float64)
    finite = np.isfinite(columns)
    count = np.maximum(finite.sum(axis=0), 1)
    mean = np.where(finite, columns, 0.0).sum(axis=0) / count
    centred = np.where(finite, columns - mean, 0.0)
    length = np.sqrt((centred**2).sum(axis=0))
    moves = length > 1e-12 * np.maximum(1.0, np.abs(mean)) * np.sqrt(count)
    scaled: Float64 = np.divide(centred, length, out=np.zeros_like(centred), where=moves)
    return scaled
