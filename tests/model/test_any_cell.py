"""Models of a GRU and of cells that are not in the library: run, cut, traced, streamed, pooled,
compressed, from a folder and without torch; and never from a damaged one.
"""

from __future__ import annotations

import contextlib
import copy
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.test_import_without_torch import HIDE

import glasscell
from glasscell import reference
from glasscell.cells import GRU, LSTM, SLSTM, compact, parameters
from glasscell.cells.parameters import Config
from glasscell.errors import ShapeError, WeightFormatError
from glasscell.model import modelfile, nodes
from glasscell.model.model import Model, load
from madeup import inputs, name_of, recurrent
from own_cells import OWN, Leaky, Stabilised

CELLS = [*OWN, LSTM(zoneout=(0.25, 0.5)), GRU(layer_norm=True), SLSTM(), "GRU"]
CONFIGS = [Config(mode=cell, input_size=3, hidden_size=5, num_layers=2) for cell in CELLS]
CONFIGS += [
    Config(mode=Leaky(), input_size=3, hidden_size=17, batch_first=True, bias=False),
    Config(mode=Stabilised(), input_size=2, hidden_size=4, num_layers=2, bidirectional=True),
    Config(mode="GRU", input_size=3, hidden_size=9, bidirectional=True, batch_first=True),
]
every_config = pytest.mark.parametrize("config", CONFIGS, ids=name_of)
forward_only = pytest.mark.parametrize(
    "config", [one for one in CONFIGS if not one.bidirectional], ids=name_of
)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def sequences(model, config, steps=7, batch=3):
    return inputs(model, *((batch, steps) if config.batch_first else (steps, batch)))


def flat(state):
    return list(state) if isinstance(state, tuple) else [state]


def one_of(x, b, config):
    return x[b] if config.batch_first else x[:, b]


@every_config
@both_dtypes
def test_a_model_computes_what_the_equations_say(config, dtype):
    tree, arrays = recurrent(config, dtype=dtype)
    model = Model(tree, arrays)
    x = sequences(model, config)
    run = model.run(x)
    wide = {name: array.astype(np.float64) for name, array in arrays.items()}
    layers = parameters.from_state_dict(config, wide)
    exact = reference.forward(config, layers, x.astype(np.float64))
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-10}
    np.testing.assert_allclose(run.output, exact.output, **tolerance)
    h, *others = flat(run.state)
    np.testing.assert_allclose(h, exact.h_n, **tolerance)
    if len(others) > 1:
        np.testing.assert_allclose(np.stack(others, 2), exact.c_n, **tolerance)
    elif others:
        np.testing.assert_allclose(others[0], exact.c_n, **tolerance)
    assert len(others) == config.cell.extra_states
    assert run.output.dtype == h.dtype == dtype


@every_config
def test_a_sequence_has_the_same_bits_alone_ragged_and_in_parts(config):
    model = Model(*recurrent(config))
    x, lengths = sequences(model, config), np.array([7, 0, 4])
    whole, ragged = model.run(x), model.run(x, lengths=lengths)
    for b in range(3):
        one = one_of(x, b, config)
        alone = model.run(one)
        np.testing.assert_array_equal(alone.output, one_of(whole.output, b, config))
        for part, all_of_them in zip(flat(alone.state), flat(whole.state), strict=True):
            np.testing.assert_array_equal(part, all_of_them[:, b])
        short = model.run(one[: lengths[b]])
        np.testing.assert_array_equal(short.output, one_of(ragged.output, b, config)[: lengths[b]])
        assert not one_of(ragged.output, b, config)[lengths[b] :].any()
        if not config.bidirectional:
            first = model.run(one[:3])
            second = model.run(one[3:], state=first.state)
            joined = np.concatenate([first.output, second.output])
            np.testing.assert_array_equal(joined, alone.output)


@forward_only
def test_a_reset_begins_anew_from_what_the_cell_starts_from(config):
    model = Model(*recurrent(config))
    x = one_of(sequences(model, config), 1, config)
    reset = np.zeros(7, bool)
    reset[3] = True
    both = model.run(x, reset=reset)
    parts = [model.run(part).output for part in (x[:3], x[3:])]
    np.testing.assert_array_equal(both.output, np.concatenate(parts))


