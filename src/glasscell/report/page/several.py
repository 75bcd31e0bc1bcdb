"""Several networks on one page: each keeps its own series, layers, lag and verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from glasscell.report.page.exploration import Exploration, Pair

__all__ = ["together"]

_SERIES: Final = re.compile(r"(\d+)/(\d+)(/.*)?$")
"""The key of what belongs to a series and a layer."""
_APPENDED: Final = ("training",)
"""Measures that list networks."""
_SHIFTED: Final = {"memory": "layers", "dossier": "layers", "events": "series", "lags": "series"}
"""Measures by the index of a layer or of a series alone."""


def together(first: Exploration, second: Exploration, name: str) -> Exploration:
    """Put the series and layers of a second page behind those of a first one.

    Args:
        first: Whose title, model, film, start and results stay.
        second: The other network's.
        name: Of the second network; goes in front of its layers' names.

    Returns:
        One page. What only one of both has stays; of what belongs to a whole page, as the film, the
        first one's.
    """
    series, layers = len(first.series), len(first.layers)

    def shifted(key: str) -> str:
        if match := _SERIES.match(key):
            return f"{int(match[1]) + series}/{int(match[2]) + layers}{match[3] or ''}"
        head, slash, rest = key.partition("/")
        return f"{int(head) + series}/{rest}" if slash and head.isdigit() else key

    def of_second(measure: str, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        if measure in _SHIFTED:
            by = layers if _SHIFTED[measure] == "layers" else series
            return {str(int(key) + by): part for key, part in value.items()}
        return {shifted(key): part for key, part in value.items()}

    measures = dict(first.measures)
    for measure, value in second.measures.items():
        moved, known = of_second(measure, value), measures.get(measure)
        if measure in _APPENDED:
            measures[measure] = [*(known or ()), *moved]
        elif isinstance(moved, Mapping) and isinstance(known, Mapping):
            measures[measure] = {**known, **{k: v for k, v in moved.items() if k not in known}}
        else:
            measures.setdefault(measure, moved)
    findings = [
        replace(
            one,
            layer=None if one.layer is None else one.layer + layers,
            text=_renamed(one.text, second, name),
        )
        for one in second.findings
    ]
    if (lag := second.measures.get("lag")) is not None:
        places = range(series, series + len(second.series))
        measures["lags"] = {**measures.get("lags", {}), **dict.fromkeys(map(str, places), lag)}
    return replace(
        first,
        layers=[*first.layers, *(replace(k, name=f"{name}: {k.name}") for k in second.layers)],
        series=[*first.series, *(replace(s, first=s.first + layers) for s in second.series)],
        findings=[*first.findings, *findings],
        measures=measures,
        arrays={**{shifted(key): array for key, array in second.arrays.items()}, **first.arrays},
    )


def _renamed(text: Pair, page: Exploration, name: str) -> Pair:
    """Call the layers of a page by their names on the common one, in a text about them."""
    judged = page.layers[: page.measures.get("judged", len(page.layers))]
    for layer in judged:
        text = (
            text[0].replace(layer.name, f"{name}: {layer.name}"),
            text[1].replace(layer.name, f"{name}: {layer.name}"),
        )
    return text
