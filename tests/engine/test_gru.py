"""The GRU's kernels: torch's numbers, exact derivatives, and the laws of every layer to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from glasscell import _core, engine
from glasscell.cells.compact import compress, expand

SEAMS = (1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65)
ORDERS = (
    {},
    {"reverse": True},
    {"lengths": True},
    {"reset": True},
    {"reverse": True, "lengths": True, "reset": True},
)
both = pytest.mark.parametrize("dtype", [np.float32, np.float64])


class Problem:
    """One layer with all that it is given."""

    def __init__(self, inputs, hidden, T, B, dtype=np.float64, *, bias=True, seed=0, **order):
        rng = np.random.default_rng(seed)
        bound = 1.5 / np.sqrt(hidden)
        shapes = {
            "weight_ih": (3 * hidden, inputs),
            "weight_hh": (3 * hidden, hidden),
            "bias_ih": (3 * hidden,),
            "bias_hh": (3 * hidden,),
        }
        arrays = {
            name: rng.uniform(-bound, bound, shape).astype(dtype)
            for name, shape in shapes.items()
            if bias or "bias" not in name
        }
        absent = {"bias_ih": None, "bias_hh": None, "weight_hr": None}
        self.arrays, self.weights = arrays, SimpleNamespace(**absent | arrays)
        self.layer = engine.pack("GRU", self.weights)
        self.x = rng.standard_normal((T, B, inputs)).astype(dtype)
        self.h0 = rng.uniform(-1, 1, (B, hidden)).astype(dtype)
        self.dy = rng.standard_normal((T, B, hidden)).astype(dtype)
        self.dh_n = rng.standard_normal((B, hidden)).astype(dtype)
        self.order = {
            "reverse": order.get("reverse", False),
            "lengths": rng.integers(0, T, B, endpoint=True) if order.get("lengths") else None,
            "reset": rng.random((T, B)) < 0.3 if order.get("reset") else None,
        }

    def run(self, threads=None, **changed):
        """Forward and backward: what comes out, by name."""
        order = self.order | changed
        done = engine.forward(self.layer, self.x, self.h0, tape=True, threads=threads, **order)
        back = engine.backward(
            self.layer, self.x, done.output, self.h0, None, done.tape, self.dy, self.dh_n,
            flow=True, threads=threads, **order,
        )  # fmt: skip
        hidden = self.layer.hidden_size
        found = {"output": done.output, "h_n": done.h_n, "tape": done.tape[..., :hidden]}
        return found | {f"d_{name}": a for name, a in back._asdict().items() if a is not None}


def same_bits(one, other):
    assert one.keys() == other.keys()
    for name, a in one.items():
        assert a.tobytes() == other[name].tobytes(), name


def by_torch(p, dtype):
    """torch's own GRU on the same numbers, whole sequences: outputs and gradients by name."""
    made = torch.nn.GRU(p.layer.input_size, p.layer.hidden_size, bias=p.layer.bias, dtype=dtype)
    with torch.no_grad():
        for name, a in p.arrays.items():
            getattr(made, f"{name}_l0").copy_(torch.from_numpy(a))
    x, h0 = (torch.from_numpy(a).to(dtype).requires_grad_() for a in (p.x, p.h0))
    output, h_n = made(x, h0[None])
    dy, dh_n = (torch.from_numpy(a).to(dtype) for a in (p.dy, p.dh_n))
    ((output * dy).sum() + (h_n[0] * dh_n).sum()).backward()
    grads = {"d_x": x.grad, "d_h0": h0.grad}
    for name, ours in (
        ("weight_ih", "weight_ih"),
        ("weight_hh", "weight_hh"),
        ("bias_ih", "bias"),
        ("bias_hh", "bias_hh"),
    ):
        if name in p.arrays:
            grads[f"d_{ours}"] = getattr(made, f"{name}_l0").grad
    found = {"output": output, "h_n": h_n[0]} | grads
    return {name: a.detach().double().numpy() for name, a in found.items()}


