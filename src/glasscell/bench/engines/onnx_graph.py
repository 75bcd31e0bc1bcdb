"""A case as an ONNX model of one recurrent node, for the engines that read ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.bench.cases import Case
from glasscell.bench.engines import CannotRun
from glasscell.bench.numbers import Data

__all__ = ["build", "require_possible", "states"]

ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""ONNX has i o f c for torch's i f g o, and z r h for r z n."""
MORE = {"GRU": {"linear_before_reset": 1}}


def require_possible(case: Case) -> None:
    """Refuse what an inference engine with a fused node cannot do.

    Raises:
        CannotRun: The case trains, asks for gates, is about memory of training, or about torch.
    """
    if case.written:
        raise CannotRun("the row is about glasscell's own layers")
    if case.task == "training":
        raise CannotRun("does not train")
    if case.task == "trace":
        raise CannotRun("its node gives no gates")
    if case.task in ("cell", "pool"):
        raise CannotRun("has no such call")


def states(case: Case) -> tuple[str, ...]:
    """Letters of the states that go in and out of the graph: those of one step only."""
    if case.task != "step":
        return ()
    return tuple(case.cell.states)


def build(case: Case, data: Data, steps: int | str) -> bytes:
    """Write the graph: X (T, B, I), initial_h, initial_c to Y (T, 1, B, H), Y_h, Y_c.

    Args:
        case: What to compute.
        data: Its weights.
        steps: T, or a name for a T that may differ between calls.
    """
    from onnx import TensorProto, helper, numpy_helper

    bias = np.concatenate([_gates(case, data.bias_ih), _gates(case, data.bias_hh)], 1)
    constants = {"W": _gates(case, data.weight_ih), "R": _gates(case, data.weight_hh), "B": bias}
    inputs, outputs = ["X", "W", "R", "B", ""], ["Y"]
    if case.lengths is not None:
        constants["L"], inputs[4] = case.lengths.astype(np.int32), "L"
    inputs += [f"initial_{state}" for state in states(case)]
    outputs += [f"Y_{state}" for state in states(case)]
    shapes: dict[str, list[Any]] = {
        "X": [steps, case.B, case.I],
        "Y": [steps, 1, case.B, case.H],
    }

    def info(name: str) -> Any:
        shape = shapes.get(name, [1, case.B, case.H])
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    attributes: dict[str, Any] = MORE.get(case.mode, {})
    graph = helper.make_graph(
        [helper.make_node(case.mode, inputs, outputs, hidden_size=case.H, **attributes)],
        "recurrent",
        [info(name) for name in inputs if name and name not in constants],
        [info(name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", 14)]
    model: bytes = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    return model


def _gates(case: Case, array: Array) -> Array:
    """One direction's matrix or bias with the gates in ONNX's order."""
    blocks = np.split(array, case.gates)
    ordered: Array = np.concatenate([blocks[gate] for gate in ORDER[case.mode]])[None]
    return ordered
