"""What is measured of the way from step to step: influence, path split, Jacobian fan.

These cost more than reading gates off a trace, so they share a budget: of a long sequence they
look at some steps, of a wide layer at some directions, and what is still too much is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from glasscell.inspect.influence import influence
from glasscell.inspect.path import path_split
from glasscell.inspect.spectrum import fan, lyapunov
from glasscell.report.explore.data import Array
from glasscell.report.explore.measure import Measured, Seen

__all__ = ["measure_flow"]

FLOPS: Final = 8e9
"""What all of it may cost: some ten seconds of NumPy on one core."""
PIXELS: Final = 256
PROBES: Final = 2
DECADES: Final = 8.0
DIRECTIONS: Final = 8
FEWEST: Final = 16
EXACT: Final = 128
"""Up to this size of the state `fan` follows all directions."""


def measure_flow(seen: Mapping[str, Seen]) -> Measured:
    """Measure influences, path splits and fans, as far as a budget of time goes.

    Args:
        seen: "series/layer" to what was seen.

    Returns:
        Arrays by the page's key, and ``{measure: {"series/layer": numbers}}``: "influence" (n', n)
        log10 of the norm of dh_t' / dx_t, x being the layer's own input, every step of a short
        sequence, evenly spaced ones of a long one; "path_lags", "path_share", "path_belt",
        "path_gates", "path_total" (n,) as `inspect.PathSplit`; "fan" (n, k) and "fan_lags" (n,) as
        `inspect.Fan`, and the numbers "lyapunov". Series after the first only if they are cheap.

    Notes:
        Layers without weights, with NaN inside, or too large for the budget are left out.
    """
    able = {key: one for key, one in seen.items() if one.weights is not None and _finite(one)}
    first = {key: one for key, one in able.items() if key.startswith("0/")}
    chosen = able if sum(map(_cost, able.values())) <= FLOPS else first
    arrays: dict[str, Array] = {}
    numbers: dict[str, dict[str, object]] = {}
    for key, one in chosen.items():
        for function in (_influence, _path, _fan):
            found = function(one, FLOPS / (3 * len(chosen)))
            arrays |= {f"{key}/{name}": array for name, array in found.arrays.items()}
            for name, value in found.numbers.items():
                numbers.setdefault(name, {})[key] = value
    return Measured(arrays=arrays, numbers=numbers)


def _influence(seen: Seen, flops: float) -> Measured:
    T, H, P = _sizes(seen)
    count = int(min(T, PIXELS, flops / (4 * H * P * PROBES * T)))
    if seen.weights is None or count < min(T, FEWEST):
        return Measured()
    inputs, outputs = _spaced(T, count), _spaced(T, min(T, PIXELS))
    found = influence(seen.trace, seen.weights, inputs.tolist(), outputs.tolist(), PROBES)
    # Of what the layer had read by then, nothing is shown fainter than DECADES below the top.
    found = np.maximum(found, found.max(initial=-np.inf) - DECADES)
    unread = inputs < outputs[:, None] if seen.trace.reverse else inputs > outputs[:, None]
    return Measured(arrays={"influence": np.where(unread, np.nan, found)})


def _path(seen: Seen, flops: float) -> Measured:
    T, H, P = _sizes(seen)
    columns = int(min(H, flops / (8 * H * P * T)))
    if seen.weights is None or seen.trace.forget is None or columns < min(H, FEWEST):
        return Measured()
    found = path_split(seen.trace, seen.weights, columns=None if columns == H else columns)
    arrays = {"lags": found.lags, "share": found.share, "belt": found.log10_belt}
    arrays |= {"gates": found.log10_gates, "total": found.log10_total}
    return Measured(arrays={f"path_{name}": array for name, array in arrays.items()})


def _fan(seen: Seen, flops: float) -> Measured:
    steps, lags = len(seen.trace.hidden), _fan_lags(seen, flops)
    if seen.weights is None or steps < 2 or len(lags) < min(steps - 1, 3):
        return Measured()
    found = fan(seen.trace, seen.weights, columns=DIRECTIONS, lags=lags)
    exponents = lyapunov(seen.trace, seen.weights, columns=DIRECTIONS).exponents
    return Measured(
        arrays={"fan": found.log10_sigma, "fan_lags": found.lags},
        numbers={"lyapunov": {"exponents": exponents.tolist()}},
    )


def _fan_lags(seen: Seen, flops: float) -> list[int]:
    """Up to 64 lags where all directions are followed once; else powers of 2 while they last."""
    T, H, P = _sizes(seen)
    S = _state(seen)
    if S <= EXACT:
        affordable = int(min(T - 1, flops / (8 * H * P * S + 6 * S**3)))
        return sorted(set(np.linspace(1, affordable, 64).astype(int).tolist()) - {0})
    most = flops / (48 * H * P * (DIRECTIONS + 8))  # the sum of the lags
    return [2**k for k in range(16) if 2**k < T and 2 ** (k + 1) - 1 <= most]


def _cost(seen: Seen) -> float:
    """Flops of all three at full resolution."""
    T, H, P = _sizes(seen)
    S = _state(seen)
    return T * (4 * H * P * PROBES * T + 8 * H * P * H + 8 * H * P * S + 6 * min(S, EXACT) ** 3)


def _sizes(seen: Seen) -> tuple[int, int, int]:
    """T, H and P."""
    cell = seen.trace.hidden if seen.trace.cell is None else seen.trace.cell
    return len(cell), cell.shape[1], seen.trace.hidden.shape[1]


def _state(seen: Seen) -> int:
    """S, size of the state."""
    _, H, P = _sizes(seen)
    return H if seen.trace.cell is None else H + P


def _finite(seen: Seen) -> bool:
    return bool(np.isfinite(seen.trace.hidden).all())


def _spaced(steps: int, count: int) -> Array:
    """The middles of `count` equal parts of the steps: what so many columns of a picture show."""
    middles: Array = ((np.arange(count) + 0.5) * steps / count).astype(int)
    return middles
