"""A saved model looked into without torch: a loaded `Model`, or the folder that it came from.

Backwards, the recurrent layers run on their own kernels; what is between them, on NumPy.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from glasscell import engine
from glasscell.arrays import Array
from glasscell.cells import of
from glasscell.cells.compact import COMPRESSED
from glasscell.cells.parameters import from_state_dict
from glasscell.engine.packing import PackedWeights
from glasscell.errors import DataError, ShapeError, WeightFormatError
from glasscell.inspect.gradients.flow import flow_of
from glasscell.inspect.gradients.last_step import carried_back
from glasscell.inspect.subjects.subject import (
    READS_BACKWARDS,
    Loss,
    Measured,
    Recording,
    Unit,
    batched,
    other_parameters,
    rows_off,
    switched_off,
)
from glasscell.inspect.verdict.judge import every_step
from glasscell.model import modelfile, nodes
from glasscell.model.model import Model
from glasscell.model.nodes import inputs
from glasscell.model.nodes.pooled_back import pool_back, summary_back
from glasscell.model.nodes.pooled_steps import Pool
from glasscell.traces.layer import Record, other_states, trace_of

__all__ = ["SavedModel", "last_step_sum"]

Visit: TypeAlias = "Callable[[_Layer, Array], Array]"
"""Takes a layer and dL/doutput in the kernel's layout, gives dL/dx."""

Pull: TypeAlias = Callable[[Array, Visit], Array]
"""Takes the gradient of a part's output back to that of its input; visits the layers in it."""

DIFFERENCE = 2.0**-17
"""Step of a central difference in float64: the cube root of its rounding leaves 10 digits."""


def last_step_sum(
    steps: int = -2, both: bool = False, lengths: npt.NDArray[np.int64] | None = None
) -> Loss:
    """Give the loss that reads the last step alone: the sum of its outputs.

    Args:
        steps: The output's axis of time; default the second-last, (B, T, O).
        both: Whether the first step counts too, which layers that read from the end work on last.
        lengths: (B,) steps of each sequence; default all T.

    >>> last_step_sum()(np.ones((1, 3, 2)))[1][0].tolist()
    [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]
    """

    def loss(output: Array) -> tuple[float, Array]:
        gradient = np.ones_like(output)
        if output.ndim > 2:
            gradient[...] = 0.0
            ends = np.moveaxis(gradient, steps, 0)
            last = -1 if lengths is None else lengths - 1
            ends[last, slice(None) if lengths is None else np.arange(len(lengths))] = 1.0
            ends[0] += both
        return float((gradient * output).sum()), gradient

    return loss


