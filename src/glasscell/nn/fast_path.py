"""The usual call in as few steps as possible; any other takes the long way through `layer_call`.

The long way's checks, observers and graphs cost 15 µs, more than a step of a small layer. A call is
usual if its tensors are plain strided ones on the CPU, the parameters are the module's own, their
packed form is there, and nothing traces, transforms, casts or observes it; a whole sequence must
need no gradient either. `sequence` and `step` look for just that and give None where it is not so;
they refuse nothing and warn of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from glasscell import cells
from glasscell.engine.addresses import Addresses
from glasscell.nn import torch_loop
from glasscell.nn.call import Call
from glasscell.nn.double_backward import batched, differentiable
from glasscell.nn.layer_backward import layer_gradients
from glasscell.nn.names import places
from glasscell.nn.observe import current
from glasscell.nn.packed_weights import ATTRIBUTE, Kept, Made
from glasscell.nn.saved import unpacked
from glasscell.nn.sequences import Layout
from glasscell.nn.team import threads

__all__ = ["sequence", "step"]

# Bound once: a dotted name costs as much as what it names.
_graphs = torch.is_grad_enabled
_casts = torch._C._is_any_autocast_enabled
_traces = torch._C._get_tracing_state
_transforms = torch._C._functorch.peek_interpreter_stack
_intercepts = torch._C._len_torch_dispatch_stack
_strided = torch.strided

Maybe = Tensor | None

_LAYOUT = Layout()
_CONFIG = itemgetter(
    "num_layers", "bidirectional", "bias", "proj_size", "mode", "input_size", "hidden_size"
)


class _Plan(NamedTuple):
    """What the configuration of an `LSTM`, `GRU` or `RNN` says of its calls."""

    config: tuple[Any, ...]
    layers: tuple[tuple[str, Made], ...]  # suffix of each layer and direction, and what it is
    states: int  # L * D
    sides: int  # D
    width: int  # P
    hidden: int  # H of the state after the hidden one; 0 of a cell without
    inputs: int  # I


def _plan(config: tuple[Any, ...]) -> _Plan:
    num_layers, bidirectional, bias, projected, mode, inputs, hidden = config
    sides, width = 1 + bidirectional, projected or hidden
    layers = tuple(
        (place.suffix, (mode, sides * width if index else inputs, hidden, width))
        for index, layer in enumerate(places(num_layers, bidirectional, bias, projected > 0))
        for place in layer
    )
    extra = hidden * cells.of(mode).extra_states
    return _Plan(config, layers, num_layers * sides, sides, width, extra, inputs)


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


def _contiguous_at(tensor: Any, shape: tuple[int, ...], dtype: torch.dtype) -> int:
    """Give where a contiguous tensor of this shape lies, 0 where it is none."""
    at = _at(tensor, dtype)
    return at if at and tensor.shape == shape and tensor.is_contiguous() else 0


def _initial(
    hx: Any,
    h_shape: tuple[int, ...],
    c_shape: tuple[int, ...] | None,
    dtype: torch.dtype,
) -> tuple[int, int] | None:
    """Give where h0 and c0 lie, 0 for zeros, None if they are unusual; without c no c_shape."""
    if hx is None:
        return 0, 0
    if c_shape is None:
        at = _contiguous_at(hx, h_shape, dtype)
        return (at, 0) if at else None
    if type(hx) is not tuple or len(hx) != 2:
        return None
    h0, c0 = _contiguous_at(hx[0], h_shape, dtype), _contiguous_at(hx[1], c_shape, dtype)
    return (h0, c0) if h0 and c0 else None


def _packed(
    kept: Any, plan: _Plan, own: dict[str, Any], dtype: torch.dtype, team: int
) -> list[Any] | None:
    """Give the packed layers, None if one has to be packed first."""
    parameters, layers = own["_parameters"], []
    for suffix, made in plan.layers:
        one = kept.get((suffix, dtype))
        if one is None or not one.held_by(made, parameters, team):
            return None
        layers.append(one.layer)
    return layers


def sequence(module: torch.nn.Module, x: Any, hx: Any) -> Any:
    """Run an `LSTM`, `GRU` or `RNN` if the call is usual, else do nothing and give None.

    Args:
        module: An `LSTM`, `GRU` or `RNN` of ours.
        x: As passed to it.
        hx: As passed to it.

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
    team = threads()
    fits = inputs == plan.inputs and one == 1
    layers = _packed(kept, plan, own, dtype, team) if fits else None
    if initial is None or layers is None:
        return None
    kept.tapes.clear()
    return _run(plan, layers, x, (source, step, row, steps, batch, team), initial, first)


