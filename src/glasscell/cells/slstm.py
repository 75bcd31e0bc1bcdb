"""The sLSTM: an LSTM whose input and forget gates are exponentials, kept in range by a stabiliser.

Source: M. Beck et al., xLSTM: extended long short-term memory, NeurIPS 2024, arXiv:2405.04517,
equations 8 to 17 (the cell) and 36 to 43 (the stabiliser).
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import exp, log_sigmoid, maximum, sigmoid, tanh
from glasscell.errors import CellError

__all__ = ["SLSTM"]


class SLSTM(Cell):
    """The sLSTM cell of xLSTM.

    ::

        i_t = exp(W_i x_t + R_i h_{t-1} + b_i)                input gate
        f_t = σ(W_f x_t + R_f h_{t-1} + b_f), or exp          forget gate
        z_t = tanh(W_z x_t + R_z h_{t-1} + b_z)               candidate
        o_t = σ(W_o x_t + R_o h_{t-1} + b_o)                  output gate
        c_t = f_t * c_{t-1} + i_t * z_t                       cell state
        n_t = f_t * n_{t-1} + i_t                             normaliser
        h_t = o_t * c_t / n_t                                 hidden state

    The exponentials would overflow. So c and n are kept divided by e^{m_t}, which leaves their
    quotient as it is, with ``m_t = max(log f_t + m_{t-1}, log i_t)`` and in place of the gates
    ``exp(log i_t - m_t)`` and ``exp(log f_t + m_{t-1} - m_t)``, neither of them above 1. m starts
    so low that the first step has m_1 = log i_1.

    Args:
        forget: "sigmoid" (default) or "exp", both of the paper.

    >>> SLSTM().quantities
    ('input', 'forget', 'candidate', 'output', 'cell', 'normaliser', 'stabiliser')
    """

    gates = {"i": "input", "f": "forget", "z": "candidate", "o": "output"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell", "n": "normaliser", "m": "stabiliser"}  # noqa: RUF012
    initial = {"m": -1e30}  # noqa: RUF012

    def __init__(self, forget: str = "sigmoid") -> None:
        if forget not in ("sigmoid", "exp"):
            raise CellError(f"forget: expected sigmoid or exp, got {forget!r}")
        self.forget = forget

    def step(self, a: Any, h: Any, c: Any, n: Any, m: Any) -> Any:
        """Say one step."""
        log_f = m + (log_sigmoid(a.f) if self.forget == "sigmoid" else a.f)
        m = maximum(log_f, a.i)
        i, f = exp(a.i - m), exp(log_f - m)
        z, o = tanh(a.z), sigmoid(a.o)
        c = f * c + i * z
        n = f * n + i
        return o * c / n, c, n, m

    def __repr__(self) -> str:
        return "SLSTM()" if self.forget == "sigmoid" else f"SLSTM(forget={self.forget!r})"
