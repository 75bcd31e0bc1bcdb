"""Layer upon layer in one call: few sequences go through several layers at once, as a wave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from glasscell import engine
from glasscell.arrays import Array
from glasscell.engine import arguments
from glasscell.errors import ShapeError

__all__ = ["StackRun", "forward"]


class StackRun(NamedTuple):
    """What a stack of L layers did: the last layer's output, and every layer's last state."""

    output: Array  # (T, B, P)
    h_n: Array  # (L, B, P)
    c_n: Array | None  # (L, B, H), None for an RNN


def forward(
    layers: Sequence[engine.PackedLayer],
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

    Args:
        layers: L packed layers; each reads what the one below it writes, and all have one H and P.
        x: (T, B, I), of the weights' dtype.
        h0: (L, B, P), default zeros.
        c0: (L, B, H), default zeros; ignored by RNNs.
        lengths: (B,) integers from 0 to T, default T.
        reset: (T, B) bool, where to begin anew from (h0, c0).
        out: (T, B, P) array for the last layer's output, last axis contiguous; default a new one.
        threads: At most so many; default `get_num_threads()`.

    Returns:
        StackRun(output, h_n, c_n).

    Raises:
        ShapeError, DtypeError: As named, before anything runs.

    Notes:
        The bits are those of `engine.forward` layer by layer. With fewer than three sequences a
        thread, and a number of layers that the threads divide, each thread has layers of its own
        and follows the layers below it at a distance of some steps. Releases the GIL.

    Example:
        >>> from types import SimpleNamespace
        >>> one = np.ones((1, 1))
        >>> w = SimpleNamespace(weight_ih=one, weight_hh=one, bias_ih=None, bias_hh=None,
        ...                     weight_hr=None)
        >>> sums = engine.pack("RNN_RELU", w)
        >>> forward([sums, sums], np.ones((3, 1, 1))).output.ravel()
        array([1., 3., 6.])
    """
    first, L = layers[0], len(layers)
    P, H, dtype = first.output_size, first.hidden_size, arguments.dtype_of(first)
    sizes = {(type(one), one.output_size, one.hidden_size, one.lstm) for one in layers}
    if len(sizes) != 1 or any(one.input_size != P for one in layers[1:]):
        found = [(one.input_size, one.hidden_size, one.output_size) for one in layers]
        raise ShapeError(
            "stack: expected layers of one kind, dtype, H and P, each reading what the one below "
            f"writes, got (I, H, P) of {found}."
        )
    x, _, _, lengths, reset, _, B = arguments.inputs(first, x, None, None, lengths, reset, None)
    T = x.shape[0]
    h0 = arguments.incoming("h0", h0, (L, B, P), dtype)
    c0 = arguments.incoming("c0", c0, (L, B, H), dtype) if first.lstm else None
    y = arguments.target("out", out, (T, B, P), dtype)
    h_n = np.zeros((L, B, P), dtype) if h0 is None else h0.copy()
    c_n = (np.zeros((L, B, H), dtype) if c0 is None else c0.copy()) if first.lstm else None
    if 0 in (T, B):
        return StackRun(y, h_n, c_n)
    reset = None if reset is None else np.ascontiguousarray(reset)
    # Two buffers would do, were it not for the wave: layers far apart are at work at once.
    between = [np.empty((T, B, P), dtype) for _ in layers[1:]]
    item = dtype.itemsize
    outputs = [(_at(one), B * P, P) for one in between]
    outputs.append((_at(y), y.strides[0] // item, y.strides[1] // item))
    type(first).stack_at(
        list(layers),
        *(_at(x), x.strides[0] // item, x.strides[1] // item, T, B),
        *(_at(lengths), _at(reset), engine.thread_limit(threads)),
        *(_at(h0), _at(c0), outputs, _at(h_n), _at(c_n)),
    )
    return StackRun(y, h_n, c_n)


def _at(array: Any) -> int:
    return 0 if array is None else array.__array_interface__["data"][0]
