"""Gradient flow through a saved model without torch: the kernels' own backward pass, in NumPy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from glasscell import engine
from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights, from_state_dict
from glasscell.errors import ShapeError
from glasscell.inspect.gradients.flow import GradientFlow, LayerFlow, flow_of
from glasscell.inspect.gradients.last_step import carried_back
from glasscell.inspect.subjects.pullback import Pull, pointwise
from glasscell.inspect.verdict.judge import every_step
from glasscell.model import modelfile, nodes
from glasscell.traces.layer import Record, trace_of

__all__ = ["Loss", "last_step_sum", "saved_flow"]

Loss: TypeAlias = Callable[[Array], tuple[float, Array]]
"""The model's output to the loss and its gradient by the output."""


def last_step_sum(steps: int = -2, both: bool = False) -> Loss:
    """Give the loss that reads the last step alone: the sum of its outputs.

    Args:
        steps: The output's axis of time; default the second-last, (B, T, O).
        both: Whether the first step counts too, which layers that read from the end work on last.

    >>> last_step_sum()(np.ones((1, 3, 2)))[1][0].tolist()
    [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]
    """

    def loss(output: Array) -> tuple[float, Array]:
        gradient = np.ones_like(output)
        if output.ndim > 2:
            gradient[...] = 0.0
            ends = np.moveaxis(gradient, steps, 0)
            ends[-1] = 1.0
            ends[0] += both
        return float((gradient * output).sum()), gradient

    return loss


def saved_flow(folder: str | os.PathLike[str], x: Array, loss: Loss | None = None) -> GradientFlow:
    """Measure how gradients travel back through a folder that `glasscell.save` wrote.

    Args:
        folder: The model.
        x: (T, B, I), or (B, T, I) if the model's recurrent layers are `batch_first`; (·, ·)
            integers if it begins with an Embedding.
        loss: Callable on the output that gives the loss and dL/doutput, of the output's shape;
            default the sum of the last step's output, and where layers read both ways of the first
            step's too.

    Returns:
        `GradientFlow`, as `glasscell.gradient_flow` gives it for torch modules.

    Raises:
        FileNotFoundError, WeightFormatError: As `glasscell.load`.
        ShapeError: x, or what `loss` gave, is of another shape than it should be.

    Notes:
        Two forward passes and one backward pass, all states kept. Recurrent layers run on the
        model's own dtype, other parts in float64. Compressed weights count as what they stand for.
    """
    tree, arrays = nodes.expand(*modelfile.read(folder))
    root = nodes.build(tree, arrays)
    recurrent = [node for node in nodes.walk(root) if isinstance(node, nodes.Recurrent)]
    first = any(node.config.batch_first for node in recurrent)
    flows: dict[str, LayerFlow] = {}
    output, pull = _through(tree, root, arrays, x, flows)
    both = any(node.config.bidirectional for node in recurrent)
    value, gradient = (loss or last_step_sum(-2 if first else 0, both))(output)
    if np.shape(gradient) != output.shape:
        raise ShapeError(
            f"expected dL/doutput of the output's shape {output.shape}, got {np.shape(gradient)}"
        )
    pull(np.asarray(gradient, np.float64))
    order = [name for node in recurrent for name in _names(node)]
    return GradientFlow({name: flows[name] for name in order}, value)


def _through(
    tree: Mapping[str, Any],
    node: nodes.Node,
    arrays: Mapping[str, Array],
    x: Array,
    flows: dict[str, LayerFlow],
) -> tuple[Array, Pull]:
    """Run one part; give its output and its pullback, which fills `flows`."""
    if isinstance(node, nodes.Sequential):
        pulls = []
        for child, part in zip(tree["children"], node.children, strict=True):
            x, pull = _through(child, part, arrays, x, flows)
            pulls.append(pull)
        return x, lambda dy: _chained(pulls, dy)
    if isinstance(node, nodes.Forecaster):
        return _forecast(tree, node, arrays, x, flows)
    if isinstance(node, nodes.Recurrent):
        return _recurrent(node, arrays, x, flows)
    y = node.run(x, nodes.Call(batched=True))
    return y, pointwise(tree, node, arrays, x, y)


