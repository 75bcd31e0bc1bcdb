"""An `Exploration` as the browser gets it: JSON, and one blob of bytes that it decodes lazily."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.direct import called
from glasscell.inspect.gradients.flow import LayerFlow
from glasscell.report.draw.pooling import encode, pool
from glasscell.report.draw.recurrence import look, packed
from glasscell.report.page import headline
from glasscell.report.page.budget import PAGE_BYTES, ROW_BYTES, Budget, Plan, allot
from glasscell.report.page.exploration import Exploration, Series, initial_states, quantities
from glasscell.traces.layer import LayerTrace

__all__ = ["pack"]

FORMAT = 1
X_BYTES = 400_000
OUTPUT_BYTES = 300_000
FLOW_BYTES = 200_000
EXACT_UNITS = 32
ENTRY_BYTES = 110
"""What the JSON entry of an array takes."""
RUN = 400e6
"""Multiply-adds up to which the browser runs the network again by itself: about a second."""


class Blob:
    """The bytes of all arrays, one behind the other, and the entry of each."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.entries: dict[str, dict[str, Any]] = {}
        self._at = 0

    def add(self, key: str, values: Array, kind: str = "f32", size: int = 1) -> None:
        """Append an array under its key; `size` > 1 pools its last axis first."""
        data, entry = encode(pool(values, size) if size > 1 else values, kind)
        scales = [entry.pop(name) for name in ("scale", "offset") if name in entry]
        entry |= {"at": self._append(data)} | ({"pool": size} if size > 1 else {})
        if scales:
            entry["rows"] = self._append(np.array(scales, "<f4").tobytes())
        self.entries[key] = entry

    @property
    def length(self) -> int:
        """All of them so far."""
        return self._at

    def _append(self, data: bytes) -> int:
        at = self._at
        self.parts.append(data + bytes(-len(data) % 4))
        self._at += len(self.parts[-1])
        return at


def pack(
    shown: Exploration, words: Mapping[str, Sequence[str]], lang: str, page: int = PAGE_BYTES
) -> tuple[Any, bytes]:
    """Give the page's data.

    Args:
        shown: What is shown.
        words: Every word of the page: key to English and Chinese.
        lang: The language at first, "en" or "zh".
        page: Bytes that all of it may take, the blob in base64; default a whole page.

    Returns:
        What becomes JSON, and the blob.
    """
    blob = Blob()
    data = {
        "format": FORMAT,
        "lang": lang,
        "title": shown.title,
        "subtitle": shown.subtitle,
        "start": {name: int(value) for name, value in shown.start.items()},
        "words": {key: list(pair) for key, pair in words.items()},
        "verdicts": [{**vars(one), "mark": one.mark} for one in shown.findings],
        "series": [_series(series) for series in shown.series],
        "cells": [packed(cell) for cell in shown.cells],
        "layers": [_layer(shown, k) for k in range(len(shown.layers))],
        "measures": dict(shown.measures),
    }
    data |= {"headline": headline.headline(shown), "flows": headline.flows(shown)}
    data |= {"missing": headline.missing(shown)}
    data = finite(data) | {"model": shown.model}
    for s, series in enumerate(shown.series):
        _add_series(blob, s, series, len(shown.series))
    for key, array in shown.arrays.items():
        blob.add(key, np.asarray(array), "u8" if key.endswith("/influence") else "f32")
    budget = _budget(shown, blob, page - len(json.dumps(data, ensure_ascii=False).encode()))
    data["weights"] = _add_weights(blob, shown, budget)
    exact = {} if budget.again else _exact_units(shown, budget)
    for s, series in enumerate(shown.series):
        for k, trace in zip(series.layers, series.traces, strict=True):
            _add_trace(blob, f"{s}/{k}", trace, budget.maps[s], exact.get(f"{s}/{k}", []))
    data["measures"] |= {"exact": exact} if exact else {}
    rest = {"rerun": budget.again, "omitted": budget.weights is None, "arrays": blob.entries}
    return data | rest, b"".join(blob.parts)


def _budget(shown: Exploration, blob: Blob, left: int) -> Budget:
    """What maps and weights may take of the bytes that are left of the page."""
    arrays = [array for layer in shown.layers for array in layer.weights.values()]
    weights = sum(np.size(array) for array in arrays if np.ndim(array) > 1)
    biases = sum(np.size(array) for array in arrays if np.ndim(array) == 1)
    parameters = sum(np.size(array) for array in shown.parameters.values())
    rows = sum(shown.units(k) for k in range(len(shown.layers))) * len(shown.series)
    entries = len(blob.entries) + 12 * len(shown.layers) * (1 + len(shown.series))
    room = 3 * (left - ENTRY_BYTES * entries) // 4 - blob.length - 8 * _most(shown) * rows
    room -= 4 * biases
    return allot([_count(s) for s in shown.series], weights, parameters, room, _runs(shown))


def _runs(shown: Exploration) -> bool:
    """Whether the browser could run the network again by itself."""
    whole = shown.model is not None and all(layer.weights for layer in shown.layers)
    read = all("0/indices" in shown.arrays or _exact_x(s, len(shown.series)) for s in shown.series)
    adds = sum(np.size(layer.weights.get(name, ())) for layer in shown.layers for name in MATRICES)
    alone = not any(series.first for series in shown.series)  # its model is that of the first
    return alone and whole and read and adds * max(series.steps for series in shown.series) <= RUN


