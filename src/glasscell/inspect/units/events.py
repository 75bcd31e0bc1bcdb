"""What the gates of a layer do at events: how much they move, which units open, which close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.direct import gates_by
from glasscell.traces.layer import LayerTrace

WARM_UP = 12
"""First steps of a window that are not counted: the state starts from zero there."""

SHIFTS = 200
CLEAR = 3.0
"""Standard errors from which on a mean change counts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Movement:
    """How much one quantity moves, and which way.

    Args:
        name: "forget", "input" ...
        gate: Whether it is a gate, not a state.
        opened: Whether it is a gate between 0 and 1.
        events: Mean |change per step| over units, in the steps after an event.
        contrast: The same after an event of the other kind.
        elsewhere: The same in the steps that follow neither.
        by_chance: `ratio` that 95 of 100 shifts of the events to random times stay below.
        change: (H,) mean change of each unit over the steps after an event.
        error: (H,) its standard error.
    """

    name: str
    gate: bool
    opened: bool
    events: float
    contrast: float
    elsewhere: float
    by_chance: float
    change: Array
    error: Array

    @property
    def ratio(self) -> float:
        """How many times as much it moves at events as elsewhere."""
        return self.events / self.elsewhere if self.elsewhere > 0 else float("nan")

    @property
    def contrast_ratio(self) -> float:
        """The same for events of the other kind."""
        return self.contrast / self.elsewhere if self.elsewhere > 0 else float("nan")

    @property
    def opens(self) -> int:
        """Units that clearly rise."""
        return int((self.change > CLEAR * self.error).sum())

    @property
    def closes(self) -> int:
        """Units that clearly fall."""
        return int((self.change < -CLEAR * self.error).sum())

    @property
    def unit(self) -> int:
        """The unit that changes most."""
        return int(np.argmax(np.abs(self.change)))


def movements(
    trace: LayerTrace, events: Array, contrast: Array, span: int, seed: int = 0
) -> dict[str, Movement]:
    """Measure what each quantity does after events, beside other events and random times.

    Args:
        trace: Of M windows, each array (M, T, H).
        events: (M, T) bool, where an event begins.
        contrast: (M, T) bool, where an event of another kind begins.
        span: Steps after an event that belong to it.
        seed: Of the random times.

    Returns:
        Name of each quantity of the layer's cell to its movement, the gates first.
    """
    after, other = _after(events, span), _after(contrast, span)
    shifts = np.random.default_rng(seed).integers(span, events.size - span, SHIFTS)
    random = [_after(np.roll(events.ravel(), by).reshape(events.shape), span) for by in shifts]
    movement_of, doors = {}, gates_by(trace.recurrence, "sigmoid")
    for name in (*trace.quantities, "hidden"):
        values = np.asarray(trace.quantity(name), np.float64)
        moves = np.abs(np.diff(values, axis=1)).mean(axis=2)[:, WARM_UP:]
        chance = [_mean(moves, shifted) / _mean(moves, ~shifted) for shifted in random]
        change, error = _change(values, events, span)
        movement_of[name] = Movement(
            name=name,
            gate=name not in trace.recurrence.state_names,
            opened=name in doors,
            events=_mean(moves, after),
            contrast=_mean(moves, other & ~after),
            elsewhere=_mean(moves, ~after & ~other),
            by_chance=float(np.nanquantile(chance, 0.95)) if after.any() else float("nan"),
            change=change,
            error=error,
        )
    return movement_of


def count_events(events: Array, span: int) -> int:
    """Count the events whose steps lie whole in their window, after the warm-up."""
    return len(_places(events, span)[0])


def in_words(moves: dict[str, Movement], count: int, event: str, contrast: str) -> str:
    """Say what the gates do, with the numbers.

    Args:
        moves: From `movements`, of a layer with at least two gates between 0 and 1.
        count: Events behind it.
        event: What they are, e.g. "steep rises".
        contrast: What the others are.
    """
    gates = [move for move in moves.values() if move.gate]
    if not all(m.ratio > m.by_chance for m in gates):
        return f"At {count} {event} not every gate moves more than by chance; see the table."
    doors = [move for move in gates if move.opened]
    strongest = max(doors[:2], key=lambda m: abs(m.change[m.unit]))
    change = strongest.change[strongest.unit]
    return (
        f"At {count} {event} its gates move {_span([m.ratio for m in gates])} times as much as "
        f"elsewhere, at {contrast} {_span([m.contrast_ratio for m in gates])} times; the "
        f"{doors[1].name} gate opens in {doors[1].opens} of {len(strongest.change)} units and "
        f"closes in {doors[1].closes}; unit {strongest.unit} answers most: its {strongest.name} "
        f"gate {'opens' if change > 0 else 'closes'} by {abs(change):.2f}."
    )


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"


