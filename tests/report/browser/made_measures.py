"""Measures made up for pages under test: plausible shapes, every key that views 7 to 12 read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from glasscell.report.page.exploration import Exploration


def with_measures(page: Exploration, seed: int = 0, frames: int = 24) -> Exploration:
    """The same page with influences, path splits, fans, a film and dossiers."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    numbers: dict[str, dict] = {"lyapunov": {}, "dossier": {}}
    for s, series in enumerate(page.series):
        for k, layer in enumerate(page.layers):
            arrays |= {f"{s}/{k}/{name}": a for name, a in _flow(series.steps, layer, rng).items()}
            numbers["lyapunov"][f"{s}/{k}"] = {"exponents": [-0.05, -0.2, -0.4, -0.7]}
    for k in range(len(page.layers)):
        arrays |= {f"film/{k}/{name}": a for name, a in _film(frames, rng).items()}
        numbers["dossier"][str(k)] = _dossier(page.units(k), np.shape(page.series[0].x)[1], rng)
    arrays["film/steps"] = np.arange(frames) * 50.0 + 1
    arrays["film/loss"] = np.exp(-np.arange(frames) / 8) + 0.02
    kinds = ["vanishing"] * (frames // 2) + ["healthy"] * (frames - frames // 2)
    numbers["film"] = {"kinds": {str(k): kinds for k in range(len(page.layers))}}
    return replace(page, arrays={**page.arrays, **arrays}, measures={**page.measures, **numbers})


def _flow(steps, layer, rng):
    size = min(steps, 256)
    out, into = np.mgrid[0:size, 0:size]
    lag = (into - out) if layer.reverse else (out - into)
    influence = np.where(lag >= 0, -0.04 * lag + 0.3 * rng.normal(size=(size, size)), np.nan)
    lags = np.unique(np.linspace(0, steps - 1, min(steps, 64)).astype(int)).astype(float)
    rates = np.array([-0.02, -0.09, -0.2, -0.33])
    belt, gates = -0.03 * lags, np.where(lags > 0, -0.3 - 0.05 * lags, -np.inf)
    found = {
        "influence": influence,
        "fan": lags[:, None] * rates + 0.1 * rng.normal(size=(len(lags), 4)),
        "fan_lags": lags,
    }
    if layer.mode == "LSTM":
        total = np.log10(10**belt + 10**gates)
        found |= {"path_lags": lags, "path_belt": belt, "path_gates": gates, "path_total": total}
    return found


def _film(frames, rng):
    grown = np.linspace(0, 1, frames)
    quantiles = np.outer([0.3, 0.6, 1, 1.8, 4], 2 ** (4 * grown))
    lags = np.arange(0, 60, 2.0)
    return {
        "half_life": quantiles,
        "closed": 0.1 + 0.2 * rng.random((3, frames)),
        "open": np.outer([1, 0.3, 0.2], grown) * 0.8,
        "rate": 0.5 + 0.45 * grown,
        "lags": lags,
        "profile": (0.5 + 0.45 * grown)[:, None] ** lags,
    }


def _dossier(units, inputs, rng):
    nearest = [[(u + j) % units for j in range(1, min(units, 5))] for u in range(units)]
    return {
        "correlation": (2 * rng.random((units, inputs)) - 1).round(3).tolist(),
        "lag": rng.integers(0, 5, (units, inputs)).tolist(),
        "nearest": nearest,
        "similarity": [[0.9 - 0.2 * j for j in range(len(row))] for row in nearest],
        "ablation": rng.exponential(0.01, units).tolist(),
    }
