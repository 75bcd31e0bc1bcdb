"""Whole sequences without torch: the equations, the same bits however they are cut, refusals."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell import reference
from glasscell.cells import parameters
from glasscell.errors import DataError, DtypeError, GlasscellError, ShapeError, WeightFormatError
from glasscell.model.model import Model
from madeup import CONFIGS, encoder_decoder, inputs, linear, name_of, recurrent, sequential

every_config = pytest.mark.parametrize("config", CONFIGS, ids=name_of)


def _states(state):
    return state if isinstance(state, tuple) else (state,)


def _take(state, index):
    parts = tuple(part[:, index] for part in _states(state))
    return parts if isinstance(state, tuple) else parts[0]


@every_config
def test_a_model_computes_the_equations_of_the_reference(config):
    tree, arrays = recurrent(config, dtype="float64")
    model = Model(tree, arrays)
    x = inputs(model, 4, 4)
    expected = reference.forward(config, parameters.from_state_dict(config, arrays), x)
    run = model.run(x)
    np.testing.assert_allclose(run.output, expected.output, rtol=1e-11, atol=1e-13)
    for part, wanted in zip(_states(run.state), (expected.h_n, expected.c_n), strict=False):
        np.testing.assert_allclose(part, wanted, rtol=1e-11, atol=1e-13)


@every_config
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sequence_has_the_same_bits_alone_and_in_a_ragged_batch(config, dtype):
    model = Model(*recurrent(config, dtype=dtype))
    lengths = np.array([5, 0, 7, 2])
    x = inputs(model, *((4, 7) if config.batch_first else (7, 4)))
    run = model.run(x, lengths=lengths)
    for b, length in enumerate(lengths):
        alone = x[b] if config.batch_first else x[:, b]
        output = run.output[b] if config.batch_first else run.output[:, b]
        assert not output[length:].any()
        if length:
            single = model.run(alone[:length])
            assert single.output.dtype == dtype
            np.testing.assert_array_equal(output[:length], single.output)
            for part, wanted in zip(
                _states(_take(run.state, b)), _states(single.state), strict=True
            ):
                np.testing.assert_array_equal(part, wanted)


@every_config
def test_a_reset_cuts_a_sequence_into_pieces_that_begin_anew(config):
    model = Model(*recurrent(config))
    x = inputs(model, 8)
    reset = np.zeros(8, bool)
    reset[[0, 3]] = True
    run = model.run(x, reset=reset)
    pieces = [model.run(x[:3]).output, model.run(x[3:]).output]
    if config.num_layers == 1 or not config.bidirectional:
        np.testing.assert_array_equal(run.output, np.concatenate(pieces))
    batch = np.stack([x, x], axis=0 if config.batch_first else 1)
    cuts = np.stack([reset, np.zeros(8, bool)], axis=0 if config.batch_first else 1)
    both = model.run(batch, reset=cuts).output
    first, second = both if config.batch_first else both.swapaxes(0, 1)
    np.testing.assert_array_equal(first, run.output)
    np.testing.assert_array_equal(second, model.run(x).output)


def test_a_state_carries_a_sequence_over_a_split_to_the_bit():
    model = encoder_decoder()
    x = inputs(model, 9, 3)
    whole = model.run(x)
    first = model.run(x[:4])
    second = model.run(x[4:], state=first.state)
    np.testing.assert_array_equal(np.concatenate([first.output, second.output]), whole.output)
    assert list(whole.state) == ["0", "3"]
    np.testing.assert_array_equal(second.state["0"][1], whole.state["0"][1])
    np.testing.assert_array_equal(second.state["3"], whole.state["3"])


def test_a_state_may_name_some_layers_and_leave_the_others_at_zero():
    model = encoder_decoder()
    x = inputs(model, 4, 2)
    zeros = {"3": np.zeros((1, 2, 3), np.float32)}
    np.testing.assert_array_equal(model.run(x, state=zeros).output, model.run(x).output)


@every_config
def test_a_trace_holds_every_gate_and_changes_no_bit(config):
    model = Model(*recurrent(config))
    x = inputs(model, *((2, 6) if config.batch_first else (6, 2)))
    run = model.run(x, trace=True)
    np.testing.assert_array_equal(run.output, model.run(x).output)
    assert tuple(run.trace) == config.suffixes()
    last = np.concatenate([t.hidden for t in list(run.trace.values())[-config.directions :]], -1)
    np.testing.assert_array_equal(last, run.output)
    for layer in run.trace.values():
        for name in config.cell.quantities:
            assert getattr(layer, name).shape == (*layer.hidden.shape[:-1], config.hidden_size)
        if config.mode == "GRU":
            assert ((layer.update > 0) & (layer.update < 1)).all()
            continue
        if config.mode != "LSTM":
            assert layer.forget is None
            continue
        time = 1 if config.batch_first else 0
        f, i, g, c = (
            np.moveaxis(a, time, 0)
            for a in (layer.forget, layer.input, layer.candidate, layer.cell)
        )
        f, i, g, c = (a[::-1] if layer.reverse else a for a in (f, i, g, c))
        np.testing.assert_array_equal(f[1:] * c[:-1] + i[1:] * g[1:], c[1:])
        assert c.shape[-1] == config.hidden_size


def test_a_trace_names_layers_by_module_and_torch_suffix():
    model = encoder_decoder()
    trace = model.run(inputs(model, 3), trace=True).trace
    assert list(trace) == ["0.l0", "0.l1", "3.l0"]
    assert trace["0.l1"].cell.shape == (3, 5)
    assert model.run(inputs(model, 3)).trace is None


def test_lengths_blank_the_output_of_a_whole_sequential():
    model = encoder_decoder()
    output = model.run(inputs(model, 6, 2), lengths=[6, 2]).output
    assert output[:, 0].all()
    assert not output[2:, 1].any()


def test_an_embedding_reads_indices():
    table = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
    config = CONFIGS[0]
    node = {"type": "Embedding", "num_embeddings": 4, "embedding_dim": 3, "weights": "0"}
    model = sequential((node, {"0.weight": table}), recurrent(config, "1"))
    plain = Model(*recurrent(config))
    x = np.array([[0, 3], [2, 1], [1, 1]])
    np.testing.assert_array_equal(model.run(x).output, plain.run(table[x]).output)
    np.testing.assert_array_equal(model.run(x[:, 0]).output, plain.run(table[x[:, 0]]).output)
    assert "indices" in repr(model)
    with pytest.raises(DtypeError, match="integers, indices"):
        model.run(x.astype(np.float32))
    with pytest.raises(DataError, match="0 … 3"):
        model.run(np.array([4]))
    with pytest.raises(DataError, match="-1"):
        model.run(np.array([-1]))


def _forecaster(dtype="float32"):
    config = parameters.Config(mode="LSTM", input_size=2, hidden_size=4, batch_first=True)
    recurrent_node, arrays = recurrent(config, "recurrent", dtype)
    head, head_arrays = linear(4, 3, "head", dtype)
    skip, skip_arrays = linear(6, 3, "skip", dtype, seed=5)
    tree = {"type": "Forecaster", "lookback": 6, "horizon": 3}
    tree |= {"recurrent": recurrent_node, "head": head, "skip": skip}
    return Model(tree, arrays | head_arrays | skip_arrays)


def test_a_forecaster_adds_its_two_paths_to_the_last_value():
    model = _forecaster("float64")
    windows = inputs(model, 5, 6)
    run = model.run(windows, trace=True)
    assert run.output.shape == (5, 3)
    assert list(run.trace) == ["recurrent.l0"]
    shifted = windows.copy()
    shifted[..., 0] += 100
    np.testing.assert_allclose(model.run(shifted).output, run.output + 100, rtol=1e-12)
    np.testing.assert_array_equal(model.run(windows[2]).output, run.output[2])
    with pytest.raises(ShapeError, match="6 rows"):
        model.run(windows[:, 1:])
    with pytest.raises(ShapeError, match="no state, lengths or reset"):
        model.run(windows, lengths=[6] * 5)


def test_an_input_that_is_strided_gives_the_same_bits():
    model = encoder_decoder()
    x = inputs(model, 5, 4)
    whole = model.run(x).output
    np.testing.assert_array_equal(model.run(np.asfortranarray(x)).output, whole)
    np.testing.assert_array_equal(model.run(x[::-1][::-1]).output, whole)
    np.testing.assert_array_equal(model.run(x[:, ::2]).output, whole[:, ::2])


def test_a_run_leaves_its_arguments_alone():
    model = _forecaster()
    x = inputs(model, 2, 6)
    before = x.copy()
    x.flags.writeable = False
    model.run(x)
    np.testing.assert_array_equal(x, before)


def test_a_model_says_what_it_is():
    model = encoder_decoder()
    size = sum([4 * 5 * (3 + 5 + 2), 4 * 5 * 12, 4 * 6, 3 * 9, 2 * 4])
    assert model.parameters == size
    assert repr(model) == (
        f"Model(Sequential, input_size=3, output_size=2, float32, {size} parameters)"
    )
    model.config["children"].clear()
    assert len(model.config["children"]) == 5


BAD_CALLS = [
    ({"x": np.zeros((4, 2, 3))}, DtypeError, r"x as float32.*got float64.*astype\(np.float32\)"),
    ({"x": np.zeros((4, 2, 3), int)}, DtypeError, "got int64"),
    ({"x": np.zeros((4, 2, 3), ">f4")}, DtypeError, "x as float32"),
    ({"x": "hello"}, DtypeError, "x as float32"),
    ({"x": np.float32(1)}, ShapeError, "I = 3"),
    (
        {"x": np.zeros((4, 2, 2), np.float32)},
        ShapeError,
        r"\(T, B, I\) with I = 3, got \(4, 2, 2\)",
    ),
    ({"x": np.zeros((4, 2, 1, 3), np.float32)}, ShapeError, r"or \(T, I\) for one sequence"),
    ({"x": np.zeros(3, np.float32)}, ShapeError, r"or \(T, I\) for one sequence"),
    ({"lengths": [1, 2, 3]}, ShapeError, r"lengths of shape \(B,\) = \(2,\), got \(3,\)"),
    ({"lengths": [1, 5]}, ShapeError, "0 … T = 4"),
    ({"lengths": [-1, 4]}, ShapeError, "-1"),
    ({"lengths": [1.0, 2.0]}, DtypeError, "lengths as integers"),
    ({"reset": np.zeros((2, 4), bool)}, ShapeError, r"reset of shape \(T, B\) = \(4, 2\)"),
    ({"reset": np.zeros((4, 2))}, DtypeError, "reset as bool"),
    ({"state": np.zeros((1, 2, 5), np.float32)}, ShapeError, r"pair \(h, c\)"),
    ({"state": (np.zeros((1, 2, 5), np.float32),)}, ShapeError, r"pair \(h, c\)"),
    (
        {"state": (np.zeros((1, 2, 5), np.float32), np.zeros((1, 5), np.float32))},
        ShapeError,
        r"state c.*\(D \* L, B, ·\) = \(1, 2, 5\), got \(1, 5\)",
    ),
    ({"state": (np.zeros((1, 2, 5)), np.zeros((1, 2, 5)))}, DtypeError, "state h.*float32"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD_CALLS)
def test_a_bad_argument_is_refused_with_what_was_expected(call, error, words):
    model = Model(*recurrent(CONFIGS[0]))
    with pytest.raises(error, match=words):
        model.run(**{"x": np.zeros((4, 2, 3), np.float32), **call})


def test_a_state_for_several_layers_must_name_them():
    model = encoder_decoder()
    with pytest.raises(ShapeError, match="keys among 0, 3"):
        model.run(inputs(model, 4, 2), state={"encoder": None})
    with pytest.raises(ShapeError, match="dictionary"):
        model.run(inputs(model, 4, 2), state=(1, 2))


def test_layers_without_time_take_any_leading_axes_and_no_state():
    model = sequential(linear(3, 2, "0"), ({"type": "ReLU"}, {}))
    x = inputs(model, 4, 5, 6)
    run = model.run(x)
    assert run.output.shape == (4, 5, 6, 2)
    assert run.state is None
    np.testing.assert_array_equal(model.run(x[1, 2, 3]).output, run.output[1, 2, 3])
    with pytest.raises(ShapeError, match="leave them out"):
        model.run(x, lengths=[1])


def _node(**changes):
    tree, arrays = recurrent(CONFIGS[0])
    return {**tree, **changes}, arrays


def _children(*children):
    return {"type": "Sequential", "children": list(children)}


BAD_TREES = [
    (_node(type="SRU"), "type among.*got 'SRU'"),
    (_node(type="GRU"), "mode of a node of type GRU"),
    (_node(type="Recurrent"), "mode of a node of type Recurrent"),
    (_node(type=["LSTM"]), "type to be a string"),
    (_node(type="RNN"), "mode of a node of type RNN"),
    (_node(mode="GRU"), "mode"),
    (_node(hidden_size=6), r"shape \(24, 3\), got \(20, 3\)"),
    (_node(hidden_size=10**30), "shape"),
    (_node(num_layers=10**18), "fewer layers"),
    (_node(num_layers=2), "model: .*missing: .*weight_hh_l1"),
    (_node(bias=False), "unexpected: bias"),
    (_node(bias=0), "bias"),
    (_node(input_size=3.0), "input_size"),
    (_node(colour="red"), "colour"),
    (_node(weights="encoder"), "weights named encoder"),
    (([], {"a": np.zeros(1)}), "JSON object"),
    ((_children(_node()[0], _node()[0]), _node()[1]), "none that are free"),
    ((_children(), {"a": np.zeros(1)}), "no other tensors"),
    ((_children(_node()[0]), {**_node()[1], "x.y": np.zeros(1, np.float32)}), "unexpected: x.y"),
    (
        (
            _children(
                {
                    "type": "Linear",
                    "in_features": 4,
                    "out_features": 1,
                    "bias": False,
                    "weights": "0",
                },
                {"type": "LeakyReLU", "negative_slope": float("inf")},
            ),
            {"0.weight": np.zeros((1, 4))},
        ),
        "finite number",
    ),
    (
        (
            _children(
                {
                    "type": "Linear",
                    "in_features": 4,
                    "out_features": 1,
                    "bias": False,
                    "weights": "0",
                }
            ),
            {"0.weight": np.zeros((1, 5))},
        ),
        r"\(1, 4\).*\(1, 5\)",
    ),
    (
        (
            _children(
                {
                    "type": "Linear",
                    "in_features": 4,
                    "out_features": 1,
                    "bias": True,
                    "weights": "0",
                }
            ),
            {"0.weight": np.zeros((1, 4))},
        ),
        "tensor 0.bias",
    ),
    ((_children({"type": "GELU", "approximate": "fast"}), {"a": np.zeros(1)}), "approximate"),
    ((_children({"type": "Softplus", "beta": 0, "threshold": 20}), {"a": np.zeros(1)}), "beta"),
    (_node(dtype="x"), "dtype"),
    ((_node()[0], {}), "no weights"),
    (
        (_node()[0], {k: v.astype("f8" if "ih" in k else "f4") for k, v in _node()[1].items()}),
        "one dtype, got float32, float64",
    ),
    ((_node()[0], {k: v.astype("f2") for k, v in _node()[1].items()}), "float16"),
]


@pytest.mark.parametrize(("parts", "words"), BAD_TREES)
def test_a_tree_that_does_not_fit_its_weights_is_refused(parts, words):
    with pytest.raises(WeightFormatError, match=words):
        Model(*parts)


def test_neighbours_whose_widths_differ_are_refused():
    with pytest.raises(WeightFormatError, match=r"children\[1\] \(Linear\): reads 4.*gives 5"):
        sequential(recurrent(CONFIGS[0], "0"), linear(4, 1, "1"))


def test_recurrent_layers_of_two_layouts_are_refused():
    first = recurrent(parameters.Config(mode="LSTM", input_size=3, hidden_size=5), "0")
    config = parameters.Config(mode="LSTM", input_size=5, hidden_size=5, batch_first=True)
    with pytest.raises(WeightFormatError, match="same batch_first"):
        sequential(first, recurrent(config, "1"))


def test_an_embedding_behind_another_layer_is_refused():
    node = {"type": "Embedding", "num_embeddings": 4, "embedding_dim": 3, "weights": "1"}
    table = {"1.weight": np.zeros((4, 3), np.float32)}
    with pytest.raises(WeightFormatError, match="must come before any other layer"):
        sequential(({"type": "Tanh"}, {}), (node, table))
    with pytest.raises(WeightFormatError, match="must come before any other layer"):
        sequential(recurrent(CONFIGS[0], "0"), (_children(node), table))


def test_a_tree_nested_without_end_is_refused():
    tree: dict = {"type": "Identity"}
    for _ in range(500):
        tree = _children(tree)
    with pytest.raises(WeightFormatError, match="at most 32"):
        Model(tree, {"a": np.zeros(1)})


@every_config
def test_no_steps_or_no_sequences_give_an_empty_output(config):
    model = Model(*recurrent(config))
    width = config.directions * config.output_size
    for shape in ((0, 3), (3, 0), (0, 0)):
        run = model.run(inputs(model, *shape), trace=True)
        assert run.output.shape == (*shape, width)
        batch = shape[0] if config.batch_first else shape[1]
        assert all(part.shape[1] == batch and not part.any() for part in _states(run.state))
    assert model.run(inputs(model, 0)).output.shape == (0, width)


SIZES = st.integers(0, 4)
SHAPES = st.lists(SIZES, max_size=4).map(tuple)
DTYPES = st.sampled_from(["f4", "f8", "f2", ">f4", "i8", "u1", "?", "c8", "O", "U3"])


@st.composite
def any_array(draw, usual):
    shape = draw(st.sampled_from(usual) | SHAPES)
    return np.zeros(shape, draw(st.sampled_from(["f4", "i8", "?"]) | DTYPES))


@settings(max_examples=500, deadline=None, database=None)
@given(
    config=st.sampled_from(CONFIGS),
    x=any_array([(4, 2, 3), (4, 2, 2), (4, 3)]),
    state=st.none()
    | any_array([(1, 2, 5), (2, 2, 5)])
    | st.tuples(any_array([(1, 2, 5), (2, 4, 5)]), any_array([(1, 2, 5), (2, 4, 5)])),
    lengths=st.none() | any_array([(2,), (4,), ()]) | st.lists(st.integers(-1, 5), max_size=4),
    reset=st.none() | any_array([(4, 2), (4,)]),
)
def test_any_arguments_are_run_or_refused_with_a_reason(config, x, state, lengths, reset):
    model = Model(*recurrent(config))
    with contextlib.suppress(GlasscellError):
        run = model.run(x, state=state, lengths=lengths, reset=reset, trace=True)
        assert run.output.shape[:-1] == x.shape[:-1]
        assert np.isfinite(run.output).all()


def test_an_rnn_refuses_a_pair_for_its_state():
    model = Model(*recurrent(CONFIGS[5]))
    pair = np.zeros((3, 2, 5), np.float32), np.zeros((3, 4, 5), np.float32)
    with pytest.raises(ShapeError, match="the state of RNN_TANH '' is h alone"):
        model.run(np.zeros((4, 2, 3), np.float32), state=pair)
