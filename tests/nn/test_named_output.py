"""A cell whose output is not called hidden, nor h: the position of a UnICORNN."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import glasscell
from glasscell.cells import Cell, sigmoid, tanh
from glasscell.cli import main
from glasscell.nn import Recurrent


class Oscillator(Cell):
    """Rusch, Mishra 2021, arXiv:2103.05487: ``z -= Δ (tanh(W x + w y + b) + y)``, ``y += Δ z``."""

    gates = {"g": "force"}  # noqa: RUF012
    states = {"y": "position", "z": "velocity"}  # noqa: RUF012
    vectors = {"c": "time step"}  # noqa: RUF012
    recurrent = "diagonal"

    def step(self, a, y, z):
        g = tanh(a.g)
        pace = 0.1 * sigmoid(self.c)
        z = z - pace * (g + y)
        return y + pace * z, z


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Recurrent(Oscillator, 3, 5)


def test_a_trace_has_the_output_under_both_names(layer):
    with glasscell.trace(layer) as seen:
        output, _ = layer(torch.randn(7, 2, 3))
    trace = seen["l0"]
    assert str(trace) == "LayerTrace(Oscillator, g z y, TBH (7, 2, 5))"
    for array in (trace.hidden, trace.position, trace.quantity("position")):
        assert np.array_equal(array, output.detach().numpy())


def test_the_flow_and_the_page_read_it(layer, tmp_path):
    x = torch.randn(2, 7, 3)
    assert "dL/dz" in str(glasscell.gradient_flow(layer, x.transpose(0, 1)))
    glasscell.save(layer, tmp_path / "model")
    np.save(tmp_path / "x.npy", x.numpy())
    page = tmp_path / "page.html"
    main(["inspect", str(tmp_path / "model"), str(tmp_path / "x.npy"), "--out", str(page)])
    assert "<var>y</var><sub>t−1</sub>" in page.read_text(encoding="utf-8")
