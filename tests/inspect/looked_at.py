# ruff: noqa: RUF012
"""Layers of any cell, run in float64 by NumPy from the cell's own program, as traces."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from glasscell import cells
from glasscell.cells import (
    Cell,
    absolute,
    exp,
    log_sigmoid,
    maximum,
    relu,
    sigmoid,
    tanh,
    zoo,
)  # fmt: skip
from glasscell.cells.catalogue import mode_of
from glasscell.cells.evaluate import evaluate
from glasscell.traces.layer import Record, trace_of


@dataclass(frozen=True, kw_only=True)
class Weights:
    weight_ih: np.ndarray
    weight_hh: np.ndarray
    bias_ih: np.ndarray
    bias_hh: np.ndarray
    weight_hr: None = None
    vectors: Mapping[str, np.ndarray]


class MinGRU(Cell):
    """minGRU: arXiv:2410.01201, equations of section 3.1."""

    gates = {"z": "update", "n": "candidate"}
    recurrent = None

    def step(self, a, h):
        z, n = sigmoid(a.z), a.n
        return (1 - z) * h + z * n


class Leaky(Cell):
    gates = {"f": "forget", "g": "candidate"}

    def step(self, a, h):
        f, g = sigmoid(a.f), tanh(a.g)
        return f * h + (1 - f) * g


class IndRNN(Cell):
    """Independently recurrent: one weight a unit."""

    gates = {"g": "drive"}
    recurrent = "diagonal"

    def step(self, a, h):
        return tanh(a.g)


class SLSTM(Cell):
    """sLSTM: arXiv:2405.04517."""

    gates = {"i": "input", "f": "forget", "z": "candidate", "o": "output"}
    states = {"h": "hidden", "c": "cell", "n": "normaliser", "m": "stabiliser"}
    initial = {"n": 1.0}

    def step(self, a, h, c, n, m):
        log_f = log_sigmoid(a.f) + m
        m_new = maximum(log_f, a.i)
        i, f = exp(a.i - m_new), exp(log_f - m_new)
        z, o = tanh(a.z), sigmoid(a.o)
        c = f * c + i * z
        n = f * n + i
        return o * (c / n), c, n, m_new


class Odd(Cell):
    """Three gates that nobody has, a state beside the hidden one, a vector, no gate as the path."""

    gates = {"p": "pull", "q": "push", "s": "size"}
    states = {"h": "hidden", "e": "echo"}
    vectors = {"w": "weight of the echo"}

    def step(self, a, h, e):
        p, q, s = sigmoid(a.p), tanh(a.q.x - a.q.h), relu(a.s + self.w * e)
        e = 0.5 * p * e + q * absolute(s)
        return p * e + 0.25 * h, e


class Decay(Cell):
    """Keeps by a number of its own, that no input moves."""

    gates = {"g": "candidate"}
    vectors = {"d": "decay"}

    def step(self, a, h):
        d, g = sigmoid(self.d), tanh(a.g)
        return d * h + (1 - d) * g


class Shown(Cell):
    """Shows what it stores as it is."""

    gates = {"f": "forget", "g": "candidate"}
    states = {"h": "hidden", "c": "cell"}

    def step(self, a, h, c):
        f, g = sigmoid(a.f), tanh(a.g)
        c = f * c + (1 - f) * g
        return c, c


class Square(Cell):
    """No sum with what was there before."""

    gates = {"g": "candidate"}

    def step(self, a, h):
        g = tanh(a.g)
        return g / (1 + h * h)


def run(cell, x, weights, start=None):
    """Give (T, B, ·) of one layer as a trace, float64."""
    cell = cells.of(cell)
    steps, batch, _ = x.shape
    H = weights.weight_hh.shape[1]
    program = cell.program
    states = (
        [np.full((batch, H), cell.initial.get(letter, 0.0)) for letter in cell.states]
        if start is None
        else [np.array(s) for s in start]
    )
    h0 = states[0].copy() if start is not None else None
    others = np.stack(states[1:], 1).copy() if start is not None and states[1:] else None
    vectors = [np.broadcast_to(weights.vectors[name], (batch, H)) for name in program.vectors]
    gates = list(cell.gates)
    outputs, tapes = [], []
    for t in range(steps):
        wx = x[t] @ weights.weight_ih.T
        uh = states[0] @ weights.weight_hh.T if len(weights.weight_hh) else np.zeros_like(wx)
        sums = []
        for one in program.sums:
            k = gates.index(one.gate)
            rows = slice(k * H, (k + 1) * H)
            total = 0.0
            if "x" in one.reads:
                total = total + wx[:, rows] + weights.bias_ih[rows]
            if "h" in one.reads:
                total = total + uh[:, rows] + weights.bias_hh[rows]
            sums.append(total)
        masks = [np.full((batch, H), cell.masks[name].evaluation) for name in program.masks]
        values = evaluate(program.operations, [*sums, *states, *vectors, *masks])
        tapes.append(
            np.stack([np.broadcast_to(values[k], (batch, H)) for k in cell.reverse.kept], 1)
        )
        states = [values[k] for k in program.outputs]
        outputs.append(states[0])
    # A plain RNN's kernel keeps no tape.
    plain = mode_of(cell) in ("RNN_TANH", "RNN_RELU")
    tape = None if plain else np.stack(tapes)
    squeezed = others if others is None or others.shape[1] > 1 else others[:, 0]
    return trace_of(
        Record(
            x=x, h0=h0, c0=squeezed, output=np.stack(outputs), tape=tape, h_n=outputs[-1],
            c_n=None, mode=cell, hidden_size=H,
        ),
        False,
        weights.vectors,
    )  # fmt: skip


def weights_of(cell, inputs, H, seed, scale=1.0):
    cell = cells.of(cell)
    generator = np.random.default_rng(seed)
    G = cell.gate_count * H
    rows = G if cell.recurrent == "full" else 0
    names = [f"u_{gate}" for gate in cell.gates] if cell.recurrent == "diagonal" else []
    return Weights(
        weight_ih=generator.normal(size=(G, inputs)) * scale,
        weight_hh=generator.normal(size=(rows, H)) * scale / np.sqrt(H),
        bias_ih=generator.normal(size=G) * scale,
        bias_hh=generator.normal(size=G) * scale,
        vectors={k: generator.normal(size=H) for k in (*names, *cell.vectors)},
    )


CELLS = {
    "GRU": cells.GRU(),
    "LSTM": cells.LSTM(),
    "peephole": cells.LSTM(peephole=True),
    "coupled": cells.LSTM(coupled=True),
    "no forget gate": cells.LSTM(without=("forget",)),
    "clipped": cells.LSTM(clip=0.7),
    "minGRU": MinGRU(),
    "leaky": Leaky(),
    "tanh IndRNN": IndRNN(),
    "sLSTM": SLSTM(),
    "odd": Odd(),
    "decay": Decay(),
    "shown": Shown(),
    "square": Square(),
    **{each.__name__: each() for each in (getattr(zoo, name) for name in zoo.__all__)},
    "RNN": cells.RNN("tanh"),
    "ReLU": cells.RNN("relu"),
    "zoned LSTM": cells.LSTM(zoneout=(0.1, 0.2), recurrent_dropout=0.3),
    "zoned GRU": cells.GRU(zoneout=0.2),
    "normed LSTM": cells.LSTM(layer_norm=True),
    "normed GRU": cells.GRU(layer_norm=True),
}
