"""What may be given to a model: checks of x, lengths, reset and state, in the user's own layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glasscell.arrays import Array
from glasscell.errors import DtypeError, ShapeError
from glasscell.model.nodes.base import Keeper

__all__ = [
    "after_the_end",
    "check_input",
    "check_lengths",
    "check_reset",
    "join_state",
    "split_state",
]


def check_input(x: object, dtype: np.dtype[Any], width: int | None, letters: str) -> Array:
    """Check dtype and last axis of an input.

    Args:
        x: What the user gave.
        dtype: float32 or float64, of the model.
        width: I, or None if the input is indices.
        letters: The expected shape in letters, for messages: "(T, B, I)".

    Returns:
        The array; indices as int64.
    """
    array = np.asarray(x)
    if width is None:
        if array.dtype.kind not in "iu":
            raise DtypeError(f"expected x as integers, indices {letters}, got {array.dtype}")
        return array.astype(np.int64, copy=False)
    if array.dtype != dtype:
        raise DtypeError(
            f"expected x as {dtype}, the model's own, got {array.dtype}; "
            f"convert it with x.astype(np.{dtype})"
        )
    if array.ndim == 0 or array.shape[-1] != width:
        raise ShapeError(f"expected x of shape {letters} with I = {width}, got {array.shape}")
    return array


def check_lengths(
    lengths: object, steps: int, batch: int, batched: bool
) -> npt.NDArray[np.int64] | None:
    """Check lengths and give them as (B,) int64."""
    if lengths is None:
        return None
    array = np.asarray(lengths)
    if not batched and array.ndim == 0:
        array = array[None]
    if array.dtype.kind not in "iu":
        raise DtypeError(f"expected lengths as integers, got {array.dtype}")
    if array.shape != (batch,):
        raise ShapeError(f"expected lengths of shape (B,) = ({batch},), got {array.shape}")
    if array.size and (array.min() < 0 or array.max() > steps):
        raise ShapeError(f"expected lengths in 0 … T = {steps}, got {array.min()} … {array.max()}")
    return array.astype(np.int64)


def check_reset(reset: object, steps: int, batch: int, layout: str) -> npt.NDArray[np.bool_] | None:
    """Check reset, laid out as x ("TBH", "BTH" or "TH"), and give it as (T, B) bool."""
    if reset is None:
        return None
    array = np.asarray(reset)
    shape, letters = {
        "TBH": ((steps, batch), "(T, B)"),
        "BTH": ((batch, steps), "(B, T)"),
        "TH": ((steps,), "(T,)"),
    }[layout]
    if array.dtype != np.bool_:
        raise DtypeError(f"expected reset as bool, got {array.dtype}")
    if array.shape != shape:
        raise ShapeError(f"expected reset of shape {letters} = {shape}, got {array.shape}")
    array = array.T if layout == "BTH" else array
    return np.ascontiguousarray(array).reshape(steps, batch)


def after_the_end(lengths: npt.NDArray[np.int64], steps: int) -> npt.NDArray[np.bool_]:
    """Tell which steps (T, B) lie after the end of their sequence."""
    return np.asarray(np.arange(steps)[:, None] >= lengths)


def split_state(state: Any, keepers: Sequence[Keeper]) -> dict[str, Any]:
    """Give each part of a model that keeps a state, by name, its own."""
    if state is None:
        return {}
    if len(keepers) == 1:
        return {keepers[0].name: state}
    names = [keeper.name for keeper in keepers]
    if not isinstance(state, Mapping) or not set(state) <= set(names):
        got = ", ".join(map(str, state)) if isinstance(state, Mapping) else type(state).__name__
        raise ShapeError(
            f"expected state as a dictionary with keys among {', '.join(names) or 'none'}, "
            f"the parts of the model that keep one, got {got}"
        )
    return dict(state)


def join_state(parts: dict[str, Any], keepers: Sequence[Keeper]) -> Any:
    """Undo `split_state`: the state itself if one part keeps it, None if there is none."""
    if not keepers:
        return None
    return parts[keepers[0].name] if len(keepers) == 1 else parts
