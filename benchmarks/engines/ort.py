"""ONNX Runtime: io-binding, buffers bound once, equal threads; no training, no gates."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper

from benchmarks.cases import Case
from benchmarks.engines import Run

NAME = "onnxruntime"


def prepare(case: Case, weights: torch.nn.Module, x: torch.Tensor, threads: int) -> Run | None:
    if case.task in ("training", "trace", "cell"):
        return None
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(_model(case, weights), options, ["CPUExecutionProvider"])
    x_value = ort.OrtValue.ortvalue_from_numpy(x.numpy())
    y = ort.OrtValue.ortvalue_from_numpy(np.zeros((case.T, 1, case.B, case.H), np.float32))
    binding = session.io_binding()
    binding.bind_ortvalue_input("X", x_value)
    binding.bind_ortvalue_output("Y", y)
    state = {}
    for name in _states(case):
        state[name] = ort.OrtValue.ortvalue_from_numpy(np.zeros((1, case.B, case.H), np.float32))
        binding.bind_ortvalue_input(f"initial_{name}", state[name])
        # a step reads the state that the step before wrote
        binding.bind_ortvalue_output(f"Y_{name}", state[name])

    def answer() -> np.ndarray:
        for value in state.values():
            value.update_inplace(np.zeros((1, case.B, case.H), np.float32))
        session.run_with_iobinding(binding)
        return y.numpy()[:, 0]

    return Run(lambda: session.run_with_iobinding(binding), answer)


def _states(case: Case) -> tuple[str, ...]:
    if case.task != "step":
        return ()
    return ("h", "c") if case.mode == "LSTM" else ("h",)


def _model(case: Case, module: torch.nn.Module) -> bytes:
    # ONNX orders the gates i o f c; torch i f g o.
    order = [0, 3, 1, 2] if case.mode == "LSTM" else [0]

    def reordered(name: str) -> np.ndarray:
        blocks = np.split(getattr(module, name).detach().numpy(), case.gates)
        return np.concatenate([blocks[k] for k in order])[None]

    bias = np.concatenate([reordered("bias_ih_l0"), reordered("bias_hh_l0")], 1)
    initializers = [
        numpy_helper.from_array(np.ascontiguousarray(a), name)
        for name, a in (
            ("W", reordered("weight_ih_l0")),
            ("R", reordered("weight_hh_l0")),
            ("B", bias),
        )
    ]
    size = [1, case.B, case.H]
    states = _states(case)
    inputs = ["X", "W", "R", "B"] + (["", *(f"initial_{s}" for s in states)] if states else [])
    outputs = ["Y", *(f"Y_{s}" for s in states)]
    node = helper.make_node(case.mode, inputs, outputs, hidden_size=case.H)
    shapes = {"X": [case.T, case.B, case.I], "Y": [case.T, 1, case.B, case.H]}

    def info(name: str) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes.get(name, size))

    graph = helper.make_graph(
        [node],
        "recurrent",
        [info("X"), *(info(f"initial_{s}") for s in states)],
        [info(name) for name in outputs],
        initializers,
    )
    opset = [helper.make_opsetid("", 14)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
