"""What a layer's gates and states look like in three numbers that a verdict rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasscell.inspect.layout import Array
from glasscell.inspect.observed import Order
from glasscell.inspect.timescales import half_life
from glasscell.inspect.trace import LayerTrace

__all__ = ["Symptoms", "symptoms"]

FLAT = 0.06
"""A gate or tanh whose slope is below this share of its steepest is stuck: a gate below 0.015 or
above 0.985, a tanh beyond ±0.97."""

STILL = 1e-3
"""A unit whose output varies by less than this share of the liveliest unit's is dead; 0.1 % is what
the next layer's weights would have to make up for by a factor of 1000."""

NOTHING = 1e-7
"""Below this deviation the liveliest unit is dead as well: float32 resolves no less around 1."""

LONG = 0.9
"""Quantile of units that stands for "the slow ones": one unit in ten remembers longer."""


@dataclass(frozen=True, kw_only=True)
class Symptoms:
    """One layer in numbers.

    Attributes:
        memory: half-life in steps of the unit at the 90 % quantile: one in ten keeps its cell
            state for longer. None for an RNN.
        median: half-life of the median unit; None for an RNN.
        stuck: share of values of input gates, output gates and candidates (of hidden states for a
            tanh RNN) that lie where their curve is flat, slope below 6 % of its steepest; 0 for a
            ReLU RNN.
        dead: share of units whose output never changes; 0 where there is one step of one sequence.
    """

    memory: float | None
    median: float | None
    stuck: float
    dead: float


def symptoms(trace: LayerTrace) -> Symptoms:
    """Measure a layer's gates and states.

    Args:
        trace: one layer.

    Returns:
        `Symptoms`, over all steps of all sequences.

    Notes:
        Open forget gates are no fault, memory needs them (Gu et al. 2020, arXiv:1910.09890, on
        gates that must saturate), so forget gates are not counted as stuck.

    >>> still = np.zeros((4, 3)); still[:, 0] = [1, -1, 1, -1]
    >>> symptoms(LayerTrace(*[None] * 5, hidden=still, mode="RNN_TANH", layout="TH"))
    Symptoms(memory=None, median=None, stuck=0.333..., dead=0.666...)
    """
    order = Order(trace)
    hidden = _alive(order, "hidden")
    memory = median = None
    if trace.forget is not None:
        steps = half_life(_alive(order, "forget"))
        memory, median = (
            float(np.quantile(steps, level, method="lower")) if steps.size else float("nan")
            for level in (LONG, 0.5)
        )
    return Symptoms(
        memory=memory,
        median=median,
        stuck=_stuck(order, trace),
        dead=_dead(hidden),
    )


def _alive(order: Order, name: str) -> Array:
    return np.asarray(order.traced(name)[order.alive], dtype=np.float64)


def _stuck(order: Order, trace: LayerTrace) -> float:
    if trace.mode == "RNN_RELU":
        return 0.0
    if trace.candidate is None:
        slopes = 1 - _alive(order, "hidden") ** 2
    else:
        gates = np.stack([_alive(order, "input"), _alive(order, "output")])
        candidate = _alive(order, "candidate")
        slopes = np.concatenate([4 * gates * (1 - gates), (1 - candidate**2)[None]])
    return float((slopes < FLAT).mean()) if slopes.size else 0.0


def _dead(hidden: Array) -> float:
    if len(hidden) < 2:  # nothing can change within one step
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = hidden.std(axis=0)
    return float((deviation <= max(STILL * deviation.max(), NOTHING)).mean())
