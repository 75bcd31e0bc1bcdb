"""How a small change of the state is stretched over more and more steps."""

from typing import Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.dynamics.spectrum import fan, lyapunov
from glasscell.report.page.measured import Measured, Recorded, each
from glasscell.report.page.seen import EXACT, Seen
from glasscell.traces.layer import LayerTrace

SHARE: Final = 0.25
"""Of the time for influences, path splits and fans."""
DIRECTIONS: Final = 8
WARM_UP: Final = 6
"""One step in so many turns the directions before Lyapunov exponents are counted."""
BROWSER: Final = 48
"""Up to this size of the state the page computes a fan from any step (network/jacobian.js)."""
MOST, FEWER = 64, 24
"""Lags of a fan from the first step, and from others."""
ORIGINS: Final = 4
"""Steps from which the fan of a larger state is measured here …"""
LONG: Final = 5
"""… if each reaches so many lags; else all the time goes into one."""
ARRAYS: Final = {
    "s/l/fan": "(n, k) log10 of the singular values of Jacobian products, from the first step",
    "s/l/fan_lags": "(n,) their lags",
    "s/l/fan_1": "(n, k) the same from a further step, fan_2 …",
    "s/l/fan_lags_1": "(n,) their lags",
}
MEASURES: Final = {
    "fan": "{key: {starts: [step of each fan]}}",
    "lyapunov": "{key: {exponents, error, steps, chaotic}}",
}


def measure(recorded: Recorded) -> Measured:
    """Measure every layer for which there is time."""
    flops = SHARE * recorded.affordable.flops
    return each(recorded.affordable.seen, lambda seen: _fans(seen, flops))


def _fans(seen: Seen, flops: float) -> Measured:
    steps, weights = len(seen.trace.hidden), seen.weights
    if weights is None or steps < 2:
        return Measured()
    count = 1 if seen.state <= BROWSER else min(ORIGINS, steps - 1)
    if len(_lags(seen, steps - 1, flops / count, MOST)) < LONG:
        count = 1
    arrays: dict[str, Array] = {}
    starts: list[int] = []
    for worked in (steps * np.arange(count) // count).tolist():
        left = steps - 1 - worked
        lags = _lags(seen, left, flops / count, FEWER if starts else MOST)
        if len(lags) < min(left, 3):
            break
        start = steps - 1 - worked if seen.trace.reverse else worked
        one = fan(seen.trace, weights, start=start, columns=DIRECTIONS, lags=lags)
        end = f"_{len(starts)}" if starts else ""
        arrays |= {f"fan{end}": one.log10_sigma, f"fan_lags{end}": one.lags}
        starts.append(start)
    if not starts:
        return Measured()
    _, H, P = seen.sizes
    late = seen.end(int(flops / (8 * H * P * DIRECTIONS))) or seen
    numbers = {"lyapunov": _rates(late.trace, weights), "fan": {"starts": starts}}
    return Measured(arrays=arrays, numbers=numbers)


def _rates(trace: LayerTrace, weights: LayerWeights) -> dict[str, object]:
    """Lyapunov exponents with what they rest on: standard errors, and how many steps counted."""
    rates = lyapunov(trace, weights, columns=DIRECTIONS, warm_up=len(trace.hidden) // WARM_UP)
    return {
        "exponents": rates.exponents.tolist(),
        "error": rates.error.tolist(),
        "steps": rates.steps,
        "chaotic": rates.chaotic,
    }


def _lags(seen: Seen, left: int, flops: float, count: int) -> list[int]:
    """Up to `count` lags if all directions are followed once; else powers of 2 while they last."""
    _, H, P = seen.sizes
    S = seen.state
    if S <= EXACT:
        affordable = int(min(left, flops / (8 * H * P * S + 6 * S**3)))
        return sorted(set(np.linspace(1, affordable, count).astype(int).tolist()) - {0})
    most = flops / (48 * H * P * (DIRECTIONS + 8))  # the sum of the lags
    return [2**k for k in range(16) if 2**k <= left and 2 ** (k + 1) - 1 <= most]
