"""Packed weights at work: a layer, a stack or a linear layer over sequences, or step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import numpy as np

from glasscell import _core
from glasscell.arrays import Array
from glasscell.engine import arguments
from glasscell.engine.addresses import Addresses, address_of, strides_of
from glasscell.engine.packing import require_uncompressed
from glasscell.engine.results import (
    LayerGrads,
    LayerRun,
    PackedLayer,
    PackedLinear,
    StackRun,
    Stepper,
    StreamPool,
)
from glasscell.errors import DtypeError, ShapeError
from glasscell.threads import thread_limit

__all__ = ["Order", "backward", "forward", "forward_stack", "linear", "stepper", "stream_pool"]


class Order(TypedDict, total=False):
    """Which steps run in which direction, under which masks: as keywords, all optional.

    Args:
        reverse: Walk from the last step of each sequence to its first.
        lengths: (B,) integers from 0 to T, any order, default T; outputs after the end are zero.
        reset: (T, B) bool: cuts the sequence before step t. Every piece starts from (h0, c0), in
            both directions, as if it were a sequence of its own.
        batch_sizes: (T,) int64, rows of each step in a packed array, never growing.
        masks: (T, B, M, H) or, the same at every step, (1, B, M, H), in the order of the cell's
            program; default: each mask is what it is in evaluation.
    """

    reverse: bool
    lengths: Array | None
    reset: Array | None
    batch_sizes: Array | None
    masks: Array | None


class BackwardOptions(Order, total=False):
    """What `backward` takes by keyword: the order of the forward run, and what is wanted.

    Args:
        need_x: Compute the gradient of x; default True.
        need_weights: Compute the gradients of the weights; default True.
        flow: Also return the total dL/dh_t and dL/dC_t of every step; default False.
        threads: At most so many; default `get_num_threads()`.
    """

    need_x: bool
    need_weights: bool
    flow: bool
    threads: int | None


def forward(
    layer: PackedLayer,
    x: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    out: Array | None = None,
    tape: bool = False,
    threads: int | None = None,
    **order: Unpack[Order],
) -> LayerRun:
    """Run one layer in one direction over a sequence.

    Args:
        layer: Packed weights.
        x: (T, B, I), or packed (N, I) with `batch_sizes`; the weights' dtype.
        h0: (B, P), default zeros.
        c0: States after h, (B, H) of one and (B, S, H) of more, default zeros; ignored by cells
            without.
        out: (T, B, P) array to write the output into, last axis contiguous; default a new one.
        tape: Keep of every step what `backward` needs: i f g o c, or r z n and the candidate's sum
            of h (GRU).
        threads: At most so many; default `get_num_threads()`.
        **order: Reverse, lengths, reset, batch_sizes and masks, see `Order`.

    Returns:
        LayerRun(output, h_n, c_n, tape).

    Raises:
        ShapeError, DtypeError: As named, before anything runs.

    Notes:
        The bits of a sequence's output do not depend on the batch around it, `lengths`, `tape`,
        `threads`, or on being run whole or in parts. Releases the GIL.
    """
    checked = arguments.inputs(layer, x, h0, c0, **order)
    x, B, P = checked.x, checked.B, layer.output_size
    lead = x.shape[:-1]
    y = arguments.target("out", out, (*lead, P), x.dtype)
    limit = thread_limit(threads)
    # Rows after the end of a sequence are not written by the kernel: a trace shows zeros there.
    fresh = np.zeros if checked.lengths is not None else np.empty
    shape = (*lead, layer.kept, layer.padded_size)
    kept = fresh(shape, x.dtype) if tape and layer.kept else None
    cells = arguments.states_shape(layer, B)
    if 0 in lead:  # T = 0 or B = 0: the state passes through
        h_n = _passed_through(checked.h0, (B, P), x.dtype)
        c_n = _passed_through(checked.c0, cells, x.dtype) if layer.extra_states else None
        return LayerRun(y, h_n, c_n, kept)
    h_n = np.empty((B, P), x.dtype)
    c_n = np.empty(cells, x.dtype) if layer.extra_states else None
    layer.forward(
        x=x,
        h0=checked.h0,
        c0=checked.c0,
        y=y,
        h_n=h_n,
        c_n=c_n,
        tape=kept,
        lengths=checked.lengths,
        reset=checked.reset,
        batch_sizes=checked.batch_sizes,
        reverse=checked.reverse,
        threads=limit,
        masks=checked.masks,
    )
    return LayerRun(y, h_n, c_n, kept)


def _passed_through(initial: Array | None, shape: tuple[int, ...], dtype: Any) -> Array:
    return np.zeros(shape, dtype) if initial is None else initial.copy()


def forward_stack(
    layers: Sequence[PackedLayer],
    x: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    lengths: Array | None = None,
    reset: Array | None = None,
    out: Array | None = None,
    threads: int | None = None,
) -> StackRun:
    """Run layers one upon the other over a sequence, none of them reversed.

    Few sequences go through several layers at once, as a wave: with fewer than three sequences a
    thread, and a number of layers that the threads divide, each thread has layers of its own and
    follows the layers below it at a distance of some steps.

    Args:
        layers: L packed layers; each reads what the one below it writes, and all have one H and P.
        x: (T, B, I), of the weights' dtype.
        h0: (L, B, P), default zeros.
        c0: (L, B, H) or (L, B, S, H), default zeros; ignored by cells without such states.
        lengths: As in `Order`.
        reset: As in `Order`.
        out: (T, B, P) array for the last layer's output, last axis contiguous; default a new one.
        threads: At most so many; default `get_num_threads()`.

    Returns:
        StackRun(output, h_n, c_n).

    Raises:
        ShapeError, DtypeError: As named, before anything runs.

    Notes:
        The bits are those of `forward` layer by layer. Releases the GIL.

    Example:
        >>> from types import SimpleNamespace
        >>> from glasscell.engine import pack
        >>> one = np.ones((1, 1))
        >>> w = SimpleNamespace(weight_ih=one, weight_hh=one, bias_ih=None, bias_hh=None,
        ...                     weight_hr=None)
        >>> sums = pack("RNN_RELU", w)
        >>> forward_stack([sums, sums], np.ones((3, 1, 1))).output.ravel()
        array([1., 3., 6.])
    """
    first, L = layers[0], len(layers)
    P, dtype = first.output_size, arguments.dtype_of(first)
    kinds = {(type(one), one.output_size, one.hidden_size, one.extra_states) for one in layers}
    if len(kinds) != 1 or any(one.input_size != P for one in layers[1:]):
        sizes = [(one.input_size, one.hidden_size, one.output_size) for one in layers]
        raise ShapeError(
            "stack: expected layers of one kind, dtype, H and P, each reading what the one below "
            f"writes, got (I, H, P) of {sizes}."
        )
    checked = arguments.inputs(first, x, None, None, lengths, reset)
    x, B = checked.x, checked.B
    T = x.shape[0]
    h0 = arguments.incoming("h0", h0, (L, B, P), dtype)
    cells = arguments.states_shape(first, L, B)
    c0 = arguments.incoming("c0", c0, cells, dtype) if first.extra_states else None
    y = arguments.target("out", out, (T, B, P), dtype)
    h_n = _passed_through(h0, (L, B, P), dtype)
    c_n = _passed_through(c0, cells, dtype) if first.extra_states else None
    if 0 in (T, B):
        return StackRun(y, h_n, c_n)
    cuts = None if checked.reset is None else np.ascontiguousarray(checked.reset)
    # Two buffers would do, were it not for the wave: layers far apart are at work at once.
    between = [np.empty((T, B, P), dtype) for _ in layers[1:]]
    outputs = [(address_of(one), B * P, P) for one in between]
    outputs.append((address_of(y), *strides_of(y)))
    x_step, x_row = strides_of(x)
    run = Addresses(
        x=address_of(x),
        x_step=x_step,
        x_row=x_row,
        steps=T,
        batch=B,
        lengths=address_of(checked.lengths),
        reset=address_of(cuts),
        threads=thread_limit(threads),
        h0=address_of(h0),
        c0=address_of(c0),
        h_n=address_of(h_n),
        c_n=address_of(c_n),
    )
    type(first).stack_at(list(layers), run, outputs)
    return StackRun(y, h_n, c_n)


def backward(
    layer: PackedLayer,
    x: Array,
    output: Array,
    h0: Array | None,
    c0: Array | None,
    tape: Array | None,
    dy: Array | None,
    dh_n: Array | None = None,
    dc_n: Array | None = None,
    **options: Unpack[BackwardOptions],
) -> LayerGrads:
    """Run backward through time.

    Args:
        layer: Packed weights, those of the forward run.
        x: As given to `forward`.
        output: The forward run's output.
        h0: As given to `forward`.
        c0: As given to `forward`.
        tape: The forward run's tape; None for the RNN.
        dy: Gradient of the output, its shape, or None: zeros.
        dh_n: (B, P) gradient of h_n, or None.
        dc_n: Gradient of c_n, its shape, or None.
        **options: The order of the forward run, and what is wanted, see `BackwardOptions`.

    Returns:
        LayerGrads, with None for what was not wanted.

    Raises:
        ShapeError, DtypeError: As named, before anything runs; a compressed layer.

    Notes:
        Every weight gradient is one chain of sums in a fixed order: the same bits for any number of
        threads. Reads no row after the end of a ragged sequence. Releases the GIL.
    """
    need_x, need_weights = options.pop("need_x", True), options.pop("need_weights", True)
    flow, threads = options.pop("flow", False), options.pop("threads", None)
    order: Any = options  # what is left of them; a name that is none of these is refused below
    require_uncompressed("backward", layer)
    checked = arguments.inputs(layer, x, h0, c0, **order)
    x, B, states = checked.x, checked.B, layer.extra_states > 0
    I, H, P = layer.input_size, layer.hidden_size, layer.output_size  # noqa: E741
    G, cells = layer.gate_rows, arguments.states_shape(layer, B)
    lead, dtype = x.shape[:-1], x.dtype
    dh_n = arguments.incoming("dh_n", dh_n, (B, P), dtype)
    dc_n = arguments.incoming("dc_n", dc_n, cells, dtype) if states else None
    dy = arguments.like_rows("dy", dy, (*lead, P), dtype)
    output = _from_forward("output", output, (*lead, P), dtype)
    kept = (*lead, layer.kept, layer.padded_size)
    tape = _from_forward("tape", tape, kept, dtype) if layer.kept else None
    limit = thread_limit(threads)
    # Rows after the end of a sequence are not written by the kernel.
    fresh = np.zeros if checked.lengths is not None else np.empty
    empty = 0 in lead

    def grad(*shape: int) -> Array:
        return np.zeros(shape, dtype) if empty else np.empty(shape, dtype)

    def initial(final: Array | None, shape: tuple[int, ...]) -> Array:
        # Without a step the final state is the initial one, and so are their gradients.
        return grad(*shape) if final is None or not empty else final.copy()

    grads = LayerGrads(
        x=grad(*x.shape) if need_x else None,
        h0=initial(dh_n, (B, P)),
        c0=initial(dc_n, cells) if states else None,
        weight_ih=grad(G, I) if need_weights else None,
        weight_hh=grad(G, P) if need_weights and layer.reads_h else None,
        bias=grad(G) if need_weights and layer.bias else None,
        weight_hr=grad(P, H) if need_weights and layer.projected else None,
        dh=fresh((*lead, P), dtype) if flow else None,
        dc=fresh(arguments.states_shape(layer, *lead), dtype) if flow and states else None,
        bias_hh=grad(G) if need_weights and layer.bias and layer.split and layer.reads_h else None,
        vectors=grad(len(layer.vectors), H) if need_weights and layer.vectors else None,
    )
    if empty:
        return grads
    layer.backward(
        x=x,
        h0=checked.h0,
        c0=checked.c0,
        y=output,
        tape=tape,
        dy=dy,
        dh_n=dh_n,
        dc_n=dc_n,
        dx=grads.x,
        dh0=grads.h0,
        dc0=grads.c0,
        dweight_ih=grads.weight_ih,
        dweight_hh=grads.weight_hh,
        dbias=grads.bias,
        dbias_hh=grads.bias_hh,
        dvectors=grads.vectors,
        masks=checked.masks,
        dweight_hr=grads.weight_hr,
        dh=grads.dh,
        dc=grads.dc,
        lengths=checked.lengths,
        reset=checked.reset,
        batch_sizes=checked.batch_sizes,
        reverse=checked.reverse,
        threads=limit,
    )
    return grads


def _from_forward(name: str, a: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    if a is None:
        raise ShapeError(f"{name}: expected {shape} from forward(..., tape=True), got None.")
    checked = arguments.like_rows(name, a, shape, dtype)
    assert checked is not None
    return checked


def linear(
    packed: PackedLinear, x: Array, out: Array | None = None, threads: int | None = None
) -> Array:
    """Compute `y = x W^T + b` row by row.

    Args:
        packed: From `pack_linear`.
        x: (..., inputs) of the weights' dtype.
        out: (..., outputs) contiguous, to write into; default a new array.
        threads: At most so many; default `get_num_threads()`.

    Returns:
        (..., outputs). Each element is one chain of fused multiply-adds that starts at the bias: a
        row has the same bits alone and in any batch.

    Raises:
        ShapeError, DtypeError: As named, before anything runs.

    Example:
        >>> from glasscell.engine import pack_linear
        >>> w = pack_linear(np.eye(2, dtype=np.float32) * 2, np.ones(2, np.float32))
        >>> linear(w, np.array([[1, 2]], np.float32))
        array([[3., 5.]], dtype=float32)
    """
    dtype = arguments.dtype_of(packed)
    x = arguments.rows("x", x, packed.inputs, dtype)
    y = arguments.target("out", out, (*x.shape[:-1], packed.outputs), dtype)
    if not y.flags.c_contiguous:
        raise ShapeError(f"out: expected a contiguous array, got strides {y.strides}.")
    limit = thread_limit(threads)
    if y.size:
        packed.run(x.reshape(-1, packed.inputs), y.reshape(-1, packed.outputs), limit)
    return y


def stepper(layers: Sequence[PackedLayer], threads: int | None = None) -> Stepper:
    """Make the state and the buffers of one live sequence through a stack of layers.

    Args:
        layers: Packed layers, each reading what the one before it writes.
        threads: At most so many; default `get_num_threads()`, now.

    Returns:
        An object with `step(x)`: x (I,), contiguous, of the weights' dtype, to the last layer's
        output (P,), always the same array, overwritten by each step; `set_state(h, c)` and
        `get_state(h, c)` with h (L, P), c (L, H), of S > 1 states after h (L, S, H), or None.

    Raises:
        DtypeError: No layers, or of different dtypes.
        ShapeError: Layers that do not fit together.

    Notes:
        A step allocates nothing and gives the bits of `forward`. It uses one thread, but several
        for a layer of a megabyte of weights or more (float32 LSTM: I = H = 182), which one core's
        cache does not hold; these spin for 50 microseconds after a step and then sleep.

    Example:
        >>> from types import SimpleNamespace
        >>> from glasscell.engine import pack
        >>> one = np.ones((1, 1))
        >>> w = SimpleNamespace(weight_ih=one, weight_hh=one, bias_ih=None, bias_hh=None,
        ...                     weight_hr=None)
        >>> live = stepper([pack("RNN_RELU", w)])
        >>> [float(live.step(np.array([x]))[0]) for x in (1.0, 2.0, 3.0)]
        [1.0, 3.0, 6.0]
    """
    kinds = {type(layer) for layer in layers}
    if len(kinds) != 1:
        raise DtypeError(
            "stepper: expected one or more packed layers of one dtype, got "
            f"{', '.join(sorted(kind.__name__ for kind in kinds)) or 'none'}."
        )
    make: Any = _core.StepperF32 if kinds == {_core.LayerF32} else _core.StepperF64
    try:
        made: Stepper = make(list(layers), thread_limit(threads))
    except ValueError as error:
        sizes = [(layer.input_size, layer.hidden_size, layer.output_size) for layer in layers]
        raise ShapeError(
            "stepper: expected layers that each read what the one before writes and have the same "
            f"sizes of state, got (I, H, P) of {sizes} ({error})."
        ) from None
    return made


def stream_pool(stacks: Sequence[Sequence[PackedLayer]], capacity: int) -> StreamPool:
    """Make room for the states of many live sequences; `glasscell.model.pool` is its face.

    Args:
        stacks: Packed layers of one dtype, each stack one that `stepper` takes. A stream has a
            state in all stacks.
        capacity: Most streams that may be open at a time, positive.

    Returns:
        An object whose functions take int64 ids (n,), x (n, I), y (n, P), h (L, n, P) and
        c (L, n, H), of S > 1 states after h (L, n, S, H). `step` gives the bits of `forward`, and
        an IndexError unless all ids are open and different.

    Raises:
        MemoryError: No address space for so many streams.

    Notes:
        No two functions that touch states may run at the same time: the caller sees to that.
    """
    make: Any = {_core.LayerF32: _core.StreamPoolF32, _core.LayerF64: _core.StreamPoolF64}
    try:
        made: StreamPool = make[type(stacks[0][0])]([list(stack) for stack in stacks], capacity)
    except MemoryError:
        raise MemoryError(
            f"capacity: expected address space for {capacity} streams, found less; ask for fewer."
        ) from None
    return made
