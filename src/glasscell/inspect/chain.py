"""Calls of one layer that hand on its state are one sequence: find them, put them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glasscell.inspect.layout import Array

if TYPE_CHECKING:
    from glasscell.inspect.trace import LayerTrace

__all__ = ["continues", "joined", "last_chain"]

ARRAYS = ("forget", "input", "candidate", "output", "cell", "hidden", "x")


def last_chain(calls: Sequence[LayerTrace]) -> int:
    """Find where the sequence that the last call belongs to began.

    Args:
        calls: runs of one layer in the order of time, at least one.

    Returns:
        Index of the first call of the last unbroken chain.

    Notes:
        A state of zeros can be one that a call ended with (a ReLU layer with all units at 0) or a
        beginning. It is a beginning where the first call was given a state: who begins with
        none at all hands on zeros only if they were handed to him.
    """
    zeros_begin = calls[0].initial_hidden is not None
    start = len(calls) - 1
    while start > 0 and continues(calls[start - 1], calls[start]):
        if zeros_begin and not any(state.any() for state in _began(calls[start])):
            break
        start -= 1
    return start


def continues(earlier: LayerTrace, later: LayerTrace) -> bool:
    """Tell whether one call began from the very state in which another ended.

    Args:
        earlier: the call before.
        later: the call after it.

    Returns:
        True if both are dense, run forward, and the states, hidden and cell, are equal to the bit.
    """
    if later.initial_hidden is None or earlier.layout != later.layout or later.layout == "NH":
        return False
    if earlier.reverse or earlier.lengths is not None or later.lengths is not None:
        return False
    return all(map(np.array_equal, _ended(earlier), _began(later)))


def _began(call: LayerTrace) -> list[Array]:
    return [part for part in (call.initial_hidden, call.initial_cell) if part is not None]


def _ended(call: LayerTrace) -> list[Array]:
    at = (slice(None), -1) if call.layout == "BTH" else -1
    return [np.atleast_2d(part[at]) for part in (call.hidden, call.cell) if part is not None]


def joined(calls: Sequence[LayerTrace]) -> LayerTrace:
    """Put calls that continue each other together along time.

    Args:
        calls: one chain, at least one call.

    Returns:
        `LayerTrace`; copies of the arrays, except that a single call comes back as it is.
    """
    if len(calls) == 1:
        return calls[0]
    axis = 1 if calls[0].layout == "BTH" else 0
    arrays: dict[str, Any] = {
        name: _concatenated([getattr(call, name) for call in calls], axis) for name in ARRAYS
    }
    reset = None
    if any(call.reset is not None for call in calls):
        reset = np.concatenate(
            [~call.alive() if call.reset is None else call.reset for call in calls]
        )
    return replace(calls[0], **arrays, reset=reset)


def _concatenated(arrays: Sequence[Array | None], axis: int) -> Array | None:
    present = [array for array in arrays if array is not None]
    return np.concatenate(present, axis=axis) if present else None
