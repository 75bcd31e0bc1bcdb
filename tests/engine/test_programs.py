"""Layers that run as programs: the bits of the fused kernels, exact derivatives, and the laws."""

# ruff: noqa: RUF012 (what a cell says of itself is never changed)
from __future__ import annotations

import numpy as np
import pytest

from glasscell import _core, cells, engine
from glasscell.cells import GRU, LSTM, RNN, Cell, Mask, exp, log_sigmoid, maximum, sigmoid, tanh
from glasscell.cells.compact import compress, expand
from glasscell.cells.parameters import LayerWeights
from glasscell.cells.symbols import where_positive
from glasscell.engine.compiled import compiled
from glasscell.reference.by_program import run_cell, run_cell_backward

both = pytest.mark.parametrize("dtype", [np.float32, np.float64])
ORDERS = ({}, {"reverse": True, "lengths": True}, {"reset": True})


class Exponential(Cell):
    """sLSTM without heads: exponential gates with a stabiliser and a normaliser."""

    gates = {"i": "input", "f": "forget", "g": "candidate", "o": "output"}
    states = {"h": "hidden", "c": "cell", "n": "normaliser", "m": "stabiliser"}
    initial = {"n": 1.0}

    def step(self, a, h, c, n, m):
        f_bar = log_sigmoid(a.f)
        m_new = maximum(f_bar + m, a.i)
        i, f = exp(a.i - m_new), exp(f_bar + m - m_new)
        c = f * c + i * tanh(a.g)
        n = f * n + i
        return sigmoid(a.o) * (c / n), c, n, m_new


class Diagonal(Cell):
    gates = {"f": "forget", "g": "candidate"}
    recurrent = "diagonal"

    def step(self, a, h):
        f = sigmoid(a.f)
        return f * h + (1 - f) * tanh(a.g)


class Apart(Cell):
    """A gate read whole and in its part of x; no h in the other."""

    gates = {"f": "forget", "g": "candidate"}
    vectors = {"p": "peephole"}
    masks = {"d": Mask(0.5, on=2.0)}

    def step(self, a, h):
        f = sigmoid(a.f + self.p * h)
        g = tanh(a.g.x) * self.d + a.f.x
        return f * h + (1 - f) * g


FAMILY = [
    Exponential(),
    Diagonal(),
    Apart(),
    LSTM(peephole=True),
    LSTM(coupled=True, clip=0.3),
    LSTM(without=("output", "activation")),
    LSTM(layer_norm=True),
    LSTM(zoneout=(0.3, 0.2), recurrent_dropout=0.25),
    GRU(layer_norm=True),
    GRU(zoneout=0.2),
    LSTM(hidden_dropout=0.5, zoneout=0.2),
    GRU(hidden_dropout=0.5),
    RNN(hidden_dropout=0.5),
]
names = {"argvalues": FAMILY, "ids": [repr(cell) for cell in FAMILY]}
family = pytest.mark.parametrize("cell", **names)


