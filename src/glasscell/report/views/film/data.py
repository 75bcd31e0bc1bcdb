"""A training film as the page shows it: quantiles and shares over units, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from glasscell.arrays import Array
from glasscell.report.page.measured import Measured

__all__ = ["measure_film"]

LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
FRAMES: Final = 500
"""More frames than this are thinned out evenly, the first and the last kept."""


def measure_film(film: Mapping[str, Array], layers: Sequence[str]) -> Measured:
    """Give a film's arrays under the page's keys.

    Args:
        film: What a film's npz file holds: "steps", "loss", "layers", "0/half_life" ….
        layers: Names of the page's layers; of the film's layers those are taken.

    Returns:
        "film/steps" and "film/loss" (F,); per layer l "film/l/half_life" (5, F), quantiles over
        units, "film/l/closed" and "film/l/open" (3, F), shares of the forget, input and output
        gate, "film/l/rate" (F,), "film/l/lags" (n,), "film/l/profile" (F, n); numbers
        "film" {"kinds": {l: F verdicts}}.

    >>> film = {"steps": np.array([1, 51]), "loss": np.array([2.0, 1.0]),
    ...         "layers": np.array(["l0"]),
    ...         "0/half_life": np.array([[1.0, 2.0, 9.0], [1.0, 3.0, np.inf]])}
    >>> measure_film(film, ["l0"]).arrays["film/0/half_life"][[0, 2, 4]]
    array([[1., 1.],
           [2., 3.],
           [2., 3.]])
    """
    count = len(film["steps"])
    frames = np.unique(np.linspace(0, count - 1, min(count, FRAMES)).round().astype(int))
    arrays = {f"film/{name}": film[name][frames] for name in ("steps", "loss")}
    kinds: dict[str, list[str]] = {}
    numbers = {str(name): number for number, name in enumerate(film["layers"])}
    for index, name in enumerate(layers):
        if name not in numbers:
            continue
        own = {
            part: film[f"{numbers[name]}/{part}"]
            for part in ("half_life", "closed", "open", "rate", "profile", "lags", "kind")
            if f"{numbers[name]}/{part}" in film
        }
        found = _layer({k: v if k == "lags" else v[frames] for k, v in own.items()})
        arrays |= {f"film/{index}/{part}": array for part, array in found.items()}
        if "kind" in own:
            kinds[str(index)] = [str(kind) for kind in own["kind"][frames]]
    return Measured(arrays=arrays, numbers={"film": {"kinds": kinds}})


def _layer(own: dict[str, Array]) -> dict[str, Array]:
    found: dict[str, Array] = {k: v for k, v in own.items() if k in ("rate", "lags", "profile")}
    if "half_life" in own:
        # Order statistics, as interpolation next to an infinite half-life gives NaN.
        found["half_life"] = np.quantile(own["half_life"], LEVELS, axis=1, method="lower")
    return found | {k: v.mean(axis=2).T for k, v in own.items() if k in ("closed", "open")}
