"""One step at a time through a recurrent network: fixed buffers and the state between steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from glasscell import engine
from glasscell.weights import Array

if TYPE_CHECKING:
    from glasscell.nodes.recurrent import Recurrent

__all__ = ["RecurrentStep", "State"]

State: TypeAlias = Array | tuple[Array, Array]
"""h_n of an RNN, (h_n, c_n) of an LSTM."""


class RecurrentStep:
    """One sequence going through a `Recurrent` step by step; keeps the state.

    Args:
        network: Its weights; must not be bidirectional.
        source: (1, 1, I) buffer that each step reads.
    """

    def __init__(self, network: Recurrent, source: Array) -> None:
        self.network = network
        width = network.writes
        self._outputs = [np.empty((1, 1, width), network.dtype) for _ in network.layers]
        self._inputs = [source, *self._outputs[:-1]]
        self.sink = self._outputs[-1]
        self.hold()

    def hold(self, h: Array | None = None, c: Array | None = None) -> None:
        """Set the state to a copy of h (L, 1, P) and c (L, 1, H); default zeros."""
        config, dtype = self.network.config, self.network.dtype
        lead = config.num_layers, 1
        self._h: list[Array] = list(
            np.zeros((*lead, config.output_size), dtype) if h is None else h.copy()
        )
        self._c: list[Array | None] = [None] * config.num_layers
        if config.mode == "LSTM":
            self._c = list(np.zeros((*lead, config.hidden_size), dtype) if c is None else c.copy())

    def step(self) -> None:
        """Read `source`, advance every layer, write `sink`."""
        for place, layer in enumerate(self.network.layers):
            run = engine.forward(
                layer,
                self._inputs[place],
                self._h[place],
                self._c[place],
                out=self._outputs[place],
                threads=1,
            )
            self._h[place], self._c[place] = run.h_n, run.c_n

    @property
    def state(self) -> State:
        """A copy of the state: h (L, P), or the pair with c (L, H)."""
        h = np.concatenate(self._h)
        if self.network.config.mode != "LSTM":
            return h
        return h, np.concatenate([part for part in self._c if part is not None])
