"""Looks at the gradient's way through time while a network trains, and names a fault once.

The faults are those of `glasscell.inspect.examine` that are faults whatever the task needs; how
far a network should remember is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from glasscell.inspect.verdict.diagnosis import examine

SEQUENCES = 16
"""Sequences of a batch that are looked at: a few milliseconds."""

AT_ONCE = ("not finite", "exploding")
"""Faults that are said when first seen; others need two looks in a row, as a network that has
hardly begun may look silent."""


class GradientWatch:
    """Remembers what was seen and said of one network in training."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.said: dict[str, str] = {}

    def due(self, epoch: int) -> bool:
        """Whether to look after an epoch, the first of which is 1: at 1, 2, 3, 5, 8, 13 ...

        >>> [epoch for epoch in range(1, 30) if GradientWatch().due(epoch)]
        [1, 2, 3, 5, 8, 13, 21]
        """
        fibonacci = [1, 2]
        while fibonacci[-1] < epoch:
            fibonacci.append(sum(fibonacci[-2:]))
        return epoch in fibonacci

    def look(
        self,
        network: torch.nn.Module,
        inputs: tuple[torch.Tensor | None, ...],
        loss: Callable[[Any], torch.Tensor],
    ) -> list[str]:
        """Run some sequences forwards and back, and give the warnings that are new.

        Args:
            network: Stays as it is: weights, gradients, mode and random state.
            inputs: Arguments of the network, some sequences (B, T, ·) first; None: its default.
            loss: Of what it gives.
        """
        training = network.training
        grads = [parameter.grad for parameter in network.parameters()]
        with torch.random.fork_rng(devices=[]):
            network.eval()
            try:
                found = examine(network, inputs, loss)
            finally:
                network.train(training)
                for parameter, grad in zip(network.parameters(), grads, strict=True):
                    parameter.grad = grad
        now = {f"{one.layer}: {one.kind}": one for one in found if not (one.good or one.assumed)}
        new = {
            name: str(one)
            for name, one in now.items()
            if name not in self.said and (name in self.seen or one.kind in AT_ONCE)
        }
        self.seen = list(now)
        self.said.update(new)
        return list(new.values())

    def state(self) -> dict[str, Any]:
        """Give what was seen and said, as plain values."""
        return {"seen": self.seen, "said": self.said}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.seen, self.said = state["seen"], state["said"]
