"""Live sequences, one step a call: one of them, or a pool of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glasscell import _core
from glasscell.engine.results import PackedLayer, Stepper, StreamPool
from glasscell.errors import DtypeError, ShapeError
from glasscell.threads import thread_limit

__all__ = ["stepper", "stream_pool"]


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
        >>> import numpy as np
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