def _after(marks: Array, span: int) -> Array:
    """Mark the changes in the steps after each event, the warm-up left out."""
    after = np.zeros(marks.shape, bool)
    for lag in range(1, span + 1):
        after[:, lag:] |= marks[:, :-lag]
    return after[:, 1 + WARM_UP :]


def _places(events: Array, span: int) -> tuple[Array, Array]:
    windows, steps = np.nonzero(events)
    whole = (steps >= WARM_UP) & (steps + span < events.shape[1])
    return windows[whole], steps[whole]


def _change(values: Array, events: Array, span: int) -> tuple[Array, Array]:
    """Give each unit's mean change after events and its standard error, (H,) each."""
    windows, steps = _places(events, span)
    if len(windows) < 2:
        return np.zeros(values.shape[2]), np.full(values.shape[2], np.inf)
    change = values[windows, steps + span] - values[windows, steps]
    return change.mean(axis=0), change.std(axis=0, ddof=1) / np.sqrt(len(change))


def _mean(moves: Array, where: Array) -> float:
    return float(moves[where].mean()) if where.any() else float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What one quantity does around the events of one sequence.

    Args:
        curve: (K,) mean over events and units, at each step from `before` on.
        lower: (K,) 5 % quantile of such curves when all events are shifted together.
        upper: (K,) 95 % quantile.
        level_near: Mean value in the steps from an event on.
        level_elsewhere: Mean value in all other steps.
        move_near: Mean change per step |x_t - x_{t-1}| in the steps from an event on.
        move_elsewhere: The same in all other steps.
        unit: Index of the unit whose change per step grows most.
    """

    curve: Array
    lower: Array
    upper: Array
    level_near: float
    level_elsewhere: float
    move_near: float
    move_elsewhere: float
    unit: int

    @property
    def ratio(self) -> float:
        """How many times as much the quantity moves at events as elsewhere."""
        return self.move_near / self.move_elsewhere if self.move_elsewhere > 0 else float("nan")


def around(steps: int) -> tuple[int, int]:
    """Return how many steps before and after an event `course` looks at, in a sequence of `steps`.

    >>> around(72)
    (3, 6)
    """
    after = int(np.clip(steps // 12, 1, 18))
    return max(1, after // 2), after


def course(values: Array, events: Sequence[int]) -> Course:
    """Measure what one quantity does around events, beside the same events at other times.

    Args:
        values: (T, H) the quantity.
        events: Steps of the events.

    >>> steps = np.repeat([[0.0], [1.0]], 12, axis=0)
    >>> course(steps, [12]).curve.tolist()
    [0.0, 1.0, 1.0, 1.0]
    """
    values = np.asarray(values, np.float64)
    T = len(values)
    before, after = around(T)
    at = np.asarray(sorted(set(events)))
    mean = _finite_mean(values, axis=1)
    # Shifting all events together keeps their distances, and with them what is due to chance.
    every = -(-T // COURSES)
    shifted = np.array([_curve(mean, (at + by) % T, before, after) for by in range(0, T, every)])
    near = np.zeros(T, bool)
    for event in at:
        near[event : event + after + 1] = True
    moves = np.abs(np.diff(values, axis=0, prepend=values[:1]))
    moves[0] = np.nan
    gain = _finite_mean(moves[near], axis=0) - _finite_mean(moves[~near], axis=0)
    return Course(
        curve=shifted[0],
        lower=_quantile(shifted, 0.05),
        upper=_quantile(shifted, 0.95),
        level_near=float(_finite_mean(values[near])),
        level_elsewhere=float(_finite_mean(values[~near])),
        move_near=float(_finite_mean(moves[near])),
        move_elsewhere=float(_finite_mean(moves[~near])),
        unit=int(np.argmax(np.where(np.isnan(gain), -np.inf, gain))),
    )


COURSES = 1000
"""Shifted courses that make the band, at most."""


def _curve(mean: Array, events: Array, before: int, after: int) -> Array:
    places = events[:, None] + np.arange(-before, after + 1)
    inside = (places >= 0) & (places < len(mean))
    return _finite_mean(np.where(inside, mean[places.clip(0, len(mean) - 1)], np.nan), axis=0)


def _quantile(curves: Array, q: float) -> Array:
    finite = [column[np.isfinite(column)] for column in curves.T]
    return np.array([np.quantile(column, q) if column.size else np.nan for column in finite])


def _finite_mean(values: Array, axis: int | None = None) -> Array:
    """Mean over the finite values, NaN where there are none (without a warning)."""
    finite = np.isfinite(values)
    total, count = np.where(finite, values, 0.0).sum(axis=axis), finite.sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
