"""What a node of the graph saved for its backward pass, also after edits that do not matter to it.

Everything is saved through torch, so that its hooks (checkpointing, offloading) reach all of it and
derivatives of derivatives can start from it. But torch then refuses the backward pass after an
in-place edit of any of it, also of what only those derivatives would have read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

__all__ = ["unpacked"]


def unpacked(ctx: Any, reads: Callable[[], Sequence[bool]]) -> tuple[Tensor | None, ...]:
    """Give what a node saved.

    Args:
        ctx: The node.
        reads: Says of which saved tensors the numbers will be read; of others at most the shape.
            Asked only after an edit.

    Raises:
        RuntimeError: One that will be read was edited in place since, or the graph was freed.
    """
    try:
        saved: tuple[Tensor | None, ...] = ctx.saved_tensors
    except RuntimeError:
        numbers = reads()
        if all(numbers):
            raise
        saved = tuple(map(_one, ctx._raw_saved_tensors, numbers))
    return saved


def _one(raw: Any, read: bool) -> Tensor | None:
    as_it_is = raw.data
    # A hook's own object stands in place of a tensor that it took.
    unread = not read and (as_it_is is None or isinstance(as_it_is, Tensor))
    tensor: Tensor | None = as_it_is if unread else raw.unpack()
    return tensor