def _chained(pulls: list[Pull], dy: Array) -> Array:
    for pull in reversed(pulls):
        dy = pull(dy)
    return dy


def _forecast(
    tree: Mapping[str, Any],
    node: nodes.Forecaster,
    arrays: Mapping[str, Array],
    x: Array,
    flows: dict[str, LayerFlow],
) -> tuple[Array, Pull]:
    output = node.run(x, nodes.Call(batched=True))
    hidden, back = _recurrent(node.recurrent, arrays, node.shifted(x), flows)
    into_head = pointwise(tree["head"], node.head, arrays, hidden, output)

    def pull(dy: Array) -> Array:
        """Only what the recurrent layer carries: the linear path beside it has no time."""
        dh = np.zeros(hidden.shape)
        dh[:, -1] = into_head(dy)
        return back(dh)

    return output, pull


def _recurrent(
    node: nodes.Recurrent, arrays: Mapping[str, Array], x: Array, flows: dict[str, LayerFlow]
) -> tuple[Array, Pull]:
    config, batch_first = node.config, node.config.batch_first
    prefix = f"{node.name}." if node.name else ""
    weights = from_state_dict(config, arrays, prefix)
    records: list[Record] = []
    y = x.swapaxes(0, 1) if batch_first else x
    for _ in range(config.num_layers):
        runs = [
            _record(node, len(records) + direction, y, bool(direction))
            for direction in range(config.directions)
        ]
        records += runs
        y = np.concatenate([run.output for run in runs], axis=-1)

    def pull(dy: Array) -> Array:
        dy = (dy.swapaxes(0, 1) if batch_first else dy).astype(node.dtype)
        for layer in reversed(range(config.num_layers)):
            below: Array | float = 0.0
            for direction in range(config.directions):
                place = layer * config.directions + direction
                mine = np.split(dy, config.directions, axis=-1)[direction]
                flow, dx = _measured(node, place, records[place], weights[place], mine)
                flows[_names(node)[place]] = flow
                below = below + dx
            dy = np.asarray(below)
        back: Array = dy.swapaxes(0, 1) if batch_first else dy
        return back.astype(np.float64)

    return (y.swapaxes(0, 1) if batch_first else y), pull


def _record(node: nodes.Recurrent, place: int, x: Array, reverse: bool) -> Record:
    run = engine.forward(node.layers[place], x, reverse=reverse, tape=True)
    return Record(
        x=x, h0=None, c0=None, output=run.output, tape=run.tape, h_n=run.h_n, c_n=run.c_n,
        mode=node.config.mode, hidden_size=node.config.hidden_size,
    )  # fmt: skip


def _measured(
    node: nodes.Recurrent, place: int, record: Record, weights: LayerWeights, dy: Array
) -> tuple[LayerFlow, Array]:
    """One layer's flow, and the gradient of what it read."""
    trace = trace_of(record, bool(place % node.config.directions))
    grads = engine.backward(
        node.layers[place], record.x, record.output, None, None, record.tape,
        np.ascontiguousarray(dy), reverse=trace.reverse, need_weights=False, flow=True,
    )  # fmt: skip
    assert grads.dh is not None
    assert grads.x is not None
    flow = flow_of(trace, grads.dh, grads.dc, dy, weights.weight_hr)
    if every_step(flow):
        carried = carried_back(record, trace, weights, grads.dh, grads.dc)
        flow = replace(flow, last_step_by_lag=carried)
    return flow, grads.x


def _names(node: nodes.Recurrent) -> list[str]:
    return [f"{node.name}.{suffix}" if node.name else suffix for suffix in node.config.suffixes()]
