"""Model folders on disk: written whole or not at all, and refused if a single bit has changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from glasscell.cells.parameters import Config
from glasscell.errors import GlasscellError, WeightFormatError
from glasscell.model import modelfile
from glasscell.model.model import Model, load
from madeup import CONFIGS, encoder_decoder, inputs, recurrent
from own_cells import Leaky

TREE, ARRAYS = recurrent(CONFIGS[0])
FILES = ("config.json", "model.safetensors")


@pytest.fixture
def folder(tmp_path):
    return modelfile.write(tmp_path / "model", TREE, ARRAYS)


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _seal(folder, config):
    """Write config.json with digests that fit, so that what lies behind them is reached."""
    text = json.dumps(config.get("model"), sort_keys=True, separators=(",", ":"))
    data = (folder / "model.safetensors").read_bytes()
    digests = [hashlib.sha256(part).hexdigest() for part in (text.encode(), data)]
    config["sha256"] = dict(zip(("model", "model.safetensors"), digests, strict=True))
    (folder / "config.json").write_text(json.dumps(config))


def _sealed_weights(folder, data):
    (folder / "model.safetensors").write_bytes(data)
    _seal(folder, json.loads((folder / "config.json").read_text()))


def test_what_was_written_is_read_back(folder):
    tree, arrays = modelfile.read(folder)
    assert tree == TREE
    assert {name: array.dtype for name, array in arrays.items()} == dict.fromkeys(ARRAYS, "float32")
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_the_folder_holds_a_configuration_and_torch_names_and_nothing_else(folder):
    assert sorted(_contents(folder)) == list(FILES)
    config = json.loads((folder / "config.json").read_text())
    assert (config["format"], config["version"], config["model"]["type"]) == (
        "glasscell",
        1,
        "LSTM",
    )
    names = safetensors.numpy.load_file(folder / "model.safetensors")
    assert set(names) == {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}


def test_the_same_model_is_written_in_the_same_bytes(folder, tmp_path):
    again = modelfile.write(tmp_path / "again", TREE, dict(reversed(ARRAYS.items())))
    assert _contents(again) == _contents(folder)


def test_the_configuration_is_json_as_it_always_was():
    golden = Path(__file__).parents[1] / "golden" / "tiny" / "config.json"
    config = json.loads(golden.read_text())
    assert modelfile._text(config) + "\n" == golden.read_text()
    assert modelfile._text(config) == json.dumps(config, indent=2)


@settings(max_examples=200, deadline=None, database=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, width=32)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).filter(lambda tree: "Infinity" not in json.dumps(tree))
)
def test_whatever_is_written_is_read_back(tree):
    assert json.loads(modelfile._text(tree)) == tree


def test_a_program_is_written_an_operation_a_line(tmp_path):
    tree, arrays = recurrent(Config(mode=Leaky(), input_size=2, hidden_size=3))
    folder = modelfile.write(tmp_path / "model", tree, arrays)
    assert '          ["sigmoid", 0],\n' in (folder / "config.json").read_text()


def test_missing_parents_are_made(tmp_path):
    modelfile.write(tmp_path / "a" / "b", TREE, ARRAYS)
    assert load(tmp_path / "a" / "b").parameters


def test_a_new_folder_has_the_permissions_of_any_new_folder(tmp_path, folder):
    (tmp_path / "plain").mkdir()
    assert folder.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_existing_folder_is_refused_without_force(folder, tmp_path):
    before = _contents(folder)
    with pytest.raises(FileExistsError, match="force=True"):
        modelfile.write(folder, TREE, ARRAYS)
    assert _contents(folder) == before
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileExistsError, match="force=True"):
        modelfile.write(tmp_path / "empty", TREE, ARRAYS)
    assert _names(tmp_path / "empty") == []


def test_force_replaces_the_two_files_and_keeps_all_others(folder, tmp_path):
    (folder / "notes.txt").write_text("mine")
    (folder / "runs").mkdir()
    tree, arrays = recurrent(CONFIGS[5])
    modelfile.write(folder, tree, arrays, force=True)
    assert load(folder).config == tree
    assert (folder / "notes.txt").read_text() == "mine"
    assert _names(folder) == ["config.json", "model.safetensors", "notes.txt", "runs"]
    assert _names(tmp_path) == ["model"]


def test_force_writes_into_a_folder_that_holds_no_model(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    modelfile.write(tmp_path, TREE, ARRAYS, force=True)
    assert _names(tmp_path) == ["config.json", "model.safetensors", "notes.txt"]


@pytest.mark.parametrize(
    "files",
    [
        {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"theirs"},
        {"config.json": b"[1]"},
        {"config.json": b"\xff"},
        {"config.json": b"[" * 100_000},
        {"model.safetensors": b"theirs"},
    ],
)
def test_another_programs_files_are_never_replaced(tmp_path, files):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(FileExistsError, match="glasscell did not write"):
        modelfile.write(tmp_path, TREE, ARRAYS, force=True)
    assert _contents(tmp_path) == files


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(FileExistsError, match="found a file"):
        modelfile.write(tmp_path / "model", TREE, ARRAYS, force=True)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        modelfile.write(tmp_path / "link", TREE, ARRAYS)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, folder, monkeypatch):
    before = _contents(folder)

    def no_space(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        modelfile.write(tmp_path / "other", TREE, ARRAYS)
    with pytest.raises(OSError, match="No space"):
        modelfile.write(folder, *recurrent(CONFIGS[5]), force=True)
    assert _names(tmp_path) == ["model"]
    assert _contents(folder) == before


def test_a_crash_between_the_two_replacements_is_found_out(folder, monkeypatch):
    replace = Path.replace

    def crash(self, target):
        if target.name == "config.json":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        modelfile.write(folder, *recurrent(CONFIGS[5]), force=True)
    with pytest.raises(WeightFormatError, match=r"model.safetensors: changed since"):
        load(folder)
    monkeypatch.undo()
    modelfile.write(folder, TREE, ARRAYS, force=True)
    assert load(folder).config == TREE


def test_a_folder_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="found none at"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_emptied_file_is_refused(folder, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(WeightFormatError, match=name):
        load(folder)
    (folder / name).unlink()
    with pytest.raises(WeightFormatError, match=f"{name}: expected this file"):
        load(folder)
    (folder / name).mkdir()
    with pytest.raises(WeightFormatError, match=f"{name}: expected this file"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "keras"}, '"format": "glasscell"'),
        ({"version": 3}, "version 3 is newer than 2, .*upgrade"),
        ({"version": "1"}, "version from 1"),
        ({"version": True}, "version from 1"),
        ({"version": 0}, "version from 1"),
        ({"more": 1}, "unexpected: more"),
        ({"sha256": "x"}, "changed since"),
        ({"sha256": {}}, "changed since"),
        ({"model": {"type": "LSTM"}}, "config.json: changed since"),
    ],
)
def test_a_changed_configuration_is_refused(folder, change, words):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(WeightFormatError, match=words):
        load(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "3",
        '"glasscell"',
        "{",
        "\x00",
        "[" * 100_000,
        '{"a":' * 100_000,
        "1" * 5000,
        '{"format": "glasscell"}',
        "NaN",
    ],
    ids=lambda text: text[:8],
)
def test_a_configuration_that_is_no_json_object_is_refused(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(WeightFormatError, match=r"config.json"):
        load(folder)


def test_a_configuration_of_absurd_size_is_not_read(folder):
    with (folder / "config.json").open("ab") as file:
        file.truncate(1 << 40)
    with pytest.raises(WeightFormatError, match="at most"):
        load(folder)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "safetensors file"),
        (struct.pack("<Q", 1 << 62) + b"{}", "safetensors file"),
        (struct.pack("<Q", 2) + b"{}", "no tensor"),
        (struct.pack("<Q", 4) + b"\xff\xff\xff\xff", "safetensors file"),
        (safetensors.numpy.save(ARRAYS)[:-4], "safetensors file"),
        (safetensors.numpy.save(ARRAYS) + b"1234", "safetensors file"),
        (safetensors.numpy.save({"a": np.zeros(3, np.float16)}), "a as F32 or F64, got F16"),
        (safetensors.numpy.save({"a": np.zeros(3, np.int64)}), "a as F32 or F64, got I64"),
        (safetensors.numpy.save({"a": np.zeros(3), "b": np.zeros(3, np.float32)}), "one dtype"),
        (safetensors.numpy.save({"a": np.zeros(3)}), "has fewer layers"),
        (safetensors.numpy.save({"a": np.zeros(3), "b": np.zeros(3)}), "missing: .*weight_hh_l0"),
    ],
)
def test_a_weights_file_that_does_not_fit_is_refused_even_with_a_digest_that_does(
    folder, data, words
):
    _sealed_weights(folder, data)
    with pytest.raises(WeightFormatError, match=words):
        load(folder)


@pytest.mark.parametrize(
    "shape", [[1 << 40, 1 << 40], [0, 1 << 62], [1 << 62], [-1, 3], [0, 1 << 62, 1 << 62]]
)
def test_a_claimed_size_allocates_nothing(folder, shape):
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}).encode()
    _sealed_weights(folder, struct.pack("<Q", len(header)) + header)
    with pytest.raises(WeightFormatError, match="model"):
        load(folder)


def test_a_pickle_is_not_opened(folder):
    import pickle

    class Boom:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    _sealed_weights(folder, pickle.dumps(Boom()))
    with pytest.raises(WeightFormatError, match="safetensors file"):
        load(folder)


def _flip(data, bits):
    damaged = bytearray(data)
    for bit in bits:
        damaged[bit // 8 % len(damaged)] ^= 1 << bit % 8
    return bytes(damaged)


@dataclass(repr=False)
class Sound:
    folder: Path
    files: dict[str, bytes]
    x: np.ndarray


@pytest.fixture(scope="module")
def sound():
    """A sound folder's files, and what its model gives."""
    with tempfile.TemporaryDirectory() as parent:
        model = encoder_decoder()
        arrays = {}
        for node in model.config["children"]:
            arrays |= _arrays_of(node)
        folder = modelfile.write(Path(parent) / "model", model.config, arrays)
        yield Sound(folder, _contents(folder), inputs(model, 3))