@forward_only
@both_dtypes
def test_streams_and_pools_have_the_bits_of_a_run(config, dtype):
    model = Model(*recurrent(config, dtype=dtype))
    x = sequences(model, config)
    whole = model.run(x)
    pool, stream = model.pool(9), model.stream()
    ids = pool.open(3)
    for t in range(7):
        x_t = np.stack([one_of(x, b, config)[t] for b in range(3)])
        expected = np.stack([one_of(whole.output, b, config)[t] for b in range(3)])
        np.testing.assert_array_equal(pool.step(ids[::-1], x_t[::-1])[::-1], expected)
        np.testing.assert_array_equal(stream.step(x_t[1]), expected[1])
    for found, wanted in zip(flat(pool.save(ids)), flat(whole.state), strict=True):
        np.testing.assert_array_equal(found, wanted)
    for found, wanted in zip(flat(stream.state), flat(whole.state), strict=True):
        np.testing.assert_array_equal(found, wanted[:, 1])


@forward_only
def test_states_go_out_and_in_between_runs_streams_and_pools(config):
    model = Model(*recurrent(config))
    x = one_of(sequences(model, config), 0, config)
    expected = model.run(x).output[4:]
    held = model.run(x[:4]).state
    stream, pool = model.stream(), model.pool(4)
    stream.step(x[0])
    stream.state = held
    here = pool.open(2)[1:]
    pool.restore(here[0], held)
    for t in range(3):
        np.testing.assert_array_equal(stream.step(x[4 + t]), expected[t])
        np.testing.assert_array_equal(pool.step(here, x[None, 4 + t])[0], expected[t])
    stream.reset()
    pool.reset(here)
    first = model.run(x[:1]).output[0]
    np.testing.assert_array_equal(stream.step(x[0]), first)
    np.testing.assert_array_equal(pool.step(here, x[:1])[0], first)


@every_config
def test_a_trace_has_every_named_quantity_and_changes_no_bit(config):
    model = Model(*recurrent(config, dtype="float64"))
    x = sequences(model, config)
    run = model.run(x, trace=True)
    np.testing.assert_array_equal(run.output, model.run(x).output)
    _, arrays = recurrent(config, dtype="float64")
    exact = reference.forward(config, parameters.from_state_dict(config, arrays), x)
    for layer, wanted in zip(run.trace.values(), exact.layers, strict=True):
        hand = {"reset": "r", "update": "z", "candidate": "n"}
        for name in config.cell.quantities:
            expected = (
                wanted.quantities[name]
                if hasattr(wanted, "quantities")
                else getattr(wanted, hand[name])
            )
            found = getattr(layer, name)
            found = found.swapaxes(0, 1) if config.batch_first else found
            np.testing.assert_allclose(found, expected, rtol=1e-10, err_msg=name)
    # A measure of the belt may read them.
    for layer, weights in zip(
        run.trace.values(), parameters.from_state_dict(config, arrays), strict=True
    ):
        np.testing.assert_equal(dict(layer.vectors), dict(weights.vectors))


def test_a_state_of_another_form_is_refused_in_the_letters_of_the_cell():
    three = Model(*recurrent(Config(mode=Stabilised(), input_size=2, hidden_size=4)))
    x = inputs(three, 3, 2)
    part = np.zeros((1, 2, 4), np.float32)
    with pytest.raises(ShapeError, match=r"the state of Stabilised '' as the tuple \(h, c, n, m\)"):
        three.run(x, state=(part, part))
    with pytest.raises(ShapeError, match="state n of ''"):
        three.run(x, state=(part, part, part[:, :1], part))
    gru = Model(*recurrent(Config(mode="GRU", input_size=2, hidden_size=4)))
    with pytest.raises(ShapeError, match=r"state h of ''"):
        gru.run(x, state=(part, part))


@every_config
def test_a_folder_gives_the_same_model(config, tmp_path):
    tree, arrays = recurrent(config)
    model, again = Model(tree, arrays), load(modelfile.write(tmp_path / "model", tree, arrays))
    x = sequences(model, config)
    np.testing.assert_array_equal(again.run(x).output, model.run(x).output)
    assert again.config == model.config == tree
    assert again.parameters == sum(array.size for array in arrays.values())
    assert again.recurrent[0].config == config