def error(a, truth):
    return np.abs(a - truth).max(initial=0) / max(np.abs(truth).max(initial=0), 1e-30)


@pytest.mark.parametrize("hidden", SEAMS)
@pytest.mark.parametrize("inputs", SEAMS)
def test_outputs_and_gradients_are_as_exact_as_those_of_torch(inputs, hidden):
    k = SEAMS.index(hidden) + len(SEAMS) * SEAMS.index(inputs)
    T, B = (1, 2, 17)[k % 3], (1, 2, 5, 6, 7)[k % 5]
    p = Problem(inputs, hidden, T, B, np.float32, bias=k % 4 > 0, seed=k)
    truth, theirs, ours = by_torch(p, torch.float64), by_torch(p, torch.float32), p.run()
    floor = (max(inputs + hidden, 3 * hidden, T * B) + 8) * 2.0**-24
    for name, exact in truth.items():
        assert error(ours[name], exact) <= max(2 * error(theirs[name], exact), floor), name


def loss(p):
    done = engine.forward(p.layer, p.x, p.h0, **p.order)
    alive = p.dy.copy()
    if p.order["lengths"] is not None:
        for b, n in enumerate(p.order["lengths"]):
            alive[n:, b] = 0
    return (done.output * alive).sum() + (done.h_n * p.dh_n).sum()


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(order) or "whole")
def test_gradients_are_central_differences(order):
    p = Problem(3, 5, 4, 3, seed=5, **order)
    found = p.run()
    named = {"x": p.x, "h0": p.h0} | p.arrays
    rng = np.random.default_rng(1)
    for name, a in named.items():
        grad = found["d_" + {"bias_ih": "bias"}.get(name, name)]
        way = rng.standard_normal(a.shape)
        start, losses = a.copy(), []
        for step in (1e-6, -1e-6):
            a[...] = start + step * way
            p.layer = engine.pack("GRU", p.weights)
            losses.append(loss(p))
        a[...] = start
        p.layer = engine.pack("GRU", p.weights)
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx((grad * way).sum(), rel=1e-7)


@both
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(order) or "whole")
@pytest.mark.parametrize(("inputs", "hidden", "T", "B"), [(3, 17, 9, 7), (70, 96, 21, 6)])
def test_any_number_of_threads_and_any_batch_give_the_same_bits(inputs, hidden, T, B, order, dtype):
    p = Problem(inputs, hidden, T, B, dtype, **order)
    whole = p.run(threads=1)
    for threads in (2, 3, 8):
        same_bits(p.run(threads=threads), whole)
    for which in ([0], [B - 1, 1], list(range(B))[::-1]):
        few = Problem(inputs, hidden, T, B, dtype)
        for name in ("x", "dy"):
            setattr(few, name, np.ascontiguousarray(getattr(p, name)[:, which]))
        few.h0, few.dh_n = p.h0[which], p.dh_n[which]
        few.order = p.order | {
            "lengths": None if p.order["lengths"] is None else p.order["lengths"][which],
            "reset": None if p.order["reset"] is None else p.order["reset"][:, which],
        }
        alone = few.run()
        for name in ("h_n", "d_h0"):
            assert alone[name].tobytes() == whole[name][which].tobytes(), name
        for name in ("output", "tape", "d_x", "d_dh"):
            assert alone[name].tobytes() == whole[name][:, which].tobytes(), name


