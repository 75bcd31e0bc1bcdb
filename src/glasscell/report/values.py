"""The values that the page's script reads: one compact block per gate window."""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.draw import axes
from glasscell.report.order import Thinning, magnitude
from glasscell.report.run_data import GATE_FIELDS, GateWindow

_LEVELS: Final = 32000
_NO_VALUE: Final = -32768


def build(
    window: GateWindow,
    arrays: dict[str, Array],
    drawn: Thinning,
    place: int,
    column: int,
) -> dict[str, Any]:
    """Return what the script needs of a window, ready for JSON.

    Args:
        window: The window.
        arrays: Quantity to its drawn values, (steps, units).
        drawn: What is drawn of the window.
        place: Row of the chosen unit.
        column: Column at which the cursor stands.

    Returns:
        Labels of all steps, the drawn units, the input series, and the quantities as int16.
    """
    labels = axes.step_labels(window.times, window.shape[0])
    return {
        "name": window.name,
        "T": len(labels),
        "pool": drawn.pool,
        "steps": drawn.steps,
        "labels": labels,
        "units": drawn.units.tolist(),
        "place": place,
        "column": column,
        "inputs": [[_plain(v) for v in values] for values in window.inputs.values()],
        "maps": {name: _packed(arrays[name]) for name in GATE_FIELDS},
    }


def _packed(values: Array) -> dict[str, Any]:
    """Give values as int16 in base64, unit by unit; one level is `scale`, far below the display."""
    scale = max(1.0, magnitude(values, 1.0)) / _LEVELS
    filled = np.where(np.isfinite(values), values, 0.0)
    levels = np.clip(np.round(filled / scale), -_LEVELS, _LEVELS)
    levels = np.where(np.isfinite(values), levels, _NO_VALUE).astype("<i2")
    raw = np.ascontiguousarray(levels.T).tobytes()
    return {"scale": scale, "b64": base64.b64encode(raw).decode()}


def _plain(value: Any) -> float | None:
    number = float(value)
    return float(f"{number:.6g}") if np.isfinite(number) else None
