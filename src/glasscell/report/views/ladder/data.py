"""How long each unit's forget gate keeps half of what it stores, over the whole batch."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

import numpy as np

from glasscell.inspect.memory.timescales import half_life
from glasscell.inspect.verdict.symptoms import symptoms
from glasscell.report.page.measured import Measured
from glasscell.traces.layer import LayerTrace
from glasscell.traces.order import Order

__all__ = ["measure_memory"]


def measure_memory(traces: Mapping[str, LayerTrace]) -> Measured:
    """Measure half-lives over all sequences: the numbers that verdicts and their evidence rest on.

    Args:
        traces: Layer name to trace of the batch.

    Returns:
        Numbers "memory" {layer index: {"half_life": H steps, "slow": that of the unit at the 90 %
        quantile, as verdicts take it, "sequences": B}}, "never" where nothing fades, None where
        nothing is known; for LSTM layers alone.
    """
    found = {}
    for place, trace in enumerate(traces.values()):
        if trace.forget is None:
            continue
        order = Order(trace)
        forget = order.traced("forget")
        halves = half_life(forget, order.alive & np.isfinite(forget).all(axis=-1))
        slow = symptoms(trace).memory
        found[str(place)] = {
            "half_life": [_steps(float(half)) for half in halves],
            "slow": None if slow is None else _steps(slow),
            "sequences": order.alive.shape[1],
        }
    return Measured(numbers={"memory": found})


def _steps(value: float) -> float | str | None:
    return None if isnan(value) else "never" if value == np.inf else value