def test_a_model_is_called_by_its_cell():
    tree, arrays = recurrent(Config(mode=Leaky(), input_size=2, hidden_size=3))
    assert repr(Model(tree, arrays)) == (
        "Model(Leaky, input_size=2, output_size=3, float32, 42 parameters)"
    )


def test_torchs_own_cells_are_written_without_a_description(tmp_path):
    for mode in ("LSTM", "RNN_TANH", "GRU"):
        tree, _ = recurrent(Config(mode=mode, input_size=2, hidden_size=3))
        assert "cell" not in tree
        assert tree["mode"] == mode
        assert tree["type"] == mode.removesuffix("_TANH")


RUN = """
import numpy as np, glasscell, sys
folder, out = sys.argv[1:]
model = glasscell.load(folder)
x = np.load(out + "/x.npy")
run = model.run(x, trace=True)
stream, pool = model.stream(), model.pool(5)
steps = np.stack([stream.step(x_t).copy() for x_t in x[:, 0]])
ids = pool.open(x.shape[1])
pooled = np.stack([pool.step(ids, x_t).copy() for x_t in x])
names = {name: list(layer.quantities) for name, layer in run.trace.items()}
np.savez(out + "/found.npz", run=run.output, steps=steps, pooled=pooled)
print(names)
"""


@pytest.mark.parametrize("cell", [*OWN, "GRU"], ids=str)
def test_a_folder_runs_where_there_is_no_torch(cell, tmp_path):
    config = Config(mode=cell, input_size=3, hidden_size=5)
    tree, arrays = recurrent(config)
    folder = modelfile.write(tmp_path / "model", tree, arrays)
    model = Model(tree, arrays)
    x = inputs(model, 6, 4)
    np.save(tmp_path / "x.npy", x)
    code = [sys.executable, "-W", "error", "-c", HIDE + RUN, str(folder), str(tmp_path)]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, expected = np.load(tmp_path / "found.npz"), model.run(x).output
    np.testing.assert_array_equal(found["run"], expected)
    np.testing.assert_array_equal(found["pooled"], expected)
    np.testing.assert_array_equal(found["steps"], expected[:, 0])
    assert done.stdout.strip() == str({"l0": list(config.cell.quantities)})


@pytest.mark.parametrize("kept", compact.COMPRESSED)
@every_config
def test_compressed_weights_are_run_with_the_same_bits_however(config, kept, tmp_path):
    tree, arrays = recurrent(config)
    full = modelfile.write(tmp_path / "full", tree, arrays)
    small = glasscell.compress(full, tmp_path / "small", kept)
    model, again = load(full, kept), load(small)
    x = sequences(model, config)
    whole = model.run(x)
    np.testing.assert_array_equal(again.run(x).output, whole.output)
    assert np.abs(whole.output - load(full).run(x).output).max() > 0
    assert again.parameters == load(full).parameters
    for b in range(3):
        np.testing.assert_array_equal(
            model.run(one_of(x, b, config)).output, one_of(whole.output, b, config)
        )
    if not config.bidirectional:
        stream = model.stream()
        steps = np.stack([stream.step(x_t).copy() for x_t in one_of(x, 0, config)])
        np.testing.assert_array_equal(steps, one_of(whole.output, 0, config))
    back, expanded = nodes.expand(again.config, modelfile.read(small)[1])
    assert back == tree
    assert {name: a.shape for name, a in expanded.items()} == {
        name: a.shape for name, a in arrays.items()
    }


NODE, ARRAYS = recurrent(Config(mode=Stabilised(), input_size=2, hidden_size=3))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cell": None}, "model: .*cell"),
        ({"mode": "Leaky"}, "mode to be the name of the cell, 'Stabilised'"),
        ({"mode": "GRU"}, "mode to be the name of the cell"),
        ({"type": "GRU"}, "expected the mode of a node of type GRU, got 'Stabilised'"),
        ({"proj_size": 2}, "expected proj_size 0 for Stabilised"),
        ({"code": "import os"}, "expected no field code"),
        ({"hidden_size": 4}, "weight_ih_l0 of shape"),
        ({"num_layers": 10**9}, "has fewer layers"),
    ],
)
def test_a_node_that_does_not_fit_is_refused(change, words):
    with pytest.raises(WeightFormatError, match=words):
        Model(NODE | change, ARRAYS)


