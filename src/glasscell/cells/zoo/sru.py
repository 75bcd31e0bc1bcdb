"""SRU: the simple recurrent unit, whose gates see the cell through one weight a unit.

Source: T. Lei et al., Simple recurrent units for highly parallelizable recurrence, EMNLP 2018,
arXiv:1709.02755, equations 1 to 4.
"""

from __future__ import annotations

from typing import Any

from glasscell.cells.definition import Cell
from glasscell.cells.symbols import sigmoid

__all__ = ["SRU"]


class SRU(Cell):
    """The simple recurrent unit.

    ::

        f_t = σ(W_f x_t + v_f * c_{t-1} + b_f)                  forget gate
        r_t = σ(W_r x_t + v_r * c_{t-1} + b_r)                  reset gate
        c_t = f_t * c_{t-1} + (1 - f_t) * (W_g x_t + b_g)       cell state
        h_t = r_t * c_t + (1 - r_t) * (W_s x_t + b_s)           hidden state

    W_s x_t stands for the paper's x_t, which has I features where h has H; with I = H and W_s the
    unit matrix it is the paper's. b_g and b_s, which the paper does not have, may be 0.

    >>> SRU().quantities, SRU().belt
    (('forget', 'reset', 'candidate', 'skip', 'cell'), ('c',))
    """

    gates = {"f": "forget", "r": "reset", "g": "candidate", "s": "skip"}  # noqa: RUF012
    states = {"h": "hidden", "c": "cell"}  # noqa: RUF012
    vectors = {"v_f": "cell to forget gate", "v_r": "cell to reset gate"}  # noqa: RUF012
    recurrent = None

    def step(self, a: Any, h: Any, c: Any) -> Any:
        """Say one step; h is of no use to it."""
        f, r = sigmoid(a.f + self.v_f * c), sigmoid(a.r + self.v_r * c)
        g, s = a.g, a.s
        c = f * c + (1 - f) * g
        return r * c + (1 - r) * s, c
