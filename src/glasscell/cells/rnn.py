"""The plain RNN: one hidden state, one matrix.

Source: J. Elman, Finding structure in time, Cognitive Science 14(2), 1990.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell, Mask, of_hidden, require_probability
from glasscell.cells.symbols import relu, tanh
from glasscell.errors import CellError

__all__ = ["RNN"]


class RNN(Cell):
    """The plain RNN, ``h_t = tanh(W x_t + R h_{t-1} + b)``, or relu in place of tanh.

    Args:
        nonlinearity: "tanh" (default) or "relu".
        zoneout: Probability in training that a unit keeps its old value; default 0.
        hidden_dropout: Probability in training that a unit of h_{t-1} is dropped before the product
            with R, the same units at every step of a sequence (Gal and Ghahramani 2016,
            arXiv:1512.05287, one mask for all gates); default 0.

    >>> RNN().quantities, RNN().belt
    ((), ())
    """

    gates = {"h": "hidden"}  # noqa: RUF012

    def __init__(
        self, nonlinearity: str = "tanh", zoneout: float = 0.0, hidden_dropout: float = 0.0
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise CellError(f"nonlinearity: expected tanh or relu, got {nonlinearity!r}")
        require_probability("zoneout", zoneout)
        require_probability("hidden_dropout", hidden_dropout)
        self.nonlinearity, self.zoneout = nonlinearity, zoneout
        self.hidden_dropout = hidden_dropout
        self.masks = {"z_h": Mask(zoneout, evaluation=zoneout)} if zoneout else {}
        if hidden_dropout:
            self.masks["d_h"] = of_hidden(hidden_dropout)

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        new = tanh(a.h) if self.nonlinearity == "tanh" else relu(a.h)
        return self.z_h * h + (1 - self.z_h) * new if self.zoneout else new

    def __repr__(self) -> str:
        options = {"zoneout": self.zoneout, "hidden_dropout": self.hidden_dropout}
        more = "".join(f", {name}={value!r}" for name, value in options.items() if value)
        return f"RNN({self.nonlinearity!r}{more})"