class SavedModel:
    """A model without torch, as a `Subject`. Compressed weights count as what they stand for.

    Args:
        tree: The "model" of config.json.
        arrays: torch's parameter names to arrays.
        name: What messages call it.
        model: The same, packed already; default packed here.

    Raises:
        DataError: It has no recurrent layer.
    """

    def __init__(
        self,
        tree: dict[str, Any],
        arrays: Mapping[str, Array],
        name: str = "the model",
        model: Model | None = None,
    ) -> None:
        self.tree, self.arrays = nodes.expand(tree, arrays)
        self.model = Model(self.tree, self.arrays) if model is None else model
        if not self.model.recurrent:
            raise DataError(f"{name}: expected a model with an LSTM, GRU or RNN, got {self.model}")
        self.weights: Mapping[str, PackedWeights] = {
            name: layer for node in self.model.recurrent for name, layer in self._layers_of(node)
        }
        self.lengths: npt.NDArray[np.int64] | None = None

    @classmethod
    def read(cls, model: Model | str | os.PathLike[str]) -> SavedModel:
        """Read a folder once; of a loaded model only what it does not hold, its plain weights.

        Raises:
            FileNotFoundError: There is no such folder, or no longer.
            WeightFormatError: The folder is damaged, or has changed since the model was loaded.
            DataError: The model came from no folder, or has no recurrent layer.
        """
        if not isinstance(model, Model):
            return cls(*modelfile.read(model), name=os.fspath(model))
        if model.source is None:
            raise DataError(f"expected a model that glasscell.load gave, or a folder, got {model}")
        folder, digest = model.source
        tree, arrays = modelfile.read(folder)
        if tree != model.config or modelfile.digest(folder) != digest:
            raise WeightFormatError(f"{folder}: changed since {model} was loaded from it")
        stored = model.weights_dtype
        if stored in COMPRESSED:
            kept = {node.get("storage") for node in nodes.recurrent_nodes(tree)}
            packed = (tree, arrays) if kept == {stored} else nodes.compress(tree, arrays, stored)
            return cls(*packed, name=repr(model))
        return cls(tree, arrays, repr(model), model)

    def of_lengths(self, lengths: Array | None) -> SavedModel:
        """Give the same for a batch of sequences of different lengths, padded to the longest.

        Args:
            lengths: (B,) steps of each; None: all have T.

        Raises:
            DataError: The model reads (T, B, I).
        """
        if lengths is not None and not self.batch_first:
            raise DataError(
                "lengths: expected a model whose recurrent layers are batch_first, got one that "
                "reads (T, B, I); show one sequence at a time"
            )
        bound = copy.copy(self)
        bound.lengths = None if lengths is None else np.asarray(lengths, np.int64)
        return bound

    @property
    def units(self) -> Mapping[str, int]:
        """All of them, but of a cell that no weights of its own hold at 0."""
        return {
            name: node.config.hidden_size
            for node in self.model.recurrent
            if rows_off(node.config.cell, node.config.bias) is not None
            for name in node.names
        }

    def measured(
        self, x: Array, loss: Loss | None = None, kwargs: Mapping[str, Any] | None = None
    ) -> Measured:
        """Run forwards and back, once each; all states kept.

        Raises:
            ShapeError: x, or what `loss` gave, is of another shape than it should be.
        """
        if kwargs:
            raise TypeError(f"expected no keywords for a saved model, got {', '.join(kwargs)}")
        return self._measured(_Pass(self, x), loss)

    def _measured(self, run: _Pass, loss: Loss | None) -> Measured:
        value, gradient = self._losses(run.output, loss)
        measured = {}

        def measure(layer: _Layer, dy: Array) -> Array:
            grads = layer.backward(dy, flow=True)
            assert grads.dh is not None
            assert grads.x is not None
            trace = trace_of(layer.record, layer.reverse, layer.weights.vectors)
            flow = flow_of(trace, grads.dh, grads.dc, dy, layer.weights)
            if every_step(flow):
                carried = carried_back(layer.record, trace, layer.weights, grads.dh, grads.dc)
                flow = replace(flow, last_step_by_lag=carried)
            measured[layer.name] = flow, trace
            return grads.x

        run.pull(gradient, measure)
        return Measured(value, {name: measured[name] for name in self.weights})

    def value(self, x: Array, loss: Loss | None = None) -> float:
        """Run forwards and give the loss."""
        return _number((loss or self._ends)(self._run(self.model, x)))

    @contextmanager
    def holding(self, x: Array, loss: Loss | None) -> Iterator[Callable[[Unit | None], float]]:
        """Yield the loss as a function of the unit that is held at 0, see `Subject.holding`."""
        truth = self._run(self.model, x)

        def change(output: Array) -> float:
            return float(np.square(output - truth, dtype=np.float64).mean())

        def value(unit: Unit | None) -> float:
            output = truth if unit is None else self._run(self._without(*unit), x)
            return _number((loss or change)(output))

        yield value

    @contextmanager
    def truncating(
        self, x: Array, loss: Loss | None
    ) -> Iterator[Callable[[int | None], tuple[Array, int]]]:
        """Yield gradients of the recurrent weights, see `Subject.truncating`."""
        for name in self.weights:
            if name.endswith("_reverse"):
                raise ValueError(READS_BACKWARDS.format(name))
        run = _Pass(self, x)
        gradient = self._losses(run.output, loss)[1]

        def weights_gradient(length: int | None) -> tuple[Array, int]:
            parts, steps = [], []

            def visit(layer: _Layer, dy: Array) -> Array:
                dx, own = layer.truncated(dy, len(dy) if length is None else length)
                parts.append(own)
                steps.append(len(dy))
                return dx

            run.pull(gradient, visit)
            return np.concatenate(parts), max(steps)

        yield weights_gradient

    @contextmanager
    def copying(
        self, x: Array, read: Callable[[Any], Any] | None = None, batch_first: bool | None = None
    ) -> Iterator[_Copies]:
        """Yield what runs copies of one sequence, see `Subject.copying`."""
        if read is not None or batch_first is not None:
            raise TypeError("expected no read and no batch_first: a saved model knows them")
        if np.ndim(x) != 1 + (self.model.input_size is not None):
            raise ShapeError(
                "expected one sequence x (T, I), or (T,) integers for an Embedding, got "
                f"{np.shape(x)}"
            )
        yield _Copies(self, np.asarray(x))

    def recording(self, x: Any, loss: Loss | None = None) -> tuple[Recording, Array | None]:
        """Run (B, T, I) or (T, I) once; integers for a model that begins with an Embedding."""
        batch = np.asarray(x)
        if np.issubdtype(batch.dtype, np.floating):
            batch = batch.astype(self.model.dtype)
        integers = self.model.input_size is None
        batch = batched(batch, indices=integers)
        read = batch if self.batch_first else batch.swapaxes(0, 1).copy()
        run = _Pass(self, read)
        measured = self._measured(run, loss)
        turned = not self.batch_first and run.output.ndim == 3
        recording = Recording(
            traces={name: trace for name, (_, trace) in measured.layers.items()},
            weights=self.weights,
            output=run.output.swapaxes(0, 1) if turned else run.output,
            flow=measured.flow,
            model=self.tree,
            parameters=other_parameters(self.tree, self.arrays),
            indices=batch if integers else None,
            subject=self,
            read=read,
            axis=0 if self.batch_first else 1,
            loss=loss,
        )
        return recording, None if integers else batch

    def outputs(self, x: Array) -> Array:
        """Give (B, O), one answer a sequence, of (B, T, I).

        Raises:
            ShapeError: The model gives an answer a step.
        """
        return _one_each(self._run(self.model, self._laid_out(x)))

    def input_gradient(self, x: Array, slope: Callable[[Array], Array]) -> Array:
        """Give the derivative of a function of each sequence's one answer by what was read.

        Args:
            x: (B, T, I).
            slope: Takes outputs (B, O), gives the function's derivatives by them.

        Returns:
            (B, T, I) float64.
        """
        run = _Pass(self, self._laid_out(x))
        return self._laid_out(run.pull(slope(_one_each(run.output)), _input_gradient))

    def _laid_out(self, x: Array) -> Array:
        return x if self.batch_first else x.swapaxes(0, 1).copy()

    def alone(self, found: Recording, rows: Sequence[int]) -> Recording:
        """Measure the gradients of some sequences of a batch of several lengths each by itself.

        Args:
            found: What `recording` gave, of a model that reads (B, T, I).
            rows: Which sequences.
        """
        if self.lengths is None or found.output is None:
            return found
        gradient, flows = self._losses(found.output, found.loss)[1], {}
        for row in rows:
            steps, own = int(self.lengths[row]), gradient[row : row + 1]
            own = own[:, :steps] if own.ndim == 3 else own
            run = _Pass(self.of_lengths(None), found.read[row : row + 1, :steps])
            flows[row] = self._measured(run, partial(_given, own)).flow
        return replace(found, alone=flows)

    @property
    def batch_first(self) -> bool:
        """Whether it reads (B, T, I)."""
        return any(node.config.batch_first for node in self.model.recurrent)

    def checked(self, x: Any) -> Array:
        """Refuse what is no batch that the model reads."""
        integers = self.model.input_size is None
        letters = ("B, T" if self.batch_first else "T, B") + ("" if integers else ", I")
        batch: Array = inputs.check_input(
            x, self.model.dtype, self.model.input_size, f"({letters})"
        )
        if batch.ndim != 3 - integers:
            raise ShapeError(f"expected x of shape ({letters}), got {batch.shape}")
        return batch

    @property
    def _ends(self) -> Loss:
        both = any(node.config.bidirectional for node in self.model.recurrent)
        return last_step_sum(-2 if self.batch_first else 0, both, self.lengths)

    def _run(self, model: Model, x: Array) -> Array:
        return model.run(x, lengths=self.lengths).output

    def _losses(self, output: Array, loss: Loss | None) -> tuple[float, Array]:
        value: float
        gradient: Array
        value, gradient = (loss or self._ends)(output)
        if np.shape(gradient) != output.shape:
            raise ShapeError(
                f"expected dL/doutput of the output's shape {output.shape}, got "
                f"{np.shape(gradient)}"
            )
        return float(value), np.asarray(gradient, np.float64)

    def _layers_of(self, node: nodes.Recurrent) -> Iterator[tuple[str, PackedWeights]]:
        layers = from_state_dict(node.config, self.arrays, f"{node.name}." if node.name else "")
        for name, layer, packed in zip(node.names, layers, node.layers, strict=True):
            yield name, PackedWeights(**vars(layer), packed=packed)

    def _without(self, name: str, unit: int) -> Model:
        """The model with a unit held at 0; only the layer that it is in is packed anew."""
        old = next(node for node in self.model.recurrent if name in node.names)
        off = switched_off(self.weights[name], old.config.cell, unit)
        layers = list(old.layers)
        layers[old.names.index(name)] = engine.pack(old.config.mode, off)
        new = replace(old, layers=tuple(layers))
        model = copy.copy(self.model)
        model.root = _replaced(model.root, old, new)
        model.recurrent = [new if node is old else node for node in model.recurrent]
        model.keepers = [new if node is old else node for node in model.keepers]
        return model


