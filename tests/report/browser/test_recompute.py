"""The page's own network (web/network/program.js, tree.js) against the library, run by node."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import madeup
import oracles
from glasscell.cells import Cell, exp, log_sigmoid, of
from glasscell.cells.parameters import Config
from glasscell.model.model import Model
from glasscell.report.draw.recurrence import packed
from glasscell.report.page.exploration import quantities
from own_cells import OWN
from pooled_networks import POOLED

WEB = Path(__file__).parents[3] / "src" / "glasscell" / "report" / "page" / "web"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="runs the page's script, which takes node")


def plain(value):
    """JSON, with arrays as base64 of float32."""
    if isinstance(value, np.ndarray):
        return {"f32": base64.b64encode(np.ascontiguousarray(value, "<f4").tobytes()).decode()}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def arrays(value):
    """Undo `plain` on what the script wrote."""
    if isinstance(value, dict) and "f32" in value:
        return np.frombuffer(base64.b64decode(value["f32"]), "<f4")
    return {k: arrays(v) for k, v in value.items()} if isinstance(value, dict) else value


def script(tmp_path, case):
    file = tmp_path / "case.json"
    file.write_text(json.dumps(plain(case)), encoding="utf-8")
    command = [NODE, str(Path(__file__).with_name("recompute.mjs")), str(WEB), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return arrays(json.loads(done.stdout))


def layers_of(node, tensors):
    """The layers of one recurrent node, as program.js takes them, by name."""
    given = {k: v for k, v in node.items() if k not in ("type", "weights")}
    config = Config.from_description(given)
    prefix = f"{node['weights']}." if node["weights"] else ""
    found = {}
    for place, suffix in enumerate(config.suffixes()):
        own = {
            role: tensors[f"{prefix}{role}_{suffix}"]
            for role in config.shapes(place // config.directions)
        }
        if config.bias and all(reads == "xh" for _, reads in of(config.mode).program.sums):
            own["bias"] = own.pop("bias_ih") + own.pop("bias_hh")
        found[f"{prefix}{suffix}"] = {
            **own,
            "name": f"{prefix}{suffix}",
            "cell": packed(of(config.mode)),
            "H": config.hidden_size,
            "P": config.output_size,
            "I": config.layer_input_size(place // config.directions),
            "reverse": suffix.endswith("_reverse"),
        }
    return found


def tree_case(tree, tensors, x, edits=None):
    stack, layers = [tree], {}
    while stack:
        node = stack.pop()
        stack += node.get("children", []) + [node[k] for k in ("recurrent",) if k in node]
        if "num_layers" in node:
            layers |= layers_of(node, tensors)
    return {
        "kind": "tree", "tree": tree, "layers": layers, "arrays": tensors, "x": x, "T": len(x),
        "edits": edits or {},
    }  # fmt: skip


def test_activations_have_the_bits_of_the_kernels(tmp_path):
    """A layer whose weights pass x through shows the kernel's own sigmoid and tanh."""
    x = np.concatenate([np.linspace(-100, 100, 40001), np.geomspace(1e-30, 1, 2001)])
    x = np.concatenate([x, [0.0, np.inf, -np.inf, np.nan]]).astype("f4")
    tensors = {"weight_ih_l0": np.ones((4, 1), "f4"), "weight_hh_l0": np.zeros((4, 1), "f4")}
    node = {"type": "LSTM", "mode": "LSTM", "input_size": 1, "hidden_size": 1, "num_layers": 1,
            "bias": False, "batch_first": False, "bidirectional": False, "proj_size": 0,
            "weights": ""}  # fmt: skip
    traced = Model(node, tensors).run(x[None, :, None], trace=True).trace["l0"]
    found = script(tmp_path, {"kind": "activations", "x": x})
    assert (oracles.ulp_distance(found["sigmoid"], traced.forget[0, :, 0]) == 0).all()
    assert (oracles.ulp_distance(found["tanh"], traced.candidate[0, :, 0]) == 0).all()


class Plain(Cell):
    """Shows exp and log_sigmoid of the sums as they are."""

    gates = {"e": "power", "l": "log"}  # noqa: RUF012

    def step(self, a, h):
        e, l = exp(a.e), log_sigmoid(a.l)  # noqa: E741
        return e + l + h


