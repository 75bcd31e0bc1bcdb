"""Made-up explorations for the tests of the inspect page."""

import numpy as np

from glasscell.report.page.exploration import Exploration, Finding, Layer, Series
from glasscell.traces.layer import LayerTrace


def lstm_trace(steps, units, seed=0, reverse=False):
    """An LSTM's trace that obeys C_t = f C_{t-1} + i g and h = o tanh C."""
    rng = np.random.default_rng(seed)
    f, i, o = (rng.uniform(0.02, 0.98, (steps, units)).astype(np.float32) for _ in range(3))
    g = rng.uniform(-1, 1, (steps, units)).astype(np.float32)
    cell = np.zeros((steps, units), np.float32)
    before = np.zeros(units, np.float32)
    for t in reversed(range(steps)) if reverse else range(steps):
        before = cell[t] = f[t] * before + i[t] * g[t]
    hidden = o * np.tanh(cell)
    return LayerTrace(f, i, g, o, cell, hidden, layout="TH", reverse=reverse)


def exploration(steps=12, units=4, **changes):
    """One layer, one series, one finding."""
    parts = {
        "title": "T",
        "layers": [Layer(name="l0")],
        "series": [Series(name="s", traces=[lstm_trace(steps, units)], x=np.ones((steps, 2)))],
        "findings": [Finding(text=("it vanishes", "它消失"), good=False)],
    }
    return Exploration(**parts | changes)
