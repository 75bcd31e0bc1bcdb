"""What the tests of pictures share: one call per view on a small network, and how to render."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch

import glasscell
from glasscell import inspect
from glasscell.report import plots
from report.page.made import chart_of
from traced import Traced, traced


def rendered(axes: Any) -> Any:
    """Draw for real, where fonts, layout and images can warn; gives the figure."""
    figure = np.ravel(axes)[0].figure
    figure.savefig(io.BytesIO(), format="png")
    return figure


def lines(ax: Any) -> list[np.ndarray]:
    """y of every line, without the markers of zeros."""
    drawn = [line for line in ax.lines if line.get_linestyle() != "None"]
    return [np.asarray(line.get_ydata(), float) for line in drawn]


def image(ax: Any) -> np.ndarray:
    """The heat-map's values, NaN where it is grey."""
    return np.ma.filled(ax.images[0].get_array().astype(float), np.nan)


@cache
def network() -> Traced:
    """One LSTM layer, twelve steps, four units."""
    torch.manual_seed(0)
    return traced("lstm", H=4, T=12)


@cache
def flow() -> glasscell.inspect.GradientFlow:
    """Its gradients."""
    module, x = network().module, torch.as_tensor(network().x)[:, None]
    return glasscell.gradient_flow(module, x, lambda out: out[0][-1].sum())


@cache
def reel() -> glasscell.inspect.Reel:
    """A film of three frames of a small LSTM and an RNN."""
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"a": torch.nn.LSTM(2, 3), "b": torch.nn.RNN(2, 3)})
    model.forward = lambda x: model["a"](x)[0].sum() + model["b"](x)[0].sum()
    film = inspect.Film(model, every=1)
    for _ in range(3):
        loss = model(torch.randn(9, 2, 2)).square()
        loss.backward()
        film.step(loss)
    film.close()
    return film.reel


def measured() -> dict[str, Any]:
    """Every measure of the network."""
    layer, weights, x, module = network()
    batch = torch.as_tensor(x)[:, None]
    return {
        "provenance": inspect.layer_provenance(layer),
        "timescales": inspect.timescales(layer, 3.0),
        "influence": inspect.influence(layer, weights),
        "path": inspect.path_split(layer, weights),
        "fan": inspect.fan(layer, weights),
        "lyapunov": inspect.lyapunov(layer, weights),
        "truncation": inspect.truncation(module, batch, lambda out: out[0][-1].sum()),
        "dossier": inspect.dossier(layer, x, names=["a", "b", "c"]),
        "match": inspect.match([layer], (0, 2, 4), threshold=-2.0),
    }


COUNTS = np.array([[7, 2, 0], [0, 5, 1], [1, 0, 0]])
"""Of three classes."""


def attribution() -> inspect.Attribution:
    """Of five steps of three inputs."""
    parts = np.random.default_rng(0).normal(size=(5, 3))
    return inspect.Attribution(
        contribution=parts, score=parts.sum() - 1.0, base=-1.0, steps=np.array([0]),
        said=parts[0].sum(), fell=parts[0].sum(),
    )  # fmt: skip


RISES = np.random.default_rng(1).normal(size=(5, 3))
"""What five steps of three columns added to a forecast."""


VIEWS: dict[str, Callable[..., Any]] = {
    "curves": lambda **more: plots.curves(chart_of(), **more),
    "lag": lambda **more: plots.lag(
        [1, 2, 4], {"linear model": np.array([1.0, 0.6, 0.6]), "LSTM": np.ones(3)}, 2, **more
    ),
    "reasons": lambda **more: plots.reasons(
        RISES, RISES.sum(axis=1), ["y", "promo", "weekday"], range(-4, 1), **more
    ),
    "confusion": lambda **more: plots.confusion(COUNTS, ["rest", "walk", "run"], **more),
    "decided": lambda **more: attribution().plot(["a", "b", "c"], **more),
    "gate_wall": lambda **more: network().layer.plot(**more),
    "gate_walls": lambda **more: plots.gate_walls({"l0": network().layer}, **more),
    "unit": lambda **more: plots.unit(network().layer, 1, **more),
    "gradient_river": lambda **more: flow()["l0"].plot(**more),
    "gradient_rivers": lambda **more: flow().plot(**more),
    "duel": lambda **more: plots.duel({"one": flow()["l0"], "two": flow()["l0"]}, **more),
    "provenance": lambda **more: measured()["provenance"].plot(2, **more),
    "provenance_triangle": lambda **more: plots.provenance_triangle(
        inspect.provenance_triangle(network().layer, 2), unit=2, **more
    ),
    "half_life_ladder": lambda **more: measured()["timescales"].plot(**more),
    "saturation": lambda **more: measured()["timescales"].saturation["forget"].plot(**more),
    "saturation_map": lambda **more: plots.saturation_map(measured()["timescales"], **more),
    "influence": lambda **more: plots.influence(measured()["influence"], **more),
    "path_split": lambda **more: measured()["path"].plot(**more),
    "jacobian_fan": lambda **more: measured()["fan"].plot(lyapunov=measured()["lyapunov"], **more),
    "lyapunov": lambda **more: measured()["lyapunov"].plot(lag=3, **more),
    "truncation": lambda **more: measured()["truncation"].plot(ratio=True, **more),
    "film": lambda **more: reel().plot("a.l0", lag=3, **more),
    "dossier": lambda **more: measured()["dossier"].plot(**more),
    "match": lambda **more: measured()["match"].plot((0, 2, 4), **more),
    "weights": lambda **more: plots.weights(network().weights, radius=True, **more),
}
PANELS = {
    "gate_wall": (6,), "gate_walls": (6, 1), "unit": (2,), "decided": (2,), "gradient_rivers": (1,),
    "reasons": (2,), "saturation_map": (3,), "path_split": (2,), "film": (4,), "dossier": (2,),
    "weights": (4, 3),
}  # fmt: skip
