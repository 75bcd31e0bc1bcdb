"""What the gates of an LSTM do at events: how much they move, which units open, which close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glasscell.arrays import Array
from glasscell.traces.layer import LayerTrace

GATES = ("forget", "input", "candidate", "output")
QUANTITIES = (*GATES, "cell", "hidden")

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
        events: Mean |change per step| over units, in the steps after an event.
        contrast: The same after an event of the other kind.
        elsewhere: The same in the steps that follow neither.
        by_chance: `ratio` that 95 of 100 shifts of the events to random times stay below.
        change: (H,) mean change of each unit over the steps after an event.
        error: (H,) its standard error.
    """

    name: str
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
        Name of the quantity to its movement, the gates first.
    """
    after, other = _after(events, span), _after(contrast, span)
    shifts = np.random.default_rng(seed).integers(span, events.size - span, SHIFTS)
    random = [_after(np.roll(events.ravel(), by).reshape(events.shape), span) for by in shifts]
    found = {}
    for name in QUANTITIES:
        values = np.asarray(getattr(trace, name), np.float64)
        moves = np.abs(np.diff(values, axis=1)).mean(axis=2)[:, WARM_UP:]
        chance = [_mean(moves, shifted) / _mean(moves, ~shifted) for shifted in random]
        change, error = _change(values, events, span)
        found[name] = Movement(
            name=name,
            events=_mean(moves, after),
            contrast=_mean(moves, other & ~after),
            elsewhere=_mean(moves, ~after & ~other),
            by_chance=float(np.nanquantile(chance, 0.95)) if after.any() else float("nan"),
            change=change,
            error=error,
        )
    return found


def count_events(events: Array, span: int) -> int:
    """Count the events whose steps lie whole in their window, after the warm-up."""
    return len(_places(events, span)[0])


def in_words(found: dict[str, Movement], count: int, event: str, contrast: str) -> str:
    """Say what the gates do, with the numbers.

    Args:
        found: From `movements`.
        count: Events behind it.
        event: What they are, e.g. "steep rises".
        contrast: What the others are.
    """
    gates: Sequence[Movement] = [found[name] for name in GATES]
    if not all(m.ratio > m.by_chance for m in gates):
        return f"At {count} {event} not every gate moves more than by chance; see the table."
    strongest = max((found[n] for n in ("forget", "input")), key=lambda m: abs(m.change[m.unit]))
    change = strongest.change[strongest.unit]
    return (
        f"At {count} {event} its gates move {_span([m.ratio for m in gates])} times as much as "
        f"elsewhere, at {contrast} {_span([m.contrast_ratio for m in gates])} times; the input "
        f"gate opens in {found['input'].opens} of {len(strongest.change)} units and closes in "
        f"{found['input'].closes}; unit {strongest.unit} answers most: its {strongest.name} gate "
        f"{'opens' if change > 0 else 'closes'} by {abs(change):.2f}."
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
