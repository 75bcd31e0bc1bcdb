"""Cells against other people's code: torchrecurrent 0.2.5, and the vanilla sLSTM of xlstm 2.0.6.

Both are pure Python; `pip install --no-deps torchrecurrent==0.2.5 xlstm==2.0.6` is enough.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from glasscell.cells import LSTM, SLSTM, Cell, evaluate, sigmoid, tanh, zoo

BROUGHT = "other people's code, which `make test` brings without its dependencies"

H, I, B, T = 5, 4, 3, 7  # noqa: E741


def run(cell: Cell, parameters: dict[str, Any], x: Any, states: Sequence[Any]) -> list[Any]:
    """Run a cell over x (T, B, I) in NumPy, from torch's parameters."""
    arrays = {name: w.detach().numpy() for name, w in parameters.items()}
    program, order = cell.evaluation, list(cell.gates)
    states = [np.asarray(state) for state in states]

    def part(name: str, gate: str) -> Any:
        if name not in arrays:
            return 0.0
        return arrays[name][order.index(gate) * H : (order.index(gate) + 1) * H]

    outputs = []
    for x_t in np.asarray(x):
        sums = []
        for gate, reads in program.sums:
            total = 0.0
            if "x" in reads:
                total = total + x_t @ part("weight_ih", gate).T + part("bias_ih", gate)
            if "h" in reads:
                total = total + states[0] @ part("weight_hh", gate).T + part("bias_hh", gate)
            sums.append(total)
        vectors = [np.broadcast_to(arrays[name], (B, H)) for name in program.vectors]
        values = evaluate(program.operations, [*sums, *states, *vectors])
        states = [values[k] for k in program.outputs]
        outputs.append(states[0])
    return [np.stack(outputs), *states]


class UGRNN(Cell):
    """Written here as a user would, to be compared."""

    gates = {"g": "candidate", "z": "update"}  # noqa: RUF012

    def step(self, a: Any, h: Any) -> Any:
        z, g = sigmoid(a.z), tanh(a.g)
        return z * h + (1 - z) * g


class STAR(Cell):
    gates = {"g": "candidate", "k": "keep"}  # noqa: RUF012

    def step(self, a: Any, h: Any) -> Any:
        g, k = tanh(a.g.x), sigmoid(a.k)
        return tanh((1 - k) * h + k * g)


class CFN(Cell):
    gates = {"f": "forget", "i": "input", "g": "candidate"}  # noqa: RUF012

    def step(self, a: Any, h: Any) -> Any:
        f, i, g = sigmoid(a.f), sigmoid(a.i), tanh(a.g.x)
        return f * tanh(h) + i * g


class ATR(Cell):
    """Reads both parts of one sum."""

    gates = {"p": "both"}  # noqa: RUF012

    def step(self, a: Any, h: Any) -> Any:
        i, f = sigmoid(a.p), sigmoid(a.p.x - a.p.h)
        return i * a.p.x + f * h


def _one_bias(given: dict[str, Any]) -> dict[str, Any]:
    """Give a layer without R the one bias that it has."""
    given = dict(given)
    return {
        "weight_ih": given["weight_ih"],
        "bias_ih": given["bias_ih"] + given["bias_hh"],
        "u_h": given["vector_u"],
    }


def _peepholes(given: dict[str, Any]) -> dict[str, Any]:
    given = dict(given)
    given.update(zip(("p_i", "p_f", "p_o"), given.pop("weight_ph").chunk(3), strict=True))
    return given


def _padded(given: dict[str, Any]) -> dict[str, Any]:
    """Give the gates that read x alone rows of R and of its bias too, which nobody reads."""
    rows = len(given["weight_ih"])
    made = dict(given)
    for name in ("weight_hh", "bias_hh"):
        more = given[name].new_zeros(rows - len(given[name]), *given[name].shape[1:])
        made[name] = torch.cat([given[name], more])
    return made


def _padded_first(given: dict[str, Any]) -> dict[str, Any]:
    made = _padded(given)
    for name in ("weight_hh", "bias_hh"):
        made[name] = made[name].roll(H, 0)
    return made


