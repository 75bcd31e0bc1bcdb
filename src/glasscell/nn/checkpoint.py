"""How many steps the backward pass of a layer runs again at a time, so that no tape is kept."""

from __future__ import annotations

import operator
from math import isqrt
from typing import Any

__all__ = ["SETTING", "Checkpoint", "Setting", "segment_length"]

Checkpoint = bool | int | None
"""What a module's `checkpoint` may be."""

SETTING = "_glasscell_checkpoint"
"""The attribute that holds it: a layer of the user's may have a `checkpoint` of another kind."""


class Setting:
    """A module's attribute `checkpoint`: `SETTING`, or the user's own where there is one."""

    def __get__(self, module: Any, kind: Any) -> Any:
        """Give it, None by default."""
        own = {} if module is None else module.__dict__
        return own["checkpoint"] if "checkpoint" in own else own.get(SETTING)

    def __set__(self, module: Any, value: Any) -> None:
        """Set it."""
        own = module.__dict__
        own["checkpoint" if "checkpoint" in own else SETTING] = value


def segment_length(checkpoint: Checkpoint, steps: int) -> int:
    """Give the steps of one segment, 0 if all of them are kept.

    Args:
        checkpoint: None or False to keep all, True for √T rounded up, or the steps of a segment.
        steps: T.

    Raises:
        ValueError: Checkpoint is not positive.
        TypeError: It is no integer either.

    Notes:
        √T is where what an LSTM keeps, a cell state for each segment, and what is made again, the
        five values a unit of one segment, add up to the least but for a factor: memory falls from
        5 T to T / S + 5 S numbers a unit.

    >>> [segment_length(checkpoint, 1000) for checkpoint in (None, True, 100, 5000)]
    [0, 32, 100, 0]
    """
    if checkpoint is None or checkpoint is False:
        return 0
    length = isqrt(max(steps, 1) - 1) + 1 if checkpoint is True else _number(checkpoint)
    return length if length < steps else 0


def _number(checkpoint: object) -> int:
    said = (
        "expected checkpoint as None, True, False or a positive number of steps, got "
        f"{checkpoint!r}; True takes the square root of the number of steps"
    )
    try:
        length = operator.index(checkpoint)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(said) from None
    if length < 1:
        raise ValueError(said)
    return length
