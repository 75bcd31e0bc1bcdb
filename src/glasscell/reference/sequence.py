"""What a layer runs over: its checked inputs, cut into the pieces that are sequences of their own.

A batch is (T, B, I). `lengths` ends each sequence early, `reset` cuts it before a step, `reverse`
reads it from its end. All three only say which steps follow each other, so the equations of the
cells never see them: they run over a `Piece`, from the initial state to the piece's last step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from glasscell.arrays import Array
from glasscell.cells.parameters import LayerWeights
from glasscell.errors import DtypeError, ShapeError

__all__ = ["Gradients", "Inputs", "Piece", "gradient", "pieces", "prepare"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """All that one run of one layer in one direction was given.

    Args:
        weights: Of the layer.
        x: (T, B, I).
        h0: (B, P), initial hidden state of every piece.
        c0: (B, H), initial cell state of every piece; None for a cell with the hidden state alone,
            (B, S, H) for one with S > 1 states beside it.
        reverse: Whether each piece is read from its last step to its first.
        lengths: (B,) integers, any order, zero allowed; None for T everywhere.
        reset: (T, B) bool, whether the sequence is cut before step t; None for nowhere.
    """

    weights: LayerWeights
    x: Array
    h0: Array
    c0: Array | None
    reverse: bool
    lengths: Array | None
    reset: Array | None


class Gradients(NamedTuple):
    """Gradients of a loss for one layer in one direction; None where the layer has no such part.

    dx (T, B, I), dh0 (B, P) and dc0 (B, H) belong to the inputs; dweight_ih … dweight_hr have the
    shapes of torch's parameters. dh (T, B, P) and dc (T, B, H) are the total derivatives dL/dh_t
    and dL/dc_t: all that the loss feels of h_t or c_t, at once and through later steps; zero
    after the end of a sequence. dc0 and dc have S states before H where a cell has S > 1 beside the
    hidden one. dvectors (V, H) belongs to the vectors of a cell, in the order of its program.
    """

    dx: Array
    dh0: Array
    dc0: Array | None
    dweight_ih: Array
    dweight_hh: Array
    dbias_ih: Array | None
    dbias_hh: Array | None
    dweight_hr: Array | None
    dh: Array
    dc: Array | None
    dvectors: Array | None = None


class Piece(NamedTuple):
    """Steps that follow each other without a cut, in the sequences of some columns of the batch.

    steps are in the order of processing, falling when the layer reads in reverse; last says whether
    the final state of these columns is the state after this piece.
    """

    steps: range
    columns: slice
    last: bool

    def previous(self, t: int, states: Array, initial: Array) -> Array:
        """Give the state before step t, out of the states (T, B, ·) or the initial one (B, ·)."""
        if t == self.steps[0]:
            return initial[self.columns]
        return states[t - self.steps.step, self.columns]

    def seed(self, final: Array) -> Array:
        """Give the gradient (B, ·) of the final state where this piece ends in it, else zero."""
        part = final[self.columns]
        return part if self.last else np.zeros_like(part)


def pieces(inputs: Inputs) -> list[Piece]:
    """Cut a batch into pieces, in the order in which each column is processed.

    Returns:
        One piece of all columns where nothing is cut, else one or more per column; a sequence of
        length zero has one piece without steps.
    """
    T, B = inputs.x.shape[:2]
    if inputs.lengths is None and inputs.reset is None:
        return [Piece(_order([0, T], inputs.reverse)[0], slice(0, B), True)]
    cut = []
    for b in range(B):
        stop = T if inputs.lengths is None else int(inputs.lengths[b])
        cuts = [] if inputs.reset is None else [t for t in range(1, stop) if inputs.reset[t, b]]
        spans = _order([0, *cuts, stop], inputs.reverse)
        cut += [Piece(steps, slice(b, b + 1), steps is spans[-1]) for steps in spans]
    return cut


def _order(bounds: Sequence[int], reverse: bool) -> list[range]:
    spans = [range(start, stop) for start, stop in pairwise(bounds)]
    return [span[::-1] for span in reversed(spans)] if reverse else spans


def prepare(
    weights: LayerWeights,
    x: Array,
    h0: Array | None,
    c0: Array | None,
    *,
    initial: Sequence[float] = (0.0,),
    reverse: bool,
    lengths: Any,
    reset: Any,
) -> Inputs:
    """Check what a layer is given and fill in initial states.

    Args:
        weights: Of the layer.
        x: (T, B, I).
        h0: (B, P), or None.
        c0: (B, H), (B, S, H) with S > 1 states beside the hidden one, or None.
        initial: What each state starts from where it is not given, the hidden one first; one number
            for each state. Default: the hidden state alone, from 0.
        reverse: As in `Inputs`.
        lengths: As in `Inputs`.
        reset: As in `Inputs`.

    Raises:
        ShapeError: An array has the wrong rank or size, or a length is outside 0 … T.
        DtypeError: x is not floating, or the others have not the dtype of x.
    """
    arrays = {"x": x, "h0": h0, "c0": c0, **weights.arrays()}
    _check_dtypes({name: array for name, array in arrays.items() if array is not None})
    I, P = weights.weight_ih.shape[1], weights.weight_hh.shape[1]  # noqa: E741 (torch's letter)
    H = P if weights.weight_hr is None else weights.weight_hr.shape[1]
    if x.ndim != 3 or x.shape[2] != I:
        raise ShapeError(f"expected x of shape (T, B, I) with I = {I}, got {x.shape}")
    T, B = x.shape[:2]
    first, *others = initial
    S = len(others)
    start = np.asarray(others, x.dtype).reshape((S, 1) if S > 1 else (S,))
    return Inputs(
        weights=weights,
        x=x,
        h0=_initial("h0", h0, (B, P), x.dtype, first),
        c0=_initial("c0", c0, (B, S, H) if S > 1 else (B, H), x.dtype, start) if S else None,
        reverse=reverse,
        lengths=None if lengths is None else _checked_lengths(np.asarray(lengths), T, B),
        reset=None if reset is None else _checked_reset(np.asarray(reset), T, B),
    )


def gradient(name: str, value: Array | None, like: Array) -> Array:
    """Check the gradient of an array, or give zeros where there is none."""
    if value is None:
        return np.zeros_like(like)
    if value.shape != like.shape:
        raise ShapeError(f"expected {name} of shape {like.shape}, got {value.shape}")
    if value.dtype != like.dtype:
        raise DtypeError(f"expected {name} of dtype {like.dtype}, got {value.dtype}")
    return value


def _check_dtypes(arrays: dict[str, Array]) -> None:
    expected = arrays["x"].dtype
    if not np.issubdtype(expected, np.floating):
        raise DtypeError(f"expected x of a floating dtype, got {expected}")
    for name, array in arrays.items():
        if array.dtype != expected:
            raise DtypeError(f"expected {name} of the dtype of x, {expected}, got {array.dtype}")


def _initial(
    name: str, state: Array | None, shape: tuple[int, ...], dtype: Any, start: Any
) -> Array:
    if state is None:
        return np.full(shape, start, dtype)
    if state.shape != shape:
        raise ShapeError(f"expected {name} of shape {shape}, got {state.shape}")
    return state


def _checked_lengths(lengths: Array, T: int, B: int) -> Array:
    if lengths.shape != (B,):
        raise ShapeError(f"expected lengths of shape ({B},), got {lengths.shape}")
    if not np.issubdtype(lengths.dtype, np.integer):
        raise DtypeError(f"expected lengths of an integer dtype, got {lengths.dtype}")
    if np.any((lengths < 0) | (lengths > T)):
        raise ShapeError(f"expected lengths between 0 and T = {T}, got {lengths}")
    return lengths


def _checked_reset(reset: Array, T: int, B: int) -> Array:
    if reset.shape != (T, B):
        raise ShapeError(f"expected reset of shape (T, B) = ({T}, {B}), got {reset.shape}")
    if reset.dtype != np.bool_:
        raise DtypeError(f"expected reset of dtype bool, got {reset.dtype}")
    return reset
