"""How someone looks on while layers run: the records that `glasscell.nn` hands out.

A layer asks `current(self)` before it runs. Inside `observing(...)` it keeps its gates, hands a
`Record` to the observer after each direction, and, where gradients are asked for, the total
derivatives that its backward pass went through. Outside, it costs one look at an empty list.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from heapq import heappop, heappush
from threading import RLock
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from glasscell.arrays import Array
from glasscell.traces.layer import Record

__all__ = ["Observation", "Observer", "Record", "current", "observing", "repeating"]


class Observer(Protocol):
    """What `observing` expects of the one who looks on."""

    def forward(self, module: torch.nn.Module, suffix: str, record: Record) -> None:
        """Called after each layer and direction; suffix is torch's: "l0", "l0_reverse", ..."""

    def follows(self, record: Record, earlier: Record) -> None:
        """Called after a layer whose initial state was made from what an earlier call gave.

        That is known where there is a graph. record and earlier are of one layer and direction.
        """

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


class Origins:
    """The calls whose results are in a graph, found again from what was made of those results.

    A path in the graph is exact where values are not: whatever lies between two calls (a mask,
    dropout, an index, a clone, another cell), the gradient takes that path and no other.
    """

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[Any, tuple[Hashable, Sequence[Record]]] = WeakKeyDictionary()

    def add(self, layer: Hashable, result: Tensor, records: Sequence[Record]) -> None:
        """Remember what made a result; nothing where it is in no graph.

        Args:
            layer: Which one it was.
            result: Straight from the layer's node.
            records: Of the layer's directions.
        """
        if result.grad_fn is not None:
            self._made[result.grad_fn] = layer, records

    def find(self, layer: Hashable, states: Sequence[Tensor | None]) -> Sequence[Record] | None:
        """Give the records of the latest call of a layer that a state depends on.

        Args:
            layer: Which one.
            states: Hidden and cell state.

        Returns:
            None where there is no such call.

        Notes:
            Nodes are numbered as they are made, so that the one with the largest number is visited
            next: the first call to be met is the latest, and what is older is never looked at.
        """
        visited: dict[int, Any] = {}  # holds the nodes: the id of one that is gone is used again
        waiting: list[tuple[int, int]] = []

        def wait(node: Any) -> None:
            # A leaf has no number of its own, and nothing behind it.
            if node is not None and id(node) not in visited and node.next_functions:
                visited[id(node)] = node
                heappush(waiting, (-node._sequence_nr(), id(node)))

        for state in states:
            wait(None if state is None else state.grad_fn)
        while waiting:
            node = visited[heappop(waiting)[1]]
            # Other nodes than Python's cannot be referred to weakly, not even to look one up.
            made = self._made.get(node) if isinstance(node, BackwardCFunction) else None
            if made is not None and made[0] == layer:
                return made[1]
            for following, _ in node.next_functions:
                wait(following)
        return None


@dataclass(frozen=True, eq=False)
class Observation:
    """One `observing` block.

    Args:
        observer: Who looks on.
        gradients: Whether the backward pass is observed too.
        anchor: A scalar leaf that every layer's output depends on (its derivative is zero), so that
            a graph exists even where nothing requires a gradient. `torch.autograd.grad(loss,
            anchor)` runs exactly the observed layers' backward passes and leaves every `.grad`
            alone. None without gradients.
        modules: Whose calls are seen from other threads too.
        origins: Which call a state comes from.
        copies: Id of a copy of a module to that of the module, whose calls its calls continue.
    """

    observer: Observer
    gradients: bool
    anchor: Tensor | None
    modules: list[torch.nn.Module] = field(default_factory=list)
    origins: Origins = field(default_factory=Origins)
    copies: dict[int, int] = field(default_factory=dict)

    def names(self, module: torch.nn.Module | None) -> bool:
        """Tell whether a module is one of those whose calls are seen from other threads."""
        return any(module is each for each in self.modules)


_current: ContextVar[tuple[Observation, ...]] = ContextVar("glasscell_observations", default=())
"""Blocks of this context, the innermost last."""
_open: list[Observation] = []
"""Blocks of all threads that have not ended; the last one is the youngest."""


def current(module: torch.nn.Module | None = None) -> Observation | None:
    """Give the block that sees a module's calls, None where there is none.

    That is the innermost one of this context that names the module or names none; else the
    innermost. A thread that was started within a block has a context of its own: there it is the
    youngest block that names the module.

    Args:
        module: Who runs; default nobody, to ask for this context alone.
    """
    if not _open:
        return None
    here = _current.get()
    if here:
        alive = [one for one in here if one in _open]
        innermost = alive[-1] if alive else None
        sees = (one for one in reversed(alive) if not one.modules or one.names(module))
        return next(sees, innermost)
    return next((one for one in reversed(_open) if one.names(module)), None)


def repeating() -> bool:
    """Tell whether a backward pass runs: a layer that runs now does so again, for a checkpoint."""
    return torch._C._current_graph_task_id() != -1


_uncompiled = ExitStack()
"""Entered while a block is open: what leaves it lets compiled models run compiled again."""
_lock = RLock()  # a block that somebody dropped may be closed by the collector while it is held


def _open_block(observation: Observation) -> None:
    # The compiler's stance belongs to the process, and blocks of threads do not end in the reverse
    # of the order in which they began: the first sets it, the last puts it back.
    with _lock:
        # torch's compiler is not imported for this: whoever compiled a model has loaded it already.
        if not _open and "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):
            _uncompiled.enter_context(torch.compiler.set_stance("force_eager"))
        _open.append(observation)


def _close_block(observation: Observation) -> None:
    with _lock:
        _open.remove(observation)
        if not _open:
            _uncompiled.close()


@contextmanager
def observing(
    observer: Observer, gradients: bool = False, modules: Sequence[torch.nn.Module] = ()
) -> Iterator[Observation]:
    """Show every glasscell layer that runs in the block to `observer`.

    Blocks nest; the innermost one sees, of those that name modules one that names the layer.
    Layers that run in the block keep their observer: their backward pass may come after it.
    Compiled models run uncompiled in it: a compiled layer makes no call to see.

    Args:
        observer: See `Observer`.
        gradients: Observe the backward pass too; default False.
        modules: Whose calls are seen from every thread; of others, those of this context. Default
            none.

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
    observation = Observation(observer, gradients, anchor, list(modules))
    token = _current.set((*_current.get(), observation))
    _open_block(observation)
    try:
        yield observation
    finally:
        _close_block(observation)
        _current.reset(token)
