"""Keras on TensorFlow: tf.function as a graph, or compiled by XLA, the faster counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.bench.answers import STEPS
from glasscell.bench.cases import Case
from glasscell.bench.engines import CannotRun, Run
from glasscell.bench.engines.torch_runs import RATE
from glasscell.bench.numbers import Data

__all__ = ["KerasGraph"]

NAMES = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "SimpleRNN"}
KERAS = {"LSTM": (0, 1, 2, 3), "GRU": (1, 0, 2), "RNN": (0,)}  # z r h for torch's r z n


def _reordered(array: Array, order: Sequence[int]) -> Array:
    """Put the blocks of stacked gates into another order."""
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[gate] for gate in order])


class KerasGraph:
    """keras.layers; sequences are (B, T, ·) here, as Keras wants them."""

    def __init__(self, threads: int) -> None:
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        import keras

        self._tf, self._layers = tensorflow, keras.layers

    def prepare(self, case: Case, data: Data) -> dict[str, Run]:
        """Prepare a case."""
        if case.written:
            raise CannotRun("the row is about glasscell's own layers")
        if case.task == "trace":
            raise CannotRun("its layer gives no gates")
        if case.task in ("cell", "pool"):
            raise CannotRun("has no such call")
        make = {"step": self._step, "training": self._training}.get(case.task, self._inference)
        return {
            "graph": make(case, data, compiled=False),
            "XLA": make(case, data, compiled=True),
        }

    def _filled(self, layer: Any, case: Case, data: Data) -> Any:
        layer.build((case.B, None, case.I) if "Cell" not in type(layer).__name__ else (1, case.I))
        order = KERAS[case.mode]
        w, r, b_ih, b_hh = (_reordered(array, order) for array in data.weights.values())
        split = case.cell.program.reads[2] > 0  # a sum of R h alone has a bias of its own
        layer.set_weights([w.T, r.T, np.stack([b_ih, b_hh]) if split else b_ih + b_hh])
        return layer

    def _layer(self, case: Case, data: Data) -> Callable[[Any], Any]:
        made = getattr(self._layers, NAMES[case.mode])
        return self._filled(made(case.H, return_sequences=True), case, data)  # type: ignore[no-any-return]

    def _masked(self, layer: Any, case: Case) -> Callable[[Any], Any]:
        """Outputs after the end of a sequence are zero; cheaper than Keras's own mask."""
        if case.lengths is None:
            return layer  # type: ignore[no-any-return]
        inside = self._batch_first(np.arange(case.T)[:, None, None] < case.lengths[:, None])
        factor = self._tf.cast(inside, self._tf.float32)
        return lambda x: layer(x) * factor

    def _batch_first(self, array: Array) -> Any:
        return self._tf.constant(np.ascontiguousarray(array.swapaxes(0, 1)))

    def _inference(self, case: Case, data: Data, *, compiled: bool) -> Run:
        layer = self._masked(self._layer(case, data), case)
        steps = case.T if case.measure == "time" else None
        shape = self._tf.TensorSpec((case.B, steps, case.I), self._tf.float32)
        function = self._tf.function(layer, input_signature=[shape], jit_compile=compiled)
        x = self._batch_first(data.x)

        def at(steps: int) -> Callable[[], object]:
            return partial(function, self._batch_first(data.x[:steps]))

        return Run(partial(function, x), lambda: function(x).numpy().swapaxes(0, 1), at)

    def _training(self, case: Case, data: Data, *, compiled: bool) -> Run:
        tf, layer = self._tf, self._layer(case, data)
        masked, variables = self._masked(layer, case), [v.value for v in layer.trainable_variables]  # type: ignore[attr-defined]

        def update(x: Any, dy: Any, rate: Any) -> None:
            with tf.GradientTape() as tape:
                y = masked(x)
            gradients = tape.gradient(y, variables, output_gradients=dy)
            for variable, gradient in zip(variables, gradients, strict=True):
                variable.assign_sub(rate * gradient)

        inputs = self._batch_first(data.x), self._batch_first(data.dy)
        slow, whole = tf.constant(RATE), tf.constant(1.0)
        function = tf.function(update, jit_compile=compiled)
        function.get_concrete_function(*inputs, slow)  # traced beforehand

        initial = [variable.numpy() for variable in variables]

        def answer() -> Array:
            for variable, value in zip(variables, initial, strict=True):
                variable.assign(value)
            function(*inputs, whole)
            w, r, b = (a - v.numpy() for a, v in zip(initial, variables, strict=True))
            for variable, value in zip(variables, initial, strict=True):
                variable.assign(value)
            b = b if b.ndim == 1 else b[0]
            ours = np.argsort(KERAS[case.mode]).tolist()
            return _reordered(np.concatenate([w.T, r.T, b[:, None]], axis=1), ours)

        return Run(lambda: function(*inputs, slow), answer)

    def _step(self, case: Case, data: Data, *, compiled: bool) -> Run:
        cell = getattr(self._layers, f"{NAMES[case.mode]}Cell")(case.H)
        cell = self._filled(cell, case, data)
        function = self._tf.function(lambda x_t, state: cell(x_t, state)[1], jit_compile=compiled)
        x_t, zero = self._tf.constant(data.x[0]), self._tf.zeros((1, case.H))
        start = [zero] * (1 + case.cell.extra_states)
        state = [start]

        def step() -> None:
            state[0] = function(x_t, state[0])

        def answer() -> Array:
            state[0], outputs = start, []
            for _ in range(STEPS):
                step()
                outputs.append(state[0][0].numpy())
            return np.stack(outputs)

        return Run(step, answer)