def _arrays_of(node):
    if node["type"] in ("LSTM", "RNN"):
        from glasscell.cells.parameters import Config

        names = Config.__dataclass_fields__
        return recurrent(Config(**{k: node[k] for k in names}), node["weights"])[1]
    if node["type"] == "Linear":
        shape = node["out_features"], node["in_features"]
        name = node["weights"]
        return {f"{name}.weight": np.ones(shape, "f4"), f"{name}.bias": np.ones(shape[0], "f4")}
    return {}


@settings(max_examples=400, deadline=None, database=None)
@given(data=st.data(), name=st.sampled_from(FILES), cut=st.booleans())
def test_damage_is_refused_or_harmless(sound, data, name, cut):
    folder, files, x = sound.folder, sound.files, sound.x
    before = Model(*modelfile.read(folder)).run(x).output
    size = len(files[name])
    if cut:
        damaged = files[name][: data.draw(st.integers(0, size - 1))]
    else:
        bits = st.lists(st.integers(0, 8 * size - 1), min_size=1, max_size=4)
        damaged = _flip(files[name], data.draw(bits))
    try:
        (folder / name).write_bytes(damaged)
        model = load(folder)
    except WeightFormatError as error:
        named = name.split(".")[0] in str(error)
        if not named:
            pytest.fail(f"damage of {name} was reported as: {error}")
    else:
        np.testing.assert_array_equal(model.run(x).output, before)
    finally:
        (folder / name).write_bytes(files[name])


@settings(max_examples=400, deadline=None, database=None)
@given(data=st.data())
def test_damage_under_fitting_digests_never_crashes(sound, data):
    folder, files, x = sound.folder, sound.files, sound.x
    config = json.loads(files["config.json"])
    text = json.dumps(config["model"]).encode()
    weights = files["model.safetensors"]
    some = st.lists(st.integers(0, 1 << 20), max_size=3)
    # The header holds all that can mislead: sizes, types, offsets, names.
    head = 8 + int.from_bytes(weights[:8], "little")
    weights = _flip(weights[:head], data.draw(some)) + weights[head:]
    try:
        config["model"] = json.loads(_flip(text, data.draw(some)))
    except ValueError:
        return
    try:
        (folder / "model.safetensors").write_bytes(weights)
        _seal(folder, config)
        with contextlib.suppress(GlasscellError):
            load(folder).run(x)
    finally:
        for name, content in files.items():
            (folder / name).write_bytes(content)
