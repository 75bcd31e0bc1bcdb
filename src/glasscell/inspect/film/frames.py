"""One frame of a training film: a layer's gates and gradients in a few numbers per unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.film.reel import LayerReel
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.inspect.memory.timescales import saturation
from glasscell.traces.layer import LayerTrace
from glasscell.traces.order import Order

__all__ = ["Frame", "frame", "stack", "unstack"]

Frame: TypeAlias = Mapping[str, Any]
"""The fields of `LayerReel` without their first axis, but for `lags`."""

LAGS = 65
"""Most lags kept of a gradient profile: enough for a curve, and 200 frames stay below 1 MB."""

EXTREME = 0.97
"""Beyond this size a tanh passes on less than 1 - 0.97^2 = 6 % of a gradient."""


def frame(flow: LayerFlow, trace: LayerTrace, lags: Array | None = None) -> dict[str, Any]:
    """Measure one layer once.

    Args:
        flow: its gradients.
        trace: its gates.
        lags: at which to keep the profile; default up to 65 over all its steps.

    Returns:
        The fields of `LayerReel` without their first axis, but for `lags`.
    """
    profile, verdict = flow.profile, flow.judge()
    if lags is None:
        count = min(LAGS, len(profile))
        lags = np.unique(np.linspace(0, len(profile) - 1, count).round().astype(np.int64))
    kept = np.full(len(lags), np.nan)
    kept[lags < len(profile)] = profile[lags[lags < len(profile)]]
    return {
        **_gates(trace),
        "half_life": None if flow.half_life is None else flow.half_life.astype(np.float32),
        "lags": lags,
        "profile": kept,
        "rate": verdict.rate,
        "reach": np.nan if verdict.reach is None else float(verdict.reach),
        "kind": verdict.kind,
    }


def _gates(trace: LayerTrace) -> dict[str, Any]:
    order = Order(trace)
    alive = order.alive
    bounded = order.traced("hidden" if trace.candidate is None else "candidate")
    extreme = (abs(bounded[alive]) > EXTREME).mean(axis=0).astype(np.float32)
    if trace.forget is None:
        return {"closed": None, "open": None, "extreme": extreme}
    found = [saturation(order.traced(gate), alive) for gate in ("forget", "input", "output")]
    return {
        "closed": np.stack([gate.closed for gate in found]).astype(np.float32),
        "open": np.stack([gate.open for gate in found]).astype(np.float32),
        "extreme": extreme,
    }


def stack(frames: Mapping[int, Frame], steps: Sequence[int]) -> LayerReel:
    """Put the frames of one layer together.

    Args:
        frames: training step to frame, at least one.
        steps: of all frames of the film; where the layer has none, NaN stands.

    Returns:
        `LayerReel`.
    """
    some = next(iter(frames.values()))
    rows = [frames.get(step) or _blank(some) for step in steps]
    fields: dict[str, Any] = {
        name: None if some[name] is None else np.array([row[name] for row in rows])
        for name in some
        if name != "lags"
    }
    return LayerReel(**fields, lags=some["lags"])


def unstack(layer: LayerReel, steps: Sequence[int]) -> dict[int, Frame]:
    """Take a layer's film apart again.

    Args:
        layer: what `stack` gave.
        steps: of its frames.
    """
    names = [name for name in vars(layer) if name != "lags"]
    return {
        step: {
            **{n: None if getattr(layer, n) is None else getattr(layer, n)[k] for n in names},
            "lags": layer.lags,
        }
        for k, step in enumerate(steps)
    }


def _blank(some: Frame) -> Frame:
    """A frame of a layer that did not run in this step."""
    blank = {
        name: None if value is None else np.full_like(value, np.nan)
        for name, value in some.items()
        if name not in ("kind", "lags")
    }
    return {**blank, "kind": "", "lags": some["lags"]}
