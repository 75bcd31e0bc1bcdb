"""Which units follow what a reader of text keeps in mind, as the page gets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.units.dossier import by_chance, dossier
from glasscell.report.draw.recurrence import look
from glasscell.traces.layer import LayerTrace

__all__ = ["tracks"]

NEXT: Final = 3
"""Further units that are named."""

MEASURES: Final = {
    "tracks": "[{what, found, units: [{layer, unit, r}], chance}], the closest first",
}


def tracks(traces: Mapping[str, LayerTrace], features: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Give the units of each layer that go most closely with each feature of the text.

    Args:
        traces: Of the layers in the page's order, over a batch of stretches.
        features: Name to (B, T).

    Notes:
        Pearson's correlation with what a unit stores, over all steps of all stretches; what chance
        brings is measured with the features of other stretches, see `inspect.by_chance`.
    """
    names = list(features)
    x = np.stack([features[name] for name in names], axis=-1).astype(np.float64)
    rows = []
    for place, trace in enumerate(traces.values()):
        read = {"BTH": x, "TBH": x.swapaxes(0, 1), "TH": x[0]}[trace.layout]
        belt = look(trace.recurrence).belt
        quantity = "hidden" if belt is None else belt.name
        rows.append(
            (
                place,
                dossier(trace, read, names=names, quantity=quantity).correlation,
                [
                    float(np.nanmax(by_chance(trace, read[..., [k]], quantity=quantity), initial=0))
                    for k in range(len(names))
                ],
            )
        )
    found = [_track(name, k, rows) for k, name in enumerate(names)]
    return sorted(found, key=lambda one: -abs(one["units"][0]["r"]) if one["found"] else 0.0)


def _track(name: str, k: int, rows: list[tuple[int, Array, list[float]]]) -> dict[str, Any]:
    every = [
        (abs(r), place, unit, float(r))
        for place, correlation, _ in rows
        for unit, r in enumerate(correlation[:, k])
        if np.isfinite(r)
    ]
    best = sorted(every, key=lambda one: -one[0])[: 1 + NEXT]
    chance = max((level[k] for _, _, level in rows), default=0.0)
    units = [{"layer": place, "unit": unit, "r": round(r, 3)} for _, place, unit, r in best]
    found = bool(best) and best[0][0] > chance
    return {"what": name, "found": found, "units": units, "chance": round(chance, 3)}