PEERS: dict[str, tuple[Cell, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "PeepholeLSTM": (LSTM(peephole=True), _peepholes),
    "OriginalLSTM": (LSTM(without="forget"), dict),
    "IndRNN": (zoo.IndRNN("tanh"), _one_bias),
    "JANET": (zoo.JANET(), dict),
    "LiGRU": (zoo.LiGRU(), dict),
    "UGRNN": (UGRNN(), dict),
    "STAR": (STAR(), _padded_first),
    "CFN": (CFN(), _padded),
    "ATR": (ATR(), dict),
}


def drawn(peers: Any, name: str) -> Any:
    """Make torchrecurrent's cell of a name with weights of some size."""
    torch.manual_seed(1)
    more = {"nonlinearity": "relu"} if name == "LiGRU" else {}
    peer = getattr(peers, f"{name}Cell")(I, H, dtype=torch.float64, **more)
    for w in peer.parameters():
        torch.nn.init.normal_(w, std=0.5)
    if name == "JANET":
        torch.nn.init.ones_(peer.beta)
    return peer


@pytest.mark.parametrize("name", PEERS)
def test_torchrecurrent_gives_the_same(name):
    peers = pytest.importorskip("torchrecurrent", reason=BROUGHT)
    cell, translated = PEERS[name]
    peer = drawn(peers, name)
    x = torch.randn(T, B, I, dtype=torch.float64)
    states = [torch.randn(B, H, dtype=torch.float64) for _ in cell.states]
    own = translated(dict(peer.named_parameters()) | dict(peer.named_buffers()))
    found = run(cell, own, x, states)
    # JANET's hidden and cell state are one there in two places.
    theirs: Any = tuple(states * 2) if name == "JANET" else states[0]
    theirs = tuple(states) if len(states) > 1 else theirs
    outputs = []
    for x_t in x:
        theirs = peer(x_t, theirs)
        outputs.append(theirs[0] if isinstance(theirs, tuple) else theirs)
    wanted = torch.stack(outputs).detach().numpy()
    np.testing.assert_allclose(found[0], wanted, rtol=1e-12, atol=1e-13)
    if len(states) > 1:
        np.testing.assert_allclose(found[2], theirs[1].detach().numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_xlstm_gives_the_same_slstm(scale):
    pytest.importorskip("xlstm", reason=BROUGHT)
    peer = importlib.import_module("xlstm.blocks.slstm.src.vanilla")
    rng = np.random.default_rng(2)
    heads, size = 1, H
    weight_hh = rng.normal(size=(4 * H, H))
    bias = rng.normal(size=4 * H)
    x = scale * rng.normal(size=(T, B, 4 * H))
    states = torch.zeros(4, B, H, dtype=torch.float64)
    kernel = torch.from_numpy(weight_hh).reshape(heads, 4 * size, size)
    every, last, _ = peer.slstm_forward(
        torch.from_numpy(x),
        states,
        kernel,
        torch.from_numpy(bias),
        peer.slstm_pointwise_function_registry["slstm"],
    )
    own = {
        "weight_ih": torch.eye(4 * H, dtype=torch.float64),
        "weight_hh": torch.from_numpy(weight_hh),
        "bias_ih": torch.from_numpy(bias),
    }
    zeros = np.zeros((B, H))
    cell = SLSTM()
    found = run(cell, own, x, [zeros, zeros, zeros, zeros + cell.initial["m"]])
    np.testing.assert_allclose(found[0], every[0, 1:].numpy(), rtol=1e-11, atol=1e-12)
    for mine, theirs in zip(found[1:], last, strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_xlstm_gives_the_same_layer_of_heads(heads):
    """And the same gradients."""
    pytest.importorskip("xlstm", reason=BROUGHT)
    from glasscell.nn import sLSTM

    peer = importlib.import_module("xlstm.blocks.slstm.src.vanilla")
    torch.manual_seed(heads)
    layer = sLSTM(I, 6, heads=heads, dtype=torch.float64)
    x = torch.randn(T, B, I, dtype=torch.float64)
    output, states = layer(x)
    output.square().sum().backward()
    mine = [w.grad.clone() for w in layer.parameters()]
    layer.zero_grad()
    every, last, _ = peer.slstm_forward(
        torch.nn.functional.linear(x, layer.weight_ih_l0),
        torch.zeros(4, B, 6, dtype=torch.float64),
        layer.blocks_hh_l0,
        layer.bias_ih_l0 + layer.bias_hh_l0,
        peer.slstm_pointwise_function_registry["slstm"],
    )
    torch.testing.assert_close(output, every[0, 1:], rtol=1e-11, atol=1e-12)
    for one, other in zip(states, last, strict=True):
        torch.testing.assert_close(one[0], other, rtol=1e-11, atol=1e-12)
    every[0, 1:].square().sum().backward()
    for w, grad in zip(layer.parameters(), mine, strict=True):
        torch.testing.assert_close(grad, w.grad, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", PEERS)
def test_torchrecurrent_gives_the_same_on_the_kernels(name):
    peers = pytest.importorskip("torchrecurrent", reason=BROUGHT)
    from glasscell.nn import Recurrent

    cell, translated = PEERS[name]
    peer = drawn(peers, name)
    layer = Recurrent(cell, I, H, dtype=torch.float64)
    own = translated(dict(peer.named_parameters()) | dict(peer.named_buffers()))
    layer.load_state_dict({f"{k}_l0": own[k] for k in own if f"{k}_l0" in layer.state_dict()})
    x = torch.randn(T, B, I, dtype=torch.float64)
    zeros = torch.zeros(B, H, dtype=torch.float64)
    theirs: Any = (zeros, zeros) if name in ("PeepholeLSTM", "OriginalLSTM", "JANET") else zeros
    outputs = []
    for x_t in x:
        theirs = peer(x_t, theirs)
        outputs.append(theirs[0] if isinstance(theirs, tuple) else theirs)
    torch.testing.assert_close(layer(x)[0], torch.stack(outputs), rtol=1e-11, atol=1e-12)
