"""What the engine refuses, with a reason; and that nothing given to it can crash the process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import _core, engine, threads
from glasscell.cells.parameters import Config
from glasscell.errors import DtypeError, ShapeError
from strategies import layer_weights, make_problem

CONFIG = Config(mode="LSTM", input_size=3, hidden_size=5, proj_size=2)
T, B = 4, 6
f8 = np.float64


def problem(**options):
    return make_problem(CONFIG, T, B, **options)


@pytest.fixture(scope="module")
def layer():
    return engine.pack("LSTM", problem().weights)


WRONG_FORWARD = {
    "x of two axes": ({"x": np.zeros((4, 3))}, ShapeError, r"x: expected \(T, B, I\) with I=3"),
    "x of another width": ({"x": np.zeros((4, 6, 2))}, ShapeError, r"got \(4, 6, 2\)"),
    "x of float32": ({"x": np.zeros((4, 6, 3), np.float32)}, DtypeError, "expected float64"),
    "x of integers": ({"x": np.zeros((4, 6, 3), int)}, DtypeError, "got int64"),
    "x of objects": ({"x": np.zeros((4, 6, 3), object)}, DtypeError, "got object"),
    "x in the other byte order": ({"x": np.zeros((4, 6, 3), ">f8")}, DtypeError, "got >f8"),
    "x as a list": ({"x": [[[0.0] * 3]]}, DtypeError, "NumPy array, got list"),
    "x as None": ({"x": None}, DtypeError, "got NoneType"),
    "h0 of the hidden size": ({"h0": np.zeros((6, 5))}, ShapeError, r"h0: expected \(6, 2\)"),
    "h0 with a layer axis": ({"h0": np.zeros((1, 6, 2))}, ShapeError, "h0"),
    "h0 of float32": ({"h0": np.zeros((6, 2), np.float32)}, DtypeError, "h0"),
    "c0 of the output size": ({"c0": np.zeros((6, 2))}, ShapeError, r"c0: expected \(6, 5\)"),
    "lengths too long": ({"lengths": [5] * 6}, ShapeError, "from 0 to T=4"),
    "lengths below zero": ({"lengths": [-1] * 6}, ShapeError, "lengths"),
    "lengths of another batch": ({"lengths": [4] * 5}, ShapeError, r"expected \(6,\)"),
    "lengths of two axes": ({"lengths": [[4] * 6]}, ShapeError, "lengths"),
    "lengths of floats": ({"lengths": [1.5] * 6}, DtypeError, "expected integers"),
    "no lengths, of complex": ({"lengths": np.zeros(0, complex)}, DtypeError, "got complex128"),
    "reset turned round": ({"reset": np.zeros((6, 4), bool)}, ShapeError, r"expected \(4, 6\)"),
    "reset of integers": ({"reset": np.zeros((4, 6), int)}, DtypeError, "astype"),
    "out of another shape": ({"out": np.zeros((4, 6, 5))}, ShapeError, r"expected \(4, 6, 2\)"),
    "out of float32": ({"out": np.zeros((4, 6, 2), np.float32)}, DtypeError, "out"),
    "out with a gap": ({"out": np.zeros((4, 6, 4))[..., ::2]}, ShapeError, "contiguous"),
    "out read-only": ({"out": np.broadcast_to(0.0, (4, 6, 2))}, ShapeError, "writeable"),
    "no threads": ({"threads": 0}, ValueError, "threads: expected a positive number"),
    "half a thread": ({"threads": 1.5}, TypeError, "threads: expected an integer"),
}


@pytest.mark.parametrize("case", WRONG_FORWARD)
def test_forward_says_what_it_expected(layer, case):
    change, error, message = WRONG_FORWARD[case]
    p = problem()
    arguments = {"x": p.x, "h0": p.h0, "c0": p.c0} | change
    with pytest.raises(error, match=message):
        engine.forward(layer, **arguments)


@pytest.mark.parametrize(
    "sizes",
    [[], [6, 6, 7, 5], [6, 6, 6, 0], [6, 6], [24.0], [[24]], [-1, 25], [25], [2**62, 2**62]],
)
def test_batch_sizes_must_fit_the_rows(layer, sizes):
    with pytest.raises((ShapeError, DtypeError), match="batch_sizes"):
        engine.forward(layer, np.zeros((24, 3)), batch_sizes=sizes)


def test_lengths_and_batch_sizes_exclude_each_other(layer):
    with pytest.raises(ShapeError, match="lengths: expected None beside batch_sizes"):
        engine.forward(layer, np.zeros((24, 3)), batch_sizes=[6] * 4, lengths=[4] * 6)


WRONG_BACKWARD = {
    "dy of another width": ({"dy": np.zeros((4, 6, 5))}, ShapeError, "dy"),
    "dy of float32": ({"dy": np.zeros((4, 6, 2), np.float32)}, DtypeError, "dy"),
    "dh_n of another batch": ({"dh_n": np.zeros((5, 2))}, ShapeError, r"dh_n: expected \(6, 2\)"),
    "dc_n of another size": ({"dc_n": np.zeros((6, 2))}, ShapeError, r"dc_n: expected \(6, 5\)"),
    "no tape": ({"tape": None}, ShapeError, "tape=True"),
    "tape of four": ({"tape": np.zeros((4, 6, 4, 8))}, ShapeError, "tape"),
    "output of another length": ({"output": np.zeros((3, 6, 2))}, ShapeError, "output"),
    "no output": ({"output": None}, ShapeError, "output"),
}


@pytest.mark.parametrize("case", WRONG_BACKWARD)
def test_backward_says_what_it_expected(layer, case):
    change, error, message = WRONG_BACKWARD[case]
    p = problem()
    run = engine.forward(layer, p.x, p.h0, p.c0, tape=True)
    arguments = {"x": p.x, "output": run.output, "h0": p.h0, "c0": p.c0, "tape": run.tape}
    with pytest.raises(error, match=message):
        engine.backward(layer, **(arguments | {"dy": np.zeros((4, 6, 2))} | change))


def test_pack_says_what_it_expected():
    w = problem().weights
    with pytest.raises(ValueError, match=r"expected a cell or mode LSTM.*GRU, got 'X'"):
        engine.pack("X", w)
    with pytest.raises(DtypeError, match="all float32 or all float64, got float32, float64"):
        engine.pack("LSTM", replace(w, bias_ih=w.bias_ih.astype(np.float32)))
    with pytest.raises(DtypeError, match="float16"):
        engine.pack("LSTM", replace(w, weight_ih=w.weight_ih.astype(np.float16)))
    for change in (
        {"weight_hh": w.weight_hh[:-1]},
        {"weight_hh": w.weight_hh[0]},
        {"weight_ih": w.weight_ih[:, :0]},
        {"bias_hh": None},
        {"bias_hh": w.bias_hh[:-1]},
        {"weight_hr": None},
        {"weight_hr": w.weight_hr.T},
    ):
        with pytest.raises(ShapeError, match="expected weight_ih"):
            engine.pack("LSTM", replace(w, **change))
    with pytest.raises(ShapeError):
        engine.pack("RNN_TANH", w)


def test_weights_of_any_strides_are_packed_alike():
    w = problem().weights
    x, plain = np.ones((2, 1, 3)), engine.pack("LSTM", w)
    turned = {name: np.asfortranarray(a) for name, a in w.arrays().items()}
    strided = engine.pack("LSTM", type(w)(**turned))
    assert engine.matches(strided, type(w)(**turned))
    assert engine.forward(strided, x).output.tobytes() == engine.forward(plain, x).output.tobytes()


def test_linear_says_what_it_expected():
    packed = engine.pack_linear(np.ones((2, 3)), np.zeros(2))
    for x, error in (
        (np.zeros((4, 2)), ShapeError),
        (np.float64(1.0), DtypeError),
        (np.zeros((4, 3), np.float32), DtypeError),
        ([[1.0, 2.0, 3.0]], DtypeError),
    ):
        with pytest.raises(error, match="x: expected"):
            engine.linear(packed, x)
    for out in (np.zeros((4, 3)), np.zeros((2, 4)).T, np.zeros((8, 2))[::2]):
        with pytest.raises(ShapeError, match="out: expected"):
            engine.linear(packed, np.zeros((4, 3)), out=out)
    with pytest.raises(DtypeError, match="float32, float64"):
        engine.pack_linear(np.ones((2, 3)), np.zeros(2, np.float32))
    for weight, bias in (
        (np.ones(3), None),
        (np.ones((2, 0)), None),
        (np.ones((2, 3)), np.ones(3)),
    ):
        with pytest.raises(ShapeError, match="pack_linear: expected weight"):
            engine.pack_linear(weight, bias)
    assert engine.linear(packed, np.zeros((0, 3))).shape == (0, 2)
    assert engine.linear(packed, np.ones(3)).tolist() == [3.0, 3.0]


# Sizes that are often right and sometimes not; strides of every kind; dtypes that do not fit.
SIZE = st.sampled_from((0, 1, 2, 2, 3, 3, 4, 5, 6, 6))
DTYPE = st.sampled_from(
    (f8, f8, f8, f8, np.float32, np.int64, np.bool_, np.complex128, ">f8", "U3")
)


@st.composite
def arrays(draw, ndim, dtype=DTYPE):
    shape = draw(st.lists(SIZE, min_size=max(0, ndim - 1), max_size=ndim + 1))
    array = np.zeros(shape, draw(dtype))
    kind = draw(st.sampled_from("CFR0"))
    if kind == "F":
        return np.asfortranarray(array)
    if kind == "R":
        return array[tuple(slice(None, None, -1) for _ in shape)]
    return np.broadcast_to(array, (*shape[:-1], 3)) if kind == "0" and shape[-1:] == [1] else array


def refusal(call, *arguments, **options):
    """The reason why a call was refused; None when it ran."""
    try:
        call(*arguments, **options)
    except (ValueError, TypeError) as error:
        return str(error)
    return None


def swapped(data, given):
    """Right arguments with one to three of them replaced by others, or by nothing."""
    names = st.lists(st.sampled_from(sorted(given)), min_size=1, max_size=3, unique=True)
    anything = {
        name: st.none() | arrays(getattr(given[name], "ndim", 1)) for name in data.draw(names)
    }
    return given | {name: data.draw(strategy) for name, strategy in anything.items()}


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_whatever_forward_is_given_it_runs_or_says_why_not(layer, data):
    p = problem(ragged=True, cut=True)
    right = {
        "x": p.x, "h0": p.h0, "c0": p.c0, "lengths": p.lengths, "reset": p.reset,
        "out": np.zeros((T, B, 2)), "batch_sizes": None,
    }  # fmt: skip
    assert refusal(engine.forward, layer, **right) is None
    reason = refusal(engine.forward, layer, **swapped(data, right))
    assert reason is None or ": expected" in reason


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_whatever_backward_is_given_it_runs_or_says_why_not(layer, data):
    p = problem()
    run = engine.forward(layer, p.x, p.h0, p.c0, tape=True)
    right = {
        "x": p.x, "output": run.output, "h0": p.h0, "c0": p.c0, "tape": run.tape,
        "dy": run.output, "dh_n": p.h0, "dc_n": p.c0, "lengths": None, "batch_sizes": None,
    }  # fmt: skip
    assert refusal(engine.backward, layer, **right) is None
    reason = refusal(engine.backward, layer, **swapped(data, right))
    assert reason is None or ": expected" in reason


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_the_core_refuses_what_would_read_or_write_outside_an_array(data):
    """The engine's arguments with one or two replaced, given past the engine's checks."""
    p = problem()
    layer = engine.pack("LSTM", p.weights)
    good = engine.forward(layer, p.x, p.h0, p.c0, tape=True)
    G, tape = 20, np.zeros((T, B, 5, layer.padded_size))
    lengths, reset = np.full(B, T), np.zeros((T, B), np.uint8)
    z = np.zeros
    forward = [p.x, p.h0, p.c0, z((T, B, 2)), z((B, 2)), z((B, 5)), tape, lengths, reset, None]
    backward = [
        p.x, p.h0, p.c0, good.output, good.tape, z((T, B, 2)), z((B, 2)), z((B, 5)),
        z((T, B, 3)), z((B, 2)), z((B, 5)), z((G, 3)), z((G, 2)), z(G), z((2, 5)),
        z((T, B, 2)), z((T, B, 5)), lengths, reset, None,
    ]  # fmt: skip
    method, given = data.draw(
        st.sampled_from([(layer.forward, forward), (layer.backward, backward)])
    )
    assert refusal(method, *given, False, 2) is None
    replaced = swapped(data, dict(enumerate(given)))
    wild = data.draw(st.booleans()), data.draw(st.integers(-3, 70))
    assert refusal(method, *replaced.values(), *wild) != ""


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [([T + 1] * B, None), ([-1] * B, None), (None, [6, 7]), (None, [2**62] * 4)],
)
def test_the_core_checks_values_that_say_how_far_to_read(layer, lengths, sizes):
    lead = (T, B) if sizes is None else (T * B,)
    given = [np.array(v) if v is not None else None for v in (lengths, sizes)]
    with pytest.raises(ValueError, match="_core"):
        layer.forward(
            np.zeros((*lead, 3)), None, None, np.zeros((*lead, 2)), np.zeros((B, 2)),
            np.zeros((B, 5)), None, given[0], None, given[1], False, 1,
        )  # fmt: skip


def test_the_core_does_not_convert_or_write_into_read_only_arrays(layer):
    y = np.broadcast_to(0.0, (T, B, 2))
    for x, out in (
        (np.zeros((T, B, 3)), y),
        (np.zeros((T, B, 3), np.float32), np.zeros((T, B, 2))),
    ):
        with pytest.raises(TypeError):
            layer.forward(
                x, None, None, out, np.zeros((B, 2)), np.zeros((B, 5)),
                None, None, None, None, False, 1,
            )  # fmt: skip
    with pytest.raises(TypeError):
        _core.sigmoid(np.zeros(3, int), np.zeros(3))
    with pytest.raises(ValueError, match="_core"):
        _core.sigmoid(np.zeros(3), np.zeros(4))


def test_a_stepper_says_what_it_expected(layer):
    small = engine.pack("RNN_TANH", make_weights(np.float32))
    wide = engine.pack("RNN_TANH", make_weights(np.float64))
    for layers, error in (
        ([], DtypeError),
        ([small, wide], DtypeError),
        ([layer, wide], ShapeError),
    ):
        with pytest.raises(error, match="stepper: expected"):
            engine.stepper(layers)
    live = engine.stepper([layer])
    for x in (
        np.zeros(2),
        np.zeros((1, 3)),
        np.zeros(3, np.float32),
        np.zeros(6)[::2],
        None,
        [0.0],
    ):
        with pytest.raises((ValueError, TypeError)):
            live.step(x)
    for h, c in ((np.zeros((2, 2)), None), (np.zeros(2), None), (None, np.zeros((1, 2)))):
        for method in (live.set_state, live.get_state):
            with pytest.raises((ValueError, TypeError)):
                method(h, c)
    with pytest.raises(TypeError):
        _core.StepperF64(None, 1)
    with pytest.raises((TypeError, RuntimeError)):
        _core.StepperF64([small], 1)


def make_weights(dtype):
    config = Config(mode="RNN_TANH", input_size=3, hidden_size=3)
    return layer_weights(config, np.random.default_rng(0), dtype)


def test_a_stepper_keeps_its_layers_and_its_output_alive():
    layers = [engine.pack("RNN_TANH", make_weights(np.float64)) for _ in range(3)]
    live, expected = _core.StepperF64(layers, 1), engine.stepper(list(layers))
    expected = expected.step(np.ones(3)).copy()
    layers.clear()
    gc.collect()
    output = live.step(np.ones(3))
    assert output is live.output
    del live
    gc.collect()
    assert output.tobytes() == expected.tobytes()


def test_denormal_mode_of_the_caller_is_left_as_it_was(layer):
    tiny = np.float64(5e-324)
    engine.forward(layer, np.full((T, B, 3), 1e-310), threads=2)
    assert tiny * 1.0 == 5e-324
    assert tiny + tiny > tiny


def test_denormals_do_not_slow_a_layer_down():
    """Every product underflows here and is flushed: no more than twice the time."""
    config = Config(mode="LSTM", input_size=64, hidden_size=64, bias=False)
    w = layer_weights(config, np.random.default_rng(0), np.float32)
    small = replace(w, weight_ih=w.weight_ih * np.float32(1e-20))
    x = np.random.default_rng(1).standard_normal((50, 8, 64)).astype(np.float32)

    def seconds(weights, x):
        layer, best = engine.pack("LSTM", weights), np.inf
        for _ in range(10):
            start = time.perf_counter()
            engine.forward(layer, x, threads=1)
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(small, x * np.float32(1e-20)) < 2 * seconds(w, x)


def test_threads_come_from_the_call_then_the_setting_then_the_environment(monkeypatch):
    monkeypatch.setattr(threads, "_threads", 0)
    monkeypatch.setenv("GLASSCELL_NUM_THREADS", "3")
    assert engine.get_num_threads() == 3
    assert engine.cpu_info()["threads"] == 3
    engine.set_num_threads(2)
    assert engine.get_num_threads() == 2
    monkeypatch.setattr(threads, "_threads", 0)
    monkeypatch.delenv("GLASSCELL_NUM_THREADS")
    assert 1 <= engine.get_num_threads() <= os.cpu_count()


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²"])
def test_a_bad_number_of_threads_in_the_environment_is_an_error(monkeypatch, value):
    monkeypatch.setattr(threads, "_threads", 0)
    monkeypatch.setenv("GLASSCELL_NUM_THREADS", value)
    with pytest.raises(ValueError, match="GLASSCELL_NUM_THREADS: expected a positive number"):
        engine.get_num_threads()


@pytest.mark.parametrize(
    ("n", "error"), [(0, ValueError), (-2, ValueError), (1.5, TypeError), ("2", TypeError)]
)
def test_a_bad_number_of_threads_is_an_error(n, error):
    with pytest.raises(error, match="set_num_threads: expected"):
        engine.set_num_threads(n)


def test_without_the_core_the_import_says_what_to_do():
    code = "import sys; sys.modules['glasscell._core'] = None; import glasscell.engine"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "the compiled core cannot be loaded" in run.stderr
    assert "pip install" in run.stderr