@both
@pytest.mark.parametrize(("inputs", "hidden"), [(3, 1), (5, 8), (9, 17), (33, 65)])
def test_steps_streams_tapes_and_layouts_do_not_change_a_bit(inputs, hidden, dtype):
    p = Problem(inputs, hidden, 12, 5, dtype)
    whole = engine.forward(p.layer, p.x, p.h0)
    taped = engine.forward(p.layer, p.x, p.h0, tape=True)
    np.testing.assert_array_equal(taped.output, whole.output)
    first = engine.forward(p.layer, p.x[:5], p.h0)
    rest = engine.forward(p.layer, p.x[5:], first.h_n)
    np.testing.assert_array_equal(np.concatenate([first.output, rest.output]), whole.output)
    np.testing.assert_array_equal(rest.h_n, whole.h_n)
    back = p.x[::-1].copy()
    turned = engine.forward(p.layer, back, p.h0, reverse=True).output[::-1]
    np.testing.assert_array_equal(turned, whole.output)

    live = engine.stepper([p.layer])
    live.set_state(p.h0[1:2].copy(), None)
    for t in range(12):
        np.testing.assert_array_equal(live.step(p.x[t, 1].copy()), whole.output[t, 1])
    h = np.empty((1, hidden), dtype)
    live.get_state(h, None)
    np.testing.assert_array_equal(h[0], whole.h_n[1])

    pool = engine.stream_pool([[p.layer]], 8)
    ids, y = np.empty(5, np.int64), np.empty((5, hidden), dtype)
    pool.open(ids)
    pool.set_state(0, ids, p.h0[None].copy(), None)
    for t in range(12):
        pool.step(0, ids, p.x[t], y, 2)
        np.testing.assert_array_equal(y, whole.output[t])
    states = np.empty((1, 5, hidden), dtype)
    pool.get_state(0, ids, states, None)
    np.testing.assert_array_equal(states[0], whole.h_n)


@both
def test_packed_rows_have_the_bits_of_padded_ones(dtype):
    p = Problem(4, 9, 6, 4, dtype)
    lengths = np.array([6, 4, 4, 1])
    sizes = np.array([(lengths > t).sum() for t in range(6)])
    rows = np.concatenate([np.arange(n) + 4 * t for t, n in enumerate(sizes)])
    padded = p.run(lengths=lengths)
    q = Problem(4, 9, 6, 4, dtype)
    q.x, q.dy = (a.reshape(24, -1)[rows] for a in (p.x, p.dy))
    q.order = {"batch_sizes": sizes}
    packed = q.run()
    for name in ("h_n", "d_h0", "d_weight_ih", "d_weight_hh", "d_bias", "d_bias_hh"):
        assert packed[name].tobytes() == padded[name].tobytes(), name
    for name in ("output", "d_x", "d_dh", "tape"):
        flat = padded[name].reshape(24, *padded[name].shape[2:])[rows]
        assert packed[name].tobytes() == flat.tobytes(), name


@pytest.mark.parametrize("B", [1, 5])
def test_a_stack_has_the_bits_of_its_layers_in_turn(B):
    first, second = Problem(12, 40, 64, B), Problem(40, 40, 64, B, seed=1)
    one = engine.forward(first.layer, first.x)
    two = engine.forward(second.layer, one.output)
    for threads in (1, 2):
        stack = engine.forward_stack([first.layer, second.layer], first.x, threads=threads)
        np.testing.assert_array_equal(stack.output, two.output)
        np.testing.assert_array_equal(stack.h_n, np.stack([one.h_n, two.h_n]))


@both
@pytest.mark.parametrize("hidden", [7, 16])
@pytest.mark.parametrize("segment", [1, 3, 5])
def test_a_tape_of_segments_gives_the_bits_of_a_whole_one(segment, hidden, dtype):
    p = Problem(3, hidden, 11, 4, dtype, lengths=True, reset=True)
    whole = p.run()
    T, B, layer = 11, 4, p.layer

    def at(a):
        return a.__array_interface__["data"][0]

    y, h_n = np.empty((T, B, hidden), dtype), np.empty((B, hidden), dtype)
    tape = np.empty((segment, B, layer.kept, layer.padded_size), dtype)
    lengths = p.order["lengths"].astype(np.int64)
    reset = p.order["reset"].view(np.uint8)
    shared = {
        "x": at(p.x), "x_step": B * 3, "x_row": 3, "steps": T, "batch": B, "threads": 2,
        "lengths": at(lengths), "reset": at(reset), "segment": segment, "h0": at(p.h0),
        "y": at(y), "y_step": B * hidden, "y_row": hidden,
    }  # fmt: skip
    layer.forward_at(engine.Addresses(**shared, h_n=at(h_n)))
    assert y.tobytes() == whole["output"].tobytes()
    made = {
        "d_x": np.empty_like(p.x),
        "d_h0": np.empty_like(p.h0),
        **{k: np.empty_like(whole[k]) for k in whole if "weight" in k or "bias" in k},
    }
    layer.backward_at(
        engine.Addresses(**shared, tape=at(tape)),
        engine.GradientAddresses(
            dy=at(p.dy), dy_step=B * hidden, dy_row=hidden, dh_n=at(p.dh_n),
            **{k.replace("_", "", 1): at(a) for k, a in made.items()},
        ),
    )  # fmt: skip
    same_bits(made, {k: whole[k] for k in made})


