"""One layer on one sequence, and how much of it there is time to follow from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.report.draw.recurrence import look
from glasscell.traces.layer import LayerTrace

__all__ = ["EXACT", "FEWEST", "FLOPS", "PROBES", "Affordable", "Seen", "affordable"]

FLOPS: Final = 2.6e10
"""What influences, path splits and fans may cost together: a second or two of NumPy on one core,
more on a busy one. A fan from one step of a layer of 512 units reaches 5 lags with it."""
PROBES: Final = 2
"""Directions in which an influence is felt for."""
EXACT: Final = 128
"""Up to this size of the state a fan follows all directions."""
FEWEST: Final = 16
"""Fewer inputs, columns or steps than this show nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One layer on one sequence.

    Args:
        trace: What every gate did, layout "TH".
        weights: The layer's weights; None where they are unknown.
        x: (T, I) what the network (not the layer) read; None if it read no numbers.
    """

    trace: LayerTrace
    weights: LayerWeights | None = None
    x: Array | None = None

    @property
    def sizes(self) -> tuple[int, int, int]:
        """T, H and P."""
        return len(self.trace.hidden), self.trace.units, self.trace.hidden.shape[1]

    @property
    def state(self) -> int:
        """S, size of the state."""
        _, H, P = self.sizes
        return P + H * self.trace.recurrence.extra_states

    @property
    def finite(self) -> bool:
        """Whether all its states are finite numbers."""
        return bool(np.isfinite(self.trace.hidden).all())

    @property
    def cost(self) -> float:
        """Flops of influence, path split and fan at full resolution."""
        T, H, P = self.sizes
        S = self.state
        every_step = 4 * H * P * PROBES * T + 8 * H * P * H + 8 * H * P * S
        return T * (every_step + 6 * min(S, EXACT) ** 3)

    def end(self, steps: int) -> Seen | None:
        """Give the steps that the layer worked on last, from the state before them.

        None if they are too few, or if the layer may begin anew within them: its initial state is
        then not the one before them.
        """
        trace = self.trace
        T = len(trace.hidden)
        if steps >= T:
            return self
        if steps < FEWEST or trace.anew is not None:
            return None
        first, before = (0, steps) if trace.reverse else (T - steps, T - steps - 1)
        part, state = slice(first, first + steps), slice(before, before + 1)
        begun = [trace.quantity(name)[state] for name in look(trace.recurrence).states]
        changed = {
            "initial_hidden": begun[0],
            "initial_cell": np.stack(begun[1:], axis=1) if begun[1:] else None,
        }
        return replace(self, trace=trace.each(lambda array: array[part], **changed))


@dataclass(frozen=True, kw_only=True, eq=False)
class Affordable:
    """Of which layers and sequences there is time to follow every step.

    Args:
        seen: "series/layer" to them.
        flops: What each of them may cost.
        unmeasured: "series/layer" of the others to the reason: "weights" are unknown, states are
            not "finite", only the "first" series could be afforded, or it was "unasked" for.
    """

    seen: Mapping[str, Seen] = field(default_factory=dict)
    flops: float = 0.0
    unmeasured: Mapping[str, str] = field(default_factory=dict)


def affordable(seen: Mapping[str, Seen], asked: bool = True) -> Affordable:
    """Choose what is followed; series after the first only if all of them are cheap.

    Args:
        seen: "series/layer" to what was seen.
        asked: Whether any of it was asked for; default True.
    """
    able = {key: one for key, one in seen.items() if one.weights is not None and one.finite}
    first = {key: one for key, one in able.items() if key.startswith("0/")}
    chosen = able if sum(one.cost for one in able.values()) <= FLOPS else first
    if not asked:
        chosen = {}
    left_out = "first" if asked else "unasked"
    unmeasured = {
        key: "weights" if one.weights is None else left_out if one.finite else "finite"
        for key, one in seen.items()
        if key not in chosen
    }
    return Affordable(seen=chosen, flops=FLOPS / max(1, len(chosen)), unmeasured=unmeasured)