def _one_each(output: Array) -> Array:
    if output.ndim != 2:
        raise ShapeError(f"expected one answer (B, O) a sequence, got {output.shape}")
    return output


def _given(gradient: Array, output: Array) -> tuple[float, Array]:
    """A loss whose gradient is known, as that of one sequence of a batch."""
    return float((gradient * output).sum()), gradient


def _number(value: Any) -> float:
    """The loss alone, where its gradient came with it."""
    return float(value[0] if isinstance(value, tuple) else value)


def _replaced(root: nodes.Node, old: nodes.Recurrent, new: nodes.Recurrent) -> nodes.Node:
    if isinstance(root, nodes.Sequential):
        children = tuple(_replaced(child, old, new) for child in root.children)
        return replace(root, children=children)
    if isinstance(root, nodes.Forecaster | nodes.SequenceNetwork):
        return replace(root, recurrent=new)
    return new if root is old else root


@dataclass(frozen=True, eq=False)
class _Layer:
    """One layer in one direction of a forward pass, kept for backward passes through it."""

    name: str
    weights: PackedWeights
    record: Record
    reverse: bool

    def backward(self, dy: Array, flow: bool = False) -> engine.LayerGrads:
        """Give dL/dx, and the total derivatives at every step if `flow`."""
        record = self.record
        return engine.backward(
            self.weights.packed, record.x, record.output, None, None, record.tape, dy,
            reverse=self.reverse, lengths=record.lengths, need_weights=False, flow=flow,
        )  # fmt: skip

    def truncated(self, dy: Array, length: int) -> tuple[Array, Array]:
        """Give dL/dx and all weights' gradients if none travels past pieces of `length` steps.

        The pieces are counted from the end; each starts from the state that the one before left.
        """
        record, T = self.record, len(dy)
        starts = [0, *range(T % length or length, T, length)]
        dx, total = [], np.zeros(0)
        for start, end in zip(starts, [*starts[1:], T], strict=True):
            piece, before = slice(start, end), start - 1
            tape, c0 = record.tape, None
            if tape is not None and start:
                c0 = other_states(of(record.mode), tape[before], record.hidden_size)
            grads = engine.backward(
                self.weights.packed, record.x[piece], record.output[piece],
                record.output[before] if start else None, c0,
                None if tape is None else tape[piece], dy[piece],
            )  # fmt: skip
            bias_hh = grads.bias if grads.bias_hh is None else grads.bias_hh
            bias_hh = None if self.weights.bias_hh is None else bias_hh
            own = (
                grads.weight_ih, grads.weight_hh, grads.bias, bias_hh, grads.weight_hr,
                grads.vectors,
            )  # fmt: skip
            flat = [part.astype(np.float64).ravel() for part in own if part is not None]
            total = np.concatenate(flat) + (total if start else 0.0)
            assert grads.x is not None
            dx.append(grads.x)
        return np.concatenate(dx), total