def _run(
    plan: _Plan,
    layers: list[Any],
    x: Tensor,
    source: tuple[int, ...],
    initial: tuple[int, int],
    batch_first: bool,
) -> Any:
    """Run layer upon layer; source: address, strides, T and B of x, and threads to use."""
    batch = source[-2]
    h_n = x.new_empty(plan.states, batch, plan.width)
    c_n = x.new_empty(plan.states, batch, plan.hidden) if plan.hidden else None
    states = *initial, h_n.data_ptr(), 0 if c_n is None else c_n.data_ptr()
    stacked = plan.sides == 1 and len(layers) > 1
    output = (_stack if stacked else _one_by_one)(plan, layers, x, source, states)
    output = output.transpose(0, 1) if batch_first else output
    return (output, h_n) if c_n is None else (output, (h_n, c_n))


def _stack(
    plan: _Plan, layers: list[Any], x: Tensor, source: tuple[int, ...], states: tuple[int, ...]
) -> Tensor:
    """Run all layers in one call: they may go through as a wave."""
    (at, step, row, steps, batch, team), (h0, c0, h_n, c_n), width = source, states, plan.width
    held = [x.new_empty(steps, batch, width) for _ in layers]
    outputs = [(one.data_ptr(), batch * width, width) for one in held]
    run = Addresses(
        x=at, x_step=step, x_row=row, steps=steps, batch=batch, threads=team,
        h0=h0, c0=c0, h_n=h_n, c_n=c_n,
    )  # fmt: skip
    type(layers[0]).stack_at(layers, run, outputs)
    return held[-1]


def _one_by_one(
    plan: _Plan, layers: list[Any], x: Tensor, source: tuple[int, ...], states: tuple[int, ...]
) -> Tensor:
    """Run each layer and direction for itself."""
    (at, step, row, steps, batch, team), item = source, x.itemsize
    sequences: tuple[Tensor, ...] = (x,)
    wide, h_part, c_part = plan.sides * plan.width, batch * plan.width, batch * plan.hidden
    for k, layer in enumerate(layers):
        reverse = k % plan.sides
        if not reverse:
            sequences = sequences[-1], x.new_empty(steps, batch, wide)  # what lies below is read
            y = sequences[-1].data_ptr()
        h_part_at, c_part_at = k * h_part * item, k * c_part * item
        h0, c0, h_n, c_n = states
        layer.forward_at(
            Addresses(
                x=at, x_step=step, x_row=row, steps=steps, batch=batch,
                threads=team, reverse=reverse,
                h0=h0 and h0 + h_part_at,
                c0=c0 and c0 + c_part_at,
                y=y + reverse * plan.width * item, y_step=batch * wide, y_row=wide,
                h_n=h_n + h_part_at,
                c_n=c_n and c_n + c_part_at,
            )
        )  # fmt: skip
        if reverse + 1 == plan.sides:
            at, step, row = y, batch * wide, wide
    return sequences[-1]


