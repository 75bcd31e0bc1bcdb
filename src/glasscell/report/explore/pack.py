"""An `Exploration` as the browser gets it: JSON, and one blob of bytes that it decodes lazily."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glasscell.inspect.trace import LayerTrace
from glasscell.report.explore.data import QUANTITIES, Array, Exploration, Series
from glasscell.report.explore.pooling import encode, pool

__all__ = ["Plan", "pack", "plan"]

FORMAT = 1
EXACT_BYTES = 600_000
"""Up to this many bytes all values of all units travel as float32, nothing rounded."""
MAP_BYTES = 2_400_000
"""What the maps of all series and layers may take: base64 makes it 3.2 MB of a page of 4."""
ROW_BYTES = 400_000
"""What the unpooled rows of chosen units may take where the maps are pooled or one byte deep."""
X_BYTES = 400_000
WEIGHT_BYTES = 2_000_000
"""Weights up to this size travel exactly, and the page can run the network; larger ones as i16."""
EXACT_UNITS = 32


class Plan:
    """How the maps are stored: `kind` ("f32", "i16", "u8") and `size`, steps per column."""

    def __init__(self, kind: str, size: int) -> None:
        self.kind, self.size = kind, size

    @property
    def exact(self) -> bool:
        """Whether every step of every unit is there to more digits than the page prints."""
        return self.size == 1 and self.kind != "u8"


def plan(values: int) -> Plan:
    """Choose how so many numbers fit.

    >>> plan(3 * 6 * 200 * 128).kind, plan(6 * 5000 * 512).size
    ('i16', 7)
    """
    if 4 * values <= EXACT_BYTES:
        return Plan("f32", 1)
    if 2 * values <= MAP_BYTES:
        return Plan("i16", 1)
    return Plan("u8", -(-values // MAP_BYTES))


class Blob:
    """The bytes of all arrays, one behind the other, and the entry of each."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.entries: dict[str, dict[str, Any]] = {}
        self._at = 0

    def add(self, key: str, values: Array, kind: str = "f32", size: int = 1) -> None:
        """Append an array under its key; `size` > 1 pools its last axis first."""
        data, entry = encode(pool(values, size) if size > 1 else values, kind)
        entry |= {"at": self._at} | ({"pool": size} if size > 1 else {})
        self.entries[key] = entry
        data += bytes(-len(data) % 4)
        self.parts.append(data)
        self._at += len(data)


def pack(shown: Exploration, words: Mapping[str, Sequence[str]], lang: str) -> tuple[Any, bytes]:
    """Give the page's data.

    Args:
        shown: What is shown.
        words: Every word of the page: key to English and Chinese.
        lang: The language at first, "en" or "zh".

    Returns:
        What becomes JSON, and the blob.
    """
    blob = Blob()
    measures = dict(shown.measures)
    chosen = plan(sum(_count(series) for series in shown.series))
    exact = {} if chosen.exact else _exact_units(shown)
    for s, series in enumerate(shown.series):
        _add_series(blob, s, series, chosen, exact)
    weights = _add_weights(blob, shown)
    for key, array in shown.arrays.items():
        blob.add(key, np.asarray(array), "u8" if key.endswith("/influence") else "f32")
    data = {
        "format": FORMAT,
        "lang": lang,
        "title": shown.title,
        "subtitle": shown.subtitle,
        "start": {name: int(value) for name, value in shown.start.items()},
        "words": {key: list(pair) for key, pair in words.items()},
        "verdicts": [vars(finding) for finding in shown.findings],
        "series": [_series(series) for series in shown.series],
        "layers": [_layer(shown, k) for k in range(len(shown.layers))],
        "measures": measures | ({"exact": exact} if exact else {}),
        "weights": weights,
        "model": shown.model,
        "arrays": blob.entries,
    }
    return finite(data), b"".join(blob.parts)