class Problem:
    """One layer with all that it is given, and a loss of all that comes out."""

    def __init__(self, cell, inputs=3, H=5, T=4, B=3, dtype=np.float64, *, seed=0, **order):
        self.cell, self.H = cell, H
        rng = np.random.default_rng(seed)
        G, M, S = len(cell.gates) * H, len(cell.program.masks), cell.extra_states
        shapes = {"weight_ih": (G, inputs), "bias_ih": (G,)}
        if cell.recurrent == "full":
            shapes |= {"weight_hh": (G, H), "bias_hh": (G,)}
        shapes |= dict.fromkeys(cell.program.vectors, (H,))
        self.arrays = {
            name: rng.uniform(-0.7, 0.7, shape).astype(dtype) for name, shape in shapes.items()
        }
        self.weights = LayerWeights.named(self.arrays)
        self.layer = engine.pack(cell, self.weights)
        self.x = rng.standard_normal((T, B, inputs)).astype(dtype)
        self.h0 = rng.uniform(-1, 1, (B, H)).astype(dtype)
        shape = (B, H) if S == 1 else (B, S, H)
        self.c0 = rng.uniform(0.2, 1, shape).astype(dtype) if S else None
        self.dy = rng.standard_normal((T, B, H)).astype(dtype)
        self.dh_n = rng.standard_normal((B, H)).astype(dtype)
        self.dc_n = rng.standard_normal(shape).astype(dtype) if S else None
        steps = 1 if order.get("constant") else T
        masks = rng.choice([0.0, 2.0], (steps, B, M, H)).astype(dtype) if M else None
        self.order = {
            "reverse": order.get("reverse", False),
            "lengths": rng.integers(0, T, B, endpoint=True) if order.get("lengths") else None,
            "reset": rng.random((T, B)) < 0.3 if order.get("reset") else None,
            "masks": masks,
        }

    def forward(self, **options):
        return engine.forward(self.layer, self.x, self.h0, self.c0, **self.order | options)

    def run(self, threads=None):
        done = self.forward(tape=True, threads=threads)
        back = engine.backward(
            self.layer, self.x, done.output, self.h0, self.c0, done.tape, self.dy, self.dh_n,
            self.dc_n, threads=threads, **self.order,
        )  # fmt: skip
        found = {"output": done.output, "h_n": done.h_n, "c_n": done.c_n}
        if done.tape is not None:
            found |= {"tape": done.tape[..., : self.H]}
        found |= {f"d_{name}": a for name, a in back._asdict().items()}
        return {name: a for name, a in found.items() if a is not None}

    def loss(self):
        self.layer = engine.pack(self.cell, self.weights)
        done = self.forward()
        alive = self.dy.copy()
        if self.order["lengths"] is not None:
            for b, n in enumerate(self.order["lengths"]):
                alive[n:, b] = 0
        total = (done.output * alive).sum() + (done.h_n * self.dh_n).sum()
        return total + (0 if self.dc_n is None else (done.c_n * self.dc_n).sum())


def same_bits(one, other):
    assert one.keys() == other.keys()
    for name, a in one.items():
        assert a.tobytes() == other[name].tobytes(), name


@both
@pytest.mark.parametrize("mode", ["LSTM", "RNN_TANH", "RNN_RELU", "GRU"])
@pytest.mark.parametrize("hidden", [1, 7, 8, 9, 16, 17, 33])
@pytest.mark.parametrize("order", ORDERS, ids=["whole", "ragged", "cut"])
def test_fused_kernels_have_the_bits_of_their_programs(mode, hidden, order, dtype):
    p = Problem(cells.of(mode), 6, hidden, 7, 6, dtype, **order)
    fused = p.run()
    make = _core.LayerF32 if dtype == np.float32 else _core.LayerF64
    w = p.weights
    p.layer = make(
        "PROGRAM", w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh, None,
        cell=compiled(p.cell),
    )  # fmt: skip
    program = p.run()
    for found in (program, fused):  # the RNN's own kernels keep none
        found.pop("tape", None)
    same_bits(program, fused)


@family
@pytest.mark.parametrize("order", [*ORDERS, {"constant": True}], ids=str)
def test_gradients_are_central_differences(cell, order):
    p = Problem(cell, seed=5, **order)
    found = p.run()
    vectors = dict(zip(p.layer.vectors, found.get("d_vectors", ()), strict=True))
    rng = np.random.default_rng(1)
    given = {"x": p.x, "h0": p.h0} | ({} if p.c0 is None else {"c0": p.c0}) | p.arrays
    for name, a in given.items():
        key = {"bias_ih": "d_bias", "bias_hh": "d_bias_hh"}.get(name, f"d_{name}")
        if name == "bias_hh" and not p.layer.split:
            key = "d_bias"
        grad = vectors[name] if name in vectors else found[key]
        way, start, losses = rng.standard_normal(a.shape), a.copy(), []
        for step in (1e-6, -1e-6):
            a[...] = start + step * way
            losses.append(p.loss())
        a[...] = start
        slope = (losses[0] - losses[1]) / 2e-6
        assert slope == pytest.approx((grad * way).sum(), rel=1e-6, abs=1e-7), name


