"""EA-LSTM: the entity-aware LSTM of hydrology, whose input gate reads what does not change.

Source: F. Kratzert et al., Towards learning universal, regional, and local hydrological behaviors
via machine learning applied to large-sample datasets, HESS 23, 2019, arXiv:1907.08456, equations 7
to 12.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import sigmoid, tanh

__all__ = ["EALSTM"]


class EALSTM(Cell):
    """The entity-aware LSTM.

    ::

        i_t = σ(W_i x_t + b_i)                          input gate: of the static features
        f_t = σ(W_f x_t + R_f h_{t-1} + b_f)            forget gate
        g_t = tanh(W_g x_t + R_g h_{t-1} + b_g)         candidate
        o_t = σ(W_o x_t + R_o h_{t-1} + b_o)            output gate
        c_t = f_t * c_{t-1} + i_t * g_t                 cell state
        h_t = o_t * tanh(c_t)                           hidden state

    x_t is both kinds of features side by side, the static ones alike at every step. The paper's W_i
    is 0 on the dynamic ones and its other matrices on the static ones: hold them there by a
    parametrization of ``weight_ih_l0`` (docs/cells.md has one). R_i is not read.

    >>> EALSTM().program.reads
    (1, 3, 0)
    """

    gates = {"i": "input", "f": "forget", "g": "candidate", "o": "output"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell"}  # noqa: RUF012

    def step(self, a: Any, h: Any, c: Any) -> Any:
        """Say one step."""
        i, f, g, o = sigmoid(a.i.x), sigmoid(a.f), tanh(a.g), sigmoid(a.o)
        c = f * c + i * g
        return o * tanh(c), c
