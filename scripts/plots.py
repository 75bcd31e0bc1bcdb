"""Makes the pictures of docs/plots.md: an LSTM and a plain RNN that learn the adding problem.

    python scripts/plots.py docs/pictures/plots

Takes some twenty seconds on one core. Each picture is one call of what docs/plots.md describes.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from PIL import Image

import glasscell
from glasscell import inspect
from glasscell.cells.parameters import LayerWeights
from glasscell.report import plots
from glasscell.report.views.curves.data import Chart, Line
from glasscell.reproduce.adder import ALWAYS_ONE, Adder, draw
from glasscell.training.trainer import Batch, Descent

STEPS = 40
BATCH = 64
UNITS = 24
TRAINING = 1200
WIDE, COLUMN = 7.0, 3.4
STYLE = {"font.size": 8, "savefig.dpi": 150, "axes.spines.top": False, "axes.spines.right": False}
LAYER = "recurrent.l0"
OCTREE = Image.Quantize.FASTOCTREE
COLOURS = 256
"""In each file. Octree, as median cut gives away the few pixels of coloured text."""


@dataclass
class Seen:
    """Two networks on the same data, and what was recorded of the LSTM."""

    lstm: Adder
    rnn: Adder
    x: torch.Tensor
    trace: glasscell.inspect.Trace
    layer: glasscell.inspect.LayerTrace
    weights: LayerWeights
    film: glasscell.inspect.Reel

    def loss(self, answer: torch.Tensor) -> torch.Tensor:
        """Mean squared error of the sums."""
        y = (self.x[..., 0] * self.x[..., 1]).sum(0)
        return (answer - y).square().mean()


def learn() -> Seen:
    """Train the LSTM with a film running; the RNN is left as torch starts it."""
    torch.manual_seed(3)
    torch.set_num_threads(1)
    chance = np.random.default_rng(3)
    lstm, rnn = Adder("LSTM", UNITS, STEPS), Adder("RNN", UNITS, STEPS)
    film = inspect.Film(lstm, every=20)
    optimizer = torch.optim.Adam(lstm.parameters(), lr=1e-2)
    descent = Descent(lstm, optimizer, lambda answer, y: (answer - y).square().mean(), film=film)
    for _ in range(TRAINING):
        descent.step(Batch(*draw(STEPS, BATCH, chance)))
    film.close()
    x, _ = draw(STEPS, BATCH, chance)
    with glasscell.trace(lstm) as trace, torch.no_grad():
        lstm(x)
    weights = inspect.layer_weights(lstm.recurrent, "l0")
    return Seen(lstm, rnn, x, trace, trace[LAYER].sequence(0), weights, film.reel)


def gates(seen: Seen) -> Any:
    """Six heat-maps."""
    return seen.layer.plot(width=WIDE)


def unit(seen: Seen) -> Any:
    """The unit with the longest memory."""
    lives = inspect.timescales(seen.layer, STEPS).half_life
    return plots.unit(seen.layer, int(np.argmax(lives)), width=COLUMN)


def flow(seen: Seen) -> Any:
    """One layer's gradients."""
    return glasscell.gradient_flow(seen.lstm, seen.x, seen.loss)[LAYER].plot(width=COLUMN)


def duel(seen: Seen) -> Any:
    """Both networks' gradients."""
    networks = {"plain RNN": seen.rnn, "LSTM": seen.lstm}
    flows = {
        name: glasscell.gradient_flow(network, seen.x, seen.loss)[LAYER]
        for name, network in networks.items()
    }
    return plots.duel(flows, width=COLUMN)


def provenance(seen: Seen) -> Any:
    """What each step left in the unit that holds most at the end."""
    provenance = inspect.layer_provenance(seen.layer)
    return provenance.plot(int(abs(provenance.total).argmax()), width=COLUMN)


def triangle(seen: Seen) -> Any:
    """The same after every step."""
    number = int(abs(inspect.layer_provenance(seen.layer).total).argmax())
    values = inspect.provenance_triangle(seen.layer, number)
    return plots.provenance_triangle(values, unit=number, width=COLUMN)


