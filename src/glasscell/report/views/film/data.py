"""A training film as the page shows it: quantiles and shares over units, frame by frame."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from glasscell.arrays import Array
from glasscell.inspect.film.reel import LayerReel, Reel
from glasscell.report.page.measured import Measured, Recorded

FRAMES: Final = 500
"""More frames than this are thinned out evenly, the first and the last kept."""
ARRAYS: Final = {
    "film/steps": "(F,) training step of each frame",
    "film/loss": "(F,)",
    "film/l/half_life": "(5, F) quantiles over the units: 5, 25, 50, 75, 95 %",
    "film/l/closed": "(G, F) share of steps and units, of each gate between 0 and 1",
    "film/l/open": "(G, F) the same",
    "film/l/rate": "(F,) factor of the gradient per step back",
    "film/l/lags": "(n,) lags of the profile",
    "film/l/profile": "(F, n) gradient by lag",
}
MEASURES: Final = {"film": "{kinds: {layer: F verdicts}, gates: {layer: G names}}"}


def measure(recorded: Recorded) -> Measured:
    """Give the film of the page's layers, if one was recorded."""
    if recorded.film is None:
        return Measured()
    return measure_film(recorded.film, [layer.name for layer in recorded.layers])


def measure_film(reel: Reel, layers: Sequence[str]) -> Measured:
    """Give a film's arrays under the page's keys.

    Args:
        reel: The film.
        layers: Names of the page's layers; of the film's layers those are taken.

    >>> layer = LayerReel(half_life=np.array([[1.0, 2.0, 9.0], [1.0, 3.0, np.inf]]), closed=None,
    ...     open=None, extreme=np.zeros((2, 3)), lags=np.arange(1), profile=np.ones((2, 1)),
    ...     rate=np.ones(2), reach=np.ones(2), kind=np.array(["", ""]))
    >>> reel = Reel(np.array([1, 51]), np.array([2.0, 1.0]), {"l0": layer})
    >>> measure_film(reel, ["l0"]).arrays["film/0/half_life"][[0, 2, 4]]
    array([[1., 1.],
           [2., 3.],
           [2., 3.]])
    """
    count = len(reel.steps)
    frames = np.unique(np.linspace(0, count - 1, min(count, FRAMES)).round().astype(int))
    arrays: dict[str, Any] = {"film/steps": reel.steps[frames], "film/loss": reel.loss[frames]}
    kinds: dict[str, list[str]] = {}
    gates: dict[str, list[str]] = {}
    for index, name in enumerate(layers):
        if (layer := reel.layers.get(name)) is not None:
            parts = _over_units(layer, frames)
            arrays |= {f"film/{index}/{part}": array for part, array in parts.items()}
            gates[str(index)] = [*layer.gate_names]
            kinds[str(index)] = [str(kind) for kind in layer.kind[frames]]
    return Measured(arrays=arrays, numbers={"film": {"kinds": kinds, "gates": gates}})


def _over_units(layer: LayerReel, frames: Array) -> dict[str, Array]:
    parts = {"rate": layer.rate[frames], "lags": layer.lags, "profile": layer.profile[frames]}
    units = {
        "half_life": None if layer.half_life is None else layer.half_life_quantiles(),
        "closed": layer.closed_share,
        "open": layer.open_share,
    }
    known = {name: values for name, values in units.items() if values is not None}
    return parts | {name: values[frames].T for name, values in known.items()}
