"""How long each unit remembers, and which gates are stuck: read off the gates alone.

Along the belt of a cell, of an LSTM the memory cell, the gradient is multiplied by its direct path
at each step: by the forget gate, in a GRU by the update gate. So a unit whose gate stands at f
keeps f^k of what it held k steps ago. What the recurrent weights add to that is not seen here: with
them a network often remembers longer, never by the gate's doing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import expm1, inf, log
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.cells.direct import direct_path, gates_by
from glasscell.traces import pictures
from glasscell.traces.layout import to_time_major
from glasscell.traces.slopes import belt
from glasscell.traces.steps import Order, initial_state

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from glasscell.traces.layer import LayerTrace

__all__ = [
    "Saturation",
    "TimeScales",
    "forget_bias",
    "half_life",
    "half_lives",
    "holding_steps",
    "reaching",
    "saturation",
    "timescales",
]

Float64: TypeAlias = npt.NDArray[np.float64]

LOW, HIGH = 0.1, 0.9
"""A gate below LOW is called closed and above HIGH open: the thresholds of the scatter plots in
Karpathy, Johnson, Li 2015 (arXiv 1506.02078), kept so that pictures can be compared."""


class Saturation(NamedTuple):
    """Fraction of steps that each unit's gate spends closed (< 0.1) and open (> 0.9); both (H,)."""

    closed: Float64
    open: Float64

    def plot(self, ax: Any = None, **options: Any) -> Axes:
        """Draw a dot per unit, how much it is closed against how much open; needs matplotlib.

        Args:
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.saturation` takes them.

        Returns:
            The Axes.
        """
        return pictures.plot("saturation", self, ax=ax, **options)


@dataclass(frozen=True, eq=False)
class TimeScales:
    """How long the units of a layer remember, against how long the data asks them to.

    Attributes:
        half_life: (H,) float64 in steps, see `half_life`.
        lag: Steps that the data asks for.
        long_enough: Share of units, 0 … 1, that keep half of a memory or more over the lag.
        saturation: Name of each gate between 0 and 1 ("forget", "input", "output"; "update",
            "reset") to `Saturation`, (H,) each.
    """

    half_life: Float64
    lag: float
    long_enough: float
    saturation: Mapping[str, Saturation]

    def plot(self, ax: Any = None, **options: Any) -> Axes:
        """Draw the half-lives of all units against the lag; needs matplotlib.

        Args:
            ax: Where; default a new pyplot figure.
            **options: As `glasscell.report.plots.half_life_ladder` takes them.

        Returns:
            The Axes. `glasscell.report.plots.saturation_map` draws the gates.
        """
        return pictures.plot("half_life_ladder", self, ax=ax, **options)


def half_life(forget: Array, alive: Array | None = None) -> Float64:
    """Give the number of steps after which half of a memory is left, for each unit.

    ``half-life = ln 0.5 / mean_t ln f_t``: what is kept over k steps is the product of k gates, so
    the mean that counts is the geometric one. The arithmetic mean of f would overstate memory
    wherever a gate closes now and then.

    Args:
        forget: Forget gate, or whatever else the direct path is, values in 0 … 1, any layout with
            the units last: (T, B, H), (T, H) …
        alive: Bool of the shape of `forget` without its last axis, which steps count; default all.

    Returns:
        (H,) float64, in steps; 0 for a unit that drops everything at some step, infinity for one
        that never drops anything, NaN for one whose gate is a finite number at no step.

    Notes:
        Over all steps and sequences at once at which the unit's gate is a finite number. A gate at
        the bias alone, f = sigmoid(1), halves its memory in 2.2 steps; see `forget_bias` for the
        way back.

    >>> half_life(np.full((4, 1), 0.5))
    array([1.])
    >>> half_life(np.array([[0.9, 1.0], [0.9, 1.0], [0.1, 1.0]])).round(2)
    array([0.83,  inf])
    """
    gates = np.asarray(forget, dtype=np.float64)
    gates = gates.reshape(-1, gates.shape[-1]) if alive is None else gates[alive]
    finite = np.isfinite(gates)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.log(np.abs(np.where(finite, gates, 1.0))).sum(axis=0) / finite.sum(axis=0)
        return np.asarray(np.log(2.0) / (0.0 - mean))


