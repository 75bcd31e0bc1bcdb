"""One step at a time through a recurrent network: fixed buffers and the state between steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from glasscell import engine
from glasscell.arrays import Array

if TYPE_CHECKING:
    from glasscell.model.nodes.recurrent import Recurrent

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
        self.stepper = engine.stepper(network.layers)
        self._x: Array = source[0, 0]
        self.sink: Array = self.stepper.output[None, None]

    def hold(self, h: Array | None = None, c: Array | None = None) -> None:
        """Set the state to a copy of h (L, 1, P) and c (L, 1, H); default zeros."""
        lstm = self.network.config.mode == "LSTM"
        self.stepper.set_state(
            None if h is None else np.ascontiguousarray(h[:, 0]),
            None if c is None or not lstm else np.ascontiguousarray(c[:, 0]),
        )

    def step(self) -> None:
        """Read `source`, advance every layer, write `sink`."""
        self.stepper.step(self._x)

    @property
    def state(self) -> State:
        """A copy of the state: h (L, P), or the pair with c (L, H)."""
        config, dtype = self.network.config, self.network.dtype
        h = np.empty((config.num_layers, config.output_size), dtype)
        if config.mode != "LSTM":
            self.stepper.get_state(h, None)
            return h
        c = np.empty((config.num_layers, config.hidden_size), dtype)
        self.stepper.get_state(h, c)
        return h, c
