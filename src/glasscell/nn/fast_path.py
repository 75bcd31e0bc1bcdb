"""The usual call in as few steps as possible; whatever is unusual goes the long way.

The long way's checks, observers and graphs cost 15 µs, more than a step of a small layer. Usual
are plain strided CPU tensors, parameters of the module's own, weights that are packed already, and
nobody who traces, transforms, casts or observes; for whole sequences, nor who differentiates.
`sequence` and `step` look for just that and give None where it is not so; they refuse nothing and
warn of nothing.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from glasscell.nn.names import places
from glasscell.nn.observe import current
from glasscell.nn.packed_weights import ATTRIBUTE, Made
from glasscell.nn.step import StepFunction, run
from glasscell.nn.team import threads

__all__ = ["sequence", "step"]

# Bound once: a dotted name costs as much as what it names.
_graphs = torch.is_grad_enabled
_casts = torch._C._is_any_autocast_enabled
_traces = torch._C._get_tracing_state
_transforms = torch._C._functorch.peek_interpreter_stack
_intercepts = torch._C._len_torch_dispatch_stack
_strided = torch.strided

_CONFIG = itemgetter(
    "num_layers", "bidirectional", "bias", "proj_size", "mode", "input_size", "hidden_size"
)


class _Plan(NamedTuple):
    """What the configuration of an `LSTM` or `RNN` says of its calls."""

    config: tuple[Any, ...]
    layers: tuple[tuple[str, Made], ...]  # suffix of each layer and direction, and what it is
    states: int  # L * D
    sides: int  # D
    width: int  # P
    hidden: int  # H; 0 for an RNN, which has no cell state
    inputs: int  # I


def _plan(config: tuple[Any, ...]) -> _Plan:
    num_layers, bidirectional, bias, projected, mode, inputs, hidden = config
    sides, width = 1 + bidirectional, projected or hidden
    layers = tuple(
        (place.suffix, (mode, sides * width if index else inputs, hidden, width))
        for index, layer in enumerate(places(num_layers, bidirectional, bias, projected > 0))
        for place in layer
    )
    cells = hidden if mode == "LSTM" else 0
    return _Plan(config, layers, num_layers * sides, sides, width, cells, inputs)


def _alone(module: torch.nn.Module) -> bool:
    """Whether a call is for its numbers only."""
    return not (
        _casts()
        or current(module) is not None
        or _traces() is not None
        or _transforms() is not None
        or forward_ad._current_level >= 0
        or _intercepts()
    )


def _at(tensor: Any, dtype: torch.dtype) -> int:
    """Give where a tensor's numbers lie as they are, 0 where they do not."""
    if (
        type(tensor) is not Tensor
        or tensor.dtype is not dtype
        or tensor.layout is not _strided
        or not tensor.is_cpu
        or tensor.is_neg()
    ):
        return 0
    at: int = tensor.data_ptr()  # 0 also for no numbers, and for zeros that are not stored
    return at


def _whole_at(tensor: Any, shape: tuple[int, ...], dtype: torch.dtype) -> int:
    """Give where a contiguous tensor of this shape lies, 0 where it is none."""
    at = _at(tensor, dtype)
    return at if at and tensor.shape == shape and tensor.is_contiguous() else 0


def _initial(
    hx: Any,
    h_shape: tuple[int, ...],
    c_shape: tuple[int, ...] | None,
    dtype: torch.dtype,
) -> tuple[int, int] | None:
    """Give where h0 and c0 lie, 0 for zeros, None if they are unusual; an RNN has no c_shape."""
    if hx is None:
        return 0, 0
    if c_shape is None:
        at = _whole_at(hx, h_shape, dtype)
        return (at, 0) if at else None
    if type(hx) is not tuple or len(hx) != 2:
        return None
    h0, c0 = _whole_at(hx[0], h_shape, dtype), _whole_at(hx[1], c_shape, dtype)
    return (h0, c0) if h0 and c0 else None


def _packed(kept: Any, plan: _Plan, own: dict[str, Any], dtype: torch.dtype) -> list[Any] | None:
    """Give the packed layers, None if one has to be packed first."""
    parameters, found = own["_parameters"], []
    for suffix, made in plan.layers:
        one = kept.get((suffix, dtype))
        if one is None or not one.held_by(made, parameters):
            return None
        found.append(one.layer)
    return found