def ladder(seen: Seen) -> Any:
    """Half-lives."""
    return inspect.timescales(seen.trace[LAYER], STEPS // 2).plot(width=COLUMN)


def saturation(seen: Seen) -> Any:
    """Three gates."""
    return plots.saturation_map(inspect.timescales(seen.trace[LAYER], STEPS // 2), width=WIDE)


def influence(seen: Seen) -> Any:
    """All pairs of steps."""
    return plots.influence(inspect.influence(seen.layer, seen.weights), width=COLUMN)


def path(seen: Seen) -> Any:
    """Belt and gates."""
    return inspect.path_split(seen.layer, seen.weights).plot(width=COLUMN)


def fan(seen: Seen) -> Any:
    """Singular values with the exponents."""
    exponents = inspect.lyapunov(seen.layer, seen.weights)
    return inspect.fan(seen.layer, seen.weights).plot(lyapunov=exponents, width=COLUMN)


def lyapunov(seen: Seen) -> Any:
    """The lasting half of the directions of the cell."""
    exponents = inspect.lyapunov(seen.layer, seen.weights, columns=UNITS // 2)
    return exponents.plot(lag=STEPS // 2, width=COLUMN)


def truncation(seen: Seen) -> Any:
    """What a window loses."""
    return inspect.truncation(seen.lstm, seen.x, seen.loss).plot(ratio=True, width=COLUMN)


def film(seen: Seen) -> Any:
    """The training."""
    return seen.film.plot(lag=STEPS // 2, width=COLUMN)


def dossier(seen: Seen) -> Any:
    """The most important units."""
    worth = inspect.ablation(seen.lstm, seen.x, seen.loss)[LAYER]
    x, names = seen.x.numpy(), ["value", "marker"]
    lags = range(0, STEPS // 2, 2)
    units = inspect.dossier(seen.trace[LAYER], x, names=names, lags=lags, ablation=worth)
    return units.plot(8, width=COLUMN)


def match(seen: Seen) -> Any:
    """Ranges like the end of the first sequence."""
    chosen = (0, 30, 36)
    ranges = inspect.match(seen.trace[LAYER], chosen, threshold=0.25, limit=12)
    return ranges.plot(chosen, width=COLUMN)


def weights(seen: Seen) -> Any:
    """Blocks, norms and the warning."""
    return plots.weights(seen.weights, inputs=["value", "marker"], radius=True, width=WIDE)


def curves(_: Seen) -> Any:
    """Three trials each of both networks, from new weights."""
    lines, steps = [], range(0, TRAINING, 20)
    for name, kind in (("LSTM", "LSTM"), ("plain RNN", "RNN")):
        for seed in range(3):
            torch.manual_seed(seed)
            chance, network = np.random.default_rng(seed), Adder(kind, UNITS, STEPS)
            optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
            descent = Descent(network, optimizer, lambda answer, y: (answer - y).square().mean())
            losses = [
                float(descent.step(Batch(*draw(STEPS, BATCH, chance)))) for _ in range(TRAINING)
            ]
            lines.append(Line(name=name, x=steps, y=losses[:: steps.step]))
    chart = Chart(
        title=("Error while learning", "学习过程中的误差"),
        x=("training step", "训练步"),
        y=("mean squared error", "均方误差"),
        lines=lines,
        log_y=True,
        levels=[(ALWAYS_ONE, ("always 1", "总答 1"))],
    )
    return plots.curves(chart, width=COLUMN)


VIEWS: tuple[Callable[[Seen], Any], ...] = (
    gates, unit, flow, duel, provenance, triangle, ladder, saturation, influence, path, fan,
    lyapunov, truncation, film, dossier, match, weights, curves,
)  # fmt: skip


def main() -> None:
    """Make all of them."""
    mpl.use("agg")
    mpl.rcParams.update(STYLE)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    seen = learn()
    print(f"loss {seen.film.loss[-1]:.4f} after {TRAINING} steps")
    for view in VIEWS:
        drawn = io.BytesIO()
        np.ravel(view(seen))[0].figure.savefig(drawn)
        target = folder / f"{view.__name__}.png"
        Image.open(drawn).convert("RGB").quantize(COLOURS, OCTREE).save(target, optimize=True)
        print(f"{target} {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
