"""JANET: an LSTM with a forget gate and nothing else.

Source: J. van der Westhuizen and J. Lasenby, The unreasonable effectiveness of the forget gate,
arXiv:1804.04849, equation 5.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import sigmoid, tanh

__all__ = ["JANET"]


class JANET(Cell):
    """Just another network.

    ::

        s_t = W_f x_t + R_f h_{t-1} + b_f                               σ(s_t): forget gate
        g_t = tanh(W_g x_t + R_g h_{t-1} + b_g)                         candidate
        h_t = σ(s_t) * h_{t-1} + (1 - σ(s_t - β)) * g_t                 hidden state

    Args:
        beta: β, by which more is let in than is forgotten; default 1.

    >>> JANET().quantities
    ('forget', 'candidate')
    """

    gates = {"f": "forget", "g": "candidate"}  # noqa: RUF012

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        f, g = sigmoid(a.f), tanh(a.g)
        return f * h + (1 - sigmoid(a.f - self.beta)) * g
