"""Run a packed layer over a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.engine import arguments
from glasscell.engine.results import LayerRun, PackedLayer
from glasscell.threads import thread_limit

__all__ = ["forward"]


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
