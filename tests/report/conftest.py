"""Small networks with known weights, and pages made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glasscell import report
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.traces.layer import LayerTrace


def sigmoid(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


def lstm(T: int, H: int, inputs: int = 2, seed: int = 0) -> tuple[LayerWeights, Array, LayerTrace]:
    """Random weights, a random walk to read, and the trace that the equations give."""
    rng = np.random.default_rng(seed)
    weights = LayerWeights(
        weight_ih=rng.normal(0, 0.7, (4 * H, inputs)),
        weight_hh=rng.normal(0, 0.7 / np.sqrt(H), (4 * H, H)),
        bias_ih=rng.normal(0, 0.3, 4 * H),
        bias_hh=rng.normal(0, 0.3, 4 * H),
    )
    x = rng.normal(size=(T, inputs)).cumsum(axis=0) / 3
    h, c, kept = np.zeros(H), np.zeros(H), []
    for x_t in x:
        a = weights.weight_ih @ x_t + weights.weight_hh @ h + weights.bias_ih + weights.bias_hh
        i, f, g, o = np.split(a, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        kept.append((f, i, g, o, c, h))
    arrays = dict(
        zip(
            ("forget", "input", "candidate", "output", "cell", "hidden"),
            (np.array(a) for a in zip(*kept, strict=True)),
            strict=True,
        )
    )
    return weights, x, LayerTrace(**arrays)


def full_page(T: int = 60, H: int = 8, **changes: Any) -> report.Page:
    """A page with every part filled."""
    weights, x, trace = lstm(T, H)
    times = np.datetime64("2024-03-01T06:00") + np.arange(T) * np.timedelta64(5, "m")
    numbers = report.cell_numbers(
        weights, trace, x, unit=H // 2, step=T // 2, layer="rnn.l0", input_names=("sugar", "dose")
    )
    decay = 10.0 ** -np.linspace(12, 0, T)
    parts: dict[str, Any] = {
        "title": "Sugar",
        "subtitle": "a test",
        "verdict": "The LSTM is no better than ridge.",
        "tables": [
            report.Table(
                caption="errors",
                columns=["method", "MAE"],
                rows=[["ridge", 16.2812], ["LSTM", 14.7812]],
                highlight=[1],
            )
        ],
        "forecast": report.ForecastPlot(
            times=times, truth=x[:, 0], forecasts={"LSTM": x[:, 0] + 0.1}, unit="mg/dL"
        ),
        "gates": [
            report.GateWindow(
                trace=trace,
                name="rnn.l0",
                times=times,
                inputs={"sugar": x[:, 0]},
                events=[(T // 3, "meal")],
            )
        ],
        "river": report.River(
            lines=[
                report.RiverLine(name="RNN", hidden=decay),
                report.RiverLine(name="LSTM", hidden=np.ones(T), cell=np.ones(T)),
            ],
        ),
        "cell": numbers,
        "notes": ["One window."],
    }
    return report.Page(**(parts | changes))


@pytest.fixture
def make_lstm() -> Callable[..., tuple[LayerWeights, Array, LayerTrace]]:
    return lstm


@pytest.fixture
def make_page() -> Callable[..., report.Page]:
    return full_page
