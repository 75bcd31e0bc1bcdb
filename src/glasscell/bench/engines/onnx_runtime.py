"""ONNX Runtime: io-binding, buffers bound once; at B = 1 one thread or all, the faster counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.bench.answers import STEPS
from glasscell.bench.cases import Case
from glasscell.bench.engines import Run, onnx_graph
from glasscell.bench.numbers import Data

__all__ = ["OnnxRuntime"]


class OnnxRuntime:
    """The CPU execution provider."""

    def __init__(self, threads: int) -> None:
        import onnxruntime

        self._ort, self._threads = onnxruntime, threads

    def prepare(self, case: Case, data: Data) -> dict[str, Run]:
        """Prepare a case."""
        onnx_graph.require_possible(case)
        counts = sorted({self._threads, 1 if case.B == 1 else self._threads}, reverse=True)
        return {f"{n} thr." if n > 1 else "1 thr.": self._run(case, data, n) for n in counts}

    def _run(self, case: Case, data: Data, threads: int) -> Run:
        steps: int | str = case.T if case.measure == "time" else "T"
        options = self._ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        model = onnx_graph.build(case, data, steps)
        session = self._ort.InferenceSession(model, options, ["CPUExecutionProvider"])
        value = self._ort.OrtValue.ortvalue_from_numpy
        states = {name: value(_zero(case)) for name in onnx_graph.states(case)}

        def bound(steps: int) -> tuple[Any, Any]:
            """Buffers for so many steps; a step reads the state that the one before wrote."""
            binding, y = session.io_binding(), value(np.zeros((steps, 1, case.B, case.H), "f4"))
            binding.bind_ortvalue_input("X", value(np.ascontiguousarray(data.x[:steps])))
            binding.bind_ortvalue_output("Y", y)
            for name, state in states.items():
                binding.bind_ortvalue_input(f"initial_{name}", state)
                binding.bind_ortvalue_output(f"Y_{name}", state)
            return binding, y

        binding, y = bound(case.T)
        call = partial(session.run_with_iobinding, binding)

        def answer() -> Array:
            for state in states.values():
                state.update_inplace(_zero(case))
            outputs = []
            for _ in range(STEPS if case.task == "step" else 1):
                call()
                outputs.append(y.numpy()[:, 0].copy())
            return np.concatenate(outputs)

        def at(steps: int) -> Callable[[], object]:
            return partial(session.run_with_iobinding, bound(steps)[0])

        return Run(call, answer, at)


def _zero(case: Case) -> Array:
    return np.zeros((1, case.B, case.H), np.float32)
