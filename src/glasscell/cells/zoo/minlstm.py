"""minLSTM: an LSTM whose gates do not look at the hidden state.

Source: L. Feng et al., Were RNNs all we needed?, arXiv:2410.01201, section 3.2.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import sigmoid

__all__ = ["MinLSTM"]


class MinLSTM(Cell):
    """The minLSTM, in the form that does not depend on the length of the sequence.

    ::

        f_t = σ(W_f x_t + b_f)                                      forget gate
        i_t = σ(W_i x_t + b_i)                                      input gate
        g_t = W_g x_t + b_g                                         candidate
        h_t = (f_t * h_{t-1} + i_t * g_t) / (f_t + i_t)             hidden state

    >>> MinLSTM().belt
    ('h',)
    """

    gates = {"f": "forget", "i": "input", "g": "candidate"}  # noqa: RUF012
    recurrent = None

    def step(self, a: Any, h: Any) -> Any:
        """Say one step."""
        f, i, g = sigmoid(a.f), sigmoid(a.i), a.g
        return (f * h + i * g) / (f + i)