def test_exp_and_log_sigmoid_have_the_bits_of_the_kernels(tmp_path):
    x = np.concatenate([np.linspace(-120, 120, 40001), np.geomspace(1e-30, 1, 2001)])
    x = np.concatenate([x, [0.0, np.inf, -np.inf, np.nan]]).astype("f4")
    tensors = {"weight_ih_l0": np.ones((2, 1), "f4"), "weight_hh_l0": np.zeros((2, 1), "f4")}
    config = Config(mode=Plain(), input_size=1, hidden_size=1, bias=False)
    node = madeup.recurrent(config)[0]
    traced = Model(node, tensors).run(x[None, :, None], trace=True)
    found = script(tmp_path, {"kind": "activations", "x": x})
    for name, own in (("exp", "power"), ("log_sigmoid", "log")):
        expected = traced.trace["l0"].quantity(own)[0, :, 0]
        assert (oracles.ulp_distance(found[name], expected) == 0).all(), name


GRUS = [
    Config(mode="GRU", input_size=3, hidden_size=5),
    Config(mode="GRU", input_size=2, hidden_size=6, num_layers=2, bidirectional=True),
    Config(mode="GRU", input_size=3, hidden_size=7, num_layers=2, batch_first=True, bias=False),
]
CELLS = [Config(mode=cell, input_size=3, hidden_size=9, num_layers=2) for cell in OWN]


@pytest.mark.parametrize("config", [*madeup.CONFIGS, *GRUS, *CELLS], ids=madeup.name_of)
def test_every_gate_of_a_network_has_the_librarys_bits(config, tmp_path):
    tree, tensors = madeup.recurrent(config)
    model = Model(tree, tensors)
    x = madeup.inputs(model, 40)
    run = model.run(x, trace=True)
    found = script(tmp_path, tree_case(tree, tensors, x))
    assert np.array_equal(found["output"].reshape(run.output.shape), run.output)
    for name, layer in run.trace.items():
        for part, expected in quantities(layer).items():
            assert np.array_equal(found["runs"][name][part].reshape(expected.shape), expected), part


def test_a_network_of_ordinary_size_agrees_to_a_float32_rounding(tmp_path):
    config = Config(mode="LSTM", input_size=24, hidden_size=96, num_layers=2)
    tree, tensors = madeup.recurrent(config)
    tensors = {name: array * np.float32(0.15) for name, array in tensors.items()}
    model = Model(tree, tensors)
    x = madeup.inputs(model, 120)
    found = script(tmp_path, tree_case(tree, tensors, x))["output"]
    assert np.abs(found.reshape(120, 96) - model.run(x).output).max() <= 2**-24


def test_an_initial_state_is_where_the_recurrence_begins(tmp_path):
    config = Config(mode="LSTM", input_size=3, hidden_size=5)
    tree, tensors = madeup.recurrent(config)
    model = Model(tree, tensors)
    x = madeup.inputs(model, 9)
    h0, c0 = np.random.default_rng(3).normal(size=(2, 1, 5)).astype("f4")
    case = tree_case(tree, tensors, x)
    case["layers"]["l0"]["initial"] = {"hidden": h0[0], "cell": c0[0]}
    assert np.array_equal(
        script(tmp_path, case)["output"].reshape(9, 5), model.run(x, (h0, c0)).output
    )


NODES = [
    {"type": "Tanh"},
    {"type": "Sigmoid"},
    {"type": "ReLU"},
    {"type": "SiLU"},
    {"type": "LeakyReLU", "negative_slope": 0.01},
    {"type": "ELU", "alpha": 1.5},
    {"type": "Softplus", "beta": 2.0, "threshold": 20.0},
    {"type": "GELU", "approximate": "none"},
    {"type": "GELU", "approximate": "tanh"},
    {"type": "Softmax"},
    {"type": "LogSoftmax"},
    {"type": "Dropout"},
    {"type": "LayerNorm", "size": 5, "eps": 1e-5, "weight": False, "bias": False, "weights": ""},
]


