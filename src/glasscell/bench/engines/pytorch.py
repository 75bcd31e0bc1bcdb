"""PyTorch: inference_mode; for one step its cell or its layer; sequences packed beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.bench.answers import STEPS
from glasscell.bench.cases import Case
from glasscell.bench.engines import CannotRun, Run
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
        layer = filled(getattr(nn, case.mode)(case.I, case.H), data)
        if case.written:
            return self._by_hand(layer, case, data)
        cell = filled(getattr(nn, f"{case.mode}Cell")(case.I, case.H), data, "")
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
                return {"equations in a loop": self._gates_by_hand(layer, case, data)}
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
        count = 1 + case.cell.extra_states
        x, states = torch.from_numpy(data.x[0]), torch.zeros(count, case.capacity, case.H)

        def step() -> Any:
            before = tuple(state[ids] for state in states)
            after = cell(x, before if count > 1 else before[0])
            for k, state in enumerate(after if count > 1 else (after,)):
                states[k, ids] = state
            return after[0] if count > 1 else after

        def answer() -> Array:
            states.zero_()
            return np.stack([step().numpy().copy() for _ in range(STEPS)])

        facts = {"bytes_per_stream": states.nbytes / case.capacity}
        return Run(step, answer, inside=torch.inference_mode, facts=facts)

    def _gates_by_hand(self, layer: Any, case: Case, data: Data) -> Run:
        """What people write to see the gates."""
        x = self._torch.from_numpy(data.x)

        def gates() -> Any:
            steps = self._steps(layer, case, x)
            return [self._torch.stack(part) for part in zip(*steps, strict=True)]

        return Run(gates, lambda: np.stack(gates()), inside=self._torch.inference_mode)

    def _by_hand(self, layer: Any, case: Case, data: Data) -> dict[str, Run]:
        """What people write who change a line of the cell.

        Raises:
            CannotRun: The options that its own layers do not have either.
        """
        if case.written != "own cell" or case.task == "step":
            raise CannotRun("has no such layer")
        x = self._torch.from_numpy(data.x)

        def outputs() -> Any:
            return self._torch.stack([seen[-1] for seen in self._steps(layer, case, x)])

        if case.task == "training":
            return {"equations in a loop": training_run(layer, data, outputs)}
        return {"equations in a loop": inference_run(outputs)}

    def _steps(self, layer: Any, case: Case, x: Any) -> list[tuple[Any, ...]]:
        """The quantities of every step; the input's product is taken out of the loop."""
        w, r, b_ih, b_hh = layer.parameters()
        h = c = self._torch.zeros(x.shape[1], r.shape[1])
        steps: list[tuple[Any, ...]] = []
        for a in x @ w.T + b_ih:
            k = h @ r.T + b_hh
            if case.cell.extra_states:
                i, f, g, o = (a + k).chunk(4, 1)
                i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
                c = f * c + i * g
                h = o * c.tanh()
                steps.append((i, f, g, o, c, h))
            else:
                (a_r, a_z, a_n), (k_r, k_z, k_n) = a.chunk(3, 1), k.chunk(3, 1)
                reset, update = (a_r + k_r).sigmoid(), (a_z + k_z).sigmoid()
                n = (a_n + reset * k_n).tanh()
                h = (1 - update) * n + update * h
                steps.append((reset, update, n, h))
        return steps
