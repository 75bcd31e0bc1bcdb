"""Made-up explorations for the tests of the inspect page."""

import numpy as np

from glasscell.inspect.dynamics.attribution import Attribution
from glasscell.report.page.exploration import Exploration, Finding, Layer, Series
from glasscell.report.page.measured import Measured
from glasscell.report.views.curves.data import Chart, Line
from glasscell.report.views.decided.data import decided
from glasscell.report.views.errors.data import errors
from glasscell.report.views.lag.data import lag
from glasscell.report.views.reasons.data import reasons
from glasscell.report.views.tracks.data import of_units
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


def chart_of(text="LSTM", **changes):
    """Two trials of one thing, of different lengths, a line in a band, and a level."""
    parts = {
        "title": (f"{text} falls.", f"{text} 下降。"),
        "x": ("lag", "滞后"),
        "y": ("error", "误差"),
        "lines": [
            Line(name=text, x=[1, 2, 4], y=[1.0, 0.5, 0.25]),
            Line(name=text, x=[1, 2, 4, 100], y=[1.0, np.nan, 0.0, 0.001]),
            Line(name=("mean", "均值"), x=[1, 100], y=[2, 4], low=[1, 2], high=[3, 8]),
        ],
        "log_x": True,
        "log_y": True,
        "levels": [(0.125, ("chance", "随机水平"))],
    }
    return Chart(**parts | changes)


def told_of_sequences(text, steps, inputs=2):
    """Arrays and measures that runs on sequences and text bring, of one series."""
    added = np.sin(np.arange(inputs * steps, dtype=np.float64)).reshape(inputs, steps)
    sums = added.sum(axis=0)
    attribution = Attribution(
        contribution=added.T,
        score=3.0,
        base=3.0 - added.sum(),
        steps=np.array([2, 5]),
        said=float(sums[[2, 5]].sum()),
        fell=0.75,
    )
    measured = decided([attribution], [text], True, {0: np.full(steps, 1 / steps)})
    right = (np.arange(steps) // 5 % 2)[None].astype(np.float32)
    mistake = {"sequence": text, "step": 3, "truth": text, "predicted": "no", "probability": 0.97}
    numbers = {
        "confusion": {"classes": [text, "no"], "counts": [[31, 7], [2, 40]],
            "precision": [31 / 33, None], "recall": [31 / 38, 40 / 42], "number": [38, 42]},
        "calibration": {"confidence": [0.6, 0.9], "accuracy": [0.5, 0.95], "count": [10, 70]},
        "mistakes": [{**mistake, "wrong": 2, "times": 5}],
        "shown": [
            {"name": text, "why": "mistake", "said": "no", "truth": text, "probability": 0.97}
        ],
        "tags": {"names": ["a", text], "kind": "class"},
        "tracks": of_units(
            [
                {"feature": "line", "in_words": [text, text], "layer": "rnn.l0", "by_chance": 0.1,
                 "units": [{"unit": 3, "correlation": -0.81}]},
                {"feature": "quotes", "in_words": ["quotes", "引号"], "layer": "rnn.l0",
                 "by_chance": 0.2, "units": []},
            ],
            ["rnn.l0"],
        ),
        "sample": text,
    }  # fmt: skip
    arrays = {"0/right": right, "0/said": np.roll(right, 2, axis=1), "0/sure": np.abs(sums)[None]}
    return {**measured.arrays, **arrays}, {**measured.numbers, **numbers}


def told_of_forecasts(text, steps, inputs=2):
    """Arrays and measures that forecasting runs bring, of one series."""
    ahead = {text: np.array([1.0, 1.5, 1.75]), "ridge": np.array([1.25, 1.5, 2.0])}
    origin = {name: np.array([1.0, 2.0]) for name in ahead}
    lines = {"linear": np.array([1.0, 0.5, 0.5]), text: np.array([1.0, 0.75, np.nan])}
    added = np.sin(np.arange(inputs * steps, dtype=np.float64)).reshape(steps, inputs)
    moved = {
        "columns": [text, "dose"],
        "steps": list(range(-steps, 0)),
        "parts": [
            {"name": [text, text], "added": 1.5, "fell": 1.25},
            {"name": ["dose", "剂量"], "added": -0.5, "fell": -0.5},
        ],
        "text": [text, text],
        "forecast": 3.0,
        "last": 2.0,
        "base": 2.5,
        "said": 1.0,
        "fell": 0.75,
        "error": 1e-7,
    }
    parts = (
        errors(ahead, origin, [text, "later"], text),
        lag([1, 2, 4], lines, [2, 1], 2, (text, text)),
        reasons([moved], [added], [added.sum(axis=1)], text),
    )
    return Measured(
        arrays={name: array for part in parts for name, array in part.arrays.items()},
        numbers={name: number for part in parts for name, number in part.numbers.items()},
    )