@pytest.mark.parametrize("node", NODES, ids=lambda node: "-".join(map(str, node.values())))
def test_nodes_around_the_layers_agree_with_numpy(node, tmp_path):
    parts = [
        madeup.recurrent(Config(mode="LSTM", input_size=3, hidden_size=4), "0"),
        madeup.linear(4, 5, "1"),
        (node, {}),
        madeup.linear(5, 2, "3", seed=4),
    ]
    model = madeup.sequential(*parts)
    tensors = {name: array * 3 for _, found in parts for name, array in found.items()}
    model = Model(model.config, tensors)
    x = madeup.inputs(model, 30)
    output = script(tmp_path, tree_case(model.config, tensors, x))["output"].reshape(30, 2)
    np.testing.assert_allclose(output, model.run(x).output, rtol=2e-6, atol=2e-6)


def test_an_embedding_looks_rows_up(tmp_path):
    rng = np.random.default_rng(5)
    table = rng.normal(size=(7, 3)).astype("f4")
    node = {"type": "Embedding", "num_embeddings": 7, "embedding_dim": 3, "weights": "0"}
    parts = [
        (node, {"0.weight": table}),
        madeup.recurrent(Config(mode="LSTM", input_size=3, hidden_size=4), "1"),
    ]
    model, tensors = madeup.sequential(*parts), parts[0][1] | parts[1][1]
    x = rng.integers(0, 7, 20)
    found = script(tmp_path, tree_case(model.config, tensors, x.astype("f4")))["output"]
    assert np.array_equal(found.reshape(20, 4), model.run(x).output)


def test_a_forecaster_shifts_each_window_by_its_last_value(tmp_path):
    recurrent = Config(mode="LSTM", input_size=2, hidden_size=5, batch_first=True)
    parts = [
        madeup.recurrent(recurrent, "recurrent"),
        madeup.linear(5, 3, "head"),
        madeup.linear(12, 3, "skip", seed=6),
    ]
    tensors = {name: array for _, found in parts for name, array in found.items()}
    nodes = dict(zip(("recurrent", "head", "skip"), [part[0] for part in parts], strict=True))
    tree = {"type": "Forecaster", "lookback": 12, "horizon": 3, **nodes}
    model = Model(tree, tensors)
    x = madeup.inputs(model, 1, 12)[0]
    found = script(tmp_path, tree_case(tree, tensors, x))["output"]
    np.testing.assert_allclose(found, model.run(x).output, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kinds", [*POOLED, ()], ids=lambda kinds: "-".join(kinds) or "steps")
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_network_of_sequences_has_the_librarys_bits(kinds, bidirectional, tmp_path):
    """Scores of attention and of everything else, rounded once from double."""
    config = Config(
        mode="LSTM", input_size=3, hidden_size=7, num_layers=2, batch_first=True,
        bidirectional=bidirectional,
    )  # fmt: skip
    tree, tensors = madeup.sequence_network(kinds, config)
    model = Model(tree, tensors)
    x = madeup.inputs(model, 1, 60)[0]
    expected = model.run(x).output
    assert np.array_equal(script(tmp_path, tree_case(tree, tensors, x))["output"], expected.ravel())


def test_edits_do_what_changed_weights_would_do(tmp_path):
    """A shifted forget bias is another bias; a cut unit is one whose outgoing weights are zero."""
    config = Config(mode="LSTM", input_size=3, hidden_size=5, num_layers=2)
    tree, tensors = madeup.recurrent(config)
    x = madeup.inputs(Model(tree, tensors), 25)
    edits = {"l0": {"bias": {"forget": 1.5}, "units": [2]}}
    changed = {name: array.copy() for name, array in tensors.items()}
    changed["bias_ih_l0"][5:10] += np.float32(1.5)
    changed["weight_hh_l0"][:, 2] = 0
    changed["weight_ih_l1"][:, 2] = 0
    found = script(tmp_path, tree_case(tree, tensors, x, edits))["output"].reshape(25, 5)
    np.testing.assert_allclose(found, Model(tree, changed).run(x).output, rtol=0, atol=3e-7)


def test_a_clamped_gate_stands_still(tmp_path):
    config = Config(mode="LSTM", input_size=3, hidden_size=5)
    tree, tensors = madeup.recurrent(config)
    x = madeup.inputs(Model(tree, tensors), 25)
    edits = {"l0": {"clamp": {"forget": 1.0, "input": 0.0}}}
    run = script(tmp_path, tree_case(tree, tensors, x, edits))["runs"]["l0"]
    assert (run["forget"] == 1).all()
    assert (run["cell"] == 0).all()
