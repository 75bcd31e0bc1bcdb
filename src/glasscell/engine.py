"""The one door to the compiled core: pack weights once, then run them over sequences.

Letters: T time, B batch, I input size, H hidden size, P output size (`proj_size` or H). Arrays are
NumPy, float32 or float64, time first; any strides will do as long as the last axis is contiguous,
so a batch-first array goes in as `x.swapaxes(0, 1)` without a copy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from glasscell import arguments
from glasscell.errors import DtypeError, ShapeError
from glasscell.storage import COMPRESSED, StoredWeights, compress

try:
    from glasscell import _core
except ImportError as error:  # pragma: no cover - only in a broken installation
    raise ImportError(
        f"glasscell: the compiled core cannot be loaded ({error}). "
        "Build and install it with `pip install .` from the source tree."
    ) from error

if TYPE_CHECKING:
    from glasscell._core import (
        LayerF32,
        LayerF64,
        LinearF32,
        LinearF64,
        StepperF32,
        StepperF64,
        StreamPoolF32,
        StreamPoolF64,
    )

    PackedLayer = LayerF32 | LayerF64
    PackedLinear = LinearF32 | LinearF64
    Stepper = StepperF32 | StepperF64
    StreamPool = StreamPoolF32 | StreamPoolF64

__all__ = [
    "LayerGrads",
    "LayerRun",
    "Weights",
    "at_most",
    "backward",
    "cpu_info",
    "forward",
    "get_num_threads",
    "linear",
    "matches",
    "pack",
    "pack_linear",
    "set_num_threads",
    "stepper",
    "stream_pool",
    "use_parallel_for",
]

Array = NDArray[Any]


class Weights(Protocol):
    """What `pack` reads: torch's matrices of one layer in one direction, None where absent."""

    @property
    def weight_ih(self) -> Array: ...  # noqa: D102
    @property
    def weight_hh(self) -> Array: ...  # noqa: D102
    @property
    def bias_ih(self) -> Array | None: ...  # noqa: D102
    @property
    def bias_hh(self) -> Array | None: ...  # noqa: D102
    @property
    def weight_hr(self) -> Array | None: ...  # noqa: D102


class LayerRun(NamedTuple):
    """What `forward` returns."""

    output: Array  # (T, B, P) or packed (N, P)
    h_n: Array  # (B, P)
    c_n: Array | None  # (B, H); None for the RNN
    tape: Array | None  # (T, B, 5, Hp) or (N, 5, Hp): i f g o c, Hp >= H; None unless asked for


class LayerGrads(NamedTuple):
    """What `backward` returns; a part that was not wanted or does not exist is None."""

    x: Array | None
    h0: Array
    c0: Array | None
    weight_ih: Array | None
    weight_hh: Array | None
    bias: Array | None  # of bias_ih and of bias_hh alike
    weight_hr: Array | None
    dh: Array | None  # total dL/dh_t (T, B, P), only with flow=True
    dc: Array | None  # total dL/dC_t (T, B, H), only with flow=True


_threads = 0  # 0: not set by the user


def set_num_threads(n: int) -> None:
    """Set how many threads a call may use.

    Args:
        n: Positive number of threads. Results are the same bits for any value.

    Raises:
        ValueError: If `n` is not positive.
        TypeError: If `n` is not an integer.

    Notes:
        Inside `glasscell.nn` the smaller of this and `torch.get_num_threads()` holds.

    Example:
        >>> set_num_threads(2)
        >>> get_num_threads()
        2
    """
    global _threads
    _threads = arguments.thread_count("set_num_threads", n)


def get_num_threads() -> int:
    """Return how many threads a call may use.

    Returns:
        The value of `set_num_threads`, else of the environment's `GLASSCELL_NUM_THREADS`, else the
        CPUs that this process may use (its affinity mask, cut by the cgroup's quota).
    """
    if _threads:
        return _threads
    asked = os.environ.get("GLASSCELL_NUM_THREADS", "")
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise ValueError(
                f"GLASSCELL_NUM_THREADS: expected a positive number, got {asked!r}. "
                "Correct or unset it."
            )
        return int(asked)
    return _core.available_cpus()


_quota = _core.cpu_quota() or sys.maxsize


def at_most(n: int) -> int:
    """Cut another library's number of threads to what `set_num_threads` and the cgroup allow.

    Args:
        n: Threads that it would use itself.

    Example:
        >>> at_most(1)
        1
    """
    return min(n, _quota, _threads or n)


def use_parallel_for(address: int) -> None:
    """Run on another library's threads.

    Args:
        address: Of a C function `int f(int64 begin, int64 end, int64 grain, body, void *context)`
            that calls `body(begin, end, context)` on parts of the range; 0 for our own threads.

    Notes:
        Results are the same bits. `glasscell.nn` hands in torch's own loop, because torch's idle
        workers spin and a second pool beside them would wait for their cores.
    """
    _core.use_parallel_for(address)