def sequence(module: torch.nn.Module, x: Any, hx: Any) -> Any:
    """Run an `LSTM` or `RNN` if the call is usual, else do nothing and give None.

    Args:
        module: an `LSTM` or `RNN` of ours.
        x: as passed to it.
        hx: as passed to it.

    Returns:
        What its forward returns, or None.
    """
    own = module.__dict__
    kept = own.get(ATTRIBUTE)
    if not kept or type(x) is not Tensor or _graphs() or not _alone(module):
        return None
    if own["dropout"] and own["training"]:
        return None
    plan, config, dtype = kept.plan, _CONFIG(own), x.dtype
    if plan is None or plan.config != config:
        plan = kept.plan = _plan(config)
    first, source = own["batch_first"], _at(x, dtype)
    if not source or x.dim() != 3:
        return None
    (steps, batch, inputs), (step, row, one) = x.shape, x.stride()
    if first:
        steps, batch, step, row = batch, steps, row, step
    c_shape = (plan.states, batch, plan.hidden) if plan.hidden else None
    initial = _initial(hx, (plan.states, batch, plan.width), c_shape, dtype)
    layers = _packed(kept, plan, own, dtype) if inputs == plan.inputs and one == 1 else None
    if initial is None or layers is None:
        return None
    kept.tapes.clear()
    return _run(plan, layers, x, (source, step, row, steps, batch), initial, first)


def _run(
    plan: _Plan,
    layers: list[Any],
    x: Tensor,
    source: tuple[int, ...],
    initial: tuple[int, int],
    batch_first: bool,
) -> Any:
    """Run layer upon layer; source: address, strides, T and B of x."""
    batch = source[-1]
    h_n = x.new_empty(plan.states, batch, plan.width)
    c_n = x.new_empty(plan.states, batch, plan.hidden) if plan.hidden else None
    states = *initial, h_n.data_ptr(), 0 if c_n is None else c_n.data_ptr()
    whole = plan.sides == 1 and len(layers) > 1
    output = (_stack if whole else _one_by_one)(plan, layers, x, source, states)
    output = output.transpose(0, 1) if batch_first else output
    return (output, h_n) if c_n is None else (output, (h_n, c_n))


def _stack(
    plan: _Plan, layers: list[Any], x: Tensor, source: tuple[int, ...], states: tuple[int, ...]
) -> Tensor:
    """Run all layers in one call: they may go through as a wave."""
    (*_, steps, batch), (h0, c0, h_n, c_n), width = source, states, plan.width
    held = [x.new_empty(steps, batch, width) for _ in layers]
    outputs = [(one.data_ptr(), batch * width, width) for one in held]
    stack_at = type(layers[0]).stack_at
    stack_at(layers, *source, 0, 0, threads(), h0, c0, outputs, h_n, c_n)
    return held[-1]


def _one_by_one(
    plan: _Plan, layers: list[Any], x: Tensor, source: tuple[int, ...], states: tuple[int, ...]
) -> Tensor:
    """Run each layer and direction for itself."""
    (*_, steps, batch), item, team = source, x.itemsize, threads()
    held: tuple[Tensor, ...] = (x,)
    row, h_part, c_part = plan.sides * plan.width, batch * plan.width, batch * plan.hidden
    for k, layer in enumerate(layers):
        reverse = k % plan.sides
        if not reverse:
            held = held[-1], x.new_empty(steps, batch, row)  # what lies below is still read
            target = held[-1].data_ptr()
        offsets = k * h_part * item, k * c_part * item
        h0, c0, h_n, c_n = (at and at + offsets[j % 2] for j, at in enumerate(states))
        layer.forward_at(
            *source,
            *(0, 0, 0, 0, team, reverse == 1),
            *(h0, c0),
            *(target + reverse * plan.width * item, batch * row, row),
            *(0, 0, h_n, c_n),
        )
        if reverse + 1 == plan.sides:
            source = target, batch * row, row, steps, batch
    return held[-1]


def step(module: torch.nn.Module, mode: str | None, x: Any, hx: Any) -> Any:
    """Run an `LSTMCell` or `RNNCell` if the call is usual, else do nothing and give None.

    Args:
        module: a cell of ours.
        mode: "LSTM", "RNN_TANH" or "RNN_RELU".
        x: as passed to it.
        hx: as passed to it.

    Returns:
        What its forward returns, or None.
    """
    own = module.__dict__
    kept = own.get(ATTRIBUTE)
    if not kept or type(x) is not Tensor or not _alone(module):
        return None
    dtype, hidden, inputs = x.dtype, own["hidden_size"], own["input_size"]
    one, shape, parameters = kept.get(("cell", dtype)), x.shape, own["_parameters"]
    if one is None or not _at(x, dtype) or len(shape) != 2 or x.stride(1) != 1:
        return None
    if shape[1] != inputs or not one.held_by((mode, inputs, hidden, hidden), parameters):
        return None
    state = shape[0], hidden
    if _initial(hx, state, state if mode == "LSTM" else None, dtype) is None:
        return None
    h0, c0 = hx if type(hx) is tuple else (hx, None)
    if not _graphs():
        h, c = run(one, x, h0, c0)
        return h if c is None else (h, c)
    weights = [None if name is None else parameters[name] for name in one.names]
    return StepFunction.apply(one, x, h0, c0, *weights)  # type: ignore[no-untyped-call]
