"""Models with compressed weights: loaded so, or written as a smaller folder, and never half."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.model.test_modelfile import _flip, _seal

import glasscell
from glasscell.cells import compact
from glasscell.cells.parameters import Config
from glasscell.errors import DtypeError, GlasscellError, WeightFormatError
from glasscell.model import modelfile
from glasscell.model.model import Model, load
from madeup import CONFIGS, FORWARD_ONLY, encoder_decoder, inputs, linear, name_of, recurrent

every_config = pytest.mark.parametrize("config", CONFIGS, ids=name_of)
every_storage = pytest.mark.parametrize("kept", compact.COMPRESSED)


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "full")


def written(path, dtype="float32", seed=0):
    """A folder of two recurrent layers with an Embedding before and a Linear between them."""
    parts = [
        ({"type": "Embedding", "num_embeddings": 7, "embedding_dim": 3, "weights": "0"}, {}),
        recurrent(replace(CONFIGS[0], hidden_size=20, num_layers=2), "1", dtype, seed),
        linear(20, 4, "2", dtype),
        recurrent(Config(mode="RNN_TANH", input_size=4, hidden_size=9), "3", dtype, seed=2),
    ]
    arrays = {name: array for _, found in parts for name, array in found.items()}
    arrays["0.weight"] = np.random.default_rng(5).normal(size=(7, 3)).astype(dtype)
    tree = {"type": "Sequential", "children": [node for node, _ in parts]}
    return modelfile.write(path, tree, arrays)


TOKENS = np.array([[3, 1], [0, 6], [2, 2], [5, 0]])


def steps_of(model, x):
    stream = model.stream()
    return np.stack([stream.step(x_t).copy() for x_t in x])


def assert_same(run, other):
    np.testing.assert_array_equal(run.output, other.output)
    for part, wanted in zip(flat(run.state), flat(other.state), strict=True):
        np.testing.assert_array_equal(part, wanted)


def flat(state):
    if isinstance(state, dict):
        return [part for key in sorted(state) for part in flat(state[key])]
    return list(state) if isinstance(state, tuple) else [state]


@every_config
@every_storage
def test_a_compressed_model_obeys_the_same_bits(config, kept):
    model = Model(*recurrent(config), weights=kept)
    x = inputs(model, *((3, 5) if config.batch_first else (5, 3)))
    lengths = np.array([5, 0, 3])
    whole, ragged = model.run(x), model.run(x, lengths=lengths)
    for b in range(3):
        one = x[b] if config.batch_first else x[:, b]
        at = (b,) if config.batch_first else (slice(None), b)
        np.testing.assert_array_equal(model.run(one).output, whole.output[at])
        n = lengths[b]
        np.testing.assert_array_equal(model.run(one[:n]).output, ragged.output[at][:n])
        if config in FORWARD_ONLY:
            np.testing.assert_array_equal(steps_of(model, one), whole.output[at])
    traced = model.run(x, trace=True)
    assert_same(traced, whole)
    assert tuple(traced.trace) == config.suffixes()


@every_config
def test_bfloat16_has_the_bits_of_the_rounded_model(config):
    tree, arrays = recurrent(config)
    rounded = {
        name: compact.from_bfloat16(compact.to_bfloat16(a)) if name.startswith("weight") else a
        for name, a in arrays.items()
    }
    x = inputs(Model(tree, arrays), *((2, 6) if config.batch_first else (6, 2)))
    assert_same(Model(tree, arrays, "bfloat16").run(x), Model(tree, rounded).run(x))


@every_config
@every_storage
def test_a_compressed_folder_is_the_model_that_is_compressed_at_load(config, kept, tmp_path):
    full = modelfile.write(tmp_path / "full", *recurrent(config))
    small = glasscell.compress(full, tmp_path / "small", kept)
    one, other = load(full, weights=kept), load(small)
    x = inputs(one, *((2, 6) if config.batch_first else (6, 2)))
    assert_same(one.run(x), other.run(x))
    assert_same(load(small, weights=kept).run(x), one.run(x))
    assert one.weights_dtype == other.weights_dtype == kept
    assert one.parameters == other.parameters == load(full).parameters
    assert np.abs(one.run(x).output - load(full).run(x).output).max() > 0


@every_storage
def test_a_model_of_several_layers_is_compressed_where_it_recurs(folder, tmp_path, kept):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    small = glasscell.compress(folder, tmp_path / "deep" / "small", kept)
    assert_same(load(small).run(TOKENS), load(folder, kept).run(TOKENS))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    header = tensors_of(small)
    few = {"bfloat16": "BF16", "int8": "I8"}[kept]
    assert header["1.weight_ih_l1"]["dtype"] == header["3.weight_hh_l0"]["dtype"] == few
    for name in ("0.weight", "1.bias_ih_l0", "2.weight", "2.bias", "3.bias_hh_l0"):
        assert header[name]["dtype"] == "F32", name
    scales = {name for name in header if "scale" in name}
    layers = {"1.scale_l0", "1.scale_l1", "3.scale_l0"}
    assert scales == (layers if kept == "int8" else set())


def tensors_of(folder):
    data = (folder / "model.safetensors").read_bytes()
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def test_the_file_shrinks_with_the_weights(tmp_path):
    config = Config(mode="LSTM", input_size=64, hidden_size=128)
    full = modelfile.write(tmp_path / "full", *recurrent(config))
    sizes = [(full / "model.safetensors").stat().st_size]
    for kept in compact.COMPRESSED:
        small = glasscell.compress(full, tmp_path / kept, kept)
        sizes.append((small / "model.safetensors").stat().st_size)
    assert 1.95 < sizes[0] / sizes[1] < 2
    assert 3.75 < sizes[0] / sizes[2] < 4


def test_a_torch_user_can_read_the_bfloat16_weights(tmp_path):
    tree, arrays = recurrent(CONFIGS[3])
    full = modelfile.write(tmp_path / "full", tree, arrays)
    small = glasscell.compress(full, tmp_path / "small", "bfloat16")
    found = safetensors.torch.load_file(small / "model.safetensors")
    for name, array in arrays.items():
        wanted = torch.from_numpy(array)
        wanted = wanted.bfloat16() if name.startswith("weight") else wanted
        assert torch.equal(found[name], wanted), name
        assert found[name].dtype == wanted.dtype


def test_an_uncompressed_file_is_what_the_library_would_write(tmp_path):
    for dtype in ("float32", "float64"):
        tree, arrays = recurrent(CONFIGS[2], dtype=dtype)
        path = modelfile.write(tmp_path / dtype, tree, arrays)
        data = (path / "model.safetensors").read_bytes()
        # The library writes metadata of two names in any order; ours has one.
        plain = safetensors.numpy.save(arrays)
        end, cut = (8 + int.from_bytes(file[:8], "little") for file in (data, plain))
        named = b'{"__metadata__":{"format":"pt","library_name":"glasscell"},'
        assert data[8:end].rstrip() == named + plain[9:cut].rstrip()
        assert data[end:] == plain[cut:]
        assert end % 8 == 0
        assert json.loads((path / "config.json").read_text())["version"] == 1


@every_storage
def test_a_compressed_folder_says_so(folder, tmp_path, kept):
    small = glasscell.compress(folder, tmp_path / "small", kept)
    config = json.loads((small / "config.json").read_text())
    assert config["version"] == 2
    kinds = [(node["type"], node.get("storage")) for node in config["model"]["children"]]
    assert kinds == [("Embedding", None), ("LSTM", kept), ("Linear", None), ("RNN", kept)]
    assert f"float32 with {kept} weights" in repr(load(small))
    assert f"float32 with {kept} weights" in repr(load(folder, kept))
    assert load(folder).weights_dtype == load(folder, "float32").weights_dtype == "float32"
    assert "with" not in repr(load(folder))
    assert load(small).dtype == np.float32


def test_a_stream_of_a_compressed_model_has_its_bits(folder):
    for kept in compact.COMPRESSED:
        model = load(folder, kept)
        whole = model.run(TOKENS[:, 0])
        np.testing.assert_array_equal(steps_of(model, TOKENS[:, 0]), whole.output)


@every_storage
def test_a_pool_of_compressed_streams_has_their_bits(kept):
    for config in FORWARD_ONLY:
        model = Model(*recurrent(config), weights=kept)
        x = inputs(model, 4, 7)
        pool = model.pool(7)
        ids = pool.open(7)
        found = np.stack([pool.step(ids[::-1], x_t[::-1])[::-1].copy() for x_t in x])
        for b in range(7):
            np.testing.assert_array_equal(found[:, b], steps_of(model, x[:, b]))


@every_storage
def test_float64_is_refused(tmp_path, kept):
    folder = written(tmp_path / "double", "float64")
    for wanted in (kept, "float32"):
        with pytest.raises(WeightFormatError, match=f"to keep them as {wanted}, got float64"):
            load(folder, wanted)
    with pytest.raises(WeightFormatError, match="got float64"):
        glasscell.compress(folder, tmp_path / "small", kept)
    assert not (tmp_path / "small").exists()


@every_storage
def test_what_is_compressed_stays_what_it_is(folder, tmp_path, kept):
    small = glasscell.compress(folder, tmp_path / "small", kept)
    for other in {"float32", *compact.COMPRESSED} - {kept}:
        with pytest.raises(WeightFormatError, match=f"keep them as {other}, got {kept}; load"):
            load(small, other)
    with pytest.raises(WeightFormatError, match="expected recurrent weights in float32"):
        glasscell.compress(small, tmp_path / "again", "int8" if kept == "bfloat16" else "bfloat16")


def test_an_unknown_storage_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="one of float32, bfloat16, int8, got 'int4'"):
        load(folder, weights="int4")
    for wrong in ("float32", "int4"):
        with pytest.raises(ValueError, match=f"one of bfloat16, int8, got '{wrong}'"):
            glasscell.compress(folder, tmp_path / "small", wrong)


def test_a_model_without_recurrent_layers_is_refused():
    tree, arrays = linear(3, 2, "head")
    with pytest.raises(WeightFormatError, match=r"expected a recurrent layer, .* int8"):
        Model(tree, arrays, "int8")
    assert Model(tree, arrays, "float32").weights_dtype == "float32"


def test_weights_that_int8_cannot_hold_are_refused_with_their_place(tmp_path):
    tree, arrays = recurrent(CONFIGS[1], "net")
    arrays["net.weight_hh_l1"][3, 0] = np.inf
    arrays["net.weight_hh_l1"][7, 1] = np.nan
    tree = {"type": "Sequential", "children": [tree]}
    full = modelfile.write(tmp_path / "full", tree, arrays)
    where = r"model.children\[0\]: l1: int8: expected finite weights, .* row 3"
    with pytest.raises(WeightFormatError, match=where):
        load(full, "int8")
    with pytest.raises(WeightFormatError, match=where):
        glasscell.compress(full, tmp_path / "small", "int8")
    assert not (tmp_path / "small").exists()
    assert load(full, "bfloat16").weights_dtype == "bfloat16"


def test_an_existing_folder_is_replaced_only_by_force(folder, tmp_path):
    small = glasscell.compress(folder, tmp_path / "small", "int8")
    with pytest.raises(FileExistsError, match="force=True"):
        glasscell.compress(folder, small, "bfloat16")
    assert load(small).weights_dtype == "int8"
    glasscell.compress(folder, small, "bfloat16", force=True)
    assert load(small).weights_dtype == "bfloat16"
    glasscell.compress(folder, folder, "int8", force=True)
    assert load(folder).weights_dtype == "int8"


@pytest.fixture
def small(tmp_path):
    full = modelfile.write(tmp_path / "full", *recurrent(CONFIGS[3]))
    return glasscell.compress(full, tmp_path / "small", "int8")


def test_a_changed_bit_is_found(small):
    data = bytearray((small / "model.safetensors").read_bytes())
    data[-3] ^= 4
    (small / "model.safetensors").write_bytes(data)
    with pytest.raises(WeightFormatError, match="changed since it was saved"):
        load(small)


def edited(folder, change, node=None, version=None):
    """The folder with other tensors or another node, and digests that fit."""
    config = json.loads((folder / "config.json").read_text())
    config["model"].update(node or {})
    config["version"] = version or config["version"]
    _, arrays = modelfile.read(folder)
    arrays = {name: a for name, a in {**arrays, **change}.items() if a is not None}
    (folder / "model.safetensors").write_bytes(modelfile._serialize(arrays))
    _seal(folder, config)
    return folder


@pytest.mark.parametrize(
    ("change", "node", "words"),
    [
        ({"scale_l1": None}, {}, "expected the weights scale_l1, got none"),
        ({"scale_hr_l0": None}, {}, "expected the weights scale_hr_l0, got none"),
        ({"scale_l2": np.ones(20, "f4")}, {}, "expected no other weights, got scale_l2"),
        ({"scale_l0": np.ones(19, "f4")}, {}, r"scale_l0 of shape \(20,\), got \(19,\)"),
        ({"scale_l0": np.ones(20, "i1")}, {}, "expected scale_l0 as float32, got int8"),
        ({"weight_ih_l0": np.ones((20, 3), "f4")}, {}, "weight_ih_l0 as int8, got float32"),
        ({"weight_ih_l0": np.ones((20, 3), "u2")}, {}, "weight_ih_l0 as int8, got uint16"),
        ({"weight_ih_l0": np.ones((20, 2), "i1")}, {}, r"of shape \(20, 3\), got \(20, 2\)"),
        ({"bias_ih_l0": np.ones(20, "i1")}, {}, "expected bias_ih_l0 as float32, got int8"),
        ({"weight_hr_l0": None}, {}, "expected the weights weight_hr_l0, got none"),
        ({}, {"storage": "bfloat16"}, "as uint16, got int8"),
        ({}, {"storage": "int4"}, "expected storage to be one of bfloat16, int8, got 'int4'"),
        ({}, {"storage": None}, "expected storage to be a string"),
        ({"bias_ih_l0": np.ones(20)}, {}, "expected tensors of one dtype"),
    ],
)
def test_a_folder_that_does_not_fit_itself_is_refused(small, change, node, words):
    with pytest.raises(WeightFormatError, match=words):
        load(edited(small, change, node))


def test_compressed_tensors_without_a_word_in_the_configuration_are_refused(small):
    config = json.loads((small / "config.json").read_text())
    del config["model"]["storage"]
    _seal(small, config)
    with pytest.raises(WeightFormatError, match="unexpected: scale_hr_l0"):
        load(small)


def test_compressed_tensors_in_a_folder_of_version_1_are_refused(small):
    with pytest.raises(WeightFormatError, match="as F32 or F64, got I8"):
        load(edited(small, {}, version=1))


def test_only_recurrent_weights_may_be_compressed(tmp_path):
    tree, arrays = linear(3, 2, "head")
    full = modelfile.write(tmp_path / "full", tree, arrays)
    config = {"format": "glasscell", "version": 2, "model": tree}
    arrays["head.weight"] = np.ones((2, 3), np.int8)
    (full / "model.safetensors").write_bytes(modelfile._serialize(arrays))
    _seal(full, config)
    with pytest.raises(WeightFormatError, match=r"head.weight as float32 or float64, got int8"):
        load(full)


def test_layers_stored_differently_in_one_folder_are_refused(tmp_path):
    model = encoder_decoder()
    lstm, rnn = (recurrent(layer.config, layer.name) for layer in model.recurrent)
    tree = {"type": "Sequential", "children": [lstm[0], linear(5, 4, "1")[0], rnn[0]]}
    arrays = {**lstm[1], **linear(5, 4, "1")[1], **rnn[1]}
    full = modelfile.write(tmp_path / "full", tree, arrays)
    small = glasscell.compress(full, tmp_path / "small", "int8")
    other = glasscell.compress(full, tmp_path / "other", "bfloat16")
    (config, mixed), (theirs, fewer) = modelfile.read(small), modelfile.read(other)
    config["children"][2] = theirs["children"][2]
    mixed = {name: a for name, a in mixed.items() if not name.startswith("3.")}
    mixed |= {name: a for name, a in fewer.items() if name.startswith("3.")}
    with pytest.raises(WeightFormatError, match=r"stored alike, got \['bfloat16', 'int8'\]"):
        Model(config, mixed)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_under_fitting_digests_never_crashes(small, data):
    files = {name: (small / name).read_bytes() for name in ("config.json", "model.safetensors")}
    config, weights = json.loads(files["config.json"]), files["model.safetensors"]
    x = inputs(Model(*recurrent(CONFIGS[3])), 2, 3)
    some = st.lists(st.integers(0, 1 << 20), max_size=3)
    head = 8 + int.from_bytes(weights[:8], "little")
    text = json.dumps(config["model"]).encode()
    try:
        config["model"] = json.loads(_flip(text, data.draw(some)))
        (small / "model.safetensors").write_bytes(
            _flip(weights[:head], data.draw(some)) + weights[head:]
        )
        _seal(small, config)
        with contextlib.suppress(GlasscellError):
            load(small).run(x)
    except ValueError:  # no JSON any more
        return
    finally:
        for name, content in files.items():
            (small / name).write_bytes(content)


def test_a_step_of_another_dtype_is_refused_as_ever(small):
    model = load(small)
    with pytest.raises(DtypeError, match="expected x as float32"):
        model.run(np.zeros((4, 2, 3)))
    assert asdict(model.recurrent[0].config) == asdict(CONFIGS[3])
