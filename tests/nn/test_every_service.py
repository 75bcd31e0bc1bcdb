"""A cell of a dozen lines, which the library has never seen, gets every service that it has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import glasscell
from cell_family import FAMILY
from glasscell.cells import Cell, equations, sigmoid, tanh
from glasscell.nn import Recurrent, sLSTM

each_cell = pytest.mark.parametrize("cell", FAMILY.values(), ids=FAMILY)


class Tenth(Cell):
    """A dozen lines: two gates that share what is left, a slow state beside the hidden one."""

    gates = {"i": "input", "f": "forget", "g": "candidate"}  # noqa: RUF012
    states = {"h": "hidden", "s": "slow"}  # noqa: RUF012
    vectors = {"p": "how slow"}  # noqa: RUF012
    starts = {"p": 1.0}  # noqa: RUF012

    def step(self, a: Any, h: Any, s: Any) -> Any:
        f = sigmoid(a.f + self.p * s)
        i = (1 - f) * sigmoid(a.i)
        g = tanh(a.g.x + i * a.g.h)
        s = f * s + i * g
        return tanh(s) * (1 - i), s


@pytest.fixture
def trained():
    """A small model of the tenth cell that has learned to add two marked numbers a little."""
    torch.manual_seed(0)
    layer, head = Recurrent(Tenth, 2, 12, forget_bias=1.0), torch.nn.Linear(12, 1)
    model = torch.nn.Sequential(layer, head)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(150):
        x = torch.rand(8, 32, 2)
        x[..., 1] = 0
        x[1, :, 1] = x[5, :, 1] = 1
        wanted = (x[..., 0] * x[..., 1]).sum(0)
        loss = (head(layer(x)[0][-1])[:, 0] - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.2 * np.mean(losses[:10])
    return model.eval()


def test_the_tenth_cell_is_traced_with_every_name_it_has(trained):
    x = torch.rand(7, 3, 2)
    with glasscell.trace(trained[0]) as trace:
        output, (_, s_n) = trained[0](x)
    layer = trace["l0"]
    named = (layer.forget, layer.input, layer.candidate, layer.slow, layer.hidden)
    f, i, g, s, h = (np.asarray(a) for a in named)
    np.testing.assert_array_equal(h, output.detach().numpy())
    np.testing.assert_array_equal(s[-1], s_n[0].detach().numpy())
    before = np.concatenate([np.zeros_like(s[:1]), s[:-1]])
    np.testing.assert_allclose(s, f * before + i * g, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(h, np.tanh(s) * (1 - i), rtol=1e-5, atol=1e-6)


def test_the_tenth_cell_has_gradients_and_equations(trained):
    x = torch.rand(7, 3, 2)
    flow = glasscell.gradient_flow(trained[0], x, lambda result: result[0][-1].sum())
    assert flow["l0"].hidden.shape == (7,)
    assert (flow["l0"].hidden > 0).all()
    assert [line.name for line in equations(Tenth())] == [
        "forget", "input", "candidate", "slow", "hidden",
    ]  # fmt: skip


WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = None
import numpy as np
import glasscell
model = glasscell.load(sys.argv[1])
x = np.load(sys.argv[2])
out = model.run(x, trace=True)
stream, pool = model.stream(), model.pool(4)
steps = np.stack([stream.step(np.ascontiguousarray(x_t[0])).copy() for x_t in x])
ids = pool.open(x.shape[1])
pooled = np.stack([pool.step(ids, np.ascontiguousarray(x_t)).copy() for x_t in x])
np.savez(sys.argv[3], output=out.output, steps=steps, pooled=pooled)
print(json.dumps(sorted(k for k in sys.modules if k.startswith("torch") and sys.modules[k])))
"""


def test_the_tenth_cell_is_saved_and_runs_without_torch(trained, tmp_path):
    x = torch.rand(7, 3, 2)
    glasscell.save(trained, tmp_path / "model")
    description = json.loads((tmp_path / "model" / "config.json").read_text())
    assert "Tenth" in json.dumps(description)
    np.save(tmp_path / "x.npy", x.numpy())
    arguments = [str(tmp_path / name) for name in ("model", "x.npy", "out.npz")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
    found = np.load(tmp_path / "out.npz")
    expected = trained[1](trained[0](x)[0]).detach().numpy()
    np.testing.assert_allclose(found["output"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["steps"], found["output"][:, 0])
    np.testing.assert_array_equal(found["pooled"], found["output"])


@each_cell
def test_every_cell_is_traced_saved_and_streamed_with_the_same_bits(cell, tmp_path):
    torch.manual_seed(1)
    layer = Recurrent(cell, 3, 5, num_layers=2).eval()
    x = torch.randn(7, 2, 3)
    with glasscell.trace(layer) as trace:
        traced, _ = layer(x)
    output, _ = layer(x)
    assert torch.equal(traced, output)
    for quantity in (*cell.quantities, cell.state_names[0]):
        assert np.asarray(getattr(trace["l1"], quantity)).shape == (7, 2, 5)
    glasscell.save(layer, tmp_path / "model")
    model = glasscell.load(tmp_path / "model")
    array = output.detach().numpy()
    np.testing.assert_array_equal(model.run(x.numpy()).output, array)
    stream = model.stream()
    steps = [stream.step(np.ascontiguousarray(x_t[0])).copy() for x_t in x.numpy()]
    np.testing.assert_array_equal(np.stack(steps), array[:, 0])


def test_heads_are_saved_as_one_matrix(tmp_path: Path):
    torch.manual_seed(1)
    layer = sLSTM(3, 6, heads=3, num_layers=2).eval()
    x = torch.randn(7, 2, 3)
    glasscell.save(layer, tmp_path / "model")
    model = glasscell.load(tmp_path / "model")
    np.testing.assert_array_equal(model.run(x.numpy()).output, layer(x)[0].detach().numpy())
