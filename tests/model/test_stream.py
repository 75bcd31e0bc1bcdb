"""One step at a time: the bits of a whole run, a state that one can take out and put back."""

from __future__ import annotations

import numpy as np
import pytest

from glasscell.errors import DataError, DtypeError, ShapeError
from glasscell.model.model import Model
from madeup import (
    CONFIGS,
    FORWARD_ONLY,
    encoder_decoder,
    inputs,
    linear,
    name_of,
    recurrent,
    sequential,
)


def _steps(stream, x):
    return np.stack([stream.step(x_t).copy() for x_t in x])


@pytest.mark.parametrize("config", FORWARD_ONLY, ids=name_of)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_stream_gives_the_bits_of_a_whole_run(config, dtype):
    model = Model(*recurrent(config, dtype=dtype))
    x = inputs(model, 11)
    run = model.run(x)
    stream = model.stream()
    np.testing.assert_array_equal(_steps(stream, x), run.output)
    parts = zip(stream.state, run.state, strict=True)
    for part, wanted in parts:
        np.testing.assert_array_equal(part, wanted)


EVERY_NODE = [
    {"type": "ELU", "alpha": 0.7},
    {"type": "GELU", "approximate": "none"},
    {"type": "GELU", "approximate": "tanh"},
    {"type": "LeakyReLU", "negative_slope": 0.1},
    {"type": "LogSoftmax"},
    {"type": "ReLU"},
    {"type": "SiLU"},
    {"type": "Sigmoid"},
    {"type": "Softmax"},
    {"type": "Softplus", "beta": 2, "threshold": 20},
    {"type": "Tanh"},
    {"type": "Identity"},
    {"type": "Dropout"},
]


@pytest.mark.parametrize("node", EVERY_NODE, ids=lambda node: node["type"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_has_the_same_bits_in_a_stream_and_in_any_batch(node, dtype):
    model = sequential(
        (node, {}),
        recurrent(FORWARD_ONLY[0], "1", dtype),
        (node, {}),
        linear(5, 9, "3", dtype),
        (node, {}),
    )
    x = 3 * inputs(model, 13, 5)
    whole = model.run(x).output
    for b in range(5):
        np.testing.assert_array_equal(_steps(model.stream(), x[:, b]), whole[:, b])


def test_a_layer_norm_has_the_same_bits_in_a_stream():
    node = {"type": "LayerNorm", "size": 5, "eps": 1e-5, "weight": True, "bias": True}
    arrays = {"1.weight": np.full(5, 1.5, np.float32), "1.bias": np.full(5, 0.5, np.float32)}
    model = sequential(recurrent(CONFIGS[0], "0"), ({**node, "weights": "1"}, arrays))
    x = inputs(model, 7, 3)
    whole = model.run(x).output
    np.testing.assert_array_equal(_steps(model.stream(), x[:, 1]), whole[:, 1])


def test_a_stream_of_indices_reads_one_at_a_time():
    node = {"type": "Embedding", "num_embeddings": 4, "embedding_dim": 3, "weights": "0"}
    table = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
    model = sequential((node, {"0.weight": table}), recurrent(CONFIGS[0], "1"))
    tokens = np.array([3, 0, 2])
    np.testing.assert_array_equal(_steps(model.stream(), tokens), model.run(tokens).output)
    stream = model.stream()
    np.testing.assert_array_equal(stream.step(3), model.run(tokens).output[0])
    with pytest.raises(DataError, match="0 … 3"):
        stream.step(4)
    with pytest.raises(DtypeError, match="integers"):
        stream.step(1.0)


def test_a_reset_begins_a_new_sequence():
    model = encoder_decoder()
    x = inputs(model, 5)
    stream = model.stream()
    first = _steps(stream, x)
    stream.reset()
    np.testing.assert_array_equal(_steps(stream, x), first)


def test_a_state_taken_out_and_put_back_goes_on_from_there():
    model = encoder_decoder()
    x = inputs(model, 8)
    stream, other = model.stream(), model.stream()
    _steps(stream, x[:3])
    saved = stream.state
    rest = _steps(stream, x[3:])
    other.state = saved
    np.testing.assert_array_equal(_steps(other, x[3:]), rest)
    np.testing.assert_array_equal(model.run(x[3:], state=saved).output, rest)
    other.state = model.run(x[:3]).state
    np.testing.assert_array_equal(_steps(other, x[3:]), rest)


def test_a_state_is_a_copy_both_ways():
    model = Model(*recurrent(CONFIGS[0]))
    x = inputs(model, 4)
    stream = model.stream()
    stream.step(x[0])
    h, c = stream.state
    stream.state = (h, c)
    h[:] = c[:] = 77
    assert stream.state[0].max() < 1
    np.testing.assert_array_equal(stream.step(x[1]), model.run(x[:2]).output[1])


def test_a_state_set_to_none_begins_anew():
    model = Model(*recurrent(CONFIGS[0]))
    x = inputs(model, 2)
    stream = model.stream()
    stream.step(x[0])
    stream.state = None
    np.testing.assert_array_equal(stream.step(x[1]), model.run(x[1:]).output[0])


def test_a_refused_state_leaves_the_old_one_in_place():
    model = encoder_decoder()
    x = inputs(model, 2)
    stream = model.stream()
    stream.step(x[0])
    good = stream.state
    with pytest.raises(ShapeError, match="state h of '3'"):
        stream.state = {**good, "3": np.zeros((2, 3), np.float32)}
    np.testing.assert_array_equal(stream.state["0"][1], good["0"][1])


def test_two_streams_of_one_model_do_not_meet():
    model = encoder_decoder()
    x, other = inputs(model, 6), inputs(model, 6, seed=4)
    one, two = model.stream(), model.stream()
    pairs = [(one.step(a).copy(), two.step(b).copy()) for a, b in zip(x, other, strict=True)]
    np.testing.assert_array_equal(np.stack([a for a, _ in pairs]), model.run(x).output)
    np.testing.assert_array_equal(np.stack([b for _, b in pairs]), model.run(other).output)


def test_the_result_is_one_read_only_buffer():
    model = Model(*recurrent(CONFIGS[0]))
    x = inputs(model, 2)
    stream = model.stream()
    first = stream.step(x[0])
    assert stream.step(x[1]) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


@pytest.mark.parametrize("config", [c for c in CONFIGS if c.bidirectional], ids=name_of)
def test_a_bidirectional_network_is_refused_with_the_reason(config):
    with pytest.raises(ShapeError, match=r"bidirectional.*end of the sequence"):
        Model(*recurrent(config)).stream()


@pytest.mark.parametrize(
    ("x_t", "error", "words"),
    [
        (np.zeros(3), DtypeError, "float32"),
        (np.zeros(4, np.float32), ShapeError, "I = 3"),
        (np.zeros((1, 3), np.float32), ShapeError, r"\(3,\), one step, got \(1, 3\)"),
        (np.float32(1), ShapeError, "I = 3"),
        ("hello", DtypeError, "float32"),
    ],
)
def test_a_bad_step_is_refused_and_leaves_the_state_alone(x_t, error, words):
    stream = Model(*recurrent(CONFIGS[0])).stream()
    with pytest.raises(error, match=words):
        stream.step(x_t)
    assert not stream.state[0].any()


def test_a_state_with_none_for_a_layer_begins_that_layer_anew():
    model = encoder_decoder()
    x = inputs(model, 2)
    stream = model.stream()
    stream.step(x[0])
    stream.state = {"0": None, "3": stream.state["3"]}
    assert not stream.state["0"][0].any()
    assert stream.state["3"].any()
