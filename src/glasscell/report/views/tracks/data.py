"""Which units follow what a reader of text keeps in mind, as the page gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

__all__ = ["of_units"]

MEASURES: Final = {
    "tracks": "[{what: [en, zh], found, units: [{layer, unit, r}], chance}], the closest first",
}


def of_units(found: Iterable[Mapping[str, Any]], layers: Sequence[str]) -> list[dict[str, Any]]:
    """Give `measures.tracks` of what a run found: of all layers the closest units of a feature.

    Args:
        found: `units` of metrics.json: for each layer and feature `feature`, `in_words`, `layer`,
            `by_chance` and `units`, those above it.
        layers: Names of the page's layers.

    >>> units = [{"unit": 3, "correlation": -0.8}]
    >>> of_units([{"feature": "line", "in_words": ["line", "行"], "layer": "l0", "by_chance": 0.1,
    ...            "units": units}], ["l0"])[0]["units"]
    [{'layer': 0, 'unit': 3, 'r': -0.8}]
    """
    tracks: dict[str, dict[str, Any]] = {}
    for one in found:
        if one["layer"] not in layers:
            continue
        track = tracks.setdefault(
            one["feature"], {"what": list(one["in_words"]), "units": [], "chance": 0.0}
        )
        track["chance"] = max(track["chance"], one["by_chance"])
        place = layers.index(one["layer"])
        track["units"] += [
            {"layer": place, "unit": unit["unit"], "r": unit["correlation"]}
            for unit in one["units"]
        ]
    for track in tracks.values():
        closest = sorted(track["units"], key=lambda unit: -abs(unit["r"]))
        track["units"] = [u for u in closest if abs(u["r"]) > track["chance"]][:4]
        track["found"] = bool(track["units"])
    first = {name: abs(t["units"][0]["r"]) if t["units"] else 0.0 for name, t in tracks.items()}
    return [tracks[name] for name in sorted(tracks, key=lambda name: -first[name])]
