"""What a finished network tells of windows; NumPy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glasscell.arrays import Array
from glasscell.model.model import Model
from glasscell.model.nodes.telling import Telling

if TYPE_CHECKING:
    from glasscell.tasks.forecast.windows import Windows

__all__ = ["point_of", "told_of", "told_of_windows"]

AT_ONCE = 1024
"""Windows that run in one call."""


def told_of(model: Model, windows: Array) -> tuple[Array, Telling | None]:
    """Give what a network tells of windows, (m, horizon) or (m, horizon, P), and what that is."""
    tells = getattr(model.root, "tells", None)
    if tells is None:
        return model.run(windows).output, None
    told: Array = model.root.tell(windows)  # type: ignore[attr-defined]
    return told, tells


def told_of_windows(model: Model, windows: Windows) -> tuple[Array, Telling | None]:
    """Give what a network tells of windows; one that tells a step is read as history again."""
    told, tells = [], None
    for first in range(0, max(len(windows), 1), AT_ONCE):
        which = slice(first, first + AT_ONCE)
        if model.root.writes == 1 < windows.horizon:
            told.append(windows.told_by(lambda x: model.run(x).output, 1, which))
        else:
            some, tells = told_of(model, windows.inputs(which))
            told.append(some)
    return np.concatenate(told), tells


def point_of(told: Array, tells: Telling | None) -> Array:
    """Give the points among what is told: medians, or locations."""
    if tells is None:
        return told
    point: Array = told[..., len(tells.quantiles) // 2]
    return point
