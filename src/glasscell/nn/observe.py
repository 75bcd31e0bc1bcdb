"""How someone looks on while layers run: the records that `glasscell.nn` hands out.

A layer asks `current()` before it runs. Inside `observing(...)` it keeps its gates, hands a
`Record` to the observer after each direction, and, where gradients are asked for, the total
derivatives that its backward pass went through. Outside, it costs one read of a context variable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt
import torch
from torch import Tensor

from glasscell.engine.record import Record

__all__ = ["Observation", "Observer", "Record", "current", "observing"]

Array = npt.NDArray[Any]


class Observer(Protocol):
    """What `observing` expects of the one who looks on."""

    def forward(self, module: torch.nn.Module, suffix: str, record: Record) -> None:
        """Called after each layer and direction; suffix is torch's: "l0", "l0_reverse", ..."""

    def backward(
        self,
        module: torch.nn.Module,
        suffix: str,
        record: Record,
        dy: Array,
        dh: Array,
        dc: Array | None,
    ) -> None:
        """Called in the backward pass of each layer and direction.

        dy is the gradient that arrives at this output directly; dh (as the output) and dc (as the
        cell state; None for an RNN) are the total derivatives of the loss at every step.
        """


@dataclass(frozen=True, eq=False)
class Observation:
    """One `observing` block.

    Args:
        observer: who looks on.
        gradients: whether the backward pass is observed too.
        anchor: a scalar leaf that every layer's output depends on (its derivative is zero), so that
            a graph exists even where nothing requires a gradient. `torch.autograd.grad(loss,
            anchor)` runs exactly the observed layers' backward passes and leaves every `.grad`
            alone. None without gradients.
    """

    observer: Observer
    gradients: bool
    anchor: Tensor | None


_current: ContextVar[Observation | None] = ContextVar("glasscell_observation", default=None)


def current() -> Observation | None:
    """Give the innermost `observing` block of this context, None outside."""
    return _current.get()


@contextmanager
def observing(observer: Observer, gradients: bool = False) -> Iterator[Observation]:
    """Show every glasscell layer that runs in the block to `observer`.

    Blocks nest; the innermost one sees. Layers that run in the block keep their observer: their
    backward pass may come after it.

    Args:
        observer: see `Observer`.
        gradients: observe the backward pass too; default False.

    Yields:
        The `Observation`, whose anchor starts a backward pass.

    Notes:
        Inside the block layers run on glasscell's kernels only: a tensor for which they would use
        torch's own code (another device, float16) is not seen.

    >>> from glasscell.nn import LSTM
    >>> class Names:
    ...     def forward(self, module, suffix, record):
    ...         print(suffix, record.output.shape, record.tape.shape[:3])
    >>> with observing(Names()):
    ...     _ = LSTM(3, 4, num_layers=2)(torch.zeros(7, 2, 3))
    l0 (7, 2, 4) (7, 2, 5)
    l1 (7, 2, 4) (7, 2, 5)
    """
    anchor = torch.zeros((), requires_grad=True) if gradients else None
    observation = Observation(observer, gradients, anchor)
    token = _current.set(observation)
    try:
        yield observation
    finally:
        _current.reset(token)
