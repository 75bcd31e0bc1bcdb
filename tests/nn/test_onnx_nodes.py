"""ONNX's own node cases for LSTM, GRU, RNN, from the package `onnx`, on our layers and the engine.

The cases come from the modules of that package that state them, each with its inputs and the
outputs of ONNX's NumPy reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from onnx import helper
from onnx.backend.test.case import node as cases
from onnx.backend.test.case.node import gru, lstm, rnn

import glasscell.nn
from glasscell import cells, engine
from glasscell.cells.parameters import LayerWeights

Array = npt.NDArray[np.float32]

# Peepholes (Gers, Schmidhuber 2000) let the gates see the cell state through weights of their own,
# ONNX's input P. torch.nn.LSTM has none, so ours has none, and there is nothing to compare.
PEEPHOLES = {"test_lstm_with_peepholes"}

# ONNX's GRU cases have the reset gate before the product with R_n (linear_before_reset = 0, Cho et
# al. 2014), which torch.nn.GRU and ours have after it. Both give the same where h is 0, as in a
# first step, or where a gate is the same for all units, as with weights that are all one number: in
# all cases but this one.
RESET_BEFORE = {"test_gru_seq_length"}

ORDERS = {
    "LSTM": (cells.ONNX, cells.TORCH),
    "GRU": (("update", "reset", "candidate"), cells.of("GRU").gate_names),
    "RNN": (cells.HIDDEN, cells.HIDDEN),
}
MODES = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "RNN_TANH"}

_ALL = {
    case.name: case
    for case in cases._NodeTestCases
    if case.model.graph.node[0].op_type in (lstm.LSTM.__name__, gru.GRU.__name__, rnn.RNN.__name__)
}
NAMES = sorted(_ALL.keys() - PEEPHOLES - RESET_BEFORE)


class Case:
    """One node with its tensors by ONNX's names, time first, directions in front of the batch."""

    def __init__(self, name: str) -> None:
        case = _ALL[name]
        node = case.model.graph.node[0]
        given, expected = case.data_sets[0]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self.kind = node.op_type
        self.hidden_size = int(attributes["hidden_size"])
        self.batch_first = bool(attributes.get("layout", 0))
        self.direction = attributes.get("direction", b"forward").decode()
        self.inputs = dict(zip([n for n in node.input if n], given, strict=True))
        self.outputs = dict(zip([n for n in node.output if n], expected, strict=True))
        self.weights = [self._direction(d) for d in range(len(self.inputs["W"]))]

    def _direction(self, d: int) -> LayerWeights:
        order = ORDERS[self.kind]
        both = [None, None]
        if "B" in self.inputs:
            both = [cells.reorder(half, *order) for half in np.split(self.inputs["B"][d], 2)]
        return LayerWeights(
            weight_ih=cells.reorder(self.inputs["W"][d], *order),
            weight_hh=cells.reorder(self.inputs["R"][d], *order),
            bias_ih=both[0],
            bias_hh=both[1],
            weight_hr=None,
        )

    def check(self, output: Array, h_n: Array, c_n: Array | None) -> None:
        """Compare (T, D, B, H), (D, B, H), (D, B, H) with what ONNX expects of them."""
        found: dict[str, Any] = {"Y": output, "Y_h": h_n, "Y_c": c_n}
        if self.batch_first:
            found = {"Y": output.transpose(2, 0, 1, 3), "Y_h": h_n.swapaxes(0, 1)}
        assert self.outputs
        for name, expected in self.outputs.items():
            assert found[name].shape == expected.shape
            np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6, err_msg=name)


def test_the_cases_left_out_are_exactly_those_with_another_equation() -> None:
    nodes = {name: case.model.graph.node[0] for name, case in _ALL.items()}
    assert {name for name, node in nodes.items() if "P" in node.input} == PEEPHOLES
    assert not any(
        a.name == "linear_before_reset" for node in nodes.values() for a in node.attribute
    )
    assert {nodes[name].op_type for name in NAMES} == {"LSTM", "GRU", "RNN"}
    for name in RESET_BEFORE:
        with pytest.raises(AssertionError, match="Not equal"):
            test_our_layers_give_onnx_numbers(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_gives_onnx_numbers(name: str) -> None:
    case = Case(name)
    x = case.inputs["X"].swapaxes(0, 1) if case.batch_first else case.inputs["X"]
    runs = [
        engine.forward(
            engine.pack(MODES[case.kind], weights),
            x,
            reverse=d == 1 or case.direction == "reverse",
        )
        for d, weights in enumerate(case.weights)
    ]
    case.check(
        np.stack([run.output for run in runs], axis=1),
        np.stack([run.h_n for run in runs]),
        None if runs[0].c_n is None else np.stack([run.c_n for run in runs]),
    )


@pytest.mark.parametrize("name", NAMES)
def test_our_layers_give_onnx_numbers(name: str) -> None:
    case = Case(name)
    x = torch.from_numpy(case.inputs["X"])
    time = 1 if case.batch_first else 0
    # torch's layers have no direction of their own that only goes backwards.
    backwards = case.direction == "reverse"
    with torch.no_grad():
        output, state = _module(case)(x.flip(time) if backwards else x)
    y = output.flip(time) if backwards else output
    y = y.transpose(0, 1) if case.batch_first else y
    h_n, c_n = state if isinstance(state, tuple) else (state, None)
    case.check(
        y.unflatten(-1, (len(case.weights), -1)).transpose(1, 2).numpy(),
        h_n.numpy(),
        None if c_n is None else c_n.numpy(),
    )


def _module(case: Case) -> torch.nn.Module:
    module = getattr(glasscell.nn, case.kind)(
        case.inputs["X"].shape[-1],
        case.hidden_size,
        bias="B" in case.inputs,
        batch_first=case.batch_first,
        bidirectional=len(case.weights) == 2,
    )
    module.load_state_dict(
        {
            f"{role}_l0{suffix}": torch.from_numpy(array)
            for weights, suffix in zip(case.weights, ("", "_reverse"), strict=False)
            for role, array in weights.arrays().items()
        }
    )
    return module