@both
@family
@pytest.mark.parametrize("hidden", [5, 16, 33])
def test_no_division_of_the_work_changes_a_bit(cell, hidden, dtype):
    p = Problem(cell, 4, hidden, 12, 5, dtype, lengths=True)
    whole = p.run(threads=1)
    for threads in (2, 3):
        same_bits(p.run(threads=threads), whole)
    p = Problem(cell, 4, hidden, 12, 5, dtype)
    p.order["masks"] = None
    whole = p.forward()
    first = engine.forward(p.layer, p.x[:5], p.h0, p.c0)
    rest = engine.forward(p.layer, p.x[5:], first.h_n, first.c_n)
    np.testing.assert_array_equal(np.concatenate([first.output, rest.output]), whole.output)
    live, pool = engine.stepper([p.layer]), engine.stream_pool([[p.layer]], 8)
    live.set_state(p.h0[1:2].copy(), None if p.c0 is None else p.c0[1:2].copy())
    ids, y = np.empty(5, np.int64), np.empty((5, hidden), dtype)
    pool.open(ids)
    pool.set_state(0, ids, p.h0[None].copy(), None if p.c0 is None else p.c0[None].copy())
    for t in range(12):
        np.testing.assert_array_equal(live.step(p.x[t, 1].copy()), whole.output[t, 1])
        pool.step(0, ids, p.x[t], y, 2)
        np.testing.assert_array_equal(y, whole.output[t])
    for b in range(5):
        alone = engine.forward(p.layer, p.x[:, [b]], p.h0[[b]], None if p.c0 is None else p.c0[[b]])
        np.testing.assert_array_equal(alone.output[:, 0], whole.output[:, b])


class Threshold(Cell):
    """A state that no derivative reaches the sums by, and that the hidden state shows."""

    gates = {"f": "forget", "g": "candidate"}
    states = {"h": "hidden", "c": "cell"}

    def step(self, a, h, c):
        c = where_positive(a.f, 1.0)
        return tanh(a.g * c), c


class ShownTwice(Cell):
    """A state after the step that reads the new hidden state."""

    gates = {"f": "forget", "g": "candidate"}
    states = {"h": "hidden", "c": "cell"}

    def step(self, a, h, c):
        new = tanh(a.g + c)
        return new, sigmoid(a.f) * c + new


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("cell", [*FAMILY, Threshold(), ShownTwice()], ids=repr)
def test_flows_are_the_total_derivatives_by_every_state(cell, order):
    p = Problem(cell, seed=5, **order)
    done = p.forward(tape=True)
    found = engine.backward(
        p.layer, p.x, done.output, p.h0, p.c0, done.tape, p.dy, p.dh_n, p.dc_n, flow=True,
        **p.order,
    )  # fmt: skip
    order = {name: p.order[name] for name in ("reverse", "lengths", "reset")}
    masks = p.order["masks"]
    if masks is not None:
        masks = {name: masks[:, :, k] for k, name in enumerate(cell.program.masks)}
    run = run_cell(cell, p.weights, p.x, p.h0, p.c0, masks=masks, **order)
    wanted = run_cell_backward(run, p.dy, p.dh_n, p.dc_n)
    for name in ("dh", "dc"):
        flow, total = getattr(found, name), getattr(wanted, name)
        if total is None:
            continue
        alive = np.ones(total.shape[:2], bool)
        if order["lengths"] is not None:
            alive = np.arange(len(alive))[:, None] < order["lengths"]
        np.testing.assert_allclose(
            flow.reshape(total.shape)[alive], total[alive], rtol=1e-11, atol=1e-12, err_msg=name
        )
    for name in ("x", "h0", "c0"):
        if (total := getattr(wanted, f"d{name}")) is not None:
            flow = getattr(found, name).reshape(total.shape)
            np.testing.assert_allclose(flow, total, rtol=1e-11, atol=1e-12, err_msg=name)


