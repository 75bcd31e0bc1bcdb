"""The plain RNN: one hidden state, one matrix.

Source: J. Elman, Finding structure in time, Cognitive Science 14(2), 1990.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell, Mask, require_probability
from glasscell.cells.symbols import relu, tanh
from glasscell.errors import CellError

__all__ = ["RNN"]


class RNN(Cell):
    """The plain RNN, ``h_t = tanh(W x_t + R h_{t-1} + b)``, or relu in place of tanh.

    Args:
        nonlinearity: "tanh" (default) or "relu".
        zoneout: Probability in training that a unit keeps its old value; default 0.

    >>> RNN().quantities, RNN().belt
    ((), ())
    """

    gates = {"h": "hidden"}  # noqa: RUF012

    def __init__(self, nonlinearity: str = "tanh", zoneout: float = 0.0) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise CellError(f"nonlinearity: expected tanh or relu, got {nonlinearity!r}")
        require_probability("zoneout", zoneout)
        self.nonlinearity, self.zoneout = nonlinearity, zoneout
        self.masks = {"z_h": Mask(zoneout, evaluation=zoneout)} if zoneout else {}

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        new = tanh(a.h) if self.nonlinearity == "tanh" else relu(a.h)
        return self.z_h * h + (1 - self.z_h) * new if self.masks else new

    def __repr__(self) -> str:
        more = f", zoneout={self.zoneout!r}" if self.zoneout else ""
        return f"RNN({self.nonlinearity!r}{more})"
