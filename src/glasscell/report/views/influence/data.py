"""How much every output of a layer depends on every input that it read."""

from math import isqrt
from typing import Final

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.dynamics.influence import influence
from glasscell.report.page.measured import Measured, Recorded, each
from glasscell.report.page.seen import FEWEST, PROBES, Seen

SHARE: Final = 0.6
"""Of the time for influences, path splits and fans."""
PIXELS: Final = 256
DECADES: Final = 8.0
ARRAYS: Final = {
    "s/l/influence": "(≤256, ≤256) log10 of the norm dh_T'/dx_t (x: what the layer reads), row T', "
    "column t; evenly spaced steps of a long series",
}
MEASURES: Final = {
    "influence": "{key: {first, steps}}, where only the end of a sequence was measured",
}


def measure(recorded: Recorded) -> Measured:
    """Measure every layer for which there is time: every step, evenly spaced ones, or the end."""
    flops = SHARE * recorded.affordable.flops
    return each(recorded.affordable.seen, lambda seen: _triangle(seen, flops))


def _triangle(seen: Seen, flops: float) -> Measured:
    T, H, P = seen.sizes
    step = 4 * H * P * PROBES
    count = int(min(T, PIXELS, flops / (step * T)))
    shown = seen if count >= min(T, FEWEST) else seen.end(isqrt(int(flops / step)))
    if shown is None or seen.weights is None:
        return Measured()
    if shown is not seen:
        T = count = len(shown.trace.hidden)
    inputs, outputs = _spaced(T, count), _spaced(T, min(T, PIXELS))
    logs = influence(shown.trace, seen.weights, inputs.tolist(), outputs.tolist(), PROBES)
    # Of what the layer had read by then, nothing is shown fainter than DECADES below the top.
    logs = np.maximum(logs, logs.max(initial=-np.inf) - DECADES)
    unread = inputs < outputs[:, None] if seen.trace.reverse else inputs > outputs[:, None]
    first = 0 if seen.trace.reverse else len(seen.trace.hidden) - T
    numbers = {} if shown is seen else {"influence": {"first": first, "steps": T}}
    return Measured(arrays={"influence": np.where(unread, np.nan, logs)}, numbers=numbers)


def _spaced(steps: int, count: int) -> Array:
    """The middles of `count` equal parts of the steps: what so many columns of a picture show."""
    middles: Array = ((np.arange(count) + 0.5) * steps / count).astype(int)
    return middles
