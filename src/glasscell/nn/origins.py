"""Which earlier call of the same layer a state was made from, by torch's own graph."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from heapq import heappop, heappush
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor
from torch.autograd.function import BackwardCFunction

from glasscell.traces.layer import Record

__all__ = ["Origins"]


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
            layer: which one it was.
            result: straight from the layer's node.
            records: of the layer's directions.
        """
        if result.grad_fn is not None:
            self._made[result.grad_fn] = layer, records

    def find(self, layer: Hashable, states: Sequence[Tensor | None]) -> Sequence[Record] | None:
        """Give the records of the latest call of a layer that a state depends on.

        Args:
            layer: which one.
            states: hidden and cell state.

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
