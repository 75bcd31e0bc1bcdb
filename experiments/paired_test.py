"""How often the verdict on a forecast tells two equally good ones apart.

    python experiments/paired_test.py

Takes a minute on one core; the table of docs/decisions/forecast-rivals.md. Errors of each step are
autocorrelated normal numbers, of several series partly the same; the windows overlap.
"""

from __future__ import annotations

import math

import numpy as np

from glasscell.arrays import Array
from glasscell.tasks.forecast.scores import LSTM, Method
from glasscell.tasks.forecast.verdict import LEVEL, Blocks, compare, stretches

TRIALS = 400
CASES = (
    # windows, horizon, series, autocorrelation, common part
    (500, 12, 1, 0.0, 0.0),
    (500, 12, 1, 0.9, 0.0),
    (5000, 12, 1, 0.95, 0.0),
    (200, 12, 20, 0.5, 0.5),
    (200, 12, 20, 0.5, 1.0),
)


def short_stretches(places: Array, horizon: int) -> Array:
    """Cut up to twenty stretches of a horizon at least, as the verdict first did."""
    count = max(min(20, int(places[-1] - places[0] + 1) // horizon), 1)
    return places * count // (int(places[-1]) + 1)


def autocorrelated(chance: np.random.Generator, rows: int, steps: int, phi: float) -> Array:
    """Give (rows, steps) numbers, each phi of the one before and new chance."""
    new = chance.normal(size=(rows, steps + 50))
    made = np.zeros_like(new)
    for t in range(1, steps + 50):
        made[:, t] = phi * made[:, t - 1] + new[:, t]
    return made[:, 50:]


def window_errors(
    chance: np.random.Generator, windows: int, horizon: int, series: int, phi: float, common: float
) -> Array:
    """Give the (series * windows,) mean absolute errors of one forecast."""
    steps = windows + horizon - 1
    shared = math.sqrt(common) * autocorrelated(chance, 1, steps, phi)
    own = math.sqrt(1 - common) * autocorrelated(chance, series, steps, phi)
    sums = np.cumsum(np.pad(abs(shared + own), ((0, 0), (1, 0))), axis=1)
    return ((sums[:, horizon:] - sums[:, :-horizon]) / horizon).ravel()


def main() -> None:
    """Print the table."""
    chance = np.random.default_rng(0)
    print("| windows, horizon, series | autocorrelation | common | short stretches | as it is |")
    print("|---|---|---|---|---|")
    for windows, horizon, series, phi, common in CASES:
        places = np.arange(windows)
        weights = np.full(series * windows, 1 / (series * windows))
        ways = [
            Blocks(weights, np.tile(cut(places, horizon), series))
            for cut in (short_stretches, stretches)
        ]
        found = np.zeros(len(ways))
        for _ in range(TRIALS):
            errors = [
                window_errors(chance, windows, horizon, series, phi, common) for _ in range(2)
            ]
            methods = [
                Method(name=name, mae=float(e.mean()), rmse=1.0, mase=1.0, errors=e)
                for name, e in zip((LSTM, "rival"), errors, strict=True)
            ]
            found += [compare(*methods, blocks).p < LEVEL for blocks in ways]
        rates = " | ".join(f"{rate:.3f}" for rate in found / TRIALS)
        print(f"| {windows}, {horizon}, {series} | {phi} | {common} | {rates} |", flush=True)


if __name__ == "__main__":
    main()
