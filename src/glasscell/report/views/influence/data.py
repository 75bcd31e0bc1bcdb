"""What is measured of the way from step to step: influence, path split, Jacobian fan.

These cost more than reading gates off a trace, so they share a budget: of a long sequence they
look at some steps, of a wide layer at some directions, of a long one on a wide layer at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isqrt
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.inspect.dynamics.influence import influence
from glasscell.inspect.dynamics.path import path_split
from glasscell.inspect.dynamics.spectrum import fan, lyapunov
from glasscell.report.page.measured import Measured, Seen
from glasscell.traces.layer import GATES, LayerTrace

__all__ = ["measure_flow", "unmeasured"]

FLOPS: Final = 2.6e10
"""What all of it may cost: a second or two of NumPy on one core, more on a busy one. A fan from one
step of a layer of 512 units reaches LONG lags with it."""
SHARES: Final = {"influence": 0.6, "path": 0.15, "fan": 0.25}
PIXELS: Final = 256
LAGS: Final = 512
"""Lags of a path split that the page gets at most."""
PROBES: Final = 2
DECADES: Final = 8.0
DIRECTIONS: Final = 8
WARM_UP: Final = 6
"""One step in so many turns the directions before Lyapunov exponents are counted."""
FEWEST: Final = 16
"""Fewer inputs, columns or steps than this show nothing."""
EXACT: Final = 128
"""Up to this size of the state `fan` follows all directions."""
BROWSER: Final = 48
"""Up to this size of the state the page computes a fan from any step (`web/jacobian.js`)."""
MOST, FEWER = 64, 24
"""Lags of a fan from the first step, and from others."""
ORIGINS: Final = 4
"""Steps from which the fan of a larger state is measured here …"""
LONG: Final = 5
"""… if each reaches so many lags; else all the budget goes into one."""


def measure_flow(seen: Mapping[str, Seen]) -> Measured:
    """Measure influences, path splits and fans, as far as a budget of time goes.

    Args:
        seen: "series/layer" to what was seen.

    Returns:
        Arrays by the page's key, and ``{measure: {"series/layer": numbers}}``: "influence" (n', n)
        log10 of the norm of dh_t' / dx_t, x being the layer's own input, every step of a short
        sequence, evenly spaced ones of a long one; "path_lags", "path_share", "path_belt",
        "path_gates", "path_total" (n,) as `inspect.PathSplit`; "fan" (n, k) and "fan_lags" (n,) as
        `inspect.Fan`, and the numbers "lyapunov"; from further steps "fan_1", "fan_lags_1" …, the
        steps being the number "fan" ``{"starts": …}``. Series after the first only if they are
        cheap. Where only the end of a sequence was affordable, the number "influence" says which
        ``{"first": step, "steps": n}``; lags of "path_lags" then stop early. The number
        "unmeasured" says why a layer was left out: "weights" are unknown, its states are not
        "finite", only the "first" series could be afforded, or it was "unasked" for.

    Notes:
        Layers without weights, with NaN inside, or too large for the budget are left out.
    """
    able = {key: one for key, one in seen.items() if one.weights is not None and _finite(one)}
    first = {key: one for key, one in able.items() if key.startswith("0/")}
    chosen = able if sum(map(_cost, able.values())) <= FLOPS else first
    arrays: dict[str, Array] = {}
    numbers: dict[str, dict[str, object]] = {}
    numbers |= unmeasured({key: one for key, one in seen.items() if key not in chosen}).numbers
    for key, one in chosen.items():
        for name, function in (("influence", _influence), ("path", _path), ("fan", _fan)):
            found = function(one, SHARES[name] * FLOPS / len(chosen))
            arrays |= {f"{key}/{part}": array for part, array in found.arrays.items()}
            for number, value in found.numbers.items():
                numbers.setdefault(number, {})[key] = value
    return Measured(arrays=arrays, numbers=numbers)


def unmeasured(seen: Mapping[str, Seen], asked: bool = True) -> Measured:
    """Say why nothing of this is measured of layers and series.

    Args:
        seen: As for `measure_flow`, those that are left out.
        asked: Whether it was to be measured; default True.
    """
    able = "first" if asked else "unasked"
    reasons: dict[str, object] = {
        key: "weights" if one.weights is None else able if _finite(one) else "finite"
        for key, one in seen.items()
    }
    return Measured(numbers={"unmeasured": reasons} if reasons else {})


def _influence(seen: Seen, flops: float) -> Measured:
    T, H, P = _sizes(seen)
    step = 4 * H * P * PROBES
    count = int(min(T, PIXELS, flops / (step * T)))
    shown = seen if count >= min(T, FEWEST) else _end(seen, isqrt(int(flops / step)))
    if shown is None or seen.weights is None:
        return Measured()
    if shown is not seen:
        T = count = len(shown.trace.hidden)
    inputs, outputs = _spaced(T, count), _spaced(T, min(T, PIXELS))
    found = influence(shown.trace, seen.weights, inputs.tolist(), outputs.tolist(), PROBES)
    # Of what the layer had read by then, nothing is shown fainter than DECADES below the top.
    found = np.maximum(found, found.max(initial=-np.inf) - DECADES)
    unread = inputs < outputs[:, None] if seen.trace.reverse else inputs > outputs[:, None]
    first = 0 if seen.trace.reverse else len(seen.trace.hidden) - T
    numbers = {} if shown is seen else {"influence": {"first": first, "steps": T}}
    return Measured(arrays={"influence": np.where(unread, np.nan, found)}, numbers=numbers)


def _path(seen: Seen, flops: float) -> Measured:
    T, H, P = _sizes(seen)
    shown = _end(seen, int(flops / (8 * H * P * min(H, FEWEST))))
    if shown is None or seen.weights is None or seen.trace.forget is None:
        return Measured()
    T = len(shown.trace.hidden)
    columns = int(min(H, flops / (8 * H * P * T)))
    found = path_split(shown.trace, seen.weights, columns=None if columns == H else columns)
    arrays = {"lags": found.lags, "share": found.share, "belt": found.log10_belt}
    arrays |= {"gates": found.log10_gates, "total": found.log10_total}
    some = np.linspace(0, T - 1, min(T, LAGS)).round().astype(int)
    return Measured(arrays={f"path_{name}": array[some] for name, array in arrays.items()})


def _fan(seen: Seen, flops: float) -> Measured:
    steps, weights = len(seen.trace.hidden), seen.weights
    if weights is None or steps < 2:
        return Measured()
    count = 1 if _state(seen) <= BROWSER else min(ORIGINS, steps - 1)
    if len(_fan_lags(seen, steps - 1, flops / count, MOST)) < LONG:
        count = 1
    arrays: dict[str, Array] = {}
    starts: list[int] = []
    for worked in (steps * np.arange(count) // count).tolist():
        left = steps - 1 - worked
        lags = _fan_lags(seen, left, flops / count, FEWER if starts else MOST)
        if len(lags) < min(left, 3):
            break
        start = steps - 1 - worked if seen.trace.reverse else worked
        found = fan(seen.trace, weights, start=start, columns=DIRECTIONS, lags=lags)
        end = f"_{len(starts)}" if starts else ""
        arrays |= {f"fan{end}": found.log10_sigma, f"fan_lags{end}": found.lags}
        starts.append(start)
    if not starts:
        return Measured()
    _, H, P = _sizes(seen)
    late = _end(seen, int(flops / (8 * H * P * DIRECTIONS))) or seen
    numbers = {"lyapunov": _rates(late.trace, weights), "fan": {"starts": starts}}
    return Measured(arrays=arrays, numbers=numbers)


def _rates(trace: LayerTrace, weights: LayerWeights) -> dict[str, object]:
    """Lyapunov exponents with what they rest on: standard errors, and how many steps counted."""
    found = lyapunov(trace, weights, columns=DIRECTIONS, warm_up=len(trace.hidden) // WARM_UP)
    return {
        "exponents": found.exponents.tolist(),
        "error": found.error.tolist(),
        "steps": found.steps,
        "chaotic": found.chaotic,
    }


def _fan_lags(seen: Seen, left: int, flops: float, count: int) -> list[int]:
    """Up to `count` lags if all directions are followed once; else powers of 2 while they last."""
    _, H, P = _sizes(seen)
    S = _state(seen)
    if S <= EXACT:
        affordable = int(min(left, flops / (8 * H * P * S + 6 * S**3)))
        return sorted(set(np.linspace(1, affordable, count).astype(int).tolist()) - {0})
    most = flops / (48 * H * P * (DIRECTIONS + 8))  # the sum of the lags
    return [2**k for k in range(16) if 2**k <= left and 2 ** (k + 1) - 1 <= most]


def _end(seen: Seen, steps: int) -> Seen | None:
    """The steps that the layer worked on last, from the state before them.

    None if they are too few, or if the layer may begin anew within them: its initial state is then
    not the one before them.
    """
    trace = seen.trace
    T = len(trace.hidden)
    if steps >= T:
        return seen
    if steps < FEWEST or trace.reset is not None:
        return None
    first, before = (0, steps) if trace.reverse else (T - steps, T - steps - 1)
    part, state = slice(first, first + steps), slice(before, before + 1)
    arrays = {name: getattr(trace, name) for name in (*GATES, "hidden")}
    changed: dict[str, Any] = {
        name: None if array is None else array[part] for name, array in arrays.items()
    }
    changed["initial_hidden"] = trace.hidden[state]
    changed["initial_cell"] = None if trace.cell is None else trace.cell[state]
    return replace(seen, trace=replace(trace, **changed))


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