@pytest.mark.parametrize("T", [0, 2])
@pytest.mark.parametrize("B", [0, 3])
def test_nothing_to_run_passes_the_state_through(T, B):
    p = Problem(3, 5, T, B)
    done = p.run()
    assert done["output"].shape == (T, B, 5)
    if T == 0:
        np.testing.assert_array_equal(done["h_n"], p.h0)
        np.testing.assert_array_equal(done["d_h0"], p.dh_n)
        assert not done["d_bias_hh"].any()


def test_a_bfloat16_layer_has_the_bits_of_one_with_the_rounded_weights():
    p = Problem(9, 33, 7, 5, np.float32)
    stored = compress(p.weights, "bfloat16")
    rounded = engine.forward(engine.pack("GRU", expand(stored)), p.x, p.h0)
    found = engine.forward(engine.pack("GRU", stored), p.x, p.h0)
    np.testing.assert_array_equal(found.output, rounded.output)


@pytest.mark.parametrize(("inputs", "hidden"), [(9, 33), (16, 16), (1, 1)])
def test_an_int8_layer_is_as_near_as_its_sums_allow_and_steps_with_the_same_bits(inputs, hidden):
    p = Problem(inputs, hidden, 7, 5, np.float32)
    stored = compress(p.weights, "int8")
    plain = engine.forward(engine.pack("GRU", expand(stored)), p.x, p.h0)
    layer = engine.pack("GRU", stored)
    found = engine.forward(layer, p.x, p.h0)
    np.testing.assert_allclose(found.output, plain.output, atol=2e-6)
    live = engine.stepper([layer])
    live.set_state(p.h0[:1].copy(), None)
    for t in range(7):
        np.testing.assert_array_equal(live.step(p.x[t, 0].copy()), found.output[t, 0])


def test_matches_sees_every_array():
    p = Problem(3, 5, 1, 1)
    assert engine.matches(p.layer, p.weights)
    for a in p.arrays.values():
        a.flat[-1] += 1
        assert not engine.matches(p.layer, p.weights)
        a.flat[-1] -= 1
    assert p.layer.gate_rows == 15
    assert (p.layer.extra_states, p.layer.kept, p.layer.sums, p.layer.split) == (0, 4, 4, True)


def digest():
    """Bits of layers around the lanes of every instruction set, for one process each."""
    import hashlib

    total = hashlib.sha256()
    for hidden in (1, 5, 16, 33):
        for dtype in (np.float32, np.float64):
            for order in ORDERS:
                for a in Problem(7, hidden, 6, 5, dtype, **order).run().values():
                    total.update(np.ascontiguousarray(a).tobytes())
        p = Problem(7, hidden, 6, 5, np.float32)
        for storage in ("bfloat16", "int8"):
            layer = engine.pack("GRU", p.weights, storage)
            total.update(engine.forward(layer, p.x, p.h0).output.tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("isa", [isa for isa in _core.isas if isa != _core.isa])
def test_every_instruction_set_computes_the_same_bits(isa):
    found = subprocess.run(
        [sys.executable, __file__],
        env=os.environ | {"GLASSCELL_FORCE_ISA": isa},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == digest()


if __name__ == "__main__":
    print(digest())