def changed(path, value):
    tree = copy.deepcopy(NODE)
    place = tree["cell"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return tree


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("evaluation", "operations", 0), ["system", 0], "operation 0"),
        (("evaluation", "operations", 3), ["mul", 0, 99], "operation 3"),
        (("evaluation", "operations", 3), ["mul", 0], "operation 3"),
        (("evaluation", "outputs"), [0, 1], "outputs|output"),
        (("evaluation", "sums"), [["i", "xx"]], "sum"),
        (("program", "sums", 0), ["q", "xh"], "sums|names"),
        (("initial", "n"), "1", "initial"),
        (("gates",), {}, "gate"),
        (("states",), {"h": "hidden"}, "initial of"),
        (("recurrent",), "sparse", "recurrent"),
        (("vectors",), {"bias_hh": "stolen"}, "letters that are not taken, got .'bias_hh'"),
        (("program", "names"), {}, "names all states"),
        (("program", "names", "c"), 0, "names"),
        (("name",), "os.system", "name"),
    ],
)
def test_a_damaged_cell_is_refused_with_its_place(path, value, words):
    with pytest.raises(WeightFormatError, match=rf"model: .*({words})"):
        Model(changed(path, value), ARRAYS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 600) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


def places(tree, path=()):
    """Every place in a JSON tree."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(tree[key], (*path, key))


@settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_damage_is_run_or_refused_with_a_reason(data):
    tree = copy.deepcopy(NODE)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(tree))))
        place = tree
        for key in path[:-1]:
            place = place[key]
        what = data.draw(st.sampled_from(["replace", "delete", "swap", "repeat"]))
        if what == "replace":
            place[path[-1]] = data.draw(JSON)
        elif what == "delete":
            del place[path[-1]]
        elif what == "swap":
            place[path[-1]] = copy.deepcopy(
                place[data.draw(st.sampled_from(list(place) if isinstance(place, dict)
                                                else range(len(place))))]
            )  # fmt: skip
        elif isinstance(place, list):
            place.append(copy.deepcopy(place[path[-1]]))
    with contextlib.suppress(WeightFormatError):
        run = Model(tree, ARRAYS).run(np.ones((3, 2, 2), np.float32), trace=True)
        assert run.output.shape == (3, 2, 3)


def test_a_chain_of_operations_without_end_is_refused_or_run_and_never_crashes():
    tree = copy.deepcopy(NODE)
    for key in ("program", "evaluation"):
        program = tree["cell"][key]
        first = program["outputs"][0]
        start = len(program["sums"]) + len(program["states"]) + len(program["operations"])
        chain = [["tanh", first], *(["tanh", start + k] for k in range(5000))]
        program["operations"] += chain
        program["outputs"][0] = program["names"]["h"] = start + len(chain) - 1
    with pytest.raises(WeightFormatError, match="values"):
        Model(tree, ARRAYS)
    for key in ("program", "evaluation"):
        program = tree["cell"][key]
        room = 400 - len(program["sums"]) - len(program["states"])
        program["operations"] = program["operations"][:room]
        last = room + len(program["sums"]) + len(program["states"]) - 1
        program["outputs"][0] = program["names"]["h"] = last
    out = Model(tree, ARRAYS).run(np.ones((2, 1, 2), np.float32)).output
    assert np.isfinite(out).all()


def test_the_description_of_a_cell_is_no_tree_of_nodes():
    odd = Config(mode=Leaky(), input_size=2, hidden_size=3)
    tree, _ = recurrent(odd)
    tree["cell"]["gates"] = {"type": "LSTM", "g": "candidate"}
    assert [node["type"] for node in nodes.recurrent_nodes({"children": [tree]})] == ["Recurrent"]


def test_a_vector_may_be_called_like_a_scale_and_is_a_parameter():
    class Scaled(Leaky):
        vectors = {"scale_x": "a factor"}  # noqa: RUF012

        def step(self, a, h):
            return super().step(a, h) * self.scale_x

    tree, arrays = recurrent(Config(mode=Scaled(), input_size=2, hidden_size=3))
    assert Model(tree, arrays).parameters == sum(array.size for array in arrays.values())
    assert json.loads(json.dumps(tree)) == tree