class _Pass:
    """A forward pass with all states kept, and `pull`, which runs back through it.

    Recurrent layers run on the model's own dtype, other parts backwards in float64.
    """

    def __init__(self, subject: SavedModel, x: Array) -> None:
        self._subject = subject
        model = subject.model
        self.output, pull = self._through(subject.tree, model.root, subject.checked(x))
        over = self._over()
        if over is not None:
            self.output = np.where(over, 0, self.output).astype(self.output.dtype)

        def back(dy: Array, visit: Visit) -> Array:
            return pull(dy if over is None else np.where(over, 0.0, dy), visit)

        self.pull: Pull = back

    def _over(self) -> npt.NDArray[np.bool_] | None:
        """Which outputs lie after the end of their sequence, if there is one for each step."""
        lengths = self._subject.lengths
        if lengths is None or self.output.ndim < 3:
            return None
        first = self._subject.batch_first
        over = inputs.after_the_end(lengths, self.output.shape[1 if first else 0])
        return (over.T if first else over)[:, :, None]

    def _through(self, tree: Mapping[str, Any], node: nodes.Node, x: Array) -> tuple[Array, Pull]:
        if isinstance(node, nodes.Sequential):
            return self._sequential(tree, node, x)
        if isinstance(node, nodes.Forecaster):
            return self._forecast(tree, node, x)
        if isinstance(node, nodes.SequenceNetwork):
            return self._sequence(tree, node, x)
        if isinstance(node, nodes.Recurrent):
            return self._recurrent(node, x)
        y = node.run(x, nodes.Call(batched=True))
        back = _pointwise(tree, node, self._subject.arrays, x, y)
        return y, lambda dy, _: back(dy)

    def _sequential(
        self, tree: Mapping[str, Any], node: nodes.Sequential, x: Array
    ) -> tuple[Array, Pull]:
        pulls: list[Pull] = []
        for child, part in zip(tree["children"], node.children, strict=True):
            x, pull = self._through(child, part, x)
            pulls.append(pull)

        def back(dy: Array, visit: Visit) -> Array:
            for pull in reversed(pulls):
                dy = pull(dy, visit)
            return dy

        return x, back

    def _forecast(
        self, tree: Mapping[str, Any], node: nodes.Forecaster, x: Array
    ) -> tuple[Array, Pull]:
        output, through_layers = self._recurrent(node.recurrent, x, node)
        arrays, shape, past, known = self._subject.arrays, x.shape, node.lookback, node.known
        parts = {"head": node.head, "skip": node.skip}
        if known is not None and known.own is not None and known.ahead is not None:
            parts |= {"known": known.own, "ahead": known.ahead}
        into = {n: _pointwise(tree[n], part, arrays, output, output) for n, part in parts.items()}

        def back(dy: Array, visit: Visit) -> Array:
            dh = np.zeros((*shape[:2], node.recurrent.writes))
            dh[:, past - 1] = into["head"](dy)
            each = dy[:, :, None] * np.eye(dy.shape[1])
            if "ahead" in into:
                dh[:, past:] = into["ahead"](each)
            dz = through_layers(dh, visit)
            dx = dz if known is None else np.zeros(shape)
            into_skip = into["skip"](dy)
            if known is not None:
                dx[..., [0, *known.numbers]] = dz[..., : 1 + len(known.numbers)]
                beside = into_skip[:, past:].reshape(len(dy), past, len(known.skipped))
                dx[:, :past, list(known.skipped)] += beside
            if known is not None and "known" in into:
                dx[:, past:, list(known.owned)] += into["known"](each)
            dx[:, :past, 0] += into_skip[:, :past]
            # The last value of channel 0 is taken off every step, and added to the forecast.
            dx[:, past - 1, 0] += dy.sum(axis=-1) - dx[:, :past, 0].sum(axis=-1)
            return dx

        return output, back

    def _sequence(
        self, tree: Mapping[str, Any], node: nodes.SequenceNetwork, x: Array
    ) -> tuple[Array, Pull]:
        y, through_layers = self._recurrent(node.recurrent, x)
        arrays, lengths = self._subject.arrays, self._subject.lengths
        output = node.read(y, x, nodes.Call(batched=True, lengths=lengths))
        into_head = _pointwise(tree["head"], node.head, arrays, y, output)
        if node.pooling is None:
            return output, lambda dy, visit: through_layers(into_head(dy), visit)
        assert isinstance(node.pooling.how, Pool)
        how, wide = node.pooling.how, y.astype(np.float64)
        scores, weight = node.pooling.scores(y), None
        if scores is not None:
            weight = arrays[f"{tree['attention']['weights']}.weight"].astype(np.float64)
        pooled = how.absorb(how.begin(len(y)), wide, lengths, scores)
        into_summary = node.skip and _pointwise(tree["skip"], node.skip, arrays, x, output)

        def back(dy: Array, visit: Visit) -> Array:
            dh, *_ = pool_back(how, wide, scores, lengths, pooled, into_head(dy), weight)
            dx = through_layers(dh, visit)
            if into_summary:
                dx += summary_back(x.astype(np.float64), lengths, into_summary(dy))
            return dx

        return output, back

    def _recurrent(
        self, node: nodes.Recurrent, x: Array, around: nodes.Node | None = None
    ) -> tuple[Array, Pull]:
        """Run a network, within the node that is around it; its pullback is the network's alone."""
        records: dict[str, Record] = {}
        call = nodes.Call(batched=True, lengths=self._subject.lengths, records=records)
        y = (around or node).run(x, call)
        D, first = node.config.directions, node.config.batch_first
        layers = [
            _Layer(name, self._subject.weights[name], records[name], bool(place % D))
            for place, name in enumerate(node.names)
        ]
        levels = [layers[place : place + D] for place in range(0, len(layers), D)]

        def back(dy: Array, visit: Visit) -> Array:
            dy = (dy.swapaxes(0, 1) if first else dy).astype(node.dtype)
            for level in reversed(levels):
                shares = zip(level, np.split(dy, D, axis=-1), strict=True)
                parts = [visit(layer, np.ascontiguousarray(share)) for layer, share in shares]
                dy = np.sum(parts, axis=0)
            dx: Array = dy.swapaxes(0, 1) if first else dy
            return dx.astype(np.float64)

        return y, back