def test_states_begin_where_the_cell_says():
    p = Problem(Exponential(), T=3, B=2)
    p.order["reset"] = np.array([[0, 0], [0, 1], [0, 0]], bool)
    h0, c0 = np.zeros((2, 5)), np.zeros((2, 3, 5))
    c0[:, 1] = 1
    by_itself = engine.forward(p.layer, p.x, **p.order)
    np.testing.assert_array_equal(
        by_itself.output, engine.forward(p.layer, p.x, h0, c0, **p.order).output
    )
    live, pool = engine.stepper([p.layer]), engine.stream_pool([[p.layer]], 2)
    ids, y = np.empty(1, np.int64), np.empty((1, 5))
    pool.open(ids)
    for t in range(3):
        np.testing.assert_array_equal(live.step(p.x[t, 0].copy()), by_itself.output[t, 0])
        pool.step(0, ids, p.x[t, :1], y, 1)
        np.testing.assert_array_equal(y[0], by_itself.output[t, 0])
    live.set_state(None, None)
    np.testing.assert_array_equal(live.step(p.x[0, 0].copy()), by_itself.output[0, 0])


def test_masks_are_what_they_are_in_evaluation_where_none_are_given():
    p = Problem(LSTM(zoneout=(0.3, 0.2), recurrent_dropout=0.25))
    order = p.order | {"masks": np.broadcast_to([[0.3], [0.2], [1.0]], (1, 3, 3, 5)).copy()}
    given = engine.forward(p.layer, p.x, p.h0, p.c0, **order)
    p.order["masks"] = None
    np.testing.assert_array_equal(p.forward().output, given.output)
    with pytest.raises(ValueError, match="masks: expected"):
        p.forward(masks=np.ones((2, 3, 3, 5)))


@pytest.mark.parametrize("storage", ["bfloat16", "int8"])
@pytest.mark.parametrize("cell", [Exponential(), Apart(), LSTM(peephole=True)], ids=repr)
def test_compressed_weights_run_as_programs_too(cell, storage):
    p = Problem(cell, 9, 33, 6, 3, np.float32)
    stored = compress(p.weights, storage)
    plain = engine.forward(engine.pack(cell, expand(stored)), p.x, p.h0, p.c0)
    found = engine.forward(engine.pack(cell, stored), p.x, p.h0, p.c0)
    atol = 0 if storage == "bfloat16" else 3e-6
    np.testing.assert_allclose(found.output, plain.output, rtol=0, atol=atol)


def test_matches_sees_the_vectors():
    p = Problem(LSTM(peephole=True))
    assert p.layer.vectors == ["p_i", "p_f", "p_o"]
    assert engine.matches(p.layer, p.weights)
    for a in p.arrays.values():
        a.flat[-1] += 1
        assert not engine.matches(p.layer, p.weights)
        a.flat[-1] -= 1
    w = p.weights
    addresses = [
        a.__array_interface__["data"][0]
        for a in (w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh, *w.vectors.values())
    ]
    assert p.layer.matches_at(*addresses[:4], 0, 1, addresses[4:])
    assert not p.layer.matches_at(*addresses[:4], 0, 1, addresses[5:])


def test_a_layer_of_a_named_cell_runs_on_its_kernel():
    assert engine.pack(LSTM(), Problem(LSTM()).weights).lstm
    assert not engine.pack(GRU(), Problem(GRU()).weights).lstm
    with pytest.raises(ValueError, match="goes with a cell"):
        _core.LayerF64("PROGRAM", np.ones((2, 1)), np.ones((2, 1)), None, None, None)
    none = Problem(LSTM()).weights
    with pytest.raises(ValueError, match="vectors of a cell"):
        _core.LayerF64(
            "PROGRAM", none.weight_ih, none.weight_hh, None, None, None,
            cell=compiled(LSTM(peephole=True)),
        )  # fmt: skip
