"""How long each unit remembers, and which gates are stuck: read off the gates alone.

Along the memory cell the gradient is multiplied by the forget gate at each step, so a unit whose
gate stands at f keeps f^k of what it held k steps ago. What the recurrent weights add to that is
not seen here: with them a network often remembers longer, never by the gate's doing.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.inspect.layout import Array

__all__ = ["Saturation", "forget_bias", "half_life", "saturation"]

Float64: TypeAlias = npt.NDArray[np.float64]

LOW, HIGH = 0.1, 0.9
"""A gate below LOW is called closed and above HIGH open: the thresholds of the scatter plots in
Karpathy, Johnson, Li 2015 (arXiv 1506.02078), kept so that pictures can be compared."""


class Saturation(NamedTuple):
    """Fraction of steps that each unit's gate spends closed (< 0.1) and open (> 0.9); both (H,)."""

    closed: Float64
    open: Float64


def half_life(forget: Array, alive: Array | None = None) -> Float64:
    """Give the number of steps after which half of a memory is left, for each unit.

    ``half-life = ln 0.5 / mean_t ln f_t``: what is kept over k steps is the product of k gates, so
    the mean that counts is the geometric one. The arithmetic mean of f would overstate memory
    wherever a gate closes now and then.

    Args:
        forget: forget gate, values in 0 … 1, any layout with the units last: (T, B, H), (T, H) …
        alive: bool of the shape of `forget` without its last axis, which steps count; default all.

    Returns:
        (H,) float64, in steps; 0 for a unit that drops everything at some step, infinity for one
        that never drops anything.

    Notes:
        Over all steps and sequences at once. A gate at the bias alone, f = sigmoid(1), halves its
        memory in 2.2 steps; see `forget_bias` for the way back.

    >>> half_life(np.full((4, 1), 0.5))
    array([1.])
    >>> half_life(np.array([[0.9, 1.0], [0.9, 1.0], [0.1, 1.0]])).round(2)
    array([0.83,  inf])
    """
    gates = np.asarray(forget, dtype=np.float64)
    gates = gates.reshape(-1, gates.shape[-1]) if alive is None else gates[alive]
    if not len(gates):
        return np.full(gates.shape[-1], np.nan)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(2.0) / (0.0 - np.log(gates).mean(axis=0)))


def forget_bias(steps: float) -> float:
    """Give the forget-gate bias at which half of a memory is left after so many steps.

    ``b_f = -ln(2^(1/steps) - 1)``, the inverse of ``half_life(sigmoid(b_f))``: exact where the
    gate's weights contribute nothing, as they do on average at the start of training.

    Args:
        steps: wanted half-life, > 0.

    Returns:
        The bias.

    Raises:
        ValueError: `steps` is not above 0.

    >>> [round(forget_bias(steps), 2) for steps in (1, 10, 100)]
    [0.0, 2.63, 4.97]
    """
    if not steps > 0:
        raise ValueError(f"expected a half-life in steps > 0, got {steps}")
    return float(0.0 - np.log(np.expm1(np.log(2.0) / steps)))


def saturation(gate: Array, alive: Array | None = None) -> Saturation:
    """Give the fraction of steps that each unit's gate spends closed (< 0.1) and open (> 0.9).

    Args:
        gate: forget, input or output gate, values in 0 … 1, any layout with the units last.
        alive: bool of the shape of `gate` without its last axis, which steps count; default all.

    Returns:
        `Saturation(closed, open)`, each (H,) float64 in 0 … 1.

    Notes:
        A forget gate that is open most of the time is what memory needs, not a fault; an input or
        output gate that is always closed is a dead unit. Karpathy, Johnson, Li 2015, figure 4.

    >>> saturation(np.array([[0.05], [0.5], [0.95], [0.99]]))
    Saturation(closed=array([0.25]), open=array([0.5]))
    """
    values = np.asarray(gate)
    values = values.reshape(-1, values.shape[-1]) if alive is None else values[alive]
    if not len(values):
        return Saturation(np.full(values.shape[-1], np.nan), np.full(values.shape[-1], np.nan))
    return Saturation((values < LOW).mean(axis=0), (values > HIGH).mean(axis=0))
