"""JAX: jitted, lax.scan; the input's product before the scan or inside it, the faster counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.bench.answers import STEPS
from glasscell.bench.cases import Case
from glasscell.bench.engines import CannotRun, Run
from glasscell.bench.engines.torch_runs import RATE
from glasscell.bench.numbers import Data

__all__ = ["JaxScan"]


class JaxScan:
    """The layer as one writes it in JAX; XLA takes the threads of the process's CPUs."""

    def __init__(self, threads: int) -> None:
        import jax

        self._jax, self._np = jax, jax.numpy

    def prepare(self, case: Case, data: Data) -> dict[str, Run]:
        """Prepare a case."""
        if case.task in ("cell", "pool"):
            raise CannotRun("has no such call")
        if case.written:
            raise CannotRun("the row is about glasscell's own layers")
        split = case.cell.program.reads[2] > 0  # a sum of R h alone has a bias of its own
        bias = data.bias_ih if split else data.bias_ih + data.bias_hh
        arrays = (data.weight_ih.T, data.weight_hh.T, bias, *[data.bias_hh] * split)
        weights = tuple(map(self._np.asarray, arrays))
        if case.task == "step":
            return {"jit": self._step(case, weights, data)}
        make = self._training if case.task == "training" else self._inference
        return {
            "product before scan": make(case, weights, data, before=True),
            "product in scan": make(case, weights, data, before=False),
        }

    def _cell(self, mode: str, a: Any, weights: Any, h: Any, c: Any) -> tuple[Any, ...]:
        """From a = x W + b: i f g o c h, r z n h of a GRU, or h alone of a plain RNN."""
        sigmoid, tanh, split = self._jax.nn.sigmoid, self._np.tanh, self._np.split
        k = h @ weights[1]
        if mode == "GRU":
            (a_r, a_z, a_n), (k_r, k_z, k_n) = split(a, 3, -1), split(k + weights[3], 3, -1)
            r, z = sigmoid(a_r + k_r), sigmoid(a_z + k_z)
            n = tanh(a_n + r * k_n)
            return r, z, n, (1 - z) * n + z * h
        if mode == "RNN":
            return (tanh(a + k),)
        i, f, g, o = split(a + k, 4, axis=-1)
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        return i, f, g, o, c, o * tanh(c)

    def _layer(self, case: Case, weights: Any, x: Any, *, before: bool) -> Any:
        """(T, B, H), or one for each quantity for a trace."""
        w, b = weights[0], weights[2]

        def step(state: Any, x_t: Any) -> Any:
            h, c = state
            seen = self._cell(case.mode, x_t if before else x_t @ w + b, weights, h, c)
            state = (seen[-1], seen[-2] if case.cell.extra_states else c)
            return state, (seen if case.task == "trace" else seen[-1])

        zero = self._np.zeros((case.B, case.H))
        y = self._jax.lax.scan(step, (zero, zero), x @ w + b if before else x)[1]
        if case.lengths is None:
            return y
        inside = self._np.arange(case.T)[:, None, None] < case.lengths[:, None]
        return self._np.where(inside, y, 0)

    def _inference(self, case: Case, weights: Any, data: Data, *, before: bool) -> Run:
        layer = self._jax.jit(partial(self._layer, case, before=before))
        x, ready = self._np.asarray(data.x), self._jax.block_until_ready

        def at(steps: int) -> Callable[[], object]:
            part = ready(self._np.asarray(data.x[:steps]))
            return lambda: ready(layer(weights, part))

        return Run(lambda: ready(layer(weights, x)), lambda: np.asarray(layer(weights, x)), at)

    def _training(self, case: Case, weights: Any, data: Data, *, before: bool) -> Run:
        jax = self._jax

        @partial(jax.jit, donate_argnums=0)
        def update(weights: Any, x: Any, dy: Any, rate: Any) -> Any:
            def layer(weights: Any) -> Any:
                return self._layer(case, weights, x, before=before)

            gradient = jax.vjp(layer, weights)[1](dy)[0]
            return jax.tree.map(lambda value, slope: value - rate * slope, weights, gradient)

        inputs = self._np.asarray(data.x), self._np.asarray(data.dy)
        if case.measure == "memory":  # compiled beforehand: compilation is no training step
            update = update.lower(weights, *inputs, np.float32(RATE)).compile()
        own = [jax.tree.map(self._np.copy, weights)]  # donated to each step
        slow = np.float32(RATE)

        def step() -> None:
            own[0] = jax.block_until_ready(update(own[0], *inputs, slow))

        def answer() -> Array:
            moved = update(jax.tree.map(self._np.copy, weights), *inputs, np.float32(1))
            moves = [np.asarray(a) - np.asarray(z) for a, z in zip(weights, moved, strict=True)]
            w, r, b = moves[:3]
            return np.concatenate([w.T, r.T, b[:, None]], axis=1)

        return Run(step, answer)

    def _step(self, case: Case, weights: Any, data: Data) -> Run:
        def advance(weights: Any, x_t: Any, h: Any, c: Any) -> Any:
            seen = self._cell(case.mode, x_t @ weights[0] + weights[2], weights, h, c)
            return seen[-1], (seen[-2] if case.cell.extra_states else c)

        stepped = self._jax.jit(advance)
        x_t, zero = self._np.asarray(data.x[0, 0]), self._np.zeros(case.H)
        state = [zero, zero]

        def step() -> None:
            state[:] = self._jax.block_until_ready(stepped(weights, x_t, *state))

        def answer() -> Array:
            state[:], outputs = (zero, zero), []
            for _ in range(STEPS):
                step()
                outputs.append(np.array(state[0])[None])
            return np.stack(outputs)

        return Run(step, answer)
