"""Several networks on one page: each keeps its own series, layers, lag and verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from glasscell.report.page.exploration import Exploration

__all__ = ["together"]

_SERIES: Final = re.compile(r"(\d+)/(\d+)(/.*)?$")
"""The key of what belongs to a series and a layer."""
_APPENDED: Final = ("training",)
"""Measures that list networks."""
_SHIFTED: Final = {"memory": "layers", "dossier": "layers", "events": "series", "lags": "series"}
"""Measures by the index of a layer or of a series alone."""


def together(first: Exploration, second: Exploration) -> Exploration:
    """Put the series and layers of a second page behind those of a first one.

    Args:
        first: Whose title, model, film, start and results stay.
        second: Whose layers have other names.

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

    def of_second(name: str, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        if name in _SHIFTED:
            by = layers if _SHIFTED[name] == "layers" else series
            return {str(int(key) + by): part for key, part in value.items()}
        return {shifted(key): part for key, part in value.items()}

    measures = dict(first.measures)
    for name, value in second.measures.items():
        moved, known = of_second(name, value), measures.get(name)
        if name in _APPENDED:
            measures[name] = [*(known or ()), *moved]
        elif isinstance(moved, Mapping) and isinstance(known, Mapping):
            measures[name] = {**moved, **known}
        else:
            measures.setdefault(name, moved)
    if (lag := second.measures.get("lag")) is not None:
        places = range(series, series + len(second.series))
        measures["lags"] = {**measures.get("lags", {}), **dict.fromkeys(map(str, places), lag)}
    return replace(
        first,
        layers=[*first.layers, *second.layers],
        series=[*first.series, *(replace(s, first=s.first + layers) for s in second.series)],
        findings=[
            *first.findings,
            *(
                one if one.layer is None else replace(one, layer=one.layer + layers)
                for one in second.findings
            ),
        ],
        measures=measures,
        arrays={**{shifted(key): array for key, array in second.arrays.items()}, **first.arrays},
    )