class _Copies:
    """Runs a saved model on copies of one sequence, see `Copies`."""

    def __init__(self, subject: SavedModel, x: Array) -> None:
        self._subject, self._x, self._axis = subject.of_lengths(None), x, 1 - subject.batch_first
        output = self._by_copy(self._run(1).output)
        self.shape = output.shape[1], output.shape[2]

    def _run(self, count: int) -> _Pass:
        return _Pass(self._subject, np.stack([self._x] * count, self._axis))

    def _by_copy(self, array: Array) -> Array:
        """(B, T, ·): a model that gives one answer a sequence gives one step."""
        if array.ndim == 2:
            return array[:, None]
        return array.swapaxes(0, self._axis)

    def pull(self, cotangents: Array) -> Array:
        """Give dL/dx of each copy."""
        run = self._run(len(cotangents))
        dy = cotangents.swapaxes(0, self._axis) if run.output.ndim == 3 else cotangents[:, 0]
        dx: Array = run.pull(dy, _input_gradient).swapaxes(0, self._axis)
        return dx


def _input_gradient(layer: _Layer, dy: Array) -> Array:
    dx = layer.backward(dy).x
    assert dx is not None
    return dx


def _pointwise(
    tree: Mapping[str, Any], node: nodes.Node, arrays: Mapping[str, Array], x: Array, y: Array
) -> Callable[[Array], Array]:
    """Give the pullback of a leaf that treats every step alone.

    Args:
        tree: Its piece of config.json.
        node: The same, built.
        arrays: All parameters of the model.
        x: What it read.
        y: What it gave.

    Returns:
        dL/dy to dL/dx, both float64; for an Embedding dL/dy as it is, as indices have none.
    """
    kind, prefix = tree["type"], f"{tree['weights']}." if tree.get("weights") else ""
    if kind in ("Identity", "Dropout", "Embedding"):
        return lambda dy: dy
    if kind == "Linear":
        weight = arrays[f"{prefix}weight"].astype(np.float64)
        return lambda dy: dy @ weight
    if kind == "LayerNorm":
        scale = arrays[f"{prefix}weight"].astype(np.float64) if tree["weight"] else 1.0
        return _layer_norm(x, scale, tree["eps"])
    if kind == "Softmax":
        share = y.astype(np.float64)
        return lambda dy: share * (dy - (share * dy).sum(axis=-1, keepdims=True))
    if kind == "LogSoftmax":
        share = np.exp(y.astype(np.float64))
        return lambda dy: dy - share * dy.sum(axis=-1, keepdims=True)
    slope = _slope(node, x.astype(np.float64))

    def pull(dy: Array) -> Array:
        dx: Array = slope * dy
        return dx

    return pull


def _slope(node: nodes.Node, x: Array) -> Array:
    """Derivative of a function of each element."""
    step: Array = DIFFERENCE * np.maximum(abs(x), 1.0)
    call = nodes.Call(batched=True)
    rise: Array = node.run(x + step, call) - node.run(x - step, call)
    return rise / (2.0 * step)


def _layer_norm(x: Array, scale: Array | float, eps: float) -> Callable[[Array], Array]:
    centred = x - x.mean(axis=-1, keepdims=True, dtype=np.float64)
    deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)
    unit = centred / deviation

    def pull(dy: Array) -> Array:
        du = dy * scale
        along = (du * unit).mean(axis=-1, keepdims=True)
        dx: Array = (du - du.mean(axis=-1, keepdims=True) - along * unit) / deviation
        return dx

    return pull