def finite(value: Any) -> Any:
    """Make a value fit for JSON: no NaN or infinity (null), no NumPy."""
    if isinstance(value, Mapping):
        return {str(key): finite(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _count(series: Series) -> int:
    arrays = (getattr(trace, name) for trace in series.traces for name in QUANTITIES)
    return sum(np.size(array) for array in arrays if array is not None)


def _exact_units(shown: Exploration) -> dict[str, list[int]]:
    """Choose the units whose rows travel whole: spread over the half-lives, the slowest first."""
    bytes_per_unit = sum(2 * len(QUANTITIES) * s.steps * len(shown.layers) for s in shown.series)
    count = min(EXACT_UNITS, ROW_BYTES // bytes_per_unit)
    exact = {}
    for s in range(len(shown.series)):
        for k in range(len(shown.layers)):
            H = shown.units(k)
            slow = shown.measures.get("orders", {}).get(f"{s}/{k}", {}).get("half_life")
            order = np.asarray(range(H) if slow is None else slow)
            places = np.linspace(0, H - 1, min(count, H)).round().astype(int)
            exact[f"{s}/{k}"] = sorted({int(unit) for unit in order[places]})
    return exact


def _add_series(
    blob: Blob, s: int, series: Series, chosen: Plan, exact: Mapping[str, list[int]]
) -> None:
    if series.x is not None:
        small = 4 * series.x.size <= X_BYTES
        size = 1 if small else -(-2 * series.x.size // X_BYTES)
        blob.add(f"{s}/x", np.asarray(series.x).T, "f32" if small else "i16", size)
    if series.output is not None and 4 * series.output.size <= X_BYTES:
        blob.add(f"{s}/output", np.atleast_2d(series.output).T)
    for k, trace in enumerate(series.traces):
        _add_trace(blob, f"{s}/{k}", trace, chosen, exact.get(f"{s}/{k}", []))
    for k, flow in enumerate(series.flows):
        if flow is not None:
            norms = {"hidden": flow.hidden, "cell": flow.cell, "path": flow.cell_path}
            _add_known(blob, {f"{s}/{k}/grad_{name}": array for name, array in norms.items()})


def _add_trace(blob: Blob, key: str, trace: LayerTrace, chosen: Plan, exact: Sequence[int]) -> None:
    for name in QUANTITIES:
        array = getattr(trace, name)
        if array is None:
            continue
        blob.add(f"{key}/{name}", array.T, chosen.kind, chosen.size)
        if exact and max(exact) < array.shape[1]:
            blob.add(f"{key}/exact/{name}", array.T[exact], "i16")
    for name in ("initial_hidden", "initial_cell"):
        state = getattr(trace, name)
        _add_known(blob, {f"{key}/{name}": None if state is None else np.ravel(state)})


def _add_known(blob: Blob, arrays: Mapping[str, Array | None]) -> None:
    for key, array in arrays.items():
        if array is not None:
            blob.add(key, array)


def _add_weights(blob: Blob, shown: Exploration) -> dict[str, dict[str, str]]:
    keys: dict[str, dict[str, str]] = {}
    arrays = [array for layer in shown.layers for array in layer.weights.values()]
    total = sum(4 * np.size(array) for array in (*arrays, *shown.parameters.values()))
    kind = "f32" if total <= WEIGHT_BYTES else "i16"
    for k, layer in enumerate(shown.layers):
        for name, array in layer.weights.items():
            key = f"weights/{k}/{name}"
            blob.add(key, np.asarray(array), kind)
            keys.setdefault(str(k), {})[name] = key
    for name, array in shown.parameters.items():
        blob.add(f"weights/{name}", np.asarray(array), kind)
    return keys


def _series(series: Series) -> dict[str, Any]:
    count = 0 if series.x is None else np.shape(series.x)[1]
    names = [str(name) for name in series.inputs[:count]]
    return {
        "name": series.name,
        "T": series.steps,
        "inputs": names + [f"x{k + 1}" for k in range(len(names), count)],
        "labels": None if series.labels is None else [str(label) for label in series.labels],
        "text": None if series.text is None else [str(part) for part in series.text],
    }


def _layer(shown: Exploration, k: int) -> dict[str, Any]:
    layer = shown.layers[k]
    twin = layer.name.removesuffix("_reverse") if layer.reverse else f"{layer.name}_reverse"
    names = [other.name for other in shown.layers]
    return {
        "name": layer.name,
        "mode": layer.mode,
        "H": shown.units(k),
        "P": int(np.shape(shown.series[0].traces[k].hidden)[1]),
        "I": int(np.shape(layer.weights["weight_ih"])[1]) if layer.weights else None,
        "reverse": layer.reverse,
        "direction": names.index(twin) if twin in names else None,
    }