def thread_limit(threads: int | None) -> int:
    """Give how many threads a call may use that was asked for `threads`, None for the default."""
    return get_num_threads() if threads is None else arguments.thread_count("threads", threads)


def cpu_info() -> dict[str, Any]:
    """Say what runs: instruction set in use, those available here, and threads.

    Example:
        >>> sorted(cpu_info())
        ['isa', 'isas', 'threads']
    """
    return {"isa": _core.isa, "isas": list(_core.isas), "threads": get_num_threads()}


def _five(w: Weights) -> tuple[Any, ...]:
    return (w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh, w.weight_hr)


def pack(mode: str, w: Weights | StoredWeights, storage: str | None = None) -> PackedLayer:
    """Pack one layer's weights into the panels that the kernels read.

    Args:
        mode: "LSTM", "RNN_TANH" or "RNN_RELU".
        w: Matrices as torch lays them out: weight_ih (G, I), weight_hh (G, P), bias_ih and bias_hh
            (G,) or None, weight_hr (P, H) or None; G = 4H (gate order i f g o) or H. Or compressed
            already, from `glasscell.storage.compress` or a folder.
        storage: "bfloat16" or "int8" to compress the matrices; default: as they are.

    Returns:
        An immutable packed layer that any number of threads may run. A compressed one has float32
        input, states, sums and output; it runs forward only.

    Raises:
        ValueError: An unknown mode or storage.
        DtypeError: Not all float32 or all float64; not float32 where they are to be compressed.
        ShapeError: Sizes that do not fit together.
        WeightFormatError: NaN or infinity under int8.

    Notes:
        Costs one pass over the weights; keeps a plain copy beside the panels, for `matches` and for
        the panels of the backward pass, which are made when first needed. Compressed layers keep
        the panels alone. A sum is one chain of fused multiply-adds in float32 whatever the storage:
        for bfloat16 it gives the bits of a float32 layer with the rounded weights; for int8 it runs
        over whole numbers from 0 and ends in `bias + scale * sum`, rounded once.
    """
    if mode not in ("LSTM", "RNN_TANH", "RNN_RELU"):
        raise ValueError(f"pack: expected mode LSTM, RNN_TANH or RNN_RELU, got {mode!r}.")
    if storage is not None:
        w = compress(w, storage)
    compressed = isinstance(w, StoredWeights)
    arrays = (*_five(w), w.scale, w.scale_hr) if isinstance(w, StoredWeights) else _five(w)
    given = [None if a is None else np.ascontiguousarray(a) for a in arrays]
    dtypes = {a.dtype for a in given if a is not None}
    if compressed or dtypes == {np.dtype(np.float32)}:
        make: Any = _core.LayerF32
    elif dtypes == {np.dtype(np.float64)}:
        make = _core.LayerF64
    else:
        raise DtypeError(
            "pack: expected weights that are all float32 or all float64, got "
            f"{', '.join(sorted(str(d) for d in dtypes))}. Convert them to one of the two."
        )
    try:
        packed: PackedLayer = make(mode, *given)
    except ValueError as error:
        shapes = [None if a is None else a.shape for a in given]
        raise ShapeError(
            "pack: expected weight_ih (G, I), weight_hh (G, P), biases (G,), weight_hr (P, H), got "
            f"{shapes} for {mode} ({error})."
        ) from None
    return packed


def matches(layer: PackedLayer, w: Weights) -> bool:
    """Tell whether `w` still holds, bit for bit, the numbers that `layer` was packed from.

    Notes:
        One comparison of memory, about a tenth of the cost of packing; sees edits of any kind,
        those that leave no trace elsewhere included. A compressed layer keeps no copy to compare.

    Raises:
        DtypeError: The layer is compressed.
    """
    _require_uncompressed("matches", layer)
    given: Any = [None if a is None else np.ascontiguousarray(a) for a in _five(w)]
    if any(a is not None and a.dtype != arguments.dtype_of(layer) for a in given):
        return False
    try:
        same: bool = layer.matches(*given)
    except ValueError:  # other shapes than those that were packed
        return False
    return same


def _require_uncompressed(name: str, layer: PackedLayer) -> None:
    if layer.storage in COMPRESSED:
        raise DtypeError(
            f"{name}: expected a layer packed from float32 or float64 weights, got one stored as "
            f"{layer.storage}, which only runs forward. Pack the weights without a storage."
        )


