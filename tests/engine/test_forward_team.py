"""Few long sequences on several threads: hidden units are divided, no bit changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from glasscell import engine
from glasscell.cells import GRU, LSTM, SLSTM
from glasscell.cells.compact import compress
from glasscell.cells.parameters import LayerWeights

# From H = 64 on, several threads share the units; 80, 104, 144 and 200 do not divide evenly.
HIDDEN = (64, 80, 104, 144, 200, 256)


def problem(hidden, dtype=np.float32, steps=70, inputs=9, mode="LSTM"):
    rng = np.random.default_rng(hidden)
    draw = lambda *shape: rng.uniform(-0.2, 0.2, shape).astype(dtype)  # noqa: E731
    rows = 4 * hidden if mode == "LSTM" else hidden
    weights = _Weights(draw(rows, inputs), draw(rows, hidden), draw(rows), draw(rows))
    c0 = draw(1, hidden) if mode == "LSTM" else None
    return engine.pack(mode, weights), draw(steps, 1, inputs), draw(1, hidden), c0


def problem_of(cell, hidden, batch=1, steps=41, dtype=np.float32):
    """A layer that is no LSTM and no RNN, with x and the states before it."""
    rng = np.random.default_rng(hidden)
    draw = lambda *shape: rng.uniform(-0.2, 0.2, shape).astype(dtype)  # noqa: E731
    rows, S = len(cell.gates) * hidden, cell.extra_states
    shapes = {"weight_ih": (rows, 9), "weight_hh": (rows, hidden)}
    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    shapes |= dict.fromkeys(cell.program.vectors, (hidden,))
    arrays = {name: draw(*shape) for name, shape in shapes.items()}
    shape = (batch, hidden) if S == 1 else (batch, S, hidden)
    c0 = draw(*shape) + 1 if S else None
    layer = engine.pack(cell, LayerWeights.named(arrays))
    return layer, draw(steps, batch, 9), draw(batch, hidden), c0


class _Weights:
    def __init__(self, weight_ih, weight_hh, bias_ih, bias_hh):
        self.weight_ih, self.weight_hh = weight_ih, weight_hh
        self.bias_ih, self.bias_hh, self.weight_hr = bias_ih, bias_hh, None


def assert_same(one, other):
    for name in ("output", "h_n", "c_n", "tape"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_array_equal(a, b, err_msg=name)


OPTIONS = {
    "plain": {},
    "traced": {"tape": True},
    "reversed": {"reverse": True},
    "cut": {"reset": np.arange(70)[:, None] % 11 == 4},
    "cut and reversed": {"reset": np.arange(70)[:, None] % 11 == 4, "reverse": True},
    "ended early": {"lengths": np.array([37])},
    "ended early, reversed": {"lengths": np.array([37]), "reverse": True, "tape": True},
    "ended before it began": {"lengths": np.array([0])},
    "packed": {"batch_sizes": np.ones(70, np.int64)},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_threads_gives_the_same_bits(hidden, dtype, options):
    layer, x, h0, c0 = problem(hidden, dtype)
    x = x[:, 0] if "batch_sizes" in options else x
    alone = engine.forward(layer, x, h0, c0, threads=1, **options)
    for threads in (2, 3, 8):
        assert_same(alone, engine.forward(layer, x, h0, c0, threads=threads, **options))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("mode", ["RNN_TANH", "RNN_RELU"])
@pytest.mark.parametrize("hidden", [200, 256, 300, 520])
def test_an_rnn_on_any_number_of_threads_gives_the_same_bits(hidden, mode, options):
    options = {name: value for name, value in options.items() if name != "tape"}
    layer, x, h0, _ = problem(hidden, mode=mode)
    x = x[:, 0] if "batch_sizes" in options else x
    alone = engine.forward(layer, x, h0, threads=1, **options)
    for threads in (2, 3, 8):
        assert_same(alone, engine.forward(layer, x, h0, threads=threads, **options))


@pytest.mark.parametrize("kind", ["plain", "traced", "ragged", "cut", "ragged and cut", "packed"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("mode", "hidden"), [("LSTM", 256), ("LSTM", 200), ("RNN_TANH", 520)])
def test_a_small_batch_on_any_number_of_threads_gives_the_same_bits(mode, hidden, reverse, kind):
    rng = np.random.default_rng(7)
    layer, _, _, _ = problem(hidden, mode=mode)
    for batch in (2, 3, 4, 5, 8, 11):
        x = rng.standard_normal((23, batch, 9)).astype(np.float32)
        h0, c0 = (rng.uniform(-1, 1, (batch, hidden)).astype(np.float32) for _ in range(2))
        options = {"reverse": reverse}
        if "ragged" in kind:
            options["lengths"] = rng.permutation([0, 23, 1, 22, 9, 9, 4, 17, 2, 3, 23][:batch])
        if "cut" in kind:
            options["reset"] = rng.random((23, batch)) < 0.2
        if kind == "packed":
            options["batch_sizes"] = np.array([batch] * 9 + [2] * 6 + [1] * 8)
            x = rng.standard_normal((options["batch_sizes"].sum(), 9)).astype(np.float32)
        options["tape"] = kind == "traced" and mode == "LSTM"
        states = (h0, c0 if mode == "LSTM" else None)
        alone = engine.forward(layer, x, *states, threads=1, **options)
        for threads in (2, 3, 8):
            assert_same(alone, engine.forward(layer, x, *states, threads=threads, **options))


CELLS = [GRU(), LSTM(peephole=True), LSTM(coupled=True), SLSTM(), LSTM(layer_norm=True)]


@pytest.mark.parametrize("kind", ["plain", "traced", "ragged", "cut", "without states"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_other_cells_on_any_number_of_threads_give_the_same_bits(cell, reverse, kind):
    rng = np.random.default_rng(7)
    for hidden, batch, dtype in (
        (128, 1, np.float32), (256, 1, np.float32), (200, 1, np.float32), (128, 1, np.float64),
        (256, 2, np.float32), (256, 5, np.float32),
    ):  # fmt: skip
        layer, x, h0, c0 = problem_of(cell, hidden, batch, dtype=dtype)
        options = {"reverse": reverse, "tape": kind == "traced"}
        if kind == "ragged":
            options["lengths"] = rng.permutation([0, 41, 17, 40, 9])[:batch]
        if kind == "cut":
            options["reset"] = rng.random((41, batch)) < 0.2
        states = (None, None) if kind == "without states" else (h0, c0)
        alone = engine.forward(layer, x, *states, threads=1, **options)
        for threads in (2, 3, 8):
            found = engine.forward(layer, x, *states, threads=threads, **options)
            for name in ("output", "h_n", "c_n"):
                np.testing.assert_array_equal(getattr(found, name), getattr(alone, name), name)
            if kind == "traced":
                np.testing.assert_array_equal(found.tape[..., :hidden], alone.tape[..., :hidden])


@pytest.mark.parametrize("storage", [None, "bfloat16", "int8"])
@pytest.mark.parametrize("hidden", [384, 512])
@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_live_steps_of_other_cells_on_several_threads_give_the_same_bits(cell, hidden, storage):
    layer, x, h0, c0 = problem_of(cell, hidden, steps=12)
    if storage:
        rng = np.random.default_rng(1)
        names = [*layer.vectors]
        rows = len(cell.gates) * hidden
        shapes = {"weight_ih": (rows, 9), "weight_hh": (rows, hidden), "bias_ih": (rows,)}
        shapes |= {"bias_hh": (rows,), **dict.fromkeys(names, (hidden,))}
        drawn = {k: rng.uniform(-0.2, 0.2, s).astype(np.float32) for k, s in shapes.items()}
        layer = engine.pack(cell, compress(LayerWeights.named(drawn), storage))
    whole = engine.forward(layer, x, h0, c0, threads=1)
    for threads in (1, 2, 4):
        live = engine.stepper([layer], threads)
        live.set_state(h0.copy(), None if c0 is None else c0.copy())
        for t in range(12):
            np.testing.assert_array_equal(live.step(x[t, 0].copy()), whole.output[t, 0])


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 63, 64, 65, 200])
def test_any_number_of_steps_gives_the_same_bits(steps):
    layer, x, h0, c0 = problem(128, steps=steps)
    alone = engine.forward(layer, x, h0, c0, threads=1)
    assert_same(alone, engine.forward(layer, x, h0, c0, threads=2))


def test_more_threads_than_cores_finish_and_agree():
    layer, x, h0, c0 = problem(256)
    alone = engine.forward(layer, x, h0, c0, threads=1)
    for _ in range(50):
        assert_same(alone, engine.forward(layer, x, h0, c0, threads=8))


def test_python_threads_may_run_teams_at_the_same_time():
    layer, x, h0, c0 = problem(144)
    alone = engine.forward(layer, x, h0, c0, threads=1)
    together = threading.Barrier(3)

    def run(_):
        together.wait()
        return [engine.forward(layer, x, h0, c0, threads=2) for _ in range(20)]

    with ThreadPoolExecutor(3) as pool:
        for runs in pool.map(run, range(3)):
            for one in runs:
                assert_same(alone, one)
