"""OpenVINO: float32, one stream, latency; at B = 1 one thread or all, the faster counts."""

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

__all__ = ["OpenVino"]


class OpenVino:
    """The CPU plugin."""

    def __init__(self, threads: int) -> None:
        import openvino

        self._core, self._tensor = openvino.Core(), openvino.Tensor
        self._threads = threads

    def prepare(self, case: Case, data: Data) -> dict[str, Run]:
        """Prepare a case."""
        onnx_graph.require_possible(case)
        counts = sorted({self._threads, 1 if case.B == 1 else self._threads}, reverse=True)
        return {f"{n} thr.": self._run(case, data, n) for n in counts}

    def _run(self, case: Case, data: Data, threads: int) -> Run:
        steps: int | str = case.T if case.measure == "time" else "T"
        compiled = self._core.compile_model(
            self._core.read_model(onnx_graph.build(case, data, steps)),
            "CPU",
            {
                "INFERENCE_NUM_THREADS": threads,
                "NUM_STREAMS": 1,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the CPU has it
            },
        )
        requests = [self._request(compiled, case, data, case.T) for _ in range(2)]
        names = onnx_graph.states(case)
        for name in names:  # each request reads the state that the other wrote
            for here, there in (requests, requests[::-1]):
                here.set_tensor(f"initial_{name}", there.get_tensor(f"Y_{name}"))
        turn = [0]

        def step() -> Any:
            turn[0] ^= 1
            requests[turn[0]].infer(share_outputs=True)
            return requests[turn[0]]

        def answer() -> Array:
            for name in names:
                requests[turn[0]].get_tensor(f"Y_{name}").data[:] = 0
            outputs = []
            for _ in range(STEPS if names else 1):
                request = step() if names else requests[0]
                if not names:
                    request.infer(share_outputs=True)
                outputs.append(request.get_tensor("Y").data[:, 0].copy())
            return np.concatenate(outputs)

        def at(steps: int) -> Callable[[], object]:
            request = self._request(compiled, case, data, steps)
            return partial(request.infer, share_outputs=True)

        return Run(step if names else partial(requests[0].infer, share_outputs=True), answer, at)

    def _request(self, compiled: Any, case: Case, data: Data, steps: int) -> Any:
        request = compiled.create_infer_request()
        request.set_tensor("X", self._tensor(np.ascontiguousarray(data.x[:steps])))
        return request
