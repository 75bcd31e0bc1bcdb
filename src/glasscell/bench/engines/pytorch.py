"""PyTorch: inference_mode; for one step its cell or its layer; sequences packed beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.bench.answers import STEPS
from glasscell.bench.cases import Case
from glasscell.bench.engines import Run
from glasscell.bench.engines.torch_runs import cell_run, filled, inference_run, training_run
from glasscell.bench.numbers import Data

__all__ = ["PyTorch"]


class PyTorch:
    """torch.nn's own layers and cells."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._torch = torch

    def prepare(self, case: Case, data: Data) -> dict[str, Run]:
        """Prepare a case."""
        nn = self._torch.nn
        layer: Any = (nn.LSTM if case.mode == "LSTM" else nn.RNN)(case.I, case.H)
        layer = filled(layer, data)
        cell: Any = (nn.LSTMCell if case.mode == "LSTM" else nn.RNNCell)(case.I, case.H)
        cell = filled(cell, data, "")
        match case.task:
            case "cell":
                return {"cell": cell_run(cell, case, data)}
            case "step":
                return {
                    "cell": cell_run(cell, case, data),
                    "layer": self._layer_step(layer, case, data),
                }
            case "pool":
                return {"cell, state indexed": self._pool(cell, case, data)}
            case "trace":
                return {"equations in a loop": self._gates_by_hand(layer, data)}
            case _:
                return {"packed" if case.ragged else "layer": self._sequence(layer, case, data)}

    def _sequence(self, layer: Any, case: Case, data: Data) -> Run:
        """Inference or training over whole sequences."""
        x = self._torch.from_numpy(data.x)
        if case.lengths is not None:
            return self._packed(layer, case, data)
        if case.task == "training":
            return training_run(layer, data, lambda: layer(x)[0])

        def at(steps: int) -> Any:
            part = x[:steps].clone()
            return lambda: layer(part)[0]

        return inference_run(lambda: layer(x)[0], at)

    def _packed(self, layer: Any, case: Case, data: Data) -> Run:
        """A PackedSequence, made before: neither packing nor unpacking is timed."""
        rnn = self._torch.nn.utils.rnn
        assert case.lengths is not None
        lengths = self._torch.from_numpy(case.lengths)

        def pack(array: Array) -> Any:
            padded = self._torch.from_numpy(array)
            return rnn.pack_padded_sequence(padded, lengths, enforce_sorted=False)

        x, dy = pack(data.x), pack(data.dy)
        if case.task == "training":
            flat = data._replace(dy=dy.data.numpy())
            return training_run(layer, flat, lambda: layer(x)[0].data)

        def answer() -> Array:
            padded = rnn.pad_packed_sequence(layer(x)[0], total_length=case.T)[0]
            return np.array(padded)

        return Run(lambda: layer(x)[0].data, answer, inside=self._torch.inference_mode)

    def _layer_step(self, layer: Any, case: Case, data: Data) -> Run:
        x = self._torch.from_numpy(data.x)
        state: list[Any] = [None]

        def step() -> Any:
            y, state[0] = layer(x, state[0])
            return y

        def answer() -> Array:
            state[0] = None
            return np.concatenate([step().numpy() for _ in range(STEPS)])

        return Run(step, answer, inside=self._torch.inference_mode)

    def _pool(self, cell: Any, case: Case, data: Data) -> Run:
        """What people write: all states in a matrix, rows taken out and put back by index."""
        torch = self._torch
        ids = torch.randperm(case.capacity, generator=torch.Generator().manual_seed(0))[: case.B]
        x, states = torch.from_numpy(data.x[0]), torch.zeros(2, case.capacity, case.H)

        def step() -> Any:
            h, c = cell(x, (states[0, ids], states[1, ids]))
            states[0, ids], states[1, ids] = h, c
            return h

        def answer() -> Array:
            states.zero_()
            return np.stack([step().numpy().copy() for _ in range(STEPS)])

        facts = {"bytes_per_stream": states.nbytes / case.capacity}
        return Run(step, answer, inside=torch.inference_mode, facts=facts)

    def _gates_by_hand(self, layer: Any, data: Data) -> Run:
        """What people write to see the gates; the input's product taken out of the loop."""
        torch = self._torch
        x, (w, r, b_ih, b_hh) = torch.from_numpy(data.x), (p.data for p in layer.parameters())
        w, r, b, zero = w.T, r.T, b_ih + b_hh, torch.zeros(x.shape[1], r.shape[1])

        def gates() -> Any:
            h = c = zero
            steps = []
            for a in x @ w + b:
                i, f, g, o = (a + h @ r).chunk(4, 1)
                i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
                c = f * c + i * g
                h = o * c.tanh()
                steps.append((i, f, g, o, c, h))
            return [torch.stack(part) for part in zip(*steps, strict=True)]

        return Run(gates, lambda: np.stack(gates()), inside=torch.inference_mode)