MATRICES = ("weight_ih", "weight_hh", "weight_hr")


def finite(value: Any) -> Any:
    """Make a value fit for JSON: no NaN or infinity (null), no NumPy, six digits."""
    if isinstance(value, Mapping):
        return {str(key): finite(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value


def _count(series: Series) -> int:
    return sum(np.size(array) for trace in series.traces for array in quantities(trace).values())


def _most(shown: Exploration) -> int:
    """How many quantities the layers have, at most."""
    return max(len(look(layer.cell).names) for layer in shown.layers)


def _exact_units(shown: Exploration, budget: Budget) -> dict[str, list[int]]:
    """Choose the units whose rows travel whole: spread over the half-lives, the slowest first."""
    rounded = [s for s, one in enumerate(budget.maps) if not one.exact]
    steps = sum(shown.series[s].steps for s in rounded)
    bytes_per_unit = 2 * _most(shown) * max(1, steps) * len(shown.layers)
    count = min(EXACT_UNITS, ROW_BYTES // bytes_per_unit)
    exact = {}
    for s in rounded if count else ():
        for k in shown.series[s].layers:
            H = shown.units(k)
            slow = shown.measures.get("orders", {}).get(f"{s}/{k}", {}).get("half_life")
            order = np.asarray(range(H) if slow is None else slow)
            places = np.linspace(0, H - 1, min(count, H) - 1).round().astype(int)
            first = min(shown.start.get("unit", int(order[0])), H - 1)  # what the page opens with
            exact[f"{s}/{k}"] = sorted({first, *(int(unit) for unit in order[places])})
    return exact


def _exact_x(series: Series, count: int) -> bool:
    return series.x is not None and 4 * np.size(series.x) <= X_BYTES // count


def _add_series(blob: Blob, s: int, series: Series, count: int) -> None:
    if series.x is not None:
        size = 1 if _exact_x(series, count) else -(-2 * series.x.size * count // X_BYTES)
        kind = "f32" if size == 1 else "i16"
        blob.add(f"{s}/x", np.asarray(series.x).T, kind, size)
    if series.output is not None:
        output = np.atleast_2d(series.output).T
        for kind, width in (("f32", 4), ("i16", 2)):
            if width * output.size * count <= OUTPUT_BYTES:
                blob.add(f"{s}/output", output, kind)
                break
    flows = [flow for flow in series.flows if flow is not None]
    size = max(1, -(-12 * sum(len(flow.hidden) for flow in flows) * count // FLOW_BYTES))
    for k, flow in enumerate(series.flows, series.first):
        if flow is not None:
            _add_flow(blob, f"{s}/{k}", flow, size)


def _add_flow(blob: Blob, key: str, flow: LayerFlow, size: int) -> None:
    norms = {"hidden": flow.hidden, "cell": flow.cell, "path": flow.cell_path}
    for name, array in norms.items():
        if array is not None:
            thin = array if size == 1 else pool(np.asarray(array)[None], size)[0]
            blob.add(f"{key}/grad_{name}", thin)
            if size > 1:
                blob.entries[f"{key}/grad_{name}"]["pool"] = size


def _add_trace(blob: Blob, key: str, trace: LayerTrace, chosen: Plan, exact: Sequence[int]) -> None:
    for name, array in quantities(trace).items():
        blob.add(f"{key}/{name}", array.T, chosen.kind, chosen.size)
        if exact and max(exact) < array.shape[1]:
            blob.add(f"{key}/exact/{name}", array.T[exact], "i16")
    for name, given in initial_states(trace).items():
        blob.add(f"{key}/initial_{name}", given)


def _add_weights(blob: Blob, shown: Exploration, budget: Budget) -> dict[str, dict[str, str]]:
    keys: dict[str, dict[str, str]] = {}
    if budget.weights is None:
        return keys
    for k, layer in enumerate(shown.layers):
        for name, array in layer.weights.items():
            key = f"weights/{k}/{name}"
            # One row of range would be shared by all gates' biases: they stay exact, and are few.
            blob.add(key, np.asarray(array), budget.weights if np.ndim(array) > 1 else "f32")
            keys.setdefault(str(k), {})[name] = key
    for name, array in sorted(shown.parameters.items()) if budget.parameters else ():
        blob.add(f"weights/{name}", np.asarray(array), budget.parameters or "f32")
    return keys


def _series(series: Series) -> dict[str, Any]:
    return {
        "name": series.name,
        "T": series.steps,
        "layers": [series.layers.start, series.layers.stop],
        "inputs": headline.input_names(series),
        "labels": None if series.labels is None else [str(label) for label in series.labels],
        "text": None if series.text is None else [str(part) for part in series.text],
    }


def _layer(shown: Exploration, k: int) -> dict[str, Any]:
    layer = shown.layers[k]
    twin = layer.name.removesuffix("_reverse") if layer.reverse else f"{layer.name}_reverse"
    names = [other.name for other in shown.layers]
    return {
        "name": layer.name,
        "mode": called(layer.mode),
        "cell": shown.cells.index(layer.cell),
        "H": shown.units(k),
        "P": int(np.shape(shown.series[shown.through(k)].trace(k).hidden)[1]),
        "I": int(np.shape(layer.weights["weight_ih"])[1]) if layer.weights else None,
        "reverse": layer.reverse,
        "direction": names.index(twin) if twin in names else None,
    }
