"""Run a packed layer backward through time."""

from __future__ import annotations

from typing import Any

import numpy as np

from glasscell.arrays import Array
from glasscell.engine import arguments
from glasscell.engine.packing import require_uncompressed
from glasscell.engine.results import LayerGrads, PackedLayer
from glasscell.errors import ShapeError
from glasscell.threads import thread_limit

__all__ = ["backward"]


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
    require_uncompressed("backward", layer)
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