def step(module: torch.nn.Module, mode: str | None, x: Any, hx: Any) -> Any:
    """Run an `LSTMCell`, `GRUCell` or `RNNCell` if the call is usual, else give None.

    Args:
        module: A cell of ours.
        mode: torch's name of the recurrence, None for one that torch refuses.
        x: As passed to it.
        hx: As passed to it.

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
    made, team = (mode, inputs, hidden, hidden), threads()
    if shape[1] != inputs or not one.held_by(made, parameters, team):
        return None
    state = shape[0], hidden
    if _initial(hx, state, state if one.layer.extra_states else None, dtype) is None:
        return None
    h0, c0 = hx if type(hx) is tuple else (hx, None)
    if not _graphs():
        h, c = take_step(one, x, (h0, c0), team)
        return h if c is None else (h, c)
    weights = [None if name is None else parameters[name] for name in one.names]
    return StepFunction.apply((one, team), x, h0, c0, *weights)  # type: ignore[no-untyped-call]


def take_step(
    one: Kept, x: Tensor, states: tuple[Maybe, Maybe], team: int, kept: Maybe = None
) -> tuple[Tensor, Maybe]:
    """Take one step.

    Args:
        one: The packed cell.
        x: (B, I), last axis contiguous.
        states: h0 and c0, (B, H) each and contiguous; None for zeros, and for c0 of a cell without.
        team: Threads that it may use.
        kept: To be written for a backward pass: the tape (B, kept, Hp), of a cell without another
            h (B, H); default: keep nothing.

    Returns:
        h (B, H) and c (B, H), or h and None.
    """
    h0, c0 = states
    layer, batch = one.layer, x.shape[0]
    hidden = layer.hidden_size
    h = x.new_empty(batch, hidden)
    c = x.new_empty(batch, hidden) if layer.extra_states else None
    # The one step's output is the hidden state: one place for both, unless it is kept as a tape.
    tape, y = (kept, h) if layer.kept or kept is None else (None, kept)
    layer.forward_at(
        Addresses(
            x=x.data_ptr(),
            x_row=x.stride(0),
            steps=1,
            batch=batch,
            threads=team,
            h0=0 if h0 is None else h0.data_ptr(),
            c0=0 if c0 is None else c0.data_ptr(),
            y=y.data_ptr(),
            y_row=hidden,
            tape=0 if tape is None else tape.data_ptr(),
            h_n=h.data_ptr(),
            c_n=0 if c is None else c.data_ptr(),
        )
    )
    return h, c


class StepFunction(Function):
    """A cell's forward and backward pass; `LayerFunction` without what a single step has not."""

    @staticmethod
    def forward(
        ctx: Any, how: tuple[Kept, int], x: Tensor, h0: Maybe, c0: Maybe, *weights: Maybe
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Take the step and keep what the backward pass reads; how: packed cell and threads."""
        one, team = how
        layer = one.layer
        each = (layer.kept, layer.padded_size) if layer.kept else (layer.hidden_size,)
        kept = x.new_empty(x.shape[0], *each)
        h, c = take_step(one, x, (h0, c0), team, kept)
        ctx.one, ctx.before = one, None
        if h0 is not None and not any(ctx.needs_input_grad[4:]) and _call(one).reads_before():
            ctx.before = h0.clone()  # as in `LayerFunction`
        ctx.set_materialize_grads(False)
        # Not h itself, which may be edited in place.
        ctx.save_for_backward(x, h0, c0, kept, *weights)
        return h if c is None else (h, c)

    @staticmethod
    def backward(ctx: Any, dh: Maybe, dc: Maybe = None) -> tuple[Maybe, ...]:
        """Differentiate through the kernels, or through torch's operations if that must go on."""
        incoming = (dh, dc) if ctx.one.layer.extra_states else (dh,)
        needed = ctx.needs_input_grad[1:]
        if dh is None and dc is None:
            return (None,) * (1 + len(needed))
        in_torch = torch.is_grad_enabled() or batched(incoming)
        call = _call(ctx.one)
        initial = ctx.before is None
        x, h0, c0, kept, *weights = unpacked(ctx, lambda: _reads(call, needed, initial, in_torch))
        assert x is not None
        assert kept is not None
        if in_torch:
            inputs = x, h0, c0, *weights
            return None, *differentiable(_in_torch(ctx.one), inputs, needed, incoming)
        before = h0 if initial else ctx.before
        saved = x[None], _lifted(before), _lifted(c0), kept[None]
        grads = layer_gradients(call, saved, saved[3:], (None, _lifted(dh), _lifted(dc)), needed)
        return None, *(None if grad is None else grad[0] for grad in grads[:3]), *grads[3:]


def _call(one: Kept) -> Call:
    """Give the step as a call, without what a single one has not."""
    return Call(None, one.made[0], (), _LAYOUT, layers=(one.layer,))


def _reads(call: Call, needed: Sequence[bool], initial: bool, everything: bool) -> list[bool]:
    """Say which saved tensors the kernels' backward pass reads."""
    inputs, extra = everything or any(needed[3:]), call.layers[0].extra_states > 0
    before = inputs or (initial and call.reads_before())
    return [inputs, before, extra, True, *[everything] * (len(needed) - 3)]


def _lifted(tensor: Maybe) -> Maybe:
    return None if tensor is None else tensor.unsqueeze(0)


def _in_torch(one: Kept) -> Callable[..., tuple[Maybe, ...]]:
    """Give the step as a function of its inputs and weights, in torch's operations."""

    def step(x: Tensor, h0: Maybe, c0: Maybe, *weights: Maybe) -> tuple[Maybe, ...]:
        mode, initial = one.made[0], (_lifted(h0), _lifted(c0))
        _, h, c = torch_loop.run_layer(mode, [weights], x[None], *initial, _LAYOUT)
        return (h[0],) if c is None else (h[0], c[0])

    return step
