"""glasscell: `glasscell.nn` for sequences and training, a NumPy stream for one step."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import glasscell
from glasscell import cells
from glasscell.arrays import Array
from glasscell.bench.answers import STEPS
from glasscell.bench.cases import Case
from glasscell.bench.engines import Run
from glasscell.bench.engines.torch_runs import cell_run, filled, inference_run, training_run
from glasscell.bench.numbers import Data
from glasscell.cells import Cell, sigmoid, tanh

__all__ = ["Ours"]


class OwnLSTM(Cell):
    """The LSTM as a user writes it: no fused kernel knows it."""

    gates = cells.LSTM().gates
    states = cells.LSTM.states

    def step(self, a: Any, h: Any, c: Any) -> Any:
        """Say one step."""
        i, f, g, o = sigmoid(a.i), sigmoid(a.f), tanh(a.g), sigmoid(a.o)
        c = f * c + i * g
        return o * tanh(c), c


class OwnGRU(Cell):
    """The GRU as a user writes it."""

    gates = cells.GRU.gates

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        r, z = sigmoid(a.r), sigmoid(a.z)
        n = tanh(a.n.x + r * a.n.h)
        return (1 - z) * n + z * h


def own_cell(case: Case) -> Cell:
    """Give the cell that a case runs as a program."""
    if case.written == "own cell":
        return OwnLSTM() if case.cell.extra_states else OwnGRU()
    return case.cell


class Ours:
    """The engine that all others are compared with."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        glasscell.set_num_threads(threads)
        self._torch = torch

    def prepare(self, case: Case, data: Data) -> dict[str, Run]:
        """Prepare a case."""
        nn = glasscell.nn
        if case.task == "cell":
            cell: Any = getattr(nn, f"{case.mode}Cell")(case.I, case.H)
            return {"cell": cell_run(filled(cell, data, ""), case, data)}
        if case.written:
            layer = filled(nn.Recurrent(own_cell(case), case.I, case.H), data, rest=True)
        else:
            made: Any = getattr(nn, case.mode)
            layer = filled(made(case.I, case.H, checkpoint=case.checkpoint), data)
        match case.task:
            case "step":
                return {"stream": _stream(_loaded(layer, case), data)}
            case "pool":
                return {"pool": _pool(_loaded(layer, case), case, data)}
            case "trace":
                return {"trace": self._trace(layer, case, data)}
            case _:
                return {"layer": self._sequence(layer, case, data)}

    def _sequence(self, layer: Any, case: Case, data: Data) -> Run:
        """Inference or training over whole sequences."""
        torch = self._torch
        x, lengths = torch.from_numpy(data.x), case.lengths
        run = layer if lengths is None else partial(layer, lengths=torch.from_numpy(lengths))
        if case.task == "training":
            trained = training_run(layer, data, lambda: run(x)[0])
            return _unmasked(layer, trained) if case.cell.masks else trained

        def at(steps: int) -> Callable[[], object]:
            part = x[:steps].clone()
            return lambda: layer(part)[0]

        return inference_run(lambda: run(x)[0], at)

    def _trace(self, layer: Any, case: Case, data: Data) -> Run:
        x = self._torch.from_numpy(data.x)

        def traced() -> list[Array | None]:
            with glasscell.trace(layer) as trace:
                layer(x)
            seen = trace["l0"]
            return [getattr(seen, name) for name in (*case.cell.quantities, "hidden")]

        return Run(traced, lambda: np.array(traced()), inside=self._torch.inference_mode)


def _unmasked(layer: Any, trained: Run) -> Run:
    """Have the answer computed without random masks; calls that are timed draw them."""

    def answer() -> Array:
        layer.eval()
        try:
            return trained.answer()
        finally:
            layer.train()

    return replace(trained, answer=answer)


def _loaded(layer: Any, case: Case) -> Any:
    """Save and load: what a deployment does."""
    stored = {} if case.weights == "float32" else {"weights": case.weights}
    with tempfile.TemporaryDirectory() as folder:
        return glasscell.load(glasscell.save(layer, Path(folder) / "model"), **stored)


def _stream(model: Any, data: Data) -> Run:
    stream, x_t = model.stream(), data.x[0, 0]

    def answer() -> Array:
        stream.reset()
        return np.stack([stream.step(x_t)[None].copy() for _ in range(STEPS)])

    return Run(partial(stream.step, x_t), answer)


def _pool(model: Any, case: Case, data: Data) -> Run:
    """Steps of B streams, drawn among all that are open."""
    pool = model.pool(case.capacity)
    every = pool.open(case.capacity)
    ids = np.random.default_rng(0).permutation(every)[: case.B]
    x = data.x[0]

    def answer() -> Array:
        pool.reset(ids)
        return np.stack([pool.step(ids, x) for _ in range(STEPS)])

    facts = {"bytes_per_stream": float(pool.stream_nbytes)}
    return Run(partial(pool.step, ids, x), answer, facts=facts)