def _empty_run(layer: PackedLayer, x: Array, h0: Any, c0: Any, y: Array, tape: Any) -> LayerRun:
    """T = 0 or B = 0: the state passes through."""
    B = x.shape[1]
    h_n = np.zeros((B, layer.output_size), x.dtype) if h0 is None else h0.copy()
    c_n = None
    if layer.lstm:
        c_n = np.zeros((B, layer.hidden_size), x.dtype) if c0 is None else c0.copy()
    return LayerRun(y, h_n, c_n, tape)


def forward(
    layer: PackedLayer,
    x: Array,
    h0: Array | None = None,
    c0: Array | None = None,
    *,
    reverse: bool = False,
    lengths: Array | None = None,
    reset: Array | None = None,
    batch_sizes: Array | None = None,
    out: Array | None = None,
    tape: bool = False,
    threads: int | None = None,
) -> LayerRun:
    """Run one layer in one direction over a sequence.

    Args:
        layer: Packed weights.
        x: (T, B, I), or packed (N, I) with `batch_sizes`; the weights' dtype.
        h0: (B, P), default zeros.
        c0: (B, H), default zeros; ignored by the RNN.
        reverse: Walk from the last step of each sequence to its first.
        lengths: (B,) integers from 0 to T, any order, default T; outputs after the end are zero.
        reset: (T, B) bool: cuts the sequence before step t. Every piece starts from (h0, c0), in
            both directions, as if it were a sequence of its own.
        batch_sizes: (T,) int64, rows of each step in a packed array, never growing.
        out: (T, B, P) array to write the output into, last axis contiguous; default a new one.
        tape: Keep i, f, g, o, c of every step.
        threads: At most so many; default `get_num_threads()`.

    Returns:
        LayerRun(output, h_n, c_n, tape).

    Raises:
        ShapeError, DtypeError: As named, before anything runs.

    Notes:
        The bits of a sequence's output do not depend on the batch around it, `lengths`, `tape`,
        `threads`, or on being run whole or in parts. Releases the GIL.
    """
    x, h0, c0, lengths, reset, batch_sizes, B = arguments.inputs(
        layer, x, h0, c0, lengths, reset, batch_sizes
    )
    P, H = layer.output_size, layer.hidden_size
    lead = x.shape[:-1]
    y = arguments.target("out", out, (*lead, P), x.dtype)
    limit = thread_limit(threads)
    want_tape = tape and layer.lstm
    # Rows after the end of a sequence are not written by the kernel: a trace shows zeros there.
    fresh = np.zeros if lengths is not None else np.empty
    kept = fresh((*lead, 5, layer.padded_size), x.dtype) if want_tape else None
    if 0 in lead:
        return _empty_run(layer, x, h0, c0, y, kept)
    h_n = np.empty((B, P), x.dtype)
    c_n = np.empty((B, H), x.dtype) if layer.lstm else None
    layer.forward(
        x,
        h0,
        c0,
        y,
        h_n,
        c_n,
        kept,
        lengths,
        reset,
        batch_sizes,
        reverse,
        limit,
    )
    return LayerRun(y, h_n, c_n, kept)


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
    *,
    reverse: bool = False,
    lengths: Array | None = None,
    reset: Array | None = None,
    batch_sizes: Array | None = None,
    need_x: bool = True,
    need_weights: bool = True,
    flow: bool = False,
    threads: int | None = None,
) -> LayerGrads:
    """Run backward through time.

    Args:
        layer: Packed weights, those of the forward run.
        x: As given to `forward`.
        output: The forward run's output.
        h0: As given to `forward`.
        c0: As given to `forward`.
        tape: The forward run's tape (LSTM); None for the RNN.
        dy: Gradient of the output, its shape, or None: zeros.
        dh_n: (B, P) gradient of h_n, or None.
        dc_n: (B, H) gradient of c_n, or None.
        reverse: As given to `forward`.
        lengths: As given to `forward`.
        reset: As given to `forward`.
        batch_sizes: As given to `forward`.
        need_x: Compute the gradient of x.
        need_weights: Compute the gradients of the weights.
        flow: Also return the total dL/dh_t and dL/dC_t of every step.
        threads: At most so many; default `get_num_threads()`.

    Returns:
        LayerGrads, with None for what was not wanted.

    Raises:
        ShapeError, DtypeError: As named, before anything runs; a compressed layer.

    Notes:
        Every weight gradient is one chain of sums in a fixed order: the same bits for any number of
        threads. Reads no row after the end of a ragged sequence. Releases the GIL.
    """
    _require_uncompressed("backward", layer)
    x, h0, c0, lengths, reset, batch_sizes, B = arguments.inputs(
        layer, x, h0, c0, lengths, reset, batch_sizes
    )
    I, H, P = layer.input_size, layer.hidden_size, layer.output_size  # noqa: E741
    G = 4 * H if layer.lstm else H
    lead, dtype = x.shape[:-1], x.dtype
    dh_n = arguments.incoming("dh_n", dh_n, (B, P), dtype)
    dc_n = arguments.incoming("dc_n", dc_n, (B, H), dtype) if layer.lstm else None
    dy = arguments.like_rows("dy", dy, (*lead, P), dtype)
    output = _from_forward("output", output, (*lead, P), dtype)
    if layer.lstm:
        tape = _from_forward("tape", tape, (*lead, 5, layer.padded_size), dtype)
    limit = thread_limit(threads)
    fresh = np.zeros if lengths is not None else np.empty
    empty = 0 in lead

    def grad(*shape: int) -> Array:
        return np.zeros(shape, dtype) if empty else np.empty(shape, dtype)

    def chain(given: Array | None, size: int) -> Array:
        return grad(B, size) if given is None or not empty else given.copy()

    weights = need_weights
    result = LayerGrads(
        x=grad(*x.shape) if need_x else None,
        h0=chain(dh_n, P),
        c0=chain(dc_n, H) if layer.lstm else None,
        weight_ih=grad(G, I) if weights else None,
        weight_hh=grad(G, P) if weights else None,
        bias=grad(G) if weights and layer.bias else None,
        weight_hr=grad(P, H) if weights and layer.projected else None,
        dh=fresh((*lead, P), dtype) if flow else None,
        dc=fresh((*lead, H), dtype) if flow and layer.lstm else None,
    )
    if empty:
        return result
    layer.backward(
        x,
        h0,
        c0,
        output,
        tape if layer.lstm else None,
        dy,
        dh_n,
        dc_n,
        result.x,
        result.h0,
        result.c0,
        result.weight_ih,
        result.weight_hh,
        result.bias,
        result.weight_hr,
        result.dh,
        result.dc,
        lengths,
        reset,
        batch_sizes,
        reverse,
        limit,
    )
    return result


