"""What a layer's gates and states look like in the few numbers that a verdict rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.memory.timescales import half_life
from glasscell.traces.layer import LayerTrace
from glasscell.traces.steps import Order

__all__ = ["Memory", "Symptoms", "memory", "symptoms"]

FLAT = 0.06
"""A gate or tanh whose slope is below this share of its steepest is stuck: a gate below 0.015 or
above 0.985, a tanh beyond ±0.97."""

STILL = 1e-3
"""A unit whose output varies by less than this share of the liveliest unit's is dead; 0.1 % is what
the next layer's weights would have to make up for by a factor of 1000."""

NOTHING = 1e-7
"""Below this deviation the liveliest unit is dead as well: float32 resolves no less around 1."""

OPEN = 0.1
"""An output gate that nowhere opens further than this shows less than a tenth of its cell; an input
gate by which a cell could nowhere exceed this, whatever its candidates, writes next to nothing."""

FILLS = 0.5
"""But a unit whose input gate mostly opens half as far as its forget gate lets go, or further, is
slow and not shut: given time it fills. Chrono initialisation makes the two alike."""

NEVER = 1e-4
"""Unless it holds less than this at the end."""

LONG = 0.9
"""Quantile of units that stands for "the slow ones": one unit in ten remembers longer."""


@dataclass(frozen=True, kw_only=True)
class Symptoms:
    """One layer in numbers.

    Attributes:
        memory: Half-life in steps of the unit at the 90 % quantile: one in ten keeps its cell
            state for longer. None for an RNN.
        median: Half-life of the median unit; None for an RNN.
        stuck: Share of values of input gates, output gates and candidates (of hidden states for a
            tanh RNN) that lie where their curve is flat, slope below 6 % of its steepest; 0 for a
            ReLU RNN.
        dead: Share of units whose output never changes; 0 where there is one step of one sequence.
        flat: The same share as `stuck` of the "candidate" alone; of the "cell" in tanh(c_t), on
            each unit's fuller side, as a cell that is full both ways tells two things apart; empty
            for an RNN.
        shut: Share of units whose "input" gate lets their cell hold, or whose "output" gate shows,
            next to nothing at any step of any sequence (`OPEN`); empty for an RNN.
        widest: Largest value of each of these two gates in the units where it is shut, of all units
            where it is in none; empty for an RNN.
        behind: Share of the dead units in which each of these two gates is shut; empty where no
            unit is dead, under a projection, and for an RNN.
    """

    memory: float | None
    median: float | None
    stuck: float
    dead: float
    flat: Mapping[str, float]
    shut: Mapping[str, float]
    widest: Mapping[str, float]
    behind: Mapping[str, float]


class Memory(NamedTuple):
    """How long the units of an LSTM layer remember, over all steps of all sequences.

    Attributes:
        half_life: (H,) steps, see `half_life`.
        slow: That of the unit at the 90 % quantile, on which verdicts rest; NaN without units.
        median: That of the median unit; NaN without units.
        longest: The longest; NaN without units.
        sequences: B.
    """

    half_life: Array
    slow: float
    median: float
    longest: float
    sequences: int


def memory(trace: LayerTrace) -> Memory:
    """Measure how long the units of an LSTM layer remember.

    Args:
        trace: One layer, of any layout: a batch counts as a whole.
    """
    order = Order(trace)
    steps = half_life(order.traced("forget"), order.alive)
    # An order statistic, as interpolation next to an infinite half-life gives NaN.
    known = steps[~np.isnan(steps)]
    slow, median, longest = (
        float(np.quantile(known, level, method="lower")) if known.size else float("nan")
        for level in (LONG, 0.5, 1.0)
    )
    return Memory(steps, slow, median, longest, order.alive.shape[1])


def symptoms(trace: LayerTrace) -> Symptoms:
    """Measure a layer's gates and states.

    Args:
        trace: One layer.

    Returns:
        `Symptoms`, over all steps of all sequences.

    Notes:
        Open forget gates are no fault, memory needs them (Gu et al. 2020, arXiv:1910.09890, on
        gates that must saturate), so forget gates are not counted as stuck.

    >>> still = np.zeros((4, 3)); still[:, 0] = [1, -1, 1, -1]
    >>> symptoms(LayerTrace(*[None] * 5, hidden=still, mode="RNN_TANH", layout="TH"))
    Symptoms(memory=None, median=None, stuck=0.333..., dead=0.666..., flat={}, ...)
    """
    order = Order(trace)
    hidden = _alive(order, "hidden")
    remembers = None if trace.forget is None else memory(trace)
    still = _still(hidden)
    shut = {} if trace.cell is None else _shut(order)
    return Symptoms(
        memory=None if remembers is None else remembers.slow,
        median=None if remembers is None else remembers.median,
        stuck=_stuck(order, trace),
        dead=float(still.mean()) if still.size else 0.0,
        flat={} if trace.cell is None else _flat(order),
        shut={gate: float(units.mean()) for gate, units in shut.items()},
        widest={gate: _widest(order, gate, units) for gate, units in shut.items()},
        behind={
            gate: float(units[still].mean())
            for gate, units in shut.items()
            if still.any() and len(units) == len(still)
        },
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


def _flat(order: Order) -> dict[str, float]:
    candidate, cell = _alive(order, "candidate"), np.tanh(_alive(order, "cell"))
    if not cell.size:
        return {"candidate": 0.0, "cell": 0.0}
    full = 1 - cell**2 < FLAT
    one_sided = np.maximum((full & (cell > 0)).mean(axis=0), (full & (cell < 0)).mean(axis=0))
    return {
        "candidate": float((1 - candidate**2 < FLAT).mean()),
        "cell": float(one_sided.mean()),
    }


def _shut(order: Order) -> dict[str, Array]:
    """(H,) each: the units whose input gate, or output gate, is shut."""
    if not order.alive.any():
        none = np.zeros(order.traced("cell").shape[-1], dtype=bool)
        return {"input": none, "output": none}
    shown = order.traced("output").max(axis=(0, 1))
    return {"input": _unfilled(order), "output": shown < OPEN}


def _unfilled(order: Order) -> Array:
    """(H,): the units whose cell could hold next to nothing even with every candidate at 1."""
    gate = order.traced("input").astype(np.float64)
    kept = order.traced("forget").astype(np.float64)
    held = np.zeros(gate.shape[1:])
    most = np.zeros(gate.shape[2])
    for t in range(len(gate)):
        held = kept[t] * held + gate[t]
        most = np.maximum(most, held.max(axis=0))
    fills = (gate >= FILLS * (1 - kept))[order.alive].mean(axis=0) > 0.5
    return np.asarray((most < OPEN) & (~fills | (most < NEVER)))


def _widest(order: Order, gate: str, shut: Array) -> float:
    values = order.traced(gate)
    return float((values[..., shut] if shut.any() else values).max(initial=0.0))


def _still(hidden: Array) -> Array:
    """(P,): the units whose output never changes."""
    if len(hidden) < 2:  # nothing can change within one step
        return np.zeros(hidden.shape[-1], dtype=bool)
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = hidden.std(axis=0)
    return np.asarray(deviation <= max(STILL * deviation.max(), NOTHING))
