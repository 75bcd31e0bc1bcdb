"""What a layer's gates and states look like in the few numbers that a verdict rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.direct import Direct, direct_path, gates_by
from glasscell.inspect.memory.timescales import half_lives
from glasscell.traces.layer import LayerTrace
from glasscell.traces.slopes import belt
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

NEVER_COUPLED = 1e-2
"""The same where one gate keeps and writes, as in a GRU, so that every unit fills in time."""

LONG = 0.9
"""Quantile of units that stands for "the slow ones": one unit in ten remembers longer."""


@dataclass(frozen=True, kw_only=True)
class Symptoms:
    """One layer in numbers.

    Attributes:
        memory: Half-life in steps of the unit at the 90 % quantile: one in ten keeps its stored
            state for longer. None for a layer without a belt, as an RNN.
        median: Half-life of the median unit; None without a belt.
        stuck: Share of values of the gates that are not the belt and of the candidates (of hidden
            states for a tanh RNN) that lie where their curve is flat, slope below 6 % of its
            steepest; 0 for a ReLU RNN.
        dead: Share of units whose output never changes; 0 where there is one step of one sequence.
        flat: The same share as `stuck` of the candidates alone ("candidate"); of the "cell" in
            tanh(c_t), where the cell has that, on each unit's fuller side, as a cell that is full
            both ways tells two things apart; empty for an RNN.
        shut: Share of units whose "input" gate lets their cell hold, or whose "output" gate shows,
            next to nothing at any step of any sequence (`OPEN`), by the gate's name: of a GRU
            "update", which lets new content in as it closes; empty for an RNN.
        widest: How far each of these gates opens in the units where it is shut, in all units where
            it is in none; empty for an RNN.
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
    """How long the units of a layer with a belt remember, over all steps of all sequences.

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
    """Measure how long the units of a layer remember.

    Args:
        trace: One layer, of any layout: a batch counts as a whole.

    Raises:
        ValueError: It has no belt that could be told without its weights.
    """
    steps = half_lives(trace)
    if steps is None:
        raise ValueError(
            f"expected a layer whose cell keeps its state by itself, got {trace.recurrence}"
        )
    return _summed(steps, trace.alive().shape[1])


def _summed(steps: Array, sequences: int) -> Memory:
    # An order statistic, as interpolation next to an infinite half-life gives NaN.
    known = steps[~np.isnan(steps)]
    slow, median, longest = (
        float(np.quantile(known, level, method="lower")) if known.size else float("nan")
        for level in (LONG, 0.5, 1.0)
    )
    return Memory(steps, slow, median, longest, sequences)


def symptoms(trace: LayerTrace) -> Symptoms:
    """Measure a layer's gates and states.

    Args:
        trace: One layer.

    Returns:
        `Symptoms`, over all steps of all sequences.

    Notes:
        Open forget gates are no fault, memory needs them (Gu et al. 2020, arXiv:1910.09890, on
        gates that must saturate), so gates that are the belt are not counted as stuck.

    >>> still = np.zeros((4, 3)); still[:, 0] = [1, -1, 1, -1]
    >>> symptoms(LayerTrace(*[None] * 5, hidden=still, mode="RNN_TANH", layout="TH"))
    Symptoms(memory=None, median=None, stuck=0.333..., dead=0.666..., flat={}, ...)
    """
    order = Order(trace)
    hidden = _alive(order, "hidden")
    path = direct_path(trace.recurrence)
    lives = half_lives(trace)
    remembers = None if lives is None else _summed(lives, order.alive.shape[1])
    still = _still(hidden)
    shut = {} if path is None else _shut(order, path)
    return Symptoms(
        memory=None if remembers is None else remembers.slow,
        median=None if remembers is None else remembers.median,
        stuck=_stuck(order, path),
        dead=float(still.mean()) if still.size else 0.0,
        flat=_flat(order, path) if trace.quantities else {},
        shut={gate: float(units.mean()) for gate, units in shut.items()},
        widest={gate: _widest(_opening(order, path, gate), units) for gate, units in shut.items()},
        behind={
            gate: float(units[still].mean())
            for gate, units in shut.items()
            if still.any() and len(units) == len(still)
        },
    )


def _alive(order: Order, name: str) -> Array:
    return np.asarray(order.traced(name)[order.alive], dtype=np.float64)


def _stuck(order: Order, path: Direct | None) -> float:
    cell = order.trace.recurrence
    keeps = None if path is None else path.gate
    doors = [_alive(order, name) for name in gates_by(cell, "sigmoid") if name != keeps]
    slopes = [4 * gate * (1 - gate) for gate in doors]
    slopes += [1 - _alive(order, name) ** 2 for name in gates_by(cell, "tanh")]
    return float((np.stack(slopes) < FLAT).mean()) if slopes and slopes[0].size else 0.0


def _flat(order: Order, path: Direct | None) -> dict[str, float]:
    candidates = [_alive(order, name) for name in gates_by(order.trace.recurrence, "tanh")]
    flat = {}
    if candidates:
        slopes = 1 - np.stack(candidates) ** 2
        flat["candidate"] = float((slopes < FLAT).mean()) if slopes.size else 0.0
    if path is not None and path.squashed:
        cell = np.tanh(_alive(order, path.name))
        full = 1 - cell**2 < FLAT
        sides = np.maximum((full & (cell > 0)).mean(axis=0), (full & (cell < 0)).mean(axis=0)) if (
            cell.size
        ) else np.zeros(1)  # fmt: skip
        flat["cell"] = float(sides.mean())
    return flat


def _opening(order: Order, path: Direct | None, gate: str) -> Array:
    """(T, B, H): how far a gate opens for new content, or to show what there is."""
    values = order.traced(gate)
    if path is None or gate != path.writes or path.open_writes:
        return values
    return np.where(order.alive[..., None], 1 - values, 0)


def _shut(order: Order, path: Direct) -> dict[str, Array]:
    """(H,) each: the units whose input gate, or output gate, is shut."""
    gates = [gate for gate in (path.writes, path.shows) if gate is not None]
    if not order.alive.any():
        return {gate: np.zeros(order.trace.units, dtype=bool) for gate in gates}
    shut = {}
    if path.writes is not None and path.adds:
        shut[path.writes] = _unfilled(order, path, path.writes)
    if path.shows is not None:
        shut[path.shows] = order.traced(path.shows).max(axis=(0, 1)) < OPEN
    return shut


def _unfilled(order: Order, path: Direct, gate_name: str) -> Array:
    """(H,): the units whose cell could hold next to nothing even with every candidate at 1."""
    gate = _opening(order, path, gate_name).astype(np.float64)
    kept = belt(order.trace, order).astype(np.float64)
    held = np.zeros(gate.shape[1:])
    most = np.zeros(gate.shape[2])
    for t in range(len(gate)):
        held = kept[t] * held + gate[t]
        most = np.maximum(most, held.max(axis=0))
    fills = (gate >= FILLS * (1 - kept))[order.alive].mean(axis=0) > 0.5
    never = NEVER_COUPLED if path.writes == path.gate else NEVER
    return np.asarray((most < OPEN) & (~fills | (most < never)))


def _widest(values: Array, shut: Array) -> float:
    return float((values[..., shut] if shut.any() else values).max(initial=0.0))


def _still(hidden: Array) -> Array:
    """(P,): the units whose output never changes."""
    if len(hidden) < 2:  # nothing can change within one step
        return np.zeros(hidden.shape[-1], dtype=bool)
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = hidden.std(axis=0)
    return np.asarray(deviation <= max(STILL * deviation.max(), NOTHING))
