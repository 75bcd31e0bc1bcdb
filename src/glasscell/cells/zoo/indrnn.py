"""IndRNN: a plain RNN whose units see nothing of each other within a layer.

Source: S. Li et al., Independently recurrent neural network (IndRNN), CVPR 2018, arXiv:1803.04831.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import relu, tanh
from glasscell.errors import CellError

__all__ = ["IndRNN"]


class IndRNN(Cell):
    """The independently recurrent network, ``h_t = relu(W x_t + u * h_{t-1} + b)``, or tanh.

    Args:
        nonlinearity: "relu" (default) or "tanh".

    >>> IndRNN().program.vectors
    ('u_h',)
    """

    gates = {"h": "hidden"}  # noqa: RUF012
    recurrent = "diagonal"

    def __init__(self, nonlinearity: str = "relu") -> None:
        if nonlinearity not in ("relu", "tanh"):
            raise CellError(f"nonlinearity: expected relu or tanh, got {nonlinearity!r}")
        self.nonlinearity = nonlinearity

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        return relu(a.h) if self.nonlinearity == "relu" else tanh(a.h)