def half_lives(layer: LayerTrace) -> Float64 | None:
    """Give the half-life of each unit of a traced layer, over all its steps and sequences.

    Args:
        layer: Of any layout.

    Returns:
        (H,), see `half_life`; None for a layer without a belt, as an RNN, and for one whose belt
        reads vectors that the trace does not have.
    """
    path = direct_path(layer.recurrence)
    if path is None or not {*path.vectors} <= {*(layer.vectors or ())}:
        return None
    order = Order(layer)
    return half_life(belt(layer, order), holding_steps(order))


def holding_steps(order: Order) -> npt.NDArray[np.bool_]:
    """(T, B), in the order of work: the steps that had something to keep.

    That is all of them, but for a cell that starts by itself from numbers other than 0, as the
    stabiliser of an sLSTM, which drops what there was not.
    """
    layer = order.trace
    cell = layer.recurrence
    if not cell.initial:
        return order.alive
    for letter, name in cell.states.items():
        start = initial_state(layer, name)
        if (start != start.dtype.type(cell.initial.get(letter, 0.0))).any():
            return order.alive
    later = order.alive & ~order.begins
    return later if later.any() else order.alive


def reaching(half_lives: Array, lag: float) -> int:
    """Count the units that keep half of a memory over a lag or longer.

    Args:
        half_lives: (H,) steps; NaN counts as none.
        lag: Steps.

    >>> reaching(np.array([9.0, 10.0, np.inf, np.nan]), 10)
    2
    """
    return int((np.asarray(half_lives) >= lag).sum())


def forget_bias(steps: float) -> float:
    """Give the forget-gate bias at which half of a memory is left after so many steps.

    ``b_f = -ln(2^(1/steps) - 1)``, the inverse of ``half_life(sigmoid(b_f))``: exact where the
    gate's weights contribute nothing, as they do on average at the start of training.

    Args:
        steps: Wanted half-life, > 0.

    Returns:
        The bias; infinity for an infinite half-life.

    Raises:
        ValueError: `steps` is not above 0.

    >>> [round(forget_bias(steps), 2) for steps in (1, 10, 100)]
    [0.0, 2.63, 4.97]
    """
    if not steps > 0:
        raise ValueError(f"expected a half-life in steps > 0, got {steps}")
    a = log(2.0) / float(steps)
    # ln(e^a - 1), for a half-life far below a step too, where e^a leaves float64.
    return 0.0 - (a + log(-expm1(-a))) if a else inf


def saturation(gate: Array, alive: Array | None = None) -> Saturation:
    """Give the fraction of steps that each unit's gate spends closed (< 0.1) and open (> 0.9).

    Args:
        gate: A gate, values in 0 … 1, any layout with the units last.
        alive: Bool of the shape of `gate` without its last axis, which steps count; default all.

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


def timescales(layer: LayerTrace, lag: float) -> TimeScales:
    """Hold the half-lives of a layer's units against a lag, with what its gates are stuck at.

    Args:
        layer: Of any layout: a batch counts as a whole.
        lag: Steps from what must be remembered to where it is used.

    Returns:
        `TimeScales`.

    Raises:
        ValueError: The layer has no belt, as an RNN, or the lag is not above 0.

    Notes:
        One pass over the gates. The half-life is that of the conveyor belt alone; recurrent
        weights can carry memory further (`path_split` says whether they do). An initialisation
        that spreads half-lives up to the lag: C. Tallec and Y. Ollivier, Can recurrent neural
        networks warp time?, ICLR 2018.

    >>> from glasscell.traces.layer import LayerTrace
    >>> gate = np.array([[0.5, 0.99]] * 3)
    >>> layer = LayerTrace(gate, gate, gate, gate, gate, hidden=gate, layout="TH")
    >>> found = timescales(layer, lag=50)
    >>> found.half_life.round(1), found.long_enough
    (array([ 1., 69.]), 0.5)
    """
    if not lag > 0:
        raise ValueError(f"expected a lag in steps > 0, got {lag}")
    order = Order(layer)
    lives = half_life(belt(layer, order), holding_steps(order))
    alive = layer.alive()
    gates = {
        name: to_time_major(layer.quantity(name), layer.layout, layer.batch_sizes)
        for name in gates_by(layer.recurrence, "sigmoid")
    }
    return TimeScales(
        half_life=lives,
        lag=lag,
        long_enough=reaching(lives, lag) / len(lives) if len(lives) else float("nan"),
        saturation={name: saturation(gate, alive) for name, gate in gates.items()},
    )