def _from_forward(name: str, a: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    if a is None:
        raise ShapeError(f"{name}: expected {shape} from forward(..., tape=True), got None.")
    checked = arguments.like_rows(name, a, shape, dtype)
    assert checked is not None
    return checked


def stepper(layers: Sequence[PackedLayer], threads: int | None = None) -> Stepper:
    """Make the state and the buffers of one live sequence through a stack of layers.

    Args:
        layers: Packed layers, each reading what the one before it writes.
        threads: At most so many; default `get_num_threads()`, now.

    Returns:
        An object with `step(x)`: x (I,), contiguous, of the weights' dtype, to the last layer's
        output (P,), always the same array, overwritten by each step; `set_state(h, c)` and
        `get_state(h, c)` with h (L, P), c (L, H) or None.

    Raises:
        DtypeError: No layers, or of different dtypes.
        ShapeError: Layers that do not fit together.

    Notes:
        A step allocates nothing and gives the bits of `forward`. It uses one thread, but several
        for a layer of a megabyte of weights or more (float32 LSTM: I = H = 182), which one core's
        cache does not hold; these spin for 50 microseconds after a step and then sleep.

    Example:
        >>> from types import SimpleNamespace
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
    """Make room for the states of many live sequences; `glasscell.pool` is its face.

    Args:
        stacks: Packed layers of one dtype, each stack one that `stepper` takes. A stream has a
            state in all stacks.
        capacity: Most streams that may be open at a time, positive.

    Returns:
        An object whose functions take int64 ids (n,), x (n, I), y (n, P), h (L, n, P) and
        c (L, n, H). `step` gives the bits of `forward`, and an IndexError unless all ids are open
        and different.

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


def pack_linear(weight: Array, bias: Array | None = None) -> PackedLinear:
    """Pack `y = x W^T + b`.

    Args:
        weight: (outputs, inputs), float32 or float64.
        bias: (outputs,) of the same dtype, or None.

    Returns:
        An immutable packed matrix for `linear`.

    Raises:
        DtypeError: Another dtype, or two different ones.
        ShapeError: Sizes that do not fit together.
    """
    if (
        weight.ndim != 2
        or 0 in weight.shape
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        raise ShapeError(
            "pack_linear: expected weight (outputs, inputs) and bias (outputs,), got "
            f"{weight.shape} and {None if bias is None else bias.shape}."
        )
    dtypes = {weight.dtype} | ({bias.dtype} if bias is not None else set())
    if dtypes == {np.dtype(np.float32)}:
        make: Any = _core.LinearF32
    elif dtypes == {np.dtype(np.float64)}:
        make = _core.LinearF64
    else:
        raise DtypeError(
            "pack_linear: expected weight and bias all float32 or all float64, got "
            f"{', '.join(sorted(str(d) for d in dtypes))}."
        )
    packed: PackedLinear = make(
        np.ascontiguousarray(weight), None if bias is None else np.ascontiguousarray(bias)
    )
    return packed


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
