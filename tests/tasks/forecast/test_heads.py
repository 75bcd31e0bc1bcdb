"""What networks tell beside a point: the same bits without torch, and true distributions."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import glasscell
from glasscell.errors import ShapeError, WeightFormatError
from glasscell.model.nodes import build
from glasscell.model.nodes.telling import Telling
from glasscell.tasks.forecast.network import Forecaster

QUANTILES = Telling("quantiles", (0.05, 0.1, 0.5, 0.9, 0.95))
TELLINGS = [QUANTILES, Telling("student-t")]


def windows(rows=6, lookback=5, channels=2):
    return np.random.default_rng(1).normal(size=(rows, lookback, channels)).astype(np.float32)


def network(telling):
    torch.manual_seed(3)
    return Forecaster("LSTM", 2, 4, lookback=5, horizon=3, tells=telling)


@pytest.mark.parametrize("telling", TELLINGS)
def test_a_saved_network_tells_the_same_bits_without_torch(tmp_path, telling):
    one, x = network(telling), windows()
    glasscell.save(one, tmp_path / "model")
    model = glasscell.load(tmp_path / "model")
    with torch.no_grad():
        told = one(torch.from_numpy(x), tell=True).numpy()
        point = one(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(model.root.tell(x), told)
    np.testing.assert_array_equal(model.run(x).output, point)
    middle = 0 if telling.kind == "student-t" else 2
    np.testing.assert_array_equal(told[..., middle], point)


def test_quantiles_rise_whatever_the_weights():
    raw = np.random.default_rng(0).normal(scale=50, size=(1000, 4)).astype(np.float32)
    told = QUANTILES.of(np.zeros((1000, 1), np.float32), raw, np)
    assert (np.diff(told, axis=-1) >= 0).all()


def test_scale_is_positive_and_the_variance_finite():
    raw = np.array([[-1e6, -1e6], [0, 0], [30, 30]], np.float32)
    _, scale, degrees = TELLINGS[1].of(np.zeros((3, 1), np.float32), raw, np)[:, 0].T
    assert (scale > 0).all()
    assert (degrees >= 2).all()


def test_a_network_of_points_tells_nothing_else(tmp_path):
    glasscell.save(network(None), tmp_path / "model")
    with pytest.raises(ShapeError, match="got points"):
        glasscell.load(tmp_path / "model").root.tell(windows())


def rebuilt(folder, tells):
    """Build a saved network that tells quantiles from a tree that says something else."""
    glasscell.save(network(QUANTILES), folder / "model")
    tree = json.loads((folder / "model" / "config.json").read_text())["model"]
    return build({**tree, "tells": tells}, load_file(folder / "model" / "model.safetensors"))


@pytest.mark.parametrize(
    ("kind", "quantiles", "said"),
    [
        ("normal", [], "expected student-t, or quantiles"),
        ("quantiles", [0.1, 0.5], "expected student-t, or quantiles"),
        ("quantiles", [0.9, 0.5, 0.1], "rising"),
        ("quantiles", [0.0, 0.5, 1.0], r"in \(0, 1\)"),
        ("quantiles", [0.1, 0.2, 0.9], "as many quantiles"),
        ("student-t", [0.5], "expected student-t"),
        ("quantiles", [0.05, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999], "as many quantiles"),
    ],
)
def test_damaged_tellings_are_refused(tmp_path, kind, quantiles, said):
    with pytest.raises(WeightFormatError, match=said):
        rebuilt(tmp_path, {"kind": kind, "quantiles": quantiles})


def test_a_spread_of_another_size_is_refused(tmp_path):
    with pytest.raises(WeightFormatError, match="expected a Linear from 4 to 6"):
        rebuilt(tmp_path, {"kind": "student-t", "quantiles": []})
