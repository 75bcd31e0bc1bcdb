"""What a finished network tells of windows; NumPy alone."""

from __future__ import annotations

from glasscell.arrays import Array
from glasscell.model.model import Model
from glasscell.model.nodes.telling import Telling

__all__ = ["point_of", "told_of"]


def told_of(model: Model, windows: Array) -> tuple[Array, Telling | None]:
    """Give what a network tells of windows, (m, horizon) or (m, horizon, P), and what that is."""
    tells = getattr(model.root, "tells", None)
    if tells is None:
        return model.run(windows).output, None
    told: Array = model.root.tell(windows)  # type: ignore[attr-defined]
    return told, tells


def point_of(told: Array, tells: Telling | None) -> Array:
    """Give the points among what is told: medians, or locations."""
    if tells is None:
        return told
    point: Array = told[..., len(tells.quantiles) // 2]
    return point
