"""MGU: the minimal gated unit, a GRU whose two gates are one.

Source: G.-B. Zhou et al., Minimal gated unit for recurrent neural networks, International Journal
of Automation and Computing 13(3), 2016, arXiv:1603.09420; the gate after the product as in cuDNN's
GRU.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import sigmoid, tanh

__all__ = ["MGU"]


class MGU(Cell):
    """The minimal gated unit, with its gate after the product.

    ::

        f_t = σ(W_f x_t + R_f h_{t-1} + b_f)                            forget gate
        n_t = tanh(W_n x_t + b_in + f_t * (R_n h_{t-1} + b_hn))         candidate
        h_t = (1 - f_t) * h_{t-1} + f_t * n_t                           hidden state

    The paper has R_n (f_t * h_{t-1}), a product that waits for the gate, twice the latency of a
    step; this is the form that torch's GRU has, whose product does not wait. Weights of the one do
    not fit the other.

    >>> MGU().program.reads
    (1, 1, 1)
    """

    gates = {"f": "forget", "n": "candidate"}  # noqa: RUF012

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        f = sigmoid(a.f)
        n = tanh(a.n.x + f * a.n.h)
        return (1 - f) * h + f * n
